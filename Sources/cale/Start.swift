import CLI
import Diagnostics

extension Cale {
    /// `cale start`: answers the exit status.
    static func start(_ invocation: Invocation) throws(OperationError) -> Int32 {
        throw OperationError("start", "", .unsupported("this command"))
    }
}
