package import Diagnostics
import Kernel

/// What a container uses. A value is nil when no controller of its cgroup counts it.
package struct CgroupStatistics: Equatable, Sendable {
    package var cpuNanoseconds: UInt64?
    package var cpuUserNanoseconds: UInt64?
    package var cpuSystemNanoseconds: UInt64?
    package var memoryBytes: UInt64?
    package var memoryPeakBytes: UInt64?
    /// Nil also without a limit.
    package var memoryLimitBytes: UInt64?
    /// Processes that the kernel killed for lack of memory.
    package var memoryKills: UInt64?
    package var tasks: UInt64?
    /// Nil also without a limit.
    package var tasksLimit: UInt64?

    package init() {}
}

extension Cgroup {
    /// The basic numbers; `events` reads more.
    ///
    /// - Throws: when a directory cannot be opened, `ENOENT` when the container is gone.
    /// Source: kernel cgroup-v2.rst; cgroup-v1/memory.rst, cpuacct.rst, pids.rst.
    package func statistics() throws(OperationError) -> CgroupStatistics {
        var statistics = CgroupStatistics()
        for directory in directories {
            let cgroup = try openCgroup(directory)
            if cgroup.text(of: "cgroup.controllers") != nil { statistics.addVersion2(cgroup) } else { statistics.addVersion1(cgroup) }
        }
        return statistics
    }
}

extension CgroupStatistics {
    fileprivate mutating func addVersion2(_ cgroup: borrowing FileDescriptor) {
        let cpu = cgroup.table("cpu.stat")
        // The root's tree counts time without any controller; in a hybrid setup it is not the limited one, but as true.
        cpuNanoseconds = cpu["usage_usec"].map { $0 * 1000 }
        cpuUserNanoseconds = cpu["user_usec"].map { $0 * 1000 }
        cpuSystemNanoseconds = cpu["system_usec"].map { $0 * 1000 }
        memoryBytes = cgroup.number(in: "memory.current")
        memoryPeakBytes = cgroup.number(in: "memory.peak")
        memoryLimitBytes = cgroup.number(in: "memory.max")
        memoryKills = cgroup.table("memory.events")["oom_kill"]
        tasks = cgroup.number(in: "pids.current")
        tasksLimit = cgroup.number(in: "pids.max")
    }

    /// A version 1 directory has the files of its own controllers only: what is missing keeps its value.
    fileprivate mutating func addVersion1(_ cgroup: borrowing FileDescriptor) {
        cpuNanoseconds = cgroup.number(in: "cpuacct.usage") ?? cpuNanoseconds
        cpuUserNanoseconds = cgroup.number(in: "cpuacct.usage_user") ?? cpuUserNanoseconds
        cpuSystemNanoseconds = cgroup.number(in: "cpuacct.usage_sys") ?? cpuSystemNanoseconds
        memoryBytes = cgroup.number(in: "memory.usage_in_bytes") ?? memoryBytes
        memoryPeakBytes = cgroup.number(in: "memory.max_usage_in_bytes") ?? memoryPeakBytes
        if let limit = cgroup.number(in: "memory.limit_in_bytes") {
            // no limit is the greatest number of whole pages
            memoryLimitBytes = limit >= UInt64(Int64.max) - 65536 ? nil : limit
        }
        memoryKills = cgroup.table("memory.oom_control")["oom_kill"] ?? memoryKills
        tasks = cgroup.number(in: "pids.current") ?? tasks
        tasksLimit = cgroup.number(in: "pids.max") ?? tasksLimit
    }
}

extension FileDescriptor {
    /// The lines "key number" of a file of this cgroup.
    fileprivate borrowing func table(_ file: String) -> [String: UInt64] {
        let all = words(text(of: file) ?? "")
        var table: [String: UInt64] = [:]
        for index in stride(from: 0, to: all.count - 1, by: 2) { table[all[index]] = UInt64(all[index + 1]) }
        return table
    }
}
