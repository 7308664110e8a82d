package import OCISpec

extension LinuxCPU {
    /// Whether anything here is for the cpuset controller.
    var limitsPlacement: Bool { !(cpus ?? "").isEmpty || !(mems ?? "").isEmpty }

    /// The writes for the cpuset controller of either version. An empty list means "not asked for".
    ///
    /// Source: config-linux.md "CPU" (RT-config-linux-085, 086); cpuset(7).
    package func cpusetWrites() -> [CgroupWrite] {
        var writes: [CgroupWrite] = []
        if let cpus, !cpus.isEmpty { writes.append(CgroupWrite(file: "cpuset.cpus", text: cpus, field: resourcesField + ".cpu.cpus")) }
        if let mems, !mems.isEmpty { writes.append(CgroupWrite(file: "cpuset.mems", text: mems, field: resourcesField + ".cpu.mems")) }
        return writes
    }
}
