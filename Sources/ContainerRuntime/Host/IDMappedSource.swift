// Maps the owners of mounts that are not attached yet. Everything is done before the container starts and by the parent: the
// kernel wants rights in the user namespace of the file system, which no container has.
// Source: mount_setattr(2), "ID-mapped mounts".
import ContainerInit
import Diagnostics
import Kernel

/// Gives id maps to copies of sources. Equal maps share one user namespace, which exists for its map alone.
struct SourceMapper {
    /// The user namespace of `known[n]` is the handle `.idMap(n)`.
    private var known: [IDMaps] = []

    /// Maps the owners of `copy`, an unattached copy of `source`.
    ///
    /// - Throws: `.unsupported` naming the file systems, where one of them has no idmapped mounts; `.errno` otherwise.
    mutating func map(
        _ copy: borrowing FileDescriptor, of source: ClonedSource, by idMap: SourceIDMap, handles: inout HandleTable
    ) throws(OperationError) {
        let field = "mounts[\(source.index)]"
        let name: HandleName
        switch idMap.maps {
        case .joinedNamespace: name = .namespace(.user)
        case .ranges(let maps): name = try namespace(of: maps, field: field, handles: &handles)
        }
        do throws(Errno) {
            try handles.with(name) { (namespace) throws(Errno) in
                try copy.setIDMap(userNamespace: namespace, recursive: idMap.isRecursive)
            }
        } catch {
            throw refusal(error, of: source, field: field)
        }
    }

    /// Closes what `map` has opened.
    mutating func close(_ handles: inout HandleTable) {
        for index in known.indices { handles.close(.idMap(index)) }
        known = []
    }

    private mutating func namespace(of maps: IDMaps, field: String, handles: inout HandleTable) throws(OperationError) -> HandleName {
        if let index = known.firstIndex(of: maps) { return .idMap(index) }
        handles.insert(try makeUserNamespace(maps, field: field), as: .idMap(known.count))
        known.append(maps)
        return .idMap(known.count - 1)
    }

    private func refusal(_ errno: Errno, of source: ClonedSource, field: String) -> OperationError {
        func failed(_ cause: Cause, _ hint: String? = nil) -> OperationError {
            OperationError("map owners of", source.path.text, cause, field: field, hint: hint)
        }
        switch errno {
        case .invalid:
            let types = mountedTypes(source).map(quoted).joined(separator: ", ")
            return failed(
                .unsupported(types.isEmpty ? "an idmapped mount of this file system" : "an idmapped mount of \(types)"),
                "file systems with idmapped mounts are ext4, xfs, btrfs, tmpfs and others, not those that are made of other mounts")
        case .notPermitted: return failed(.errno(errno), "the source may be idmapped already, or its file system belong to another user namespace")
        case .noSystemCall: return failed(.errno(errno), "idmapped mounts need Linux 5.12")
        default: return failed(.errno(errno))
        }
    }

    /// The types of the file systems that the copy of `source` has; empty when they cannot be told.
    private func mountedTypes(_ source: ClonedSource) -> [String] {
        do throws(Errno) {
            let place = try FileDescriptor.open(source.path, [.path])
            return try MountInfo.types(at: place, withSubmounts: source.idMap?.isRecursive ?? false)
        } catch {
            return []  // the message does without
        }
    }
}

/// A user namespace with `maps`.
private func makeUserNamespace(_ maps: IDMaps, field: String) throws(OperationError) -> FileDescriptor {
    let holder: NamespaceHolder
    do throws(Errno) { holder = try .begin(in: NamespaceSet(.user)) } catch {
        throw OperationError(
            "make user namespace for", "id map", .errno(error), field: field,
            hint: error == .noSpace ? "the limit in /proc/sys/user/max_user_namespaces is reached" : nil)
    }
    var namespace: FileDescriptor?
    var failure: OperationError?
    do throws(OperationError) {
        try maps.write(to: holder.pid, field: field)
        namespace = try openUserNamespace(of: holder.pid, field: field)
    } catch {
        failure = error
    }
    holder.release()
    if let failure { throw failure }
    guard let made = namespace.take() else { throw OperationError("open namespace", "user", .errno(.badDescriptor), field: field) }
    return made
}

private func openUserNamespace(of pid: Int32, field: String) throws(OperationError) -> FileDescriptor {
    do throws(Errno) {
        return try FileDescriptor.namespace(.user, of: pid)
    } catch {
        throw OperationError("open namespace", "/proc/\(pid)/ns/user", .errno(error), field: field)
    }
}
