import CLI
import Diagnostics

extension Cale {
    /// `cale create`: answers the exit status.
    static func create(_ invocation: Invocation) throws(OperationError) -> Int32 {
        throw OperationError("create", "", .unsupported("this command"))
    }
}
