// A container's configuration, `config.json`: the top level, and the rules that concern more than one section.
//
// Each section has its own file; their rules are called from `validate`. All these rules look at the configuration alone.
// What depends on the host, the bundle or the caller is decided in ContainerRuntime.
package import Diagnostics
package import JSON

/// A configuration of the runtime specification.
///
/// Unknown properties are ignored (RT-config-245), and so are the sections of other platforms. `null` is the same as
/// absent.
/// Source: config.md.
package struct RuntimeConfig: Equatable, Sendable {
    /// As written: "1.0.2-dev".
    package var ociVersion: String
    package var root: Root
    /// Nil is fine for `create`, but not for `start`. See `requireProcess`.
    package var process: Process?
    /// In the order in which they are mounted.
    package var mounts: [Mount]
    package var hostname: String?
    package var domainname: String?
    package var hooks: Hooks
    package var annotations: StringMap
    package var linux: Linux?

    package init(_ object: JSONObject) throws(OperationError) {
        ociVersion = try object.requiredString("ociVersion")
        // First of all: in a configuration of another version the rest may mean something else.
        try Self.validateVersion(ociVersion)
        root = try object.required("root") { (value) throws(OperationError) in try Root(try value.object()) }
        process = try object.object("process", Process.init)
        mounts = try object.objects("mounts", Mount.init)
        hostname = try object.nonEmptyString("hostname")
        domainname = try object.nonEmptyString("domainname")
        hooks = try object.object("hooks", Hooks.init) ?? Hooks()
        annotations = try object.map("annotations")
        linux = try object.object("linux", Linux.init)
    }

    /// Reads and checks a `config.json`.
    ///
    /// - Parameters:
    ///   - bytes: the whole file.
    ///   - source: the file's path, for errors.
    /// - Throws: the first fault, with the JSON path of the property.
    package static func parse(_ bytes: [UInt8], source: String) throws(OperationError) -> RuntimeConfig {
        let document = try JSONDocument(parsing: bytes, source: source)
        return try document.decode { (value) throws(OperationError) in
            let config = try RuntimeConfig(try value.object())
            try config.validate()
            return config
        }
    }

    /// The properties of a text that parses which nobody here knows, and which are thus ignored. Those of other platforms are among them.
    package static func unknownProperties(_ bytes: [UInt8], source: String) throws(OperationError) -> [String] {
        let document = try JSONDocument(parsing: bytes, source: source)
        _ = try document.decode { (value) throws(OperationError) in try RuntimeConfig(try value.object()) }
        return document.unreadProperties()
    }

    /// The process, for operations that run it.
    ///
    /// - Throws: `.invalid` without `process` (RT-runtime-050) or `process.args` (RT-config-110).
    package func requireProcess() throws(OperationError) -> Process {
        func fault(_ field: String, _ why: String, hint: String? = nil) -> OperationError { OperationError("read", "config.json", .invalid(why), field: field, hint: hint) }
        guard let process else { throw fault("process", "this property is required to start the container") }
        if process.args.isEmpty { throw fault("process.args", "at least one entry is required", hint: "the program and its arguments: [\"ls\", \"-l\"]") }
        return process
    }
}

extension RuntimeConfig {
    /// Checks what can be checked without looking at the host; the first fault wins, in the order of the specification.
    package func validate() throws(OperationError) {
        try Self.validateVersion(ociVersion)
        try root.validate()
        for (index, mount) in mounts.enumerated() {
            try mount.validate(at: "mounts[\(index)]")
            if let option = mount.idmapOption, mount.uidMappings.isEmpty, linux?.namespace(.user) == nil {
                throw .fault(
                    "mounts[\(index)].options", "\(option) without uidMappings and gidMappings needs a user namespace of the container")
            }
        }
        try process?.validate()
        // A name of uts_namespaces(7) has at most 64 bytes.
        if let hostname, hostname.utf8.count > 64 { throw .fault("hostname", "\(quoted(hostname)) is longer than 64 bytes") }
        if let domainname, domainname.utf8.count > 64 { throw .fault("domainname", "\(quoted(domainname)) is longer than 64 bytes") }
        try hooks.validate()
        try linux?.validate()
    }

    private static func validateVersion(_ text: String) throws(OperationError) {
        guard let version = Version(text) else {
            throw .fault("ociVersion", "\(quoted(text)) is not a version", hint: "write \(quoted(Version.supported))")
        }
        if version.major != 1 {
            throw .unsupported("ociVersion", "version \(text) of the specification", hint: "versions 1.x.y are")
        }
    }

    /// What is allowed but deserves a warning, in words for people.
    package func warnings() -> [String] {
        var warnings: [String] = []
        for (index, mount) in mounts.enumerated() where mount.hasRelativeDestination {
            warnings.append("mounts[\(index)].destination is relative, which is deprecated; using \(quoted(mount.destination))")
        }
        let devices = linux?.devices ?? []
        for (index, device) in devices.enumerated() where device.type != .fifo {
            let same = devices[..<index].firstIndex {
                $0.type == device.type && $0.major == device.major && $0.minor == device.minor
            }
            if let same { warnings.append("linux.devices[\(index)] is the same device as linux.devices[\(same)]") }
        }
        if let schema = linux?.intelRdt?.l3CacheSchema, !schema.utf8.starts(with: "L3:".utf8) {
            warnings.append("linux.intelRdt.l3CacheSchema \(quoted(schema)) does not begin with \"L3:\"")
        }
        return warnings
    }
}
