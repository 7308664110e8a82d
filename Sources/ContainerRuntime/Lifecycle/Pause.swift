import Cgroups
package import Diagnostics
import OCISpec

extension Container {
    /// Stops all processes of the container until `resume`; when it returns they stand still.
    ///
    /// - Throws: `.invalid("container not running …")` unless the container is created or running, `ETIMEDOUT` when a process
    ///   does not stop within 10 s (the container goes on then), `.unsupported` without a cgroup that has a freezer.
    /// Source: kernel cgroup-v2.rst, "cgroup.freeze"; cgroup-v1/freezer-subsystem.rst.
    package borrowing func pause() throws(OperationError) {
        let status = try status()
        guard status == .running || status == .created else {
            throw OperationError("pause container", state.id, .invalid("container not running (it is \(status.rawValue))"))
        }
        do throws(OperationError) { try state.cgroup.freeze() } catch { throw error.within("pause \(quoted(state.id))") }
    }

    /// Lets the processes of a paused container go on.
    ///
    /// - Throws: `.invalid("container not paused …")`.
    package borrowing func resume() throws(OperationError) {
        let status = try status()
        guard status == .paused else {
            throw OperationError("resume container", state.id, .invalid("container not paused (it is \(status.rawValue))"))
        }
        do throws(OperationError) { try state.cgroup.thaw() } catch { throw error.within("resume \(quoted(state.id))") }
    }
}
