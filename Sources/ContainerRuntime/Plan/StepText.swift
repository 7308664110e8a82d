// Steps in words: for `plan`, for errors, for `--debug`. The init itself words nothing.
// A step is a verb and an object, in the terms of the kernel and of the configuration.
// Errors of steps are worded in StepError.swift, whole plans in PlanText.swift.
package import ContainerInit
import Diagnostics
import Kernel
import OCISpec
import UntrustedTree

extension Step {
    /// What the step does, and to what: `("mount", "/proc")`.
    package var summary: (operation: String, subject: String) {
        switch self {
        case .joinCgroups: ("join cgroups", "")
        case .synchronize(let point): ("wait for the runtime to", point.purpose)
        case .hideFromOthers: ("hide the process from others", "")
        case .setOOMScore(let score): ("set oom_score_adj", "\(score)")
        case .becomeRoot: ("become root of the user namespace", "")
        case .joinNamespace(let kind): ("join namespace", kind.specName)
        case .unshareNamespaces(let kinds): ("make namespaces", kinds.text)
        case .continueInChild(let kinds): ("go on in a new process with namespaces", kinds.isEmpty ? "of its parent" : kinds.text)
        case .closeHostHandles: ("close", "what is of the host")
        case .leaveHost: ("give up", "what the container shall not gain")
        case .continueInContainer: ("go on in a new process", "that the container sees")
        case .startSession(let isNeeded): ("start session", isNeeded ? "" : "if it may")
        case .joinKeyring(let name): ("join keyring", name)
        case .setHostname(let name): ("set hostname", name)
        case .setDomainname(let name): ("set domainname", name)
        case .bringLoopbackUp: ("bring up network device", "lo")
        case .runHooks(let phase, let hooks): ("run \(phase.name) hooks", hooks.map({ $0.path.text }).joined(separator: " "))
        case .announceReady: ("report that all is set up", "")
        case .awaitStart: ("wait for start", "")
        case .loadSeccomp(let filter, _), .loadSeccompWithListener(let filter, _): ("load seccomp filter", "\(filter.count / 8) instructions")
        case .handOverListener: ("hand over seccomp listener", "")
        case .execute: ("execute program", "")
        default: treeSummary
        }
    }

    private var treeSummary: (operation: String, subject: String) {
        switch self {
        case .setPropagation(let propagation, let recursive): ("set propagation of all mounts", (recursive ? "r" : "") + propagation.text)
        case .attachRootfs(let path, _, _), .openRootfs(let path): ("open rootfs", path.text)
        case .compareRoots: ("compare root", "with that of the container's first process")
        case .mount(let step): (step.operation, step.destination.text)
        case .mountCgroups(let step): ("mount cgroups", step.destination.text)
        case .makeDevice(let step): (step.bindSource == nil ? "make device" : "bind mount device", step.destination.text)
        case .makeLink(let path, _): ("make link", path.text)
        case .openNull(let path): ("check null device", path.text)
        case .makeWorkingDirectory(let path): ("make working directory", path.text)
        case .maskPath(let path): ("mask", path.text)
        case .makeReadOnly(let path): ("make read-only", path.text)
        case .setTerminal(let terminal): ("set up terminal", terminal.mountsConsole ? "/dev/console" : "")
        case .controlTerminal: ("make the terminal the session's", "")
        case .makeRootReadOnly: ("make read-only", "/")
        case .pivotRoot: ("pivot root", "/")
        case .moveRoot: ("move root", "/")
        case .changeRoot: ("change root", "/")
        case .setRootPropagation(let propagation, let recursive): ("set propagation of the root", (recursive ? "r" : "") + propagation.text)
        default: processSummary
        }
    }

    private var processSummary: (operation: String, subject: String) {
        switch self {
        case .openProc: ("open a procfs of our own", "")
        case .setSysctl(let name, _, _): ("set sysctl", name)
        case .labelExec(_, let label) where label.hasPrefix(Self.profilePrefix): ("set AppArmor profile", String(label.dropFirst(Self.profilePrefix.count)))
        case .labelExec(_, let label): ("set SELinux label", label)
        case .enterDirectory(let path): ("enter directory", path.text)
        case .setLimit(let limit): ("set limit", Self.limitName(limit.resource))
        case .setScheduler(let attributes): ("set scheduler policy", "\(attributes.policy)")
        case .setIOPriority(let priority): ("set I/O priority", "class \(priority >> 13) level \(priority & 0x1FFF)")
        case .setAffinity(let mask): ("run on CPUs", CPUList(mask: mask).text)
        case .setPersonality(let persona): ("set personality", "\(persona)")
        case .setMemoryPolicy(let mode, _): ("set memory policy", MemoryPolicyText.mode(mode))
        case .setFileCreationMask(let mask): ("set umask", "0" + String(mask, radix: 8))
        case .ownStreams(let uid): ("give standard streams to user", "\(uid)")
        case .limitBoundingSet(let mask): ("limit bounding set to", CapabilityNames.list(mask))
        case .setIdentity(let identity): ("set user and group", "\(identity.uid):\(identity.gid)")
        case .setCapabilities(let masks): ("set capabilities", CapabilityNames.list(masks.permitted))
        case .raiseAmbient(let mask): ("raise ambient capabilities", CapabilityNames.list(mask))
        case .setNoNewPrivileges: ("set no_new_privs", "")
        case .findProgram(let name, _): ("find program", name)
        default: ("do", "")
        }
    }

    /// What the kernel has in front of a profile for the next execve(2) (Linux, apparmor/procattr.c).
    static var profilePrefix: String { "exec " }

    private static func limitText(_ value: UInt64) -> String { value == .max ? "unlimited" : "\(value)" }

    private static func limitName(_ resource: Int32) -> String {
        for kind in ResourceLimitType.allCases where kind.resource == resource { return kind.name }
        return "\(resource)"
    }

    /// What `summary` leaves out, for `plan`: options, sources, numbers.
    package var details: String {
        switch self {
        case .mount(let step): return step.details
        case .makeDevice(let step):
            let kind = step.kind == .block ? "b" : step.kind == .fifo ? "p" : "c"
            let source = step.bindSource.map { " from " + $0.text } ?? ""
            return "\(kind) \(step.major):\(step.minor) mode 0\(String(step.permissions, radix: 8)) owner \(step.uid):\(step.gid)\(source)"
        case .makeLink(_, let target): return "-> " + target
        case .mountCgroups(let step):
            return (step.hierarchies.map({ $0.name }) + [step.attributes.text]).filter { !$0.isEmpty }.joined(separator: " ")
        case .setSysctl(_, let value, _): return "= " + quoted(value)
        case .setLimit(let limit): return "soft \(Self.limitText(limit.soft)) hard \(Self.limitText(limit.hard))"
        case .setIdentity(let identity):
            return identity.groups.map { $0.isEmpty ? "no additional groups" : "groups " + $0.map(String.init).joined(separator: ",") } ?? "groups unchanged"
        case .setCapabilities(let masks):
            return "effective \(CapabilityNames.list(masks.effective)); inheritable \(CapabilityNames.list(masks.inheritable))"
        case .setTerminal(let terminal): return terminal.size.map { "\($0.columns)x\($0.rows)" } ?? ""
        case .findProgram(_, let path): return "in " + path.joined(separator: ":")
        case .setMemoryPolicy(let mode, let nodes): return MemoryPolicyText.details(mode: mode, nodes: nodes)
        case .setScheduler(let attributes): return "nice \(attributes.nice) priority \(attributes.priority)"
        default: return ""
        }
    }
}

extension SyncPoint {
    var purpose: String {
        switch self {
        case .idMaps: "write id maps"
        case .timeOffsets: "write time offsets"
        case .hostHooks: "run prestart and createRuntime hooks"
        case .networkDevices: "move network devices"
        case .ready: "record the container"
        case .seccompListener: "hand over the seccomp listener"
        }
    }
}

extension MountStep {
    var operation: String {
        switch source {
        case .bind, .handle: "bind mount"
        case .remount: "remount"
        case .new: "mount"
        }
    }

    var details: String {
        var words: [String] = []
        switch source {
        case .new(let type, let source, let options):
            words.append(type)
            if !source.isEmpty && source != type { words.append("from " + source) }
            words += options
        case .bind(let path, let recursive): words.append("from \(path.text)\(recursive ? " with submounts" : "")")
        case .handle(let name): words.append("from \(name)")
        case .remount(let options): words += options
        }
        if !set.isEmpty { words.append(set.text) }
        if !clear.subtracting(.accessTimeField).isEmpty { words.append("without " + clear.subtracting(.accessTimeField).text) }
        if !recursiveSet.isEmpty { words.append("recursively " + recursiveSet.text) }
        if !recursiveClear.isEmpty { words.append("recursively without " + recursiveClear.text) }
        if let propagation { words.append(propagation.text) }
        if let recursivePropagation { words.append("r" + recursivePropagation.text) }
        if copiesUp { words.append("with a copy of what is there") }
        if let label { words.append("labelled " + label) }
        return words.joined(separator: " ")
    }
}

extension MountAttributes {
    /// "nosuid,nodev"
    package var text: String {
        var words: [String] = []
        if contains(.readOnly) { words.append("ro") }
        if contains(.noSuid) { words.append("nosuid") }
        if contains(.noDevices) { words.append("nodev") }
        if contains(.noExec) { words.append("noexec") }
        if contains(.noAccessTime) { words.append("noatime") }
        if contains(.strictAccessTime) { words.append("strictatime") }
        if contains(.noDirectoryAccessTime) { words.append("nodiratime") }
        if contains(.noSymbolicLinks) { words.append("nosymfollow") }
        return words.joined(separator: ",")
    }
}

extension Propagation {
    var text: String {
        switch self {
        case .unbindable: "unbindable"
        case .private: "private"
        case .slave: "slave"
        case .shared: "shared"
        }
    }
}

extension NamespaceSet {
    /// "mount, pid, uts"
    package var text: String { kinds.map({ $0.specName }).joined(separator: ", ") }
}

/// set_mempolicy(2) in the specification's words.
private enum MemoryPolicyText {
    static func mode(_ mode: Int32) -> String {
        switch mode & 0x1FFF {
        case 0: "MPOL_DEFAULT"
        case 1: "MPOL_PREFERRED"
        case 2: "MPOL_BIND"
        case 3: "MPOL_INTERLEAVE"
        case 4: "MPOL_LOCAL"
        case 5: "MPOL_PREFERRED_MANY"
        default: "MPOL_WEIGHTED_INTERLEAVE"
        }
    }

    /// "nodes 0,2 MPOL_F_STATIC_NODES"
    static func details(mode: Int32, nodes: [UInt64]) -> String {
        var numbers: [String] = []
        for (word, bits) in nodes.enumerated() {
            for bit in 0..<64 where bits >> UInt64(bit) & 1 == 1 { numbers.append("\(word * 64 + bit)") }
        }
        var words = numbers.isEmpty ? [] : ["nodes " + numbers.joined(separator: ",")]
        if mode & 1 << 13 != 0 { words.append("MPOL_F_NUMA_BALANCING") }
        if mode & 1 << 14 != 0 { words.append("MPOL_F_RELATIVE_NODES") }
        if mode & 1 << 15 != 0 { words.append("MPOL_F_STATIC_NODES") }
        return words.joined(separator: " ")
    }
}

extension CapabilityNames {
    static func list(_ mask: UInt64) -> String {
        let all = names(in: mask)
        if all.isEmpty { return "none" }
        return all.count >= 41 ? "all" : all.joined(separator: " ")
    }
}
