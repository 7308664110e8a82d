import CLI
import ContainerRuntime
import Diagnostics
import Kernel

extension Cale {
    /// `cale run`: answers the exit status of the container's program, or 0 when detached.
    static func run(_ invocation: Invocation) throws(OperationError) -> Int32 {
        let settings = try Settings(invocation)
        var options = try creationOptions(invocation, settings)
        try SealedExecutable.ensure(arguments: programArguments())
        let manager = settings.supervisor()
        options.notifies = manager != nil
        let result: RunResult
        do throws(OperationError) {
            result = try runContainer(
                options, detach: invocation.options.isSet("detach"), keep: invocation.options.isSet("keep"),
                subreaper: !invocation.options.isSet("no-subreaper"), for: manager, warn: settings.log.warn)
        } catch {
            throw error.within("run \(quoted(options.id.text))")
        }
        switch result {
        case .detached: return 0
        case .ended(let status): return status
        }
    }
}
