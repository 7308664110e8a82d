import OCISpec
import Testing

@testable import ContainerRuntime

@Suite("who owns the cgroup")
struct CgroupOwnerTests {
    /// A configuration with the user 7, a cgroup mount with `options`, and these entries of `linux`.
    private func owner(options: String = "\"nosuid\"", source: String = "cgroup", linux: String, caller: UInt32 = 0) throws -> UInt32? {
        let text = """
            {"ociVersion": "1.2.0", "root": {"path": "rootfs"}, "process": {"cwd": "/", "args": ["a"], "user": {"uid": 7, "gid": 0}},
             "mounts": [{"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "\(source)", "options": [\(options)]}], "linux": {\(linux)}}
            """
        return try RuntimeConfig.parse(Array(text.utf8), source: "config.json").cgroupOwner(caller: caller)
    }

    @Test("the user of the process, as the host knows it")
    func owners() throws {
        let own = "\"namespaces\": [{\"type\": \"cgroup\"}]"
        #expect(try owner(linux: own) == 7)
        #expect(try owner(linux: own, caller: 7) == nil)
        let mapped = "\"namespaces\": [{\"type\": \"cgroup\"}, {\"type\": \"user\"}], \"uidMappings\": [{\"containerID\": 0, \"hostID\": 50, \"size\": 5}, {\"containerID\": 5, \"hostID\": 900, \"size\": 3}]"
        #expect(try owner(linux: mapped) == 902)
        #expect(try owner(linux: mapped.replacing("\"size\": 3", with: "\"size\": 2")) == nil)
    }

    @Test("nobody else")
    func nobody() throws {
        let own = "\"namespaces\": [{\"type\": \"cgroup\"}]"
        #expect(try owner(options: "\"nosuid\", \"ro\"", linux: own) == nil)
        #expect(try owner(source: "tmpfs", linux: own) == nil)
        #expect(try owner(linux: "\"namespaces\": []") == nil)
        #expect(try owner(linux: "\"namespaces\": [{\"type\": \"cgroup\", \"path\": \"/proc/1/ns/cgroup\"}]") == nil)
        #expect(try owner(linux: "\"namespaces\": [{\"type\": \"cgroup\"}, {\"type\": \"user\", \"path\": \"/proc/9/ns/user\"}]") == nil)
    }
}
