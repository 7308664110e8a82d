// Events as lines of JSON, in the form that runc has made a custom: containerd, docker and monitors read it.
// Members that are 0 or empty are left out where runc leaves them out.
// Source: runc, types/events.go.
package import Cgroups
import JSON
package import Kernel

/// The line about a container that ran out of memory.
package func outOfMemoryEvent(id: String) -> String {
    var writer = JSONWriter()
    writer.object { writer in
        writer.member("type", "oom")
        writer.member("id", id)
    }
    return writer.text
}

/// The line about a container that begins to be short of memory.
package func memoryPressureEvent(id: String, _ notice: MemoryPressureNotices.Notice) -> String {
    var writer = JSONWriter()
    writer.object { writer in
        writer.member("type", "pressure")
        writer.member("id", id)
        writer.object("data") { writer in
            writer.member("resource", "memory")
            switch notice {
            case .lost(let pressure): writer.pressure(pressure)
            case .level(let level): writer.member("level", level)
            }
        }
    }
    return writer.text
}

/// The line about what a container uses.
package func statisticsEvent(id: String, _ usage: CgroupStatistics, interfaces: [InterfaceStatistics]) -> String {
    var writer = JSONWriter()
    writer.object { writer in
        writer.member("type", "stats")
        writer.member("id", id)
        writer.object("data") { writer in
            writer.object("cpu") { (usage.cpu ?? CPUStatistics()).write(to: &$0) }
            writer.object("cpuset") { (usage.cpuset ?? CpusetStatistics()).write(to: &$0) }
            writer.object("memory") { (usage.memory ?? MemoryStatistics()).write(to: &$0) }
            writer.object("pids") { writer in
                writer.nonZero("current", usage.pids?.current ?? 0)
                writer.nonZero("limit", usage.pids?.limit ?? 0)
            }
            writer.object("blkio") { (usage.blockIO ?? BlockIOStatistics()).write(to: &$0) }
            writer.object("hugetlb") { writer in
                for (size, pages) in usage.hugePages {
                    writer.object(size) { writer in
                        writer.nonZero("usage", pages.usage)
                        writer.nonZero("max", pages.greatest)
                        writer.member("failcnt", pages.failures)
                    }
                }
            }
            writer.object("intel_rdt") { _ in }
            writer.key("network_interfaces")
            writer.array { writer in for interface in interfaces { interface.write(to: &writer) } }
        }
    }
    return writer.text
}

extension JSONWriter {
    fileprivate mutating func object(_ key: String, _ body: (inout JSONWriter) -> Void) {
        self.key(key)
        object(body)
    }

    fileprivate mutating func nonZero(_ key: String, _ value: UInt64) {
        if value != 0 { member(key, value) }
    }

    fileprivate mutating func numbers(_ key: String, _ values: [some BinaryInteger]) {
        if values.isEmpty { return }
        self.key(key)
        array { writer in for value in values { writer.integer(value) } }
    }

    fileprivate mutating func pressure(_ pressure: Pressure?) {
        guard let pressure else { return }
        object("psi") { writer in
            for (key, line) in [("some", pressure.some), ("full", pressure.full)] {
                writer.object(key) { writer in
                    writer.key("avg10")
                    writer.verbatim(line.average10)
                    writer.key("avg60")
                    writer.verbatim(line.average60)
                    writer.key("avg300")
                    writer.verbatim(line.average300)
                    writer.member("total", line.total)
                }
            }
        }
    }
}

extension CPUStatistics {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.object("usage") { writer in
            writer.nonZero("total", total)
            writer.numbers("percpu", totalOfCPU)
            writer.numbers("percpu_kernel", systemOfCPU)
            writer.numbers("percpu_user", userOfCPU)
            writer.member("kernel", system)
            writer.member("user", user)
        }
        writer.object("throttling") { writer in
            writer.nonZero("periods", periods)
            writer.nonZero("throttledPeriods", throttledPeriods)
            writer.nonZero("throttledTime", throttledTime)
        }
        writer.pressure(pressure)
    }
}

extension CpusetStatistics {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.numbers("cpus", cpus)
        writer.member("cpu_exclusive", setting("cpu_exclusive"))
        writer.numbers("mems", mems)
        for name in [
            "mem_hardwall", "mem_exclusive", "memory_migrate", "memory_spread_page", "memory_spread_slab", "memory_pressure", "sched_load_balance",
            "sched_relax_domain_level",
        ] {
            writer.member(name, setting(name))
        }
    }

    private func setting(_ name: String) -> Int64 { settings.first { $0.name == name }?.value ?? 0 }
}

extension MemoryStatistics {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.nonZero("cache", cache)
        for (key, entry) in [("usage", usage), ("swap", swap), ("kernel", kernel), ("kernelTCP", kernelTCP)] {
            writer.object(key) { writer in
                writer.member("limit", entry.limit)
                writer.nonZero("usage", entry.usage)
                writer.nonZero("max", entry.greatest)
                writer.member("failcnt", entry.failures)
            }
        }
        if !counters.isEmpty { writer.object("raw") { writer in for (key, value) in counters { writer.member(key, value) } } }
        writer.pressure(pressure)
    }
}

extension BlockIOStatistics {
    fileprivate func write(to writer: inout JSONWriter) {
        for (key, entries) in [
            ("ioServiceBytesRecursive", bytes), ("ioServicedRecursive", operations), ("ioQueueRecursive", queued), ("ioServiceTimeRecursive", serviceTime),
            ("ioWaitTimeRecursive", waitTime), ("ioMergedRecursive", merged), ("ioTimeRecursive", time), ("sectorsRecursive", sectors),
        ] where !entries.isEmpty {
            writer.key(key)
            writer.array { writer in
                for entry in entries {
                    writer.object { writer in
                        writer.nonZero("major", entry.major)
                        writer.nonZero("minor", entry.minor)
                        if !entry.operation.isEmpty { writer.member("op", entry.operation) }
                        writer.nonZero("value", entry.value)
                    }
                }
            }
        }
        writer.pressure(pressure)
    }
}

extension InterfaceStatistics {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("Name", name)
            for (prefix, numbers) in [("Rx", received), ("Tx", sent)] {
                for (index, what) in ["Bytes", "Packets", "Errors", "Dropped"].enumerated() where index < numbers.count {
                    writer.member(prefix + what, numbers[index])
                }
            }
        }
    }
}
