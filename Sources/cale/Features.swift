import CLI
import Diagnostics

extension Cale {
    /// `cale features`: answers the exit status.
    static func features(_ invocation: Invocation) throws(OperationError) -> Int32 {
        throw OperationError("features", "", .unsupported("this command"))
    }
}
