package import Diagnostics
package import JSON

/// A mount beyond the root filesystem.
///
/// What the words of `options` mean is not decided here.
/// Source: config.md "Mounts" (RT-config-012 to RT-config-098).
package struct Mount: Equatable, Sendable {
    /// Where to mount in the container; always absolute.
    package var destination: String
    /// The configuration had a relative destination, which is deprecated and counts from "/" (RT-config-016).
    package var hasRelativeDestination: Bool
    /// The type of the filesystem; a dummy for a bind mount.
    package var type: String?
    /// A device, a file or directory (absolute or relative to the bundle) to bind, or a dummy.
    package var source: String?
    /// Mount options as mount(8) knows them, in their order.
    package var options: [String]
    /// How user ids of the source appear in the container; none without an id-mapped mount of its own.
    package var uidMappings: [LinuxIDMapping]
    /// How group ids of the source appear in the container; none without an id-mapped mount of its own.
    package var gidMappings: [LinuxIDMapping]

    package init(destination: String, type: String? = nil, source: String? = nil, options: [String] = []) {
        self.destination = destination
        self.hasRelativeDestination = false
        self.type = type
        self.source = source
        self.options = options
        self.uidMappings = []
        self.gidMappings = []
    }

    package init(_ object: JSONObject) throws(OperationError) {
        let written = try object.requiredString("destination")
        hasRelativeDestination = !written.isEmpty && written.utf8.first != UInt8(ascii: "/")
        destination = hasRelativeDestination ? "/" + written : written
        type = try object.nonEmptyString("type")
        source = try object.nonEmptyString("source")
        options = try object.strings("options") ?? []
        uidMappings = try object.objects("uidMappings", LinuxIDMapping.init)
        gidMappings = try object.objects("gidMappings", LinuxIDMapping.init)
    }

    /// A mount is a bind mount if it has either `bind` or `rbind` in the options.
    package var isBind: Bool { options.contains("bind") || options.contains("rbind") }

    /// The id-mapping option, if there is one: `idmap` or `ridmap`.
    package var idmapOption: String? { options.last { $0 == "idmap" || $0 == "ridmap" } }

    /// - Throws: `.invalid` for an empty destination, mappings for users without such for groups (RT-config-094,
    ///   RT-config-098) and mappings that the kernel would refuse.
    package func validate(at field: @autoclosure () -> String) throws(OperationError) {
        if destination.isEmpty { throw .fault(field() + ".destination", "the path is empty") }
        try LinuxIDMapping.validate(uidMappings, at: field() + ".uidMappings")
        try LinuxIDMapping.validate(gidMappings, at: field() + ".gidMappings")
        guard uidMappings.isEmpty == gidMappings.isEmpty else {
            let missing = uidMappings.isEmpty ? "uidMappings" : "gidMappings"
            throw .fault("\(field()).\(missing)", "uidMappings and gidMappings must be given together")
        }
    }
}
