// What `update` does in resctrl. Host/Resctrl.swift writes; limits in cgroups are in Update.swift.
import Cgroups
import Diagnostics
import Kernel
import OCISpec

/// A change of a class of service, to be undone when what follows fails.
struct SchemataChange {
    var group: Path
    /// What stood there before; empty for a class that was made.
    var old: [ResctrlPlan.Line]
    var isMade: Bool
}

extension Container {
    /// Gives the class of service of the container other limits. A container without one gets a class of its own, with all its threads.
    ///
    /// - Throws: `.unsupported` without resctrl; `.invalid` where the container's threads cannot be found; as `Resctrl.make`.
    /// Source: config-linux.md "IntelRdt"; kernel arch/x86/resctrl.rst.
    borrowing func change(_ schemata: LinuxIntelRdt, warn: (String) -> Void) throws(OperationError) -> SchemataChange {
        guard let root = try Resctrl.host().root else { throw ResctrlHost.isMissing("change", "schemata") }
        let lines = ResctrlPlan.Line.ofProperties(schemata)
        guard let own = state.resctrlGroups.first else { return try makeClass(lines, root: root) }
        if !state.resctrlMade.contains(own) {
            warn("the class of service \(quoted(own)) was not made for this container alone: whoever else is in it has the same limits")
        }
        return SchemataChange(group: Path(own), old: try Resctrl.change(Path(own), lines, root: root), isMade: false)
    }

    /// Makes a class named after the container, as `create` does without a `closID`. It is in the state before it is there.
    private borrowing func makeClass(_ lines: [ResctrlPlan.Line], root: Path) throws(OperationError) -> SchemataChange {
        var plan = ResctrlPlan(root: root, group: root.appending(state.id))
        plan.makesGroup = true
        plan.removesGroup = true
        plan.lines = lines
        guard !state.cgroup.directories.isEmpty else {
            throw OperationError(
                "find threads of", state.id, .invalid("it has no cgroup, and was made without a class of service"), field: "linux.intelRdt",
                hint: "set linux.intelRdt when it is made")
        }
        var now = state
        now.resctrlGroups = plan.joined.map { $0.text }
        now.resctrlMade = plan.removed.map { $0.text }
        try directory.store(now)
        do throws(OperationError) {
            try Resctrl.make(plan)
        } catch {
            try? directory.store(state)  // the first error is the one to tell
            throw error
        }
        let change = SchemataChange(group: plan.group, old: [], isMade: true)
        do throws(OperationError) {
            try Resctrl.moveAll(of: state.cgroup, into: plan.group)
            return change
        } catch {
            undo(change)
            throw error
        }
    }

    /// Takes a change back, as far as that goes: the error that led here is the one to tell.
    borrowing func undo(_ change: SchemataChange) {
        guard change.isMade else { return Resctrl.undo(change.old, in: change.group) }
        do throws(OperationError) {
            try Resctrl.remove([change.group])  // its threads are in the default class again
            try directory.store(state)
        } catch {}
    }
}
