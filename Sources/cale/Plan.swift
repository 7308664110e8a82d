import CLI
import ContainerRuntime
import Diagnostics
import Kernel

extension Cale {
    /// `cale plan`: answers the exit status.
    static func plan(_ invocation: Invocation) throws(OperationError) -> Int32 {
        let settings = try Settings(invocation)
        var options = CreateOptions(
            id: try ContainerID("plan"), stateRoot: settings.stateRoot, bundle: Path(invocation.options.value("bundle") ?? "."))
        options.config = invocation.options.value("config").map { Path($0) }
        options.usesSystemd = settings.usesSystemd
        options.usesCgroups = settings.usesCgroups
        options.toleratesMissingCgroups = settings.isRootless
        let plan = try planContainer(options)
        try printOutput(invocation.options.value("format") == "json" ? plan.json + "\n" : plan.text)
        return 0
    }
}
