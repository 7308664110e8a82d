import Diagnostics
import Foundation
import Kernel
import OCISpec
import Testing

@testable import ImageUnpack

/// Makes an OCI layout by hand.
final class Layout {
    let directory: URL
    var path: Path { Path(directory.path) }
    var manifests: [[String: Any]] = []
    private(set) var layerFiles: Set<URL> = []

    init() throws {
        directory = FileManager.default.temporaryDirectory.appending(path: "layout-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory.appending(path: "blobs/sha256"), withIntermediateDirectories: true)
        try #"{"imageLayoutVersion":"1.0.0"}"#.write(to: directory.appending(path: "oci-layout"), atomically: false, encoding: .utf8)
    }

    deinit {
        do { try FileManager.default.removeItem(at: directory) } catch { print("cannot remove \(directory.path)") }
    }

    func blob(_ bytes: [UInt8], type: String) throws -> [String: Any] {
        let digest = ContentHash.digest(of: bytes, .sha256)
        try Data(bytes).write(to: directory.appending(path: "blobs/sha256/\(digest.encoded)"))
        return ["mediaType": type, "digest": digest.text, "size": bytes.count]
    }

    func json(_ object: Any, type: String) throws -> [String: Any] {
        try blob([UInt8](try JSONSerialization.data(withJSONObject: object, options: .sortedKeys)), type: type)
    }

    /// Adds an image of plain layers to the index.
    func image(_ tag: String?, architecture: String = "amd64", config: [String: Any] = [:], layers: [TarBuilder] = []) throws {
        var index = try manifest(architecture: architecture, config: config, layers: layers)
        if let tag { index["annotations"] = ["org.opencontainers.image.ref.name": tag] }
        manifests.append(index)
        try write()
    }

    func manifest(architecture: String = "amd64", config: [String: Any] = [:], layers: [TarBuilder] = []) throws -> [String: Any] {
        let diffs = layers.map { ContentHash.digest(of: $0.archive, .sha256).text }
        let configuration = try json(
            ["os": "linux", "architecture": architecture, "config": config, "rootfs": ["type": "layers", "diff_ids": diffs]], type: MediaType.config)
        let descriptors = try layers.map { try blob($0.archive, type: "application/vnd.oci.image.layer.v1.tar") }
        for layer in layers { layerFiles.insert(directory.appending(path: "blobs/sha256/\(ContentHash.digest(of: layer.archive, .sha256).encoded)")) }
        return try json(["schemaVersion": 2, "config": configuration, "layers": descriptors], type: MediaType.manifest)
    }

    func write() throws {
        let index: [String: Any] = ["schemaVersion": 2, "manifests": manifests]
        try JSONSerialization.data(withJSONObject: index).write(to: directory.appending(path: "index.json"))
    }
}

@Suite("an image is found in its source")
struct SourceTests {
    private func image(_ layout: Layout, _ selector: ImageReference.Selector = .byDefault, platform: Platform? = nil) throws -> Image {
        try ImageSource(layout.path).image(selector, platform: platform)
    }
    private func message(_ body: () throws -> Void) -> String {
        do {
            try body()
            return "no error"
        } catch {
            return "\(error)"
        }
    }

    @Test("SOURCE, SOURCE:TAG and SOURCE@DIGEST; a path may contain colons")
    func references() throws {
        let there: Set<Path> = ["/i", "/a:b"]
        func parse(_ text: String) throws -> ImageReference { try ImageReference(text, exists: { there.contains($0) }) }
        #expect(try parse("/i").selector == .byDefault)
        #expect(try parse("/i:3.20").selector == .name("3.20"))
        #expect(try parse("/a:b").selector == .byDefault)
        #expect(try parse("/a:b:c").source == "/a:b")
        #expect(try parse("/i:name:tag").selector == .name("name:tag"))
        let digest = Digest(.sha256, encoded: String(repeating: "a", count: 64))
        #expect(try parse("/i@" + digest.text).selector == .digest(digest))
        #expect(try parse("/i:a@b:c").selector == .name("a@b:c"))
        #expect(message { _ = try parse("/i@a:c") }.contains("the digest algorithm \"a\""))
        #expect(message { _ = try parse("/nowhere:x") }.contains("No such file or directory (ENOENT)"))
        let expected = "an OCI layout directory, an OCI archive or a docker-archive is expected"
        #expect(message { _ = try parse("alpine:3.20") }.hasSuffix("hint: \(expected); from a registry: skopeo copy docker://alpine:3.20 oci:alpine:3.20"))
        #expect(ImageReference.expected("docker://ghcr.io/a/b", .noEntry) == "\(expected); from a registry: skopeo copy docker://ghcr.io/a/b oci:b:latest")
        for (text, errno) in [("/a", Errno.noEntry), ("./a", .noEntry), ("a.tar", .noEntry), ("a", .accessDenied)] {
            #expect(ImageReference.expected(text, errno) == expected)
        }
    }

    @Test("by tag, latest by default, and the only image without a name")
    func tags() throws {
        let layout = try Layout()
        try layout.image("3.20", config: ["User": "one"])
        try layout.image("latest", config: ["User": "two"])
        #expect(try image(layout).config.execution.user == "two")
        #expect(try image(layout, .name("3.20")).config.execution.user == "one")
        #expect(message { _ = try image(layout, .name("9")) }.hasSuffix("there is no image with the tag \"9\"; hint: tags: 3.20, latest"))
        let nameless = try Layout()
        try nameless.image(nil)
        #expect(try image(nameless).layers.isEmpty)
    }

    @Test("an index inside is searched for the platform; attestations are passed over")
    func platforms() throws {
        let layout = try Layout()
        var arm = try layout.manifest(architecture: "arm64")
        arm["platform"] = ["os": "linux", "architecture": "arm64"]
        var intel = try layout.manifest(architecture: "amd64")
        intel["platform"] = ["os": "linux", "architecture": "amd64"]
        var attestation = try layout.manifest(architecture: "unknown")
        attestation["platform"] = ["os": "unknown", "architecture": "unknown"]
        var index = try layout.json(["schemaVersion": 2, "manifests": [attestation, arm, intel]], type: MediaType.index)
        index["annotations"] = ["org.opencontainers.image.ref.name": "latest"]
        layout.manifests = [index]
        try layout.write()
        #expect(try image(layout, platform: try Platform("linux/arm64")).config.platform.architecture == "arm64")
        #expect(try image(layout, platform: try Platform("linux/amd64")).config.platform.architecture == "amd64")
        let error = message { _ = try image(layout, platform: try Platform("linux/s390x")) }
        #expect(error.hasSuffix("there is no image for linux/s390x; hint: platforms: linux/arm64, linux/amd64; choose one with --platform"))
    }

    @Test("a blob with a wrong digest, a wrong size, or in the form of a link or a fifo is refused", arguments: ["digest", "size", "link", "fifo", "missing"])
    func doubtfulBlobs(fault: String) throws {
        let layout = try Layout()
        try layout.image("latest")
        let digest = try #require(layout.manifests[0]["digest"] as? String).dropFirst(7)
        let blob = layout.directory.appending(path: "blobs/sha256/\(digest)")
        var bytes = try Data(contentsOf: blob)
        try FileManager.default.removeItem(at: blob)
        switch fault {
        case "digest":
            bytes[bytes.count - 2] ^= 1
            try bytes.write(to: blob)
        case "size": try (bytes + [0x20]).write(to: blob)
        case "link":
            try bytes.write(to: layout.directory.appending(path: "elsewhere"))
            try FileManager.default.createSymbolicLink(atPath: blob.path, withDestinationPath: "../../elsewhere")
        case "fifo": #expect(mkfifo(blob.path, 0o600) == 0)
        default: break
        }
        let words = ["digest": "does not have its digest", "size": "its descriptor says", "link": "it is no regular file", "fifo": "it is no regular file", "missing": "ENOENT"]
        #expect(message { _ = try image(layout) }.contains(try #require(words[fault])))
    }

    @Test("an index that is a manifest as well, a circle of indexes, and a huge index are refused")
    func hostileIndexes() throws {
        let both = try Layout()
        try #"{"schemaVersion":2,"manifests":[],"layers":[]}"#.write(to: both.directory.appending(path: "index.json"), atomically: false, encoding: .utf8)
        #expect(message { _ = try image(both) }.contains("an index has no layers"))
        let huge = try Layout()
        try Data(count: 5 << 20).write(to: huge.directory.appending(path: "index.json"))
        #expect(message { _ = try image(huge) }.contains("5242880 bytes are too many: at most 4194304 are read"))
    }

    @Test("encrypted layers and artifacts are refused by name")
    func foreignMediaTypes() throws {
        let layout = try Layout()
        let layer = try layout.blob([1], type: "application/vnd.oci.image.layer.v1.tar+gzip+encrypted")
        let config = try layout.json(
            ["os": "linux", "architecture": "amd64", "rootfs": ["type": "layers", "diff_ids": [layer["digest"] ?? ""]]], type: MediaType.config)
        layout.manifests = [try layout.json(["schemaVersion": 2, "config": config, "layers": [layer]], type: MediaType.manifest)]
        try layout.write()
        #expect(message { _ = try image(layout) }.contains("the encrypted layer \"application/vnd.oci.image.layer.v1.tar+gzip+encrypted\""))
        let artifact = try layout.json(["schemaVersion": 2, "config": try layout.blob([0x7B, 0x7D], type: "application/x"), "layers": []], type: MediaType.manifest)
        layout.manifests = [artifact]
        try layout.write()
        #expect(message { _ = try image(layout) }.contains("this is an artifact, not an image that can run"))
    }

    @Test("entries of an index that are no images, or have a digest of another algorithm, are passed over (IM-image-index-015, IM-descriptor-023)")
    func foreignEntries() throws {
        let layout = try Layout()
        let manifest = try layout.manifest(config: ["User": "one"])
        var foreign = try layout.json(["a": 1], type: "application/x.unknown")
        var unknown = foreign
        unknown["mediaType"] = MediaType.manifest
        unknown["digest"] = "sha999+b64u:LCa0a2j_xo"
        layout.manifests = [foreign, unknown, manifest]
        try layout.write()
        #expect(try image(layout).config.execution.user == "one")
        let inner = try layout.json(["schemaVersion": 2, "manifests": [foreign, unknown, manifest]], type: MediaType.index)
        layout.manifests = [inner]
        try layout.write()
        #expect(try image(layout).config.execution.user == "one")
        foreign["annotations"] = ["org.opencontainers.image.ref.name": "latest"]
        layout.manifests = [foreign, manifest]
        try layout.write()
        #expect(message { _ = try image(layout, .name("latest")) }.contains("the media type \"application/x.unknown\""))
    }

    @Test("the form of a digest", arguments: [
        ("md5:00", true), ("a+b.c_d-e:Az=_-", true), ("sha256:00", false), ("A:00", false), ("a+:00", false), ("a:", false), ("a:../b", false), ("a", false),
    ])
    func unknownAlgorithms(text: String, isUnknown: Bool) { #expect(Digest.hasUnknownAlgorithm(text) == isUnknown) }

    @Test("digests are checked before anything is opened", arguments: [
        "sha256:../../etc/passwd", "md5:00", "sha256:ABC", "sha256", "sha256:" + String(repeating: "g", count: 64),
    ])
    func digests(text: String) {
        #expect(throws: OperationError.self) { try Digest(text, field: "x") }
    }
}
