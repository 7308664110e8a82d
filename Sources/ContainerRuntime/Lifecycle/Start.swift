import Cgroups
import ContainerInit
package import Diagnostics
import Kernel
import OCISpec
import Seccomp

extension Container {
    /// Lets a created container execute its program, and runs the poststart hooks.
    ///
    /// - Throws: `.invalid` unless the container is created (RT-runtime-048); what kept the program from running; the first
    ///   poststart hook that failed. The container has stopped in the latter cases (RT-runtime-025, RT-runtime-028).
    /// Source: runtime.md "Start" (RT-runtime-047 to RT-runtime-050).
    ///
    /// - Parameter manager: gets what the program tells of itself.
    /// - Returns: the socket to watch, when the program has one.
    package borrowing func start(for manager: consuming Supervisor?) throws(OperationError) -> NotifySocket? {
        let status = try status()
        guard status == .created else {
            throw OperationError(
                "start container", state.id, .invalid("it is \(status.rawValue), not created"),
                hint: status == .stopped ? "\"delete \(state.id)\" removes it" : status == .paused ? "\"resume \(state.id)\" thaws it" : nil)
        }
        guard state.hasProcess else {
            throw OperationError("start container", state.id, .invalid("its configuration has no process"), field: "process")
        }
        var socket: NotifySocket?
        if let manager = consume manager, let place = directory.notifyDirectory() {
            socket = try NotifySocket.bind(in: place, for: manager, mainPID: state.pid)
        }
        var bytes: [UInt8]
        do throws(Errno) {
            let process: FileDescriptor? = try .process(state.pid)
            bytes = try directory.ring(for: process)
            if state.hasStartHooks {
                if bytes.first == Report.hooksPassed { bytes.removeFirst() } else if bytes.isEmpty, try hasEnded(process) { throw .noChild }
            }
        } catch where error == .noChild {
            throw OperationError("start container", state.id, .invalid("its init was ended while a startContainer hook ran"))
        } catch where error == .stale {
            throw OperationError("start container", state.id, .invalid("another command has deleted the container meanwhile"))
        } catch {
            throw OperationError("start container", state.id, .errno(error), hint: error == .noDeviceOrAddress || error == .noProcess ? "its init has ended" : nil)
        }
        if let report = Report(bytes: bytes) { throw startError(report) }
        if state.isShortOfMemory {
            do throws(OperationError) { try state.cgroup.refuseLackOfMemory(of: state.pid) } catch { throw error.within("start container \(quoted(state.id))") }
        }
        do throws(OperationError) {
            try HostHooks.run(state.hooks.poststart, phase: "poststart", state: state.specState(.running).text())
        } catch {
            try? kill(9, all: false)  // the hook's error is the one to tell; the program may have ended by itself
            throw error
        }
        return socket
    }

    /// Whether the init has ended, a moment after it has let go of the gate. One that does not say that its hooks have passed has, unless it
    /// runs under a filter that forbids it to say anything.
    private borrowing func hasEnded(_ process: borrowing FileDescriptor?) throws(Errno) -> Bool {
        switch process {
        case .some(let process): try process.isReadable(within: 100)
        case .none: true
        }
    }

    /// Words a failure after the gate. The plan is made once more from the stored configuration, only for its words.
    private borrowing func startError(_ report: Report) -> OperationError {
        let plan: ContainerPlan
        do throws(OperationError) {
            plan = try directory.planForWords(bundle: Path(state.bundle))
        } catch {
            return OperationError("start container", state.id, .invalid("its program could not be executed"))
        }
        return plan.error(report) ?? OperationError("start container", state.id, .invalid("its init answered something unexpected"))
    }
}

extension StateDirectory {
    /// The configuration as it was when the container was created, with the limits that `update` has given it since.
    borrowing func storedConfiguration() throws(OperationError) -> RuntimeConfig {
        let subject = path(of: Self.configName).text
        let bytes: [UInt8]
        do throws(Errno) {
            bytes = try handle.open(Self.configName, [.readOnly, .noFollow, .nonBlocking]).readAll(limit: Bundle.configLimit)
        } catch {
            throw OperationError("read", subject, .errno(error))
        }
        var config = try RuntimeConfig.parse(bytes, source: subject)
        if let place = notifyDirectory() { config.mountNotifyDirectory(place) }
        if var resources = try loadResources() {
            resources.devices = config.linux?.resources?.devices
            if config.linux == nil { config.linux = Linux() }
            config.linux?.resources = resources
        }
        return config
    }

    borrowing func planForWords(bundle: Path) throws(OperationError) -> ContainerPlan {
        let config = try storedConfiguration()
        let linux = config.linux ?? Linux()
        let cgroup = try planCgroup(
            path: linux.cgroupsPath, id: id.text, resources: linux.resources ?? LinuxResources(), setup: try CgroupSetup.current())
        let uid = effectiveUserID()
        var context = PlanContext(
            id: id, bundle: bundle, isPrivileged: uid == 0, uid: uid, gid: effectiveGroupID(), cgroup: cgroup, grantableCapabilities: .max,
            kindOfFile: { _ in .success(.directory) })
        var handles = HandleTable()
        let joined = linux.namespaces.enumerated().compactMap { index, namespace in
            namespace.path.map { JoinedNamespace(kind: namespace.type.kind, path: $0, field: "linux.namespaces[\(index)]") }
        }
        context.hostNamespaces = try Handles.openNamespaces(joined, into: &handles)
        if let profile = linux.seccomp { context.seccomp = SeccompProgram(filter: [], flags: 0, usesListener: profile.usesListener) }
        return try ContainerPlan(config, context: context)
    }
}
