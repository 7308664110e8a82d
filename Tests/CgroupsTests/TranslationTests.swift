import Cgroups
import Diagnostics
import OCISpec
import Testing

/// "file text" lines; the fallbacks in words.
private func lines(_ writes: [CgroupWrite]) -> [String] { writes.map { $0.line } }

@Suite("memory") struct MemoryTests {
    @Test("version 1", arguments: [
        (LinuxMemory(limit: 1 << 29), [#"memory.limit_in_bytes "536870912" (linux.resources.memory.limit)"#]),
        // memory before memory+swap, and once more after it
        (
            LinuxMemory(limit: 100, swap: 300),
            [
                #"memory.limit_in_bytes "100" (linux.resources.memory.limit), again after memory.memsw.limit_in_bytes"#,
                #"memory.memsw.limit_in_bytes "300" (linux.resources.memory.swap)"#,
            ]
        ),
        (
            LinuxMemory(limit: -1),
            [
                #"memory.limit_in_bytes "-1" (linux.resources.memory.limit), again after memory.memsw.limit_in_bytes"#,
                #"memory.memsw.limit_in_bytes "-1" (linux.resources.memory.swap), if there is such a file"#,
            ]
        ),
        (LinuxMemory(swap: 300), [#"memory.memsw.limit_in_bytes "300" (linux.resources.memory.swap)"#]),
        (LinuxMemory(reservation: 7), [#"memory.soft_limit_in_bytes "7" (linux.resources.memory.reservation)"#]),
        (LinuxMemory(kernel: 7), []),
        (LinuxMemory(kernelTCP: 7), [#"memory.kmem.tcp.limit_in_bytes "7" (linux.resources.memory.kernelTCP)"#]),
        (LinuxMemory(swappiness: 0), [#"memory.swappiness "0" (linux.resources.memory.swappiness)"#]),
        (LinuxMemory(disableOOMKiller: true), [#"memory.oom_control "1" (linux.resources.memory.disableOOMKiller)"#]),
        (LinuxMemory(disableOOMKiller: false), []),
        (LinuxMemory(useHierarchy: true), [#"memory.use_hierarchy "1" (linux.resources.memory.useHierarchy)"#]),
        (LinuxMemory(limit: 0, reservation: 0, swap: 0, kernelTCP: 0), []),
    ])
    func version1(memory: LinuxMemory, expected: [String]) { #expect(lines(memory.cgroup1Writes()) == expected) }

    @Test("version 2", arguments: [
        (LinuxMemory(limit: 1 << 29), [#"memory.max "536870912" (linux.resources.memory.limit)"#]),
        // RT-config-linux-068: -1 is unlimited, and lifts the limit of swap as well
        (
            LinuxMemory(limit: -1),
            [#"memory.swap.max "max" (linux.resources.memory.swap), if there is such a file"#, #"memory.max "max" (linux.resources.memory.limit)"#]
        ),
        (
            LinuxMemory(limit: 100, swap: 300),
            [#"memory.swap.max "200" (linux.resources.memory.swap)"#, #"memory.max "100" (linux.resources.memory.limit)"#]
        ),
        (
            LinuxMemory(limit: 100, swap: 100),
            [#"memory.swap.max "0" (linux.resources.memory.swap), if there is such a file"#, #"memory.max "100" (linux.resources.memory.limit)"#]
        ),
        (
            LinuxMemory(limit: -1, swap: 300),
            [#"memory.swap.max "300" (linux.resources.memory.swap)"#, #"memory.max "max" (linux.resources.memory.limit)"#]
        ),
        (LinuxMemory(swap: -1), [#"memory.swap.max "max" (linux.resources.memory.swap), if there is such a file"#]),
        (LinuxMemory(reservation: 7), [#"memory.low "7" (linux.resources.memory.reservation)"#]),
        (LinuxMemory(reservation: -1), [#"memory.low "max" (linux.resources.memory.reservation)"#]),
        (LinuxMemory(kernel: 7, kernelTCP: -1), []),
        (LinuxMemory(disableOOMKiller: false, useHierarchy: true), []),
        (
            LinuxMemory(limit: 100, swap: 300, checkBeforeUpdate: true),
            [
                #"memory.swap.max "200" (linux.resources.memory.swap), not below memory.swap.current"#,
                #"memory.max "100" (linux.resources.memory.limit), not below memory.current"#,
            ]
        ),
    ])
    func version2(memory: LinuxMemory, expected: [String]) throws { #expect(lines(try memory.cgroup2Writes()) == expected) }

    @Test("what version 2 cannot do (RT-config-linux-122)", arguments: [
        (LinuxMemory(swappiness: 60), "(linux.resources.memory.swappiness): swappiness on cgroup version 2 is not supported"),
        (LinuxMemory(disableOOMKiller: true), "(linux.resources.memory.disableOOMKiller): disabling the OOM killer on cgroup version 2 is not supported"),
        (LinuxMemory(kernelTCP: 1), "(linux.resources.memory.kernelTCP): a limit of kernel TCP memory on cgroup version 2 is not supported"),
        (LinuxMemory(useHierarchy: false), "(linux.resources.memory.useHierarchy): memory accounting without hierarchy on cgroup version 2 is not supported"),
        (LinuxMemory(swap: 5), "(linux.resources.memory.swap): a limit of memory and swap needs a limit of memory on cgroup version 2"),
        (LinuxMemory(limit: 9, swap: 5), "(linux.resources.memory.swap): 5 is below the memory limit of 9: it limits memory and swap together"),
    ])
    func impossible(memory: LinuxMemory, message: String) {
        let error = #expect(throws: OperationError.self) { try memory.cgroup2Writes() }
        #expect(error?.description == #"limit "memory" "# + message)
    }

    @Test("deprecated and meaningless limits are named")
    func warnings() {
        #expect(
            LinuxMemory(kernel: 9).warnings
                == ["linux.resources.memory.kernel is deprecated: the kernel counts its memory in the memory limit, ignoring"])
        #expect(LinuxMemory(limit: 0).warnings == ["linux.resources.memory.limit is 0, which means no limit, ignoring"])
        #expect(LinuxMemory(limit: 1, kernel: -1).warnings == [])
    }
}

@Suite("cpu") struct CPUTests {
    @Test("version 1", arguments: [
        (LinuxCPU(shares: 1024), [#"cpu.shares "1024" (linux.resources.cpu.shares)"#]),
        (LinuxCPU(shares: 0, quota: 0, period: 0, realtimeRuntime: 0, realtimePeriod: 0), []),
        (
            LinuxCPU(quota: 50000, burst: 10000, period: 100_000),
            [
                #"cpu.cfs_period_us "100000" (linux.resources.cpu.period), again after cpu.cfs_quota_us"#,
                #"cpu.cfs_burst_us "10000" (linux.resources.cpu.burst), again after cpu.cfs_quota_us"#,
                #"cpu.cfs_quota_us "50000" (linux.resources.cpu.quota)"#,
            ]
        ),
        (LinuxCPU(quota: -5), [#"cpu.cfs_quota_us "-1" (linux.resources.cpu.quota)"#]),
        (LinuxCPU(period: 5000), [#"cpu.cfs_period_us "5000" (linux.resources.cpu.period)"#]),
        (LinuxCPU(burst: 0), [#"cpu.cfs_burst_us "0" (linux.resources.cpu.burst), if there is such a file"#]),
        (
            LinuxCPU(realtimeRuntime: 950, realtimePeriod: 1000),
            [#"cpu.rt_period_us "1000" (linux.resources.cpu.realtimePeriod)"#, #"cpu.rt_runtime_us "950" (linux.resources.cpu.realtimeRuntime)"#]
        ),
        // leaving idleness comes before the shares, entering it after them
        (
            LinuxCPU(shares: 9, idle: 0),
            [#"cpu.idle "0" (linux.resources.cpu.idle), if there is such a file"#, #"cpu.shares "9" (linux.resources.cpu.shares)"#]
        ),
        (LinuxCPU(shares: 9, idle: 1), [#"cpu.shares "9" (linux.resources.cpu.shares)"#, #"cpu.idle "1" (linux.resources.cpu.idle)"#]),
    ])
    func version1(cpu: LinuxCPU, expected: [String]) { #expect(lines(cpu.cgroup1Writes()) == expected) }

    @Test("version 2", arguments: [
        (LinuxCPU(shares: 1024), [#"cpu.weight "100" (linux.resources.cpu.shares)"#]),
        (LinuxCPU(quota: 50000, period: 100_000), [#"cpu.max "50000 100000" (linux.resources.cpu.quota)"#]),
        (LinuxCPU(quota: 50000), [#"cpu.max "50000" (linux.resources.cpu.quota)"#]),
        (LinuxCPU(quota: -1, period: 100_000), [#"cpu.max "max 100000" (linux.resources.cpu.quota)"#]),
        (LinuxCPU(period: 5000), [#"cpu.max "max 5000" (linux.resources.cpu.period)"#]),
        (
            LinuxCPU(quota: 50000, burst: 10000),
            [#"cpu.max.burst "10000" (linux.resources.cpu.burst), again after cpu.max"#, #"cpu.max "50000" (linux.resources.cpu.quota)"#]
        ),
        (LinuxCPU(burst: 10), [#"cpu.max.burst "10" (linux.resources.cpu.burst)"#]),
        (LinuxCPU(idle: 1), [#"cpu.idle "1" (linux.resources.cpu.idle)"#]),
        (LinuxCPU(realtimeRuntime: 0, realtimePeriod: 0), []),
    ])
    func version2(cpu: LinuxCPU, expected: [String]) throws { #expect(lines(try cpu.cgroup2Writes()) == expected) }

    @Test("realtime scheduling has no version 2")
    func realtime() {
        let error = #expect(throws: OperationError.self) { try LinuxCPU(realtimeRuntime: 1).cgroup2Writes() }
        #expect(
            error?.description
                == #"limit "cpu" (linux.resources.cpu.realtimeRuntime): a limit of realtime scheduling on cgroup version 2 is not supported"#)
    }

    @Test("shares become weights on the curve of runc and crun (RT-config-linux-121)", arguments: [
        (0, 1), (1, 1), (2, 1), (3, 2), (10, 4), (100, 17), (512, 59), (1000, 99), (1023, 100), (1024, 100), (1025, 101), (2048, 174),
        (4096, 303), (10000, 627), (100_000, 4340), (262_143, 10000), (262_144, 10000), (UInt64.max, 10000),
    ] as [(UInt64, UInt64)])
    func weights(shares: UInt64, weight: UInt64) { #expect(cpuWeight(ofShares: shares) == weight) }

    @Test("cpuset") func cpuset() {
        #expect(
            lines(LinuxCPU(cpus: "0-3,7", mems: "0").cpusetWrites())
                == [#"cpuset.cpus "0-3,7" (linux.resources.cpu.cpus)"#, #"cpuset.mems "0" (linux.resources.cpu.mems)"#])
        #expect(LinuxCPU(cpus: "", mems: nil).cpusetWrites().isEmpty)
    }
}

@Suite("block IO, pids, huge pages, network, RDMA, unified") struct OtherLimitTests {
    let blockIO = LinuxBlockIO(
        weight: 500, weightDevice: [.init(major: 8, minor: 0, weight: 1000), .init(major: 8, minor: 16, weight: 10)],
        throttleReadBpsDevice: [.init(major: 8, minor: 0, rate: 600)], throttleWriteBpsDevice: [.init(major: 8, minor: 0, rate: 0)],
        throttleReadIOPSDevice: [.init(major: 8, minor: 0, rate: 7)], throttleWriteIOPSDevice: [.init(major: 8, minor: 16, rate: .max)])

    @Test("block IO, version 1") func io1() {
        var blockIO = blockIO
        blockIO.leafWeight = 20
        blockIO.weightDevice[1] = .init(major: 8, minor: 16, leafWeight: 30)
        #expect(
            lines(blockIO.cgroup1Writes()) == [
                #"blkio.weight "500" (linux.resources.blockIO.weight), or blkio.bfq.weight "500""#,
                #"blkio.leaf_weight "20" (linux.resources.blockIO.leafWeight)"#,
                #"blkio.weight_device "8:0 1000" (linux.resources.blockIO.weightDevice[0].weight), or blkio.bfq.weight_device "8:0 1000""#,
                #"blkio.leaf_weight_device "8:16 30" (linux.resources.blockIO.weightDevice[1].leafWeight)"#,
                #"blkio.throttle.read_bps_device "8:0 600" (linux.resources.blockIO.throttleReadBpsDevice[0].rate)"#,
                #"blkio.throttle.write_bps_device "8:0 0" (linux.resources.blockIO.throttleWriteBpsDevice[0].rate)"#,
                #"blkio.throttle.read_iops_device "8:0 7" (linux.resources.blockIO.throttleReadIOPSDevice[0].rate)"#,
                #"blkio.throttle.write_iops_device "8:16 18446744073709551615" (linux.resources.blockIO.throttleWriteIOPSDevice[0].rate)"#,
            ])
    }

    @Test("block IO, version 2") func io2() throws {
        #expect(
            lines(try blockIO.cgroup2Writes()) == [
                #"io.bfq.weight "500" (linux.resources.blockIO.weight), or io.weight "4950""#,
                #"io.bfq.weight "8:0 1000" (linux.resources.blockIO.weightDevice[0].weight), or io.weight "8:0 10000""#,
                #"io.bfq.weight "8:16 10" (linux.resources.blockIO.weightDevice[1].weight), or io.weight "8:16 1""#,
                #"io.max "8:0 rbps=600" (linux.resources.blockIO.throttleReadBpsDevice[0].rate)"#,
                #"io.max "8:0 wbps=max" (linux.resources.blockIO.throttleWriteBpsDevice[0].rate)"#,
                #"io.max "8:0 riops=7" (linux.resources.blockIO.throttleReadIOPSDevice[0].rate)"#,
                #"io.max "8:16 wiops=18446744073709551615" (linux.resources.blockIO.throttleWriteIOPSDevice[0].rate)"#,
            ])
    }

    @Test("leaf weights have no version 2 (RT-config-linux-122)") func leafWeights() {
        var error = #expect(throws: OperationError.self) { try LinuxBlockIO(leafWeight: 10).cgroup2Writes() }
        #expect(error?.description == #"limit "block IO" (linux.resources.blockIO.leafWeight): a leaf weight on cgroup version 2 is not supported"#)
        error = #expect(throws: OperationError.self) { try LinuxBlockIO(weightDevice: [.init(major: 1, minor: 2, leafWeight: 10)]).cgroup2Writes() }
        #expect(error?.field == "linux.resources.blockIO.weightDevice[0].leafWeight")
    }

    @Test("pids", arguments: [(32771, "32771"), (0, "1"), (-1, "max"), (-5, "max")] as [(Int64, String)])
    func pids(limit: Int64, text: String) {
        #expect(LinuxPids(limit: limit).writes() == [CgroupWrite(file: "pids.max", text: text, field: "linux.resources.pids.limit")])
        #expect(LinuxPids().writes().isEmpty)
    }

    @Test("huge pages, network, RDMA (RT-config-linux-102 to 109, RT-config-linux-113 to 116)") func rest() {
        let page = LinuxHugepageLimit(pageSize: "2MB", limit: 9)
        #expect(
            lines(page.writes(.v1, index: 3)) == [
                #"hugetlb.2MB.limit_in_bytes "9" (linux.resources.hugepageLimits[3])"#,
                #"hugetlb.2MB.rsvd.limit_in_bytes "9" (linux.resources.hugepageLimits[3]), if there is such a file"#,
            ])
        #expect(page.writes(.v2, index: 0).map { $0.file } == ["hugetlb.2MB.max", "hugetlb.2MB.rsvd.max"])
        let network = LinuxNetwork(classID: 1_048_577, priorities: [.init(name: "eth0", priority: 500)])
        #expect(lines(network.classWrites()) == [#"net_cls.classid "1048577" (linux.resources.network.classID)"#])
        #expect(lines(network.priorityWrites()) == [#"net_prio.ifpriomap "eth0 500" (linux.resources.network.priorities[0])"#])
        #expect(LinuxNetwork(classID: 0).classWrites().isEmpty)
        #expect(LinuxRDMA(device: "mlx5_1", hcaHandles: 3, hcaObjects: 10).writes()[0].text == "mlx5_1 hca_handle=3 hca_object=10")
        #expect(LinuxRDMA(device: "rxe3", hcaObjects: 10).writes()[0].text == "rxe3 hca_object=10")
    }

    @Test("unified: one write per line (RT-config-linux-117, RT-config-linux-119)") func unified() {
        let entry = LinuxUnified(file: "io.max", value: "259:0 rbps=1\n253:0 rbps=2")
        #expect(
            lines(entry.writes()) == [
                #"io.max "259:0 rbps=1" (linux.resources.unified["io.max"])"#, #"io.max "253:0 rbps=2" (linux.resources.unified["io.max"])"#,
            ])
        #expect(entry.controller == "io")
        #expect(LinuxUnified(file: "cgroup.max.depth", value: "1").controller == nil)
        #expect(LinuxUnified(file: "cpuset.cpus", value: "").writes().map { $0.text } == ["\n"])
    }
}
