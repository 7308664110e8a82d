// The configuration that `cale spec` writes for people to begin with: a shell on a terminal, in namespaces of its own; and
// the frame into which calque puts what an image says.
//
// Same content as of `runc spec` and `runc spec --rootless`, but for the version and the host name. It is written straight
// as text, since nothing else turns a configuration into JSON.
import JSON

/// The text of a `config.json` to begin with.
///
/// - Parameters:
///   - rootless: for a caller without privileges: a user namespace, no network namespace and no cgroup limits.
///   - cgroupNamespace: with a cgroup namespace of its own, in which a version 2 cgroup can be the container's own to divide.
///   - uid: the caller's user id, which root in the container is mapped to; for `rootless` only.
///   - gid: the caller's group id, likewise.
package func defaultConfiguration(rootless: Bool, cgroupNamespace: Bool = false, uid: UInt32, gid: UInt32) -> String {
    var template = RuntimeTemplate(isRootless: rootless, hostUID: uid, hostGID: gid)
    // people go on from here, with any property there is
    template.version = Version.supported
    template.hasCgroupNamespace = cgroupNamespace
    return template.text
}

/// Which network a container has.
package enum NetworkChoice: Equatable, Sendable {
    case host
    /// One of its own, with a loopback device alone.
    case none
    /// The network namespace at this path.
    case path(String)
}

/// A configuration in the making.
package struct RuntimeTemplate: Equatable, Sendable {
    /// The lowest version that knows everything written here: older runtimes refuse a configuration of a version that is newer than theirs.
    package var version = Version.oldest
    package var isRootless: Bool
    package var hostUID: UInt32
    package var hostGID: UInt32
    /// Instead of the caller's own ids alone, for `isRootless`.
    package var uidMappings: [LinuxIDMapping] = []
    package var gidMappings: [LinuxIDMapping] = []
    package var terminal = true
    package var user = User()
    package var args = ["sh"]
    package var env = ["PATH=" + RuntimeTemplate.searchPath, "TERM=xterm"]
    package var cwd = "/"
    package var capabilities = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]
    package var isRootReadOnly = true
    /// Before all others: what becomes the container's root.
    package var rootMount: Mount?
    /// After the default mounts.
    package var mounts: [Mount] = []
    package var annotations = StringMap()
    /// Nil: one of its own for root, the host's for everybody else.
    package var network: NetworkChoice?
    package var hasCgroupNamespace = false

    /// Where programs are searched when nobody says it.
    package static var searchPath: String { "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" }

    package init(isRootless: Bool, hostUID: UInt32, hostGID: UInt32) {
        (self.isRootless, self.hostUID, self.hostGID) = (isRootless, hostUID, hostGID)
    }

    /// The configuration as JSON text.
    package var text: String {
        var writer = JSONWriter(indentation: 4)
        writer.object { writer in
            writer.member("ociVersion", version)
            writer.key("process")
            writeProcess(to: &writer)
            writer.key("root")
            writer.object { writer in
                writer.member("path", "rootfs")
                writer.member("readonly", isRootReadOnly)
            }
            writer.member("hostname", "cale")
            writer.key("mounts")
            writer.array { writer in for mount in (rootMount.map { [$0] } ?? []) + defaultMounts(rootless: isRootless) + mounts { mount.write(to: &writer) } }
            if !annotations.isEmpty {
                writer.key("annotations")
                annotations.write(to: &writer)
            }
            writer.key("linux")
            writeLinux(to: &writer)
        }
        return writer.text + "\n"
    }

    private func writeProcess(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("terminal", terminal)
            writer.key("user")
            writer.object { writer in
                writer.member("uid", user.uid)
                writer.member("gid", user.gid)
                if !user.additionalGids.isEmpty {
                    writer.key("additionalGids")
                    writer.array { writer in for gid in user.additionalGids { writer.integer(gid) } }
                }
            }
            writer.member("args", args)
            writer.member("env", env)
            writer.member("cwd", cwd)
            writer.key("capabilities")
            writer.object { writer in for set in ["bounding", "effective", "permitted"] { writer.member(set, capabilities) } }
            writer.key("rlimits")
            writer.array { writer in
                writer.object { writer in
                    writer.member("type", ResourceLimitType.openFiles.name)
                    writer.member("hard", 1024)
                    writer.member("soft", 1024)
                }
            }
            writer.member("noNewPrivileges", true)
        }
    }
}

private func defaultMounts(rootless: Bool) -> [Mount] {
    let noDevices = ["nosuid", "noexec", "nodev"]
    // An unprivileged caller can neither use group 5 (tty), which is not mapped, nor mount sysfs without a network
    // namespace.
    let terminals = ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]
    let sysfs =
        rootless
        ? Mount(destination: "/sys", type: "none", source: "/sys", options: ["rbind"] + noDevices + ["ro"])
        : Mount(destination: "/sys", type: "sysfs", source: "sysfs", options: noDevices + ["ro"])
    return [
        Mount(destination: "/proc", type: "proc", source: "proc"),
        Mount(destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "strictatime", "mode=755", "size=65536k"]),
        Mount(destination: "/dev/pts", type: "devpts", source: "devpts", options: rootless ? terminals : terminals + ["gid=5"]),
        Mount(destination: "/dev/shm", type: "tmpfs", source: "shm", options: noDevices + ["mode=1777", "size=65536k"]),
        Mount(destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: noDevices),
        sysfs,
        Mount(destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: noDevices + ["relatime", "ro"]),
    ]
}

extension Mount {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("destination", destination)
            if let type { writer.member("type", type) }
            if let source { writer.member("source", source) }
            if !options.isEmpty { writer.member("options", options) }
        }
    }
}

extension RuntimeTemplate {
    fileprivate func writeLinux(to writer: inout JSONWriter) {
        let ownID = { (id: UInt32) in [LinuxIDMapping(containerID: 0, hostID: id, size: 1)] }
        writeDefaultLinux(
            mappings: isRootless ? (uidMappings.isEmpty ? ownID(hostUID) : uidMappings, gidMappings.isEmpty ? ownID(hostGID) : gidMappings) : nil,
            network: network, others: hasCgroupNamespace ? [.cgroup] : [], to: &writer)
    }
}

/// - Parameters:
///   - mappings: of a user namespace; nil for a container without one.
///   - others: namespaces beside the usual ones.
private func writeDefaultLinux(
    mappings: (uids: [LinuxIDMapping], gids: [LinuxIDMapping])?, network: NetworkChoice?, others: [LinuxNamespaceType], to writer: inout JSONWriter
) {
    let network = network ?? (mappings != nil ? .host : .none)
    let own: [LinuxNamespaceType] = network == .host ? [.pid] : [.pid, .network]
    let namespaces = own + [.ipc, .uts, .mount] + others + (mappings != nil ? [.user] : [])
    writer.object { writer in
        if let mappings {
            write(mappings.uids, key: "uidMappings", to: &writer)
            write(mappings.gids, key: "gidMappings", to: &writer)
        } else {
            writer.key("resources")
            writer.object { writer in
                writer.key("devices")
                writer.array { writer in
                    writer.object { writer in
                        writer.member("allow", false)
                        writer.member("access", "rwm")
                    }
                }
            }
        }
        writer.key("namespaces")
        writer.array { writer in
            for type in namespaces {
                writer.object { writer in
                    writer.member("type", type.name)
                    if type == .network, case .path(let path) = network { writer.member("path", path) }
                }
            }
        }
        writer.member(
            "maskedPaths",
            [
                "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
                "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi",
            ])
        writer.member("readonlyPaths", ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"])
    }
}

private func write(_ mappings: [LinuxIDMapping], key: String, to writer: inout JSONWriter) {
    writer.key(key)
    writer.array { writer in
        for mapping in mappings {
            writer.object { writer in
                writer.member("containerID", mapping.containerID)
                writer.member("hostID", mapping.hostID)
                writer.member("size", mapping.size)
            }
        }
    }
}
