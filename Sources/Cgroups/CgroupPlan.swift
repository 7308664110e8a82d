// What will be done for a container's cgroup, decided without touching any: directories, writes, device policy.
// `Cgroup.create` carries a plan out, `Cgroup.apply` one of new limits (Update.swift); `lines` is what `cale plan` shows of it. What systemd
// is asked for instead is in Systemd/.
package import Diagnostics
import Kernel
package import OCISpec

/// What will be made and written for a container's cgroup: every directory, every file with its text, in order.
package struct CgroupPlan: Equatable, Sendable {
    /// The container's directory in one hierarchy.
    package struct Directory: Equatable, Sendable {
        package var hierarchy: CgroupHierarchy
        /// Below the mount point: "docker/4f9c".
        package var path: String
        package var writes: [CgroupWrite] = []
        /// Whether a limit was asked for, so that the container must not start without this directory.
        package var isRequired = false
        /// Whether `writes` hold device rules, which only root of the first user namespace can and has to set.
        package var limitsDevices = false
        /// Version 2: controllers that `writes` need, each with the JSON path that asks for it.
        package var needed: [NeededController] = []
        /// Version 2: controllers to enable for their statistics where that is possible.
        package var wanted: [String] = []
        /// Version 2: what the device program shall decide; nil when everything is allowed or nothing can be limited.
        package var devices: DevicePolicy?

        package init(hierarchy: CgroupHierarchy, path: String) {
            self.hierarchy = hierarchy
            self.path = path
        }

        /// The absolute path.
        package var absolute: String { hierarchy.mountPoint + "/" + path }
        var isCpuset1: Bool { hierarchy.version == .v1 && hierarchy.controllers.contains("cpuset") }
    }

    /// A version 2 controller that a limit needs, and the field that asks for it.
    package struct NeededController: Equatable, Sendable {
        package var name: String
        package var field: String
    }

    /// Version 2 first.
    package var directories: [Directory]
    /// The user who shall own the version 2 cgroup, to make cgroups below it; nil leaves it to the caller of this program.
    package var owner: UInt32?
    /// The scope in which systemd makes the only directory; nil when we make it.
    package var scope: SystemdScope?
    /// What was asked for and is not carried out, which the specification allows; each ends in "ignoring".
    package var warnings: [String] = []
    /// Whether the cgroup exists already, so that no directory can be added.
    var isUpdate = false

    package init(directories: [Directory], owner: UInt32? = nil) {
        self.directories = directories
        self.owner = owner
    }

    /// Whether a limit was asked for, so that the container must not start without its cgroup.
    package var limitsAnything: Bool { directories.contains { $0.isRequired } }

    /// Whether a program may need more memory to be executed than it gets: a limit below 1 MiB.
    package var isShortOfMemory: Bool {
        directories.contains { directory in
            directory.writes.contains { write in
                (write.file == "memory.max" || write.file == "memory.limit_in_bytes") && UInt64(write.text).map { $0 < 1 << 20 } ?? false
            }
        }
    }

    /// For people, one line per action.
    package var lines: [String] {
        var lines = scope?.lines ?? []
        for directory in directories {
            lines.append("cgroup " + directory.absolute + (directory.isRequired || directory.limitsDevices ? "" : ", if it may be made"))
            if !directory.needed.isEmpty { lines.append("  enable " + directory.needed.map { $0.name }.joined(separator: " ")) }
            if !directory.wanted.isEmpty { lines.append("  enable " + directory.wanted.joined(separator: " ") + ", if possible") }
            if directory.isCpuset1 { lines.append("  take cpuset.cpus and cpuset.mems from the parent") }
            for write in directory.writes + (scope?.lateWrites ?? []) { lines.append("  write " + write.line) }
            if let devices = directory.devices { lines += devices.lines.map { "  device program: " + $0 } }
            if let owner, directory.hierarchy.version == .v2 { lines.append("  owner \(owner)") }
        }
        return lines
    }
}

extension CgroupPlan {
    /// The directories above the container's own that are missing now, and that `Cgroup.create` will make: outermost first.
    ///
    /// Asked before anything is made, so that whoever is killed meanwhile leaves word of them. One that cannot be looked at is
    /// not counted: it cannot be made either, or is somebody else's.
    package func missingParents() -> [String] {
        if scope?.isOfVersion2 ?? false { return [] }  // systemd makes them; in version 1 those of the controllers that it uses
        var missing: [String] = []
        for directory in directories {
            let parents = directory.parents
            var present = parents.count
            // mostly the innermost is there, and with it all others
            while present > 0, Self.isMissing(parents[present - 1]) { present -= 1 }
            missing += parents[present...]
        }
        return missing
    }

    private static func isMissing(_ directory: String) -> Bool {
        do throws(Errno) { _ = try fileStatus(Path(directory), following: false) } catch { return error == .noEntry }
        return false
    }
}

extension CgroupPlan.Directory {
    /// The absolute paths of the directories between the hierarchy's root and this one, outermost first.
    fileprivate var parents: [String] {
        var path = hierarchy.mountPoint
        var parents: [String] = []
        for name in self.path.split(separator: "/").dropLast() {
            path += "/" + name
            parents.append(path)
        }
        return parents
    }
}

/// Plans the cgroup of a new container.
///
/// - Parameters:
///   - cgroupsPath: `linux.cgroupsPath`; `CgroupPath` says what it means.
///   - deviceRules: rules that apply after the configuration's.
///   - owner: the host's user id behind `process.user.uid`, when the container gets a cgroup namespace and a writable
///     cgroup mount (RT-config-linux-054, 055); ignored in version 1 (RT-config-linux-053).
///   - systemd: the systemd that shall make the cgroup; `UnitName` says what the path means then.
/// - Throws: `.invalid` for an impossible path, `.unsupported` for limits that this host cannot give, and for a scope of
///   a user's systemd beside version 1 hierarchies.
/// Source: config-linux.md "Control groups" (RT-config-linux-043 to 122).
package func planCgroup(
    path cgroupsPath: String?, id: String, resources: LinuxResources, setup: CgroupSetup,
    deviceRules: [LinuxDeviceRule] = defaultDeviceRules, owner: UInt32? = nil, systemd: SystemdRequest? = nil
) throws(OperationError) -> CgroupPlan {
    var unit: UnitName?
    if let systemd {
        unit = try UnitName(cgroupsPath: cgroupsPath, id: id, isUser: systemd.isUser)
        // the user's manager is given no version 1 controllers
        guard setup.isPureVersion2 || !systemd.isUser else {
            throw OperationError(
                "plan cgroup", cgroupsPath ?? id, .unsupported("making cgroups through a user's systemd beside cgroup version 1"), field: "linux.cgroupsPath",
                hint: "use the cgroupfs manager, or boot with systemd.unified_cgroup_hierarchy=1")
        }
    }
    let path = if let unit, let systemd {
        try CgroupPath(scope: systemdRoot(systemd, ownPath: setup.hierarchies[0].ownPath) + unit.path)
    } else {
        try CgroupPath(cgroupsPath: cgroupsPath, id: id)
    }
    var plan = CgroupPlan(directories: [], owner: setup.isRootless ? nil : owner)
    for hierarchy in setup.hierarchies {
        var directory = CgroupPlan.Directory(hierarchy: hierarchy, path: path.text)
        if setup.isRootless && !path.isAbsolute { directory.path = parentOfOwn(hierarchy) + path.text }
        if setup.isPureVersion2 { directory.wanted = ["cpu", "io", "memory", "pids"].filter { hierarchy.controllers.contains($0) } }
        plan.directories.append(directory)
    }
    try plan.addLimits(resources)
    try plan.addDevices(resources.devices, then: deviceRules, isRootless: setup.isRootless)
    for index in plan.directories.indices {
        let needed = plan.directories[index].needed
        plan.directories[index].wanted.removeAll { name in needed.contains { $0.name == name } }
    }
    // beside version 1 hierarchies, the version 2 tree has the controllers that nobody took: often none that is asked for
    // systemd knows its scopes by it
    if !setup.isPureVersion2 && unit == nil { plan.directories.removeAll { $0.hierarchy.version == .v2 && $0.writes.isEmpty && $0.needed.isEmpty } }
    if let unit, let systemd { try plan.planScope(unit, id: id, request: systemd) }
    return plan
}

/// Plans new limits for the cgroup of a running container. Device rules stay as they are.
///
/// - Parameters:
///   - directories: `Cgroup.directories` of the container.
///   - resources: the new limits, see `LinuxResources.completed`.
/// - Throws: `.unsupported` for limits that this host or the container's cgroup cannot give.
package func planCgroupUpdate(
    directories: [String], resources: LinuxResources, setup: CgroupSetup
) throws(OperationError) -> CgroupPlan {
    var plan = CgroupPlan(directories: [])
    plan.isUpdate = true
    for hierarchy in setup.hierarchies {
        let prefix = hierarchy.mountPoint + "/"
        guard let directory = directories.first(where: { $0.hasPrefix(prefix) }) else { continue }
        plan.directories.append(CgroupPlan.Directory(hierarchy: hierarchy, path: String(directory.dropFirst(prefix.count))))
    }
    try plan.addLimits(resources)
    return plan
}

/// The parent of this process' own cgroup with a slash at its end: a user without privileges may own it, and it has no
/// processes itself, which would keep controllers from being enabled below.
private func parentOfOwn(_ hierarchy: CgroupHierarchy) -> String {
    var parts = hierarchy.ownPath.split(separator: "/")
    // outside of our cgroup namespace
    if parts.contains("..") { return "" }
    if !parts.isEmpty { parts.removeLast() }
    return parts.map { $0 + "/" }.joined()
}
