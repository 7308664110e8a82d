package import OCISpec

/// A layer of an image, not yet opened.
package struct ImageLayer: Equatable, Sendable {
    /// The file in the source.
    var file: String
    /// For people: the digest, or the file's name in a docker-archive.
    package var name: String
    package var mediaType: String
    /// Nil until its first bytes tell.
    var compression: LayerCompression?
    /// Of the packed layer; nil in a docker-archive.
    package var digest: Digest?
    /// Of the unpacked layer.
    package var diffID: Digest
    /// Bytes, packed.
    package var size: Int64
}

/// An image of one platform, read and checked; its layers are not.
package struct Image: Equatable, Sendable {
    package var config: ImageConfig
    /// From the lowest to the topmost.
    package var layers: [ImageLayer]
    /// Of the manifest; nil in a docker-archive.
    package var digest: Digest?
    package var annotations: StringMap
    /// The configuration as it is in the source.
    var configText: [UInt8]
    /// The manifest as it is in the source; nil in a docker-archive.
    var manifestText: [UInt8]?

    /// Bytes of all layers, packed, as the image says it before anybody has looked; the greatest number for more.
    var packedSize: Int64 {
        layers.reduce(0) { (sum, layer) in
            let (next, overflow) = sum.addingReportingOverflow(layer.size)
            return overflow ? .max : next
        }
    }
}

/// A line of a source's list of contents.
package struct ListedImage: Equatable, Sendable {
    /// Nil for an image without a name.
    package var name: String?
    package var digest: Digest?
    package var platform: Platform?
}
