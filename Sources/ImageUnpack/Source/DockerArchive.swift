// What `docker save` wrote before it wrote OCI layouts: manifest.json, a configuration and a tar for each layer.
import Diagnostics
import JSON
import OCISpec

/// One image of manifest.json.
struct DockerImage: Equatable {
    var config: String
    /// "name:tag"
    var tags: [String]
    /// From the lowest to the topmost.
    var layers: [String]
}

extension ImageSource {
    func dockerImages() throws(OperationError) -> [DockerImage] {
        let bytes = try store.open("manifest.json").readAll(limit: Self.documentLimit)
        let document = try JSONDocument(parsing: bytes, source: "manifest.json")
        return try document.decode { (value) throws(OperationError) in
            try value.array { (value) throws(OperationError) in
                let object = try value.object()
                return DockerImage(
                    config: try object.requiredString("Config"), tags: try object.strings("RepoTags") ?? [], layers: try object.strings("Layers") ?? [])
            }
        }
    }

    func dockerImage(_ selector: ImageReference.Selector) throws(OperationError) -> Image {
        let found = try selectDocker(selector, in: try dockerImages())
        let bytes = try store.open(found.config).readAll(limit: Self.documentLimit)
        try checkName(found.config, bytes)
        let config = try ImageConfig.parse(bytes, source: found.config)
        guard config.diffIDs.count == found.layers.count else {
            throw refused("manifest.json has \(found.layers.count) layers, and the configuration \(config.diffIDs.count) diff ids")
        }
        var layers: [ImageLayer] = []
        for (index, file) in found.layers.enumerated() {
            layers.append(ImageLayer(
                file: file, name: file, mediaType: "application/vnd.docker.image.rootfs.diff.tar", compression: nil, digest: nil,
                diffID: config.diffIDs[index], size: try store.open(file).size))
        }
        return Image(config: config, layers: layers, digest: nil, annotations: StringMap(), configText: bytes, manifestText: nil)
    }

    /// The configuration is named by its digest, "HEX.json" or "blobs/sha256/HEX": a name that says so must be true.
    private func checkName(_ name: String, _ bytes: [UInt8]) throws(OperationError) {
        let last = name.split(separator: "/").last.map { String($0) } ?? name
        let stem = last.hasSuffix(".json") ? String(last.dropLast(5)) : last
        guard stem.utf8.count == DigestAlgorithm.sha256.digits else { return }
        let found = ContentHash.digest(of: bytes, .sha256)
        if found.encoded != stem { throw OperationError("open", name, .invalid("the configuration does not have its digest: found \(found.text)")) }
    }

    private func selectDocker(_ selector: ImageReference.Selector, in images: [DockerImage]) throws(OperationError) -> DockerImage {
        let name: String
        switch selector {
        case .digest: throw refused("a docker-archive has no digests of images", hint: "choose by tag")
        case .byDefault:
            if images.count == 1, images[0].tags.isEmpty { return images[0] }
            name = "latest"
        case .name(let asked): name = asked
        }
        let found = images.filter { $0.tags.contains { $0 == name || $0.hasSuffix(":" + name) } }
        if found.count > 1 { throw refused("several images have the tag \(quoted(name))", hint: "say which: " + found.flatMap { $0.tags }.joined(separator: ", ")) }
        guard let image = found.first else { throw unknownTag(name, known: images.flatMap { $0.tags }) }
        return image
    }
}
