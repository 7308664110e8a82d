package import Diagnostics
package import JSON

/// Where a container is in its lifecycle.
package enum ContainerStatus: String, Word {
    case creating, created, running, stopped
    /// Frozen by `pause`. Not in the specification, which lets runtimes add statuses (RT-runtime-007).
    case paused
    package static var kind: String { "container status" }
}

/// The state of a container, as `state` prints it and hooks get it.
///
/// Source: runtime.md "State" (RT-runtime-002 to RT-runtime-013); schema/state-schema.json.
package struct State: Equatable, Sendable {
    /// The version of the specification that the state complies with.
    package var ociVersion: String
    package var id: String
    package var status: ContainerStatus
    /// The container's process, as the reader of this state sees it; nil when there is none.
    package var pid: Int32?
    /// The absolute path of the bundle.
    package var bundle: String
    package var annotations: StringMap

    package init(
        ociVersion: String = Version.supported, id: String, status: ContainerStatus, pid: Int32? = nil, bundle: String,
        annotations: StringMap = StringMap()
    ) {
        self.ociVersion = ociVersion
        self.id = id
        self.status = status
        self.pid = pid
        self.bundle = bundle
        self.annotations = annotations
    }

    /// - Throws: `.invalid` for a missing property, also for a missing `pid` of a process that must be there
    ///   (RT-runtime-008), an unknown status, and a bundle path that is not absolute.
    package init(_ object: JSONObject) throws(OperationError) {
        ociVersion = try object.requiredString("ociVersion")
        id = try object.requiredString("id")
        status = try object.requiredWord("status")
        pid = try object.integer("pid")
        bundle = try object.requiredString("bundle")
        annotations = try object.map("annotations")
        if id.isEmpty { throw .fault(object.path.appending(key: "id").text, "the container's name is empty") }
        if let pid, pid < 0 { throw .fault(object.path.appending(key: "pid").text, "\(pid) is below 0") }
        switch status {
        case .created, .running, .paused: if pid == nil { throw object.missing("pid") }
        case .creating, .stopped: break
        }
        try requireAbsolute(bundle, at: object.path.appending(key: "bundle").text)
    }

    package static func parse(_ bytes: [UInt8], source: String) throws(OperationError) -> State {
        let document = try JSONDocument(parsing: bytes, source: source)
        return try document.decode { (value) throws(OperationError) in try State(try value.object()) }
    }

    /// Writes the state as one JSON object. Annotations are left out when there are none.
    package func write(to writer: inout JSONWriter) {
        writer.object { writer in writeMembers(to: &writer) }
    }

    /// Writes the members alone, for an object that has further ones (RT-runtime-012).
    package func writeMembers(to writer: inout JSONWriter) {
        writer.member("ociVersion", ociVersion)
        writer.member("id", id)
        writer.member("status", status.name)
        if let pid { writer.member("pid", pid) }
        writer.member("bundle", bundle)
        if !annotations.isEmpty {
            writer.key("annotations")
            annotations.write(to: &writer)
        }
    }

    /// The state as JSON text, on one line with `indentation` 0.
    package func text(indentation: Int = 0) -> String {
        var writer = JSONWriter(indentation: indentation)
        write(to: &writer)
        return writer.text
    }
}
