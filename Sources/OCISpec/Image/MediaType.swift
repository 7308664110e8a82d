/// The media types of images, of the specification and of docker. Source: media-types.md.
package enum MediaType {
    package static var index: String { "application/vnd.oci.image.index.v1+json" }
    package static var manifest: String { "application/vnd.oci.image.manifest.v1+json" }
    package static var config: String { "application/vnd.oci.image.config.v1+json" }
    package static var dockerIndex: String { "application/vnd.docker.distribution.manifest.list.v2+json" }
    package static var dockerManifest: String { "application/vnd.docker.distribution.manifest.v2+json" }
    package static var dockerConfig: String { "application/vnd.docker.container.image.v1+json" }

    /// Whether it can lead to an image. Other entries of an index are somebody else's business (IM-image-index-015); one without
    /// a type says itself what it is.
    package static func leadsToImage(_ type: String) -> Bool { type.isEmpty || isIndex(type) || isManifest(type) }
    package static func isIndex(_ type: String) -> Bool { type == index || type == dockerIndex }
    package static func isManifest(_ type: String) -> Bool { type == manifest || type == dockerManifest }
    package static func isConfig(_ type: String) -> Bool { type == config || type == dockerConfig }
}

/// How a layer's tar is packed.
package enum LayerCompression: Equatable, Sendable {
    case none, gzip, zstd

    /// Nil for a media type that is no layer, or one that we cannot read, such as an encrypted one.
    package init?(mediaType: String) {
        switch mediaType {
        case "application/vnd.oci.image.layer.v1.tar", "application/vnd.oci.image.layer.nondistributable.v1.tar",
            "application/vnd.docker.image.rootfs.diff.tar", "application/vnd.docker.image.rootfs.foreign.diff.tar":
            self = .none
        case "application/vnd.oci.image.layer.v1.tar+gzip", "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
            "application/vnd.docker.image.rootfs.diff.tar.gzip", "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip":
            self = .gzip
        case "application/vnd.oci.image.layer.v1.tar+zstd", "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
            "application/vnd.docker.image.rootfs.diff.tar.zstd":
            self = .zstd
        default: return nil
        }
    }
}
