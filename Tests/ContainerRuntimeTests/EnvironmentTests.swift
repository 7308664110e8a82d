import Cgroups
import Diagnostics
import OCISpec
import Testing

@testable import ContainerRuntime

@Suite("the environment of the program")
struct EnvironmentTests {
    private func environment(_ entries: [String]) throws -> [String] {
        let env = entries.map { #""\#($0)""# }.joined(separator: ",")
        let config = try RuntimeConfig.parse(
            [UInt8](#"{"ociVersion":"1.3.0","root":{"path":"rootfs"},"process":{"args":["x"],"cwd":"/","user":{"uid":0,"gid":0},"env":[\#(env)]},"linux":{"namespaces":[{"type":"mount"},{"type":"pid"}]}}"#.utf8),
            source: "config.json")
        let context = PlanContext(
            id: try ContainerID("web"), bundle: "/bundle", isPrivileged: true, uid: 0, gid: 0, cgroup: CgroupPlan(directories: []),
            grantableCapabilities: .max, kindOfFile: { _ in .success(.directory) })
        return try ContainerPlan(config, context: context).environment
    }

    @Test("of two entries with one name the last counts")
    func duplicates() throws {
        #expect(try environment(["A=1", "B=2", "A=3", "C=", "C=4=5"]) == ["B=2", "A=3", "C=4=5"])
        #expect(try environment([]) == [])
    }
}
