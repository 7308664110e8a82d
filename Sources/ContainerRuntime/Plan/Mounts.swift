// One entry of `mounts`: where it goes, what is mounted there, with which attributes.
//
// Entries may need each other: a source that an earlier one brings, a place in a tmpfs that becomes read-only when all of them are there.
import Cgroups
import ContainerInit
import Diagnostics
import Kernel
import OCISpec
import UntrustedTree

extension ContainerPlan {
    mutating func planMount(_ mount: Mount, index: Int, linux: Linux, context: PlanContext) throws(OperationError) {
        let field = "mounts[\(index)]"
        let options = MountOptions(mount.options)
        let destination = try inRoot(mount.destination, field + ".destination")
        let isBind = options.isBind || mount.type == "bind" || mount.type == "rbind"
        try refuseCoveringProc(destination, mount: mount, isBind: isBind, field: field)
        if mount.type == "cgroup" && !isBind || mount.type == "cgroup2" && !isBind {
            return planCgroupMount(destination, options: options, field: field, context: context)
        }
        var step = MountStep(source: .remount(options: options.filesystem), destination: destination)
        step.set = options.set
        step.clear = options.clear
        step.recursiveSet = options.recursiveSet
        step.recursiveClear = options.recursiveClear
        step.propagation = options.propagation
        step.recursivePropagation = options.recursivePropagation
        if options.isRemount {
            if options.isIDMapped || !mount.uidMappings.isEmpty { throw Self.idMapRefusal("an id map on a remount", field) }
            add(.mount(step), field: field)
            return
        }
        let idMap = try sourceIDMap(mount, options: options, isBind: isBind, field: field, context: context)
        if isBind {
            try planBind(mount, options: options, idMap: idMap, index: index, linux: linux, into: &step, context: context)
        } else {
            try planNew(mount, options: options, label: linux.mountLabel, field: field, into: &step, context: context)
            if mount.type == "tmpfs", step.set.contains(.readOnly), isFilledLater(destination, index: index) {
                step.set.remove(.readOnly)
                var seal = MountStep(source: .remount(options: []), destination: destination)
                seal.set = .readOnly
                sealedMounts.append(PlannedStep(step: .mount(seal), field: field))
            }
        }
        add(.mount(step), field: field)
    }

    /// Whether the source of a bind mount is in the rootfs, below what an earlier mount brings: it is there when its turn comes.
    private func isMountedBefore(_ source: Path, index: Int) -> Bool {
        guard source.bytes.starts(with: rootfs.bytes) else { return false }
        let inside = source.bytes.dropFirst(rootfs.bytes.count) + [0x2F]
        return destinations.prefix(index).contains { inside.starts(with: Array($0.text.utf8) + [0x2F]) }
    }

    /// Whether mount points are made below this one, or devices. Not where a later mount covers it all.
    private func isFilledLater(_ destination: InRootPath, index: Int) -> Bool {
        let later = destinations.dropFirst(index + 1)
        if later.contains(destination) { return false }
        return destination.text == "/dev" || later.contains { $0.text.hasPrefix(destination.text + "/") }
    }

    private mutating func planBind(
        _ mount: Mount, options: MountOptions, idMap: SourceIDMap?, index: Int, linux: Linux, into step: inout MountStep, context: PlanContext
    ) throws(OperationError) {
        let field = "mounts[\(index)]"
        guard let text = mount.source, !text.isEmpty else {
            throw OperationError("read", "config.json", .invalid("a bind mount needs a source"), field: field + ".source")
        }
        let source = Path(text).relative(to: context.bundle)
        let kind: FileKind
        var isOfHost = true
        do throws(Errno) { kind = try context.kindOfFile(source).get() } catch where error == .noEntry && isMountedBefore(source, index: index) {
            (kind, isOfHost) = (.directory, false)
        } catch {
            throw OperationError(
                "bind mount", source.text, .errno(error), field: field + ".source",
                hint: error == .noEntry ? "the source must exist; a relative one counts from the bundle" : nil)
        }
        for option in options.filesystem {
            guard MountOptions.isOfFileSystem(option) else {
                throw OperationError("bind mount", source.text, .invalid("unknown option \(quoted(option))"), field: field + ".options", hint: MountOptions.correction(of: option))
            }
            warnings.append("\(field).options: \(quoted(option)) is for a file system, and a bind mount makes none, ignoring")
        }
        let recursive = options.isRecursiveBind || mount.type == "rbind"
        let isLocked = context.isPrivileged && isPrivate(.user, context)
        if idMap != nil || isLocked || isOfHost && keepsPeers(options, linux: linux, context: context) {
            // root of the container's user namespace need not reach what the caller may give it, and may not map owners; and what is
            // copied in the container's mount namespace has no peers on the host any more
            clonedSources.append(ClonedSource(index: index, path: source, recursive: recursive, isLocked: isLocked, idMap: idMap))
            step.source = .handle(.mountSource(index))
        } else {
            step.source = .bind(source, recursive: recursive)
        }
        step.destinationIsFile = kind != .directory
        step.impliedClear = options.impliedClear
        if options.copiesUp { throw OperationError("bind mount", source.text, .invalid("tmpcopyup is for tmpfs only"), field: field + ".options") }
    }

    /// Whether a bind mount and its source on the host are to hear of each other's mounts ("bidirectional"). That needs the word of both, as
    /// with runc: of the mount, and of `rootfsPropagation`, without which the container's mounts are cut off from the host's.
    private func keepsPeers(_ options: MountOptions, linux: Linux, context: PlanContext) -> Bool {
        linux.rootfsPropagation?.kernelValue == .shared && (options.propagation == .shared || options.recursivePropagation == .shared)
            && newNamespaces.contains(.mount) && context.isPrivileged
    }

    private func planNew(
        _ mount: Mount, options: MountOptions, label: String?, field: String, into step: inout MountStep, context: PlanContext
    ) throws(OperationError) {
        guard let type = mount.type, !type.isEmpty, type != "none" else {
            throw OperationError(
                "read", "config.json", .invalid("a mount that is no bind mount needs a type"), field: field + ".type",
                hint: "add \"bind\" or \"rbind\" to the options for a bind mount")
        }
        // ext4 counted versions only when told so before Linux 6.1; other file systems always do or never
        let made = options.filesystem + (options.countsVersions && type == "ext4" ? ["i_version"] : [])
        step.source = .new(type: type, source: mount.source ?? "", options: made)
        if let label { Self.label(&step, type: type, source: mount.source ?? "", options: made, label, as: annotated.mountContext) }
        step.copiesUp = options.copiesUp
        step.refusesLinks = type == "proc" || type == "sysfs"
        if options.copiesUp && type != "tmpfs" {
            throw OperationError("mount", mount.destination, .invalid("tmpcopyup is for tmpfs only"), field: field + ".options")
        }
        if type == "proc", !newNamespaces.contains(.pid), !isPrivate(.pid, context), newNamespaces.contains(.user) {
            throw OperationError(
                "mount", mount.destination, .invalid("procfs in a user namespace needs a pid namespace of the container's own"), field: field,
                hint: "add {\"type\": \"pid\"} to linux.namespaces, or bind mount the host's /proc")
        }
    }

    /// Nothing may cover files of procfs: what the runtime and the container's tools write there would land elsewhere
    /// (CVE-2019-16884, CVE-2025-52881). The files named here are informational and are covered by known tools.
    private func refuseCoveringProc(_ destination: InRootPath, mount: Mount, isBind: Bool, field: String) throws(OperationError) {
        guard destination.isInProc else { return }
        if destination.components.count == 1 {
            if mount.type == "proc" && !isBind || isBind && mount.source == "/proc" { return }
            throw OperationError("mount", "/proc", .invalid("only procfs may be mounted there"), field: field, hint: "use type \"proc\"")
        }
        let allowed = [
            "/proc/cpuinfo", "/proc/diskstats", "/proc/meminfo", "/proc/stat", "/proc/swaps", "/proc/uptime", "/proc/loadavg",
            "/proc/slabinfo", "/proc/net/dev", "/proc/sys/kernel/ns_last_pid", "/proc/sys/crypto/fips_enabled",
        ]
        if allowed.contains(destination.text) { return }
        throw OperationError("mount", destination.text, .invalid("nothing may be mounted inside of /proc"), field: field)
    }

    /// Makes the container's cgroup mount show what was made: the caller may make no cgroup in some hierarchies, or in none, and systemd tells where its scope is.
    mutating func limitCgroupMount(to directories: [String]) {
        let planned = cgroup.directories.first.map { MountStep.Source.bind(Path($0.absolute), recursive: false) }
        for index in steps.indices {
            switch steps[index].step {
            case .mountCgroups(var step):
                step.hierarchies.removeAll { !directories.contains($0.path.text) }
                steps[index].step = .mountCgroups(step)
            case .mount(let step) where step.source == planned:
                steps[index].step = .mount(Self.cgroupMount(of: directories.first, at: step.destination, step.set))
            default: continue
            }
        }
    }

    private static func cgroupMount(of directory: String?, at destination: InRootPath, _ attributes: MountAttributes) -> MountStep {
        guard let directory else {
            // no cgroup of its own: the host's, never writable
            var step = MountStep(source: .bind("/sys/fs/cgroup", recursive: true), destination: destination)
            step.recursiveSet = attributes.union([.readOnly, .noSuid, .noDevices, .noExec])
            return step
        }
        var step = MountStep(source: .bind(Path(directory), recursive: false), destination: destination)
        step.set = attributes
        return step
    }

    /// The container's own cgroups, read-only or not; in version 1 one bind mount a hierarchy.
    private mutating func planCgroupMount(_ destination: InRootPath, options: MountOptions, field: String, context: PlanContext) {
        let legacy = cgroup.directories.filter { $0.hierarchy.version == .v1 }
        if !legacy.isEmpty && context.isPrivileged {
            add(
                .mountCgroups(CgroupMountStep(
                    destination: destination, attributes: options.set,
                    hierarchies: legacy.map { directory in
                        let name = Path(directory.hierarchy.mountPoint).lastComponent
                        let controllers = directory.hierarchy.controllers
                        return CgroupMountStep.Hierarchy(
                            name: name, path: Path(directory.absolute), aliases: controllers.count > 1 ? controllers.filter { $0 != name } : [])
                    })),
                field: field)
        } else {
            // in version 1 a user has none
            let own = legacy.isEmpty ? cgroup.directories.first?.absolute : nil
            add(.mount(Self.cgroupMount(of: own, at: destination, options.set)), field: field)
        }
    }
}
