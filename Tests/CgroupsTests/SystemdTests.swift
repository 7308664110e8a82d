import Diagnostics
import OCISpec
import Testing

@testable import Cgroups

@Suite("names of scopes") struct UnitNameTests {
    @Test("slice, prefix and name", arguments: [
        ("machine.slice:libpod:4f9c", "machine.slice/libpod-4f9c.scope"),
        ("kubepods-burstable-pod1.slice:cri-containerd:x", "kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/cri-containerd-x.scope"),
        (":docker:x", "system.slice/docker-x.scope"), ("a.slice::x", "a.slice/x.scope"), ("-.slice:a:b", "a-b.scope"),
        ("a.slice:p:x+y/z", "a.slice/p-x\\x2by\\x2fz.scope"), ("", "system.slice/cale-web.scope"),
    ])
    func names(path: String, expected: String) throws {
        #expect(try UnitName(cgroupsPath: path, id: "web", isUser: false).path == expected)
    }

    @Test("a user's slice")
    func user() throws { #expect(try UnitName(cgroupsPath: nil, id: "web", isUser: true).path == "user.slice/cale-web.scope") }

    @Test("other forms are refused", arguments: [
        ("/a/b", "it is not of the form slice:prefix:name"), ("a:b", "it is not of the form slice:prefix:name"),
        ("a.slice:b:c:d", "it is not of the form slice:prefix:name"), ("a:b:c", #""a" does not end in .slice"#),
        ("a--b.slice:p:n", #""a--b.slice" has an empty level between dashes"#), ("-a.slice:p:n", #""-a.slice" has an empty level between dashes"#),
        ("../a.slice:p:n", #""../a.slice" has a character that names of slices cannot have"#), (".slice:p:n", #"".slice" is no name of a slice"#),
        ("a.slice:p:", "it has no name"), ("a.slice:p:b.slice", "processes cannot be in a slice"),
    ])
    func refused(path: String, why: String) {
        let error = #expect(throws: OperationError.self) { try UnitName(cgroupsPath: path, id: "web", isUser: false) }
        #expect(
            error?.description
                == "plan cgroup \(quoted(path)) (linux.cgroupsPath): \(why); hint: with systemd's cgroups it looks like \"machine.slice:prefix:web\"")
    }
}

@Suite("properties of scopes") struct SystemdPropertyTests {
    private func lines(_ file: String, _ text: String) -> [String] { systemdProperties(of: [CgroupWrite(file: file, text: text)]).map { $0.line } }

    @Test("limits as properties", arguments: [
        ("memory.max", "1024", ["MemoryMax=1024"]), ("memory.max", "max", ["MemoryMax=infinity"]), ("memory.high", "2M", ["MemoryHigh=2097152"]),
        ("memory.swap.max", "0", ["MemorySwapMax=0"]), ("memory.low", "5", ["MemoryLow=5"]), ("pids.max", "max", ["TasksMax=infinity"]),
        ("cpu.weight", "59", ["CPUWeight=59"]), ("cpu.max", "50000 100000", ["CPUQuotaPeriodUSec=100000", "CPUQuotaPerSecUSec=500000"]),
        // rounded up to what systemd can keep
        ("cpu.max", "1 100000", ["CPUQuotaPeriodUSec=100000", "CPUQuotaPerSecUSec=10000"]),
        ("cpu.max", "33333 100000", ["CPUQuotaPeriodUSec=100000", "CPUQuotaPerSecUSec=340000"]),
        ("cpu.max", "max", ["CPUQuotaPerSecUSec=infinity"]), ("cpu.max", "1 0", []), ("cpu.max", "x", []),
        ("cpu.idle", "1", ["CPUWeight=0"]), ("cpu.idle", "0", ["CPUWeight=infinity"]), ("cpu.max", "max 50000", ["CPUQuotaPeriodUSec=50000", "CPUQuotaPerSecUSec=infinity"]),
        ("cpuset.cpus", "0-3,9", ["AllowedCPUs=[15, 2]"]), ("cpuset.mems", "0", ["AllowedMemoryNodes=[1]"]), ("io.weight", "default 200", ["IOWeight=200"]),
        ("io.weight", "8:0 200", []), ("memory.max", "1Q", []), ("memory.max", "99999999999T", []), ("memory.oom.group", "1", []), ("hugetlb.2MB.max", "0", []),
    ])
    func limits(file: String, text: String, expected: [String]) { #expect(lines(file, text) == expected) }

    @Test("the last write to a file counts")
    func last() {
        let writes = [CgroupWrite(file: "memory.max", text: "1"), CgroupWrite(file: "pids.max", text: "2"), CgroupWrite(file: "memory.max", text: "3")]
        #expect(systemdProperties(of: writes).map { $0.line } == ["TasksMax=2", "MemoryMax=3"])
    }

    @Test("idleness is a weight: it counts before one, and the end of it leaves room for one")
    func idle() throws {
        let idle = LinuxCPU(shares: 200, idle: 1)
        let busy = LinuxCPU(shares: 200, idle: 0)
        #expect(systemdProperties(of: try idle.cgroup2Writes()).map { $0.line } == ["CPUWeight=0"])
        #expect(systemdProperties(of: try busy.cgroup2Writes()).map { $0.line } == ["CPUWeight=29"])
    }

    @Test("the version of systemd", arguments: [("252.38-1~deb12u1", 252), ("v258~rc1", 258), ("257", 257), ("", 0), ("rolling", 0)])
    func version(text: String, number: Int) { #expect(systemdVersion(.variant(.string(text))) == number && systemdVersion(.string(text)) == 0) }

    @Test("annotations in GVariant's text format", arguments: [
        ("TimeoutStopUSec", "uint64 5000000", "TimeoutStopUSec=5000000"), ("TimeoutStopSec", "5", "TimeoutStopUSec=5000000"),
        ("RuntimeMaxSec", "1.5", "RuntimeMaxUSec=1500000"), ("CollectMode", "'inactive'", #"CollectMode="inactive""#),
        ("Description", #""a \"b\"""#, #"Description="a \"b\"""#), ("After", "['a.service', 'b.service']", #"After=["a.service", "b.service"]"#),
        ("Before", "@as []", "Before=[]"), ("DeviceAllow", "[('/dev/null', 'rw')]", #"DeviceAllow=[("/dev/null", "rw")]"#), ("SendSIGHUP", "true", "SendSIGHUP=true"),
        ("IODeviceWeight", "[('/dev/sda', uint64 7)]", #"IODeviceWeight=[("/dev/sda", 7)]"#), ("X", "@t 5", "X=5"), ("X", "<int32 -5>", "X=-5"),
    ])
    func annotations(name: String, text: String, expected: String) throws {
        #expect(try systemdProperty(annotation: "org.systemd.property." + name, value: text)?.line == expected)
    }

    @Test("annotations that cannot be properties", arguments: [
        ("Description", "hello", #"the value "hello" is not in GVariant's text format"#), ("X", "'a", #"the value "'a" is not in GVariant's text format"#),
        ("X", "5 6", #"the value "5 6" is not in GVariant's text format"#), ("X", "[1, 'a']", #"the value "[1, 'a']" is not in GVariant's text format"#),
        ("X", "", #"the value "" is not in GVariant's text format"#), ("TimeoutStopSec", "'x'", #"the value "'x'" is no number of seconds"#),
        ("TimeoutStopSec", "-1", #"the value "-1" is no number of seconds"#), ("", "5", "this is no name of a property"),
        ("Memory Max", "5", "this is no name of a property"), ("PIDs", "[uint32 1]", "this property is not for annotations to choose"),
        ("Slice", "'a.slice'", "this property is not for annotations to choose"),
    ])
    func refused(name: String, text: String, why: String) {
        let error = #expect(throws: OperationError.self) { try systemdProperty(annotation: "org.systemd.property." + name, value: text) }
        #expect(
            error?.description
                == "read \"org.systemd.property.\(name)\" (annotations): \(why); hint: it looks like \"org.systemd.property.TimeoutStopUSec\": \"uint64 5000000\"")
    }

    @Test("deep nesting is refused; other annotations are none of ours")
    func deep() throws {
        #expect(throws: OperationError.self) {
            try systemdProperty(annotation: "org.systemd.property.X", value: String(repeating: "[", count: 10_000) + String(repeating: "]", count: 10_000))
        }
        #expect(try systemdProperty(annotation: "com.example.x", value: "y") == nil)
    }
}

@Suite("plans of scopes") struct ScopePlanTests {
    private let setup = CgroupSetup(hierarchies: [
        CgroupHierarchy(
            version: .v2, controllers: ["cpu", "memory", "pids"], mountPoint: "/sys/fs/cgroup",
            ownPath: "/user.slice/user-1000.slice/user@1000.service/app.slice/x.service")
    ])
    private func request(isUser: Bool) -> SystemdRequest {
        SystemdRequest(
            bus: DBusAddress(path: "/run/bus"), isUser: isUser, uid: 1000,
            annotations: StringMap([.init("a", "b"), .init("org.systemd.property.MemoryMax", "uint64 5"), .init("org.systemd.property.OOMPolicy", "'kill'")]))
    }

    @Test("a scope of the system's: properties, then files, and a narrow limit last")
    func system() throws {
        var resources = LinuxResources()
        resources.memory = LinuxMemory(limit: 100)
        resources.pids = LinuxPids(limit: 1)
        let plan = try planCgroup(path: "a-b.slice:p:n", id: "web", resources: resources, setup: setup, systemd: request(isUser: false))
        #expect(
            plan.lines.filter { !$0.contains("device") } == [
                "scope p-n.scope in a-b.slice over /run/bus", #"  property Description="container web""#, #"  property Slice="a-b.slice""#,
                "  property Delegate=true", "  property DefaultDependencies=false", #"  property CollectMode="inactive-or-failed""#,
                "  property CPUAccounting=true", "  property MemoryAccounting=true", "  property IOAccounting=true", "  property TasksAccounting=true",
                "  property MemoryMax=5", #"  property OOMPolicy="kill""#, "cgroup /sys/fs/cgroup/a.slice/a-b.slice/p-n.scope", "  enable memory pids",
                "  enable cpu, if possible", #"  write memory.max "100" (linux.resources.memory.limit)"#, #"  write pids.max "1" (linux.resources.pids.limit)"#,
            ])
        #expect(plan.scope?.lateWrites.map { $0.file } == ["pids.max"])
        #expect(plan.limitsAnything)
    }

    @Test("an idle scope is never given a weight, which it would refuse")
    func idle() throws {
        let resources = try LinuxResources.parse(Array(#"{"cpu":{"shares":200,"idle":1}}"#.utf8), source: "test")
        let plan = try planCgroup(path: "a-b.slice:p:n", id: "web", resources: resources, setup: setup, systemd: request(isUser: false))
        #expect(plan.directories[0].writes.map { $0.file } == ["cpu.idle"])
    }

    @Test("a scope of the user's is below the user's manager")
    func user() throws {
        let plan = try planCgroup(path: nil, id: "web", resources: LinuxResources(), setup: setup, systemd: request(isUser: true))
        #expect(plan.directories.map { $0.absolute } == ["/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/user.slice/cale-web.scope"])
        #expect(!plan.limitsAnything)
    }

    @Test("beside version 1: every hierarchy has the scope's directory, and systemd knows the limits by its older names")
    func hybrid() throws {
        func version1(_ controllers: [String], _ name: String) -> CgroupHierarchy {
            CgroupHierarchy(version: .v1, controllers: controllers, mountPoint: "/sys/fs/cgroup/" + name)
        }
        let hybrid = CgroupSetup(hierarchies: [
            CgroupHierarchy(version: .v2, controllers: [], mountPoint: "/sys/fs/cgroup/unified"), version1(["memory"], "memory"), version1(["cpu", "cpuacct"], "cpu,cpuacct"),
            version1(["devices"], "devices"), version1(["pids"], "pids"), version1(["freezer"], "freezer"), version1([], "systemd"),
        ])
        let text = #"{"memory":{"limit":67108864},"cpu":{"shares":512,"quota":25000,"period":50000},"pids":{"limit":1},"devices":[{"allow":false,"access":"rwm"},{"allow":true,"type":"b","major":8,"access":"r"}]}"#
        let plan = try planCgroup(
            path: "system.slice:cri:web", id: "web", resources: try LinuxResources.parse(Array(text.utf8), source: "test"), setup: hybrid, systemd: request(isUser: false))
        #expect(plan.directories.map { $0.absolute } == hybrid.hierarchies.map { $0.mountPoint + "/system.slice/cri-web.scope" })
        let lines = plan.scope?.properties.map { $0.line } ?? []
        for line in ["MemoryLimit=67108864", "CPUShares=512", "CPUQuotaPeriodUSec=50000", "CPUQuotaPerSecUSec=500000", "TasksMax=1", #"DevicePolicy="strict""#] {
            #expect(lines.contains(line))
        }
        let devices = lines.first { $0.hasPrefix("DeviceAllow=") } ?? ""
        for entry in [#"("block-8", "r")"#, #"("/dev/char/1:3", "rwm")"#, #"("char-136", "rwm")"#, #"("char-*", "m")"#] { #expect(devices.contains(entry)) }
        #expect(plan.scope?.lateWrites == [])  // the init moves there, and no fork is counted
    }

    @Test("a user's systemd beside version 1 is refused in clear words")
    func version1() {
        let hybrid = CgroupSetup(hierarchies: setup.hierarchies + [CgroupHierarchy(version: .v1, controllers: ["memory"], mountPoint: "/sys/fs/cgroup/memory")])
        let error = #expect(throws: OperationError.self) {
            try planCgroup(path: "system.slice:cri:web", id: "web", resources: LinuxResources(), setup: hybrid, systemd: request(isUser: true))
        }
        #expect(
            error?.description
                == #"plan cgroup "system.slice:cri:web" (linux.cgroupsPath): making cgroups through a user's systemd beside cgroup version 1 is not supported; hint: use the cgroupfs manager, or boot with systemd.unified_cgroup_hierarchy=1"#)
    }
}
