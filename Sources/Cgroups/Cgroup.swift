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
        var builder = CgroupBuilder(owner: plan.owner)
        do throws(OperationError) {
            for directory in plan.directories { try builder.build(directory) }
        } catch {
            builder.undo()
            throw error
        }
        return Cgroup(directories: builder.directories, madeParents: builder.madeParents)
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
