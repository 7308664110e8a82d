import Cgroups
import ContainerInit
package import Diagnostics
import Kernel
import OCISpec

/// How `run` ends.
package enum RunResult: Equatable, Sendable {
    /// The container goes on without us.
    case detached
    /// 0…255, or 128 + the signal's number.
    case ended(status: Int32)
}

/// Makes a container and runs it: `create`, `start`, and, unless `detach`, wait for its end and `delete`.
///
/// - Parameters:
///   - keep: does not delete the container at its end.
///   - subreaper: orphans of the container's become our children and are reaped.
///   - manager: gets what the program tells of itself; a detached container is awaited until it is ready.
/// - Throws: what kept the container from running; nothing is left of it then.
package func runContainer(
    _ options: CreateOptions, detach: Bool, keep: Bool, subreaper: Bool, for manager: consuming Supervisor?, warn: (String) -> Void
) throws(OperationError) -> RunResult {
    let signals: FileDescriptor
    do throws(Errno) {
        if subreaper && !detach { try becomeSubreaper() }
        signals = try FileDescriptor.allSignals()
    } catch {
        throw OperationError("prepare to wait", "", .errno(error))
    }
    var terminal: FileDescriptor?
    let receiver: ConsoleReceiver = options.consoleSocket.map { .socket($0) } ?? (detach ? .nobody : .caller)
    var notifications: NotifySocket?
    var waiting = manager
    let made = try makeContainer(options, waitsForStart: false, console: receiver, terminal: &terminal, warn: warn) { (launch, terminal) throws(OperationError) in
        terminal = try receiveTerminal(from: terminal.take())
        try settleTerminal(terminal)
        // as itself the runtime is what the manager watches while it waits for the container
        if let manager = waiting.take() {
            notifications = try NotifySocket.bind(in: options.notifyDirectory, for: manager, mainPID: detach ? launch.pid : processID())
        }
        try launch.answer()
        try launch.awaitExecution()
        // otherwise its status tells
        if detach && launch.plan.cgroup.isShortOfMemory { try launch.refuseLackOfMemory() }
    }
    let state = made.state
    do throws(OperationError) {
        try HostHooks.run(state.hooks.poststart, phase: "poststart", state: state.specState(.running).text())
    } catch {
        // RT-runtime-028: the container is stopped, and its life goes on with its deletion
        try? deleteContainer(options.id, in: try StateRoot.open(options.stateRoot, creating: false), force: true, warn: warn)  // the first error is the one to tell
        throw error
    }
    if detach {
        // signals end this process, and the container goes on
        if let notifications = notifications.take() {
            try unblockSignals()
            try notifications.awaitReady()
        }
        return .detached
    }
    let status = try attend(pid: state.pid, of: state, signals: signals, terminal: terminal, notifications: notifications.take(), warn: warn)
    if !keep {
        let root = try StateRoot.open(options.stateRoot, creating: false)
        try deleteContainer(options.id, in: root, force: true, warn: warn)
    }
    return .ended(status: status)
}

/// The master of the container's terminal from `socket`; nil without one.
func receiveTerminal(from socket: consuming FileDescriptor?) throws(OperationError) -> FileDescriptor? {
    guard let socket else { return nil }
    do throws(Errno) {
        var message = try socket.receive(atMost: 64)
        return message.descriptor.take()
    } catch {
        throw OperationError("receive terminal", "", .errno(error))
    }
}

/// Waits for the end of `pid`, a child of ours, and relays signals and its terminal meanwhile.
///
/// - Parameters:
///   - terminal: the master; nil without a terminal.
///   - notifications: what the program tells a service manager; nil without one.
///   - warn: is told when it was killed for lack of memory: 128 and SIGKILL alone do not say so.
func attend(
    pid: Int32, of state: StoredState, signals: consuming FileDescriptor, terminal: consuming FileDescriptor?,
    notifications: consuming NotifySocket? = nil, warn: (String) -> Void
) throws(OperationError) -> Int32 {
    var attendance = Attendance(pid: pid, signals: signals, notifications: notifications, memory: .begin(state))
    let status: Int32
    do throws(Errno) {
        switch terminal {
        case .some(let master): status = try attendance.wait(relaying: master)
        case .none: status = try attendance.wait()
        }
    } catch {
        throw OperationError("wait for container", state.id, .errno(error))
    }
    if status == 137, let reason = attendance.lackOfMemory ?? state.cgroup.outOfMemory() {
        warn("a process of container \(quoted(state.id)) was killed: " + reason)
    }
    return status
}
