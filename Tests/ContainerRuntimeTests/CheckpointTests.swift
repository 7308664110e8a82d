import Cgroups
import ContainerInit
import Criu
import Diagnostics
import Kernel
import OCISpec
import Testing

@testable import ContainerRuntime

private func config(_ more: String = "", namespaces: String = #"{"type":"mount"},{"type":"pid"},{"type":"network"}"#, mounts: String = "") throws -> RuntimeConfig {
    let text = """
        {"ociVersion":"1.2.0","root":{"path":"rootfs"},"process":{"cwd":"/","args":["a"],"user":{"uid":0,"gid":0}},
         "mounts":[{"destination":"/proc","type":"proc","source":"proc"},{"destination":"/dev","type":"tmpfs","source":"tmpfs"}\(mounts)],
         "linux":{"namespaces":[\(namespaces)],"maskedPaths":["/proc/kcore","/proc/acpi"]}\(more)}
        """
    return try RuntimeConfig.parse(Array(text.utf8), source: "config.json")
}

private let mountInfo = MountInfo.parse(Array("""
    205 176 254:0 /b/rootfs / rw master:1 - ext4 /dev/vda rw
    206 205 0:47 / /proc rw - proc proc rw
    207 205 0:48 / /dev rw - tmpfs tmpfs rw
    212 205 0:26 /web /sys/fs/cgroup ro - cgroup2 cgroup2 rw
    213 205 254:0 /srv /real/data rw - ext4 /dev/vda rw
    220 206 0:48 /null /proc/kcore ro - tmpfs tmpfs rw
    221 206 0:5 /null /proc/keys ro - devtmpfs udev rw

    """.utf8))

private func words(_ body: () throws(OperationError) -> Void) -> String {
    do throws(OperationError) {
        try body()
        return "accepted"
    } catch { return error.description }
}

@Suite("what criu is told of a dump")
struct CheckpointRequestTests {
    private func options(_ change: (inout CheckpointOptions) -> Void = { _ in }) throws -> CheckpointOptions {
        var options = CheckpointOptions(id: try ContainerID("web"), criu: CriuSettings(imagePath: "/i"))
        change(&options)
        return options
    }
    private var facts: CheckpointFacts {
        var facts = CheckpointFacts(pid: 77, rootfs: "/b/rootfs")
        facts.mounts = mountInfo
        return facts
    }

    @Test("the process, the root, the freezer; networks are never dumped")
    func plain() throws {
        var facts = facts
        facts.frozenCgroup = "/sys/fs/cgroup/web"
        let request = try options().request(config(), facts, exists: { _ in false })
        var expected = CriuOptions()
        expected.pid = 77
        expected.root = "/b/rootfs"
        expected.logFile = "dump.log"
        expected.frozenCgroup = "/sys/fs/cgroup/web"
        expected.emptyNamespaces = 0x4000_0000
        expected.externalMounts = [.init("/sys/fs/cgroup", "/sys/fs/cgroup")]
        #expect(request == expected)
    }

    @Test("every option has its field")
    func everyOption() throws {
        let request = try options {
            $0.criu.options.tcpEstablished = true
            $0.criu.options.externalUnixSockets = true
            $0.criu.options.shellJob = true
            $0.criu.options.fileLocks = true
            $0.criu.options.autoDedup = true
            $0.criu.options.lazyPages = true
            $0.criu.options.cgroupsMode = .strict
            $0.parentPath = "../a"
            $0.criu.options.leavesRunning = true
            $0.criu.options.tcpSkipsInFlight = true
            $0.criu.options.linkRemap = true
            $0.criu.options.pageServer = .init(address: "h", port: 1)
        }.request(config(), facts, exists: { _ in false })
        #expect(request.tcpEstablished && request.externalUnixSockets && request.shellJob && request.fileLocks && request.autoDedup && request.lazyPages)
        #expect(request.cgroupsMode == .strict && request.parentImages == "../a" && request.tracksMemory && request.leavesRunning)
        #expect(request.tcpSkipsInFlight && request.linkRemap && request.pageServer == .init(address: "h", port: 1))
    }

    @Test("bind mounts are external where they really are; so are cgroups, and masks that nothing in the container can be the source of")
    func externalMounts() throws {
        var facts = facts
        facts.destinations = [nil, nil, "/real/data", nil, "/gone"]
        facts.mounts += MountInfo.parse(Array("230 213 0:50 / /real/data/sub rw - tmpfs tmpfs rw\n".utf8))
        facts.submounts = [.init(place: "/real/data/sub", name: "/link/data/sub"), .init(place: "/real/data/gone", name: "/link/data/gone")]
        let mounts = #"""
            ,{"destination":"/link/./data","type":"bind","source":"/srv","options":["rbind"]},
            {"destination":"/sys/fs/cgroup","type":"cgroup","source":"cgroup"},
            {"destination":"/covered","source":"/x","options":["bind"]}
            """#
        var config = try config(mounts: mounts)
        config.linux?.maskedPaths = ["/proc/kcore", "/proc/keys", "/proc/nosuch"]
        let request = try options().request(config, facts, exists: { _ in false })
        #expect(request.externalMounts == [
            .init("/real/data", "/link/data"), .init("/real/data/sub", "/link/data/sub"), .init("/sys/fs/cgroup", "/sys/fs/cgroup"), .init("/proc/keys", "/dev/null"),
        ])
    }

    @Test("joined namespaces and files of the host are external; a pre-dump needs no mounts")
    func externals() throws {
        var facts = facts
        facts.joinedNamespaces = [.init(kind: .network, inode: 4026531), .init(kind: .pid, inode: 9), .init(kind: .ipc, inode: 3)]
        facts.streams = [.hostFile(mountID: 22, inode: 4), .named("pipe:[1]"), .hostTerminal(device: 0x8803, fileSystem: 0x17)]
        let request = try options().request(config(), facts, exists: { _ in false })
        #expect(request.externals == ["net[4026531]:extRootNetNS", "pid[9]:extRootPidNS", "file[16:4]", "tty[8803:17]"])
        facts.streams.append(facts.streams[0])
        #expect(try options().request(config(), facts, exists: { _ in false }).externals == request.externals, "each name once")
        let memory = try options { $0.preDump = true }.request(config(), facts, exists: { _ in false })
        #expect(memory.externals == ["net[4026531]:extRootNetNS", "pid[9]:extRootPidNS"] && memory.externalMounts.isEmpty && memory.tracksMemory)
    }

    @Test("the file with criu's options: the annotation's, none for an empty one, else ours or runc's where it is")
    func configFile() {
        #expect(CriuSettings.configFile(annotated: "/a", exists: { _ in false }) == "/a")
        #expect(CriuSettings.configFile(annotated: "", exists: { _ in true }) == nil)
        #expect(CriuSettings.configFile(annotated: nil, exists: { _ in true }) == "/etc/criu/cale.conf")
        #expect(CriuSettings.configFile(annotated: nil, exists: { $0 == "/etc/criu/runc.conf" }) == "/etc/criu/runc.conf")
        #expect(CriuSettings.configFile(annotated: nil, exists: { _ in false }) == nil)
    }

    @Test("what nobody could restore is not dumped")
    func refused() throws {
        func refusal(_ namespaces: String) throws -> String {
            let (options, config, facts) = (try options(), try config(namespaces: namespaces), facts)
            return words { () throws(OperationError) in _ = try options.request(config, facts, exists: { _ in false }) }
        }
        let hint = "is not supported; hint: criu can make and join the other kinds of namespaces"
        #expect(
            try refusal(#"{"type":"pid"}"#)
                == #"checkpoint or restore "container" (linux.namespaces): a container without a mount namespace of its own \#(hint)"#)
        #expect(
            try refusal(#"{"type":"mount"},{"type":"cgroup","path":"/c"}"#)
                == #"checkpoint or restore "container" (linux.namespaces[1]): a container that joins a cgroup namespace \#(hint)"#)
        #expect(
            try refusal(#"{"type":"mount","path":"/m"}"#)
                == #"checkpoint or restore "container" (linux.namespaces[0]): a container that joins a mount namespace \#(hint)"#)
    }
}

@Suite("what criu is told of a restoration")
struct RestoreRequestTests {
    private func request(
        _ config: RuntimeConfig, hostNamespaces: NamespaceSet = [], streams: [String] = [], _ change: (inout RestoreOptions) -> Void = { _ in }
    ) throws -> CriuOptions {
        let id = try ContainerID("web")
        var options = RestoreOptions(creation: CreateOptions(id: id, stateRoot: "/s", bundle: "."), criu: CriuSettings(imagePath: "/i"))
        change(&options)
        let setup = CgroupSetup(hierarchies: [CgroupHierarchy(version: .v2, controllers: ["pids"], mountPoint: "/sys/fs/cgroup", ownPath: "/")])
        let cgroup = try planCgroup(path: nil, id: "web", resources: LinuxResources(), setup: setup)
        let context = PlanContext(
            id: id, bundle: "/b", isPrivileged: true, uid: 0, gid: 0, cgroup: cgroup, grantableCapabilities: .max, kindOfFile: { _ in .success(.directory) })
        return try options.request(
            config, plan: ContainerPlan(config, context: context), bundle: "/b", root: "/s/web/criu-root", hostNamespaces: hostNamespaces, streams: streams,
            submounts: { $0 == "/b/data" ? [("/real/b/data/sub", "/sub")] : [] }, exists: { _ in false })
    }

    @Test("the child of the caller, in the root that is prepared; every option has its field")
    func options() throws {
        let request = try request(config()) {
            $0.criu.options.tcpClose = true
            $0.criu.options.lsmProfile = "apparmor:x"
            $0.criu.options.lsmMountContext = "c"
        }
        #expect(request.root == "/s/web/criu-root" && request.logFile == "restore.log" && request.restoresAsSibling && request.evasiveDevices)
        #expect(request.tcpClose && request.lsmProfile == "apparmor:x" && request.lsmMountContext == "c" && request.emptyNamespaces == 0x4000_0000)
        #expect(request.pid == nil && request.frozenCgroup == nil && !request.mountsCompatibly)
        var shifted = try config(namespaces: #"{"type":"mount"},{"type":"pid"},{"type":"network"},{"type":"user"}"#)
        shifted.linux?.uidMappings = [LinuxIDMapping(containerID: 0, hostID: 1000, size: 9)]
        shifted.linux?.gidMappings = [LinuxIDMapping(containerID: 0, hostID: 1000, size: 9)]
        #expect(try self.request(shifted).mountsCompatibly)
    }

    @Test("by the names of the dump: bind mounts from the bundle, the container's cgroup, devices, masks; a later mount counts")
    func externalMounts() throws {
        let mounts = #"""
            ,{"destination":"/link/./data","type":"bind","source":"data","options":["rbind"]},
            {"destination":"/sys/fs/cgroup","type":"cgroup","source":"cgroup"},
            {"destination":"/link/data","source":"/other","options":["bind"]}
            """#
        let pairs = try request(config(mounts: mounts)).externalMounts
        #expect(pairs.contains(.init("/dev/null", "/dev/null")) && pairs.contains(.init("/dev/tty", "/dev/tty")))
        #expect(pairs.suffix(2) == [.init("/sys/fs/cgroup", "/sys/fs/cgroup/cale-web"), .init("/link/data", "/other")])
    }

    @Test("what is mounted below the source of a recursive bind mount has its name below the destination; that of another one has not")
    func submounts() throws {
        let mounts = #"""
            ,{"destination":"/link/./data","type":"bind","source":"data","options":["rbind"]},{"destination":"/one","source":"./data/.","options":["bind"]},
            {"destination":"/all","type":"rbind","source":"/b/data"}
            """#
        let pairs = try request(config(mounts: mounts)).externalMounts
        #expect(
            pairs.suffix(5) == [
                .init("/link/data", "/b/data"), .init("/link/data/sub", "/real/b/data/sub"), .init("/one", "/b/data"), .init("/all", "/b/data"),
                .init("/all/sub", "/real/b/data/sub"),
            ])
    }

    @Test("joined namespaces are inherited or joined by criu; the caller's own are not")
    func namespaces() throws {
        let config = try config(
            namespaces: #"{"type":"mount"},{"type":"pid","path":"/p"},{"type":"network","path":"/n"},{"type":"ipc","path":"/i"},{"type":"uts","path":"/u"}"#)
        let all = try request(config)
        #expect(all.inherited == [.init("extRootPidNS", 8), .init("extRootNetNS", 7)])
        #expect(all.joinedNamespaces == [.init("ipc", "/i"), .init("uts", "/u")])
        let own = try request(config, hostNamespaces: [NamespaceSet(.network), NamespaceSet(.uts)])
        #expect(own.inherited == [.init("extRootPidNS", 8)] && own.joinedNamespaces == [.init("ipc", "/i")])
    }

    @Test("pipes and files of the host become the caller's streams, each name once; other streams are the image's")
    func streams() throws {
        #expect(
            try request(config(), streams: ["file[16:4]", "pipe:[7]", "pipe:[7]", "pipe:[8]"]).inherited == [.init("file[16:4]", 4), .init("pipe:[7]", 5)])
        #expect(try request(config(), streams: ["tty[8803:17]", "tty[8803:17]", ""]).inherited == [.init("tty[8803:17]", 4)])
        #expect(try request(config(), streams: ["/dev/pts/0", "/tmp/pipe:[7]", ""]).inherited.isEmpty)
    }

    @Test("the group that reads the images is the one of the new user namespace's root, unless that is the host's")
    func groupOfForeignRoot() throws {
        func group(_ maps: String, _ namespaces: String = #"{"type":"mount"},{"type":"user"}"#) throws -> UInt32? {
            let text = """
                {"ociVersion":"1.2.0","root":{"path":"rootfs"},"process":{"cwd":"/","args":["a"],"user":{"uid":0,"gid":0}},
                 "linux":{"namespaces":[\(namespaces)]\(maps)}}
                """
            let context = PlanContext(
                id: try ContainerID("web"), bundle: "/b", isPrivileged: true, uid: 0, gid: 0, cgroup: CgroupPlan(directories: []), grantableCapabilities: .max,
                kindOfFile: { _ in .success(.directory) })
            return try ContainerPlan(RuntimeConfig.parse(Array(text.utf8), source: "config.json"), context: context).groupOfForeignRoot
        }
        func maps(_ uid: Int, _ gid: Int) -> String {
            #","uidMappings":[{"containerID":0,"hostID":\#(uid),"size":9}],"gidMappings":[{"containerID":0,"hostID":\#(gid),"size":9}]"#
        }
        #expect(try group(maps(1000, 2000)) == 2000)
        #expect(try group(maps(0, 0)) == nil)
        #expect(try group("", #"{"type":"mount"}"#) == nil)
    }

    @Test("cgroups go by their controllers, named hierarchies by their names")
    func cgroupRoots() {
        var options = CriuOptions()
        options.setRoots([
            CgroupMembership(controllers: ["cpu", "cpuacct"], path: "/a"), CgroupMembership(controllers: [], name: "systemd", path: "/b"),
            CgroupMembership(controllers: [], path: "/c"),
        ])
        #expect(options.cgroupRoots == [.init("cpu", "/a"), .init("cpuacct", "/a"), .init("name=systemd", "/b"), .init("", "/c")])
    }

    @Test("the mount points are made by the steps of create, without those that touch anything else")
    func treePlan() throws {
        let config = try config(#","hostname":"h""#, namespaces: #"{"type":"mount"},{"type":"pid"},{"type":"network"},{"type":"uts"}"#)
        let context = PlanContext(
            id: try ContainerID("web"), bundle: "/b", isPrivileged: true, uid: 0, gid: 0, cgroup: CgroupPlan(directories: []), grantableCapabilities: .max,
            kindOfFile: { _ in .success(.directory) })
        let plan = try ContainerPlan(config, context: context)
        let steps = plan.treePlan.steps.map { $0.step }
        #expect(steps.first == .hideFromOthers && steps.last == .announceReady)
        #expect(steps.contains(.attachRootfs("/b/rootfs", recursive: true, propagation: .slave)))
        let kept = plan.steps.filter { if case .mount = $0.step { true } else { false } }
        #expect(kept.count == 2 && kept.allSatisfy { steps.contains($0.step) })
        for step in [Step.pivotRoot, .bringLoopbackUp, .setHostname("h"), .startSession(isNeeded: true), .execute] { #expect(!steps.contains(step), "\(step)") }
    }
}
