import OCISpec
import Testing

@Suite("properties that nobody knows")
struct UnknownPropertyTests {
    private func unknown(_ text: String) throws -> [String] { try RuntimeConfig.unknownProperties(Array(text.utf8), source: "config.json") }

    @Test("a complete configuration has none")
    func complete() throws {
        #expect(try unknown(completeConfig) == [])
    }

    @Test("what is misspelt is named, and nothing below it")
    func misspelt() throws {
        let text = #"""
            {"ociVersion": "1.3.0", "root": {"path": "r", "readOnly": true}, "hostName": "a", "windows": {"x": {"y": 1}}, "annotations": {"any.key": "v"},
             "process": {"args": ["x"], "cwd": "/", "user": {"uid": 0, "gid": 0}, "noNewPrivs": true, "terminal": null, "rlimits": null},
             "mounts": [{"destination": "/proc", "type": "proc"}, {"destination": "/a", "type": "tmpfs", "option": ["ro"], "weight": 1.5}],
             "linux": {"sysctl": {"net.a.b": "1"}, "resources": {"memory": {"Limit": 5}}}}
            """#
        #expect(try unknown(text) == [
            "root.readOnly", "hostName", "windows", "process.noNewPrivs", "mounts[1].option", "mounts[1].weight", "linux.resources.memory.Limit",
        ])
    }
}
