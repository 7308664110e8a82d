import Cgroups
import Diagnostics
import Foundation
import Kernel
import OCISpec
import Testing

/// A directory that looks like a hierarchy: the files are ordinary ones, made by the test.
final class FakeTree {
    let root = NSTemporaryDirectory() + "cgroup-" + UUID().uuidString
    init() throws { try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true) }
    deinit { _ = try? FileManager.default.removeItem(atPath: root) }

    func write(_ path: String, _ text: String = "") throws {
        let url = URL(fileURLWithPath: root + "/" + path)
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try text.write(to: url, atomically: false, encoding: .utf8)
    }
    func read(_ path: String) throws -> String { try String(contentsOfFile: root + "/" + path, encoding: .utf8) }
    func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: root + "/" + path) }

    /// Everything is handed down already.
    func enable(_ controllers: String) throws {
        for directory in ["", "a/"] { try write(directory + "cgroup.subtree_control", controllers) }
    }

    func setup(_ controllers: [String], _ version: CgroupHierarchy.Version = .v2) -> CgroupSetup {
        CgroupSetup(hierarchies: [CgroupHierarchy(version: version, controllers: controllers, mountPoint: root)], isRootless: true)
    }
}

private func plan(_ setup: CgroupSetup, path: String = "/a/b", _ change: (inout LinuxResources) -> Void = { _ in }) throws -> CgroupPlan {
    var resources = LinuxResources()
    change(&resources)
    return try planCgroup(path: path, id: "web", resources: resources, setup: setup)
}

@Suite("a made-up tree") struct FakeTreeTests {
    private let tree: FakeTree
    init() throws { tree = try FakeTree() }

    private func failure(_ body: () throws -> Void) -> String? {
        let error = #expect(throws: OperationError.self) { try body() }
        return error?.description.replacingOccurrences(of: tree.root, with: "ROOT")
    }

    @Test("a failure removes what was made, with its parents")
    func undo() throws {
        let message = failure { _ = try Cgroup.create(plan(tree.setup(["pids"], .v1)) { $0.pids = LinuxPids(limit: 7) }) }
        #expect(
            message
                == #"write "7" to "ROOT/a/b/pids.max" (linux.resources.pids.limit): No such file or directory (ENOENT); hint: this kernel has no such file for this cgroup"#)
        #expect(!tree.exists("a"))
    }

    @Test("limits are written, each with one write")
    func writes() throws {
        try tree.enable("cpu memory pids\n")
        try tree.write("a/b/cgroup.procs")
        try tree.write("a/b/pids.max", "max")
        try tree.write("a/b/memory.max", "max")
        let cgroup = try Cgroup.create(
            plan(tree.setup(["pids", "memory"])) {
                $0.pids = LinuxPids(limit: 7)
                $0.memory = LinuxMemory(limit: 123, swap: 123)
            })
        #expect(cgroup.directories == [tree.root + "/a/b"] && cgroup.madeParents.isEmpty)
        // the fake files are not truncated, as cgroup files have no length
        #expect(try tree.read("a/b/pids.max") == "7ax" && tree.read("a/b/memory.max") == "123")
    }

    @Test("what is used already is refused (RT-config-linux-043)")
    func used() throws {
        try tree.write("a/b/cgroup.procs", "0\n4711\n")
        try tree.write("a/b/c/cgroup.procs", "4712\n")
        #expect(
            failure { _ = try Cgroup.create(plan(tree.setup([]))) }
                == #"create cgroup "ROOT/a/b": container's cgroup is not empty: 2 process(es) found; hint: choose another cgroupsPath, or end them first"#)
        #expect(tree.exists("a/b/c"))
    }

    @Test("what is frozen is refused", arguments: [("cgroup.freeze", "1\n"), ("freezer.state", "FROZEN\n")])
    func frozen(file: String, text: String) throws {
        try tree.write("a/b/cgroup.procs")
        try tree.write("a/b/" + file, text)
        #expect(
            failure { _ = try Cgroup.create(plan(tree.setup([]))) }
                == #"create cgroup "ROOT/a/b": container's cgroup unexpectedly frozen; hint: thaw it first"#)
    }

    @Test("what is used or frozen is refused before systemd is asked", arguments: [("cgroup.procs", "4711\n", "is not empty"), ("cgroup.freeze", "1\n", "frozen")])
    func usedScope(file: String, text: String, words: String) throws {
        try tree.write("system.slice/cri-web.scope/cgroup.procs")
        try tree.write("system.slice/cri-web.scope/" + file, text)
        let request = SystemdRequest(bus: DBusAddress(path: "/nowhere"), isUser: false, uid: 0)
        let plan = try planCgroup(path: "system.slice:cri:web", id: "web", resources: LinuxResources(), setup: tree.setup([]), systemd: request)
        #expect(failure { _ = try Cgroup.create(plan) }?.contains(words) == true)
    }

    @Test("a link in the place of a file is not followed")
    func link() throws {
        try tree.enable("pids")
        try tree.write("canary", "untouched")
        try tree.write("a/b/cgroup.procs")
        try FileManager.default.createSymbolicLink(atPath: tree.root + "/a/b/pids.max", withDestinationPath: tree.root + "/canary")
        #expect(
            failure { _ = try Cgroup.create(plan(tree.setup(["pids"])) { $0.pids = LinuxPids(limit: 7) }) }
                == #"write "7" to "ROOT/a/b/pids.max" (linux.resources.pids.limit): Too many levels of symbolic links (ELOOP)"#)
        #expect(try tree.read("canary") == "untouched")
    }

    @Test("missing files: ignored, replaced, or named")
    func missing() throws {
        try tree.enable("io hugetlb")
        try tree.write("a/b/cgroup.procs")
        try tree.write("a/b/io.weight")
        try tree.write("a/b/hugetlb.2MB.max")
        _ = try Cgroup.create(
            plan(tree.setup(["io", "hugetlb"])) {
                $0.blockIO = LinuxBlockIO(weight: 500)
                $0.hugepageLimits = [LinuxHugepageLimit(pageSize: "2MB", limit: 5)]
            })
        #expect(try tree.read("a/b/io.weight") == "4950" && tree.read("a/b/hugetlb.2MB.max") == "5")
        #expect(
            failure { _ = try Cgroup.create(plan(tree.setup(["io"], .v1)) { $0.unified = [LinuxUnified(file: "io.max", value: "1")] }) }?.hasPrefix("limit") == true)
        try FileManager.default.removeItem(atPath: tree.root + "/a/b/io.weight")
        #expect(
            failure { _ = try Cgroup.create(plan(tree.setup(["io"])) { $0.blockIO = LinuxBlockIO(weight: 500) }) }
                == #"write "500" to "ROOT/a/b/io.bfq.weight" (linux.resources.blockIO.weight): No such file or directory (ENOENT); hint: no I/O scheduler with weights is there"#)
        #expect(
            failure { _ = try Cgroup.create(plan(tree.setup(["hugetlb"])) { $0.hugepageLimits = [LinuxHugepageLimit(pageSize: "3MB", limit: 5)] }) }
                == #"write "5" to "ROOT/a/b/hugetlb.3MB.max" (linux.resources.hugepageLimits[0]): No such file or directory (ENOENT); hint: the host has no huge pages of this size"#)
    }

    @Test("controllers are enabled on the way, and a needed one that is not is named (RT-config-linux-118, 120)")
    func controllers() throws {
        try tree.write("cgroup.subtree_control", "")
        try tree.write("a/cgroup.subtree_control", "pids\n")
        try tree.write("a/b/cgroup.procs")
        try tree.write("a/b/memory.max")
        // wanted: memory, pids; the ordinary files take everything
        _ = try Cgroup.create(plan(tree.setup(["pids", "memory"])) { $0.memory = LinuxMemory(limit: 5) })
        #expect(try tree.read("cgroup.subtree_control") == "+memory +pids" && tree.read("a/cgroup.subtree_control") == "+memory")
        try FileManager.default.removeItem(atPath: tree.root + "/a/cgroup.subtree_control")
        #expect(
            failure { _ = try Cgroup.create(plan(tree.setup(["memory"])) { $0.memory = LinuxMemory(limit: 5) }) }
                == #"enable the controller memory in "ROOT/a/cgroup.subtree_control" (linux.resources.memory): No such file or directory (ENOENT); hint: the cgroup above does not delegate this controller"#)
    }

    @Test("a limit below the present use is refused when that was asked for (RT-config-linux-076, 077)")
    func belowUse() throws {
        try tree.write("a/memory.max", "max")
        try tree.write("a/memory.current", "5000\n")
        try tree.write("cgroup.subtree_control", "memory pids\n")
        var resources = LinuxResources()
        resources.memory = LinuxMemory(limit: 4999, checkBeforeUpdate: true)
        let plan = try planCgroupUpdate(directories: [tree.root + "/a"], resources: resources, setup: tree.setup(["memory"]))
        #expect(
            failure { try Cgroup.apply(plan) }
                == #"write "ROOT/a/memory.max" (linux.resources.memory.limit): the limit of 4999 is below the present use of 5000"#)
        #expect(try tree.read("a/memory.max") == "max")
    }

    @Test("a cpuset takes the lists of the next cgroup above that has some")
    func cpuset() throws {
        for file in ["cpuset.cpus", "cpuset.mems"] {
            try tree.write(file, "0-1\n")
            try tree.write("a/" + file, "\n")
            try tree.write("a/b/" + file, "")
        }
        try tree.write("a/b/cgroup.procs")
        _ = try Cgroup.create(plan(tree.setup(["cpuset"], .v1)) { $0.cpu = LinuxCPU(cpus: "1") })
        #expect(try tree.read("a/cpuset.cpus") == "0-1" && tree.read("a/b/cpuset.cpus") == "1" && tree.read("a/b/cpuset.mems") == "0-1")
    }

    @Test("removing: parents that were made go, when they are empty; what is gone is fine")
    func removal() throws {
        let one = try Cgroup.create(plan(tree.setup([]), path: "/x/y/one"))
        let two = try Cgroup.create(plan(tree.setup([]), path: "/x/y/two"))
        #expect(one.madeParents == [tree.root + "/x", tree.root + "/x/y"] && two.madeParents.isEmpty)
        try FileManager.default.createDirectory(atPath: two.directories[0] + "/nested/deep/er", withIntermediateDirectories: true)
        try one.remove()
        #expect(tree.exists("x/y/two") && !tree.exists("x/y/one") && !one.exists && two.exists)
        try two.remove()
        try two.remove()
        try one.remove()
        #expect(!tree.exists("x"))
    }

    @Test("thousands of nested cgroups are walked over with few handles")
    func deep() throws {
        let cgroup = try Cgroup.create(plan(tree.setup([]), path: "/deep"))
        var directory = try FileDescriptor.open(Path(cgroup.directories[0]), [.readOnly, .directory])
        for _ in 0..<3000 {
            try directory.makeDirectory("d", permissions: 0o700)
            directory = try directory.open("d", [.readOnly, .directory])
        }
        try cgroup.remove()
        #expect(!tree.exists("deep"))
    }

    @Test("a directory that may not be made is left out, unless a limit needs it")
    func denied() throws {
        // /proc refuses mkdir with ENOENT, /sys with EPERM, for root as well
        let setup = CgroupSetup(hierarchies: [CgroupHierarchy(version: .v1, controllers: ["pids"], mountPoint: "/sys")], isRootless: true)
        let cgroup = try Cgroup.create(plan(setup, path: "/x"))
        #expect(cgroup.directories.isEmpty)
        try cgroup.remove()
        #expect(try cgroup.processes().isEmpty)
        let error = #expect(throws: OperationError.self) { try Cgroup.create(plan(setup, path: "/x") { $0.pids = LinuxPids(limit: 1) }) }
        #expect(error?.description.hasPrefix(#"create cgroup "/sys/x": "#) == true)
        #expect(error?.hint == "this user may not make cgroups here: limits need a cgroup that is delegated to the user")
        #expect(throws: OperationError.self) { try cgroup.freeze() }
        #expect(try !cgroup.isFrozen())
    }
}
