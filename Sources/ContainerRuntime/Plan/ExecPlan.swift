// The plan of one more process in a running container: steps that join what the container's first process is in, then the
// same steps by which every process gets its limits, its user and its program. What is not done again: mounts, devices,
// masks, sysctl, hooks. Which process it is, is decided in ExecProcess.swift.
// A first process does nearly everything, unseen from the container's pid namespace; a second one goes on in it when there is
// nothing left that the container could gain from it (CVE-2016-9962, and what CAP_SYS_PTRACE can do).
import Cgroups
import ContainerInit
package import Diagnostics
import Kernel
package import OCISpec
import Seccomp
import UntrustedTree

extension ContainerPlan {
    /// Decides everything about `process` in the container that was made from `config`.
    ///
    /// - Parameters:
    ///   - process: complete; see `ProcessChanges`.
    ///   - initPID: the container's first process, whose namespaces are joined.
    ///   - context: `hostNamespaces` are those of `linux.namespaces` that are the caller's own.
    /// - Throws: `.invalid` and `.unsupported` with the JSON path; nothing was touched then.
    package init(exec process: Process, in config: RuntimeConfig, initPID: Int32, context: PlanContext) throws(OperationError) {
        self.init(rootfs: Path(config.root.path).relative(to: context.bundle), cgroup: context.cgroup)
        isExec = true
        ociVersion = config.ociVersion
        annotations = config.annotations
        annotated = try AnnotatedSettings(annotations)
        arguments = process.args
        environment = process.env
        hasTerminal = process.terminal
        initialAffinity = process.execCPUAffinity?.initial?.mask ?? []
        let linux = config.linux ?? Linux()
        if let seccomp = linux.seccomp, seccomp.usesListener, let path = seccomp.listenerPath {
            seccompAgent = PlannedSeccompAgent(path: Path(path), metadata: seccomp.listenerMetadata)
        }
        planArrival(process, linux: linux, initPID: initPID, context: context)
        if context.makesKeyring { add(.joinKeyring(name: "_ses.\(context.id.text)")) }
        if isPrivate(.mount, context) { add(.openRootfs("/")) } else { add(.changeRoot) }
        if context.hasLookedUpUsers && isPrivate(.mount, context) { add(.compareRoots) }
        if process.terminal {
            let size = process.consoleSize.map { WindowSize(rows: UInt16(clamping: $0.height), columns: UInt16(clamping: $0.width)) }
            add(.setTerminal(TerminalStep(size: size, mountsConsole: false, uid: process.user.uid)), field: "process.terminal")
        }
        // of `linux` only what belongs to a process
        var ofProcess = Linux()
        ofProcess.personality = linux.personality
        ofProcess.memoryPolicy = linux.memoryPolicy
        try planProcess(process, linux: ofProcess, context: context)
        try planEntry(process, profile: linux.seccomp, context: context)
        try refuseUnsafeSteps()
    }

    /// Cgroups first, while the process may still write to their files; what is written to the host's /proc, with the rights of the host;
    /// then the namespaces. A pid namespace is that of children only: this process stays unseen.
    private mutating func planArrival(_ process: Process, linux: Linux, initPID: Int32, context: PlanContext) {
        for (index, namespace) in linux.namespaces.enumerated() {
            let kind = namespace.type.kind
            joinedNamespaces.append(JoinedNamespace(kind: kind, path: "/proc/\(initPID)/ns/\(kind.procName)", field: "linux.namespaces[\(index)]"))
        }
        if let user = linux.namespaces.first(where: { $0.type == .user }), user.path == nil {
            idMaps = IDMaps(uids: Self.ranges(linux.uidMappings), gids: Self.ranges(linux.gidMappings))
        }
        add(.joinCgroups, field: "linux.cgroupsPath")
        if let final = process.execCPUAffinity?.final { add(.setAffinity(final.mask), field: "process.execCPUAffinity.final") }
        if let score = process.oomScoreAdj { add(.setOOMScore(score), field: "process.oomScoreAdj") }
        planLabels(process)
        add(.hideFromOthers)
        planJoins(joinedNamespaces.filter { !context.hostNamespaces.contains($0.kind) }, context: context)
    }

    /// From the search for the program to execve(2), with the step into the container's pid namespace between.
    ///
    /// What the container sees, and may take over with CAP_SYS_PTRACE, must be under the filter already. Only a profile with
    /// `noNewPrivileges` that does not let the last calls pass is loaded after them, as late as runc does it.
    private mutating func planEntry(_ process: Process, profile: LinuxSeccomp?, context: PlanContext) throws(OperationError) {
        guard isPrivate(.pid, context) else {
            add(.startSession(isNeeded: true))
            if process.terminal { add(.controlTerminal, field: "process.terminal") }
            return try planStart(process, context: context)
        }
        let isFilteredBefore = try profile.map { (profile) throws(OperationError) in
            try refuseEarlyNotices(profile)
            if letsEntryPass(profile, process, context) { return true }
            if process.noNewPrivileges && !profile.usesListener { return false }
            for (call, arguments) in [("clone", Self.cloneArguments), ("close", [])] where !profile.allows(call, arguments: arguments) {
                throw OperationError(
                    "plan", "exec", .unsupported("a seccomp profile that does not allow \(call)(2)"), field: "linux.seccomp",
                    hint: profile.usesListener ? nil : "with process.noNewPrivileges it can be loaded later")
            }
            return true
        } ?? false
        if isFilteredBefore { try planProgram(process) }
        add(.startSession(isNeeded: true))
        add(.leaveHost)
        if isFilteredBefore, let seccomp = context.seccomp { planFilter(seccomp) }
        add(.continueInContainer, field: "linux.namespaces")
        steps += stepsOfTheSecond
        // below /proc/self it is there for this process only
        if !isFilteredBefore { try planProgram(process) }
        add(.startSession(isNeeded: process.terminal))
        if process.terminal { add(.controlTerminal, field: "process.terminal") }
        add(.announceReady)
        if !isFilteredBefore, let seccomp = context.seccomp { planFilter(seccomp) }
        preservedDescriptors = context.preservedDescriptors
        add(.execute, field: "process.args[0]")
    }

    /// The agent is told of the process that goes on, so it has the listener only when that one is there.
    private func refuseEarlyNotices(_ profile: LinuxSeccomp) throws(OperationError) {
        var early = ["read", "close", "clone", "brk", "mmap", "munmap", "madvise"]
        if capabilitiesAfterFilter != nil { early.append("capset") }
        guard let call = early.first(where: { profile.notifies(of: $0) }) else { return }
        throw OperationError(
            "plan", "exec", .unsupported("handing \(call)(2) to an agent, who would be asked before it has the listener,"), field: "linux.seccomp")
    }

    /// Those of `cloneSibling`.
    private static var cloneArguments: [UInt64] { [siblingFlag, 0, 0, 0, 0, 0] }

    /// Whether the profile allows every call between the step into the container and the execution of the program.
    private func letsEntryPass(_ profile: LinuxSeccomp, _ process: Process, _ context: PlanContext) -> Bool {
        var calls: [(name: String, arguments: [UInt64])] = [
            ("clone", Self.cloneArguments), ("exit_group", [0]), ("setsid", []), ("read", []), ("write", []), ("close", []), ("brk", []),
            ("mmap", []), ("rt_sigprocmask", []), ("rt_sigaction", []), ("execve", []),
        ]
        if process.terminal { calls.append(("ioctl", [0, controllingTerminalRequest, 0])) }
        if context.preservedDescriptors > 0 { calls.append(("fcntl", [])) }
        if !stepsOfTheSecond.isEmpty { calls += [("prlimit64", []), ("sched_setattr", [])] }
        return calls.allSatisfy { profile.allows($0.name, arguments: $0.arguments) }
    }
}
