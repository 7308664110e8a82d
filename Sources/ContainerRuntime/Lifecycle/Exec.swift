// One more process in a running container: look, plan, clone, record, release, wait. The container's state is locked only
// for the look: thousands of short execs run side by side, and one into a frozen cgroup waits without being in the way of
// `resume`. What the new process does is Plan/ExecPlan.swift, the exchange with it Host/Launch.swift.
import Cgroups
import ContainerInit
package import Diagnostics
package import Kernel
import OCISpec
import Seccomp

/// What `exec` is told.
package struct ExecOptions {
    package var id: ContainerID
    /// A file with a `process` object of the specification, in place of that of `config.json`.
    package var processFile: Path?
    package var changes = ProcessChanges()
    package var detaches = false
    package var pidFile: Path?
    package var consoleSocket: Path?
    package var pidfdSocket: Path?
    /// Descriptors from 3 on that the process gets besides 0, 1 and 2.
    package var preservedDescriptors: Int32 = 0
    package var cgroup: ExecCgroup
    package var ignoresPaused = false
    /// Gets the plan and what was done of it, line by line; nil without `--debug`.
    package var trace: ((String) -> Void)?
    package init(id: ContainerID, cgroup: ExecCgroup) {
        self.id = id
        self.cgroup = cgroup
    }
}

/// Runs one more process in a container and, unless it is detached, waits for its end.
///
/// - Parameter warn: gets each warning's text.
/// - Throws: `.invalid("container not running …")`, `.invalid("cannot exec in a paused container")`, what kept the program
///   from running. Nothing of the process is left then.
package func execInContainer(
    _ options: ExecOptions, in root: borrowing StateRoot, warn: (String) -> Void
) throws(OperationError) -> RunResult {
    let target = try ExecTarget.open(options, in: root)
    var handles = HandleTable()
    let plan = try target.plan(options, handles: &handles) { (profile) throws(OperationError) in
        try SeccompCacheDirectory(root.seccompCache()).compile(profile)
    }
    for warning in plan.warnings { warn(warning) }
    if let trace = options.trace { for line in plan.text.split(separator: "\n") { trace("plan: " + line) } }
    let cgroup = try target.openCgroup(options, into: &handles)
    var socket: FileDescriptor?
    let receiver: ConsoleReceiver = options.consoleSocket.map { .socket($0) } ?? (options.detaches ? .nobody : .caller)
    try connectConsole(receiver, plan: plan, handles: &handles, terminal: &socket)
    try ExecTarget.setInitialAffinity(plan)
    var launch = try target.launch(plan, handles: handles, cgroup: cgroup)
    var wrotePidFile = false
    let released: ReleasedProcess
    do throws(OperationError) {
        try serve(&launch, options, target.state, cgroup, wrotePidFile: &wrotePidFile)
        released = try release(launch, options, target.state, terminal: try receiveTerminal(from: socket))
    } catch {
        launch.kill()
        if wrotePidFile, let path = options.pidFile { try? removeFile(path) }  // the first error is the one to tell
        throw error
    }
    return try released.attend(pid: launch.pid, of: target.state, warn: warn)
}

/// A process whose program runs.
private struct ReleasedProcess: ~Copyable {
    /// Where signals come from; nil for a process that is left alone.
    let signals: FileDescriptor?
    /// The master of its terminal, if the runtime keeps it.
    let terminal: FileDescriptor?

    consuming func attend(pid: Int32, of state: StoredState, warn: (String) -> Void) throws(OperationError) -> RunResult {
        guard let signals = self.signals else { return .detached }
        return .ended(status: try ContainerRuntime.attend(pid: pid, of: state, signals: signals, terminal: self.terminal, warn: warn))
    }
}

/// Serves the new process until it waits for its release, and tells who it is.
private func serve(
    _ launch: inout Launch, _ options: ExecOptions, _ state: StoredState, _ cgroup: Cgroup, wrotePidFile: inout Bool
) throws(OperationError) {
    let plan = launch.plan
    try launch.watchInterrupts()
    do throws(OperationError) {
        try launch.serve(
            devices: { _ in }, hooks: { _ in },
            listener: { (pid, listener) throws(OperationError) in
                try SeccompAgent.handOver(listener, pid: pid, plan: plan, state: state.specState(.running))
            })
    } catch {
        // a pid namespace that has lost its first process takes no other, and says ENOMEM (pid_namespaces(7)); so does a lack of memory
        if error.errno == .noMemory, !(try state.initIsAlive()) {
            throw OperationError("enter container", state.id, .invalid("container not running (its first process has just ended)"))
        }
        throw wordDeath(error, cgroup)
    }
    try setFromOutside(plan, pid: launch.pid)
    try Resctrl.join(state.resctrlGroups.map { Path($0) }, pid: launch.pid)
    if let trace = options.trace { traceDone(plan, pid: launch.pid, trace) }
    if let socket = options.pidfdSocket { try sendPidfd(of: launch.pid, to: socket) }
    if let pidFile = options.pidFile {
        wrotePidFile = true
        try PidFile.write(launch.pid, to: pidFile)
    }
}

/// Sets what the process would not have inherited.
private func setFromOutside(_ plan: ContainerPlan, pid: Int32) throws(OperationError) {
    for planned in plan.stepsOfTheRuntime {
        do throws(Errno) {
            switch planned.step {
            case .setLimit(let limit): try setResourceLimit(limit, of: pid)
            case .setScheduler(let attributes): try setScheduler(attributes, of: pid)
            default: throw .invalid
            }
        } catch {
            throw plan.error(planned, error)
        }
    }
}

/// Lets the new process go on, until its program runs.
///
/// - Parameter terminal: its master; it is settled before the program can use it.
private func release(
    _ launch: borrowing Launch, _ options: ExecOptions, _ state: StoredState, terminal: consuming FileDescriptor?
) throws(OperationError) -> ReleasedProcess {
    let process = ReleasedProcess(signals: options.detaches ? nil : try watchSignals(pid: launch.pid), terminal: terminal)
    try settleTerminal(process.terminal)
    try launch.answer()
    try launch.awaitExecution()
    // otherwise its status tells
    if options.detaches && state.isShortOfMemory { try launch.refuseLackOfMemory() }
    return process
}

/// From here on signals, which are blocked since the process was made, are relayed.
/// - Throws: `.invalid` when the process has ended already: its SIGCHLD may have come before somebody looked.
private func watchSignals(pid: Int32) throws(OperationError) -> FileDescriptor {
    do throws(Errno) {
        let signals = try FileDescriptor.allSignals()
        guard case .stillRunning = try waitForChild(pid, blocking: false) else { throw .noChild }
        return signals
    } catch {
        throw OperationError("wait for process", "\(pid)", error == .noChild ? .invalid("it was killed before its program ran") : .errno(error))
    }
}

/// A process that ended without a word was killed: if the cgroup counts such kills, that is said.
private func wordDeath(_ error: OperationError, _ cgroup: Cgroup) -> OperationError {
    guard error.subject == "container", case .invalid = error.cause else { return error }
    guard let reason = cgroup.outOfMemory() else {
        return OperationError(
            "set up", "process", .invalid("it was killed before its program ran"), hint: "the container may have been killed or deleted meanwhile")
    }
    return OperationError("set up", "process", .invalid("it was killed: " + reason), field: "linux.resources.memory.limit")
}
