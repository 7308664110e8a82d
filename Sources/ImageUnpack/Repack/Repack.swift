// From a bundle to a new image: what was changed since it was unpacked becomes a layer on top of the image's own.
//
// For an overlay bundle that is the writable layer, seen against a mount of the layers below. For a flat one the layers are unpacked again
// beside the tree, by the code that unpacked them, and the two trees are compared; nothing needs to be recorded at unpacking, and a bundle
// that was copied or moved is compared as well. Contents are read only of files whose inode was changed since.
package import Diagnostics
package import Kernel
package import OCISpec
import UntrustedTree

/// What `repack` is told.
package struct RepackOptions: Equatable, Sendable {
    package var bundle: Path
    /// An OCI layout or an OCI archive.
    package var target: Path
    package var tag: String
    /// Where the layers are, instead of where they were when the bundle was made.
    package var source: Path?
    package var compression = LayerCompression.gzip
    package var changes = ConfigChanges()
    /// Seconds since 1970: the image's time, and the greatest of a file. Nil: now, and every file's own.
    package var sourceDateEpoch: Int64?

    package init(bundle: Path, target: Path, tag: String) {
        (self.bundle, self.target, self.tag) = (bundle, target, tag)
    }
}

/// What `repack` has made.
package struct RepackedImage: Equatable, Sendable {
    /// Of the manifest.
    package var digest: Digest
    /// Nil when the tree is as it was unpacked.
    package var layer: Descriptor?
    package var warnings: [String]
}

/// Makes a new image of a bundle.
///
/// The process' file creation mask is set to 0. Without privileges, the process is in a user namespace of its own afterwards.
/// - Throws: the first error; the target is as it was then, but for contents that nothing leads to.
package func repack(_ options: RepackOptions) throws(OperationError) -> RepackedImage {
    var options = options
    let isOverlay: Bool
    (options.bundle, isOverlay) = try BundleImage.locate(options.bundle)
    let image = try BundleImage(of: options.bundle)
    try image.enterNamespace()
    Kernel.setFileCreationMask(0)
    var repacking = try Repacking(options, image, isOverlay: isOverlay)
    return try repacking.run()
}

/// One image in the making.
private struct Repacking {
    let options: RepackOptions
    let base: BundleImage
    let isOverlay: Bool
    let target: ImageTarget
    var warnings: [String] = []

    init(_ options: RepackOptions, _ base: BundleImage, isOverlay: Bool) throws(OperationError) {
        (self.options, self.base, self.isOverlay) = (options, base, isOverlay)
        target = try ImageTarget.open(options.target)
    }

    mutating func run() throws(OperationError) -> RepackedImage {
        let layer = isOverlay ? try writeOverlayLayer() : try writeFlatLayer()
        let layers = try keepLayers() + (layer.map { [$0.descriptor.text()] } ?? [])
        let created = options.sourceDateEpoch.map { RFC3339.seconds(nanoseconds: $0 * 1_000_000_000) } ?? RFC3339.text(nanoseconds: realtimeNanoseconds())
        let config = try target.keep(try options.changes.applied(to: base.image.configText, layer: layer?.diffID, created: created), mediaType: MediaType.config)
        let manifest = try target.keep(try manifestText(base.image.manifestText, config: config.text(), layers: layers), mediaType: MediaType.manifest)
        try target.publish(manifest, tag: options.tag)
        return RepackedImage(digest: manifest.digest, layer: layer?.descriptor, warnings: warnings)
    }

    // MARK: - The new layer

    /// Nil when nothing was changed.
    private mutating func writeOverlayLayer() throws(OperationError) -> (descriptor: Descriptor, diffID: Digest)? {
        let bundle = try OverlayBundle(options.bundle)
        let store = try LayerStore.open(bundle.store, marks: base.isRootless ? .user : .trusted)
        let lower = try OverlayMount(readOnly: try bundle.layers(in: store), of: store).open()
        let upper: FileDescriptor
        do throws(Errno) { upper = try FileDescriptor.open(bundle.path.appending("overlay/upper"), [.readOnly, .directory, .noFollow]) } catch {
            throw OperationError("open bundle", options.bundle.text, .errno(error))
        }
        let new = TreeView(RootDirectory(upper), form: .layer(store.marks), policy: base.policy)
        let old = TreeView(RootDirectory(lower), policy: base.policy)
        return try pack(new, try TreeDifference(of: new, from: old, unchangedBefore: nil).changes)
    }

    /// Nil when nothing was changed.
    private mutating func writeFlatLayer() throws(OperationError) -> (descriptor: Descriptor, diffID: Digest)? {
        let again = try base.unpackAgain(for: options.bundle, source: options.source)
        let unpackedAt: TimeStamp
        let rootfs: FileDescriptor
        do throws(Errno) {
            unpackedAt = try fileStatus(options.bundle.appending("image/about")).changed
            rootfs = try FileDescriptor.open(options.bundle.appending("rootfs"), [.readOnly, .directory, .noFollow])
        } catch {
            throw OperationError("open bundle", options.bundle.text, .errno(error))
        }
        let new = TreeView(RootDirectory(rootfs), policy: base.policy)
        let old = TreeView(try again.bundle.rootfs(), policy: base.policy)
        return try pack(new, try TreeDifference(of: new, from: old, unchangedBefore: unpackedAt).changes)
    }

    private mutating func pack(_ tree: TreeView, _ changes: [TreeChange]) throws(OperationError) -> (descriptor: Descriptor, diffID: Digest)? {
        if changes.isEmpty { return nil }
        let staged = try target.stage()
        let out = try PackedWriter(staged, compression: options.compression, name: "layer")
        var writer = LayerWriter(tree, latestSeconds: options.sourceDateEpoch, to: out)
        try writer.write(changes)
        warnings += writer.warnings
        let written = try out.finish()
        try target.keep(staged, as: written.digest, size: written.size)
        return (Descriptor(mediaType: options.compression.layerMediaType, digest: written.digest, size: written.size), written.diffID)
    }

    // MARK: - The layers of the old image

    private func opened(_ source: inout ImageSource?) throws(OperationError) -> ImageSource {
        if let source { return source }
        let opened = try base.openSource(options.source)
        source = opened
        return opened
    }

    /// The layers' descriptors as JSON, all of them in the target.
    private func keepLayers() throws(OperationError) -> [String] {
        var source: ImageSource?
        var texts: [String] = []
        var old: [String] = []
        if let manifest = base.image.manifestText { old = try layerTexts(manifest) }
        for (index, layer) in base.image.layers.enumerated() {
            if let digest = layer.digest, index < old.count {
                if !target.contains(digest, size: layer.size) { _ = try copy(layer, from: try opened(&source)) }
                texts.append(old[index])
            } else {
                texts.append(try copy(layer, from: try opened(&source)).text())
            }
        }
        return texts
    }

    /// Copies the packed layer as it is, and checks its digest on the way.
    private func copy(_ layer: ImageLayer, from source: ImageSource) throws(OperationError) -> Descriptor {
        func failed(_ why: String) -> OperationError { OperationError("copy", "layer " + layer.name, .invalid(why)) }
        let blob = try source.store.open(layer.file)
        if blob.size != layer.size { throw failed("it has \(blob.size) bytes, and its descriptor says \(layer.size)") }
        let staged = try target.stage()
        let out = try PackedWriter(staged, compression: .none, name: "layer " + layer.name)
        let wanted = layer.digest.flatMap { $0.algorithm == .sha256 ? nil : ContentHash($0.algorithm) }
        try blob.forEachPiece { (bytes, range) throws(OperationError) in
            wanted?.update(bytes, range)
            try out.put(bytes, range)
        }
        let written = try out.finish()
        let found = wanted?.finish() ?? written.digest
        if let digest = layer.digest, digest != found { throw failed("the blob does not have its digest: expected \(digest.text), found \(found.text)") }
        try target.keep(staged, as: found, size: written.size)
        return Descriptor(mediaType: try source.guess(blob).layerMediaType, digest: found, size: written.size)
    }
}

extension LayerCompression {
    /// The specification's media type of a layer packed so. Source: media-types.md.
    var layerMediaType: String {
        switch self {
        case .none: "application/vnd.oci.image.layer.v1.tar"
        case .gzip: "application/vnd.oci.image.layer.v1.tar+gzip"
        case .zstd: "application/vnd.oci.image.layer.v1.tar+zstd"
        }
    }
}
