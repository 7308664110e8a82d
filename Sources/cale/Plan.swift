import CLI
import Diagnostics

extension Cale {
    /// `cale plan`: answers the exit status.
    static func plan(_ invocation: Invocation) throws(OperationError) -> Int32 {
        throw OperationError("plan", "", .unsupported("this command"))
    }
}
