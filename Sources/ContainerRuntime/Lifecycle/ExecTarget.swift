// The container that `exec` goes into: looked at once, under the lock of its state.
import Cgroups
import ContainerInit
import Diagnostics
import Kernel
import OCISpec
import Seccomp

/// A running container and its first process.
struct ExecTarget: ~Copyable {
    let state: StoredState
    let config: RuntimeConfig
    let initProcess: InitProcess

    /// - Throws: `.invalid` with the phrases for which callers look, when the container is not running or is paused.
    static func open(_ options: ExecOptions, in root: borrowing StateRoot) throws(OperationError) -> ExecTarget {
        let container = try Container.open(options.id, in: root)
        let state = container.state
        let id = options.id.text
        guard state.pid > 0 else {
            throw OperationError("enter container", id, .invalid("container not running (it is being created)"))
        }
        guard let initProcess = try InitProcess.find(state) else {
            throw OperationError("enter container", id, .invalid("container not running: cannot exec in a stopped container"))
        }
        let isPaused = options.ignoresPaused ? false : try state.cgroup.isFrozen()
        if isPaused {
            throw OperationError(
                "exec in container", id, .invalid("cannot exec in a paused container"),
                hint: "\"resume \(id)\" lets it go on; with --ignore-paused the process waits for that")
        }
        return ExecTarget(state: state, config: try container.directory.storedConfiguration(), initProcess: initProcess)
    }

    private init(state: StoredState, config: RuntimeConfig, initProcess: consuming InitProcess) {
        self.state = state
        self.config = config
        self.initProcess = initProcess
    }

    /// The plan, with the namespaces that it joins in `handles`.
    ///
    /// - Parameter compile: makes a filter of a seccomp profile.
    borrowing func plan(
        _ options: ExecOptions, handles: inout HandleTable, compile: (LinuxSeccomp) throws(OperationError) -> SeccompProgram
    ) throws(OperationError) -> ContainerPlan {
        var config = config
        // criu gives what it restores clocks that go on, in a namespace that the configuration does not have
        if state.wasRestored, try initProcess.inode(ofForeign: .time) != nil, config.linux?.namespaces.contains(where: { $0.type == .time }) == false {
            config.linux?.namespaces.append(LinuxNamespace(.time))
        }
        let namespaces = config.linux?.namespaces ?? []
        var kinds = NamespaceSet()
        var mayBeOwn = NamespaceSet()
        for namespace in namespaces {
            kinds.insert(namespace.type.kind)
            if namespace.path != nil { mayBeOwn.insert(namespace.type.kind) }
        }
        let uid = effectiveUserID()
        var context = PlanContext(
            id: options.id, bundle: Path(state.bundle), isPrivileged: uid == 0, uid: uid, gid: effectiveGroupID(),
            cgroup: CgroupPlan(directories: []), grantableCapabilities: try ownCapabilities(), kindOfFile: { _ in .success(.directory) })
        context.hostNamespaces = try initProcess.openNamespaces(kinds, mayBeOwn: mayBeOwn, into: &handles)
        context.makesKeyring = state.makesKeyring
        context.preservedDescriptors = options.preservedDescriptors
        context.waitsForStart = false
        if let profile = config.linux?.seccomp { context.seccomp = try compile(profile) }
        let process = try process(options)
        context.hasLookedUpUsers = try options.changes.user.map { (user) throws(OperationError) in try UserOption(user).hasName } ?? false
        if context.hasLookedUpUsers { handles.insert(try initProcess.openRoot(), as: .initRoot) }
        var plan = try ContainerPlan(exec: process, in: config, initPID: state.pid, context: context)
        if !kinds.contains(.mount) || context.hostNamespaces.contains(.mount) { handles.insert(try initProcess.openRoot(), as: .root) }
        // arguments of the command line have no place in a file
        if options.processFile == nil { for index in plan.steps.indices where plan.steps[index].field == "process.args[0]" { plan.steps[index].field = nil } }
        return plan
    }

    private borrowing func process(_ options: ExecOptions) throws(OperationError) -> Process {
        let users = ContainerUsers(root: try initProcess.openRoot())
        guard let path = options.processFile else { return try options.changes.process(of: config, users: users) }
        let bytes: [UInt8]
        do throws(Errno) {
            bytes = try FileDescriptor.open(path, .readOnly).readAll(limit: Bundle.configLimit)
        } catch {
            throw OperationError("read", path.text, .errno(error), hint: "--process names a file with a process object of the runtime specification")
        }
        return try options.changes.process(from: try Process.parse(bytes, source: path.text), of: config, users: users)
    }

    /// Opens the cgroup that the process joins: the container's, or below.
    ///
    /// A version 2 cgroup that hands controllers down can have no processes: then the process goes where the container's
    /// first process is now, unless a place was asked for.
    borrowing func openCgroup(_ options: ExecOptions, into handles: inout HandleTable) throws(OperationError) -> Cgroup {
        let directories = try options.cgroup.directories(state.cgroupDirectories) { () throws(OperationError) in try CgroupSetup.current() }
        let cgroup = Cgroup.existing(directories: directories)
        try Handles.openCgroup(cgroup, into: &handles)
        if options.cgroup.isDefault && handles.contains(.cgroupDirectory), try cgroup.handsControllersDown(),
            let directory = try cgroup.openUnifiedDirectory(of: state.pid, setup: CgroupSetup.current())
        {
            handles.insert(directory, as: .cgroupDirectory)
        }
        return cgroup
    }

    /// Goes to the processors on which the new process is to begin.
    static func setInitialAffinity(_ plan: ContainerPlan) throws(OperationError) {
        if plan.initialAffinity.isEmpty { return }
        do throws(Errno) { try setAffinity(mask: plan.initialAffinity) } catch {
            throw OperationError(
                "run on CPUs", CPUList(mask: plan.initialAffinity).text, .errno(error), field: "process.execCPUAffinity.initial",
                hint: error == .invalid ? "none of them is there, or the runtime's cgroup has none of them" : nil)
        }
    }

    /// Clones the new process.
    borrowing func launch(_ plan: ContainerPlan, handles: consuming HandleTable, cgroup: Cgroup) throws(OperationError) -> Launch {
        do throws(OperationError) {
            return try Launch.begin(plan, handles: handles, cgroup: cgroup)
        } catch {
            throw OperationError("make process in container", state.id, error.cause, hint: error.errno == .tryAgain ? error.hint : nil)
        }
    }
}
