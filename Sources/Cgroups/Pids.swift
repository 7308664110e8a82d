package import OCISpec

extension LinuxPids {
    /// The write for the pids controller of either version.
    ///
    /// Below 0 means no limit. 0 is written as "1": a process that joins by being cloned into the cgroup must fit, and
    /// neither of both lets it make another (runc does the same).
    /// Source: config-linux.md "PIDs" (RT-config-linux-110 to 112); kernel cgroup-v2.rst, "PID".
    package func writes() -> [CgroupWrite] {
        guard let limit else { return [] }
        return [CgroupWrite(file: "pids.max", text: limit == 0 ? "1" : limitText(limit), field: resourcesField + ".pids.limit")]
    }
}
