// The last steps: the program is found, the gate is waited at, the program takes over.
import Diagnostics
import Kernel

extension Executor {
    /// Looks `name` up as execvp(3) does and checks that this user may execute it.
    ///
    /// - Throws: `ENOENT` when no directory has it, `EACCES` when one has it but not executable.
    mutating func findProgram(_ name: String, searchPath: [String]) throws(Errno) {
        if name.utf8.contains(UInt8(ascii: "/")) {
            let path = Path(name)
            try checkExecutable(path)
            program = path
            return
        }
        var best = Errno.noEntry
        for directory in searchPath {
            let path = Path(directory.isEmpty ? "." : directory).appending(name)
            do throws(Errno) {
                try checkExecutable(path)
                program = path
                return
            } catch where error == .accessDenied {
                best = error
            } catch where error == .noEntry || error == .notDirectory || error == .tooManyLinks || error == .nameTooLong {}
        }
        throw best
    }

    private func checkExecutable(_ path: Path) throws(Errno) {
        if try fileStatus(path).kind == .directory { throw .accessDenied }
        try mayAccess(path, mode: 1)
    }

    /// Blocks until `cale start` rings; it is told what fails from here on.
    ///
    /// Whatever can fail on the container's account stands before this step, so that `create` reports it. Only
    /// startContainer hooks, the seccomp filter, closing descriptors and execve(2) follow.
    /// Source: runtime.md "Create" (RT-runtime-043: `process.args` is not applied before `start`).
    mutating func awaitStart() throws(Errno) {
        handles.close(.answers)
        handles.close(.reports)
        _ = try handles.with(.gate) { (gate) throws(Errno) in try gate.read(atMost: 1) }
        handles.close(.gate)
    }

    /// sendmsg(2) and write(2) come before an agent has the listener: profiles that hand these to it are refused.
    mutating func handOverListener() throws(Errno) {
        guard let listener = handles.take(.listener), let socket = handles.take(.listenerSocket) else { throw .badDescriptor }
        try socket.send([0], passing: listener)
        try synchronize(.seccompListener)
    }

    /// Directories of the host must be closed, not only close-on-exec, when execve(2) walks the program's path:
    /// /proc/self/fd/N of the path would lead through them (CVE-2024-21626).
    mutating func execute(preserving preserved: Int32) throws(Errno) {
        handles.closeAll(except: [.reports, .outcome])
        for number in 3..<(3 + preserved) where isOpen(descriptor: number) { try setSurvivesExecution(number) }
        guard let program else { throw .noEntry }
        try unblockAllSignals()
        try restoreDefaultSignals()
        do throws(Errno) {
            try Kernel.execute(program, arguments: arguments, environment: environment)
        } catch {
            try blockAllSignals()
            throw error
        }
    }
}
