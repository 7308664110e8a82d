import Diagnostics
import Foundation
import Kernel
import OCISpec
import UntrustedTree

@testable import ImageUnpack

/// A tree that layers are applied to, beside a canary that must not change.
final class Tree {
    let directory: URL
    var root: URL { directory.appending(path: "root") }
    var canary: URL { directory.appending(path: "canary") }
    private(set) var warnings: [String] = []

    init() throws {
        directory = FileManager.default.temporaryDirectory.appending(path: "calque-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
        try FileManager.default.createDirectory(at: canary, withIntermediateDirectories: true)
        try "untouched".write(to: canary.appending(path: "file"), atomically: false, encoding: .utf8)
    }

    deinit {
        do { try FileManager.default.removeItem(at: directory) } catch { print("cannot remove \(directory.path)") }
    }

    /// Applies layers, the lowest first.
    func apply(rootless: Bool = false, _ layers: TarBuilder...) throws {
        _ = Kernel.setFileCreationMask(0)
        let handle = try FileDescriptor.open(Path(root.path), [.readOnly, .directory])
        var applier = LayerApplier(root: RootDirectory(handle), policy: ApplyPolicy(isRootless: rootless))
        for (index, layer) in layers.enumerated() {
            let stream = try layerStream(layer.archive)
            try applier.apply(stream, index: index)
            try stream.finish()
        }
        try applier.finish()
        warnings = applier.warnings
    }

    func text(_ path: String) -> String? { try? String(contentsOf: root.appending(path: path), encoding: .utf8) }
    func status(_ path: String) throws(Errno) -> FileStatus { try fileStatus(Path(root.appending(path: path).path), following: false) }
    func exists(_ path: String) -> Bool { (try? status(path)) != nil }

    /// Whether the canary is as it was.
    var isCanaryUntouched: Bool {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: canary.path)) ?? []
        return names == ["file"] && (try? String(contentsOf: canary.appending(path: "file"), encoding: .utf8)) == "untouched"
    }
}

/// A stream over bytes in a file of memory.
func layerStream(
    _ bytes: [UInt8], compression: LayerCompression = .none, digest: Digest? = nil, diffID: Digest? = nil
) throws(OperationError) -> LayerStream {
    let blob: BlobFile
    do throws(Errno) {
        let file = try FileDescriptor.memory(named: "layer")
        try file.write(bytes)
        blob = BlobFile(file: file, offset: 0, size: Int64(bytes.count), name: "test")
    } catch {
        preconditionFailure("\(error)")
    }
    return try LayerStream(blob, compression: compression, digest: digest, diffID: diffID)
}
