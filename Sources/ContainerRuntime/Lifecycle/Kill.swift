import Cgroups
package import Diagnostics
import Kernel
import OCISpec

extension Container {
    /// Sends `signal` to the container's init, or to all its processes.
    ///
    /// A paused container gets SIGKILL at once, other signals when it is resumed. The init of a created one waits with all signals blocked, and
    /// the kernel would drop them when it is the first process of a pid namespace: one that asks for the end ends it, as with runc. So it is
    /// when the created container is paused; the version 1 freezer lets it end when it is resumed. SIGKILL also ends what is left of
    /// a stopped container without a pid namespace of its own.
    ///
    /// - Parameter all: every process of the container's cgroup. A stopped container is no error then.
    /// - Throws: `.invalid("container not running")` (RT-runtime-052: created and running containers only).
    /// Source: runtime.md "Kill" (RT-runtime-051 to RT-runtime-053).
    package borrowing func kill(_ signal: Int32, all: Bool) throws(OperationError) {
        let status = try status()
        let cgroup = state.cgroup
        var endsAtGate = Self.asksForEnd(signal) && status == .created
        if Self.asksForEnd(signal), status == .paused { endsAtGate = try directory.hasGate() }
        if all {
            if !cgroup.directories.isEmpty {
                try cgroup.killAll(signal)
                if !endsAtGate { return }
            } else if status == .stopped {
                return
            }
        }
        // without a pid namespace of the container's others outlive its init: they end as with runc
        if signal == 9, status == .stopped, !state.hasOwnPIDNamespace, try !cgroup.processes().isEmpty { return try cgroup.killAll(signal) }
        guard status == .created || status == .running || status == .paused else {
            throw OperationError("kill container", state.id, .invalid("container not running (it is \(status.rawValue))"))
        }
        do throws(Errno) {
            // a handle first, then a look at whom it is of: the number cannot be given to another process in between
            let process = try FileDescriptor.process(state.pid)
            guard try state.initMatches() else { throw .noProcess }
            try process.sendSignal(signal)
            if endsAtGate { try process.sendSignal(9) }
        } catch where error == .noProcess {
            throw OperationError("kill container", state.id, .invalid("container not running (no such process)"))
        } catch {
            throw OperationError("send signal \(signal) to container", state.id, .errno(error))
        }
        guard signal == 9, !cgroup.directories.isEmpty else { return }
        // without a pid namespace the init's end does not end the others; a paused container has to be thawed to end, and
        // none of its processes may run on for that
        if status == .paused || !state.hasOwnPIDNamespace { try cgroup.killAll(signal) } else { try cgroup.thawTree() }
    }
}

extension Container {
    /// HUP, INT, QUIT, TERM.
    private static func asksForEnd(_ signal: Int32) -> Bool { signal == 1 || signal == 2 || signal == 3 || signal == 15 }
}

extension StoredState {
    /// Whether the process with the init's number is the init.
    func initMatches() throws(Errno) -> Bool {
        guard pid > 0, let status = try processStatus(pid) else { return false }
        guard status.startTicks == startTicks else { return false }
        return try Kernel.bootID() == bootID
    }
}
