extension CgroupStatistics {
    /// Adds what the files of one version 1 cgroup say: those of its hierarchy's controllers.
    ///
    /// - Parameters:
    ///   - names: the files that are there.
    ///   - text: gives a file's text; nil when there is none.
    package mutating func addVersion1(_ names: Set<String>, _ text: (String) -> String?) {
        if names.contains("cpuacct.usage") { addUsage(text) }
        if names.contains("cpu.stat") {
            let stat = table(text("cpu.stat"))
            var cpu = self.cpu ?? CPUStatistics()
            cpu.periods = stat["nr_periods"]
            cpu.throttledPeriods = stat["nr_throttled"]
            cpu.throttledTime = stat["throttled_time"]
            self.cpu = cpu
        }
        if names.contains("cpuset.cpus") { addCpuset(text) }
        if names.contains("memory.usage_in_bytes") { addMemory(names, text) }
        if let current = number(text("pids.current")) {
            let limit = number(text("pids.max")) ?? .max
            pids = PidsStatistics(current: current, limit: limit == .max ? 0 : limit)
        }
        addBlockIO(names, text)
        for size in hugePageSizes(names, suffix: ".usage_in_bytes") {
            // reservations count what is faulted in as well (since 5.7)
            let prefix = "hugetlb." + size + (names.contains("hugetlb." + size + ".rsvd.usage_in_bytes") ? ".rsvd" : "")
            hugePages.append(
                (
                    size,
                    HugePageStatistics(
                        usage: number(text(prefix + ".usage_in_bytes")) ?? 0, greatest: number(text(prefix + ".max_usage_in_bytes")) ?? 0,
                        failures: number(text(prefix + ".failcnt")) ?? 0)
                ))
        }
    }

    /// Source: kernel cgroup-v1/cpuacct.rst.
    private mutating func addUsage(_ text: (String) -> String?) {
        var cpu = self.cpu ?? CPUStatistics()
        cpu.total = number(text("cpuacct.usage")) ?? 0
        // in ticks, a hundred a second on every architecture (USER_HZ)
        let stat = table(text("cpuacct.stat"))
        cpu.user = stat["user"] &* 10_000_000
        cpu.system = stat["system"] &* 10_000_000
        cpu.totalOfCPU = words(text("cpuacct.usage_percpu") ?? "").compactMap { UInt64($0) }
        cpu.userOfCPU = []
        cpu.systemOfCPU = []
        // "cpu user system" and a line for each CPU
        for line in lines(text("cpuacct.usage_all")).dropFirst() {
            let numbers = words(line).compactMap { UInt64($0) }
            guard numbers.count == 3 else { continue }
            cpu.userOfCPU.append(numbers[1])
            cpu.systemOfCPU.append(numbers[2])
        }
        self.cpu = cpu
    }

    private mutating func addCpuset(_ text: (String) -> String?) {
        var cpuset = CpusetStatistics()
        cpuset.cpus = numberList(text("cpuset.cpus"))
        cpuset.mems = numberList(text("cpuset.mems"))
        for name in [
            "cpu_exclusive", "mem_hardwall", "mem_exclusive", "memory_migrate", "memory_spread_page", "memory_spread_slab", "memory_pressure",
            "sched_load_balance", "sched_relax_domain_level",
        ] {
            guard let word = words(text("cpuset." + name) ?? "").first, let value = Int64(word) else { continue }
            cpuset.settings.append((name, value))
        }
        self.cpuset = cpuset
    }

    /// Source: kernel cgroup-v1/memory.rst.
    private mutating func addMemory(_ names: Set<String>, _ text: (String) -> String?) {
        func entry(_ prefix: String) -> MemoryStatistics.Entry {
            MemoryStatistics.Entry(
                limit: number(text(prefix + "limit_in_bytes")) ?? 0, usage: number(text(prefix + "usage_in_bytes")) ?? 0,
                greatest: number(text(prefix + "max_usage_in_bytes")) ?? 0, failures: number(text(prefix + "failcnt")) ?? 0)
        }
        var memory = MemoryStatistics()
        memory.counters = table(text("memory.stat"))
        memory.cache = memory.counters["cache"]
        memory.usage = entry("memory.")
        memory.swap = entry("memory.memsw.")
        memory.kernel = entry("memory.kmem.")
        memory.kernelTCP = entry("memory.kmem.tcp.")
        memory.kills = table(text("memory.oom_control"))["oom_kill"]
        self.memory = memory
    }

    /// The files of the scheduler that counts: BFQ, CFQ before Linux 5.0, else those of the throttling limits.
    ///
    /// Source: kernel cgroup-v1/blkio-controller.rst; block/bfq-cgroup.c.
    private mutating func addBlockIO(_ names: Set<String>, _ text: (String) -> String?) {
        for prefix in ["blkio.bfq.", "blkio.", "blkio.throttle."] where names.contains(prefix + "io_serviced_recursive") {
            func entries(_ name: String) -> [BlockIOStatistics.Entry] { Self.entries(text(prefix + name + "_recursive")) }
            var blockIO = BlockIOStatistics()
            blockIO.bytes = entries("io_service_bytes")
            blockIO.operations = entries("io_serviced")
            // a scheduler that no device uses counts nothing
            if blockIO.operations.isEmpty && prefix != "blkio.throttle." { continue }
            blockIO.queued = entries("io_queued")
            blockIO.serviceTime = entries("io_service_time")
            blockIO.waitTime = entries("io_wait_time")
            blockIO.merged = entries("io_merged")
            blockIO.time = entries("time")
            blockIO.sectors = entries("sectors")
            self.blockIO = blockIO
            return
        }
    }

    /// Lines "8:0 Read 5" or "8:0 5"; the sum "Total 5" at the end is of no device.
    private static func entries(_ text: String?) -> [BlockIOStatistics.Entry] {
        lines(text).compactMap { line in
            let words = words(line)
            guard let first = words.first, let device = deviceNumbers(first), let last = words.last, let value = UInt64(last) else { return nil }
            return BlockIOStatistics.Entry(major: device.major, minor: device.minor, operation: words.count == 3 ? words[1] : "", value: value)
        }
    }
}
