package import JSON

/// The Linux part of the features structure. Nil means "not said" and is left out of the text.
///
/// Source: features-linux.md (RT-features-linux-001 to RT-features-linux-041).
package struct LinuxFeatures: Equatable, Sendable {
    /// `linux.namespaces[].type`.
    package var namespaces: [String]?
    /// `process.capabilities`.
    package var capabilities: [String]?
    package var cgroup: Cgroup?
    package var seccomp: Seccomp?
    package var apparmorEnabled: Bool?
    package var selinuxEnabled: Bool?
    package var memoryPolicy: MemoryPolicy?
    package var intelRdt: IntelRdt?
    /// `mountExtensions.idmap.enabled`.
    package var idmapEnabled: Bool?
    package var netDevicesEnabled: Bool?

    package init() {}

    /// Which cgroup managers there are.
    package struct Cgroup: Equatable, Sendable {
        package var v1: Bool?
        package var v2: Bool?
        package var systemd: Bool?
        package var systemdUser: Bool?
        package var rdma: Bool?
        package init(v1: Bool? = nil, v2: Bool? = nil, systemd: Bool? = nil, systemdUser: Bool? = nil, rdma: Bool? = nil) {
            self.v1 = v1
            self.v2 = v2
            self.systemd = systemd
            self.systemdUser = systemdUser
            self.rdma = rdma
        }
    }

    /// Which words of `linux.seccomp` are recognised.
    package struct Seccomp: Equatable, Sendable {
        package var enabled: Bool?
        package var actions: [String]?
        package var operators: [String]?
        package var archs: [String]?
        package var knownFlags: [String]?
        package var supportedFlags: [String]?
        package init(enabled: Bool? = nil) { self.enabled = enabled }
    }

    /// Which words of `linux.memoryPolicy` are recognised.
    package struct MemoryPolicy: Equatable, Sendable {
        package var modes: [String]?
        package var flags: [String]?
        package init(modes: [String]? = nil, flags: [String]? = nil) {
            self.modes = modes
            self.flags = flags
        }
    }

    /// What of `linux.intelRdt` is supported.
    package struct IntelRdt: Equatable, Sendable {
        package var enabled: Bool?
        package var schemata: Bool?
        package var monitoring: Bool?
        package init(enabled: Bool? = nil, schemata: Bool? = nil, monitoring: Bool? = nil) {
            self.enabled = enabled
            self.schemata = schemata
            self.monitoring = monitoring
        }
    }

    /// Writes the structure as one JSON object.
    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.optional("namespaces", namespaces)
            writer.optional("capabilities", capabilities)
            if let cgroup {
                writer.key("cgroup")
                cgroup.write(to: &writer)
            }
            if let seccomp {
                writer.key("seccomp")
                seccomp.write(to: &writer)
            }
            Self.write("apparmor", enabled: apparmorEnabled, to: &writer)
            Self.write("selinux", enabled: selinuxEnabled, to: &writer)
            if let memoryPolicy {
                writer.key("memoryPolicy")
                writer.object { writer in
                    writer.optional("modes", memoryPolicy.modes)
                    writer.optional("flags", memoryPolicy.flags)
                }
            }
            if let intelRdt {
                writer.key("intelRdt")
                writer.object { writer in
                    writer.optional("enabled", intelRdt.enabled)
                    writer.optional("schemata", intelRdt.schemata)
                    writer.optional("monitoring", intelRdt.monitoring)
                }
            }
            if idmapEnabled != nil {
                writer.key("mountExtensions")
                writer.object { writer in Self.write("idmap", enabled: idmapEnabled, to: &writer) }
            }
            Self.write("netDevices", enabled: netDevicesEnabled, to: &writer)
        }
    }

    private static func write(_ key: String, enabled: Bool?, to writer: inout JSONWriter) {
        guard let enabled else { return }
        writer.key(key)
        writer.object { writer in writer.member("enabled", enabled) }
    }
}

extension LinuxFeatures.Cgroup {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.optional("v1", v1)
            writer.optional("v2", v2)
            writer.optional("systemd", systemd)
            writer.optional("systemdUser", systemdUser)
            writer.optional("rdma", rdma)
        }
    }
}

extension LinuxFeatures.Seccomp {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.optional("enabled", enabled)
            writer.optional("actions", actions)
            writer.optional("operators", operators)
            writer.optional("archs", archs)
            writer.optional("knownFlags", knownFlags)
            writer.optional("supportedFlags", supportedFlags)
        }
    }
}
