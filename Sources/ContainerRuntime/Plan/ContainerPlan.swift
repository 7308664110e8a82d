// The plan of a container: every decision taken, as plain values that can be compared, printed and tested without root.
// What needs the host (handles, ids of namespaces) is named here and opened by `Host/`. PlanContainer.swift puts a plan together,
// ExecPlan.swift that of one more process; PlanText.swift prints it.
package import Cgroups
package import ContainerInit
package import Diagnostics
package import Kernel
package import OCISpec
package import Seccomp
import UntrustedTree

/// A step with the property that asked for it.
package struct PlannedStep: Equatable, Sendable {
    package var step: Step
    /// The JSON path; nil for what every container gets.
    package var field: String?
}

/// An offset of a time namespace. Source: time_namespaces(7).
package struct TimeOffset: Equatable, Sendable {
    package var clock: String
    package var seconds: Int64
    package var nanoseconds: Int64
}

/// Everything that is done to make a container.
package struct ContainerPlan: Equatable, Sendable {
    /// The init's steps, with their properties.
    package var steps: [PlannedStep] = []
    /// `exec`: what the runtime sets for the process when it is ready: limits and the scheduler.
    package var stepsOfTheRuntime: [PlannedStep] = []
    /// `exec`: what its second process sets for itself; planned before it is.
    var stepsOfTheSecond: [PlannedStep] = []
    package var firstNamespaces: NamespaceSet = []
    package var arguments: [String] = []
    package var environment: [String] = []
    package var preservedDescriptors: Int32 = 0
    /// All namespaces that are new.
    package var newNamespaces: NamespaceSet = []
    /// Namespaces to join, with their paths.
    package var joinedNamespaces: [JoinedNamespace] = []
    package var idMaps: IDMaps?
    package var timeOffsets: [TimeOffset] = []
    package var oomScoreAdjustment: Int32?
    /// Whether it is for one more process of a container that is there.
    package var isExec = false
    /// `exec`: the processors on which the runtime runs until the process has joined its cgroup; empty for any.
    package var initialAffinity: [UInt64] = []
    /// Whether the configuration says on which processors the new process begins or ends up, beside its cgroup.
    var choosesProcessors: Bool {
        !initialAffinity.isEmpty || steps.contains { if case .setAffinity = $0.step { true } else { false } }
    }
    /// Where the mounts go, in their order.
    var destinations: [InRootPath] = []
    /// Mounts of a tmpfs that become read-only when all that belongs below them is there.
    var sealedMounts: [PlannedStep] = []
    /// Mounts whose source the parent clones, by the index in `mounts`.
    package var clonedSources: [ClonedSource] = []
    package var networkDevices: [PlannedNetworkDevice] = []
    package var resctrl: ResctrlPlan?
    package var cgroup: CgroupPlan
    /// Absolute.
    package var rootfs: Path
    package var hasTerminal = false
    /// Whether there is a program to start.
    package var hasProcess = true
    package var hooks = Hooks()
    var seccompAgent: PlannedSeccompAgent?
    package var annotations = StringMap()
    package var annotated = AnnotatedSettings()
    package var ociVersion = ""
    /// The last capabilities, where one more is needed until the seccomp filter is loaded.
    var capabilitiesAfterFilter: CapabilityMasks?
    /// What the configuration asks for, may be left undone, and is.
    package var warnings: [String] = []

    package init(rootfs: Path, cgroup: CgroupPlan) {
        self.rootfs = rootfs
        self.cgroup = cgroup
    }

    /// The plan of the init alone.
    package var initPlan: InitPlan {
        var plan = InitPlan()
        plan.firstNamespaces = firstNamespaces
        plan.steps = steps.map({ $0.step })
        plan.arguments = arguments
        plan.environment = environment
        plan.preservedDescriptors = preservedDescriptors
        return plan
    }

    package mutating func add(_ step: Step, field: String? = nil) { steps.append(PlannedStep(step: step, field: field)) }
}

/// A namespace that the container enters instead of making one.
package struct JoinedNamespace: Equatable, Sendable {
    package var kind: NamespaceKind
    package var path: String
    package var field: String
}

/// A bind mount whose source the parent copies, since it alone can reach it or map its owners.
package struct ClonedSource: Equatable, Sendable {
    package var index: Int
    package var path: Path
    package var recursive: Bool
    /// Whether the container, which has a user namespace of its own, must not be able to clear attributes that the mount has on the host.
    package var isLocked: Bool
    package var idMap: SourceIDMap?
}

/// How the owners of a mount's files are mapped. Source: config.md "Linux mount options", `idmap` (RT-config-084).
package struct SourceIDMap: Equatable, Sendable {
    /// Whose map it is.
    package enum Maps: Equatable, Sendable {
        /// A map of the mount's own, or that of the container's new user namespace.
        case ranges(IDMaps)
        /// That of the user namespace which the container joins.
        case joinedNamespace
    }
    package var maps: Maps
    /// Also for the mounts below the source (`ridmap`).
    package var isRecursive: Bool
}

/// What the planner must know of the host and of the command. Injected, so that plans can be tested anywhere.
package struct PlanContext {
    package var id: ContainerID
    /// Absolute.
    package var bundle: Path
    package var isPrivileged: Bool
    package var uid: UInt32
    package var gid: UInt32
    package var cgroup: CgroupPlan
    /// The joined namespaces that are the caller's own.
    package var hostNamespaces: NamespaceSet = []
    /// The capabilities that the runtime can give on.
    package var grantableCapabilities: UInt64
    /// What stands at a path of the host; `ENOENT` for nothing.
    package var kindOfFile: (Path) -> Result<FileKind, Errno>
    /// Whether SELinux is on: mounts get labels.
    package var isSELinuxActive = false
    /// Where resctrl is mounted, looked up for a configuration that asks for it.
    package var resctrl: ResctrlHost?
    /// The runtime itself is in a user namespace that somebody made for it, such as podman for a user.
    package var isInUserNamespace = false
    package var usesPivot = true
    package var makesKeyring = true
    package var preservedDescriptors: Int32 = 0
    /// `create` waits at a gate; `run` starts at once.
    package var waitsForStart = true
    package var seccomp: SeccompProgram?
    /// `exec`: the process' user was found in the files below the root of the container's first process.
    package var hasLookedUpUsers = false
    /// The home directory of `process.user` in the rootfs' passwd file, for an environment without HOME.
    package var home: String?

    package init(
        id: ContainerID, bundle: Path, isPrivileged: Bool, uid: UInt32, gid: UInt32, cgroup: CgroupPlan, grantableCapabilities: UInt64,
        kindOfFile: @escaping (Path) -> Result<FileKind, Errno>
    ) {
        self.id = id
        self.bundle = bundle
        self.isPrivileged = isPrivileged
        self.uid = uid
        self.gid = gid
        self.cgroup = cgroup
        self.grantableCapabilities = grantableCapabilities
        self.kindOfFile = kindOfFile
    }
}
