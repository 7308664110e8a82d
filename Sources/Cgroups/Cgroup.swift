// The cgroup of one container, in every hierarchy: a plain value that knows its directories. Here: making it, giving it
// limits, finding it again. `CgroupBuilder` makes directories, `CgroupFiles` writes, `Update` changes limits; `Join`, `Freezer`, `Processes`,
// `Removal` and `Statistics` hold what can be done with a cgroup that exists.
package import Diagnostics
import Kernel

/// A container's directories in the hierarchies of cgroups, made by us and removed by us.
package struct Cgroup: Equatable, Sendable {
    /// Absolute; version 2 first. Empty when the container has no cgroup of its own.
    package let directories: [String]
    /// Directories above that were made for this cgroup, outermost first; they go with it when nobody else uses them.
    package let madeParents: [String]
    /// The scope whose directory it is; nil when systemd did not make it.
    package var unit: SystemdUnit?
    /// What is left to be done once the init is in the scope: see `settle`.
    var placeholder: Int32?
    var lateWrites: [CgroupWrite] = []
    /// Whether the init joins directories of version 1 by itself, after it was cloned.
    var isSettledLate = false

    init(directories: [String], madeParents: [String]) {
        self.directories = directories
        self.madeParents = madeParents
    }

    /// The cgroup that a container's stored state describes. Nothing is read: a directory that is gone counts as empty.
    package static func existing(directories: [String], madeParents: [String] = []) -> Cgroup {
        Cgroup(directories: directories, madeParents: madeParents)
    }

    /// Makes the planned cgroup and gives it its limits. Nobody is in it yet: see `openJoinHandles`.
    ///
    /// A directory that no limit needs is left out where the kernel does not let the caller make it (`EACCES`, `EPERM`,
    /// `EROFS`). After a failure everything that was made is removed again.
    /// - Throws: `.invalid` for a cgroup that has processes or is frozen (RT-config-linux-043); the kernel's errno with the
    ///   JSON path of the limit.
    package static func create(_ plan: CgroupPlan) throws(OperationError) -> Cgroup {
        if let scope = plan.scope { return try create(scope, plan) }
        var builder = CgroupBuilder(owner: plan.owner)
        do throws(OperationError) {
            for directory in plan.directories { try builder.build(directory) }
        } catch {
            builder.undo()
            throw error
        }
        return Cgroup(directories: builder.directories, madeParents: builder.madeParents)
    }

    /// Lets systemd make the cgroup. It is settled when the init is in.
    private static func create(_ scope: SystemdScope, _ plan: CgroupPlan) throws(OperationError) -> Cgroup {
        // systemd takes a directory as it finds it: in a frozen one the init would never begin
        if scope.isOfVersion2 { try CgroupBuilder.refuseInUse(plan.directories[0].absolute) }
        let started = try scope.start()
        let directories = plan.directories.map { planned in
            var directory = planned
            directory.path = started.path
            return directory
        }
        var builder = CgroupBuilder(owner: plan.owner, placeholder: started.placeholder)
        func cgroup() -> Cgroup {
            var cgroup = Cgroup(directories: directories.map { $0.absolute }, madeParents: builder.madeParents)
            cgroup.unit = scope.unit
            cgroup.placeholder = started.placeholder
            cgroup.lateWrites = scope.lateWrites
            cgroup.isSettledLate = !scope.isOfVersion2
            return cgroup
        }
        do throws(OperationError) {
            if scope.isOfVersion2 {
                try builder.fill(directories[0])
            } else {
                // those of the controllers that systemd uses are there, with the process in them
                for directory in directories { try builder.build(directory) }
            }
            return cgroup()
        } catch {
            try? cgroup().remove()  // the first error is the one to tell
            throw error
        }
    }

    /// Ends the process that held the init's place in a scope, and sets the limits that had to wait for that.
    ///
    /// Called twice, when the init was cloned and when it has joined what it joins by itself: one of them does it. Nothing is done for a cgroup
    /// that systemd did not make.
    package func settle(initHasJoined: Bool) throws(OperationError) {
        guard let placeholder, initHasJoined == isSettledLate else { return }
        Placeholder.end(placeholder)
        guard let unit, !lateWrites.isEmpty else { return }
        try unit.set(systemdProperties(of: lateWrites))
        try openCgroup(directories[0]).write(lateWrites, in: directories[0])
    }

    /// Whether any of the directories is still there.
    package var exists: Bool {
        directories.contains { directory in
            do throws(Errno) {
                _ = try fileStatus(Path(directory), following: false)
                return true
            } catch {
                return false
            }
        }
    }
}

/// A handle of a cgroup's directory.
func openCgroup(_ directory: String) throws(OperationError) -> FileDescriptor {
    do throws(Errno) {
        return try FileDescriptor.open(Path(directory), [.readOnly, .directory, .noFollow])
    } catch {
        throw OperationError("open cgroup", directory, .errno(error))
    }
}
