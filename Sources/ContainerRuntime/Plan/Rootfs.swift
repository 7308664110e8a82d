// The container's file tree: its root, mounts, devices, masks.
import Cgroups
import ContainerInit
import Diagnostics
import Kernel
import OCISpec
import UntrustedTree

extension ContainerPlan {
    mutating func planRootfs(
        _ config: RuntimeConfig, linux: Linux, process: Process, context: PlanContext
    ) throws(OperationError) {
        do throws(Errno) {
            guard try context.kindOfFile(rootfs).get() == .directory else { throw .notDirectory }
        } catch {
            throw OperationError(
                "open rootfs", rootfs.text, .errno(error), field: "root.path",
                hint: error == .noEntry ? "a relative root.path counts from the bundle" : nil)
        }
        guard isPrivate(.mount, context) else { return try planSharedTree(config, linux: linux, context: context) }

        if newNamespaces.contains(.mount) { add(.setPropagation(.slave, recursive: true)) }
        add(.attachRootfs(rootfs, recursive: true, propagation: .slave), field: "root.path")
        destinations = try config.mounts.enumerated().map { (index, mount) throws(OperationError) in
            try inRoot(mount.destination, "mounts[\(index)].destination")
        }
        for (index, mount) in config.mounts.enumerated() { try planMount(mount, index: index, linux: linux, context: context) }
        try planDevices(linux, config: config, context: context)
        let directory = try InRootPath(process.cwd)
        if !directory.isRoot { add(.makeWorkingDirectory(directory), field: "process.cwd") }
        planHooks(context)
        // before /proc/sys is read-only: without a procfs of its own the init writes through the container's
        try planSysctls(linux)
        try planMasks(linux)
        if process.terminal {
            let size = process.consoleSize.map { WindowSize(rows: UInt16(clamping: $0.height), columns: UInt16(clamping: $0.width)) }
            add(.setTerminal(TerminalStep(size: size, mountsConsole: true, uid: process.user.uid)), field: "process.terminal")
            add(.controlTerminal, field: "process.terminal")
        }
        steps += sealedMounts
        if config.root.readonly { add(.makeRootReadOnly, field: "root.readonly") }
        add(context.usesPivot ? .pivotRoot : .moveRoot, field: "root.path")
        if let propagation = linux.rootfsPropagation {
            add(.setRootPropagation(propagation.kernelValue, recursive: propagation.isRecursive), field: "linux.rootfsPropagation")
        }
    }

    /// Without a mount namespace of its own the container sees the host's mounts below its root, and nothing may be
    /// mounted: every property that would is refused by the check of unsafe steps, by its name.
    private mutating func planSharedTree(_ config: RuntimeConfig, linux: Linux, context: PlanContext) throws(OperationError) {
        func refused(_ field: String) -> OperationError {
            OperationError(
                "read", "config.json", .invalid("it needs a mount namespace of the container's own"), field: field,
                hint: "add {\"type\": \"mount\"} to linux.namespaces")
        }
        if !config.mounts.isEmpty { throw refused("mounts") }
        if !linux.maskedPaths.isEmpty { throw refused("linux.maskedPaths") }
        if !linux.readonlyPaths.isEmpty { throw refused("linux.readonlyPaths") }
        if !linux.devices.isEmpty { throw refused("linux.devices") }
        if config.root.readonly { throw refused("root.readonly") }
        if linux.rootfsPropagation != nil { throw refused("linux.rootfsPropagation") }
        if config.process?.terminal ?? false { throw refused("process.terminal") }
        add(.openRootfs(rootfs), field: "root.path")
        planHooks(context)
        add(.changeRoot, field: "root.path")
        try planSysctls(linux)
    }

    /// prestart and createRuntime run on the host while the init waits; createContainer in the container, before its
    /// root is entered. Source: config.md "POSIX-platform Hooks".
    private mutating func planHooks(_ context: PlanContext) {
        if !hooks.prestart.isEmpty || !hooks.createRuntime.isEmpty { add(.synchronize(.hostHooks), field: "hooks") }
        guard !hooks.createContainer.isEmpty else { return }
        add(.runHooks(.createContainer, innerHooks(hooks.createContainer, .creating, context)), field: "hooks.createContainer")
    }

    /// Hooks that run in the container, with a state of which the init completes the pid (RT-runtime-008). Those without `env`
    /// get `inherited`: as with runc, startContainer hooks have the environment of the program.
    func innerHooks(_ hooks: [Hook], _ status: ContainerStatus, _ context: PlanContext, inheriting inherited: [String] = []) -> [HookStep] {
        let mark = "\"pid\":"
        let bytes = Array(State(id: context.id.text, status: status, pid: 0, bundle: context.bundle.text, annotations: annotations).text().utf8)
        // ids have no quotation marks: the first one is the member
        let place = (0..<bytes.count).first { bytes[$0...].starts(with: mark.utf8) }.map { $0 + mark.utf8.count } ?? 0
        let text = String(decoding: bytes[..<place] + bytes[(place + 1)...], as: UTF8.self)
        return hooks.map { hook in
            var step = HostHooks.step(hook, inheriting: inherited, state: text)
            step.placeOfPID = place
            return step
        }
    }

    private mutating func planMasks(_ linux: Linux) throws(OperationError) {
        for (index, text) in linux.readonlyPaths.enumerated() {
            add(.makeReadOnly(try inRoot(text, "linux.readonlyPaths[\(index)]")), field: "linux.readonlyPaths[\(index)]")
        }
        var seen: Set<InRootPath> = []
        for (index, text) in linux.maskedPaths.enumerated() {
            let path = try inRoot(text, "linux.maskedPaths[\(index)]")
            if seen.insert(path).inserted { add(.maskPath(path), field: "linux.maskedPaths[\(index)]") }
        }
    }

    func inRoot(_ text: String, _ field: String) throws(OperationError) -> InRootPath {
        do throws(OperationError) { return try InRootPath(text) } catch { throw error.at(field: field) }
    }

    /// Where the default devices go, and what they are. Source: config-linux.md "Default Devices" (RT-config-linux-033).
    private static var defaultDevices: [(name: String, major: UInt32, minor: UInt32)] {
        [("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0)]
    }

    private mutating func planDevices(_ linux: Linux, config: RuntimeConfig, context: PlanContext) throws(OperationError) {
        let isHostUser = !newNamespaces.contains(.user) && !joinedNamespaces.contains { $0.kind == .user } && !context.isInUserNamespace
        let binds = !isHostUser || !context.isPrivileged
        // a bind mount of the host's /dev brings its own nodes, and ours would land on the host
        let bringsOwn = config.mounts.contains { mount in
            // a destination that is no path was refused when its mount was planned
            (try? InRootPath(mount.destination))?.text == "/dev" && MountOptions(mount.options).isBind
        }
        if !bringsOwn {
            let configured = Set(linux.devices.map({ $0.path }))
            for device in Self.defaultDevices where !configured.contains("/dev/" + device.name) {
                let name = "/dev/" + device.name
                let step = DeviceStep(
                    destination: try InRootPath(name), kind: .character, major: device.major, minor: device.minor, permissions: 0o666,
                    uid: 0, gid: 0, bindSource: binds ? Path(name) : nil)
                add(.makeDevice(step))
            }
        }
        for (index, device) in linux.devices.enumerated() {
            let field = "linux.devices[\(index)]"
            // the host's would make terminals in the host's devpts: the link below leads to the container's own, as with runc
            if binds, !bringsOwn, device.path == "/dev/ptmx", device.type != .fifo { continue }
            let step = DeviceStep(
                destination: try inRoot(device.path, field + ".path"), kind: device.type.kind, major: UInt32(clamping: device.major ?? 0),
                minor: UInt32(clamping: device.minor ?? 0), permissions: (device.fileMode ?? 0o666) & 0o7777, uid: device.uid ?? 0,
                gid: device.gid ?? 0, bindSource: binds && device.type != .fifo ? Path(device.path) : nil)
            add(.makeDevice(step), field: field)
        }
        if !bringsOwn {
            for (path, target) in [
                ("/dev/fd", "/proc/self/fd"), ("/dev/stdin", "/proc/self/fd/0"), ("/dev/stdout", "/proc/self/fd/1"),
                ("/dev/stderr", "/proc/self/fd/2"), ("/dev/ptmx", "pts/ptmx"),
            ] { add(.makeLink(try InRootPath(path), target: target)) }
        }
        if !linux.maskedPaths.isEmpty { add(.openNull(try InRootPath("/dev/null")), field: "linux.maskedPaths") }
    }
}
