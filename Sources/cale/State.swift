import CLI
import ContainerRuntime
import Diagnostics
import JSON
import Kernel

extension Cale {
    /// `cale state`: answers the exit status.
    static func state(_ invocation: Invocation) throws(OperationError) -> Int32 {
        let settings = try Settings(invocation)
        let id = try ContainerID(invocation.positionals[0])
        let container = try Container.open(id, in: try settings.openRoot(for: id.text))
        var writer = JSONWriter(indentation: 2)
        container.state.writeDescription(try container.status(), to: &writer)
        try printOutput(writer.text + "\n")
        return 0
    }
}
