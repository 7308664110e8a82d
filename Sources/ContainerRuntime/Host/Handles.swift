// Everything of the host that the init needs, opened by the parent with its rights and checked.
import Cgroups
import ContainerInit
import Diagnostics
import Kernel

enum Handles {
    /// Opens the namespaces to join.
    ///
    /// - Returns: the kinds that are the caller's own: they are not joined, and nothing may be changed in them.
    /// - Throws: `.invalid` naming the entry for a path that is no namespace, or one of another kind.
    static func openNamespaces(_ joined: [JoinedNamespace], into handles: inout HandleTable) throws(OperationError) -> NamespaceSet {
        var own = NamespaceSet()
        for namespace in joined {
            func failed(_ cause: Cause, _ hint: String? = nil) -> OperationError {
                OperationError("open namespace", namespace.path, cause, field: namespace.field + ".path", hint: hint)
            }
            do throws(Errno) {
                let handle = try FileDescriptor.open(Path(namespace.path), .readOnly)
                guard try handle.filesystemType() == .nsfs else { throw .notTerminal }
                guard try handle.namespaceKind() == namespace.kind else { throw .invalid }
                if try handle.status().isSameFile(as: fileStatus(Path("/proc/self/ns/\(namespace.kind.procName)"))) {
                    own.insert(namespace.kind)
                } else {
                    handles.insert(handle, as: .namespace(namespace.kind))
                }
            } catch where error == .notTerminal {
                throw failed(.invalid("this is no namespace"), "it looks like /proc/PID/ns/\(namespace.kind.procName)")
            } catch where error == .invalid {
                throw failed(.invalid("this is no \(namespace.kind.specName) namespace"), "it looks like /proc/PID/ns/\(namespace.kind.procName)")
            } catch {
                throw failed(.errno(error), error == .noEntry ? "the process that it belonged to may have ended" : nil)
            }
        }
        return own
    }

    /// Copies the sources of bind mounts, unattached, with the caller's rights.
    static func openSources(_ sources: [ClonedSource], into handles: inout HandleTable) throws(OperationError) {
        if sources.isEmpty { return }
        var mapper = SourceMapper()
        func keep(_ copy: consuming FileDescriptor, of source: ClonedSource) throws(OperationError) {
            if let idMap = source.idMap { try mapper.map(copy, of: source, by: idMap, handles: &handles) }
            handles.insert(copy, as: .mountSource(source.index))
        }
        let locked = sources.filter { $0.isLocked }
        if !locked.isEmpty {
            try LockedSources.copy(locked) { (index, copy) throws(OperationError) in try keep(copy, of: locked[index]) }
        }
        for source in sources where !source.isLocked {
            let copy: FileDescriptor
            do throws(Errno) {
                copy = try FileDescriptor.open(source.path, [.path]).cloneTree(recursive: source.recursive)
            } catch {
                throw OperationError("bind mount", source.path.text, .errno(error), field: "mounts[\(source.index)].source")
            }
            try keep(copy, of: source)
        }
        mapper.close(&handles)
    }

    /// Opens the `tasks` files and the version 2 directory of `cgroup`.
    static func openCgroup(_ cgroup: Cgroup, into handles: inout HandleTable) throws(OperationError) {
        var numbers: [Int32] = []
        var unified = try cgroup.openJoinHandles { tasks in numbers.append(tasks.relinquish()) }
        for (index, number) in numbers.enumerated() { handles.insert(FileDescriptor(owning: number), as: .cgroupTasks(index)) }
        if let directory = unified.take() { handles.insert(directory, as: .cgroupDirectory) }
    }
}
