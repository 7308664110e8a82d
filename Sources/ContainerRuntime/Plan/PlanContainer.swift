// The order of a container's making. Each `plan…` function adds the steps of one part of the configuration.
import ContainerInit
package import Diagnostics
package import Kernel
package import OCISpec
import UntrustedTree

extension ContainerPlan {
    /// Decides everything about a new container.
    ///
    /// - Throws: `.invalid` and `.unsupported` with the JSON path; nothing was touched then.
    package init(_ config: RuntimeConfig, context: PlanContext) throws(OperationError) {
        self.init(rootfs: Path(config.root.path).relative(to: context.bundle), cgroup: context.cgroup)
        ociVersion = config.ociVersion
        annotations = config.annotations
        annotated = try AnnotatedSettings(annotations)
        warnings += annotated.warnings
        hooks = config.hooks
        let linux = config.linux ?? Linux()
        // `create` alone can do without one (RT-runtime-050)
        let startable = config.process == nil && context.waitsForStart ? nil : try config.requireProcess()
        let process = startable ?? Process(args: [])
        hasProcess = startable != nil
        try refuseLabelWithoutSELinux(linux, context: context)
        arguments = process.args
        environment = withoutDuplicates(process.env)
        if let home = context.home { environment = environment.filter { $0 != "HOME=" } + ["HOME=" + home] }
        oomScoreAdjustment = process.oomScoreAdj.map { Int32($0) }
        hasTerminal = process.terminal
        if let seccomp = linux.seccomp, seccomp.usesListener, let path = seccomp.listenerPath {
            seccompAgent = PlannedSeccompAgent(path: Path(path), metadata: seccomp.listenerMetadata)
        }

        try planNamespaces(linux, context: context)
        try planIntelRdt(linux, context: context)
        planSession(linux, context: context)
        try planNetworkDevices(linux, context: context)
        try planHostNames(config)
        try planRootfs(config, linux: linux, process: process, context: context)
        try planProcess(process, linux: linux, context: context)
        try planStart(startable, context: context)
        try refuseUnsafeSteps()
    }

    /// Whether the container has a namespace of `kind` of its own, or one of another container.
    func isPrivate(_ kind: NamespaceKind, _ context: PlanContext) -> Bool {
        newNamespaces.contains(kind) || (joinedNamespaces.contains { $0.kind == kind } && !context.hostNamespaces.contains(kind))
    }

    /// The last check: no step may reach outside of a private namespace. The executor checks the same again.
    func refuseUnsafeSteps() throws(OperationError) {
        guard let index = initPlan.firstUnsafeStep, let needed = steps[index].step.requiredNamespace else { return }
        throw OperationError(
            "plan", steps[index].step.summary.operation + " " + steps[index].step.summary.subject,
            .invalid("it would change the host: the container has no \(needed.specName) namespace of its own"), field: steps[index].field,
            hint: "add {\"type\": \"\(needed.specName)\"} to linux.namespaces")
    }
}

extension NamespaceKind {
    /// The specification's word.
    package var specName: String {
        switch self {
        case .user: "user"
        case .mount: "mount"
        case .pid: "pid"
        case .network: "network"
        case .ipc: "ipc"
        case .uts: "uts"
        case .cgroup: "cgroup"
        case .time: "time"
        }
    }
}
