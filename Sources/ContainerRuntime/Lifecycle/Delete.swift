import Cgroups
package import Diagnostics
import Kernel
import OCISpec

/// Removes a container and what was made for it.
///
/// - Parameters:
///   - force: kills a container that has not stopped; a container that does not exist is no error then, and one whose
///     state cannot be read is removed by its id alone.
///   - warn: gets what goes wrong in poststop hooks (RT-runtime-032).
/// - Throws: `.invalid` for a container that has not stopped (RT-runtime-055), the errno of what cannot be removed.
/// Source: runtime.md "Delete" (RT-runtime-054 to RT-runtime-058).
package func deleteContainer(
    _ id: ContainerID, in root: borrowing StateRoot, force: Bool, warn: (String) -> Void
) throws(OperationError) {
    let directory: StateDirectory
    do throws(OperationError) {
        directory = try root.open(id)
    } catch {
        // the phrase that callers look for is in the error; with --force its absence is what was asked for
        if force, error.cause == .invalid("container does not exist") { return }
        throw error
    }
    let state: StoredState
    do throws(OperationError) {
        guard let stored = try directory.load() else {
            // its creator died before it wrote a state: it had made nothing yet
            return try root.remove(id)
        }
        state = stored
    } catch {
        // a descriptor too few, or a medium that fails for a moment, does not make a state worthless
        if !force || error.isOfTheMoment { throw error }
        warn("\(error)")
        guard let first = directory.loadFirst() else { return try root.remove(id) }
        state = first
    }
    try end(state, force: force)
    try state.cgroup.remove()
    try Resctrl.remove(state.resctrlMade.map { Path($0) })
    if let unit = state.unit {
        do throws(OperationError) {
            try unit.stop()
        } catch {
            // Its processes and its cgroup are gone: systemd will see that sooner or later.
            if !force { throw error }
            warn("\(error)")
        }
    }
    try root.remove(id)
    for failure in HostHooks.runAll(state.hooks.poststop, phase: "poststop", state: state.specState(.stopped).text()) { warn("\(failure)") }
}

/// Makes sure that nothing of the container runs any more.
private func end(_ state: StoredState, force: Bool) throws(OperationError) {
    if try state.initIsAlive() {
        guard force else {
            throw OperationError(
                "delete container", state.id, .invalid("it has not stopped"),
                hint: "\"kill \(state.id) KILL\" ends it, \"delete --force \(state.id)\" does both")
        }
        do throws(Errno) {
            let process = try FileDescriptor.process(state.pid)
            if try state.initMatches() { try process.sendSignal(9) }
        } catch where error == .noProcess {
        } catch {
            throw OperationError("kill container", state.id, .errno(error))
        }
        // paused: nothing of it may run again before it ends; and what it froze itself must be able to end
        if try state.cgroup.isFrozen() { try state.cgroup.killAll(9) } else { try state.cgroup.thawTree() }
    }
    try awaitEnd(state)
}

/// Waits until the init is gone, at most 10 s: its cgroup cannot be removed before. A zombie counts as gone: its parent is the caller.
private func awaitEnd(_ state: StoredState) throws(OperationError) {
    let deadline = monotonicNanoseconds() + 10_000_000_000
    while !(try hasEnded(state, withinMilliseconds: 100)), monotonicNanoseconds() < deadline {
        try state.cgroup.thawTree()  // others of the container may have frozen it again
    }
}

private func hasEnded(_ state: StoredState, withinMilliseconds limit: Int32) throws(OperationError) -> Bool {
    do throws(Errno) {
        guard state.pid > 0 else { return true }
        let process = try FileDescriptor.process(state.pid)
        guard try state.initMatches() else { return true }
        return try process.isReadable(within: limit)
    } catch where error == .noProcess {
        return true
    } catch {
        throw OperationError("wait for the end of container", state.id, .errno(error))
    }
}

extension OperationError {
    /// Whether the same may work when it is tried again; not so for content that is wrong, and for what is no file.
    fileprivate var isOfTheMoment: Bool {
        switch errno {
        case nil, .invalid, .tooManyLinks, .isDirectory, .noDeviceOrAddress: false
        default: true
        }
    }
}
