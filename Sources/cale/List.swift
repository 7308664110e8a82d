import CLI
import Diagnostics

extension Cale {
    /// `cale list`: answers the exit status.
    static func list(_ invocation: Invocation) throws(OperationError) -> Int32 {
        throw OperationError("list", "", .unsupported("this command"))
    }
}
