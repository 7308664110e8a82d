import Cgroups
package import Diagnostics
import Kernel
package import OCISpec

extension Container {
    /// Gives a container that has not stopped new limits.
    ///
    /// What `update` does not name stays as it is; device rules always do. All that can be known to be wrong is refused before
    /// the first write, and after a refusal of the kernel the old limits are in force again. Later updates and `exec` see the
    /// new limits.
    /// - Parameters:
    ///   - schemata: what else the container's class of service in resctrl may use.
    ///   - warn: gets what was asked for and is not carried out, which the specification allows.
    /// - Throws: `.invalid("container not running …")`; `.invalid` and `.unsupported` with the JSON path of a limit; the
    ///   kernel's errno with it.
    /// Source: config-linux.md "Control groups" (RT-config-linux-061 to RT-config-linux-122).
    package borrowing func update(_ update: LinuxResources, schemata: LinuxIntelRdt? = nil, warn: (String) -> Void) throws(OperationError) {
        let status = try status()
        guard status == .created || status == .running || status == .paused else {
            throw OperationError("update container", state.id, .invalid("container not running (it is \(status.rawValue))"))
        }
        do throws(OperationError) {
            guard let schemata else { return try apply(update, warn: warn) }
            let change = try self.change(schemata, warn: warn)
            do throws(OperationError) { try apply(update, warn: warn) } catch {
                undo(change)
                throw error
            }
        } catch {
            throw error.within("update \(quoted(state.id))")
        }
    }

    private borrowing func apply(_ update: LinuxResources, warn: (String) -> Void) throws(OperationError) {
        let config = try directory.storedConfiguration()
        let present = config.linux?.resources ?? LinuxResources()
        if let devices = update.devices, devices != present.devices ?? [] {
            warn("linux.resources.devices: the device rules of a container are not changed by an update, ignoring")
        }
        let limits = present.updated(by: update)
        let text = limits.text
        do throws(OperationError) {
            // old and new limits together must make sense too
            _ = try LinuxResources.parse(Array(text.utf8), source: "the present limits with the new ones")
        } catch {
            throw OperationError("change", "limits", error.cause, field: error.field.map { "linux.resources." + $0 })
        }
        let plan = try planCgroupUpdate(
            directories: state.cgroupDirectories, resources: update.completed(from: present), setup: try CgroupSetup.current())
        for warning in plan.warnings { warn(warning) }
        try Cgroup.apply(plan)
        // systemd writes the files again when it likes: it must know the new limits
        try state.unit?.tell(plan)
        try directory.store(limits)
    }
}
