// What criu is told of a dump or a restore: the message `criu_opts`, by the names of its fields. Which fields a container needs is
// decided in ContainerRuntime/Plan; here is only their form.
// Source: criu's images/rpc.proto; criu(8) explains each under the option of the same name.

/// The options of a dump or a restore.
package struct CriuOptions: Equatable, Sendable {
    /// How criu treats cgroups. Source: criu(8) `--manage-cgroups`.
    package enum CgroupsMode: Int64, Equatable, Sendable, CaseIterable {
        case ignore = 0
        case soft = 3
        case full = 4
        case strict = 5
        /// Criu's own choice, which is `soft`.
        case standard = 6
    }
    /// A server that takes or gives memory pages.
    package struct PageServer: Equatable, Sendable {
        package var address: String
        package var port: Int32
        package init(address: String, port: Int32) {
            self.address = address
            self.port = port
        }
    }
    /// A pair of texts: an external mount's name with its path, a kind of namespace with its file, a controller with its cgroup.
    package struct Pair: Equatable, Sendable {
        package var key: String
        package var value: String
        package init(_ key: String, _ value: String) {
            self.key = key
            self.value = value
        }
    }
    /// A resource of the image that a descriptor of criu's takes the place of.
    package struct InheritedDescriptor: Equatable, Sendable {
        package var key: String
        /// In criu's own table.
        package var number: Int32
        package init(_ key: String, _ number: Int32) {
            self.key = key
            self.number = number
        }
    }

    /// Descriptors of the process that asks; criu opens them below its /proc/PID/fd.
    package var imagesDirectory: Int32 = -1
    package var workDirectory: Int32?
    package var pid: Int32?
    package var leavesRunning = false
    package var externalUnixSockets = false
    package var tcpEstablished = false
    package var tcpSkipsInFlight = false
    package var tcpClose = false
    package var evasiveDevices = false
    package var shellJob = false
    package var fileLocks = false
    package var linkRemap = false
    package var logFile = ""
    package var pageServer: PageServer?
    package var root = ""
    package var parentImages: String?
    package var tracksMemory = false
    package var autoDedup = false
    package var restoresAsSibling = false
    package var cgroupsMode = CgroupsMode.standard
    package var externalMounts: [Pair] = []
    /// Namespaces and files that criu neither dumps nor makes.
    package var externals: [String] = []
    package var cgroupRoots: [Pair] = []
    package var joinedNamespaces: [Pair] = []
    package var inherited: [InheritedDescriptor] = []
    /// Flags of clone(2) for namespaces whose content is neither dumped nor restored.
    package var emptyNamespaces: UInt32 = 0
    package var frozenCgroup: String?
    /// A directory in which criu finds the hierarchies of cgroups, so that it does not mount them itself.
    package var cgroupYard: String?
    package var lazyPages = false
    package var configFile: String?
    package var lsmProfile: String?
    package var lsmMountContext: String?
    /// Makes mounts as criu did before version 3.17.
    package var mountsCompatibly = false

    package init() {}

    /// What differs from container to container, for `--debug`.
    package var lines: [String] {
        var lines = ["root " + root, "log " + logFile]
        if let pid { lines.append("pid \(pid)") }
        for mount in externalMounts { lines.append("external mount " + mount.key + " as " + mount.value) }
        for external in externals { lines.append("external " + external) }
        for root in cgroupRoots { lines.append("cgroup \(root.key):\(root.value)") }
        for namespace in joinedNamespaces { lines.append("join namespace " + namespace.key + " " + namespace.value) }
        for descriptor in inherited { lines.append("inherit \(descriptor.number) as " + descriptor.key) }
        if let frozenCgroup { lines.append("freeze " + frozenCgroup) }
        if let configFile { lines.append("configuration " + configFile) }
        return lines
    }

    func write(to message: inout ProtobufWriter) {
        func flag(_ field: Int, _ value: Bool) { if value { message.boolean(field, true) } }
        func text(_ field: Int, _ value: String?) { if let value { message.string(field, value) } }
        message.integer(1, Int64(imagesDirectory))
        if let pid { message.integer(2, Int64(pid)) }
        flag(3, leavesRunning)
        flag(4, externalUnixSockets)
        flag(5, tcpEstablished)
        flag(6, evasiveDevices)
        flag(7, shellJob)
        flag(8, fileLocks)
        message.integer(9, 4)  // log everything: the log is what explains a failure
        message.string(10, logFile)
        if let pageServer {
            message.message(11) { server in
                server.string(1, pageServer.address)
                server.integer(2, Int64(pageServer.port))
            }
        }
        message.boolean(12, true)  // notify_scripts
        message.string(13, root)
        text(14, parentImages)
        flag(15, tracksMemory)
        flag(16, autoDedup)
        if let workDirectory { message.integer(17, Int64(workDirectory)) }
        flag(18, linkRemap)
        for mount in externalMounts { Self.write(mount, 23, to: &message) }
        message.boolean(24, true)  // manage_cgroups, which the mode makes precise
        for root in cgroupRoots { Self.write(root, 25, to: &message) }
        flag(26, restoresAsSibling)
        for descriptor in inherited {
            message.message(27) { pair in
                pair.string(1, descriptor.key)
                pair.integer(2, Int64(descriptor.number))
            }
        }
        message.integer(34, cgroupsMode.rawValue)
        for external in externals { message.string(37, external) }
        if emptyNamespaces != 0 { message.integer(38, Int64(emptyNamespaces)) }
        for namespace in joinedNamespaces { Self.write(namespace, 39, to: &message) }
        text(44, frozenCgroup)
        flag(46, tcpSkipsInFlight)
        flag(48, lazyPages)
        message.boolean(50, true)  // orphan_pts_master: the other end of a terminal belongs to whoever asked for the container
        text(51, configFile)
        flag(52, tcpClose)
        text(53, lsmProfile)
        text(60, cgroupYard)
        text(63, lsmMountContext)
        flag(65, mountsCompatibly)
    }

    private static func write(_ pair: Pair, _ field: Int, to message: inout ProtobufWriter) {
        message.message(field) { message in
            message.string(1, pair.key)
            message.string(2, pair.value)
        }
    }
}
