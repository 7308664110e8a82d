import CLI
import ContainerRuntime
import Criu
import Diagnostics
import Kernel

extension Cale {
    /// `cale restore`: answers the exit status of the container's program, or 0 when detached.
    static func restore(_ invocation: Invocation) throws(OperationError) -> Int32 {
        let settings = try Settings(invocation)
        let values = invocation.options
        let creation = try bundleOptions(invocation, settings)
        let result: RunResult
        do throws(OperationError) {
            var options = RestoreOptions(creation: creation, criu: try criuSettings(invocation, settings))
            options.criu.options.tcpClose = values.isSet("tcp-close")
            options.criu.options.lsmProfile = values.value("lsm-profile").flatMap { $0.isEmpty ? nil : $0 }
            options.criu.options.lsmMountContext = values.value("lsm-mount-context").flatMap { $0.isEmpty ? nil : $0 }
            options.creation.notifies = settings.supervisor() != nil
            options.detaches = values.isSet("detach")
            options.adoptsOrphans = !values.isSet("no-subreaper")
            // the caller's descriptors are not for criu, and not for the container
            closeDescriptors(from: 3, through: .max)
            try SealedExecutable.ensure(arguments: programArguments())
            result = try restoreContainer(options, warn: settings.log.warn)
        } catch {
            throw error.within("restore \(quoted(creation.id.text))")
        }
        switch result {
        case .detached: return 0
        case .ended(let status): return status
        }
    }
}
