// An image out of a source: the index, the manifest, the configuration, each bounded and checked before it is parsed.
//
// A source is an OCI layout, as a directory or in a tar archive, or what `docker save` writes. Files: ContentStore.swift;
// docker's own manifest: DockerArchive.swift.
package import Diagnostics
package import Kernel
package import OCISpec

/// A place that holds images.
package final class ImageSource {
    let store: ContentStore
    let path: Path
    private let isLayout: Bool

    static var documentLimit: Int64 { 4 << 20 }
    private static var depthLimit: Int { 8 }

    package init(_ path: Path) throws(OperationError) {
        self.path = path
        store = try ContentStore(path)
        isLayout = try store.contains("index.json")
        if isLayout {
            if try store.contains("oci-layout") {
                try ImageLayoutFile.check(try store.open("oci-layout").readAll(limit: Self.documentLimit), source: "oci-layout")
            } else {
                throw refused("it has an index.json, but no file oci-layout")
            }
        } else if try !store.contains("manifest.json") {
            throw refused("it is no image: it has neither index.json (OCI) nor manifest.json (docker)")
        }
    }

    func refused(_ why: String, hint: String? = nil) -> OperationError { OperationError("open image", path.text, .invalid(why), hint: hint) }

    /// What there is to choose from.
    package func list() throws(OperationError) -> [ListedImage] {
        if !isLayout { return try dockerImages().map { ListedImage(name: $0.tags.first, digest: nil, platform: nil) } }
        return try index().manifests.filter { !$0.isAttestation }.map {
            ListedImage(name: $0.referenceName, digest: $0.digest, platform: $0.platform)
        }
    }

    /// Reads the image that is asked for.
    ///
    /// - Parameter platform: nil: the one that this program was built for, and an image of one platform whatever it is.
    package func image(_ selector: ImageReference.Selector, platform: Platform?) throws(OperationError) -> Image {
        let image = isLayout ? try layoutImage(selector, platform: platform) : try dockerImage(selector)
        if let platform, platform.suitability(of: image.config.platform) == 0 {
            throw refused("the image is for \(image.config.platform.text), not for \(platform.text)")
        }
        return image
    }

    /// Opens a layer for reading.
    package func open(_ layer: ImageLayer) throws(OperationError) -> LayerStream {
        let blob = try store.open(layer.file)
        if blob.size != layer.size {
            throw OperationError("open", "layer " + layer.name, .invalid("it has \(blob.size) bytes, and its descriptor says \(layer.size)"))
        }
        var compression = layer.compression
        if compression == nil { compression = try guess(blob) }
        return try LayerStream(BlobFile(file: blob.file, offset: blob.offset, size: blob.size, name: layer.name), compression: compression ?? .none, digest: layer.digest, diffID: layer.diffID)
    }

    /// docker-archives do not say how a layer is packed: its first bytes do.
    func guess(_ blob: borrowing BlobFile) throws(OperationError) -> LayerCompression {
        let start: [UInt8]
        do throws(Errno) { start = try blob.file.read(atMost: 4, at: blob.offset) } catch { throw OperationError("read", blob.name, .errno(error)) }
        if start.starts(with: [0x1F, 0x8B]) { return .gzip }
        return start == [0x28, 0xB5, 0x2F, 0xFD] ? .zstd : .none
    }

    private func index() throws(OperationError) -> ImageIndex {
        try ImageIndex.parse(try store.open("index.json").readAll(limit: Self.documentLimit), source: "index.json")
    }

    /// The bytes that `descriptor` names, which have its size and its digest.
    private func document(_ descriptor: Descriptor) throws(OperationError) -> [UInt8] {
        let blob = try store.open("blobs/\(descriptor.digest.algorithm.rawValue)/\(descriptor.digest.encoded)")
        if blob.size != descriptor.size {
            throw OperationError("open", descriptor.digest.text, .invalid("it has \(blob.size) bytes, and its descriptor says \(descriptor.size)"))
        }
        let bytes = try blob.readAll(limit: Self.documentLimit)
        let found = ContentHash.digest(of: bytes, descriptor.digest.algorithm)
        if found != descriptor.digest {
            throw OperationError("open", descriptor.digest.text, .invalid("the blob does not have its digest: found \(found.text)"))
        }
        return bytes
    }

    private func layoutImage(_ selector: ImageReference.Selector, platform: Platform?) throws(OperationError) -> Image {
        let named = try select(selector, in: try index().manifests.filter { !$0.isAttestation }, platform: platform)
        var visited: Set<Digest> = []
        let chosen = try manifest(named, platform: platform ?? Platform.host, depth: 0, &visited)
        let manifestText = try document(chosen)
        let manifest = try Manifest.parse(manifestText, source: chosen.digest.text)
        let configText = try document(manifest.config)
        let config = try ImageConfig.parse(configText, source: manifest.config.digest.text)
        guard config.diffIDs.count == manifest.layers.count else {
            throw refused("the manifest has \(manifest.layers.count) layers, and the configuration \(config.diffIDs.count) diff ids")
        }
        var layers: [ImageLayer] = []
        for (index, layer) in manifest.layers.enumerated() {
            guard let compression = LayerCompression(mediaType: layer.mediaType) else {
                let isEncrypted = layer.mediaType.hasSuffix("+encrypted")
                throw OperationError.unsupported(
                    "layers[\(index)].mediaType", isEncrypted ? "the encrypted layer \(quoted(layer.mediaType))" : "the media type \(quoted(layer.mediaType))",
                    hint: isEncrypted ? "decrypt the image first, for example with skopeo" : nil)
            }
            layers.append(ImageLayer(
                file: "blobs/\(layer.digest.algorithm.rawValue)/\(layer.digest.encoded)", name: layer.digest.text, mediaType: layer.mediaType,
                compression: compression, digest: layer.digest, diffID: config.diffIDs[index], size: layer.size))
        }
        return Image(config: config, layers: layers, digest: chosen.digest, annotations: manifest.annotations, configText: configText, manifestText: manifestText)
    }

    /// The entry of the index that is meant.
    private func select(_ selector: ImageReference.Selector, in manifests: [Descriptor], platform: Platform?) throws(OperationError) -> Descriptor {
        switch selector {
        case .digest(let digest):
            if let found = manifests.first(where: { $0.digest == digest }) { return found }
            // an image of an index inside has no name of its own; its digest proves it all the same
            let blob = "blobs/\(digest.algorithm.rawValue)/\(digest.encoded)"
            if try store.contains(blob) { return Descriptor(mediaType: "", digest: digest, size: try store.open(blob).size) }
            throw refused("there is no image \(digest.text)")
        case .byDefault:
            let images = manifests.filter { MediaType.leadsToImage($0.mediaType) }
            if images.count == 1, images[0].referenceName == nil { return images[0] }
            return try select(named: "latest", in: manifests, platform: platform)
        case .name(let name): return try select(named: name, in: manifests, platform: platform)
        }
    }

    private func select(named name: String, in manifests: [Descriptor], platform: Platform?) throws(OperationError) -> Descriptor {
        var found = manifests.filter { $0.referenceName == name }
        if found.contains(where: { MediaType.leadsToImage($0.mediaType) }) { found.removeAll { !MediaType.leadsToImage($0.mediaType) } }
        // tools that store a whole reference as the name: "docker.io/library/busybox:latest"
        if found.isEmpty { found = manifests.filter { $0.referenceName?.hasSuffix(":" + name) ?? false } }
        if let best = Self.best(found, for: platform ?? Platform.host) { return best }
        throw unknownTag(name, known: manifests.compactMap { $0.referenceName })
    }

    func unknownTag(_ name: String, known: [String]) -> OperationError {
        let list = known.isEmpty ? "its images have no tags" : "tags: " + known.joined(separator: ", ")
        return refused("there is no image with the tag \(quoted(name))", hint: list)
    }

    private static func best(_ candidates: [Descriptor], for platform: Platform) -> Descriptor? {
        var best: (descriptor: Descriptor, suitability: Int)?
        for candidate in candidates {
            let suitability = candidate.platform.map { platform.suitability(of: $0) } ?? 1
            if suitability > (best?.suitability ?? 0) { best = (candidate, suitability) }
        }
        // one that is named and not suitable is still the one that is meant: its configuration is compared later
        return best?.descriptor ?? (candidates.count == 1 ? candidates.first : nil)
    }

    /// Follows indexes down to a manifest for `platform`.
    private func manifest(_ descriptor: Descriptor, platform: Platform, depth: Int, _ visited: inout Set<Digest>) throws(OperationError) -> Descriptor {
        var mediaType = descriptor.mediaType
        if mediaType.isEmpty { mediaType = try self.mediaType(of: descriptor) }
        if MediaType.isManifest(mediaType) { return descriptor }
        guard MediaType.isIndex(mediaType) else {
            throw OperationError("open", descriptor.digest.text, .unsupported("the media type \(quoted(mediaType))"), hint: "it is neither an image nor an index of images")
        }
        guard depth < Self.depthLimit, visited.insert(descriptor.digest).inserted else { throw refused("its indexes are nested more than \(Self.depthLimit) deep, or in a circle") }
        let manifests = try ImageIndex.parse(try document(descriptor), source: descriptor.digest.text).manifests.filter { !$0.isAttestation }
        let suitable = manifests.filter { MediaType.leadsToImage($0.mediaType) && ($0.platform.map { platform.suitability(of: $0) } ?? 1) > 0 }
        guard let best = Self.best(suitable, for: platform) else {
            let known = manifests.compactMap { $0.platform?.text }.joined(separator: ", ")
            throw refused("there is no image for \(platform.text)", hint: known.isEmpty ? nil : "platforms: \(known); choose one with --platform")
        }
        return try manifest(best, platform: platform, depth: depth + 1, &visited)
    }

    /// For an image that is named by its digest alone: what the document says of itself.
    private func mediaType(of descriptor: Descriptor) throws(OperationError) -> String {
        let bytes = try document(descriptor)
        do throws(OperationError) {
            _ = try ImageIndex.parse(bytes, source: descriptor.digest.text)
            return MediaType.index
        } catch {
            return MediaType.manifest  // what is neither is refused when it is read as one
        }
    }
}
