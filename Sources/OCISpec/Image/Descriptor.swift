package import Diagnostics
package import JSON

/// Names a content and says what it is. Source: descriptor.md.
package struct Descriptor: Equatable, Sendable {
    package var mediaType: String
    package var digest: Digest
    /// Bytes.
    package var size: Int64
    package var platform: Platform?
    package var annotations: StringMap

    package init(mediaType: String, digest: Digest, size: Int64) {
        (self.mediaType, self.digest, self.size) = (mediaType, digest, size)
        annotations = StringMap()
    }

    package init(_ object: JSONObject) throws(OperationError) {
        mediaType = try object.string("mediaType") ?? ""
        digest = try Digest(try object.requiredString("digest"), field: object.path.appending(key: "digest").text)
        size = try object.required("size") { (value) throws(OperationError) in try value.integer() }
        if size < 0 { throw .fault(object.path.appending(key: "size").text, "\(size) is negative") }
        platform = try object.object("platform", Platform.init)
        annotations = try object.map("annotations")
    }

    /// The name that the image has in a layout's index. Source: annotations.md.
    package var referenceName: String? { annotations["org.opencontainers.image.ref.name"] }

    /// Whether this is no image but a statement about one: buildkit stores provenance so.
    package var isAttestation: Bool {
        annotations["vnd.docker.reference.type"] != nil || (platform?.os == "unknown" && platform?.architecture == "unknown")
    }
}
