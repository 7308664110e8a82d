// The way from options to a plan, without any effect on the host.
import Cgroups
import ContainerInit
import Diagnostics
import Kernel
import OCISpec
import Seccomp

/// A bundle and the plan that was made from it.
struct Preparation {
    let bundle: Bundle
    let plan: ContainerPlan

    /// - Parameter compile: makes a filter of a seccomp profile.
    package init(
        _ options: CreateOptions, waitsForStart: Bool, handles: inout HandleTable, compile: (LinuxSeccomp) throws(OperationError) -> SeccompProgram
    ) throws(OperationError) {
        bundle = try Bundle(options.bundle, config: options.config)
        var config = bundle.config
        if let sockets = options.activatedSockets { config.hand(on: sockets) }
        let notifyDirectory = options.notifies ? options.notifyDirectory : nil
        if let notifyDirectory { config.offerNotifySocket(in: notifyDirectory) }
        let linux = config.linux ?? Linux()
        var setup = try CgroupSetup.current()
        if let tolerates = options.toleratesMissingCgroups { setup.isRootless = tolerates }
        let uid = effectiveUserID()
        let cgroup = try Self.planCgroup(config, options, setup: setup)
        var context = PlanContext(
            id: options.id, bundle: bundle.path, isPrivileged: uid == 0, uid: uid, gid: effectiveGroupID(), cgroup: cgroup,
            grantableCapabilities: try ownCapabilities(),
            // it is made later
            kindOfFile: { $0 == notifyDirectory ? .success(.directory) : Self.kindOfFile($0) })
        context.isInUserNamespace = isInNestedUserNamespace()
        context.usesPivot = options.usesPivot
        context.makesKeyring = options.makesKeyring
        context.preservedDescriptors = options.preservedDescriptors
        context.waitsForStart = waitsForStart
        let joined = linux.namespaces.enumerated().compactMap { index, namespace in
            namespace.path.map { JoinedNamespace(kind: namespace.type.kind, path: $0, field: "linux.namespaces[\(index)]") }
        }
        if linux.intelRdt != nil { context.resctrl = try Resctrl.host() }
        if linux.mountLabel != nil { context.isSELinuxActive = Self.isSELinuxActive() }
        context.hostNamespaces = try Handles.openNamespaces(joined, into: &handles)
        if let profile = linux.seccomp {
            context.seccomp = try compile(profile)
        }
        if let process = config.process, lacksHome(process.env) {
            context.home = homeDirectory(of: process.user.uid, rootfs: Path(config.root.path).relative(to: bundle.path))
        }
        var plan = try ContainerPlan(config, context: context)
        plan.warnings = config.warnings() + cgroup.warnings + plan.warnings
        self.plan = plan
    }

    private static func kindOfFile(_ path: Path) -> Result<FileKind, Errno> {
        do throws(Errno) { return .success(try fileStatus(path).kind) } catch { return .failure(error) }
    }

    /// Source: selinux(8): with SELinux on, its file system is there.
    private static func isSELinuxActive() -> Bool {
        do throws(Errno) {
            return try FileDescriptor.open("/sys/fs/selinux", [.path, .directory]).filesystemType() == .selinux
        } catch {
            return false
        }
    }

    private static func planCgroup(_ config: RuntimeConfig, _ options: CreateOptions, setup: CgroupSetup) throws(OperationError) -> CgroupPlan {
        if !options.usesCgroups { return CgroupPlan(directories: []) }
        let linux = config.linux ?? Linux()
        let request = options.usesSystemd
            ? try SystemdRequest.current(isUser: options.toleratesMissingCgroups, annotations: config.annotations) : nil
        var plan = try Cgroups.planCgroup(
            path: linux.cgroupsPath, id: options.id.text, resources: linux.resources ?? LinuxResources(), setup: setup,
            owner: config.cgroupOwner(caller: effectiveUserID()), systemd: request)
        // A user without a session has no systemd: that matters when there are limits.
        if let request, request.isUser, !plan.limitsAnything, (try? fileStatus(Path(request.bus.path))) == nil {  // nil says it all
            plan = CgroupPlan(directories: [])
            plan.warnings.append("there is no bus of this user at \(quoted(request.bus.path)) to ask for a cgroup, ignoring")
        }
        return plan
    }
}

/// The capabilities that this process has and can give on.
func ownCapabilities() throws(OperationError) -> UInt64 {
    do throws(Errno) { return try capabilities().permitted } catch { throw OperationError("read", "own capabilities", .errno(error)) }
}
