import Diagnostics

extension CgroupWrite {
    /// What an errno of the kernel means for this file, where we know.
    ///
    /// Source: kernel mm/memcontrol*.c, kernel/sched/core.c, kernel/cgroup/cpuset*.c, block/blk-throttle.c.
    func hint(_ error: Errno) -> String? {
        switch error {
        case .noEntry: missingHint
        case .invalid: invalidHint
        case .busy where file.hasPrefix("memory."): "the cgroup uses more than that, and the kernel cannot take it back"
        case .busy where file.hasPrefix("cpuset."): "a CPU or memory node of this list belongs to another cgroup alone, or is still in use"
        case .accessDenied where file.hasPrefix("cpuset."): "the cgroup above does not have all of these"
        case .outOfRange where file.hasPrefix("cpuset."): "the host does not have all of these"
        case .noSpace where file.hasPrefix("cpuset."): "the cgroup needs CPUs and memory nodes while it has processes"
        case .noDevice where file.hasPrefix("io.") || file.hasPrefix("blkio."): "there is no such block device; partitions cannot be limited"
        case .noDevice where file.hasPrefix("net_prio."): "there is no such network interface on the host"
        case .notPermitted where file.hasPrefix("devices."): "the cgroup above does not allow this device"
        case .accessDenied, .notPermitted, .readOnlyFilesystem: "the cgroup is not delegated to this user"
        default: nil
        }
    }

    private var missingHint: String {
        if file.hasPrefix("memory.memsw.") { return "the kernel does not account swap: boot it with swapaccount=1" }
        if file == "memory.swap.max" { return "the kernel has no swap, or does not account it" }
        if file.hasPrefix("hugetlb.") { return "the host has no huge pages of this size" }
        if file.hasPrefix("io.") || file.hasPrefix("blkio."), file.hasSuffix("weight") || file.hasSuffix("weight_device") {
            return "no I/O scheduler with weights is there"
        }
        return "this kernel has no such file for this cgroup"
    }

    private var invalidHint: String? {
        switch file {
        case "memory.limit_in_bytes":
            "the limit of memory must not be above that of memory and swap; set linux.resources.memory.swap with it"
        case "memory.memsw.limit_in_bytes":
            "the limit of memory and swap must not be below that of memory; set linux.resources.memory.limit with it"
        case "cpu.rt_runtime_us": "the cgroups above need realtime runtime of their own first"
        case "cpu.cfs_quota_us", "cpu.cfs_period_us", "cpu.max":
            "quota and period must fit into those of the cgroup above, and the burst into the quota"
        case "cpu.shares", "cpu.weight": "a cgroup that is idle has no weight; set linux.resources.cpu.idle to 0"
        case "cpuset.cpus", "cpuset.mems": "the host does not have all of these"
        default: nil
        }
    }
}
