import Cgroups
import Diagnostics
import OCISpec
import Testing

private func v1(_ controllers: String...) -> CgroupHierarchy {
    CgroupHierarchy(version: .v1, controllers: controllers, mountPoint: "/sys/fs/cgroup/" + controllers.joined(separator: ","), ownPath: "/")
}
private let systemd = CgroupHierarchy(version: .v1, controllers: [], mountPoint: "/sys/fs/cgroup/systemd")
private let hybrid = CgroupSetup(hierarchies: [
    CgroupHierarchy(version: .v2, controllers: ["hugetlb"], mountPoint: "/sys/fs/cgroup/unified"), systemd, v1("pids"), v1("devices"), v1("memory"),
    v1("cpuset"), v1("cpu", "cpuacct"),
])
private func pure(_ controllers: [String] = ["cpuset", "cpu", "io", "memory", "hugetlb", "pids", "rdma"], own: String = "/", rootless: Bool = false) -> CgroupSetup {
    CgroupSetup(
        hierarchies: [CgroupHierarchy(version: .v2, controllers: controllers, mountPoint: "/sys/fs/cgroup", ownPath: own)], isRootless: rootless)
}
private func resources(_ change: (inout LinuxResources) -> Void) -> LinuxResources {
    var resources = LinuxResources()
    change(&resources)
    return resources
}

@Suite("plans") struct PlanTests {
    @Test("hybrid: each limit goes where its controller is")
    func hybridPlan() throws {
        let plan = try planCgroup(
            path: "/docker/4f9c", id: "web",
            resources: resources {
                $0.devices = [LinuxDeviceRule(allow: true)]
                $0.memory = LinuxMemory(limit: 100, swap: 200, kernel: 5)
                $0.cpu = LinuxCPU(shares: 512, cpus: "0")
                $0.pids = LinuxPids(limit: 10)
                $0.hugepageLimits = [LinuxHugepageLimit(pageSize: "2MB", limit: 0)]
                $0.unified = [LinuxUnified(file: "cgroup.max.depth", value: "3")]
            }, setup: hybrid)
        #expect(
            plan.lines == [
                "cgroup /sys/fs/cgroup/unified/docker/4f9c",
                "  enable hugetlb",
                #"  write hugetlb.2MB.max "0" (linux.resources.hugepageLimits[0])"#,
                #"  write hugetlb.2MB.rsvd.max "0" (linux.resources.hugepageLimits[0]), if there is such a file"#,
                #"  write cgroup.max.depth "3" (linux.resources.unified["cgroup.max.depth"])"#,
                "cgroup /sys/fs/cgroup/systemd/docker/4f9c, if it may be made",
                "cgroup /sys/fs/cgroup/pids/docker/4f9c",
                #"  write pids.max "10" (linux.resources.pids.limit)"#,
                "cgroup /sys/fs/cgroup/devices/docker/4f9c",
                #"  write devices.allow "a" (linux.resources.devices)"#,
                "cgroup /sys/fs/cgroup/memory/docker/4f9c",
                #"  write memory.limit_in_bytes "100" (linux.resources.memory.limit), again after memory.memsw.limit_in_bytes"#,
                #"  write memory.memsw.limit_in_bytes "200" (linux.resources.memory.swap)"#,
                "cgroup /sys/fs/cgroup/cpuset/docker/4f9c",
                "  take cpuset.cpus and cpuset.mems from the parent",
                #"  write cpuset.cpus "0" (linux.resources.cpu.cpus)"#,
                "cgroup /sys/fs/cgroup/cpu,cpuacct/docker/4f9c",
                #"  write cpu.shares "512" (linux.resources.cpu.shares)"#,
            ])
        #expect(plan.warnings == ["linux.resources.memory.kernel is deprecated: the kernel counts its memory in the memory limit, ignoring"])
    }

    @Test("pure version 2")
    func purePlan() throws {
        let plan = try planCgroup(
            path: nil, id: "web",
            resources: resources {
                $0.devices = [LinuxDeviceRule(allow: false)]
                $0.memory = LinuxMemory(limit: 100)
                $0.cpu = LinuxCPU(cpus: "0-1")
                $0.unified = [LinuxUnified(file: "memory.high", value: "50"), LinuxUnified(file: "cpu.pressure", value: "some 150000 1000000")]
            }, setup: pure(), deviceRules: [LinuxDeviceRule(allow: true, kind: .character, major: 1, minor: 3)], owner: 1000)
        #expect(
            plan.lines == [
                "cgroup /sys/fs/cgroup/cale-web",
                "  enable memory cpuset",
                "  enable cpu io pids, if possible",
                #"  write memory.max "100" (linux.resources.memory.limit)"#,
                #"  write cpuset.cpus "0-1" (linux.resources.cpu.cpus)"#,
                #"  write memory.high "50" (linux.resources.unified["memory.high"])"#,
                #"  write cpu.pressure "some 150000 1000000" (linux.resources.unified["cpu.pressure"])"#,
                "  device program: deny a *:* rwm",
                "  device program: allow c 1:3 rwm",
                "  owner 1000",
            ])
    }

    @Test("without limits and rules nothing must succeed")
    func empty() throws {
        let plan = try planCgroup(path: nil, id: "web", resources: LinuxResources(), setup: pure([], own: "/user.slice/a.scope", rootless: true))
        #expect(plan.lines == ["cgroup /sys/fs/cgroup/user.slice/cale-web, if it may be made"])
        #expect(try planCgroup(path: nil, id: "web", resources: LinuxResources(), setup: CgroupSetup(hierarchies: [])).lines == [])
    }

    @Test("a user's relative path counts from the parent of the own cgroup", arguments: [
        ("a/b", "/user.slice/user-1.slice/x.scope", "/sys/fs/cgroup/user.slice/user-1.slice/a/b"), ("/a/b", "/user.slice/x.scope", "/sys/fs/cgroup/a/b"),
        ("a", "/", "/sys/fs/cgroup/a"), ("a", "/../other", "/sys/fs/cgroup/a"),
    ])
    func rootless(path: String, own: String, directory: String) throws {
        let plan = try planCgroup(path: path, id: "web", resources: LinuxResources(), setup: pure(own: own, rootless: true))
        #expect(plan.directories.map { $0.absolute } == [directory])
    }

    @Test("limits that the host cannot give are refused, with what it has", arguments: [
        (
            resources { $0.memory = LinuxMemory(limit: 1) }, pure(["pids", "cpu"]),
            #"limit "memory" (linux.resources.memory): a limit by a cgroup controller that this host does not offer is not supported; hint: it offers pids, cpu"#
        ),
        (
            resources { $0.pids = LinuxPids(limit: 1) }, CgroupSetup(hierarchies: []),
            #"limit "pids" (linux.resources.pids): a limit by a cgroup controller that this host does not offer is not supported; hint: no cgroups are mounted below /sys/fs/cgroup"#
        ),
        (
            resources { $0.network = LinuxNetwork(classID: 1) }, pure(["pids"]),
            #"limit "net_cls" (linux.resources.network.classID): a limit by a cgroup controller that this host does not offer is not supported; hint: it offers pids"#
        ),
        (
            resources { $0.unified = [LinuxUnified(file: "memory.high", value: "1")] }, pure(["pids"]),
            #"limit "memory" (linux.resources.unified["memory.high"]): a limit by a cgroup controller that this host does not offer is not supported; hint: it offers pids"#
        ),
        (
            resources { $0.unified = [LinuxUnified(file: "memory.high", value: "1")] }, CgroupSetup(hierarchies: [v1("memory")]),
            #"limit "memory.high" (linux.resources.unified["memory.high"]): a file of cgroup version 2 on a host with version 1 only is not supported"#
        ),
        (
            resources { $0.devices = [LinuxDeviceRule(allow: false)] }, CgroupSetup(hierarchies: []),
            #"limit "devices" (linux.resources.devices): a limit by a cgroup controller that this host does not offer is not supported; hint: no cgroups are mounted below /sys/fs/cgroup"#
        ),
        (
            resources { $0.memory = LinuxMemory(swappiness: 1) }, pure([]),
            #"limit "memory" (linux.resources.memory.swappiness): swappiness on cgroup version 2 is not supported"#
        ),
    ])
    func impossible(resources: LinuxResources, setup: CgroupSetup, message: String) {
        let error = #expect(throws: OperationError.self) { try planCgroup(path: nil, id: "web", resources: resources, setup: setup) }
        #expect(error?.description == message)
    }

    @Test("requests for nothing need no controller")
    func noLimit() throws {
        let nothing = resources {
            $0.memory = LinuxMemory(disableOOMKiller: false)
            $0.cpu = LinuxCPU(shares: 0, cpus: "", mems: "")
            $0.blockIO = LinuxBlockIO(weight: 0)
            $0.network = LinuxNetwork(classID: 0)
            $0.pids = LinuxPids()
        }
        #expect(try planCgroup(path: nil, id: "web", resources: nothing, setup: CgroupSetup(hierarchies: [])).lines == [])
    }

    @Test("an update finds the directories again and leaves devices alone")
    func update() throws {
        let plan = try planCgroupUpdate(
            directories: ["/sys/fs/cgroup/pids/docker/4f9c", "/sys/fs/cgroup/memory/docker/4f9c", "/sys/fs/cgroup/cpu,cpuacct/docker/4f9c"],
            resources: resources {
                $0.devices = [LinuxDeviceRule(allow: false)]
                $0.memory = LinuxMemory(limit: 100)
                $0.pids = LinuxPids(limit: -1)
            }, setup: hybrid)
        #expect(
            plan.lines == [
                "cgroup /sys/fs/cgroup/pids/docker/4f9c", #"  write pids.max "max" (linux.resources.pids.limit)"#,
                "cgroup /sys/fs/cgroup/memory/docker/4f9c", #"  write memory.limit_in_bytes "100" (linux.resources.memory.limit)"#,
                "cgroup /sys/fs/cgroup/cpu,cpuacct/docker/4f9c, if it may be made",
            ])
    }
}
