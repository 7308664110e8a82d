// Documents of an image with one thing changed: configuration, manifest and index.
//
// What nobody has asked to change stays as it stands, unknown properties included; nothing is read into a model and written anew.
// Source: config.md "Properties"; manifest.md; image-layout.md "index.json file".
import Diagnostics
import JSON
package import OCISpec

/// What the configuration of a new image says otherwise. Nil and empty: what the old one says.
package struct ConfigChanges: Equatable, Sendable {
    package var entrypoint: [String]?
    package var cmd: [String]?
    /// "NAME=value", instead of those of that name or besides them.
    package var env: [String] = []
    package var user: String?
    package var workingDir: String?
    package var stopSignal: String?
    package var labels = StringMap()
    /// "80/tcp"
    package var exposedPorts: [String] = []
    package var author: String?
    /// What the history says.
    package var createdBy = "calque repack"
    package var comment: String?

    package init() {}
}

extension ConfigChanges {
    /// The configuration with these changes and one more line of history.
    ///
    /// - Parameters:
    ///   - layer: the diff id of the new layer; nil when there is none.
    ///   - created: an RFC 3339 time.
    func applied(to config: [UInt8], layer: Digest?, created: String) throws(OperationError) -> String {
        try rewrite(config, source: "the image's configuration") { (object, writer) throws(OperationError) in
            writer.set("created", JSONWriter.quoted(created))
            if let author { writer.set("author", JSONWriter.quoted(author)) }
            writer.set("config", try execution(object.optional("config") { (value) throws(OperationError) in try value.object() }))
            if let layer {
                let rootfs = try object.required("rootfs") { (value) throws(OperationError) in try value.object() }
                let diffIDs = try (rootfs.strings("diff_ids") ?? []) + [layer.text]
                var members = try Members(rootfs)
                members.set("diff_ids", Self.text(diffIDs))
                writer.set("rootfs", members.text)
            }
            var history = try object.array("history") { (value) throws(OperationError) in value.text } ?? []
            history.append(historyLine(hasLayer: layer != nil, created: created))
            writer.set("history", "[" + history.joined(separator: ",") + "]")
        }
    }

    private func historyLine(hasLayer: Bool, created: String) -> String {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("created", created)
            writer.member("created_by", createdBy)
            if let author { writer.member("author", author) }
            if let comment { writer.member("comment", comment) }
            if !hasLayer { writer.member("empty_layer", true) }
        }
        return writer.text
    }

    private func execution(_ old: JSONObject?) throws(OperationError) -> String {
        var env = try old?.strings("Env") ?? []
        for entry in self.env {
            let name = entry.prefix { $0 != "=" } + "="
            if let index = env.firstIndex(where: { $0.hasPrefix(name) }) { env[index] = entry } else { env.append(entry) }
        }
        var labels = try old?.stringMap("Labels") ?? []
        for label in self.labels.entries {
            if let index = labels.firstIndex(where: { $0.key == label.key }) { labels[index].value = label.value } else { labels.append((label.key, label.value)) }
        }
        var ports = try old?.optional("ExposedPorts") { (value) throws(OperationError) in
            try value.object().entries { (_) throws(OperationError) in 0 }.map { $0.key }
        } ?? []
        for port in exposedPorts where !ports.contains(port) { ports.append(port) }
        var members = try Members(old)
        if let user { members.set("User", JSONWriter.quoted(user)) }
        if !exposedPorts.isEmpty { members.set("ExposedPorts", Self.object(ports.map { ($0, "{}") })) }
        if !self.env.isEmpty { members.set("Env", Self.text(env)) }
        if let entrypoint { members.set("Entrypoint", Self.text(entrypoint)) }
        if let cmd { members.set("Cmd", Self.text(cmd)) }
        if let workingDir { members.set("WorkingDir", JSONWriter.quoted(workingDir)) }
        if !self.labels.isEmpty { members.set("Labels", Self.object(labels.map { ($0.key, JSONWriter.quoted($0.value)) })) }
        if let stopSignal { members.set("StopSignal", JSONWriter.quoted(stopSignal)) }
        return members.text
    }

    private static func object(_ members: [(key: String, text: String)]) -> String {
        var writer = JSONWriter()
        writer.object { writer in
            for member in members {
                writer.key(member.key)
                writer.verbatim(member.text)
            }
        }
        return writer.text
    }

    private static func text(_ strings: [String]) -> String { "[" + strings.map { JSONWriter.quoted($0) }.joined(separator: ",") + "]" }
}

/// A layout's index with `tag` leading to `descriptor`, instead of wherever it led before.
///
/// - Parameters:
///   - index: the old one; nil for a new layout.
///   - descriptor: JSON, with the tag among its annotations.
func indexText(_ index: [UInt8]?, tag: String, descriptor: String) throws(OperationError) -> String {
    guard let index else {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("schemaVersion", 2)
            writer.member("mediaType", MediaType.index)
            writer.key("manifests")
            writer.array { writer in writer.verbatim(descriptor) }
        }
        return writer.text
    }
    return try rewrite(index, source: "index.json") { (object, writer) throws(OperationError) in
        let others: [String] = try object.array("manifests") { (value) throws(OperationError) in
            let name = try value.object().object("annotations") { (object) throws(OperationError) in try object.string("org.opencontainers.image.ref.name") }
            return name == tag ? "" : value.text
        } ?? []
        let manifests: [String] = others.filter { !$0.isEmpty } + [descriptor]
        writer.set("manifests", "[" + manifests.joined(separator: ",") + "]")
    }
}

/// The layers of a manifest as they stand in it, but for docker's media types, which become the specification's: a manifest has one kind.
func layerTexts(_ manifest: [UInt8]) throws(OperationError) -> [String] {
    let document = try JSONDocument(parsing: manifest, source: "the image's manifest")
    return try document.decode { (value) throws(OperationError) in
        try value.object().required("layers") { (value) throws(OperationError) in
            try value.array { (value) throws(OperationError) in
                let object = try value.object()
                var members = try Members(object)
                let type = try object.string("mediaType") ?? ""
                if type.hasPrefix("application/vnd.docker."), let compression = LayerCompression(mediaType: type) {
                    members.set("mediaType", JSONWriter.quoted(compression.layerMediaType))
                }
                return members.text
            }
        }
    }
}

/// A manifest with these layers and the annotations of the old one.
///
/// What else the old one has is about that image alone: what it is a statement of (`subject`), and its kind as an artifact.
/// - Parameters:
///   - config: the descriptor's JSON.
///   - layers: the descriptors' JSON, from the lowest to the topmost.
func manifestText(_ old: [UInt8]?, config: String, layers: [String]) throws(OperationError) -> String {
    var annotations: [(key: String, value: String)] = []
    if let old {
        let document = try JSONDocument(parsing: old, source: "the image's manifest")
        annotations = try document.decode { (value) throws(OperationError) in try value.object().stringMap("annotations") ?? [] }
    }
    var writer = JSONWriter()
    writer.object { writer in
        writer.member("schemaVersion", 2)
        writer.member("mediaType", MediaType.manifest)
        writer.key("config")
        writer.verbatim(config)
        writer.key("layers")
        writer.array { writer in for layer in layers { writer.verbatim(layer) } }
        if !annotations.isEmpty { writer.member("annotations", annotations) }
    }
    return writer.text
}

extension Descriptor {
    /// As JSON; `annotations` and `platform` are not written.
    func text(annotations: [(key: String, value: String)] = []) -> String {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("mediaType", mediaType)
            writer.member("digest", digest.text)
            writer.member("size", size)
            if !annotations.isEmpty { writer.member("annotations", annotations) }
        }
        return writer.text
    }
}

/// Parses a document and writes it again with what `body` changes.
private func rewrite(
    _ bytes: [UInt8], source: String, _ body: (JSONObject, inout Members) throws(OperationError) -> Void
) throws(OperationError) -> String {
    let document = try JSONDocument(parsing: bytes, source: source)
    return try document.decode { (value) throws(OperationError) in
        let object = try value.object()
        var members = try Members(object)
        try body(object, &members)
        return members.text
    }
}

/// The members of an object in their order, as JSON texts.
private struct Members {
    private var members: [(key: String, text: String)] = []

    init(_ object: JSONObject?) throws(OperationError) {
        for entry in try object?.entries({ (value) throws(OperationError) in value.text }) ?? [] { members.append((entry.key, entry.value)) }
    }

    /// Gives `key` a value, in the place of the one that it has.
    mutating func set(_ key: String, _ text: String) {
        if let index = members.firstIndex(where: { $0.key == key }) { members[index].text = text } else { members.append((key, text)) }
    }

    var text: String { "{" + members.map { JSONWriter.quoted($0.key) + ":" + $0.text }.joined(separator: ",") + "}" }
}
