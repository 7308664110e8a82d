package import Diagnostics
import Kernel

/// What a program of the host has printed, and how it ended.
package struct ProgramOutput: Equatable, Sendable {
    /// 0…255, or 128 + the signal's number.
    package let status: Int32
    /// stdout and stderr, as they came.
    package let text: String

    /// The most that is read; a program that prints more is killed.
    private static var limit: Int { 64 << 20 }

    /// Runs `program`, found in $PATH, with the caller's environment and stdin.
    ///
    /// - Parameter hint: what to do when there is no such program.
    /// - Throws: `.errno(ENOENT)` when it is not found; what pipe(2), clone3(2) and read(2) throw.
    package static func of(_ program: String, _ arguments: [String], hint: String) throws(OperationError) -> ProgramOutput {
        let path = try find(program, hint: hint)
        do throws(Errno) {
            let argv = StringVector([program] + arguments)
            let envp = StringVector(environment())
            let pipe = try FileDescriptor.pipe()
            switch try clone([]) {
            case .child:
                become(path, argv, envp, output: pipe.writing)
                exitNow(127)
            case .parent(let child): return try collect(pipe.intoReading(), from: child)
            }
        } catch {
            throw OperationError("run", program, .errno(error))
        }
    }

    /// Where $PATH leads for `program`.
    /// - Throws: `ENOENT` with `hint`.
    static func find(_ program: String, hint: String) throws(OperationError) -> Path {
        guard let path = findProgram(program) else { throw OperationError("run", program, .errno(.noEntry), hint: hint) }
        return path
    }

    private static func become(_ path: Path, _ argv: borrowing StringVector, _ envp: borrowing StringVector, output: borrowing FileDescriptor) {
        do throws(Errno) {
            try output.duplicate(onto: 1)
            try output.duplicate(onto: 2)
            try execute(path, arguments: argv, environment: envp)
        } catch {
            // no more than this can be said here; the status is 127
            do throws(Errno) { try output.write(error.name) } catch {}
        }
    }

    private static func collect(_ output: consuming FileDescriptor, from child: Int32) throws(Errno) -> ProgramOutput {
        let bytes: [UInt8]
        do throws(Errno) {
            bytes = try output.readAll(limit: limit)
        } catch {
            do throws(Errno) { try sendSignal(9, to: child) } catch {}  // it has ended by itself
            _ = try waitForChild(child)
            throw error
        }
        guard case .ended(_, let status) = try waitForChild(child) else { throw .noChild }
        return ProgramOutput(status: status, text: String(decoding: bytes, as: UTF8.self))
    }
}
