// What the process is before its program starts: limits, scheduling, labels, identity, capabilities.
// The order is that in which each step leaves the right to do the next: what needs privileges of the host comes before the user changes,
// the bounding set before the capability to change it goes. `exec` has the same steps, and ExecPlan.swift what it does around them.
import ContainerInit
import Diagnostics
import Kernel
import OCISpec
import Seccomp
import UntrustedTree

/// The last of the entries with one name: getenv(3) finds the first, and whoever adds one means the last. runc and crun do the same.
func withoutDuplicates(_ entries: [String]) -> [String] {
    var names: Set<String> = []
    var kept: [String] = []
    for entry in entries.reversed() {
        let name = String(entry.utf8.prefix { $0 != UInt8(ascii: "=") }) ?? entry
        if names.insert(name).inserted { kept.append(entry) }
    }
    return kept.reversed()
}

/// Whether no entry, or the last of them that counts, gives HOME a value: programs and shells take it for granted, so runc and crun add it.
func lacksHome(_ entries: [String]) -> Bool { (entries.last { $0.hasPrefix("HOME=") } ?? "HOME=") == "HOME=" }

extension ContainerPlan {
    mutating func planProcess(_ process: Process, linux: Linux, context: PlanContext) throws(OperationError) {
        add(.enterDirectory(try inRoot(process.cwd, "process.cwd")), field: "process.cwd")
        for (index, limit) in process.rlimits.enumerated() {
            let step = Step.setLimit(ProcessLimit(resource: limit.type.resource, soft: limit.soft, hard: limit.hard))
            let field = "process.rlimits[\(index)]"
            if limit.type == .processes { addForProgram(step, capability: "CAP_SYS_RESOURCE", field: field, context) } else { add(step, field: field) }
        }
        if let scheduler = process.scheduler {
            addForProgram(.setScheduler(scheduler.attributes), capability: "CAP_SYS_NICE", field: "process.scheduler", context)
        }
        if let priority = process.ioPriority { add(.setIOPriority(priority.kernelValue), field: "process.ioPriority") }
        if let personality = linux.personality { add(.setPersonality(personality.kernelValue), field: "linux.personality") }
        if let policy = linux.memoryPolicy {
            add(.setMemoryPolicy(mode: policy.kernelMode, nodes: policy.nodes?.mask ?? []), field: "linux.memoryPolicy")
        }
        add(.setFileCreationMask(process.user.umask ?? 0o022), field: "process.user.umask")
        if !isExec { planLabels(process) }
        planIdentity(process, context: context)
    }

    /// A step that is not for the first process of `exec`: the second one would not inherit its effect, or could not be made (a limit of
    /// processes counts both). The runtime sets it from outside, or the second one itself where the runtime lacks `capability`.
    private mutating func addForProgram(_ step: Step, capability: String, field: String, _ context: PlanContext) {
        let planned = PlannedStep(step: step, field: field)
        if !isExec || !isPrivate(.pid, context) {
            steps.append(planned)
        } else if let bit = CapabilityNames.bit(capability), context.grantableCapabilities & bit != 0 {
            stepsOfTheRuntime.append(planned)
        } else {
            stepsOfTheSecond.append(planned)
        }
    }

    /// On a procfs of the runtime's own pid namespace, or of the container's own in `create`. A new process inherits what is written.
    mutating func planLabels(_ process: Process) {
        let apparmor = process.apparmorProfile.flatMap { $0.isEmpty ? nil : $0 }
        let selinux = process.selinuxLabel.flatMap { $0.isEmpty ? nil : $0 }
        guard apparmor != nil || selinux != nil else { return }
        if !steps.contains(where: { $0.step == .openProc }) { add(.openProc) }
        if let apparmor { add(.labelExec(file: "thread-self/attr/apparmor/exec", label: Step.profilePrefix + apparmor), field: "process.apparmorProfile") }
        if let selinux { add(.labelExec(file: "thread-self/attr/exec", label: selinux), field: "process.selinuxLabel") }
    }

    /// Bounding set, user, capabilities and no_new_privs, in the order that each leaves the right to do the next.
    private mutating func planIdentity(_ process: Process, context: PlanContext) {
        let grantable = isPrivate(.user, context) ? UInt64.max : context.grantableCapabilities
        var sets = CapabilitySets(process.capabilities, grantable: grantable, warnings: &warnings)
        if sets.ambient & ~(sets.permitted & sets.inheritable) != 0 {
            warnings.append("process.capabilities.ambient: only capabilities that are permitted and inheritable can be ambient, ignoring the others")
            sets.ambient &= sets.permitted & sets.inheritable
        }
        let user = process.user
        if user.uid != 0 { add(.ownStreams(uid: user.uid), field: "process.user.uid") }
        add(.limitBoundingSet(sets.bounding), field: "process.capabilities.bounding")
        let deniesGroups = idMaps?.deniesGroups(privileged: context.isPrivileged) ?? false
        if deniesGroups && !user.additionalGids.isEmpty {
            warnings.append("process.user.additionalGids: setgroups(2) is denied in a user namespace with a single mapped group, ignoring")
        }
        if annotated.keepsGroups && !user.additionalGids.isEmpty {
            warnings.append("process.user.additionalGids: the annotation run.oci.keep_original_groups keeps the caller's groups instead, ignoring")
        }
        let groups = deniesGroups || annotated.keepsGroups ? nil : user.additionalGids
        add(
            .setIdentity(Identity(uid: user.uid, gid: user.gid, groups: groups, keepsCapabilities: user.uid != 0)),
            field: "process.user")
        let final = CapabilityMasks(effective: sets.effective, permitted: sets.permitted, inheritable: sets.inheritable)
        let administration: UInt64 = 1 << 21
        // Without no_new_privs a filter can only be loaded with CAP_SYS_ADMIN: it is kept until then.
        let keepsUntilFilter = context.seccomp != nil && !process.noNewPrivileges && final.effective & administration == 0
        var now = final
        if keepsUntilFilter {
            now.permitted |= administration
            now.effective |= administration
        }
        add(.setCapabilities(now), field: "process.capabilities")
        if sets.ambient != 0 { add(.raiseAmbient(sets.ambient), field: "process.capabilities.ambient") }
        if process.noNewPrivileges { add(.setNoNewPrivileges, field: "process.noNewPrivileges") }
        capabilitiesAfterFilter = keepsUntilFilter ? final : nil
    }

    /// From the search for the program to execve(2).
    ///
    /// - Parameter process: nil for a container that can only be created: its init waits at the gate until it is killed.
    mutating func planStart(_ process: Process?, context: PlanContext) throws(OperationError) {
        guard let process else {
            add(.announceReady)
            add(.awaitStart)
            return
        }
        try planProgram(process)
        // nobody waits at the gate without the filter, or with a capability that was kept for it: an `exec` may be beside it. With no_new_privs
        // the filter can be loaded at last, so that it need not let pass what the init does.
        let isFilteredBefore = context.seccomp.map { $0.usesListener || !process.noNewPrivileges } ?? false
        if isFilteredBefore, let seccomp = context.seccomp {
            add(.closeHostHandles)
            planFilter(seccomp)
        }
        add(.announceReady)
        if context.waitsForStart { add(.awaitStart) }
        // startContainer hooks run under it as well, as with runc
        if !isFilteredBefore, let seccomp = context.seccomp { planFilter(seccomp) }
        if !hooks.startContainer.isEmpty {
            add(.runHooks(.startContainer, innerHooks(hooks.startContainer, .created, context, inheriting: environment)), field: "hooks.startContainer")
        }
        preservedDescriptors = context.preservedDescriptors
        add(.execute, field: "process.args[0]")
    }

    mutating func planProgram(_ process: Process) throws(OperationError) {
        guard let program = process.args.first else {
            throw OperationError("read", "config.json", .invalid("it must name a program"), field: "process.args")
        }
        let path = process.env.last { $0.hasPrefix("PATH=") }.map { String($0.dropFirst(5)) }
        let searchPath = (path ?? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        add(.findProgram(program, searchPath: searchPath), field: "process.args[0]")
    }

    /// The filter, its listener, which an agent has as soon as it can, and the end of the capability that was kept for it.
    mutating func planFilter(_ seccomp: SeccompProgram) {
        add(
            seccomp.usesListener
                ? .loadSeccompWithListener(seccomp.filter, flags: seccomp.flags) : .loadSeccomp(seccomp.filter, flags: seccomp.flags),
            field: "linux.seccomp")
        if seccomp.usesListener { add(.handOverListener, field: "linux.seccomp.listenerPath") }
        if let capabilitiesAfterFilter { add(.setCapabilities(capabilitiesAfterFilter), field: "process.capabilities") }
    }
}

/// The five sets as masks.
struct CapabilitySets: Equatable {
    var bounding: UInt64 = 0
    var effective: UInt64 = 0
    var permitted: UInt64 = 0
    var inheritable: UInt64 = 0
    var ambient: UInt64 = 0

    /// Capabilities that nobody knows, or that the runtime does not have itself, cannot be given: they are left out
    /// with a warning, as the specification wants (RT-config-124).
    init(_ capabilities: Capabilities?, grantable: UInt64, warnings: inout [String]) {
        guard let capabilities else { return }
        bounding = Self.mask(capabilities.bounding, "bounding", grantable: grantable, warnings: &warnings)
        effective = Self.mask(capabilities.effective, "effective", grantable: grantable, warnings: &warnings)
        permitted = Self.mask(capabilities.permitted, "permitted", grantable: grantable, warnings: &warnings)
        inheritable = Self.mask(capabilities.inheritable, "inheritable", grantable: grantable, warnings: &warnings)
        ambient = Self.mask(capabilities.ambient, "ambient", grantable: grantable, warnings: &warnings)
    }

    private static func mask(_ names: [String], _ set: String, grantable: UInt64, warnings: inout [String]) -> UInt64 {
        var mask: UInt64 = 0
        var missing: [String] = []
        for name in names {
            guard let bit = CapabilityNames.bit(name) else {
                let upper = name.uppercased()
                let near = [upper, "CAP_" + upper].first { CapabilityNames.bit($0) != nil }.map { " (it is called \($0))" } ?? ""
                warnings.append("process.capabilities.\(set): unknown capability \(quoted(name))\(near), ignoring")
                continue
            }
            guard grantable & bit != 0 else {
                missing.append(name)
                continue
            }
            mask |= bit
        }
        if !missing.isEmpty {
            let names = missing.joined(separator: ", ")
            warnings.append("process.capabilities.\(set): \(names) cannot be granted, since the runtime does not have \(missing.count == 1 ? "it" : "them"), ignoring")
        }
        return mask
    }
}
