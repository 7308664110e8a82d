import Cgroups
import ContainerInit
import Diagnostics
import Kernel
import OCISpec
import Testing

@testable import ContainerRuntime

/// What people get wrong with their first containers, and what they are told.
@Suite("mistakes of new users")
struct MistakeTests {
    private func plan(args: String, more: String = "") throws -> ContainerPlan {
        let text = #"{"ociVersion":"1.3.0","root":{"path":"/r"},"process":{"cwd":"/","args":\#(args)\#(more)},"linux":{"namespaces":[{"type":"mount"},{"type":"pid"}]}}"#
        return try ContainerPlan(try RuntimeConfig.parse(Array(text.utf8), source: "config.json"), context: try context())
    }

    private func context() throws -> PlanContext {
        PlanContext(
            id: try ContainerID("web"), bundle: "/b", isPrivileged: true, uid: 0, gid: 0, cgroup: CgroupPlan(directories: []), grantableCapabilities: .max,
            kindOfFile: { _ in .success(.directory) })
    }

    private func words(_ plan: ContainerPlan, _ errno: Errno, _ matches: (Step) -> Bool) throws -> String {
        plan.error(step: try #require(plan.steps.firstIndex { matches($0.step) }), errno: errno).description
    }

    private func isSearch(_ step: Step) -> Bool { if case .findProgram = step { true } else { false } }

    @Test("a command line in one string")
    func oneString() throws {
        #expect(
            try words(plan(args: #"["ls -l"]"#), .noEntry, isSearch)
                == #"execute "ls -l" (process.args[0]): executable file not found in $PATH (ENOENT); hint: each word is an entry of its own: ["ls", "-l"]"#)
        #expect(
            try words(plan(args: #"["/bin/ls -l"]"#), .noEntry, isSearch)
                == #"execute "/bin/ls -l" (process.args[0]): no such file or directory (ENOENT); hint: each word is an entry of its own: ["/bin/ls", "-l"]"#)
    }

    @Test("an option behind the id of exec")
    func lateOption() throws {
        let text = #"{"ociVersion":"1.3.0","root":{"path":"/r"},"process":{"cwd":"/","args":["--tty"]},"linux":{"namespaces":[{"type":"mount"},{"type":"pid"}]}}"#
        let config = try RuntimeConfig.parse(Array(text.utf8), source: "config.json")
        let exec = try ContainerPlan(exec: config.requireProcess(), in: config, initPID: 1, context: try context())
        let error = try words(exec, .noEntry, isSearch)
        #expect(error.contains(#"executable file not found in $PATH (ENOENT); hint: options of "exec" stand before the container's id"#), "\(error)")
    }

    @Test("a limit that cannot be raised is told by its name")
    func limit() throws {
        let plan = try plan(args: #"["x"]"#, more: #","rlimits":[{"type":"RLIMIT_NOFILE","soft":5,"hard":1048576}]"#)
        #expect(
            try words(plan, .notPermitted) { if case .setLimit = $0 { true } else { false } }
                == #"set limit "RLIMIT_NOFILE" (process.rlimits[0]): Operation not permitted (EPERM); hint: raising a hard limit needs CAP_SYS_RESOURCE"#)
    }

    @Test("a sysctl that the kernel does not have")
    func sysctl() throws {
        let text = #"""
            {"ociVersion":"1.3.0","root":{"path":"/r"},"process":{"cwd":"/","args":["x"]},
             "linux":{"namespaces":[{"type":"mount"},{"type":"pid"},{"type":"network"}],"sysctl":{"net.nosuch":"1"}}}
            """#
        let plan = try ContainerPlan(try RuntimeConfig.parse(Array(text.utf8), source: "config.json"), context: try context())
        #expect(
            try words(plan, .noEntry) { if case .setSysctl = $0 { true } else { false } }
                == #"set sysctl "net/nosuch" (linux.sysctl["net.nosuch"]): No such file or directory (ENOENT); hint: the kernel has no such setting, or none for each namespace"#)
    }

    @Test("an AppArmor profile and an SELinux label that are not there; a value that a sysctl does not take")
    func labels() throws {
        let hint = "; hint: is the profile loaded, and the security module active?"
        let plan = try plan(args: #"["x"]"#, more: #","apparmorProfile":"web","selinuxLabel":"exec_t""#)
        #expect(
            try words(plan, .noEntry) { if case .labelExec = $0 { true } else { false } }
                == #"set AppArmor profile "web" (process.apparmorProfile): No such file or directory (ENOENT)"# + hint)
        #expect(plan.steps.contains { $0.step.summary == ("set SELinux label", "exec_t") })
        let text = #"""
            {"ociVersion":"1.3.0","root":{"path":"/r"},"process":{"cwd":"/","args":["x"]},
             "linux":{"namespaces":[{"type":"mount"},{"type":"pid"},{"type":"network"}],"sysctl":{"net.ipv4.ip_forward":"yes"}}}
            """#
        let other = try ContainerPlan(try RuntimeConfig.parse(Array(text.utf8), source: "config.json"), context: try context())
        #expect(try words(other, .invalid) { if case .setSysctl = $0 { true } else { false } }.hasSuffix(#"; hint: the kernel refuses the value "yes""#))
    }

    @Test("a capability without CAP_")
    func capability() throws {
        let plan = try plan(args: #"["x"]"#, more: #","capabilities":{"bounding":["NET_ADMIN","CAP_NOSUCH"]}"#)
        #expect(
            plan.warnings == [
                #"process.capabilities.bounding: unknown capability "NET_ADMIN" (it is called CAP_NET_ADMIN), ignoring"#,
                #"process.capabilities.bounding: unknown capability "CAP_NOSUCH", ignoring"#,
            ])
    }

    @Test("capabilities that cannot be had are one warning for each set; one in lower case")
    func capabilities() throws {
        let text =
            #"{"ociVersion":"1.3.0","root":{"path":"/r"},"process":{"cwd":"/","args":["x"],"capabilities":{"bounding":["CAP_KILL","CAP_CHOWN"],"#
            + #""inheritable":["cap_net_raw"],"ambient":["CAP_KILL"]}},"linux":{"namespaces":[{"type":"mount"},{"type":"pid"}]}}"#
        let context = PlanContext(
            id: try ContainerID("web"), bundle: "/b", isPrivileged: true, uid: 0, gid: 0, cgroup: CgroupPlan(directories: []), grantableCapabilities: 0,
            kindOfFile: { _ in .success(.directory) })
        #expect(
            try ContainerPlan(try RuntimeConfig.parse(Array(text.utf8), source: "config.json"), context: context).warnings == [
                "process.capabilities.bounding: CAP_KILL, CAP_CHOWN cannot be granted, since the runtime does not have them, ignoring",
                #"process.capabilities.inheritable: unknown capability "cap_net_raw" (it is called CAP_NET_RAW), ignoring"#,
                "process.capabilities.ambient: CAP_KILL cannot be granted, since the runtime does not have it, ignoring",
            ])
    }

    @Test("a mount that the kernel refuses: a file on a directory, an option that is none, a file system that is root's")
    func mounts() throws {
        func words(_ mount: String, _ errno: Errno) throws -> String {
            let text =
                #"{"ociVersion":"1.3.0","root":{"path":"/r"},"process":{"cwd":"/","args":["x"]},"linux":{"namespaces":[{"type":"mount"},{"type":"pid"}]},"#
                + #""mounts":[\#(mount)]}"#
            let plan = try ContainerPlan(try RuntimeConfig.parse(Array(text.utf8), source: "config.json"), context: try context())
            return try self.words(plan, errno) { if case .mount(let step) = $0 { step.destination.text == "/mnt" } else { false } }
        }
        let bind = #"{"destination":"/mnt","source":"/data","options":["bind"]}"#
        #expect(try words(bind, .invalid) == #"bind mount "/mnt" (mounts[0]): Invalid argument (EINVAL); hint: a directory is mounted on a directory, a file on a file"#)
        #expect(try words(bind, .notDirectory) == #"bind mount "/mnt" (mounts[0]): Not a directory (ENOTDIR); hint: a directory is mounted on a directory, a file on a file"#)
        #expect(
            try words(#"{"destination":"/mnt","type":"tmpfs","options":["ro","size=64mb"]}"#, .invalid)
                == #"mount "/mnt" (mounts[0]): Invalid argument (EINVAL); hint: the file system does not know one of the options, or its value: size=64mb"#)
        #expect(try words(#"{"destination":"/mnt","type":"tmpfs","options":["readonly"]}"#, .invalid).hasSuffix(#"; hint: did you mean "ro"?"#))
        #expect(
            try words(#"{"destination":"/mnt","type":"ext4","source":"/dev/vda"}"#, .notPermitted)
                == #"mount "/mnt" (mounts[0]): Operation not permitted (EPERM); hint: in a user namespace the kernel mounts some file systems only, such as tmpfs, overlay and fuse"#)
    }

    @Test("an option of a bind mount that is mistyped, or a mapping that crun knows", arguments: ["nosiud", "idmap=uids=0-1-2", "=1", "readonly"])
    func bindOption(option: String) throws {
        let text =
            #"{"ociVersion":"1.3.0","root":{"path":"/r"},"process":{"cwd":"/","args":["x"]},"linux":{"namespaces":[{"type":"mount"}]},"#
            + #""mounts":[{"destination":"/mnt","source":"/data","options":["bind","\#(option)"]}]}"#
        let error = #expect(throws: OperationError.self) {
            try ContainerPlan(try RuntimeConfig.parse(Array(text.utf8), source: "config.json"), context: try context())
        }
        #expect(error?.description == #"bind mount "/data" (mounts[0].options): unknown option "\#(option)""# + (option == "readonly" ? #"; hint: did you mean "ro"?"# : ""))
    }

    @Test("a hook that is not there")
    func hook() {
        #expect(
            HostHooks.failure("/h", timeoutSeconds: nil, status: 127, output: Array("ENOENT\n".utf8), phase: "prestart", index: 0).description
                == #"error running prestart hook #0: "/h" (hooks.prestart[0]): it could not be executed, or ended with status 127, and wrote: "ENOENT"; hint: is it an executable file, and the interpreter that it names there?"#)
    }

    @Test("ids that are not the user's: the command that gives them, unless somebody else has them")
    func subordinateIDs() {
        let ranges = [IDMapRange(containerID: 0, hostID: 1000, size: 1), IDMapRange(containerID: 1, hostID: 100000, size: 65536)]
        #expect(
            IDMaps.hint("newuidmap", ranges: ranges, database: "/etc/subuid", ownID: 1000, user: "ann")
                == "/etc/subuid must give your user these ids: sudo usermod --add-subuids 100000-165535 ann")
        #expect(
            IDMaps.hint("newgidmap", ranges: ranges, database: "/etc/subgid", ownID: 1000, user: "ann")
                == "/etc/subgid must give your user these ids: sudo usermod --add-subgids 100000-165535 ann")
        #expect(
            IDMaps.hint("newuidmap", ranges: [IDMapRange(containerID: 0, hostID: 0, size: 1)], database: "/etc/subuid", ownID: 1000, user: "ann")
                == "/etc/subuid must give your user these ids, which others may have; your own is 1000")
    }

    @Test("a path without the dots that people type")
    func dots() {
        for (text, plain) in [("/a/.", "/a"), ("/a/./b", "/a/b"), ("/a//b/", "/a/b"), ("/a/../b", "/a/../b"), ("/", "/"), ("/.", "/"), (".", "."), ("a/./b", "a/b"), ("/.a", "/.a")] {
            #expect(Path(text).withoutDots == Path(plain))
        }
    }
}
