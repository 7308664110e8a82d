import CLI
import Diagnostics

extension Cale {
    /// `cale delete`: answers the exit status.
    static func delete(_ invocation: Invocation) throws(OperationError) -> Int32 {
        throw OperationError("delete", "", .unsupported("this command"))
    }
}
