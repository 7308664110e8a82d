import Cgroups
import ContainerInit
import Diagnostics
import Foundation
import JSON
import Kernel
import OCISpec
import Testing

@testable import ContainerRuntime

/// A directory that looks like resctrl: its files are ordinary ones. The real one makes them together with a directory, which
/// the tests ask for by opening with O_CREAT.
private final class FakeResctrl {
    let root = NSTemporaryDirectory() + "resctrl-" + UUID().uuidString
    static let flags: OpenFlags = [.writeOnly, .create, .append]

    init() throws {
        try write("schemata", "    L3:0=7ff;1=7ff\n    MB:0=100;1=100\n")
        try make("mon_groups")
        try write("info/last_cmd_status", "ok\n")
    }
    deinit { _ = try? FileManager.default.removeItem(atPath: root) }

    func make(_ path: String) throws { try FileManager.default.createDirectory(atPath: root + "/" + path, withIntermediateDirectories: true) }
    func write(_ path: String, _ text: String) throws {
        let url = URL(fileURLWithPath: root + "/" + path)
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try text.write(to: url, atomically: false, encoding: .utf8)
    }
    func read(_ path: String) throws -> String { try String(contentsOfFile: root + "/" + path, encoding: .utf8) }
    func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: root + "/" + path) }
    func remove(_ path: String) throws { try FileManager.default.removeItem(atPath: root + "/" + path) }

    /// The plan of the container "web" with this `linux.intelRdt`.
    func plan(_ section: String) throws(OperationError) -> ResctrlPlan {
        let text = #"{"ociVersion":"1.3.0","root":{"path":"/r"},"process":{"cwd":"/","args":["x"]},"linux":{"namespaces":[{"type":"mount"}],"intelRdt":\#(section)}}"#
        let config = try RuntimeConfig.parse(Array(text.utf8), source: "config.json")
        let files = root
        var context = PlanContext(
            id: try ContainerID("web"), bundle: "/b", isPrivileged: true, uid: 0, gid: 0, cgroup: CgroupPlan(directories: []), grantableCapabilities: .max,
            kindOfFile: { path in
                if path == "/r" { return .success(.directory) }
                var isDirectory: ObjCBool = false
                guard FileManager.default.fileExists(atPath: path.text, isDirectory: &isDirectory), isDirectory.boolValue else { return .failure(.noEntry) }
                return .success(.directory)
            })
        context.resctrl = ResctrlHost(root: Path(files), text: { try? String(contentsOfFile: $0.text, encoding: .utf8) })
        guard let plan = try ContainerPlan(config, context: context).resctrl else { throw OperationError("plan", "resctrl", .invalid("no plan")) }
        return plan
    }

    func refusal(_ body: () throws(OperationError) -> Void) -> String {
        do throws(OperationError) {
            try body()
            return "no error"
        } catch {
            return error.description.replacingOccurrences(of: root, with: "ROOT")
        }
    }
}

@Suite("a made-up resctrl")
struct ResctrlTests {
    private let tree: FakeResctrl
    init() throws { tree = try FakeResctrl() }

    @Test("without closID the class is named after the container and goes with it (RT-config-linux-123, 124, 129, 131, 142, 143, 147)")
    func ownClass() throws {
        let plan = try tree.plan(#"{"l3CacheSchema":"L3:0=7f0;1=1f","memBwSchema":"MB:0=20;1=70"}"#)
        try Resctrl.make(plan, flags: FakeResctrl.flags)
        #expect(try tree.read("web/schemata") == "L3:0=7f0;1=1f\nMB:0=20;1=70\n")
        try Resctrl.join(plan.joined, pid: 4711, flags: FakeResctrl.flags)
        #expect(try tree.read("web/tasks") == "4711\n")
        #expect(plan.removed.map { $0.text } == [tree.root + "/web"])
        for file in ["web/schemata", "web/tasks"] { try tree.remove(file) }
        try Resctrl.remove(plan.removed)
        #expect(!tree.exists("web"))
        try Resctrl.remove(plan.removed)  // gone: no error
    }

    @Test("`schemata` is written last, a line at a time (RT-config-linux-133, RT-config-linux-136 to 140)")
    func order() throws {
        let plan = try tree.plan(#"{"closID":"gold","schemata":["L2:0=f","L3:0=1"],"memBwSchema":"MB:0=20","l3CacheSchema":"L3:0=3"}"#)
        #expect(plan.lines.map { $0.text } == ["L3:0=3", "MB:0=20", "L2:0=f", "L3:0=1"])
        #expect(plan.lines.map { $0.field }.last == "linux.intelRdt.schemata[1]")
        try Resctrl.make(plan, flags: FakeResctrl.flags)
        #expect(try tree.read("gold/schemata") == "L3:0=3\nMB:0=20\nL2:0=f\nL3:0=1\n")
        #expect(plan.makesGroup && plan.removed.isEmpty)
    }

    @Test("a class that is there must have the limits that are asked for (RT-config-linux-144)")
    func compared() throws {
        try tree.write("gold/schemata", "    L3:0=00f;1=7FF\n    MB:0= 20;1=100\n")
        let plan = try tree.plan(#"{"closID":"gold","l3CacheSchema":"L3:0=f","memBwSchema":"MB:0=20"}"#)
        #expect(!plan.makesGroup && plan.removed.isEmpty)
        #expect(
            tree.refusal { () throws(OperationError) in _ = try tree.plan(#"{"closID":"gold","l3CacheSchema":"L3:0=f;1=f"}"#) }
                == #"compare "ROOT/gold/schemata" (linux.intelRdt.l3CacheSchema): the class of service has other limits than "L3:0=f;1=f"; hint: use them, another closID, or none for a class of the container's own"#)
        #expect(
            tree.refusal { () throws(OperationError) in _ = try tree.plan(#"{"closID":"gold","memBwSchema":"MB:2=20"}"#) }
                .contains("(linux.intelRdt.memBwSchema): the class of service has other limits than \"MB:2=20\""))
    }

    @Test("a class without limits must be there, and is not written (RT-config-linux-141, RT-config-linux-145, RT-config-linux-146)")
    func preconfigured() throws {
        #expect(
            tree.refusal { () throws(OperationError) in _ = try tree.plan(#"{"closID":"gold"}"#) }
                == #"find "ROOT/gold" (linux.intelRdt.closID): No such file or directory (ENOENT); hint: without any schema the class of service must be there before; mkdir makes it"#)
        try tree.make("gold")
        let plan = try tree.plan(#"{"closID":"gold"}"#)
        #expect(!plan.makesGroup && plan.lines.isEmpty && plan.removed.isEmpty && plan.joined.map { $0.text } == [tree.root + "/gold"])
        try Resctrl.make(plan, flags: FakeResctrl.flags)
        #expect(!tree.exists("gold/schemata"))
    }

    @Test("closID \"/\" is the default class (RT-config-linux-128)")
    func defaultClass() throws {
        let plan = try tree.plan(#"{"closID":"/","enableMonitoring":true}"#)
        #expect(plan.joined.map { $0.text } == [tree.root, tree.root + "/mon_groups/web"] && plan.removed.map { $0.text } == [tree.root + "/mon_groups/web"])
        try Resctrl.make(plan, flags: FakeResctrl.flags)
        try Resctrl.join(plan.joined, pid: 7, flags: FakeResctrl.flags)
        #expect(try tree.read("tasks") == "7\n" && tree.read("mon_groups/web/tasks") == "7\n")
    }

    @Test("a monitoring group is the container's own, whatever its class (RT-config-linux-135, RT-config-linux-149 to 152)")
    func monitoring() throws {
        try tree.make("gold/mon_groups")
        let plan = try tree.plan(#"{"closID":"gold","enableMonitoring":true}"#)
        try Resctrl.make(plan)
        #expect(tree.exists("gold/mon_groups/web"))
        #expect(
            tree.refusal { () throws(OperationError) in try Resctrl.make(plan) }
                == #"make resctrl group "ROOT/gold/mon_groups/web" (linux.intelRdt.enableMonitoring): File exists (EEXIST)"#)
        #expect(tree.exists("gold/mon_groups/web"))
        try Resctrl.remove(plan.removed)
        #expect(!tree.exists("gold/mon_groups/web") && tree.exists("gold"))
    }

    @Test("what fails is undone, and the kernel's own words are told")
    func undone() throws {
        try tree.write("info/last_cmd_status", "Mask f0f not contiguous\n")
        let plan = try tree.plan(#"{"schemata":["L3:0=f0f"]}"#)
        #expect(
            tree.refusal { () throws(OperationError) in try Resctrl.make(plan) }
                == #"write "L3:0=f0f" to "ROOT/web/schemata" (linux.intelRdt.schemata[0]): No such file or directory (ENOENT); hint: resctrl: Mask f0f not contiguous"#)
        #expect(!tree.exists("web"))
    }

    @Test("a directory of the container's name that was there is used and stays (RT-config-linux-148)")
    func foreign() throws {
        try tree.make("web")
        let plan = try tree.plan(#"{}"#)
        #expect(!plan.makesGroup && plan.removed.isEmpty)
    }

    @Test("update changes the lines that are asked for, and knows what stood there")
    func changed() throws {
        try tree.write("gold/schemata", "    L3:0=7ff;1=7ff\n    MB:0= 50;1=100\n    L2:0=f\n")
        let section = try LinuxIntelRdt(l3CacheSchema: "L3:0=f", memBwSchema: "MB:0=20")
        let gold = Path(tree.root + "/gold")
        let old = try Resctrl.change(gold, ResctrlPlan.Line.ofProperties(section), root: Path(tree.root), flags: FakeResctrl.flags)
        let before = "    L3:0=7ff;1=7ff\n    MB:0= 50;1=100\n    L2:0=f\n"
        #expect(try tree.read("gold/schemata") == before + "L3:0=f\nMB:0=20\n")
        #expect(old.map { $0.text } == ["L3:0=7ff;1=7ff", "MB:0= 50;1=100"])
        #expect(old.map { $0.field } == ["linux.intelRdt.l3CacheSchema", "linux.intelRdt.memBwSchema"])
        Resctrl.undo(old, in: gold, flags: FakeResctrl.flags)
        #expect(try tree.read("gold/schemata") == before + "L3:0=f\nMB:0=20\nL3:0=7ff;1=7ff\nMB:0= 50;1=100\n")
    }

    @Test("a change that cannot be made is told by its property, and a class that is gone by its file")
    func notChanged() throws {
        try tree.write("info/last_cmd_status", "Mask f0f not contiguous\n")
        try tree.write("gold/schemata", "L3:0=7ff\n")
        let lines = ResctrlPlan.Line.ofProperties(try LinuxIntelRdt(l3CacheSchema: "L3:0=f0f", memBwSchema: nil))
        // what the kernel says to a bad mask, and an ordinary file does not: opened for reading, it takes no write
        #expect(
            tree.refusal { () throws(OperationError) in
                _ = try Resctrl.change(Path(tree.root + "/gold"), lines, root: Path(tree.root), flags: [.readOnly, .directory])
            } == #"write "L3:0=f0f" to "ROOT/gold/schemata" (linux.intelRdt.l3CacheSchema): Not a directory (ENOTDIR); hint: resctrl: Mask f0f not contiguous"#)
        #expect(try tree.read("gold/schemata") == "L3:0=7ff\n")
        #expect(
            tree.refusal { () throws(OperationError) in _ = try Resctrl.change(Path(tree.root + "/silver"), lines, root: Path(tree.root)) }
                == #"read "ROOT/silver/schemata" (linux.intelRdt): No such file or directory (ENOENT)"#)
    }

    @Test("a container that gets a class later is moved with all its threads")
    func moved() throws {
        try tree.make("web")
        try tree.write("cgroup/tasks", "11\n12\n0\n")
        try tree.write("cgroup/below/tasks", "13\n")
        try Resctrl.moveAll(of: .existing(directories: [tree.root + "/cgroup"]), into: Path(tree.root + "/web"), flags: FakeResctrl.flags)
        #expect(try tree.read("web/tasks") == "11\n12\n13\n")
        // version 2 has the threads in another file
        try tree.write("cgroup2/cgroup.threads", "21\n")
        try Resctrl.moveAll(of: .existing(directories: [tree.root + "/cgroup2"]), into: Path(tree.root + "/web"), flags: FakeResctrl.flags)
        #expect(try tree.read("web/tasks") == "11\n12\n13\n21\n")
    }

    @Test("it is found by its type, and never a group of it that is mounted elsewhere")
    func found() throws {
        #expect(try Resctrl.host().root == (try MountInfo.current().first { $0.type == "resctrl" && $0.root == "/" }?.mountPoint))
    }

    @Test("the state remembers what to join and what to remove")
    func state() throws {
        var state = StoredState(id: "web", ociVersion: "1.3.0", bundle: "/b", rootfs: "/b/r", createdNanoseconds: 1, ownerUID: 0)
        state.resctrlGroups = ["/sys/fs/resctrl/web", "/sys/fs/resctrl/web/mon_groups/web"]
        state.resctrlMade = ["/sys/fs/resctrl/web/mon_groups/web", "/sys/fs/resctrl/web"]
        let read = try JSONDocument(parsing: Array(state.json.utf8), source: "state.json").decode { (value) throws(OperationError) in
            try StoredState(try value.object())
        }
        #expect(read == state)
    }
}

@Suite("labels of mounts")
struct MountLabelTests {
    @Test("every new file system gets the label but proc and sysfs; bind mounts keep theirs")
    func labelled() throws {
        let mounts = [("/a", "tmpfs"), ("/b", "proc"), ("/c", "sysfs"), ("/d", "mqueue"), ("/e", "tmpfs")]
            .map { #"{"destination":"\#($0.0 == "/b" ? "/proc" : $0.0)","type":"\#($0.1)","source":"x","options":["ro"\#($0.0 == "/e" ? ",\"context=other\"" : "")]}"# }
        let text = #"{"ociVersion":"1.3.0","root":{"path":"/r"},"process":{"cwd":"/","args":["x"]},"linux":{"namespaces":[{"type":"mount"},{"type":"pid"},{"type":"ipc"}],"mountLabel":"a:b:c:s0:c1,c2"},"mounts":[\#(mounts.joined(separator: ",")),{"destination":"/f","source":"/f","options":["bind"]}]}"#
        let config = try RuntimeConfig.parse(Array(text.utf8), source: "config.json")
        var context = PlanContext(
            id: try ContainerID("web"), bundle: "/b", isPrivileged: true, uid: 0, gid: 0, cgroup: CgroupPlan(directories: []), grantableCapabilities: .max,
            kindOfFile: { _ in .success(.directory) })
        context.isSELinuxActive = true
        let lines = try ContainerPlan(config, context: context).text.split(separator: "\n").map(String.init).filter { $0.contains("[mounts[") }
        #expect(
            lines == [
                "  mount /a: tmpfs from x context=a:b:c:s0:c1,c2 ro  [mounts[0]]", "  mount /proc: proc from x ro  [mounts[1]]",
                "  mount /c: sysfs from x ro  [mounts[2]]", "  mount /d: mqueue from x ro labelled a:b:c:s0:c1,c2  [mounts[3]]",
                "  mount /e: tmpfs from x context=other ro  [mounts[4]]", "  bind mount /f: from /f  [mounts[5]]",
            ])
    }
}
