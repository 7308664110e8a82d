// The parent's side of making a container: it clones the init, serves it at each synchronisation point, and turns what
// the init reports into errors. Nothing of the init outlives us before it has been recorded: it waits for the answer to
// `ready`, and ends by itself when we are gone before that.
import Cgroups
import ContainerInit
import Diagnostics
import Kernel
import OCISpec

/// An init that was cloned and not yet released.
struct Launch: ~Copyable {
    let plan: ContainerPlan
    /// The init; before the second process is known, the first one.
    private(set) var pid: Int32
    /// The first process once the second is known, 0 before.
    private var first: Int32 = 0
    /// A handle of `pid`; nil in a plan without a second process.
    private var process: FileDescriptor?
    /// The first process has not told yet which one goes on.
    private var awaitsSecond: Bool
    /// Whether this process had children before, which a forged report could name.
    private let hadChildren: Bool
    /// What the init has still to reach.
    private var awaited: ArraySlice<AwaitedPoint>
    /// The first process' seccomp listener, until the one that goes on is known.
    private var listener: FileDescriptor?
    /// The init's clocks, opened while they are the caller's: an init that has become root of its user namespace shows them to the host's root alone.
    private var clocks: FileDescriptor?
    /// Where the signals come from that end the making; nil where they have their usual effect.
    private var interrupts: FileDescriptor?
    private let channel: InitChannel
    private let cgroup: Cgroup

    private init(_ plan: ContainerPlan, _ initPlan: InitPlan, pid: Int32, hadChildren: Bool, channel: consuming InitChannel, cgroup: Cgroup) {
        self.plan = plan
        self.hadChildren = hadChildren
        self.pid = pid
        self.channel = channel
        self.cgroup = cgroup
        awaitsSecond = initPlan.hasSecondProcess
        awaited = initPlan.awaitedPoints[...]
        process = nil
        listener = nil
        clocks = nil
        interrupts = nil
    }

    /// On which processors the caller may run is its own affair, and not the container's, which has a cpuset: as runc and crun do.
    /// What a filter denies here stays as it is.
    private static func useAllProcessors() {
        do throws(Errno) { try setAffinity(mask: [UInt64](repeating: .max, count: 128)) } catch {}
    }

    /// Clones the init of `plan`, which takes over `handles`.
    static func begin(_ plan: ContainerPlan, handles: consuming HandleTable, cgroup: Cgroup) throws(OperationError) -> Launch {
        let initPlan = plan.initPlan  // before the init exists: every page that either writes afterwards is copied
        let ours = try InitChannel.make(
            handles: &handles, preserved: plan.preservedDescriptors, hasListener: plan.handsListenerOver, isShared: initPlan.hasSecondProcess)
        let hadChildren = initPlan.steps.contains(.continueInContainer) && hasChildren()
        if !plan.choosesProcessors { useAllProcessors() }
        var isInCgroup = true
        let side: CloneSide
        do throws(Errno) {
            // all signals stay blocked in the init until it executes its program
            try blockAllSignals()
            side = handles.contains(.cgroupDirectory)
                ? try clone(plan.firstNamespaces, handles, &isInCgroup) : try Kernel.clone(plan.firstNamespaces)
        } catch {
            throw OperationError(
                "make namespaces", plan.firstNamespaces.text, .errno(error), field: "linux.namespaces", hint: hint(error, plan))
        }
        populateHeap()
        switch side {
        case .child:
            // our ends must not stay open in the init, or it would not see that we are gone
            close(ours)
            if !isInCgroup { awaitCgroup(handles) }
            Executor.run(initPlan, handles: handles)
        case .parent(let child):
            var launch = Launch(plan, initPlan, pid: child, hadChildren: hadChildren, channel: ours, cgroup: cgroup)
            do throws(OperationError) {
                try launch.prepareToServe()
                if !isInCgroup { try launch.joinCgroup() }
            } catch {
                launch.kill()
                throw error
            }
            return launch
        }
    }

    private static func close(_ channel: consuming InitChannel) {}

    private mutating func prepareToServe() throws(OperationError) {
        do throws(Errno) {
            try ignoreBrokenPipes()  // an answer to an init that is gone
            // also where it is not needed yet: `start`, `kill` and `delete` cannot do without handles
            let handle = try FileDescriptor.process(pid)
            if awaitsSecond { process = consume handle }
        } catch where error == .noProcess {
            throw died()
        } catch {
            throw OperationError("watch", "the container's init", .errno(error), hint: "pidfd_open(2) must work: Linux 5.3, and no filter that denies it")
        }
    }

    /// The init does nothing, above all no second process, before it is where it is counted.
    private static func awaitCgroup(_ handles: borrowing HandleTable) {
        do throws(Errno) { try handles.awaitAnswer() } catch { exitNow(1) }
    }

    private func joinCgroup() throws(OperationError) {
        try cgroup.joinUnified(pid)
        try answer()
    }

    /// Into the version 2 cgroup at once; from outside where the kernel does not know how (before 5.7) or refuses, since
    /// the cgroup hands controllers down.
    private static func clone(_ namespaces: NamespaceSet, _ handles: borrowing HandleTable, _ isInCgroup: inout Bool) throws(Errno) -> CloneSide {
        do throws(Errno) {
            return try handles.with(.cgroupDirectory) { (directory) throws(Errno) in try Kernel.clone(namespaces, into: directory) }
        } catch where error == .noSystemCall || error == .busy || error == .invalid {
            isInCgroup = false
            return try Kernel.clone(namespaces)
        }
    }

    private static func hint(_ errno: Errno, _ plan: ContainerPlan) -> String? {
        switch errno {
        case .notPermitted where !plan.firstNamespaces.contains(.user): "without root, the container needs a user namespace (see \"spec --rootless\")"
        case .notPermitted: "user namespaces may be switched off on this host (kernel.unprivileged_userns_clone, AppArmor)"
        case .noSpace: "a limit in /proc/sys/user is reached"
        case .tryAgain: "the limit of processes of the user or of a cgroup is reached"
        default: nil
        }
    }

    /// Serves the init until it is ready.
    ///
    /// - Parameters:
    ///   - devices: moves network devices to the init with this pid.
    ///   - hooks: runs the hooks of the host for it.
    ///   - listener: hands its seccomp listener over.
    /// - Throws: what the init reports, or what fails here on its behalf. The caller kills the init then.
    mutating func serve(
        devices: (Int32) throws(OperationError) -> Void, hooks: (Int32) throws(OperationError) -> Void,
        listener handOver: (Int32, consuming FileDescriptor) throws(OperationError) -> Void
    ) throws(OperationError) {
        while true {
            switch try receive() {
            case .child(let child):
                try goOn(in: child, handOver)
                continue
            case .reached(let point):
                // in the order of the plan: what is under a container's influence asks for nothing else
                guard let next = awaited.popFirst(), next.point == point else { throw Self.unknownReport }
                if next.isOfSecond && awaitsSecond {
                    // it was faster than the first one's word of it, and may fail as fast
                    guard case .child(let child) = try receive() else { throw Self.unknownReport }
                    try goOn(in: child, handOver)
                }
                if point == .ready { return reapFirst() }
                try attend(point, devices: devices, hooks: hooks, listener: handOver)
            }
            try answer()
        }
    }

    private mutating func attend(
        _ point: SyncPoint, devices: (Int32) throws(OperationError) -> Void, hooks: (Int32) throws(OperationError) -> Void,
        listener handOver: (Int32, consuming FileDescriptor) throws(OperationError) -> Void
    ) throws(OperationError) {
        switch point {
        case .idMaps:
            try plan.idMaps?.write(to: pid)
            if !plan.timeOffsets.isEmpty { clocks = try onClocks { () throws(Errno) in try openClocks() } }
        case .timeOffsets: try writeTimeOffsets()
        case .networkDevices: try devices(pid)
        case .hostHooks: try hooks(pid)
        case .seccompListener:
            let received: FileDescriptor
            do throws(Errno) { received = try channel.receiveListener() } catch {
                throw OperationError("receive seccomp listener", "", .errno(error))
            }
            if awaitsSecond { listener = consume received } else { try handOver(pid, received) }
        case .ready: break
        }
    }

    private static var unknownReport: OperationError { OperationError("hear from the container's init", "", .invalid("it sent something unknown")) }

    /// Makes HUP, INT, QUIT and TERM end the making with an error, so that all of it is undone. Signals are blocked: the process may be stopped
    /// by others of its container, or wait for a hook, and the end of this process alone would leave it there.
    mutating func watchInterrupts() throws(OperationError) {
        do throws(Errno) { interrupts = try .signals([1, 2, 3, 15].filter { !isIgnored(signal: $0) }) } catch { throw OperationError("watch", "signals", .errno(error)) }
    }

    /// - Throws: also what the init says has failed.
    private func receive() throws(OperationError) -> Progress {
        guard let bytes = try nextReport() else { throw died() }
        switch Report(bytes: bytes) {
        case .failure(let step, let errno, _): throw explained(plan.error(step: step, errno: errno))
        case .hookFailure(let step, let hook, let status, let detail): throw plan.hookError(step: step, hook: hook, status: status, detail: detail)
        case .reached(let point): return .reached(point)
        case .child(let child): return .child(child)
        case nil: throw Self.unknownReport
        }
    }

    /// What the init tells while nothing has failed: see `Report`.
    private enum Progress {
        case reached(SyncPoint)
        case child(Int32)
    }

    /// Nil when the init is gone, or executes its program.
    private func nextReport() throws(OperationError) -> [UInt8]? {
        do throws(Errno) { return try channel.next(from: process, interrupts: interrupts) } catch {
            let signal = error == .interrupted ? try? interrupts?.nextSignal()?.number : nil  // the wait's error is the one to tell
            guard let signal else { throw OperationError("hear from the container's init", "", .errno(error)) }
            throw OperationError("start", "program", .invalid("\(SignalName.name(of: signal)) came before it ran"))
        }
    }

    /// From now on the init is `child`: a child of ours, made by the first process, which ends.
    private mutating func goOn(
        in child: Int32, _ handOver: (Int32, consuming FileDescriptor) throws(OperationError) -> Void
    ) throws(OperationError) {
        let unknownProcess = OperationError("hear from the container's init", "", .invalid("it names a process that is not ours"))
        guard awaitsSecond, child > 0, child != pid, isChild(child) else { throw unknownProcess }
        if hadChildren, try !isElsewhere(child) { throw unknownProcess }
        first = pid
        pid = child
        awaitsSecond = false
        do throws(Errno) { try sendSignal(9, to: first) } catch {}  // it has nothing more to do, and may be kept from its end
        if let listener = listener.take() { try handOver(child, listener) }
        do throws(Errno) { process = try FileDescriptor.process(child) } catch {
            throw error == .noProcess ? died() : OperationError("watch", "the container's init", .errno(error))
        }
    }

    /// By now the first process has ended, unless somebody keeps it from that.
    private func reapFirst() {
        do throws(Errno) { if first > 0 { try reapChild(first) } } catch {}  // somebody else has reaped it
    }

    /// Whether `child` is in a pid namespace below this process', and so none of the children that it had before.
    private func isElsewhere(_ child: Int32) throws(OperationError) -> Bool {
        do throws(Errno) {
            return try pidNamespaceDepth(of: "\(child)") > pidNamespaceDepth(of: "self")
        } catch {
            throw OperationError("read", "/proc/\(child)/status", .errno(error))
        }
    }

    /// Lets the init go on.
    /// - Throws: what the init said last, when it is gone.
    func answer() throws(OperationError) {
        do throws(Errno) { try channel.answer() } catch {
            guard error == .brokenPipe else { throw OperationError("answer the container's init", "", .errno(error)) }
            throw lastWords() ?? died()
        }
    }

    /// Why an init that is gone has failed; nil when it has not said it.
    private func lastWords() -> OperationError? {
        do throws(Errno) {
            guard let bytes = try channel.lastWords(), case .failure(let step, let errno, _) = Report(bytes: bytes) else { return nil }
            return explained(plan.error(step: step, errno: errno))
        } catch {
            return nil
        }
    }

    /// After the answer to `ready` in a plan without a gate: waits until the program runs.
    /// - Throws: what kept it from running.
    func awaitExecution() throws(OperationError) {
        if let bytes = try nextReport(), let report = Report(bytes: bytes), let error = plan.error(report) { throw error }
    }

    /// - Throws: see `Cgroup.refuseLackOfMemory`.
    func refuseLackOfMemory() throws(OperationError) { try cgroup.refuseLackOfMemory(of: pid) }

    /// Ends the init, whatever it is doing.
    func kill() {
        endChild(pid)
        reapFirst()
    }

    private func died() -> OperationError {
        guard let reason = cgroup.outOfMemory() else {
            return OperationError(
                "set up", "container", .invalid("its init ended without a word"), hint: "it may have been killed from outside: see the kernel's log")
        }
        return OperationError("set up", "container", .invalid("its init was killed: " + reason), field: "linux.resources.memory.limit")
    }

    /// `error` with the limit that is behind an `ENOMEM`: the kernel's own memory for the container counts as well.
    private func explained(_ error: OperationError) -> OperationError {
        guard error.errno == .noMemory, let reason = cgroup.outOfMemory(countsFailures: true) else { return error }
        var error = error
        error.hint = reason
        return error
    }

    private func openClocks() throws(Errno) -> FileDescriptor { try openVerifiedProc("\(pid)/timens_offsets", .writeOnly) }

    private mutating func writeTimeOffsets() throws(OperationError) {
        let text = plan.timeOffsets.reduce("") { $0 + "\($1.clock) \($1.seconds) \($1.nanoseconds)\n" }
        let opened = clocks.take()
        try onClocks { () throws(Errno) in
            switch opened {
            case .some(let clocks): try clocks.writeAtOnce(text)
            case .none: try openClocks().writeAtOnce(text)
            }
        }
    }

    private func onClocks<Result: ~Copyable>(_ body: () throws(Errno) -> Result) throws(OperationError) -> Result {
        do throws(Errno) { return try body() } catch where error == .noProcess {
            throw died()
        } catch {
            throw OperationError(
                "write", "/proc/\(pid)/timens_offsets", .errno(error), field: "linux.timeOffsets",
                hint: error == .outOfRange ? "a clock must not become negative, nor run over" : nil)
        }
    }
}

extension ContainerPlan {
    /// Whether the init sends a seccomp listener.
    var handsListenerOver: Bool { steps.contains { $0.step == .handOverListener } }

    /// Words what kept a program from running; nil for a report that says nothing of that kind.
    func error(_ report: Report) -> OperationError? {
        switch report {
        case .failure(let step, let errno, _): error(step: step, errno: errno)
        case .hookFailure(let step, let hook, let status, let detail): hookError(step: step, hook: hook, status: status, detail: detail)
        case .reached, .child: nil
        }
    }

    func hookError(step: Int, hook: Int, status: Int32, detail: [UInt8]) -> OperationError {
        guard steps.indices.contains(step), case .runHooks(let phase, let hooks) = steps[step].step, hooks.indices.contains(hook) else {
            return OperationError("run hook", "", .invalid("it failed with status \(status)"))
        }
        return HostHooks.failure(
            hooks[hook].path.text, timeoutSeconds: hooks[hook].timeoutSeconds, status: status, output: detail, phase: phase.name, index: hook)
    }
}
