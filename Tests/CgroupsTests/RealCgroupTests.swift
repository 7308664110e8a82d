import Cgroups
import Diagnostics
import Foundation
import Kernel
import OCISpec
import Testing

/// Root on a host with version 1 hierarchies whose files can be written.
private var canMakeVersion1: Bool { geteuid() == 0 && access("/sys/fs/cgroup/pids/cgroup.procs", W_OK) == 0 }

private func contents(_ path: String) -> String? {
    (try? String(contentsOfFile: path, encoding: .utf8))?.trimmingCharacters(in: .whitespacesAndNewlines)
}

/// A sleeping process of this test.
private func sleeper() throws -> Foundation.Process {
    let process = Foundation.Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sleep")
    process.arguments = ["60"]
    try process.run()
    return process
}

@Suite("cgroups of this host", .enabled(if: canMakeVersion1, "needs root and version 1 hierarchies"), .serialized)
struct RealCgroupTests {
    let name = "caletest-\(getpid())-\(UInt32.random(in: 0 ... .max))"
    let setup: CgroupSetup
    init() throws { setup = try CgroupSetup.current() }

    private func create(_ path: String, _ change: (inout LinuxResources) -> Void = { _ in }) throws -> Cgroup {
        var resources = LinuxResources()
        change(&resources)
        return try Cgroup.create(try planCgroup(path: path, id: "web", resources: resources, setup: setup))
    }
    private func directory(_ controller: String, _ path: String) -> String { "/sys/fs/cgroup/\(controller)/\(path)" }
    private func leftovers() -> [String] {
        setup.hierarchies.map { $0.mountPoint + "/" + name }.filter { FileManager.default.fileExists(atPath: $0) }
    }

    @Test("the hierarchies are found")
    func detection() {
        #expect(setup.hierarchies.contains { $0.version == .v1 && $0.controllers == ["pids"] && $0.mountPoint == "/sys/fs/cgroup/pids" })
        #expect(!setup.isRootless && !setup.isPureVersion2)
        if access("/sys/fs/cgroup/unified/cgroup.controllers", R_OK) == 0 { #expect(setup.hierarchies.first?.version == .v2) }
    }

    @Test("limits arrive, in nested directories, and all goes away again")
    func limits() throws {
        let path = name + "/a"
        let cgroup = try create("/" + path) {
            $0.devices = [LinuxDeviceRule(allow: false)]
            $0.memory = LinuxMemory(limit: 64 << 20, reservation: 32 << 20, swap: 96 << 20, swappiness: 10)
            $0.cpu = LinuxCPU(shares: 512, quota: 50000, burst: 20000, period: 100_000, cpus: "0")
            $0.pids = LinuxPids(limit: 20)
        }
        // beside version 1 the version 2 tree is used for what only it has
        #expect(cgroup.directories.count == setup.hierarchies.filter { setup.isPureVersion2 || $0.version == .v1 }.count)
        #expect(contents(directory("memory", path + "/memory.limit_in_bytes")) == "67108864")
        #expect(contents(directory("memory", path + "/memory.memsw.limit_in_bytes")) == "100663296")
        #expect(contents(directory("memory", path + "/memory.soft_limit_in_bytes")) == "33554432")
        #expect(contents(directory("memory", path + "/memory.swappiness")) == "10")
        #expect(contents(directory("cpu", path + "/cpu.shares")) == "512")
        #expect(contents(directory("cpu", path + "/cpu.cfs_quota_us")) == "50000")
        #expect(contents(directory("cpu", path + "/cpu.cfs_burst_us")) == "20000")
        #expect(contents(directory("cpuset", path + "/cpuset.cpus")) == "0")
        #expect(contents(directory("cpuset", path + "/cpuset.mems")) == contents("/sys/fs/cgroup/cpuset/cpuset.mems"))
        #expect(contents(directory("cpuset", name + "/cpuset.cpus")) == contents("/sys/fs/cgroup/cpuset/cpuset.cpus"))
        #expect(contents(directory("pids", path + "/pids.max")) == "20")
        let devices = contents(directory("devices", path + "/devices.list")) ?? ""
        #expect(devices.split(separator: "\n").sorted() == [
            "b *:* m", "c *:* m", "c 136:* rwm", "c 1:3 rwm", "c 1:5 rwm", "c 1:7 rwm", "c 1:8 rwm", "c 1:9 rwm", "c 5:0 rwm", "c 5:1 rwm", "c 5:2 rwm",
        ])
        try cgroup.remove()
        #expect(leftovers().isEmpty)
    }

    @Test("an update raises and lowers, whatever the order of the pairs")
    func update() throws {
        let cgroup = try create("/" + name) {
            $0.memory = LinuxMemory(limit: 64 << 20, swap: 64 << 20)
            $0.cpu = LinuxCPU(quota: 50000, burst: 50000, period: 100_000)
        }
        defer { try? cgroup.remove() }
        for (megabytes, quota) in [(Int64(128), Int64(80000)), (32, 20000), (256, 100_000)] {
            var resources = LinuxResources()
            resources.memory = LinuxMemory(limit: megabytes << 20, swap: megabytes << 20)
            resources.cpu = LinuxCPU(quota: quota, burst: UInt64(quota), period: 100_000)
            try Cgroup.apply(planCgroupUpdate(directories: cgroup.directories, resources: resources, setup: setup))
            #expect(contents(directory("memory", name + "/memory.limit_in_bytes")) == String(megabytes << 20))
            #expect(contents(directory("memory", name + "/memory.memsw.limit_in_bytes")) == String(megabytes << 20))
            #expect(contents(directory("cpu", name + "/cpu.cfs_quota_us")) == String(quota))
            #expect(contents(directory("cpu", name + "/cpu.cfs_burst_us")) == String(quota))
        }
        var resources = LinuxResources()
        resources.memory = LinuxMemory(limit: -1)
        try Cgroup.apply(planCgroupUpdate(directories: cgroup.directories, resources: resources, setup: setup))
        #expect((contents(directory("memory", name + "/memory.memsw.limit_in_bytes"))?.count ?? 0) > 15)
    }

    @Test("what the kernel refuses is named with its reason, and nothing is left")
    func refusal() throws {
        var error = #expect(throws: OperationError.self) { try create("/\(name)/a/b") { $0.cpu = LinuxCPU(cpus: "4000") } }
        #expect(error?.field == "linux.resources.cpu.cpus")
        #expect(error?.description.hasPrefix(#"write "4000" to "/sys/fs/cgroup/cpuset/\#(name)/a/b/cpuset.cpus" (linux.resources.cpu.cpus): "#) == true)
        #expect(leftovers().isEmpty)
        error = #expect(throws: OperationError.self) { try create("/\(name)") { $0.network = LinuxNetwork(classID: 5) } }
        #expect(error?.field == "linux.resources.network.classID")
        // the name of a file in every hierarchy
        error = #expect(throws: OperationError.self) { try create("/cgroup.procs") }
        #expect(error?.errno == .notDirectory)
    }

    @Test("processes join, are counted, frozen, thawed, and killed when the cgroup is removed")
    func processes() throws {
        let cgroup = try create("/" + name) {
            $0.pids = LinuxPids(limit: 20)
            if setup.unified != nil { $0.unified = [LinuxUnified(file: "cgroup.max.depth", value: "3")] }
        }
        let process = try sleeper()
        defer { process.terminate() }
        var handles = 0
        // The test has threads, so it writes the process' id where a container's init writes "0".
        let unified = try cgroup.openJoinHandles { handle in
            handles += 1
            #expect(throws: Never.self) { try handle.writeAtOnce(String(process.processIdentifier)) }
        }
        #expect(handles == setup.hierarchies.filter { $0.version == .v1 }.count)
        if let unified { #expect(try unified.status().kind == .directory) }
        try cgroup.join(process.processIdentifier)
        #expect(try cgroup.processes().contains(process.processIdentifier))

        if setup.unified != nil {
            #expect(try cgroup.openUnifiedDirectory(of: process.processIdentifier, setup: setup) != nil)
            let error = #expect(throws: OperationError.self) { _ = try cgroup.openUnifiedDirectory(of: getpid(), setup: setup) }
            #expect(
                error?.description
                    == #"join the cgroup of "/proc/\#(getpid())/cgroup": process \#(getpid()) is not in the container's cgroup"#)
        }

        let stored = Cgroup.existing(directories: cgroup.directories, madeParents: cgroup.madeParents)
        #expect(throws: OperationError.self) { try create("/" + name) }
        #expect(try !stored.isFrozen())
        try stored.freeze()
        #expect(try stored.isFrozen())
        let statistics = try stored.statistics()
        #expect((statistics.pids?.current ?? 0) >= 1 && statistics.pids?.limit == 20 && statistics.cpu != nil && statistics.cpuset?.cpus.isEmpty == false)
        #expect((statistics.memory?.usage.limit ?? 0) > 1 << 60 && statistics.memory?.kills == 0 && stored.outOfMemory() == nil)
        try stored.thaw()
        #expect(try !stored.isFrozen())
        // frozen when it is removed, as a paused container may be
        try stored.freeze()
        try stored.remove()
        process.waitUntilExit()
        #expect(process.terminationReason == .uncaughtSignal && process.terminationStatus == 9)
        #expect(!stored.exists && leftovers().isEmpty)
    }

    @Test("version 1 alone: the freezer freezes and kills")
    func version1() throws {
        var only = setup
        only.hierarchies.removeAll { $0.version == .v2 || !$0.controllers.contains { $0 == "freezer" || $0 == "pids" } }
        let cgroup = try Cgroup.create(try planCgroup(path: "/\(name)", id: "web", resources: LinuxResources(), setup: only))
        let process = try sleeper()
        defer { process.terminate() }
        try cgroup.join(process.processIdentifier)
        try cgroup.freeze()
        #expect(contents(directory("freezer", name + "/freezer.state")) == "FROZEN")
        try cgroup.thaw()
        try FileManager.default.createDirectory(atPath: directory("pids", name + "/nested/deep"), withIntermediateDirectories: true)
        try cgroup.killAll(9)
        process.waitUntilExit()
        #expect(process.terminationStatus == 9)
        try cgroup.remove()
        #expect(leftovers().isEmpty)
    }

    @Test("version 1: what was frozen below is killed as well")
    func nestedFreezer() throws {
        var only = setup
        only.hierarchies.removeAll { $0.version == .v2 || !$0.controllers.contains("freezer") }
        let cgroup = try Cgroup.create(try planCgroup(path: "/\(name)", id: "web", resources: LinuxResources(), setup: only))
        let own = directory("freezer", name + "/own")
        try FileManager.default.createDirectory(atPath: own, withIntermediateDirectories: false)
        let process = try sleeper()
        defer { process.terminate() }
        try String(process.processIdentifier).write(toFile: own + "/cgroup.procs", atomically: false, encoding: .utf8)
        try "FROZEN".write(toFile: own + "/freezer.state", atomically: false, encoding: .utf8)
        #expect(try !cgroup.isFrozen() && cgroup.processes() == [process.processIdentifier])
        try cgroup.killAll(9)
        process.waitUntilExit()
        #expect(process.terminationStatus == 9)
        try cgroup.remove()
        #expect(leftovers().isEmpty)
    }

    @Test("the kernel takes the device program")
    func deviceProgram() throws {
        let holes = [LinuxDeviceRule(allow: true), LinuxDeviceRule(allow: false, kind: .block, major: 8, access: .write)]
        let many = (0..<100).map { (number: Int) -> LinuxDeviceRule in
            LinuxDeviceRule(allow: number % 3 != 0, kind: number % 2 == 0 ? .block : .character, major: UInt32(number), access: .read)
        }
        for rules in [[], defaultDeviceRules, holes, many] { _ = try FileDescriptor.deviceProgram(DevicePolicy(rules).program()) }
    }

    @Test("the device program of a version 2 cgroup is replaced, not added to", .enabled(if: access("/sys/fs/cgroup/unified/cgroup.procs", W_OK) == 0))
    func devices2() throws {
        var only = setup
        only.hierarchies.removeAll { $0.version == .v1 }
        let plan = try planCgroup(path: "/\(name)", id: "web", resources: LinuxResources(), setup: only)
        var cgroup = try Cgroup.create(plan)
        for _ in 0..<70 { cgroup = try Cgroup.create(plan) }
        let directory = try FileDescriptor.open(Path(cgroup.directories[0]), [.readOnly, .directory])
        #expect(try directory.devicePrograms().count == 1)
        let process = Foundation.Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        // 10:229 is not among the defaults; 1:3 is
        let node = NSTemporaryDirectory() + name
        process.arguments = ["-c", "echo $$ > \(cgroup.directories[0])/cgroup.procs && mknod \(node) c 10 229 && : < /dev/null && ! (: < \(node)) 2>/dev/null"]
        try process.run()
        process.waitUntilExit()
        unlink(node)
        #expect(process.terminationStatus == 0)
        try cgroup.remove()
        #expect(leftovers().isEmpty)
    }
}
