// The plan of one more process in a running container: steps that join what the container's first process is in, then the
// same steps by which every process gets its limits, its user and its program. What is not done again: mounts, devices,
// masks, sysctl, hooks. Which process it is, is decided in ExecProcess.swift.
import Cgroups
import ContainerInit
package import Diagnostics
import Kernel
package import OCISpec
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
        arguments = process.args
        environment = process.env
        hasTerminal = process.terminal
        initialAffinity = process.execCPUAffinity?.initial?.mask ?? []
        let linux = config.linux ?? Linux()
        if let seccomp = linux.seccomp, seccomp.usesListener, let path = seccomp.listenerPath {
            seccompAgent = PlannedSeccompAgent(path: Path(path), metadata: seccomp.listenerMetadata)
        }
        planArrival(process, linux: linux, initPID: initPID, context: context)
        planSession(Linux(), context: context)
        if isPrivate(.mount, context) { add(.openRootfs("/")) } else { add(.changeRoot) }
        if process.terminal {
            let size = process.consoleSize.map { WindowSize(rows: UInt16(clamping: $0.height), columns: UInt16(clamping: $0.width)) }
            add(.setTerminal(TerminalStep(size: size, mountsConsole: false, uid: process.user.uid)), field: "process.terminal")
        }
        // of `linux` only what belongs to a process
        var ofProcess = Linux()
        ofProcess.personality = linux.personality
        ofProcess.memoryPolicy = linux.memoryPolicy
        try planProcess(process, linux: ofProcess, context: context)
        try planStart(process, context: context)
    }

    /// Cgroups first, while the process may still write to their files; then the namespaces.
    ///
    /// A pid namespace is that of children only. With privileges the runtime enters it and clones into it. Without, the
    /// right to do so comes with the user namespace, which the runtime itself must not join (processes in it may look into
    /// its members): a first process joins, and a second one goes on.
    private mutating func planArrival(_ process: Process, linux: Linux, initPID: Int32, context: PlanContext) {
        for (index, namespace) in linux.namespaces.enumerated() {
            let kind = namespace.type.kind
            joinedNamespaces.append(JoinedNamespace(kind: kind, path: "/proc/\(initPID)/ns/\(kind.procName)", field: "linux.namespaces[\(index)]"))
        }
        if let user = linux.namespaces.first(where: { $0.type == .user }), user.path == nil {
            func ranges(_ mappings: [LinuxIDMapping]) -> [IDMapRange] {
                mappings.map { IDMapRange(containerID: $0.containerID, hostID: $0.hostID, size: $0.size) }
            }
            idMaps = IDMaps(uids: ranges(linux.uidMappings), gids: ranges(linux.gidMappings))
        }
        var joined = joinedNamespaces.filter { !context.hostNamespaces.contains($0.kind) }
        let joinsPID = joined.contains { $0.kind == .pid }
        if context.isPrivileged && joinsPID {
            enteredByParent = NamespaceSet(.pid)
            joined.removeAll { $0.kind == .pid }
        }
        add(.joinCgroups, field: "linux.cgroupsPath")
        if let final = process.execCPUAffinity?.final { add(.setAffinity(final.mask), field: "process.execCPUAffinity.final") }
        // on the host's /proc, and with the rights of the host
        if let score = process.oomScoreAdj { add(.setOOMScore(score), field: "process.oomScoreAdj") }
        add(.hideFromOthers)
        planJoins(joined, context: context)
        if joinsPID && !context.isPrivileged { add(.continueInChild([]), field: "linux.namespaces") }
    }
}
