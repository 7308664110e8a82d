import CLI
import ContainerRuntime
import Diagnostics

extension Cale {
    /// `cale pause`: answers the exit status.
    static func pause(_ invocation: Invocation) throws(OperationError) -> Int32 {
        let settings = try Settings(invocation)
        let id = try ContainerID(invocation.positionals[0])
        try Container.open(id, in: try settings.openRoot(for: id.text)).pause()
        return 0
    }

    /// `cale resume`: answers the exit status.
    static func resume(_ invocation: Invocation) throws(OperationError) -> Int32 {
        let settings = try Settings(invocation)
        let id = try ContainerID(invocation.positionals[0])
        try Container.open(id, in: try settings.openRoot(for: id.text)).resume()
        return 0
    }
}
