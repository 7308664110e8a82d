package import Diagnostics

/// How a program that cannot be executed is told from other failures, for exit statuses as a shell has them.
package enum ExecStatus {
    /// The operation of such an error.
    package static var operation: String { "execute" }

    /// Whether the program is not there, rather than there and not executable.
    package static func isMissing(_ error: OperationError) -> Bool {
        switch error.cause {
        case .errno(let errno): errno == .noEntry
        case .invalid(let why): why.hasSuffix("(ENOENT)")
        case .unsupported: false
        }
    }
}
