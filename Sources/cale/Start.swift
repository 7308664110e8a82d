import CLI
import ContainerRuntime
import Diagnostics

extension Cale {
    /// `cale start`: answers the exit status.
    static func start(_ invocation: Invocation) throws(OperationError) -> Int32 {
        let settings = try Settings(invocation)
        let id = try ContainerID(invocation.positionals[0])
        do throws(OperationError) {
            // the container is let go before the wait: others may look at it, kill it, delete it
            let notifications = try Container.open(id, in: try settings.openRoot(for: id.text)).start(for: settings.supervisor())
            if let notifications { try notifications.awaitReady() }
        } catch {
            throw error.within("start \(quoted(id.text))")
        }
        return 0
    }
}
