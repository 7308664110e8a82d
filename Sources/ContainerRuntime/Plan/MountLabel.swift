// `linux.mountLabel`: the SELinux context of the files of every file system that is mounted for the container.
import ContainerInit
import Diagnostics
import OCISpec

extension ContainerPlan {
    /// A label that nobody would apply is refused: the kernel itself refuses the option without SELinux.
    /// Source: config-linux.md "Mount Label" (RT-config-linux-197).
    func refuseLabelWithoutSELinux(_ linux: Linux, context: PlanContext) throws(OperationError) {
        guard linux.mountLabel != nil, !context.isSELinuxActive else { return }
        throw OperationError(
            "read", "config.json", .unsupported("a label for mounts without SELinux"), field: "linux.mountLabel",
            hint: "remove it, or boot the host with SELinux")
    }

    /// Gives the label to a new file system of `type`, by the option `context`, which is "context" or a sibling, or, where that is refused (mqueue), by the
    /// attribute of its root, as runc and crun do.
    ///
    /// proc and sysfs take neither: the policy labels their files. A mount with a context of its own keeps it.
    static func label(_ step: inout MountStep, type: String, source: String, options: [String], _ label: String, as context: String) {
        let contexts = ["context=", "fscontext=", "defcontext=", "rootcontext="]
        if type == "proc" || type == "sysfs" || options.contains(where: { option in contexts.contains { option.hasPrefix($0) } }) { return }
        if type == "mqueue" {
            step.label = label
        } else {
            step.source = .new(type: type, source: source, options: options + [context + "=" + label])
        }
    }
}
