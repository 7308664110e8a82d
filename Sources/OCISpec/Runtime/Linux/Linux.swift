// The Linux section of a configuration: what it holds and the rules between its properties.
//
// The rules of one property are with its type, in the file of that name. What a rule needs to know of the host is decided
// in ContainerRuntime.
package import Diagnostics
package import JSON

/// How mount events spread between the root filesystem and the host.
///
/// The specification has the four words without "r"; runc knows all eight, and container engines send them.
/// Source: config-linux.md "Rootfs Mount Propagation" (RT-config-linux-192); mount_namespaces(7).
package enum LinuxMountPropagation: String, Word {
    case shared, slave, `private`, unbindable, rshared, rslave, rprivate, runbindable
    package static var kind: String { "mount propagation" }

    /// Whether mounts below are concerned as well.
    package var isRecursive: Bool {
        switch self {
        case .shared, .slave, .private, .unbindable: false
        case .rshared, .rslave, .rprivate, .runbindable: true
        }
    }
}

/// The Linux-specific configuration.
///
/// Source: config-linux.md.
package struct Linux: Equatable, Sendable {
    /// At most one of each type.
    package var namespaces: [LinuxNamespace]
    package var uidMappings: [LinuxIDMapping]
    package var gidMappings: [LinuxIDMapping]
    /// At most one per clock.
    package var timeOffsets: [LinuxTimeOffset]
    package var devices: [LinuxDevice]
    package var netDevices: [LinuxNetDevice]
    /// Absolute: from the cgroup mount point. Relative: as the runtime likes. Nil: the runtime chooses.
    package var cgroupsPath: String?
    package var resources: LinuxResources?
    package var intelRdt: LinuxIntelRdt?
    package var memoryPolicy: LinuxMemoryPolicy?
    /// Names with dots or slashes, as sysctl(8) takes them, and what to write.
    package var sysctl: StringMap
    package var seccomp: LinuxSeccomp?
    package var rootfsPropagation: LinuxMountPropagation?
    /// Absolute paths in the container.
    package var maskedPaths: [String]
    /// Absolute paths in the container.
    package var readonlyPaths: [String]
    package var mountLabel: String?
    package var personality: LinuxPersonality?

    package init() {
        namespaces = []
        (uidMappings, gidMappings) = ([], [])
        timeOffsets = []
        (devices, netDevices) = ([], [])
        sysctl = StringMap()
        (maskedPaths, readonlyPaths) = ([], [])
    }

    package init(_ object: JSONObject) throws(OperationError) {
        namespaces = try object.objects("namespaces", LinuxNamespace.init)
        uidMappings = try object.objects("uidMappings", LinuxIDMapping.init)
        gidMappings = try object.objects("gidMappings", LinuxIDMapping.init)
        timeOffsets = try object.object("timeOffsets", LinuxTimeOffset.all) ?? []
        devices = try object.objects("devices", LinuxDevice.init)
        netDevices = try object.object("netDevices", LinuxNetDevice.all) ?? []
        cgroupsPath = try object.nonEmptyString("cgroupsPath")
        resources = try object.object("resources", LinuxResources.init)
        intelRdt = try object.object("intelRdt", LinuxIntelRdt.init)
        memoryPolicy = try object.object("memoryPolicy", LinuxMemoryPolicy.init)
        sysctl = try object.map("sysctl")
        seccomp = try object.object("seccomp", LinuxSeccomp.init)
        rootfsPropagation = try object.word("rootfsPropagation")
        maskedPaths = try object.strings("maskedPaths") ?? []
        readonlyPaths = try object.strings("readonlyPaths") ?? []
        mountLabel = try object.nonEmptyString("mountLabel")
        personality = try object.object("personality", LinuxPersonality.init)
    }

    /// The namespace of `type` that is made or joined; nil when the container shares the host's.
    package func namespace(_ type: LinuxNamespaceType) -> LinuxNamespace? { namespaces.first { $0.type == type } }
}

extension Linux {
    /// Checks what can be checked without looking at the host; the first fault wins.
    ///
    /// Mappings next to a user namespace to join are accepted: containerd and CRI-O send both. Whoever joins must
    /// compare them with those of the namespace.
    package func validate(at field: @autoclosure () -> String = "linux") throws(OperationError) {
        try LinuxNamespace.validate(namespaces, at: field() + ".namespaces")
        try LinuxIDMapping.validate(uidMappings, at: field() + ".uidMappings")
        try LinuxIDMapping.validate(gidMappings, at: field() + ".gidMappings")
        if !uidMappings.isEmpty { try require(.user, for: field() + ".uidMappings") }
        if !gidMappings.isEmpty { try require(.user, for: field() + ".gidMappings") }
        for offset in timeOffsets { try offset.validate(at: field() + ".timeOffsets") }
        if !timeOffsets.isEmpty { try require(.time, for: field() + ".timeOffsets") }
        for (index, device) in devices.enumerated() { try device.validate(at: "\(field()).devices[\(index)]") }
        try LinuxNetDevice.validate(netDevices, at: field() + ".netDevices")
        if !netDevices.isEmpty { try require(.network, for: field() + ".netDevices") }
        try intelRdt?.validate(at: field() + ".intelRdt")
        try memoryPolicy?.validate(at: field() + ".memoryPolicy")
        for (index, path) in maskedPaths.enumerated() { try requireAbsolute(path, at: "\(field()).maskedPaths[\(index)]") }
        for (index, path) in readonlyPaths.enumerated() { try requireAbsolute(path, at: "\(field()).readonlyPaths[\(index)]") }
    }

    private func require(_ type: LinuxNamespaceType, for field: @autoclosure () -> String) throws(OperationError) {
        if namespace(type) != nil { return }
        throw .fault(
            field(), "the container has no \(type.name) namespace of its own",
            hint: "add {\"type\": \"\(type.name)\"} to linux.namespaces")
    }
}
