import CLI
import ContainerRuntime
import Diagnostics

extension Cale {
    /// `cale start`: answers the exit status.
    static func start(_ invocation: Invocation) throws(OperationError) -> Int32 {
        let settings = try Settings(invocation)
        let id = try ContainerID(invocation.positionals[0])
        do throws(OperationError) {
            try Container.open(id, in: try settings.openRoot(for: id.text)).start()
        } catch {
            throw error.within("start \(quoted(id.text))")
        }
        return 0
    }
}
