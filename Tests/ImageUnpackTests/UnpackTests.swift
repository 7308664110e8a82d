import Diagnostics
import Foundation
import Kernel
import OCISpec
import Testing

@testable import ImageUnpack

@Suite("an image becomes a bundle", .serialized, .enabled(if: isRoot, "owners need root"))
struct UnpackTests {
    private func layer() -> TarBuilder {
        var layer = TarBuilder()
        layer.add("etc/passwd", text: "root:x:0:0:root:/root:/bin/sh\nweb:x:33:44:www:/var/www:/bin/sh\n")
        layer.add("etc/group", text: "root:x:0:\nwww:x:44:\nlog:x:55:web,other\n")
        layer.add("data/seed", text: "seed")
        return layer
    }

    private func unpacked(_ config: [String: Any], change: (inout UnpackOptions) -> Void = { _ in }) throws -> (bundle: URL, config: [String: Any], warnings: [String]) {
        let layout = try Layout()
        try layout.image("latest", config: config, layers: [layer()])
        let bundle = FileManager.default.temporaryDirectory.appending(path: "bundle-\(UUID().uuidString)")
        var options = UnpackOptions(reference: try ImageReference(layout.directory.path, exists: { _ in true }), bundle: Path(bundle.path))
        change(&options)
        let warnings = try unpack(options, report: { _ in })
        let data = try Data(contentsOf: bundle.appending(path: "config.json"))
        return (bundle, try #require(JSONSerialization.jsonObject(with: data) as? [String: Any]), warnings)
    }

    @Test("program, environment, directory and annotations are the image's")
    func conversion() throws {
        let (bundle, config, warnings) = try unpacked([
            "Entrypoint": ["/bin/a"], "Cmd": ["b", "c"], "Env": ["PATH=/x", "A=1"], "WorkingDir": "/w", "StopSignal": "SIGQUIT",
            "ExposedPorts": ["80/tcp": [:]], "Labels": ["org.opencontainers.image.os": "mine", "org.systemd.property.X": "1", "k": "v"],
        ])
        defer { try? FileManager.default.removeItem(at: bundle) }  // a leftover of the test harms nobody
        let process = try #require(config["process"] as? [String: Any])
        #expect(process["args"] as? [String] == ["/bin/a", "b", "c"] && process["cwd"] as? String == "/w")
        #expect(process["env"] as? [String] == ["PATH=/x", "A=1", "TERM=xterm", "HOME=/root"])
        let annotations = try #require(config["annotations"] as? [String: String])
        #expect(annotations["org.opencontainers.image.os"] == "mine" && annotations["k"] == "v")
        #expect(annotations["org.opencontainers.image.stopSignal"] == "SIGQUIT" && annotations["org.opencontainers.image.exposedPorts"] == "80/tcp")
        #expect(annotations["org.opencontainers.image.architecture"] == "amd64" && annotations["org.systemd.property.X"] == nil)
        #expect(warnings.count == 1 && warnings[0].contains("org.systemd.property.X"))
        #expect(try fileStatus(Path(bundle.path)).permissions == 0o700)
    }

    @Test("the user is looked up in the image", arguments: [
        ("web", 33, 44, [55]), ("33", 33, 44, []), ("web:log", 33, 55, []), ("7:8", 7, 8, []), ("7", 7, 0, []), ("web:0", 33, 0, []),
    ])
    func users(text: String, uid: Int, gid: Int, groups: [Int]) throws {
        let (bundle, config, _) = try unpacked(["User": text, "Cmd": ["x"]])
        defer { try? FileManager.default.removeItem(at: bundle) }  // a leftover of the test harms nobody
        let user = try #require((config["process"] as? [String: Any])?["user"] as? [String: Any])
        #expect(user["uid"] as? Int == uid && user["gid"] as? Int == gid && (user["additionalGids"] as? [Int] ?? []) == groups)
    }

    @Test("a user that is not in the image is an error, and nothing is left", arguments: ["nobody-here", "web:nogroup", "4294967295"])
    func unknownUser(text: String) throws {
        var bundle: Path?
        #expect(throws: OperationError.self) { try unpacked(["User": text, "Cmd": ["x"]], change: { bundle = $0.bundle }) }
        let path = try #require(bundle)
        #expect(throws: Errno.self) { try fileStatus(path) }
        let siblings = try FileManager.default.contentsOfDirectory(atPath: path.parent.text)
        #expect(!siblings.contains { $0.hasPrefix(".calque-\(getpid())-") })
    }

    @Test("a volume is a directory of the bundle, with what the image has there")
    func volumes() throws {
        let (bundle, config, _) = try unpacked(["Cmd": ["x"], "Volumes": ["/data": [:]]])
        defer { try? FileManager.default.removeItem(at: bundle) }  // a leftover of the test harms nobody
        #expect(try String(contentsOf: bundle.appending(path: "volumes/0/seed"), encoding: .utf8) == "seed")
        let mounts = try #require(config["mounts"] as? [[String: Any]])
        #expect(mounts.last?["destination"] as? String == "/data" && mounts.last?["source"] as? String == "volumes/0")
    }

    @Test("volumes over the root, /proc and the like are refused", arguments: ["/", "/proc/x", "/sys", "/a/../dev", "data"])
    func badVolumes(path: String) {
        #expect(throws: OperationError.self) { try unpacked(["Cmd": ["x"], "Volumes": [path: [:]]]) }
    }

    @Test("what a killed process left behind is removed, unless it is young or locked")
    func abandoned() throws {
        let parent = FileManager.default.temporaryDirectory.appending(path: "bundles-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: parent) }  // a leftover of the test harms nobody
        for name in [".calque-1-1", ".calque-1-2", ".calque-1-3", ".calque-removed-1-4"] {
            try FileManager.default.createDirectory(at: parent.appending(path: name + "/rootfs"), withIntermediateDirectories: true)
        }
        for name in [".calque-1-1", ".calque-1-2"] {
            try FileManager.default.setAttributes([.modificationDate: Date(timeIntervalSinceNow: -100)], ofItemAtPath: parent.appending(path: name).path)
        }
        let locked = try FileDescriptor.open(Path(parent.appending(path: ".calque-1-2").path), [.readOnly, .directory])
        try locked.lock()
        let layout = try Layout()
        try layout.image("latest", layers: [layer()])
        let reference = try ImageReference(layout.directory.path, exists: { _ in true })
        _ = try unpack(UnpackOptions(reference: reference, bundle: Path(parent.appending(path: "b").path)), report: { _ in })
        #expect(try FileManager.default.contentsOfDirectory(atPath: parent.path).sorted() == [".calque-1-2", ".calque-1-3", "b"])
    }

    @Test("an interruption leaves nothing, and a bundle that is there is not touched")
    func interruption() throws {
        let layout = try Layout()
        try layout.image("latest", layers: [layer()])
        let bundle = FileManager.default.temporaryDirectory.appending(path: "bundle-\(UUID().uuidString)")
        let options = UnpackOptions(reference: try ImageReference(layout.directory.path, exists: { _ in true }), bundle: Path(bundle.path))
        let stopped = OperationError("stop", "", .invalid("stopped"))
        #expect(throws: OperationError.self) { try unpack(options, report: { _ throws(OperationError) in throw stopped }) }
        #expect(!FileManager.default.fileExists(atPath: bundle.path))
        try FileManager.default.createDirectory(at: bundle, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: bundle) }  // a leftover of the test harms nobody
        let error = #expect(throws: OperationError.self) { try unpack(options, report: { _ in }) }
        #expect(error?.description.contains("File exists (EEXIST); hint: choose another name, or remove it first") == true)
    }
}
