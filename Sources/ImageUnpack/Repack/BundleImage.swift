// What a bundle remembers of the image that it was made of: its manifest and configuration as they are, and where the layers lie.
//
//     image/about     the source, the layers, and how owners were treated
//     image/config    the image's configuration
//     image/manifest  the image's manifest; not for a docker-archive, which has none
//
// `about` is written after the whole tree: a file of the tree whose inode was changed earlier is as it was unpacked.
import Diagnostics
import JSON
import Kernel
import OCISpec

/// The image of a bundle.
struct BundleImage: Equatable {
    /// Absolute, or "-" for standard input.
    var source: Path
    var image: Image
    /// Whether it was unpacked without privileges over the machine.
    var isRootless: Bool
    /// The ids of the user namespace in which it was unpacked, if there were more than the caller's own.
    var mappings: IDMappings?

    /// How its layers were unpacked.
    var policy: ApplyPolicy { ApplyPolicy(isRootless: isRootless, owners: mappings == nil ? nil : .kept) }

    /// Enters a user namespace in which the bundle's files can be read and removed, if the caller needs one.
    func enterNamespace() throws(OperationError) {
        if !isRootless || effectiveUserID() == 0 { return }
        if let mappings { try mappings.enter() } else { try enterUserNamespace() }
    }

    private static var version: Int { 1 }

    /// The text of `about`.
    var about: String {
        var writer = JSONWriter(indentation: 2)
        writer.object { writer in
            writer.member("version", Self.version)
            writer.member("source", source.text)
            writer.member("rootless", isRootless)
            if let mappings {
                Self.write(mappings.uids, key: "uidMappings", to: &writer)
                Self.write(mappings.gids, key: "gidMappings", to: &writer)
            }
            if let digest = image.digest { writer.member("digest", digest.text) }
            writer.key("layers")
            writer.array { writer in
                for layer in image.layers {
                    writer.object { writer in
                        writer.member("file", layer.file)
                        writer.member("name", layer.name)
                        writer.member("mediaType", layer.mediaType)
                        if let digest = layer.digest { writer.member("digest", digest.text) }
                        writer.member("diffID", layer.diffID.text)
                        writer.member("size", layer.size)
                    }
                }
            }
        }
        return writer.text + "\n"
    }

    private static func write(_ mappings: [LinuxIDMapping], key: String, to writer: inout JSONWriter) {
        writer.key(key)
        writer.array { writer in
            for mapping in mappings {
                writer.array { writer in for number in [mapping.containerID, mapping.hostID, mapping.size] { writer.integer(number) } }
            }
        }
    }

    private static func mappings(_ value: JSONValue) throws(OperationError) -> [LinuxIDMapping] {
        try value.array { (value) throws(OperationError) in
            let numbers: [UInt32] = try value.array { (value) throws(OperationError) in try value.integer() }
            if numbers.count != 3 { throw value.refused("expected three numbers") }
            return LinuxIDMapping(containerID: numbers[0], hostID: numbers[1], size: numbers[2])
        }
    }

    init(source: Path, image: Image, isRootless: Bool, mappings: IDMappings?) {
        (self.source, self.image, self.isRootless, self.mappings) = (source, image, isRootless, mappings)
    }

    /// Reads what `write` has written.
    /// - Throws: for a directory that is no bundle of calque, or one of a version that did not write it.
    init(of bundle: Path) throws(OperationError) {
        let about: [UInt8]
        let config: [UInt8]
        var manifest: [UInt8]?
        do throws(Errno) {
            about = try readFile(bundle.appending("image/about"), limit: Int(ImageSource.documentLimit))
            config = try readFile(bundle.appending("image/config"), limit: Int(ImageSource.documentLimit))
            do throws(Errno) { manifest = try readFile(bundle.appending("image/manifest"), limit: Int(ImageSource.documentLimit)) } catch where error == .noEntry {}
        } catch {
            throw OperationError(
                "open bundle", bundle.text, error == .noEntry ? .invalid("it does not say which image it was made of") : .errno(error),
                hint: error == .noEntry ? "calque unpack makes bundles that do" : nil)
        }
        let document = try JSONDocument(parsing: about, source: bundle.appending("image/about").text)
        let parsed = try ImageConfig.parse(config, source: bundle.appending("image/config").text)
        self = try document.decode { (value) throws(OperationError) in
            let object = try value.object()
            let version: Int = try object.required("version") { (value) throws(OperationError) in try value.integer() }
            if version != Self.version { throw .unsupported("version", "version \(version) of the description of an image") }
            let digest = try object.optional("digest") { (value) throws(OperationError) in try Digest(try value.string(), field: value.path.text) }
            let layers = try object.required("layers") { (value) throws(OperationError) in
                try value.array { (value) throws(OperationError) in try Self.layer(try value.object()) }
            }
            let image = Image(config: parsed, layers: layers, digest: digest, annotations: StringMap(), configText: config, manifestText: manifest)
            var mappings: IDMappings?
            if let uids = try object.optional("uidMappings", Self.mappings), let gids = try object.optional("gidMappings", Self.mappings) {
                mappings = IDMappings(uids: uids, gids: gids)
            }
            return BundleImage(
                source: Path(try object.requiredString("source")), image: image, isRootless: try object.boolean("rootless") ?? false, mappings: mappings)
        }
    }

    private static func layer(_ object: JSONObject) throws(OperationError) -> ImageLayer {
        let mediaType = try object.requiredString("mediaType")
        let digest = try object.optional("digest") { (value) throws(OperationError) in try Digest(try value.string(), field: value.path.text) }
        return ImageLayer(
            file: try object.requiredString("file"), name: try object.requiredString("name"), mediaType: mediaType,
            // a docker-archive does not say how a layer is packed
            compression: digest == nil ? nil : LayerCompression(mediaType: mediaType), digest: digest,
            diffID: try object.required("diffID") { (value) throws(OperationError) in try Digest(try value.string(), field: value.path.text) },
            size: try object.required("size") { (value) throws(OperationError) in try value.integer() })
    }

    /// Writes everything into the directory of a bundle.
    func write(to bundle: borrowing FileDescriptor) throws(OperationError) {
        do throws(Errno) {
            try bundle.makeDirectory("image", permissions: 0o700)
            try bundle.open("image/config", [.writeOnly, .create, .exclusive, .noFollow], mode: 0o600).write(image.configText)
            if let manifest = image.manifestText { try bundle.open("image/manifest", [.writeOnly, .create, .exclusive, .noFollow], mode: 0o600).write(manifest) }
            try bundle.open("image/about", [.writeOnly, .create, .exclusive, .noFollow], mode: 0o600).write(about)
        } catch {
            throw OperationError("make bundle", "image", .errno(error))
        }
    }
}

extension BundleImage {
    /// Where a bundle is, as an absolute path, and whether its layers lie in a store: it is one of `--mode overlay` then.
    static func locate(_ path: Path) throws(OperationError) -> (path: Path, isOverlay: Bool) {
        do throws(Errno) {
            let bundle = try path.absolute()
            guard try fileStatus(bundle).kind == .directory else { throw .notDirectory }
            do throws(Errno) { _ = try fileStatus(bundle.appending(OverlayBundle.aboutFile)) } catch where error == .noEntry { return (bundle, false) }
            return (bundle, true)
        } catch {
            throw OperationError("open bundle", path.text, .errno(error))
        }
    }
}
