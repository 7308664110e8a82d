import CLI
import Diagnostics

extension Cale {
    /// `cale state`: answers the exit status.
    static func state(_ invocation: Invocation) throws(OperationError) -> Int32 {
        throw OperationError("state", "", .unsupported("this command"))
    }
}
