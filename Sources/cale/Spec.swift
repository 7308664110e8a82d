import CLI
import Diagnostics

extension Cale {
    /// `cale spec`: answers the exit status.
    static func spec(_ invocation: Invocation) throws(OperationError) -> Int32 {
        throw OperationError("spec", "", .unsupported("this command"))
    }
}
