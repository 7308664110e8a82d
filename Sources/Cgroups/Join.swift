package import Diagnostics
package import Kernel

extension Cgroup {
    /// Opens what a new process needs to get into this cgroup without a write to `cgroup.procs`, which takes
    /// milliseconds.
    ///
    /// - Parameter tasks: gets a handle of the `tasks` file of each version 1 directory: the new process, while it has one
    ///   thread, writes "0" to each.
    /// - Returns: the version 2 directory, for clone3(2) with `CLONE_INTO_CGROUP`; nil when there is none. Where the kernel
    ///   does not know that flag (before 5.7), or refuses (`EBUSY`: a cgroup below hands controllers down), see `join`.
    package func openJoinHandles(_ tasks: (consuming FileDescriptor) -> Void) throws(OperationError) -> FileDescriptor? {
        var unified: FileDescriptor?
        for directory in directories {
            do throws(Errno) {
                do throws(Errno) {
                    tasks(try FileDescriptor.open(Path(directory + "/tasks"), [.writeOnly, .noFollow]))
                } catch where error == .noEntry {
                    // only version 1 has that file
                    unified = try Self.openUnified(directory)
                }
            } catch {
                throw OperationError("open cgroup", directory, .errno(error))
            }
        }
        return unified
    }

    /// - Throws: `ENOENT` for a version 1 directory, which was removed meanwhile.
    private static func openUnified(_ directory: String) throws(Errno) -> FileDescriptor {
        let handle = try FileDescriptor.open(Path(directory), [.path, .directory, .noFollow])
        guard try handle.filesystemType() == .cgroup2 else { throw .noEntry }
        return handle
    }

    /// Moves the process `pid` with all its threads into this cgroup: the slow way, for processes that exist already.
    package func join(_ pid: Int32) throws(OperationError) {
        for directory in directories { try Cgroup.move(pid, into: directory) }
    }

    /// Moves the process `pid` into the version 2 directory alone: the fallback for `CLONE_INTO_CGROUP`.
    package func joinUnified(_ pid: Int32) throws(OperationError) {
        for directory in directories where Cgroup.isUnified(directory) { try Cgroup.move(pid, into: directory) }
    }

    /// The version 2 directory in which the process `pid` of this container is now: an init that makes cgroups of its own
    /// moves below, and hands controllers down, so that nobody else can join the container's own directory (`EBUSY`).
    ///
    /// - Returns: nil without version 2, and where the container has no directory there.
    /// - Throws: `.invalid` when the process is not in this cgroup, as after its id was given to another.
    package func openUnifiedDirectory(of pid: Int32, setup: CgroupSetup) throws(OperationError) -> FileDescriptor? {
        guard let unified = setup.unified, directories.contains(where: { $0.hasPrefix(unified.mountPoint + "/") }) else { return nil }
        let file = "/proc/\(pid)/cgroup"
        do throws(Errno) {
            let memberships = CgroupMembership.parse(String(decoding: try readFile(Path(file), limit: 1 << 20), as: UTF8.self))
            let path = unified.mountPoint + (memberships.first { $0.isVersion2 }?.path ?? "")
            if directories.contains(where: { path == $0 || path.hasPrefix($0 + "/") }) {
                return try FileDescriptor.open(Path(path), [.path, .directory, .noFollow])
            }
        } catch {
            throw OperationError("join the cgroup of", file, .errno(error))
        }
        throw OperationError("join the cgroup of", file, .invalid("process \(pid) is not in the container's cgroup"))
    }

    /// Where the process `pid` is, in every hierarchy.
    package static func memberships(of pid: Int32) throws(OperationError) -> [CgroupMembership] {
        do throws(Errno) {
            return CgroupMembership.parse(String(decoding: try readFile(Path("/proc/\(pid)/cgroup"), limit: 1 << 20), as: UTF8.self))
        } catch {
            throw OperationError("read", "/proc/\(pid)/cgroup", .errno(error))
        }
    }

    /// Whether a version 2 directory of this cgroup hands controllers down to cgroups below, which makes the kernel refuse
    /// processes in it. Source: kernel cgroup-v2.rst, "No Internal Process Constraint".
    package func handsControllersDown() throws(OperationError) -> Bool {
        for directory in directories {
            do throws(Errno) {
                if try !readFile(Path(directory + "/cgroup.subtree_control"), limit: 4096).allSatisfy({ $0 == 0x0A }) { return true }
            } catch {
                if !isGone(error) { throw OperationError("read", directory + "/cgroup.subtree_control", .errno(error)) }  // version 1 has no such file
            }
        }
        return false
    }

    private static func move(_ pid: Int32, into directory: String) throws(OperationError) {
        do throws(Errno) {
            try writeFile(Path(directory + "/cgroup.procs"), String(pid))
        } catch {
            throw OperationError(
                "join cgroup", directory, .errno(error),
                hint: error == .busy ? "processes can only join a cgroup that hands no controllers down" : nil)
        }
    }

    /// Whether `directory` is of version 2.
    static func isUnified(_ directory: String) -> Bool {
        do throws(Errno) {
            _ = try fileStatus(Path(directory + "/cgroup.controllers"), following: false)
            return true
        } catch {
            return false
        }
    }
}
