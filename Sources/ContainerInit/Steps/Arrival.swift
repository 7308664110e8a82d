// Steps between clone3(2) and the file tree: cgroups, maps, namespaces, keyring.
package import Diagnostics
import Kernel

extension Executor {
    mutating func joinCgroups() throws(Errno) {
        try handles.joinCgroups()
        var index = 0
        while handles.contains(.cgroupTasks(index)) {
            handles.close(.cgroupTasks(index))
            index += 1
        }
    }

    /// Tells the parent that `point` is reached and waits for its one byte. The parent's death ends the init.
    func synchronize(_ point: SyncPoint) throws(Errno) {
        report(.reached(point))
        try handles.awaitAnswer()
    }

    func becomeRoot(dropGroups: Bool) throws(Errno) {
        try setGroupID(0)
        if dropGroups { try dropAllGroups() }
        try setUserID(0)
    }

    /// In a user namespace that an unprivileged process made, nobody may: whoever joins keeps the groups that it has.
    /// Source: user_namespaces(7), "/proc/pid/setgroups".
    func dropAllGroups() throws(Errno) {
        do throws(Errno) { try setGroups([]) } catch where error == .notPermitted && entered.contains(.user) {}
    }

    mutating func joinNamespace(_ kind: NamespaceKind) throws(Errno) {
        try handles.with(.namespace(kind)) { (namespace) throws(Errno) in try namespace.enterNamespace(kind) }
        handles.close(.namespace(kind))
        entered.insert(kind)
    }

    /// The pid that is reported is the one seen from this process' pid namespace, which is the parent's: setns(2) and
    /// unshare(2) change the one of children only.
    mutating func continueInChild(_ kinds: NamespaceSet) throws(Errno) {
        switch try clone(kinds, asSibling: true) {
        case .child: entered.formUnion(kinds)
        case .parent(let child):
            report(.child(pid: child))
            exitNow(0)
        }
    }

    /// What a container sees of its new member, and could take over with CAP_SYS_PTRACE, must be worth nothing: no descriptor, root, working
    /// directory or session of the host, and no right that the program will not have.
    mutating func leaveHost() throws(Errno) {
        closeHostHandles()
        try setDumpable(false)  // the change of user may have undone it (proc_sys_fs(5), suid_dumpable)
    }

    mutating func closeHostHandles() { handles.closeAll(except: [.reports, .answers, .gate, .outcome, .listenerSocket]) }

    /// Nothing is closed here: a seccomp filter may be loaded that hands close(2) to an agent, who has no listener yet.
    mutating func continueInContainer() throws(Errno) {
        guard !handles.contains(.listenerSocket), !handles.contains(.listener) else { throw .notPermitted }
        switch try cloneSibling() {
        case .child: return
        case .parent(let child):
            report(.child(pid: child))
            exitNow(0)
        }
    }

    /// - Parameter isNeeded: for a terminal. Without one the session of the first process, in which nobody else is, does as well.
    func startSession(isNeeded: Bool) throws(Errno) {
        do throws(Errno) { try Kernel.startSession() } catch { if isNeeded { throw error } }
    }

    /// A session keyring of the container's own, in place of the caller's. A kernel without keyrings has no keys; where keyctl(2) is denied, a
    /// filter around the runtime denies it to the container as well. Without any other new keyring the caller's would remain: an error.
    func joinKeyring(_ name: String) throws(Errno) {
        let key: Int32
        do throws(Errno) { key = try joinSessionKeyring(name) } catch where error == .noSystemCall || error == .notPermitted {
            return
        }
        do throws(Errno) {
            // let the user of the container see and search it, as runc does
            try setKeyPermissions(key, try keyPermissions(key) | 0x0008_0000)
        } catch where error == .quotaExceeded || error == .accessDenied || error == .notPermitted {}
    }
}

extension HandleTable {
    /// Waits for the parent's one byte. The parent's death ends this process.
    package borrowing func awaitAnswer() throws(Errno) {
        if try with(.answers, { (answers) throws(Errno) in try answers.read(atMost: 1) }).isEmpty { exitNow(1) }
    }

    /// Joins the version 1 cgroups whose `tasks` files are in the table.
    ///
    /// Source: cgroup-v1 cgroups.txt, "tasks": "0" stands for the writing thread. Writing a pid into cgroup.procs takes
    /// a global lock for milliseconds; this does not.
    package borrowing func joinCgroups() throws(Errno) {
        var index = 0
        while contains(.cgroupTasks(index)) {
            try with(.cgroupTasks(index)) { (tasks) throws(Errno) in try tasks.writeAtOnce("0") }
            index += 1
        }
    }
}
