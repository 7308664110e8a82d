// The gate at which a created container waits for `start`: one fifo on which `start` rings, and one on which it hears what kept the program
// from running. Fifos, not a socket: a socket would tell a process that `exec` has put beside the init who rings (SO_PEERPIDFD).
import ContainerInit
package import Diagnostics
import Kernel

extension StateDirectory {
    private static var gateName: Path { "gate" }
    private static var outcomeName: Path { "outcome" }

    /// Makes the gate; the init's ends go into `handles`. The init has both directions of either, so that it never finds an end closed.
    borrowing func makeGate(_ handles: inout HandleTable) throws(OperationError) {
        do throws(Errno) {
            for (name, end) in [(Self.gateName, HandleName.gate), (Self.outcomeName, .outcome)] {
                try handle.makeNode(name, mode: 0o010600)  // S_IFIFO
                handles.insert(try handle.open(name, [.readWrite, .noFollow]), as: end)
            }
        } catch {
            throw OperationError("make start gate", path(of: Self.gateName).text, .errno(error))
        }
    }

    /// Rings, and waits until the init, of which `process` is a handle, has executed the program. The container is not locked meanwhile: a hook of
    /// it may take its time, and whoever keeps a copy of the init's end would keep `kill` and `delete` away.
    ///
    /// - Returns: the bytes of a `Report` of what kept it from that, or none; in front of them `Report.hooksPassed` when there were hooks.
    /// - Throws: `ENXIO` when the init is gone, `ESTALE` when another command has deleted the container meanwhile.
    borrowing func ring(for process: borrowing FileDescriptor?) throws(Errno) -> [UInt8] {
        try ignoreBrokenPipes()
        let outcome = try handle.open(Self.outcomeName, [.readOnly, .noFollow, .nonBlocking])
        let bell = try handle.open(Self.gateName, [.writeOnly, .noFollow, .nonBlocking])
        try bell.write([1])
        try handle.remove(Self.gateName)
        try handle.remove(Self.outcomeName)
        try handle.unlock()
        let bytes = try awaitOutcome(outcome, process)
        try handle.lock()
        do throws(Errno) { _ = try handle.status(of: Self.stateName) } catch where error == .noEntry { throw .stale }
        return bytes
    }

    private borrowing func awaitOutcome(_ outcome: borrowing FileDescriptor, _ process: borrowing FileDescriptor?) throws(Errno) -> [UInt8] {
        var bytes: [UInt8] = []
        while true {
            let isOver = try firstReadable(outcome, process, nil) != 0
            do throws(Errno) {
                // the init closes its end when it executes the program
                let part = try outcome.read(atMost: 9 + Report.detailLimit)
                bytes += part
                if part.isEmpty || bytes != [Report.hooksPassed] { return bytes }
            } catch where error == .tryAgain {
                if isOver { return bytes }
            }
        }
    }

    /// Whether the init still waits for `start`: it does when it reads from its fifo, whose name a killed `start` may have left.
    package borrowing func hasGate() throws(OperationError) -> Bool {
        do throws(Errno) {
            _ = try handle.open(Self.gateName, [.writeOnly, .noFollow, .nonBlocking])
            return true
        } catch where error == .noEntry || error == .noDeviceOrAddress {
            return false
        } catch {
            throw OperationError("look at start gate", path(of: Self.gateName).text, .errno(error))
        }
    }
}
