import CLI
import Diagnostics

extension Cale {
    /// `cale run`: answers the exit status.
    static func run(_ invocation: Invocation) throws(OperationError) -> Int32 {
        throw OperationError("run", "", .unsupported("this command"))
    }
}
