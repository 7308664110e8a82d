// A container as the commands see it: its stored state, and what is true of it now.
import Cgroups
package import Diagnostics
import Kernel
package import OCISpec

/// An existing container, locked until this value ends.
package struct Container: ~Copyable {
    package let directory: StateDirectory
    package let state: StoredState

    /// Opens and locks the container `id`.
    ///
    /// - Throws: `.invalid("container does not exist")`; `.invalid` when its creator died before it was recorded.
    package static func open(_ id: ContainerID, in root: borrowing StateRoot) throws(OperationError) -> Container {
        let directory = try root.open(id)
        guard let state = try directory.load() else {
            throw OperationError(
                "open container", id.text, .invalid("its creation or deletion was interrupted"), hint: "\"delete --force \(id.text)\" removes it")
        }
        return Container(directory: directory, state: state)
    }

    /// What is true now, whatever was true when the state was stored.
    package borrowing func status() throws(OperationError) -> ContainerStatus {
        guard state.pid > 0 else { return .creating }
        guard try state.initIsAlive() else { return .stopped }
        // a created container can be paused as well
        if try state.cgroup.isFrozen() { return .paused }
        return try directory.hasGate() ? .created : .running
    }
}

extension StoredState {
    /// The container's cgroup; without directories when it has none.
    var cgroup: Cgroup { Cgroup.existing(directories: cgroupDirectories, madeParents: cgroupParents) }

    /// Whether the init, and no other process with its number, still runs.
    package func initIsAlive() throws(OperationError) -> Bool {
        do throws(Errno) {
            guard pid > 0, let status = try processStatus(pid), !status.hasEnded, status.startTicks == startTicks else { return false }
            return try Kernel.bootID() == bootID
        } catch {
            throw OperationError("read", "/proc/\(pid)/stat", .errno(error))
        }
    }

    /// The state of the specification, for hooks and for `state`.
    package func specState(_ status: ContainerStatus) -> State {
        State(
            ociVersion: ociVersion, id: id, status: status, pid: status == .stopped || pid == 0 ? nil : pid, bundle: bundle,
            annotations: annotations)
    }
}
