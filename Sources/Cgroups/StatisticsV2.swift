extension CgroupStatistics {
    /// Adds what the files of a version 2 cgroup say.
    ///
    /// - Parameters:
    ///   - names: the files that are there.
    ///   - text: gives a file's text; nil when there is none.
    /// Source: kernel cgroup-v2.rst, "Controllers".
    package mutating func addVersion2(_ names: Set<String>, _ text: (String) -> String?) {
        // Every cgroup counts CPU time, also beside version 1, where another hierarchy limits it and counts more.
        if let stat = text("cpu.stat") { addCPU(table(stat), text) }
        if names.contains("cpuset.cpus.effective") {
            var cpuset = CpusetStatistics()
            cpuset.cpus = numberList(text("cpuset.cpus.effective"))
            cpuset.mems = numberList(text("cpuset.mems.effective"))
            self.cpuset = cpuset
        }
        if names.contains("memory.current") { addMemory(text) }
        if let current = number(text("pids.current")) {
            let limit = number(text("pids.max")) ?? .max
            pids = PidsStatistics(current: current, limit: limit == .max ? 0 : limit)
        }
        if names.contains("io.stat") { addBlockIO(text) }
        for size in hugePageSizes(names, suffix: ".current") {
            // reservations count what is faulted in as well (since 5.7)
            let prefix = "hugetlb." + size
            let usage = number(text(prefix + ".rsvd.current")) ?? number(text(prefix + ".current"))
            hugePages.append((size, HugePageStatistics(usage: usage ?? 0, failures: table(text(prefix + ".events"))["max"])))
        }
    }

    private mutating func addCPU(_ stat: [(key: String, value: UInt64)], _ text: (String) -> String?) {
        var cpu = CPUStatistics()
        cpu.total = stat["usage_usec"] &* 1000
        cpu.user = stat["user_usec"] &* 1000
        cpu.system = stat["system_usec"] &* 1000
        cpu.periods = stat["nr_periods"]
        cpu.throttledPeriods = stat["nr_throttled"]
        cpu.throttledTime = stat["throttled_usec"] &* 1000
        cpu.pressure = pressure(text("cpu.pressure"))
        self.cpu = cpu
    }

    private mutating func addMemory(_ text: (String) -> String?) {
        var memory = MemoryStatistics()
        memory.counters = table(text("memory.stat"))
        memory.cache = memory.counters["file"]
        let events = table(text("memory.events"))
        memory.kills = events["oom_kill"]
        memory.usage = MemoryStatistics.Entry(
            limit: number(text("memory.max")) ?? .max, usage: number(text("memory.current")) ?? 0, greatest: number(text("memory.peak")) ?? 0,
            failures: events["max"])
        if let swap = number(text("memory.swap.current")) {
            let limit = number(text("memory.swap.max")) ?? .max
            let (sum, overflow) = limit.addingReportingOverflow(memory.usage.limit)
            memory.swap = MemoryStatistics.Entry(
                limit: overflow ? .max : sum, usage: swap &+ memory.usage.usage, failures: table(text("memory.swap.events"))["max"])
        }
        memory.kernel.usage = memory.counters["kernel"]
        memory.pressure = pressure(text("memory.pressure"))
        self.memory = memory
    }

    /// Lines "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6".
    private mutating func addBlockIO(_ text: (String) -> String?) {
        var blockIO = BlockIOStatistics()
        for line in lines(text("io.stat")) {
            let words = words(line)
            guard let first = words.first, let device = deviceNumbers(first) else { continue }
            for word in words.dropFirst() {
                guard let (key, value) = pair(word), let count = UInt64(value) else { continue }
                func entry(_ operation: String) -> BlockIOStatistics.Entry {
                    BlockIOStatistics.Entry(major: device.major, minor: device.minor, operation: operation, value: count)
                }
                switch key {
                case "rbytes": blockIO.bytes.append(entry("Read"))
                case "wbytes": blockIO.bytes.append(entry("Write"))
                case "dbytes": blockIO.bytes.append(entry("Discard"))
                case "rios": blockIO.operations.append(entry("Read"))
                case "wios": blockIO.operations.append(entry("Write"))
                case "dios": blockIO.operations.append(entry("Discard"))
                default: continue
                }
            }
        }
        blockIO.pressure = pressure(text("io.pressure"))
        self.blockIO = blockIO
    }
}
