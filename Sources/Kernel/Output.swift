import CKernel
package import Diagnostics

/// The streams that a program is born with and writes to. Not a `FileDescriptor`: nobody here owns or closes them.
package enum StandardStream: Int32, Sendable {
    case output = 1
    case error = 2

    /// "stdout", "stderr".
    package var name: String { self == .output ? "stdout" : "stderr" }

    /// Whether the stream is a terminal.
    package var isTerminal: Bool { kernel_is_terminal(rawValue) != 0 }

    /// The columns of the terminal; nil when the stream is none, or when the terminal does not know.
    package var terminalColumns: Int? {
        var window = kernel_window()
        guard unsafe kernel_get_window(rawValue, &window) == 0, window.columns > 0 else { return nil }
        return Int(window.columns)
    }

    /// Writes all of `text`.
    ///
    /// - Throws: any errno of write(2): `EPIPE` when the reader is gone and SIGPIPE is ignored, `EBADF` when the caller
    ///   closed the stream, `ENOSPC` of a file.
    package func write(_ text: String) throws(Errno) {
        let bytes = Array(text.utf8)
        var done = 0
        while done < bytes.count {
            done += try checkRetrying {
                unsafe bytes.withUnsafeBytes { buffer in
                    // `bytes` is not empty here
                    unsafe kernel_write(rawValue, buffer.baseAddress.unsafelyUnwrapped + done, buffer.count - done)
                }
            }
        }
    }
}
