// Making a container again from what `checkpoint` wrote: plan, record, cgroup, mount points, criu in the cgroup, record again. As in
// Create.swift, what is on the host is in the state file before it exists. criu makes the processes, as children of this one; it runs in
// the container's cgroup and in a mount namespace that ends with it, so that whatever dies in the middle, `delete --force` finds all.
import Cgroups
import ContainerInit
import Criu
package import Diagnostics
import Kernel
import OCISpec

/// Makes a container from images and, unless `detach`, waits for its end and deletes it.
///
/// - Parameter warn: gets each warning's text.
/// - Throws: what is wrong with the bundle or the images; what criu says at the end of its log. Nothing is left on the host then.
package func restoreContainer(_ options: RestoreOptions, warn: (String) -> Void) throws(OperationError) -> RunResult {
    let signals: FileDescriptor
    do throws(Errno) {
        if options.adoptsOrphans && !options.detaches { try becomeSubreaper() }
        signals = try FileDescriptor.allSignals()
    } catch {
        throw OperationError("prepare to wait", "", .errno(error))
    }
    if effectiveUserID() != 0 { warn("criu needs root for most of what it does") }
    if !options.creation.usesPivot { warn("--no-pivot: criu changes the root by pivot_root(2), ignoring") }
    let criu = try CriuProgram.find(options.criu.program)
    if options.criu.options.lazyPages { try criu.require(.lazyPages, for: "--lazy-pages") }
    let receiver: ConsoleReceiver = options.creation.consoleSocket.map { .socket($0) } ?? (options.detaches ? .nobody : .caller)
    var terminal: FileDescriptor?
    let state = try Restoration(options, criu: criu).run(console: receiver, terminal: &terminal, warn: warn)
    if options.detaches { return .detached }
    do throws(Errno) { try blockAllSignals() } catch { throw OperationError("block", "signals", .errno(error)) }
    let master = try receiveTerminal(from: terminal)
    try settleTerminal(master)
    let status = try attend(pid: state.pid, of: state, signals: signals, terminal: master, warn: warn)
    try deleteContainer(options.creation.id, in: try StateRoot.open(options.creation.stateRoot, creating: false), force: true, warn: warn)
    return .ended(status: status)
}

/// One restoration, on its way.
private struct Restoration {
    let options: RestoreOptions
    let criu: CriuProgram

    init(_ options: RestoreOptions, criu: CriuProgram) {
        self.options = options
        self.criu = criu
    }

    func run(console receiver: ConsoleReceiver, terminal: inout FileDescriptor?, warn: (String) -> Void) throws(OperationError) -> StoredState {
        let root = try StateRoot.open(options.creation.stateRoot, creating: true)
        let streams = try ImageDirectory.open(options.criu, creating: false).loadStreams()
        var handles = HandleTable()
        let preparation = try Preparation(
            options.creation, waitsForStart: true, handles: &handles,
            compile: { (profile) throws(OperationError) in try SeccompCacheDirectory(root.seccompCache()).compile(profile) })
        let plan = preparation.plan
        try connectConsole(receiver, plan: plan, handles: &handles, terminal: &terminal)
        for warning in plan.warnings { warn(warning) }
        // once more for criu: the first are used up by the process that makes the mount points
        var inherited = HandleTable()
        let hostNamespaces = try Handles.openNamespaces(plan.joinedNamespaces, into: &inherited)
        try inherited.moveAway([.namespace(.network), .namespace(.pid)])
        if let console = handles.take(.console) { inherited.insert(console, as: .console) }
        let host: [MountInfo]
        do throws(Errno) { host = try MountInfo.current() } catch { throw OperationError("read", "/proc/self/mountinfo", .errno(error)) }
        let directory = try root.create(options.creation.id)
        do throws(OperationError) {
            var config = preparation.bundle.config
            if options.creation.notifies {
                try directory.makeNotifyDirectory()
                config.mountNotifyDirectory(options.creation.notifyDirectory)
            }
            try Handles.openSources(plan.clonedSources, into: &handles)
            let request = try options.request(
                config, plan: plan, bundle: preparation.bundle.path, root: directory.path(of: StateDirectory.criuRootName).text,
                hostNamespaces: hostNamespaces, streams: streams,
                submounts: { source in
                    guard let plain = try? plainPath(source) else { return [] }  // the mount itself tells what is wrong with its source
                    return host.compactMap { mount in mount.place(below: plain).map { (mount.mountPoint, $0) } }
                }, exists: { path in (try? fileStatus(Path(path))) != nil })  // any reason not to have it is the same
            return try make(preparation, request, in: directory, handles: handles, inherited: inherited)
        } catch {
            try? root.remove(options.creation.id)  // the first error is the one to tell
            throw error
        }
    }

    /// Records the container, makes its cgroup and its mount points, and lets criu make it.
    private func make(
        _ preparation: Preparation, _ request: CriuOptions, in directory: borrowing StateDirectory, handles: consuming HandleTable,
        inherited: consuming HandleTable
    ) throws(OperationError) -> StoredState {
        let plan = preparation.plan
        var state = StoredState(options.creation, preparation)
        try directory.begin(state)
        try directory.keepConfiguration(preparation.bundle.configBytes)
        if let resctrl = plan.resctrl { try Resctrl.make(resctrl) }
        var made: Cgroup?
        do throws(OperationError) {
            let cgroup = try Cgroup.create(plan.cgroup)
            made = cgroup
            state.cgroupDirectories = cgroup.directories
            state.cgroupParents = cgroup.madeParents
            // without `settle`, which takes an init's place, criu's joining of a scope comes first
            try makeMountPoints(plan, handles: handles)
            try directory.makeCriuRoot()
            try Handles.openCgroup(cgroup, into: &inherited)
            try restore(plan, request, &state, cgroup: cgroup, in: directory, inherited: inherited)
            try directory.removeCriuRoot()
            return state
        } catch {
            try? made?.remove()  // the first error is the one to tell
            try? Resctrl.remove(plan.resctrl?.removed ?? [])  // as above
            state.pid = 0
            _ = HostHooks.runAll(state.hooks.poststop, phase: "poststop", state: state.specState(.stopped).text())
            throw error
        }
    }

    /// Does the container's mounts once, in a process and namespaces that end at once: what they need in the root is there then, as after
    /// `create`, and what is wrong with them is told with the words of `create`.
    private func makeMountPoints(_ plan: ContainerPlan, handles: consuming HandleTable) throws(OperationError) {
        var launch = try Launch.begin(plan.treePlan, handles: handles, cgroup: Cgroup.existing(directories: []))
        do throws(OperationError) {
            try launch.serve(devices: { _ in }, hooks: { _ in }, listener: { _, _ in })
        } catch {
            launch.kill()
            throw error
        }
        launch.kill()
    }

    private func restore(
        _ plan: ContainerPlan, _ base: CriuOptions, _ state: inout StoredState, cgroup: Cgroup, in directory: borrowing StateDirectory,
        inherited: borrowing HandleTable
    ) throws(OperationError) {
        try unblockSignals()
        var devices = try NetworkDevices.find(plan.networkDevices)
        var restored = state
        do throws(OperationError) {
            let mounts = try PrivateMounts.enter(rootfs: plan.rootfs, at: Path(base.root), readOnly: plan.hasReadOnlyRoot)
            var isAway = true
            func comeBack() throws(Errno) {
                if isAway { try mounts.leave() }
                isAway = false
            }
            do throws(OperationError) {
                let images = try ImageDirectory.open(options.criu, creating: false)
                try images.forgetLog(CheckpointNames.restoreLog)
                if let group = plan.groupOfForeignRoot { try images.letRead(group: group) }
                var request = base
                request.cgroupYard = try directory.makeCriuYard()
                images.enter(into: &request)
                let startsSession = !options.criu.options.shellJob  // a terminal of the caller's would be lost with its session
                let outcome = try criu.converse(
                    { (pid) throws(OperationError) in try ask(request, pid, cgroup, joins: !inherited.contains(.cgroupDirectory)) },
                    clone: { () throws(Errno) in
                        let side = try Self.clone(inherited)
                        if side != .child { try comeBack() }
                        return side
                    },
                    prepare: { () throws(Errno) in try Self.prepare(inherited, startsSession: startsSession) },
                    notified: { (script, pid, descriptor) throws(OperationError) in
                        if let trace = options.criu.trace { trace("criu: at " + script) }
                        switch script {
                        case "setup-namespaces": try setUp(plan, state, pid: pid, devices: &devices)
                        case "post-restore": try store(&restored, plan, pid: pid, in: directory)
                        case "orphan-pts-master": try handOver(descriptor, to: inherited)
                        default: break
                        }
                    })
                guard outcome.succeeded(.restore), restored.pid > 0 else { throw failure(outcome, plan, images) }
                if request.inherited.contains(where: { $0.key == CheckpointNames.key(of: .network) }) { NetworkLock.remove(of: restored.pid) }
            } catch {
                try? comeBack()  // the first error is the one to tell
                throw error
            }
            state = restored
            if let pidFile = options.creation.pidFile { try PidFile.write(state.pid, to: pidFile) }
        } catch {
            devices?.giveBack()
            if restored.pid > 0 { endChild(restored.pid) }
            throw error
        }
    }

    private func failure(_ outcome: CriuProgram.Outcome, _ plan: ContainerPlan, _ images: borrowing ImageDirectory) -> OperationError {
        var error = images.failure("restore with", criu, outcome, log: CheckpointNames.restoreLog)
        if CriuLog.says(error.description, " has bad size ") {
            error.hint = "a standard stream was a file: the caller's must be the same one, opened for appending (>>); " + (error.hint ?? "")
        }
        if !options.creation.notifies, CriuLog.says(error.description, "No mapping for ") {
            error.hint = "a mount of the host's is not in the bundle; if a service manager had started the container, set $NOTIFY_SOCKET; " + (error.hint ?? "")
        }
        for (words, hint) in Self.hints where CriuLog.says(error.description, words) { error.hint = hint + "; " + (error.hint ?? "") }
        return error
    }

    /// What criu says, and what helps.
    private static var hints: [(words: String, hint: String)] {
        [
            ("Abort restore of existing cgroups", "the container's cgroup is made for criu: --manage-cgroups-mode soft or full takes it"),
            ("lazy-pages.socket failed", "start \"criu lazy-pages\" first, with the same --work-path (-W)"),
        ]
    }

    /// The request to the criu with this pid, once it is in the container's cgroup.
    private func ask(_ base: CriuOptions, _ pid: Int32, _ cgroup: Cgroup, joins: Bool) throws(OperationError) -> CriuRequest {
        if joins { try cgroup.joinUnified(pid) }
        for hasJoined in [false, true] { try cgroup.settle(initHasJoined: hasJoined) }
        var request = base
        request.setRoots(try Cgroup.memberships(of: pid))
        if let trace = options.criu.trace { for line in request.lines { trace("criu: " + line) } }
        return CriuRequest(.restore, options: request)
    }
}

// MARK: - The process that becomes criu

extension Restoration {
    /// In the container's version 2 cgroup, where the kernel knows how; else `joinUnified` follows before anything is asked.
    private static func clone(_ handles: borrowing HandleTable) throws(Errno) -> CloneSide {
        if !handles.contains(.cgroupDirectory) { return try Kernel.clone([]) }
        return try handles.with(.cgroupDirectory) { (directory) throws(Errno) in try Kernel.clone([], into: directory) }
    }

    /// Joins the version 1 cgroups, and puts what criu inherits in its place.
    private static func prepare(_ handles: borrowing HandleTable, startsSession: Bool) throws(Errno) {
        try handles.joinCgroups()
        if startsSession { try startSession() }
        for number in Int32(0)..<3 {
            try FileDescriptor.withStream(number) { (stream) throws(Errno) in try stream.duplicate(onto: InheritedNumber.stream(number)) }
        }
        for (kind, number) in [(NamespaceKind.network, InheritedNumber.network), (.pid, InheritedNumber.pid)] where handles.contains(.namespace(kind)) {
            try handles.with(.namespace(kind)) { (namespace) throws(Errno) in try namespace.duplicate(onto: number) }
        }
    }
}

extension HandleTable {
    /// Gives the descriptors numbers that are not those of what criu inherits.
    fileprivate mutating func moveAway(_ names: [HandleName]) throws(OperationError) {
        for name in names {
            guard let descriptor = take(name) else { continue }
            do throws(Errno) { insert(try descriptor.duplicate(above: 100), as: name) } catch { throw OperationError("move descriptor", "\(name)", .errno(error)) }
        }
    }
}

// MARK: - What criu notifies of

extension Restoration {
    /// The namespaces are there, and nothing is in them: as in `create`, the loopback device, the host's devices, and the hooks of the host.
    private func setUp(_ plan: ContainerPlan, _ state: StoredState, pid: Int32, devices: inout NetworkDevices?) throws(OperationError) {
        if plan.newNamespaces.contains(.network) { try Self.bringLoopbackUp(pid) }
        try devices?.move(into: pid)
        var now = state
        now.pid = pid
        let text = now.specState(.creating).text()
        try HostHooks.run(plan.hooks.prestart, phase: "prestart", state: text)
        try HostHooks.run(plan.hooks.createRuntime, phase: "createRuntime", state: text)
    }

    /// In the network namespace of `pid`, which is this process' for a moment.
    private static func bringLoopbackUp(_ pid: Int32) throws(OperationError) {
        do throws(Errno) {
            let own = try FileDescriptor.open("/proc/self/ns/net", .readOnly)
            try FileDescriptor.namespace(.network, of: pid).visit(.network, own: own) { () throws(Errno) in try Kernel.bringLoopbackUp() }
        } catch {
            throw OperationError("bring up", "lo", .errno(error))
        }
    }

    /// All processes are there and stand still: from here on the container is known by its first one.
    private func store(_ state: inout StoredState, _ plan: ContainerPlan, pid: Int32, in directory: borrowing StateDirectory) throws(OperationError) {
        if let resctrl = plan.resctrl { try Resctrl.join(resctrl.joined, pid: pid) }
        try record(&state, pid: pid)
        state.wasRestored = true
        try directory.store(state)
    }

    private func handOver(_ terminal: consuming FileDescriptor?, to handles: borrowing HandleTable) throws(OperationError) {
        do throws(Errno) {
            guard let terminal else { throw .badDescriptor }
            try handles.with(.console) { (console) throws(Errno) in try console.send(Array("/dev/ptmx".utf8), passing: terminal) }
        } catch {
            throw OperationError("hand over", "terminal", .errno(error), field: "process.terminal")
        }
    }
}
