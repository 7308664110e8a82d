import OCISpec

extension RuntimeConfig {
    /// The host's user who shall own the container's version 2 cgroup, so that the container may make cgroups below it; nil when it stays
    /// with the caller.
    ///
    /// That is the user of the process, where the container has a new cgroup namespace and a mount at /sys/fs/cgroup that is
    /// not read-only. A user namespace that is joined has a map that nobody has told us: there the owner stays too.
    /// Source: config-linux.md "Cgroup ownership" (RT-config-linux-054 to 056).
    func cgroupOwner(caller: UInt32) -> UInt32? {
        guard let process, let linux, linux.namespaces.contains(where: { $0.type == .cgroup && $0.path == nil }),
            mounts.contains(where: { $0.source == "cgroup" && $0.destination == "/sys/fs/cgroup" && !$0.options.contains("ro") })
        else { return nil }
        var owner = process.user.uid
        if let user = linux.namespaces.first(where: { $0.type == .user }) {
            guard user.path == nil, let map = linux.uidMappings.first(where: { $0.containerID <= owner && owner - $0.containerID < $0.size })
            else { return nil }
            owner = map.hostID + (owner - map.containerID)
        }
        return owner == caller ? nil : owner
    }
}
