import Cgroups
import Testing

/// Files of a cgroup as they were read on a host.
private struct Files {
    let texts: [String: String]
    var names: Set<String> { Set(texts.keys) }
    func text(_ name: String) -> String? { texts[name] }
}

private func entry(_ major: UInt64, _ minor: UInt64, _ operation: String, _ value: UInt64) -> BlockIOStatistics.Entry {
    BlockIOStatistics.Entry(major: major, minor: minor, operation: operation, value: value)
}

@Suite("statistics of version 1") struct Version1StatisticsTests {
    private func statistics(_ texts: [String: String]) -> CgroupStatistics {
        var statistics = CgroupStatistics()
        let files = Files(texts: texts)
        statistics.addVersion1(files.names, files.text)
        return statistics
    }

    @Test("CPU time and throttling come from two hierarchies")
    func cpu() {
        var statistics = CgroupStatistics()
        let accounting = Files(texts: [
            "cpuacct.usage": "2406597140613\n", "cpuacct.stat": "user 199993\nsystem 40666\n", "cpuacct.usage_percpu": "1003616455322 1402980685288 \n",
            "cpuacct.usage_all": "cpu user system\n0 837338380213 151571641594\n1 1141115085331 250726887571\n",
        ])
        let time = Files(texts: ["cpu.stat": "nr_periods 12\nnr_throttled 3\nthrottled_time 4567890\nnr_bursts 0\nburst_time 0\n", "cpu.shares": "1024\n"])
        for order in [[accounting, time], [time, accounting]] {
            statistics = CgroupStatistics()
            for files in order { statistics.addVersion1(files.names, files.text) }
            var expected = CPUStatistics()
            expected.total = 2_406_597_140_613
            expected.user = 1_999_930_000_000
            expected.system = 406_660_000_000
            expected.totalOfCPU = [1_003_616_455_322, 1_402_980_685_288]
            expected.userOfCPU = [837_338_380_213, 1_141_115_085_331]
            expected.systemOfCPU = [151_571_641_594, 250_726_887_571]
            expected.periods = 12
            expected.throttledPeriods = 3
            expected.throttledTime = 4_567_890
            #expect(statistics.cpu == expected)
        }
    }

    @Test("memory")
    func memory() {
        let memory = statistics([
            "memory.usage_in_bytes": "4202496\n", "memory.max_usage_in_bytes": "8388608\n", "memory.limit_in_bytes": "16777216\n", "memory.failcnt": "25\n",
            "memory.memsw.usage_in_bytes": "4202497\n", "memory.memsw.max_usage_in_bytes": "8388609\n", "memory.memsw.limit_in_bytes": "9223372036854771712\n",
            "memory.memsw.failcnt": "0\n", "memory.kmem.usage_in_bytes": "102400\n", "memory.kmem.limit_in_bytes": "9223372036854771712\n",
            "memory.kmem.tcp.usage_in_bytes": "0\n", "memory.stat": "cache 9543680\nrss 14336000\nhierarchical_memory_limit 9223372036854771712\n",
            "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
        ]).memory
        #expect(memory?.usage == MemoryStatistics.Entry(limit: 16_777_216, usage: 4_202_496, greatest: 8_388_608, failures: 25))
        #expect(memory?.swap == MemoryStatistics.Entry(limit: 9_223_372_036_854_771_712, usage: 4_202_497, greatest: 8_388_609))
        #expect(memory?.kernel.usage == 102_400 && memory?.kernelTCP == MemoryStatistics.Entry())
        #expect(memory?.cache == 9_543_680 && memory?.kills == 2 && memory?.counters.map { $0.key } == ["cache", "rss", "hierarchical_memory_limit"])
    }

    @Test("pids, cpuset, huge pages")
    func rest() {
        #expect(statistics(["pids.current": "3\n", "pids.max": "max\n"]).pids == PidsStatistics(current: 3))
        #expect(statistics(["pids.current": "3\n", "pids.max": "40\n"]).pids == PidsStatistics(current: 3, limit: 40))
        let cpuset = statistics([
            "cpuset.cpus": "0-2,7\n", "cpuset.mems": "0\n", "cpuset.sched_relax_domain_level": "-1\n", "cpuset.sched_load_balance": "1\n",
        ]).cpuset
        #expect(cpuset?.cpus == [0, 1, 2, 7] && cpuset?.mems == [0])
        #expect(cpuset?.settings.map { "\($0.name) \($0.value)" } == ["sched_load_balance 1", "sched_relax_domain_level -1"])
        let pages = statistics([
            "hugetlb.2MB.usage_in_bytes": "0\n", "hugetlb.2MB.rsvd.usage_in_bytes": "4194304\n", "hugetlb.2MB.rsvd.max_usage_in_bytes": "6291456\n",
            "hugetlb.2MB.rsvd.failcnt": "1\n", "hugetlb.1GB.usage_in_bytes": "1073741824\n",
        ]).hugePages
        #expect(pages.map { $0.pageSize } == ["1GB", "2MB"])
        #expect(pages.map { $0.usage } == [HugePageStatistics(usage: 1 << 30), HugePageStatistics(usage: 4_194_304, greatest: 6_291_456, failures: 1)])
    }

    @Test("block devices: the scheduler that counts, else the limits")
    func blockIO() {
        let throttle = [
            "blkio.throttle.io_service_bytes_recursive": "8:0 Read 4096\n8:0 Write 0\n8:0 Total 4096\nTotal 4096\n",
            "blkio.throttle.io_serviced_recursive": "8:0 Read 1\nTotal 1\n",
        ]
        let silent = ["blkio.bfq.io_service_bytes_recursive": "Total 0\n", "blkio.bfq.io_serviced_recursive": "Total 0\n"]
        let expected = [entry(8, 0, "Read", 4096), entry(8, 0, "Write", 0), entry(8, 0, "Total", 4096)]
        #expect(statistics(throttle).blockIO?.bytes == expected)
        #expect(statistics(throttle.merging(silent) { a, _ in a }).blockIO?.bytes == expected)
        let counting = [
            "blkio.bfq.io_service_bytes_recursive": "8:16 Read 5\n", "blkio.bfq.io_serviced_recursive": "8:16 Read 6\n", "blkio.bfq.time_recursive": "8:16 7\n",
        ]
        let found = statistics(throttle.merging(counting) { a, _ in a }).blockIO
        #expect(found?.bytes == [entry(8, 16, "Read", 5)] && found?.operations == [entry(8, 16, "Read", 6)] && found?.time == [entry(8, 16, "", 7)])
        #expect(statistics(["memory.stat": ""]).blockIO == nil)
    }
}

@Suite("statistics of version 2") struct Version2StatisticsTests {
    private func statistics(_ texts: [String: String]) -> CgroupStatistics {
        var statistics = CgroupStatistics()
        let files = Files(texts: texts)
        statistics.addVersion2(files.names, files.text)
        return statistics
    }
    private let pressure = "some avg10=1.23 avg60=0.45 avg300=0.06 total=789\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=12\n"

    @Test("CPU time, throttling, pressure")
    func cpu() {
        let cpu = statistics([
            "cpu.stat":
                "usage_usec 7654321\nuser_usec 5000000\nsystem_usec 2654321\ncore_sched.force_idle_usec 0\nnr_periods 9\nnr_throttled 4\nthrottled_usec 55\nnr_bursts 0\nburst_usec 0\n",
            "cpu.pressure": pressure,
        ]).cpu
        var expected = CPUStatistics()
        expected.total = 7_654_321_000
        expected.user = 5_000_000_000
        expected.system = 2_654_321_000
        expected.periods = 9
        expected.throttledPeriods = 4
        expected.throttledTime = 55000
        expected.pressure = Pressure()
        expected.pressure?.some.average10 = "1.23"
        expected.pressure?.some.average60 = "0.45"
        expected.pressure?.some.average300 = "0.06"
        expected.pressure?.some.total = 789
        expected.pressure?.full.average10 = "0.00"
        expected.pressure?.full.average60 = "0.00"
        expected.pressure?.full.average300 = "0.00"
        expected.pressure?.full.total = 12
        #expect(cpu == expected)
    }

    @Test("memory: swap is told together with memory")
    func memory() {
        var texts = [
            "memory.current": "4202496\n", "memory.max": "16777216\n", "memory.peak": "8388608\n", "memory.swap.current": "4096\n", "memory.swap.max": "8388608\n",
            "memory.stat": "anon 1\nfile 9543680\nkernel 102400\n", "memory.events": "low 0\nhigh 0\nmax 25\noom 3\noom_kill 2\noom_group_kill 0\n",
            "memory.swap.events": "high 0\nmax 7\nfail 0\n",
        ]
        var memory = statistics(texts).memory
        #expect(memory?.usage == MemoryStatistics.Entry(limit: 16_777_216, usage: 4_202_496, greatest: 8_388_608, failures: 25))
        #expect(memory?.swap == MemoryStatistics.Entry(limit: 25_165_824, usage: 4_206_592, failures: 7))
        #expect(memory?.kernel.usage == 102_400 && memory?.cache == 9_543_680 && memory?.kills == 2)
        texts["memory.max"] = "max\n"
        texts["memory.swap.max"] = "max\n"
        texts["memory.peak"] = nil
        memory = statistics(texts).memory
        #expect(memory?.usage == MemoryStatistics.Entry(limit: .max, usage: 4_202_496, failures: 25) && memory?.swap.limit == .max)
    }

    @Test("pids, cpuset, block devices, huge pages")
    func rest() {
        let found = statistics([
            "pids.current": "3\n", "pids.max": "max\n", "cpuset.cpus.effective": "0-1\n", "cpuset.mems.effective": "0\n",
            "io.stat": "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\n254:1 \n7:0 rbytes=x cost.usage=9\n", "io.pressure": pressure,
            "hugetlb.2MB.current": "2097152\n", "hugetlb.2MB.rsvd.current": "4194304\n", "hugetlb.2MB.events": "max 3\n", "hugetlb.1GB.current": "0\n",
        ])
        #expect(found.pids == PidsStatistics(current: 3) && found.cpuset?.cpus == [0, 1] && found.cpuset?.mems == [0])
        #expect(found.blockIO?.bytes == [entry(8, 0, "Read", 1), entry(8, 0, "Write", 2), entry(8, 0, "Discard", 5)])
        #expect(found.blockIO?.operations == [entry(8, 0, "Read", 3), entry(8, 0, "Write", 4), entry(8, 0, "Discard", 6)])
        #expect(found.blockIO?.pressure?.some.total == 789)
        #expect(found.hugePages.map { $0.usage } == [HugePageStatistics(), HugePageStatistics(usage: 4_194_304, failures: 3)])
    }

    @Test("files that are missing, empty or of another form are no numbers, and no crash")
    func strange() {
        #expect(statistics([:]) == CgroupStatistics())
        let found = statistics([
            "cpu.stat": "usage_usec\n\nusage_usec x\nusage_usec 99999999999999999999\n a b c\n", "memory.current": "", "memory.max": "-1\n", "pids.current": "many\n",
            "io.stat": "8 rbytes=1\n8:0:0 rbytes=1\n:\n=\n", "cpuset.cpus.effective": "3-1,,a,-,70000\n", "cpuset.mems.effective": "\n",
            "cpu.pressure": "some avg10=1e9 avg60=..\n", "hugetlb..current": "1\n",
        ])
        #expect(found.cpu?.total == 0 && found.cpu?.pressure?.some.average10 == "0" && found.cpu?.pressure?.some.average60 == "0")
        #expect(found.memory?.usage == MemoryStatistics.Entry(limit: .max) && found.pids == nil)
        #expect(found.blockIO?.bytes == [] && found.cpuset?.cpus == [])
    }
}
