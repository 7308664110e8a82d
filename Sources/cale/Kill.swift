import CLI
import Diagnostics

extension Cale {
    /// `cale kill`: answers the exit status.
    static func kill(_ invocation: Invocation) throws(OperationError) -> Int32 {
        throw OperationError("kill", "", .unsupported("this command"))
    }
}
