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
    /// The init; before `continueInChild` the first process.
    private(set) var pid: Int32
    /// The first process has not told yet which one goes on: what it does before are the points `idMaps` and `timeOffsets`.
    private var awaitsSecond: Bool
    private let sync: FileDescriptor
    private let cgroup: Cgroup

    private init(plan: ContainerPlan, pid: Int32, awaitsSecond: Bool, sync: consuming FileDescriptor, cgroup: Cgroup) {
        self.plan = plan
        self.awaitsSecond = awaitsSecond
        self.pid = pid
        self.sync = sync
        self.cgroup = cgroup
    }

    /// Clones the init of `plan`, which takes over `handles`.
    static func begin(_ plan: ContainerPlan, handles: consuming HandleTable, cgroup: Cgroup) throws(OperationError) -> Launch {
        let ours = try makeSync(&handles)
        let initPlan = plan.initPlan  // before the init exists: every page that either writes afterwards is copied
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
            // our end must not stay open in the init, or it would not see that we are gone
            close(ours)
            if !isInCgroup { awaitCgroup(handles) }
            Executor.run(initPlan, handles: handles)
        case .parent(let child):
            let launch = Launch(plan: plan, pid: child, awaitsSecond: initPlan.hasSecondProcess, sync: ours, cgroup: cgroup)
            if !isInCgroup { try launch.joinCgroup() }
            return launch
        }
    }

    private static func close(_ descriptor: consuming FileDescriptor) {}

    /// The init does nothing, above all no second process, before it is where it is counted.
    private static func awaitCgroup(_ handles: borrowing HandleTable) {
        do throws(Errno) {
            if try handles.with(.sync, { (sync) throws(Errno) in try sync.read(atMost: 1) }).isEmpty { exitNow(1) }
        } catch {
            exitNow(1)
        }
    }

    private func joinCgroup() throws(OperationError) {
        do throws(OperationError) {
            try cgroup.joinUnified(pid)
            try answer()
        } catch {
            kill()
            throw error
        }
    }

    private static func makeSync(_ handles: inout HandleTable) throws(OperationError) -> FileDescriptor {
        do throws(Errno) {
            let pair = try FileDescriptor.socketPair(.sequencedPackets)
            handles.insert(try pair.second.duplicate(above: 100), as: .sync)
            return pair.intoFirst()
        } catch {
            throw OperationError("make socket", "sync", .errno(error))
        }
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
        listener: (Int32, consuming FileDescriptor) throws(OperationError) -> Void
    ) throws(OperationError) {
        while true {
            var message = try receive()
            if message.bytes.isEmpty { throw died() }
            guard let report = Report(bytes: message.bytes) else {
                throw OperationError("hear from the container's init", "", .invalid("it sent something unknown"))
            }
            if case .reached(let point) = report, point != .idMaps, point != .timeOffsets, awaitsSecond {
                // it was faster than the first one's word of it
                guard case .child(let child) = Report(bytes: try receive().bytes) else { throw died() }
                try goOn(in: child)
            }
            switch report {
            case .failure(let step, let errno, _): throw explained(plan.error(step: step, errno: errno))
            case .hookFailure(let step, let hook, let status, let detail): throw plan.hookError(step: step, hook: hook, status: status, detail: detail)
            case .child(let child):
                try goOn(in: child)
                continue
            case .reached(.ready): return
            case .reached(.idMaps): try plan.idMaps?.write(to: pid)
            case .reached(.timeOffsets): try writeTimeOffsets()
            case .reached(.networkDevices): try devices(pid)
            case .reached(.hostHooks): try hooks(pid)
            case .reached(.seccompListener):
                guard let descriptor = message.descriptor.take() else { throw OperationError("receive seccomp listener", "", .errno(.badDescriptor)) }
                try listener(pid, descriptor)
            case .reached: throw OperationError("hear from the container's init", "", .invalid("it waits for something unknown"))
            }
            try answer()
        }
    }

    private func receive() throws(OperationError) -> ReceivedMessage {
        do throws(Errno) {
            return try sync.receive(atMost: 8 + Report.detailLimit)
        } catch {
            throw OperationError("hear from the container's init", "", .errno(error))
        }
    }

    /// From now on the init is `child`: a child of ours, made by the first process, which ends.
    private mutating func goOn(in child: Int32) throws(OperationError) {
        guard awaitsSecond, child > 0, child != pid, isChild(child) else {
            throw OperationError("hear from the container's init", "", .invalid("it names a process that is not ours"))
        }
        _ = try? waitForChild(pid)  // the first process has ended or is about to; its status says nothing
        pid = child
        awaitsSecond = false
    }

    /// Lets the init go on.
    /// - Throws: what the init said last, when it is gone.
    func answer() throws(OperationError) {
        do throws(Errno) { try sync.send([1]) } catch {
            guard error == .brokenPipe || error == .connectionReset else { throw OperationError("answer the container's init", "", .errno(error)) }
            throw lastWords() ?? died()
        }
    }

    /// Why an init that is gone has failed; nil when it has not said it.
    private func lastWords() -> OperationError? {
        do throws(Errno) {
            guard try !poll([(sync.raw, .readable)], milliseconds: 0)[0].isEmpty else { return nil }  // never wait for somebody who is gone
            guard case .failure(let step, let errno, _) = Report(bytes: try sync.receive(atMost: 8 + Report.detailLimit).bytes) else { return nil }
            return explained(plan.error(step: step, errno: errno))
        } catch {
            return nil
        }
    }

    /// After the answer to `ready` in a plan without a gate: waits until the program runs.
    /// - Throws: what kept it from running.
    func awaitExecution() throws(OperationError) { try Self.awaitExecution(of: plan, over: sync) }

    /// Waits at the end of a connection to the init, which closes when execve(2) succeeds.
    static func awaitExecution(of plan: ContainerPlan, over connection: borrowing FileDescriptor) throws(OperationError) {
        let bytes: [UInt8]
        do throws(Errno) { bytes = try connection.read(atMost: 8 + Report.detailLimit) } catch { throw OperationError("start", "", .errno(error)) }
        switch Report(bytes: bytes) {
        case .failure(let step, let errno, _): throw plan.error(step: step, errno: errno)
        case .hookFailure(let step, let hook, let status, let detail): throw plan.hookError(step: step, hook: hook, status: status, detail: detail)
        default: return
        }
    }

    /// Ends the init, whatever it is doing, and reaps it.
    func kill() { endChild(pid) }

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

    private func writeTimeOffsets() throws(OperationError) {
        let text = plan.timeOffsets.reduce("") { $0 + "\($1.clock) \($1.seconds) \($1.nanoseconds)\n" }
        do throws(Errno) {
            try openVerifiedProc("\(pid)/timens_offsets", .writeOnly).writeAtOnce(text)
        } catch {
            throw OperationError("write", "/proc/\(pid)/timens_offsets", .errno(error), field: "linux.timeOffsets", hint: "a clock must not become negative")
        }
    }
}

extension ContainerPlan {
    func hookError(step: Int, hook: Int, status: Int32, detail: [UInt8]) -> OperationError {
        guard steps.indices.contains(step), case .runHooks(let phase, let hooks) = steps[step].step, hooks.indices.contains(hook) else {
            return OperationError("run hook", "", .invalid("it failed with status \(status)"))
        }
        return HostHooks.failure(
            hooks[hook].path.text, timeoutSeconds: hooks[hook].timeoutSeconds, status: status, output: detail, phase: phase.name, index: hook)
    }
}
