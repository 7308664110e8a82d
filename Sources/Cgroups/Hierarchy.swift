// What kinds of cgroups a host has: plain values, so that plans can be made and tested for any host.
// `CgroupSetup.current()` reads them from the running system.

/// One mounted tree of cgroups.
package struct CgroupHierarchy: Equatable, Sendable {
    /// The kernel's two interfaces: one tree a controller, or one tree for all.
    package enum Version: Equatable, Sendable {
        case v1
        case v2
    }
    package var version: Version
    /// Version 1: the controllers of this tree. Version 2: those that its root offers.
    package var controllers: [String]
    /// The absolute directory at which it is mounted.
    package var mountPoint: String
    /// The cgroup of this process in it: "/" or "/user.slice/…".
    package var ownPath: String

    package init(version: Version, controllers: [String], mountPoint: String, ownPath: String = "/") {
        self.version = version
        self.controllers = controllers
        self.mountPoint = mountPoint
        self.ownPath = ownPath
    }
}

/// The cgroups of a host: all version 1, all version 2, or both (hybrid).
package struct CgroupSetup: Equatable, Sendable {
    package var hierarchies: [CgroupHierarchy]
    /// The caller is not root: cgroups may be out of reach, and device rules always are.
    package var isRootless: Bool

    package init(hierarchies: [CgroupHierarchy], isRootless: Bool = false) {
        self.hierarchies = hierarchies
        self.isRootless = isRootless
    }

    package var unified: CgroupHierarchy? { hierarchies.first { $0.version == .v2 } }
    package var isPureVersion2: Bool { !hierarchies.isEmpty && hierarchies.allSatisfy { $0.version == .v2 } }

    /// All controllers, for messages and `features`.
    package var controllers: [String] { hierarchies.flatMap { $0.controllers } }
}

/// One line of /proc/PID/cgroup. Source: cgroups(7), "/proc/PID/cgroup".
package struct CgroupMembership: Equatable, Sendable {
    /// Empty for version 2 and for named hierarchies.
    package var controllers: [String]
    /// "systemd" of "name=systemd".
    package var name: String?
    /// "/docker/4f9c".
    package var path: String

    package init(controllers: [String], name: String? = nil, path: String) {
        self.controllers = controllers
        self.name = name
        self.path = path
    }

    package var isVersion2: Bool { controllers.isEmpty && name == nil }

    /// The directory below /sys/fs/cgroup under which the hierarchy is mounted by custom.
    package var directoryName: String {
        if isVersion2 { return "unified" }
        return name ?? controllers.joined(separator: ",")
    }

    /// All lines of /proc/PID/cgroup. Lines of another form are left out.
    package static func parse(_ text: String) -> [CgroupMembership] {
        var all: [CgroupMembership] = []
        for line in text.utf8.split(separator: UInt8(ascii: "\n")) {
            let parts = line.split(separator: UInt8(ascii: ":"), maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            guard let path = String(parts[2]) else { continue }
            var membership = CgroupMembership(controllers: [], path: path)
            for word in parts[1].split(separator: UInt8(ascii: ",")) {
                guard let word = String(word) else { continue }
                if word.hasPrefix("name=") { membership.name = String(word.dropFirst(5)) } else { membership.controllers.append(word) }
            }
            all.append(membership)
        }
        return all
    }
}
