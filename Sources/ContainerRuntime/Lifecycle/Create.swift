// Making a container: plan, record, cgroup, init, record again, release. The order makes every failure clean: what is on
// the host is always in the state file before it exists, and what fails is undone in reverse.
// What is decided before anything is made is in Prepare.swift; the exchange with the init is Host/Launch.swift.
import Cgroups
import ContainerInit
package import Diagnostics
package import Kernel
import OCISpec

/// What `create` and `run` are told.
package struct CreateOptions {
    package var id: ContainerID
    package var stateRoot: Path
    package var bundle: Path
    /// Instead of the bundle's config.json.
    package var config: Path?
    package var pidFile: Path?
    package var consoleSocket: Path?
    package var pidfdSocket: Path?
    /// Descriptors from 3 on that the container gets besides 0, 1 and 2.
    package var preservedDescriptors: Int32 = 0
    /// The first of them, when a service manager has passed them to the runtime.
    package var activatedSockets: ActivatedSockets?
    /// Whether the program can tell a service manager that it is ready.
    package var notifies = false
    package var usesPivot = true
    package var makesKeyring = true
    package var usesSystemd = false
    package var usesCgroups = true
    /// Whether to go on without cgroups that may not be made; nil: unless the caller is root.
    package var toleratesMissingCgroups: Bool?
    /// Gets the plan and what was done of it, line by line; nil without `--debug`.
    package var trace: ((String) -> Void)?

    /// Where the program's notifications arrive.
    var notifyDirectory: Path { stateRoot.appending(id.text).appending(StateDirectory.notifyName.text) }

    package init(id: ContainerID, stateRoot: Path, bundle: Path) {
        self.id = id
        self.stateRoot = stateRoot
        self.bundle = bundle
    }
}

/// A container whose init has been released: it waits for `start`, or runs its program.
struct MadeContainer {
    var state: StoredState
    var plan: ContainerPlan
}

/// Who gets the master of the container's terminal, if it has one.
enum ConsoleReceiver {
    case nobody
    /// Whoever listens at this path.
    case socket(Path)
    /// This process.
    case caller
}

/// Makes the container and leaves it waiting at its gate.
///
/// - Parameter warn: gets each warning's text.
/// - Throws: the first error; nothing is left on the host then.
/// Source: runtime.md "Create" (RT-runtime-039 to RT-runtime-046).
package func createContainer(_ options: CreateOptions, warn: (String) -> Void) throws(OperationError) {
    var terminal: FileDescriptor?
    let receiver: ConsoleReceiver = options.consoleSocket.map { .socket($0) } ?? .nobody
    _ = try makeContainer(options, waitsForStart: true, console: receiver, terminal: &terminal, warn: warn) { (launch, _) throws(OperationError) in
        try launch.answer()
    }
}

/// Makes the container; `release` lets the init go on, and may receive the terminal before.
///
/// - Parameter terminal: with the receiver `caller`, the socket from which the terminal's master can be received, until `release` has changed it.
func makeContainer(
    _ options: CreateOptions, waitsForStart: Bool, console receiver: ConsoleReceiver, terminal: inout FileDescriptor?,
    warn: (String) -> Void, release: (borrowing Launch, inout FileDescriptor?) throws(OperationError) -> Void
) throws(OperationError) -> MadeContainer {
    populateHeap()
    let root = try StateRoot.open(options.stateRoot, creating: true)
    var handles = HandleTable()
    let preparation = try Preparation(
        options, waitsForStart: waitsForStart, handles: &handles,
        compile: { (profile) throws(OperationError) in try SeccompCacheDirectory(root.seccompCache()).compile(profile) })
    try connectConsole(receiver, plan: preparation.plan, handles: &handles, terminal: &terminal)
    for warning in preparation.plan.warnings { warn(warning) }
    if let trace = options.trace { for line in preparation.plan.text.split(separator: "\n") { trace("plan: " + line) } }
    var devices = try NetworkDevices.find(preparation.plan.networkDevices)
    let directory = try root.create(options.id)
    do throws(OperationError) {
        return try make(options, preparation, in: directory, waitsForStart: waitsForStart, handles: handles, devices: &devices) {
            (launch) throws(OperationError) in try release(launch, &terminal)
        }
    } catch {
        try? root.remove(options.id)  // the first error is the one to tell
        throw error
    }
}

func connectConsole(
    _ receiver: ConsoleReceiver, plan: ContainerPlan, handles: inout HandleTable, terminal: inout FileDescriptor?
) throws(OperationError) {
    switch (plan.hasTerminal, receiver) {
    case (true, .nobody):
        throw OperationError(
            "set up", "terminal", .invalid("the container wants a terminal, and nobody would receive it"), field: "process.terminal",
            hint: "use --console-socket, leave out --detach (\"run\", \"exec\"), or set it to false")
    case (false, .socket):
        throw OperationError(
            "set up", "terminal", .invalid("--console-socket is for containers with a terminal"), field: "process.terminal",
            hint: "set it to true")
    case (false, _): break
    case (true, .socket(let path)): handles.insert(try ConsoleSocket.connect(path), as: .console)
    case (true, .caller):
        do throws(Errno) {
            let pair = try FileDescriptor.socketPair(.stream)
            handles.insert(try pair.second.duplicate(above: 100), as: .console)
            terminal = pair.intoFirst()
        } catch {
            throw OperationError("make socket", "console", .errno(error))
        }
    }
}

/// Records the container before anything of it exists, and makes its cgroup.
private func make(
    _ options: CreateOptions, _ preparation: Preparation, in directory: borrowing StateDirectory, waitsForStart: Bool,
    handles: consuming HandleTable, devices: inout NetworkDevices?, release: (borrowing Launch) throws(OperationError) -> Void
) throws(OperationError) -> MadeContainer {
    var plan = preparation.plan
    var state = StoredState(options, preparation)
    try directory.begin(state)
    try directory.keepConfiguration(preparation.bundle.configBytes)
    if options.notifies { try directory.makeNotifyDirectory() }
    try Handles.openSources(plan.clonedSources, into: &handles)
    if let resctrl = plan.resctrl { try Resctrl.make(resctrl) }
    let cgroup: Cgroup
    do throws(OperationError) { cgroup = try Cgroup.create(plan.cgroup) } catch {
        try? Resctrl.remove(plan.resctrl?.removed ?? [])  // the first error is the one to tell
        throw error
    }
    if cgroup.directories != plan.cgroup.directories.map({ $0.absolute }) { plan.limitCgroupMount(to: cgroup.directories) }
    state.cgroupDirectories = cgroup.directories
    state.cgroupParents = cgroup.madeParents
    do throws(OperationError) {
        try Handles.openCgroup(cgroup, into: &handles)
        if waitsForStart { try directory.makeGate(&handles) }
        try launch(options, plan, &state, waitsForStart: waitsForStart, cgroup: cgroup, in: directory, handles: handles, devices: &devices, release: release)
        return MadeContainer(state: state, plan: plan)
    } catch {
        try? cgroup.remove()  // the first error is the one to tell
        try? Resctrl.remove(plan.resctrl?.removed ?? [])  // as above
        state.pid = 0
        _ = HostHooks.runAll(state.hooks.poststop, phase: "poststop", state: state.specState(.stopped).text())
        throw error
    }
}

extension StoredState {
    /// What is known of a container before anything of it exists.
    init(_ options: CreateOptions, _ preparation: Preparation) {
        let plan = preparation.plan
        self.init(
            id: options.id.text, ociVersion: plan.ociVersion, bundle: preparation.bundle.path.text, rootfs: plan.rootfs.text,
            createdNanoseconds: realtimeNanoseconds(), ownerUID: effectiveUserID())
        annotations = plan.annotations
        hooks.poststart = plan.hooks.poststart
        hooks.poststop = plan.hooks.poststop
        hasOwnPIDNamespace = plan.newNamespaces.contains(.pid)
        makesKeyring = options.makesKeyring
        hasProcess = plan.hasProcess
        isShortOfMemory = plan.cgroup.isShortOfMemory
        hasStartHooks = !plan.hooks.startContainer.isEmpty
        cgroupDirectories = plan.cgroup.directories.map({ $0.absolute })
        cgroupParents = plan.cgroup.missingParents()
        resctrlGroups = plan.resctrl?.joined.map({ $0.text }) ?? []
        resctrlMade = plan.resctrl?.removed.map({ $0.text }) ?? []
        unit = plan.cgroup.scope?.unit
    }
}

/// Clones the init, serves it, records it, releases it. Kills it when anything fails.
private func launch(
    _ options: CreateOptions, _ plan: ContainerPlan, _ state: inout StoredState, waitsForStart: Bool, cgroup: Cgroup, in directory: borrowing StateDirectory,
    handles: consuming HandleTable, devices: inout NetworkDevices?, release: (borrowing Launch) throws(OperationError) -> Void
) throws(OperationError) {
    var launch = try Launch.begin(plan, handles: handles, cgroup: cgroup)
    var wrotePidFile = false
    do throws(OperationError) {
        try cgroup.settle(initHasJoined: false)
        // `create` may be interrupted: its init ends with it, and what it has recorded can be deleted
        if waitsForStart { try unblockSignals() } else { try launch.watchInterrupts() }
        try setOOMScore(plan, pid: launch.pid)
        let early = state
        try launch.serve(
            devices: { (pid) throws(OperationError) in try devices?.move(into: pid) },
            hooks: { (pid) throws(OperationError) in
                var now = early
                now.pid = pid
                let text = now.specState(.creating).text()
                try HostHooks.run(plan.hooks.prestart, phase: "prestart", state: text)
                try HostHooks.run(plan.hooks.createRuntime, phase: "createRuntime", state: text)
            },
            listener: { (pid, listener) throws(OperationError) in
                var now = early
                now.pid = pid
                try SeccompAgent.handOver(listener, pid: pid, plan: plan, state: now.specState(.creating))
            })
        try cgroup.settle(initHasJoined: true)
        // at last: the process that is written must be the container's, not one that only prepares the way
        if let resctrl = plan.resctrl { try Resctrl.join(resctrl.joined, pid: launch.pid) }
        if let trace = options.trace { traceDone(plan, pid: launch.pid, trace) }
        try record(&state, pid: launch.pid)
        try directory.store(state)
        if let pidFile = options.pidFile {
            try PidFile.write(launch.pid, to: pidFile)
            wrotePidFile = true
        }
        if let socket = options.pidfdSocket ?? plan.annotated.pidfdReceiver { try sendPidfd(of: launch.pid, to: socket) }
        try release(launch)
    } catch {
        devices?.giveBack()  // before the end of the init, which may be that of its network namespace
        launch.kill()
        if wrotePidFile, let path = options.pidFile { try? removeFile(path) }  // the first error is the one to tell
        throw error
    }
}

/// The steps before `announceReady` have all worked when it is reached: a step that fails ends the init.
func traceDone(_ plan: ContainerPlan, pid: Int32, _ trace: (String) -> Void) {
    for (index, step) in plan.steps.enumerated() {
        if step.step == .announceReady { break }
        trace("done: step \(index) of process \(pid): \(step.text)")
    }
}

/// What tells the init from a later process with its number.
func record(_ state: inout StoredState, pid: Int32) throws(OperationError) {
    do throws(Errno) {
        guard let status = try processStatus(pid) else { throw .noProcess }
        state.pid = pid
        state.startTicks = status.startTicks
        state.bootID = try bootID()
    } catch {
        throw OperationError("read", "/proc/\(pid)/stat", .errno(error))
    }
}

func unblockSignals() throws(OperationError) {
    do throws(Errno) { try unblockAllSignals() } catch { throw OperationError("unblock", "signals", .errno(error)) }
}

/// Done by the parent: in a user namespace of its own the init could not lower the value.
private func setOOMScore(_ plan: ContainerPlan, pid: Int32) throws(OperationError) {
    guard let adjustment = plan.oomScoreAdjustment else { return }
    do throws(Errno) {
        try openVerifiedProc("\(pid)/oom_score_adj", .writeOnly).writeAtOnce(String(adjustment))
    } catch {
        throw OperationError(
            "set", "oom_score_adj", .errno(error), field: "process.oomScoreAdj", hint: "a value below the runtime's own needs CAP_SYS_RESOURCE")
    }
}

func sendPidfd(of pid: Int32, to path: Path) throws(OperationError) {
    let socket = try ConsoleSocket.connect(path, option: "--pidfd-socket")
    do throws(Errno) {
        try socket.send(Array("pidfd".utf8), passing: try FileDescriptor.process(pid))
    } catch {
        throw OperationError("send pidfd to", path.text, .errno(error))
    }
}
