// The vocabulary of what the init does inside the container. A plan is a list of these; the executor does them in
// order and decides nothing. A step that changes a namespaced resource names the namespace in `requiredNamespace`,
// and both the planner and the executor refuse it without that namespace: a hostname step without a UTS namespace
// would rename the host.
package import Kernel
package import UntrustedTree

/// One thing that the init does. It works as it stands, or its errno is reported with its number in the plan.
package enum Step: Equatable, Sendable {
    // Arriving
    /// Writes "0" to each version 1 `tasks` handle: the calling thread, the only one, joins that cgroup.
    case joinCgroups
    /// Blocks until the parent says go; the parent does what `SyncPoint` names meanwhile.
    case synchronize(SyncPoint)
    /// Makes /proc/self of this process unreadable for others until execve(2) (CVE-2016-9962).
    case hideFromOthers
    /// How ready the kernel shall be to kill this process for lack of memory, written on the host's /proc.
    case setOOMScore(Int32)
    /// User and group 0 of the user namespace, no supplementary groups.
    case becomeRoot(dropGroups: Bool)
    case joinNamespace(NamespaceKind)
    case unshareNamespaces(NamespaceSet)
    /// Goes on in a new process, a sibling of this one, in these new namespaces.
    case continueInChild(NamespaceSet)
    /// Closes every descriptor but those of the ways out: what follows may be under a filter that denies close(2).
    case closeHostHandles
    /// Gives up what the container could gain from the next process: every descriptor but the way back to the parent.
    case leaveHost
    /// Goes on in a new process, a sibling of this one, in the pid namespace that this one has joined: the first that the container
    /// sees.
    case continueInContainer
    /// With `isNeeded` a seccomp filter that denies it is an error.
    case startSession(isNeeded: Bool)
    case joinKeyring(name: String)
    case setHostname(String)
    case setDomainname(String)
    case bringLoopbackUp

    // The file tree
    case setPropagation(Propagation, recursive: Bool)
    /// Attaches a copy of the tree at this host path, which becomes the `root` handle.
    case attachRootfs(Path, recursive: Bool, propagation: Propagation)
    /// Opens the host path as `root`, without any mount.
    case openRootfs(Path)
    /// Fails with ESTALE unless `root` is the directory `initRoot`, in whose files users were looked up.
    case compareRoots
    case mount(MountStep)
    case mountCgroups(CgroupMountStep)
    case makeDevice(DeviceStep)
    case makeLink(InRootPath, target: String)
    /// Makes the container's own /dev/null the `null` handle, after a check of its numbers.
    case openNull(InRootPath)
    case makeWorkingDirectory(InRootPath)
    case maskPath(InRootPath)
    case makeReadOnly(InRootPath)
    case setTerminal(TerminalStep)
    /// Makes the terminal that is standard input the session's.
    case controlTerminal
    case makeRootReadOnly
    case pivotRoot
    /// Moves the root mount over "/" and changes the root, without pivot_root(2).
    case moveRoot
    /// chroot(2) into the `root` handle, for containers without a mount namespace.
    case changeRoot
    /// How mount events spread from and to the root; to mounts below it as well, if that is asked for.
    case setRootPropagation(Propagation, recursive: Bool)

    // The process
    case openProc
    case setSysctl(name: String, value: String, namespace: NamespaceKind)
    case labelExec(file: String, label: String)
    case enterDirectory(InRootPath)
    case setLimit(ProcessLimit)
    case setScheduler(SchedulerAttributes)
    case setIOPriority(Int32)
    case setAffinity([UInt64])
    case setPersonality(UInt64)
    case setMemoryPolicy(mode: Int32, nodes: [UInt64])
    case setFileCreationMask(UInt32)
    /// Gives the standard streams that are pipes or sockets to the container's user.
    case ownStreams(uid: UInt32)
    case limitBoundingSet(UInt64)
    case setIdentity(Identity)
    case setCapabilities(CapabilityMasks)
    case raiseAmbient(UInt64)
    case setNoNewPrivileges
    /// Looks the program up and checks that it may be executed, so that `create` fails early.
    case findProgram(String, searchPath: [String])
    case runHooks(HookPhase, [HookStep])

    // Leaving
    /// Tells the parent that all is set up; the parent records the container, then answers.
    case announceReady
    /// Blocks until `start` rings.
    case awaitStart
    case loadSeccomp([UInt8], flags: UInt32)
    /// Loads a filter with a listener, which becomes the `listener` handle.
    case loadSeccompWithListener([UInt8], flags: UInt32)
    /// Hands the listener to the parent and waits until an agent has it.
    case handOverListener
    /// Closes every descriptor but 0, 1, 2 and the preserved ones, and replaces this program.
    case execute
}

/// What the parent does while the init waits.
package enum SyncPoint: UInt8, Equatable, Sendable {
    /// Writes the id maps.
    case idMaps = 1
    /// Writes the offsets of the time namespace.
    case timeOffsets
    /// Runs prestart and createRuntime hooks.
    case hostHooks
    /// Moves network devices.
    case networkDevices
    /// All is set up.
    case ready
    /// Receives a seccomp listener's descriptor.
    case seccompListener
}

/// The hooks that run inside the container. Source: config.md "POSIX-platform Hooks".
package enum HookPhase: UInt8, Equatable, Sendable {
    case createContainer, startContainer
    package var name: String {
        switch self {
        case .createContainer: "createContainer"
        case .startContainer: "startContainer"
        }
    }
}

/// A hook that runs inside the container's namespaces.
package struct HookStep: Equatable, Sendable {
    package var path: Path
    package var arguments: [String]
    package var environment: [String]
    /// 0 for no limit.
    package var timeoutSeconds: Int64
    /// The state as JSON, for its standard input.
    package var input: String
    /// Where in the bytes of `input` the init puts its own pid, as its pid namespace has it; nil for a state that is complete.
    package var placeOfPID: Int?
    package init(path: Path, arguments: [String], environment: [String], timeoutSeconds: Int64, input: String) {
        self.path = path
        self.arguments = arguments
        self.environment = environment
        self.timeoutSeconds = timeoutSeconds
        self.input = input
    }
}

/// The user of the process.
package struct Identity: Equatable, Sendable {
    package var uid: UInt32
    package var gid: UInt32
    /// Nil leaves the supplementary groups alone, where setgroups(2) is denied.
    package var groups: [UInt32]?
    /// Keeps permitted capabilities over the change of user.
    package var keepsCapabilities: Bool
    package init(uid: UInt32, gid: UInt32, groups: [UInt32]?, keepsCapabilities: Bool) {
        self.uid = uid
        self.gid = gid
        self.groups = groups
        self.keepsCapabilities = keepsCapabilities
    }
}

/// One entry of `mounts`.
package struct MountStep: Equatable, Sendable {
    /// Where a mount comes from.
    package enum Source: Equatable, Sendable {
        /// A new file system of this type, made from this source.
        case new(type: String, source: String, options: [String])
        /// A copy of the tree at this host path.
        case bind(Path, recursive: Bool)
        /// An unattached copy that the parent made.
        case handle(HandleName)
        /// No new mount: what is mounted at the destination changes its attributes, and its file system these options.
        case remount(options: [String])
    }
    package var source: Source
    package var destination: InRootPath
    package var set: MountAttributes = []
    package var clear: MountAttributes = []
    /// Attributes of a bind mount's source that no option names, and that go with the others where the kernel does not refuse it.
    package var impliedClear: MountAttributes = []
    package var recursiveSet: MountAttributes = []
    package var recursiveClear: MountAttributes = []
    package var propagation: Propagation?
    package var recursivePropagation: Propagation?
    /// What is made at the destination when nothing is there.
    package var destinationIsFile = false
    /// The destination must be an ordinary directory, reached without any link (CVE-2019-19921).
    package var refusesLinks = false
    /// Copies what the destination holds into the new mount.
    package var copiesUp = false
    /// The SELinux label that the root of the new mount gets, where the file system takes none as an option.
    package var label: String?
    package init(source: Source, destination: InRootPath) {
        self.source = source
        self.destination = destination
    }
}

/// The mount of the container's cgroups in version 1: a tmpfs with one bind mount a hierarchy.
package struct CgroupMountStep: Equatable, Sendable {
    /// One version 1 hierarchy that shows up in the container's cgroup mount.
    package struct Hierarchy: Equatable, Sendable {
        /// "cpu,cpuacct"
        package var name: String
        /// The container's directory in it, on the host.
        package var path: Path
        /// Names that become links to it: "cpu", "cpuacct".
        package var aliases: [String]
        package init(name: String, path: Path, aliases: [String]) {
            self.name = name
            self.path = path
            self.aliases = aliases
        }
    }
    package var destination: InRootPath
    package var attributes: MountAttributes
    package var hierarchies: [Hierarchy]
    package init(destination: InRootPath, attributes: MountAttributes, hierarchies: [Hierarchy]) {
        self.destination = destination
        self.attributes = attributes
        self.hierarchies = hierarchies
    }
}

/// A device node.
package struct DeviceStep: Equatable, Sendable {
    /// What mknod(2) makes; the raw value is the type in a file's mode.
    package enum Kind: UInt32, Equatable, Sendable {
        case character = 0o020000
        case block = 0o060000
        case fifo = 0o010000
    }
    package var destination: InRootPath
    package var kind: Kind
    package var major: UInt32
    package var minor: UInt32
    package var permissions: UInt32
    package var uid: UInt32
    package var gid: UInt32
    /// Where mknod(2) is not allowed: the host's node of this path is bind mounted instead.
    package var bindSource: Path?
    package init(destination: InRootPath, kind: Kind, major: UInt32, minor: UInt32, permissions: UInt32, uid: UInt32, gid: UInt32, bindSource: Path?) {
        self.destination = destination
        self.kind = kind
        self.major = major
        self.minor = minor
        self.permissions = permissions
        self.uid = uid
        self.gid = gid
        self.bindSource = bindSource
    }
}

/// The container's terminal.
package struct TerminalStep: Equatable, Sendable {
    package var size: WindowSize?
    /// Bind mounts the terminal on /dev/console; false for `exec`.
    package var mountsConsole: Bool
    /// The user that owns the terminal.
    package var uid: UInt32
    package init(size: WindowSize?, mountsConsole: Bool, uid: UInt32) {
        self.size = size
        self.mountsConsole = mountsConsole
        self.uid = uid
    }
}

extension Step {
    /// The namespace that must be private before this step may run.
    package var requiredNamespace: NamespaceKind? {
        switch self {
        case .setHostname, .setDomainname: .uts
        case .bringLoopbackUp, .synchronize(.networkDevices): .network
        case .setPropagation, .attachRootfs, .mount, .mountCgroups, .maskPath, .makeReadOnly, .makeRootReadOnly, .pivotRoot, .moveRoot,
            .setRootPropagation, .makeDevice, .makeLink:
            .mount
        case .setTerminal(let terminal): terminal.mountsConsole ? .mount : nil
        case .setSysctl(_, _, let namespace): namespace
        case .becomeRoot: .user
        case .continueInContainer: .pid
        default: nil
        }
    }
}
