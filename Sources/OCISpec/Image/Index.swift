package import Diagnostics
import JSON

/// A list of images, such as a layout's index.json. Source: image-index.md.
package struct ImageIndex: Equatable, Sendable {
    package var manifests: [Descriptor]

    package static func parse(_ bytes: [UInt8], source: String) throws(OperationError) -> ImageIndex {
        let document = try JSONDocument(parsing: bytes, source: source)
        return try document.decode { (value) throws(OperationError) in
            let object = try value.object()
            try requireSchemaVersion(object)
            if let type = try object.nonEmptyString("mediaType"), !MediaType.isIndex(type) {
                throw .fault("mediaType", "\(quoted(type)) is not the media type of an index")
            }
            // a manifest in the place of an index, or both in one, is an old way to confuse verifiers (CVE-2021-41190)
            if object.value("layers") != nil || object.value("config") != nil { throw .fault("layers", "an index has no layers: this is a manifest, or both") }
            return ImageIndex(manifests: try object.required("manifests") { (value) throws(OperationError) in
                try value.array { (value) throws(OperationError) in try Self.entry(try value.object()) }.compactMap { $0 }
            })
        }
    }

    /// One entry; nil for a digest of an algorithm that is not known here: the entry may mean something to somebody else
    /// (IM-descriptor-023), and could not be checked.
    private static func entry(_ object: JSONObject) throws(OperationError) -> Descriptor? {
        if Digest.hasUnknownAlgorithm(try object.requiredString("digest")) { return nil }
        return try Descriptor(object)
    }
}

/// An image of one platform. Source: manifest.md.
package struct Manifest: Equatable, Sendable {
    package var config: Descriptor
    /// From the lowest to the topmost.
    package var layers: [Descriptor]
    package var annotations: StringMap

    package init(config: Descriptor, layers: [Descriptor]) {
        self.config = config
        self.layers = layers
        annotations = StringMap()
    }

    package static func parse(_ bytes: [UInt8], source: String) throws(OperationError) -> Manifest {
        let document = try JSONDocument(parsing: bytes, source: source)
        return try document.decode { (value) throws(OperationError) in
            let object = try value.object()
            try requireSchemaVersion(object)
            if let type = try object.nonEmptyString("mediaType"), !MediaType.isManifest(type) {
                throw .fault("mediaType", "\(quoted(type)) is not the media type of a manifest")
            }
            if object.value("manifests") != nil { throw .fault("manifests", "a manifest lists no manifests: this is an index, or both") }
            let config = try object.required("config") { (value) throws(OperationError) in try Descriptor(try value.object()) }
            var manifest = Manifest(config: config, layers: try object.objects("layers", Descriptor.init))
            if !MediaType.isConfig(config.mediaType) {
                throw .unsupported(
                    "config.mediaType", "\(quoted(config.mediaType)): this is an artifact, not an image that can run")
            }
            manifest.annotations = try object.map("annotations")
            return manifest
        }
    }
}

private func requireSchemaVersion(_ object: JSONObject) throws(OperationError) {
    let version: Int = try object.required("schemaVersion") { (value) throws(OperationError) in try value.integer() }
    if version != 2 { throw .unsupported("schemaVersion", "version \(version) of the schema", hint: "only 2 is known") }
}

/// The file oci-layout. Source: image-layout.md "oci-layout file".
package enum ImageLayoutFile {
    /// - Throws: for anything but a layout of version 1.
    package static func check(_ bytes: [UInt8], source: String) throws(OperationError) {
        let document = try JSONDocument(parsing: bytes, source: source)
        try document.decode { (value) throws(OperationError) in
            let version = try value.object().requiredString("imageLayoutVersion")
            if !version.hasPrefix("1.") { throw .unsupported("imageLayoutVersion", "version \(quoted(version)) of the image layout", hint: "known: 1.0.0") }
        }
    }
}
