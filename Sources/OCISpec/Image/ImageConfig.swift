// The configuration of an image: what its author says about running it.
// Source: config.md of the image specification.
package import Diagnostics
import JSON

/// How a container of the image is run, if nothing else is said.
package struct ExecutionParameters: Equatable, Sendable {
    package var user: String?
    package var exposedPorts: [String] = []
    package var env: [String] = []
    package var entrypoint: [String] = []
    package var cmd: [String] = []
    package var volumes: [String] = []
    package var workingDir: String?
    package var labels = StringMap()
    package var stopSignal: String?

    package init() {}

    init(_ object: JSONObject) throws(OperationError) {
        user = try object.nonEmptyString("User")
        exposedPorts = try object.names("ExposedPorts")
        env = try object.strings("Env") ?? []
        entrypoint = try object.strings("Entrypoint") ?? []
        cmd = try object.strings("Cmd") ?? []
        volumes = try object.names("Volumes")
        workingDir = try object.nonEmptyString("WorkingDir")
        labels = try object.map("Labels")
        stopSignal = try object.nonEmptyString("StopSignal")
    }
}

/// One line of an image's history.
package struct HistoryEntry: Equatable, Sendable {
    package var created: String?
    package var createdBy: String?
    package var comment: String?
    package var isEmptyLayer: Bool

    init(_ object: JSONObject) throws(OperationError) {
        created = try object.nonEmptyString("created")
        createdBy = try object.nonEmptyString("created_by")
        comment = try object.nonEmptyString("comment")
        isEmptyLayer = try object.boolean("empty_layer") ?? false
    }
}

/// An image's configuration.
package struct ImageConfig: Equatable, Sendable {
    package var platform: Platform
    package var osVersion: String?
    package var osFeatures: [String]
    package var created: String?
    package var author: String?
    package var execution: ExecutionParameters
    /// The digests of the unpacked layers, from the lowest to the topmost.
    package var diffIDs: [Digest]
    package var history: [HistoryEntry]

    package static func parse(_ bytes: [UInt8], source: String) throws(OperationError) -> ImageConfig {
        let document = try JSONDocument(parsing: bytes, source: source)
        return try document.decode { (value) throws(OperationError) in try ImageConfig(try value.object()) }
    }

    init(_ object: JSONObject) throws(OperationError) {
        platform = Platform(
            os: try object.requiredString("os"), architecture: try object.requiredString("architecture"),
            variant: try object.nonEmptyString("variant"))
        osVersion = try object.nonEmptyString("os.version")
        osFeatures = try object.strings("os.features") ?? []
        created = try object.nonEmptyString("created")
        author = try object.nonEmptyString("author")
        execution = try object.object("config", ExecutionParameters.init) ?? ExecutionParameters()
        diffIDs = try object.required("rootfs") { (value) throws(OperationError) in
            let rootfs = try value.object()
            let type = try rootfs.requiredString("type")
            if type != "layers" { throw .fault("rootfs.type", "expected \"layers\", found \(quoted(type))") }
            return try rootfs.array("diff_ids") { (value) throws(OperationError) in
                try Digest(try value.string(), field: value.path.text)
            } ?? []
        }
        history = try object.objects("history", HistoryEntry.init)
    }
}

extension JSONObject {
    /// The keys of the object at `key`: Go's way of writing a set.
    fileprivate func names(_ key: String) throws(OperationError) -> [String] {
        try optional(key) { (value) throws(OperationError) in
            try value.object().entries { (_) throws(OperationError) in 0 }.map { $0.key }
        } ?? []
    }
}
