import CLI
import ContainerRuntime
import Diagnostics
import Kernel

extension Cale {
    /// `cale restore`: answers the exit status of the container's program, or 0 when detached.
    static func restore(_ invocation: Invocation) throws(OperationError) -> Int32 {
        let settings = try Settings(invocation)
        let values = invocation.options
        let id = try ContainerID(invocation.positionals[0])
        var creation = CreateOptions(id: id, stateRoot: settings.stateRoot, bundle: Path(values.value("bundle") ?? "."))
        creation.config = values.value("config").map { Path($0) }
        creation.pidFile = values.value("pid-file").map { Path($0) }
        creation.consoleSocket = values.value("console-socket").map { Path($0) }
        creation.usesPivot = !values.isSet("no-pivot")
        creation.usesSystemd = settings.usesSystemd
        creation.usesCgroups = settings.usesCgroups
        creation.toleratesMissingCgroups = settings.isRootless
        let result: RunResult
        do throws(OperationError) {
            var options = RestoreOptions(creation: creation, criu: try criuSettings(invocation, settings))
            options.tcpClose = values.isSet("tcp-close")
            options.lsmProfile = values.value("lsm-profile").flatMap { $0.isEmpty ? nil : $0 }
            options.lsmMountContext = values.value("lsm-mount-context").flatMap { $0.isEmpty ? nil : $0 }
            options.detaches = values.isSet("detach")
            options.adoptsOrphans = !values.isSet("no-subreaper")
            // the caller's descriptors are not for criu, and not for the container
            closeDescriptors(from: 3, through: .max)
            try SealedExecutable.ensure(arguments: programArguments())
            result = try restoreContainer(options, warn: settings.log.warn)
        } catch {
            throw error.within("restore \(quoted(id.text))")
        }
        switch result {
        case .detached: return 0
        case .ended(let status): return status
        }
    }
}
