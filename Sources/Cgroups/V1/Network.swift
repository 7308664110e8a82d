package import OCISpec

extension LinuxNetwork {
    /// The write for the version 1 net_cls controller. A class of 0 is the default and means "not asked for".
    ///
    /// Source: config-linux.md "Network" (RT-config-linux-106); kernel cgroup-v1/net_cls.rst.
    package func classWrites() -> [CgroupWrite] {
        guard let classID, classID != 0 else { return [] }
        return [CgroupWrite(file: "net_cls.classid", text: String(classID), field: resourcesField + ".network.classID")]
    }

    /// The writes for the version 1 net_prio controller.
    ///
    /// Source: config-linux.md "Network" (RT-config-linux-107 to 109); kernel cgroup-v1/net_prio.rst.
    package func priorityWrites() -> [CgroupWrite] {
        priorities.enumerated().map { index, entry in
            CgroupWrite(
                file: "net_prio.ifpriomap", text: "\(entry.name) \(entry.priority)",
                field: resourcesField + ".network.priorities[\(index)]")
        }
    }
}
