// Which namespaces are made and joined, by which process, in which order.
import Cgroups
import ContainerInit
import Diagnostics
import Kernel
import OCISpec

extension ContainerPlan {
    /// One clone3(2) makes all namespaces at once wherever that is possible. Where one must exist before the next is
    /// made (a joined user or pid namespace, time offsets), a first process prepares the way and a second goes on.
    mutating func planNamespaces(_ linux: Linux, context: PlanContext) throws(OperationError) {
        for (index, namespace) in linux.namespaces.enumerated() {
            if let path = namespace.path {
                joinedNamespaces.append(JoinedNamespace(kind: namespace.type.kind, path: path, field: "linux.namespaces[\(index)]"))
            } else {
                newNamespaces.insert(namespace.type.kind)
            }
        }
        let joined = joinedNamespaces.filter { !context.hostNamespaces.contains($0.kind) }
        let joinsUser = joined.contains { $0.kind == .user }
        try planIDMaps(linux, context: context)
        timeOffsets = linux.timeOffsets.map { TimeOffset(clock: $0.clock.name, seconds: $0.secs, nanoseconds: Int64($0.nanosecs)) }

        if cgroup.directories.contains(where: { $0.hierarchy.version == .v1 }) { add(.joinCgroups, field: "linux.cgroupsPath") }
        let needsSecond = joinsUser || joined.contains { $0.kind == .pid } || newNamespaces.contains(.time)
        // The cgroup namespace is made after the cgroup was joined: its root is where the process is at that moment.
        let later = newNamespaces.subtracting([NamespaceSet(.cgroup), NamespaceSet(.time)])
        firstNamespaces = needsSecond ? later.intersection(NamespaceSet(.user)) : later

        if newNamespaces.contains(.user) {
            add(.synchronize(.idMaps), field: "linux.uidMappings")
            add(.becomeRoot(dropGroups: !(idMaps?.deniesGroups(privileged: context.isPrivileged) ?? false)))
        }
        add(.hideFromOthers)
        planJoins(joined, context: context)
        if newNamespaces.contains(.time) {
            add(.unshareNamespaces(NamespaceSet(.time)), field: "linux.namespaces")
            if !timeOffsets.isEmpty { add(.synchronize(.timeOffsets), field: "linux.timeOffsets") }
        }
        if needsSecond { add(.continueInChild(later.subtracting(NamespaceSet(.user))), field: "linux.namespaces") }
        if newNamespaces.contains(.cgroup) { add(.unshareNamespaces(NamespaceSet(.cgroup)), field: "linux.namespaces") }
    }

    /// With privileges the user namespace comes after the others, which may belong to its parent; without, it must come
    /// first, since it gives the right to join the rest. The mount namespace comes last of the others, for the paths.
    mutating func planJoins(_ joined: [JoinedNamespace], context: PlanContext) {
        let user = joined.filter { $0.kind == .user }
        let mount = joined.filter { $0.kind == .mount }
        let others = joined.filter { $0.kind != .user && $0.kind != .mount } + mount
        for namespace in context.isPrivileged ? others + user : user + others {
            add(.joinNamespace(namespace.kind), field: namespace.field)
            if namespace.kind == .user { add(.becomeRoot(dropGroups: context.isPrivileged), field: namespace.field) }
        }
    }

    private mutating func planIDMaps(_ linux: Linux, context: PlanContext) throws(OperationError) {
        guard newNamespaces.contains(.user) else { return }
        let maps = IDMaps(uids: Self.ranges(linux.uidMappings), gids: Self.ranges(linux.gidMappings))
        for (ranges, field) in [(maps.uids, "linux.uidMappings"), (maps.gids, "linux.gidMappings")] {
            if ranges.isEmpty {
                throw OperationError(
                    "read", "config.json", .invalid("a new user namespace needs at least one mapping"), field: field,
                    hint: "{\"containerID\": 0, \"hostID\": \(field == "linux.uidMappings" ? context.uid : context.gid), \"size\": 1} maps the caller to root")
            }
            guard ranges.contains(where: { $0.containerID == 0 }) else {
                throw OperationError("read", "config.json", .invalid("id 0 of the container is not mapped"), field: field)
            }
        }
        idMaps = maps
    }

    /// The session, its keyring, and the loopback device.
    mutating func planSession(_ linux: Linux, context: PlanContext) {
        add(.startSession(isNeeded: true))
        if context.makesKeyring { add(.joinKeyring(name: "_ses.\(context.id.text)")) }
        if newNamespaces.contains(.network) { add(.bringLoopbackUp) }
    }

    mutating func planHostNames(_ config: RuntimeConfig) throws(OperationError) {
        if let hostname = config.hostname, !hostname.isEmpty { add(.setHostname(hostname), field: "hostname") }
        if let domainname = config.domainname, !domainname.isEmpty { add(.setDomainname(domainname), field: "domainname") }
    }
}
