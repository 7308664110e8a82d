import Diagnostics
import Kernel

enum ConsoleSocket {
    /// A connection to the socket at `path`, to which the init sends its terminal's master.
    ///
    /// Source: runc's terminal handling; conmon and containerd's shim listen there.
    static func connect(_ path: Path, option: String = "--console-socket", operation: String = "connect to socket") throws(OperationError) -> FileDescriptor {
        func failed(_ errno: Errno) -> OperationError {
            OperationError(operation, path.text, .errno(errno), hint: "\(option) names a unix socket on which the caller listens")
        }
        do throws(Errno) {
            let socket = try FileDescriptor.unixSocket()
            try socket.setTimeouts(milliseconds: 5000)
            // a socket address has 107 bytes for a path; the directory's descriptor makes any path short enough
            let target = try FileDescriptor.open(path, .path)
            guard try target.status().kind == .socket else { throw Errno.connectionRefused }
            try socket.connect(to: Path("/proc/self/fd/\(target.raw)"))
            return socket
        } catch {
            throw failed(error)
        }
    }
}
