// What criu must know of a container to dump it, decided from the configuration and from what is found in the container. Pure: the
// facts are gathered by Host/CheckpointFacts.swift. Everything that a mount, a namespace or a stream of the host is in the container
// is "external": criu leaves it alone and writes down a name, by which RestoreRequest.swift gives it back.
import Criu
import Diagnostics
import Kernel
import OCISpec
import UntrustedTree

/// What is found in the container.
struct CheckpointFacts: Equatable, Sendable {
    /// A namespace that the container has joined, and that is not the caller's own.
    struct Namespace: Equatable, Sendable {
        var kind: NamespaceKind
        var inode: UInt64
    }
    /// One of the standard streams of the first process.
    enum Stream: Equatable, Sendable {
        /// The text of the link in /proc: "pipe:[4711]", "/dev/pts/0".
        case named(String)
        /// A file of the host that the container's mounts do not lead to.
        case hostFile(mountID: Int, inode: UInt64)
        /// A terminal of the host.
        case hostTerminal(device: UInt64, fileSystem: UInt64)

        /// By this name the image knows it, and criu takes it for what a descriptor can take the place of.
        var name: String {
            switch self {
            case .named(let text): text
            case .hostFile(let mountID, let inode): "file[\(String(mountID, radix: 16)):\(String(inode, radix: 16))]"
            case .hostTerminal(let device, let fileSystem): "tty[\(String(device, radix: 16)):\(String(fileSystem, radix: 16))]"
            }
        }

        var isHost: Bool {
            if case .named = self { false } else { true }
        }
    }
    /// A mount of the host that came into the container with a recursive bind mount.
    struct Submount: Equatable, Sendable {
        /// In the container.
        var place: String
        /// In the words of the configuration: its destination, and the way from there.
        var name: String
    }
    var pid: Int32
    /// The root on the host, without links.
    var rootfs: String
    var mounts: [MountInfo] = []
    /// Where the destinations of `mounts` of the configuration are, links in the container followed; nil for what is not there.
    var destinations: [String?] = []
    /// Mounts of the host below the sources of recursive bind mounts, as far as the container still has them.
    var submounts: [Submount] = []
    var joinedNamespaces: [Namespace] = []
    var streams: [Stream] = []
    var frozenCgroup: String?
}

extension CheckpointOptions {
    /// criu's options for a dump, without the descriptors of directories.
    func request(_ config: RuntimeConfig, _ facts: CheckpointFacts, exists: (String) -> Bool) throws(OperationError) -> CriuOptions {
        try refuseUnknownToCriu(config)
        var options = criu.criuOptions(annotated: config.annotations["org.criu.config"], exists: exists)
        options.logFile = CheckpointNames.dumpLog
        options.pid = facts.pid
        options.root = facts.rootfs
        options.frozenCgroup = facts.frozenCgroup
        if let parentPath { options.parentImages = parentPath }
        options.tracksMemory = preDump || parentPath != nil
        for namespace in facts.joinedNamespaces where namespace.kind == .network || namespace.kind == .pid {
            options.externals.append("\(namespace.kind.procName)[\(namespace.inode)]:\(CheckpointNames.key(of: namespace.kind))")
        }
        if preDump { return options }  // memory alone
        options.externalMounts = Self.externalMounts(config, facts)
        for stream in facts.streams {
            if stream.isHost, !options.externals.contains(stream.name) { options.externals.append(stream.name) }
        }
        return options
    }

    /// - Throws: `.unsupported` for a container that criu could dump, but nobody restore.
    func refuseUnknownToCriu(_ config: RuntimeConfig) throws(OperationError) {
        let namespaces = config.linux?.namespaces ?? []
        guard namespaces.contains(where: { $0.type.kind == .mount }) else {
            throw CheckpointNames.refused("a container without a mount namespace of its own", field: "linux.namespaces")
        }
        try CheckpointNames.refuseJoined(namespaces)
    }

    /// By where they are in the container: bind mounts, cgroups, devices that are bind mounts, and masks that are.
    private static func externalMounts(_ config: RuntimeConfig, _ facts: CheckpointFacts) -> [CriuOptions.Pair] {
        var pairs: [CriuOptions.Pair] = []
        func add(_ place: String, named name: String) {
            if facts.mounts.contains(where: { $0.mountPoint.text == place }), !pairs.contains(where: { $0.key == place }) {
                pairs.append(CriuOptions.Pair(place, name))
            }
        }
        for (mount, destination) in zip(config.mounts, facts.destinations) {
            guard let destination, mount.isBind else { continue }
            add(destination, named: CheckpointNames.name(of: mount.destination))
        }
        for submount in facts.submounts { add(submount.place, named: submount.name) }
        for mount in facts.mounts where mount.type == "cgroup" || mount.type == "cgroup2" { add(mount.mountPoint.text, named: mount.mountPoint.text) }
        for device in CheckpointNames.devices(config) { add(device, named: device) }
        for mask in config.linux?.maskedPaths ?? [] {
            let path = CheckpointNames.name(of: mask)
            let isForeign = facts.mounts.contains { mount in
                mount.mountPoint.text == path && mount.root != "/" && !facts.mounts.contains { $0.device == mount.device && $0.root == "/" }
            }
            if isForeign { add(path, named: "/dev/null") }
        }
        return pairs
    }
}

/// Names that a checkpoint and its restoration have to agree on; runc and crun use the same.
enum CheckpointNames {
    static var dumpLog: String { "dump.log" }
    static var restoreLog: String { "restore.log" }
    /// A JSON array with the names of the three standard streams.
    static var descriptors: Path { "descriptors.json" }

    /// The key of a namespace that is outside of the image.
    static func key(of kind: NamespaceKind) -> String {
        kind == .network ? "extRootNetNS" : "extRootPidNS"
    }

    /// A destination of the configuration in its plain form.
    static func name(of destination: String) -> String {
        InRootPath(bytes: Array(destination.utf8))?.text ?? destination
    }

    /// Devices that may be bind mounts of the host's.
    static func devices(_ config: RuntimeConfig) -> [String] {
        var paths = ["null", "zero", "full", "random", "urandom", "tty"].map { "/dev/" + $0 }
        for device in config.linux?.devices ?? [] where !paths.contains(device.path) { paths.append(device.path) }
        return paths
    }

    /// - Throws: `.unsupported` for namespaces that criu cannot join.
    static func refuseJoined(_ namespaces: [LinuxNamespace]) throws(OperationError) {
        for (index, namespace) in namespaces.enumerated() where namespace.path != nil {
            if namespace.type.kind == .mount || namespace.type.kind == .cgroup {
                throw refused("a container that joins a \(namespace.type.kind.specName) namespace", field: "linux.namespaces[\(index)]")
            }
        }
    }

    static func refused(_ what: String, field: String) -> OperationError {
        OperationError("checkpoint or restore", "container", .unsupported(what), field: field, hint: "criu can make and join the other kinds of namespaces")
    }
}

extension Mount {
    var isBind: Bool { type == "bind" || type == "rbind" || MountOptions(options).isBind }
    var isRecursiveBind: Bool { type == "rbind" || MountOptions(options).isRecursiveBind }
}
