import Cgroups
import Diagnostics
import Foundation
import Kernel
import OCISpec
import Testing

@testable import ContainerRuntime

private func words(_ body: () throws(OperationError) -> Void) -> String {
    do throws(OperationError) {
        try body()
        return "accepted"
    } catch { return error.description }
}

@Suite("exec --user")
struct UserOptionTests {
    @Test("numbers and names", arguments: [
        ("0", UserOption.Name.id(0), nil), ("1", .id(1), nil), ("01", .id(1), nil), ("1:5", .id(1), .id(5)), ("2147483648", .id(2_147_483_648), nil),
        ("4294967294:4294967294", .id(4_294_967_294), .id(4_294_967_294)), ("www-data", .name("www-data"), nil), ("www:adm", .name("www"), .name("adm")),
        ("0:adm", .id(0), .name("adm")), ("1x", .name("1x"), nil), ("www:5", .name("www"), .id(5)),
    ] as [(String, UserOption.Name, UserOption.Name?)])
    func accepted(text: String, user: UserOption.Name, group: UserOption.Name?) throws {
        let option = try UserOption(text)
        #expect(option.user == user && option.group == group)
    }

    @Test("what is refused, in words (C09)", arguments: [
        ("", "the user is missing"), (":5", "the user is missing"), ("1:", "the group is missing"), ("+1", "\"+1\" is neither a number nor the name of a user"),
        ("-1", "\"-1\" is neither a number nor the name of a user"), ("4294967295", "4294967295 is not a user id"), ("4294967296", "4294967296 is not a user id"),
        ("18446744073709551616", "18446744073709551616 is not a user id"), ("1:4294967295", "4294967295 is not a group id"),
        ("1:2:3", "\"2:3\" is neither a number nor the name of a group"), (" 1", "\" 1\" is neither a number nor the name of a user"),
    ])
    func refused(text: String, why: String) {
        #expect(
            words { () throws(OperationError) in _ = try UserOption(text) }
                == "use \"--user \(text)\": \(why); hint: write USER or USER:GROUP, each a name of the container or a number")
    }
}

@Suite("users of a container")
struct ContainerUsersTests {
    private func users(passwd: String?, group: String?) throws -> ContainerUsers {
        let root = FileManager.default.temporaryDirectory.appending(path: "users-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: root.appending(path: "etc"), withIntermediateDirectories: true)
        if let passwd { try passwd.write(to: root.appending(path: "etc/passwd"), atomically: false, encoding: .utf8) }
        if let group { try group.write(to: root.appending(path: "etc/group"), atomically: false, encoding: .utf8) }
        defer { try? FileManager.default.removeItem(at: root) }  // the handle keeps what is read: nothing
        return ContainerUsers(root: try FileDescriptor.open(Path(root.path), [.path, .directory]))
    }

    @Test("lines of another form are none")
    func lines() {
        let passwd = Array("junk\n::\nroot:x:0:0\nwww:x:33:34::/srv:/bin/sh\nnul:x:5:5::/a\0b:\nrel:x:6:6::srv:\n".utf8)
        #expect(ContainerUsers.line(named: "www", in: passwd)?.count == 7)
        #expect(ContainerUsers.line(named: "nosuch", in: passwd) == nil)
        #expect(ContainerUsers.home(of: 33, passwd: passwd) == "/srv")
        for uid: UInt32 in [0, 5, 6, 7] { #expect(ContainerUsers.home(of: uid, passwd: passwd) == "/") }
        let group = Array("log:x:4:adm,www\nweb:x:34:\nbig:x:4294967296:www\nplus:x:+7:www\nother:x:9:wwww\nlast:x:8:www".utf8)
        #expect(ContainerUsers.groups(of: "www", group: group) == [4, 8])
    }

    @Test("files that are not there")
    func missing() throws {
        let users = try users(passwd: nil, group: nil)
        #expect(try users.resolve(UserOption("7")) == ResolvedUser(uid: 7, gid: 0))
        #expect(users.home(of: 7) == "/")
        var text = ""
        do { _ = try users.resolve(UserOption("www")) } catch { text = "\(error)" }
        #expect(text == "look up \"www\" in the container's \"/etc/passwd\": No such file or directory (ENOENT); hint: a number works without that file")
    }
}

@Suite("exec: which process")
struct ProcessChangesTests {
    private func nobody() throws -> ContainerUsers {
        let root = FileManager.default.temporaryDirectory.appending(path: "nobody-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: root) }  // an empty directory is as good when it is gone
        return ContainerUsers(root: try FileDescriptor.open(Path(root.path), [.path, .directory]))
    }
    private var config: RuntimeConfig {
        get throws {
            let text = """
                {"ociVersion": "1.3.0", "root": {"path": "rootfs"}, "process": {"cwd": "/srv", "args": ["init"], "terminal": true, "consoleSize": {"height": 1, "width": 2},
                 "env": ["PATH=/bin", "A=1"], "user": {"uid": 5, "gid": 6, "umask": 7, "additionalGids": [8]}, "noNewPrivileges": true, "oomScoreAdj": 9,
                 "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 1, "hard": 2}], "apparmorProfile": "web", "selinuxLabel": "label",
                 "capabilities": {"bounding": ["CAP_KILL"], "permitted": ["CAP_KILL"], "effective": ["CAP_KILL"], "inheritable": ["CAP_CHOWN"]},
                 "scheduler": {"policy": "SCHED_BATCH"}, "ioPriority": {"class": "IOPRIO_CLASS_IDLE", "priority": 1}, "execCPUAffinity": {"final": "1"}}}
                """
            return try RuntimeConfig.parse(Array(text.utf8), source: "config.json")
        }
    }

    @Test("without options it is the container's, but for the terminal")
    func unchanged() throws {
        var changes = ProcessChanges()
        changes.arguments = ["ls"]
        var expected = try #require(try config.process)
        expected.args = ["ls"]
        expected.terminal = false
        expected.consoleSize = nil
        expected.env.append("HOME=/")
        #expect(try changes.process(of: config, users: nobody()) == expected)
    }

    @Test("options")
    func options() throws {
        var changes = ProcessChanges()
        changes.arguments = ["ls", "-l"]
        changes.cwd = "/tmp"
        changes.environment = ["A=2", "HOME=/x", "B=", "A=3"]
        changes.terminal = true
        changes.user = "1000:1001"
        changes.additionalGroups = [9]
        changes.noNewPrivileges = false
        changes.apparmorProfile = "other"
        changes.selinuxLabel = "second"
        changes.capabilities = ["CAP_CHOWN", "CAP_FOWNER"]
        let process = try changes.process(of: config, users: nobody())
        #expect(process.args == ["ls", "-l"] && process.cwd == "/tmp" && process.env == ["PATH=/bin", "HOME=/x", "B=", "A=3"])
        #expect(process.terminal && !process.noNewPrivileges && process.apparmorProfile == "other" && process.selinuxLabel == "second")
        #expect(process.user == User(uid: 1000, gid: 1001, umask: 7, additionalGids: [9]))
        let sets = try #require(process.capabilities)
        for set in [sets.bounding, sets.permitted, sets.effective] { #expect(set == ["CAP_KILL", "CAP_CHOWN", "CAP_FOWNER"]) }
        // CVE-2022-29162: nothing becomes inheritable; ambient is what was inheritable already
        #expect(sets.inheritable == ["CAP_CHOWN"] && sets.ambient == ["CAP_CHOWN"])
    }

    @Test("of a file, what it leaves open comes from the configuration")
    func file() throws {
        let file = try OCISpec.Process.parse(Array("{\"cwd\": \"/\", \"args\": [\"a\"], \"env\": [\"HOME=/h\"], \"user\": {\"uid\": 1, \"gid\": 2}}".utf8), source: "p.json")
        let process = try ProcessChanges().process(from: file, of: config, users: nobody())
        let own = try #require(try config.process)
        var expected = file
        expected.capabilities = own.capabilities
        expected.apparmorProfile = own.apparmorProfile
        expected.selinuxLabel = own.selinuxLabel
        expected.oomScoreAdj = own.oomScoreAdj
        expected.scheduler = own.scheduler
        expected.ioPriority = own.ioPriority
        expected.execCPUAffinity = own.execCPUAffinity
        expected.user.umask = own.user.umask
        #expect(process == expected)
        #expect(!process.terminal && !process.noNewPrivileges && process.user.additionalGids.isEmpty && process.rlimits.isEmpty)
    }

    @Test("a container without a process has no pattern")
    func noProcess() throws {
        let config = try RuntimeConfig.parse(Array("{\"ociVersion\": \"1.3.0\", \"root\": {\"path\": \"rootfs\"}}".utf8), source: "config.json")
        var text = ""
        do { _ = try ProcessChanges().process(of: config, users: nobody()) } catch { text = "\(error)" }
        #expect(text == "exec (process): the container's config.json has no process that could be taken for a pattern; hint: use --process FILE")
    }
}

@Suite("exec --cgroup")
struct ExecCgroupTests {
    private let setup = CgroupSetup(hierarchies: [
        CgroupHierarchy(version: .v2, controllers: ["hugetlb"], mountPoint: "/sys/fs/cgroup/unified"),
        CgroupHierarchy(version: .v1, controllers: ["cpu", "cpuacct"], mountPoint: "/sys/fs/cgroup/cpu,cpuacct"),
        CgroupHierarchy(version: .v1, controllers: ["memory"], mountPoint: "/sys/fs/cgroup/memory"),
    ])
    private let web = ["/sys/fs/cgroup/unified/web", "/sys/fs/cgroup/cpu,cpuacct/web", "/sys/fs/cgroup/memory/web"]

    private func directories(_ options: String...) throws(OperationError) -> [String] {
        try ExecCgroup(options).directories(web) { () throws(OperationError) in setup }
    }

    @Test func places() throws {
        #expect(try directories() == web && ExecCgroup([]).isDefault)
        #expect(try directories("/") == web && !ExecCgroup(["/"]).isDefault)
        #expect(try directories("a/b") == web.map { $0 + "/a/b" })
        #expect(try directories("/a/") == web.map { $0 + "/a" })
        #expect(try directories("cpu:a", "memory:/b") == [web[0], web[1] + "/a", web[2] + "/b"])
        #expect(try directories("cpu,memory:a") == [web[0], web[1] + "/a", web[2] + "/a"])
        #expect(try directories("memory:/") == web)
    }

    @Test("what is refused, in words (D04)")
    func refused() {
        func why(_ options: String...) -> String {
            words { () throws(OperationError) in _ = try ExecCgroup(options).directories(web) { () throws(OperationError) in setup } }
        }
        #expect(why("../web2") == "join cgroup \"../web2\": ../web2 is not a sub cgroup path: it has a component \"..\"")
        #expect(why("/../web2") == "join cgroup \"../web2\": ../web2 is not a sub cgroup path: it has a component \"..\"")
        #expect(why("memory:x/../../web2") == "join cgroup \"x/../../web2\": x/../../web2 is not a sub cgroup path: it has a component \"..\"")
        #expect(why("a//b") == "join cgroup \"a//b\": it has an empty component")
        #expect(why("a", "b") == "read option \"--cgroup a\": of several paths each needs its controllers: \"CONTROLLER:PATH\"")
        #expect(why(":a") == "read option \"--cgroup :a\": the controller before \":\" is missing")
        #expect(why("memory:a", "memory:b") == "read option \"--cgroup memory:b\": memory has another path already")
        #expect(
            why("io:a")
                == "join cgroup \"io:a\": the container has no version 1 cgroup of that controller; hint: without \"io:\" the path is for all hierarchies")
    }
}
