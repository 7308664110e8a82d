import Diagnostics
import Testing

@testable import Cgroups

@Suite("cgroupsPath") struct CgroupPathTests {
    @Test("what leads out of the hierarchy or cannot be a name is refused", arguments: [
        ("/", "it names the root of the hierarchy, which is not for containers"),
        ("../../x", #"it has a component "..""#),
        ("/../x", #"it has a component "..""#),
        ("/a/../b", #"it has a component "..""#),
        ("a/./b", #"it has a component ".""#),
        ("..", #"it has a component "..""#),
        ("//a", "it has an empty component"),
        ("a//b", "it has an empty component"),
        ("/a/", "it has an empty component"),
        ("a\nb", "it has a control character"),
        (String(repeating: "a", count: 256), "it has a component longer than 255 bytes"),
        (String(repeating: "abcdefghi/", count: 500), "it is longer than 3000 bytes"),
    ])
    func refused(path: String, why: String) {
        let error = #expect(throws: OperationError.self) { try CgroupPath(cgroupsPath: path, id: "web") }
        #expect(error?.description == "plan cgroup \(quoted(path)) (linux.cgroupsPath): \(why)")
    }

    @Test("absolute and relative paths mean the same place, none is the container's id")
    func places() throws {
        #expect(try CgroupPath(cgroupsPath: "/docker/4f9c", id: "web").text == "docker/4f9c")
        #expect(try CgroupPath(cgroupsPath: "docker/4f9c", id: "web").text == "docker/4f9c")
        #expect(try CgroupPath(cgroupsPath: "/a", id: "web").isAbsolute)
        #expect(try !CgroupPath(cgroupsPath: "a", id: "web").isAbsolute)
        #expect(try CgroupPath(cgroupsPath: nil, id: "web").text == "cale-web")
        #expect(try CgroupPath(cgroupsPath: "", id: "web").text == "cale-web")
        // without --systemd-cgroup this is a name like any other; it stays below the root
        #expect(try CgroupPath(cgroupsPath: "a.slice:b:c", id: "web").text == "a.slice:b:c")
        #expect(try CgroupPath(cgroupsPath: "/a/...", id: "web").text == "a/...")
    }

    @Test("exec cannot leave the container's cgroup", arguments: ["../ct2", "/../ct2", "x/../../ct2", "", "/x", "x/"])
    func below(path: String) {
        #expect(throws: OperationError.self) { try cgroupDirectories(["/sys/fs/cgroup/ct"], below: path) }
    }

    @Test("a path below is appended to every directory")
    func appended() throws {
        #expect(try cgroupDirectories(["/a/ct", "/b/ct"], below: "x/y") == ["/a/ct/x/y", "/b/ct/x/y"])
    }
}

@Suite("/proc/PID/cgroup") struct MembershipTests {
    @Test("hybrid, joint and named hierarchies")
    func hybrid() {
        let text = "12:net_cls,net_prio:/\n9:name=systemd:/a:b\n4:memory:/x/y\n0::/\nnonsense\n1:2\n"
        let all = CgroupMembership.parse(text)
        #expect(
            all == [
                CgroupMembership(controllers: ["net_cls", "net_prio"], path: "/"), CgroupMembership(controllers: [], name: "systemd", path: "/a:b"),
                CgroupMembership(controllers: ["memory"], path: "/x/y"), CgroupMembership(controllers: [], path: "/"),
            ])
        #expect(all.map { $0.directoryName } == ["net_cls,net_prio", "systemd", "memory", "unified"])
        #expect(all.map { $0.isVersion2 } == [false, false, false, true])
    }
}
