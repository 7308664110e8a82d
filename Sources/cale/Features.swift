import CLI
import ContainerRuntime
import Diagnostics
import OCISpec

extension Cale {
    /// `cale features`: answers the exit status.
    static func features(_ invocation: Invocation) throws(OperationError) -> Int32 {
        try printOutput(runtimeFeatures(version: BuildInformation.version, commit: BuildInformation.commit).text() + "\n")
        return 0
    }
}
