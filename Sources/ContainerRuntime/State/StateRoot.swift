// The state root and the directories below it: one a container, named by its id. Everything in it is ours alone: the
// root must belong to the caller and be closed to others, for its content decides what `delete` removes and kills.
// What is written there is StoredState.swift.
import Cgroups
package import Diagnostics
package import Kernel
import JSON

/// The directory that holds one directory a container.
package struct StateRoot: ~Copyable {
    let handle: FileDescriptor
    package let path: Path

    /// Opens the state root, made with mode 0700 (and its parents with 0711) where it is missing.
    ///
    /// - Throws: `.invalid` when it is a link, belongs to somebody else, or others may write into it.
    package static func open(_ path: Path, creating: Bool) throws(OperationError) -> StateRoot {
        func failed(_ cause: Cause, _ hint: String? = nil) -> OperationError {
            OperationError("open state root", path.text, cause, hint: hint)
        }
        do throws(Errno) {
            if creating { try makeDirectories(path, permissions: 0o700) }
        } catch {
            throw OperationError("make state root", path.text, .errno(error), hint: "--root names another directory")
        }
        let handle: FileDescriptor
        do throws(Errno) {
            handle = try FileDescriptor.open(path, [.readOnly, .directory, .noFollow])
        } catch where error == .tooManyLinks || error == .notDirectory {
            throw failed(.invalid("it must be a directory, not a link or a file"))
        } catch {
            throw failed(.errno(error), error == .accessDenied ? "the containers of another user are seen by that user and root alone" : nil)
        }
        let status: FileStatus
        do throws(Errno) { status = try handle.status() } catch { throw failed(.errno(error)) }
        guard status.uid == effectiveUserID() else {
            throw failed(.invalid("it belongs to user \(status.uid), not to user \(effectiveUserID())"), "--root names another directory")
        }
        guard status.permissions & 0o022 == 0 else {
            throw failed(.invalid("others may write into it (mode \(String(status.permissions, radix: 8)))"), "chmod 700 \(path.text)")
        }
        return StateRoot(handle: handle, path: path)
    }

    /// The ids of all containers, sorted.
    package borrowing func identifiers() throws(OperationError) -> [ContainerID] {
        do throws(Errno) {
            // names that are no ids are not ours: the seccomp cache, other programs' files
            return try handle.open(".", [.readOnly, .directory]).entries().filter { $0.kind == .directory || $0.kind == .unknown }
                // a name that is no id is not a container's: the runtime's own directories begin with "@"
                .compactMap { try? ContainerID($0.text) }.sorted { $0.text < $1.text }
        } catch {
            throw OperationError("list", path.text, .errno(error))
        }
    }

    /// The directory of the BPF cache, made where it is missing; nil where it cannot be made. Its name is no container id.
    package borrowing func seccompCache() -> FileDescriptor? {
        let name: Path = "@seccomp"
        do throws(Errno) {
            do throws(Errno) { return try handle.open(name, [.readOnly, .directory, .noFollow]) } catch where error == .noEntry {}
            try handle.makeDirectory(name, permissions: 0o700)
            return try handle.open(name, [.readOnly, .directory, .noFollow])
        } catch {
            return nil  // a cache: everything works without it
        }
    }

    /// Makes the directory of a new container and locks it.
    /// - Throws: `.invalid("container with id exists …")`.
    package borrowing func create(_ id: ContainerID) throws(OperationError) -> StateDirectory {
        do throws(Errno) {
            try handle.makeDirectory(Path(id.text), permissions: 0o700)
        } catch where error == .exists {
            throw OperationError(
                "create container", id.text, .invalid("container with id exists"),
                hint: "choose another id, or remove it with \"delete \(id.text)\"")
        } catch {
            throw OperationError("make state directory", path.appending(id.text).text, .errno(error))
        }
        do throws(Errno) {
            return StateDirectory(handle: try openLocked(Path(id.text)), id: id, rootPath: path)
        } catch {
            // not if another command has removed it, and perhaps a third has made it again
            if error != .stale && error != .noEntry { try? remove(id) }  // the first error is the one to tell
            throw OperationError(
                "lock state directory", path.appending(id.text).text, .errno(error),
                hint: error == .stale || error == .noEntry ? "another command has deleted the container meanwhile" : nil)
        }
    }

    /// Opens and locks the directory of the container `id`.
    /// - Throws: `.invalid("container does not exist")`.
    package borrowing func open(_ id: ContainerID) throws(OperationError) -> StateDirectory {
        while true {
            do throws(Errno) {
                return StateDirectory(handle: try openLocked(Path(id.text)), id: id, rootPath: path)
            } catch where error == .stale {
                continue
            } catch where error == .noEntry {
                throw OperationError(
                    "open container", id.text, .invalid("container does not exist"), hint: "\"list\" shows the containers below \(path.text)")
            } catch {
                throw OperationError("open container", id.text, .errno(error))
            }
        }
    }

    /// - Throws: `ESTALE` when the directory was removed, and perhaps made again, while we waited for the lock.
    private borrowing func openLocked(_ name: Path) throws(Errno) -> FileDescriptor {
        let directory = try handle.open(name, [.readOnly, .directory, .noFollow])
        try directory.lock()
        let locked = try directory.status()
        guard try handle.status(of: name).isSameFile(as: locked) else { throw .stale }
        return directory
    }

    /// Removes the directory of `id` with everything in it, the state last: until then the container is what it was.
    package borrowing func remove(_ id: ContainerID) throws(OperationError) {
        let name = Path(id.text)
        do throws(Errno) {
            let directory = try handle.open(name, [.readOnly, .directory, .noFollow])
            for entry in try directory.entries() {
                guard let child = Path(bytes: entry.name), child != StateDirectory.stateName else { continue }  // an entry never holds NUL
                try directory.removeTree(child)
            }
            do throws(Errno) { try directory.remove(StateDirectory.stateName) } catch where error == .noEntry {}
            try handle.remove(name, directory: true)
        } catch where error == .notDirectory || error == .notEmpty || error == .isDirectory || error == .tooManyLinks {
            // not what we have made: a link or a file in its place, or a directory in that of its state
            try removeForeign(name)
        } catch where error == .noEntry {
        } catch {
            throw OperationError("remove state directory", path.appending(id.text).text, .errno(error))
        }
    }

    private borrowing func removeForeign(_ name: Path) throws(OperationError) {
        do throws(Errno) {
            try handle.removeTree(name)
        } catch where error == .noEntry {
        } catch {
            throw OperationError("remove state directory", path.appending(name.text).text, .errno(error))
        }
    }
}

/// One container's directory, locked until this value ends.
package struct StateDirectory: ~Copyable {
    package let handle: FileDescriptor
    package let id: ContainerID
    let rootPath: Path

    static var stateName: Path { "state.json" }
    /// The state before anything was made; `state.json` takes over from it.
    static var firstStateName: Path { "creating.json" }
    static var configName: Path { "config.json" }

    /// Reads the state. Nil when there is none: the creator died before it had written one, and so before it made anything.
    /// - Throws: `.invalid` for anything but a state file of ours; the hint says how to get rid of the container.
    package borrowing func load() throws(OperationError) -> StoredState? {
        if let state = try load(Self.stateName) { return state }
        // not written by a rename, as the other is: half of it, without its end of line, is as good as none
        return try load(Self.firstStateName) { $0.last == UInt8(ascii: "\n") }
    }

    /// The state before anything was made, for a container whose state is worthless: it names all that would be made.
    borrowing func loadFirst() -> StoredState? {
        do throws(OperationError) { return try load(Self.firstStateName) } catch { return nil }  // the error of the state is told
    }

    private borrowing func load(_ name: Path, isWhole: ([UInt8]) -> Bool = { _ in true }) throws(OperationError) -> StoredState? {
        guard let bytes = try bytes(of: name), isWhole(bytes) else { return nil }
        do throws(OperationError) {
            return try decode(bytes, name)
        } catch {
            var error = error
            error.hint = removalHint  // nobody writes this file by hand
            throw error
        }
    }

    private var removalHint: String { "\"delete --force \(id.text)\" removes the container" }

    private borrowing func decode(_ bytes: [UInt8], _ name: Path) throws(OperationError) -> StoredState {
        try JSONDocument(parsing: bytes, source: path(of: name).text).decode { (value) throws(OperationError) in
            try StoredState(try value.object())
        }
    }

    /// Nil when there is no such file.
    private borrowing func bytes(of name: Path) throws(OperationError) -> [UInt8]? {
        do throws(Errno) {
            // non-blocking and no link: a fifo or a link in its place must not hang or mislead us
            let file = try handle.open(name, [.readOnly, .noFollow, .nonBlocking])
            guard try file.status().kind == .regular else { throw .invalid }
            return try file.readAll(limit: 16 << 20)
        } catch where error == .noEntry {
            return nil
        } catch {
            throw OperationError("read state", path(of: name).text, .errno(error), hint: removalHint)
        }
    }

    /// Writes the state of a container of which nothing exists yet.
    ///
    /// A file of its own, since a file system that keeps its promises over a crash of the host writes a file to the disk
    /// when a rename replaces it (ext4, `auto_da_alloc`): that would be a tenth of a millisecond for each container.
    package borrowing func begin(_ state: StoredState) throws(OperationError) {
        do throws(Errno) {
            try handle.open(Self.firstStateName, [.writeOnly, .create, .exclusive, .noFollow], mode: 0o600).write(state.json)
        } catch {
            throw OperationError("write state", path(of: Self.firstStateName).text, .errno(error))
        }
    }

    /// Writes `state.json` as a whole or not at all.
    package borrowing func store(_ state: StoredState) throws(OperationError) {
        let new: Path = "state.json.new"
        do throws(Errno) {
            let file = try handle.open(new, [.writeOnly, .create, .truncate, .noFollow], mode: 0o600)
            try file.write(state.json)
            try handle.rename(new, to: Self.stateName)
        } catch {
            throw OperationError("write state", path(of: Self.stateName).text, .errno(error))
        }
    }

    /// Keeps the configuration as it was at the time of `create`: later changes of the bundle have no effect.
    /// Source: runtime.md "Lifecycle" (RT-runtime-017).
    borrowing func keepConfiguration(_ bytes: [UInt8]) throws(OperationError) {
        do throws(Errno) {
            try handle.open(Self.configName, [.writeOnly, .create, .exclusive, .noFollow], mode: 0o600).write(bytes)
        } catch {
            throw OperationError("write", path(of: Self.configName).text, .errno(error))
        }
    }

    borrowing func path(of name: Path) -> Path { rootPath.appending(id.text).appending(name.text) }

    /// The directory of the socket to which the program writes that it is ready; the container has it mounted.
    static var notifyName: Path { "notify" }

    borrowing func makeNotifyDirectory() throws(OperationError) {
        do throws(Errno) {
            try handle.makeDirectory(Self.notifyName, permissions: 0o755)
            // whatever the caller's umask is
            try handle.open(Self.notifyName, [.readOnly, .directory, .noFollow]).changePermissions(0o755)
        } catch {
            throw OperationError("make directory", path(of: Self.notifyName).text, .errno(error))
        }
    }

    /// Nil for a container that was made without a service manager.
    borrowing func notifyDirectory() -> Path? {
        do throws(Errno) {
            guard try handle.status(of: Self.notifyName).kind == .directory else { return nil }
            return path(of: Self.notifyName)
        } catch {
            return nil
        }
    }

    /// Where criu finds the rootfs of a container that it restores: a mount point that others see as an empty directory.
    static var criuRootName: Path { "criu-root" }

    borrowing func makeCriuRoot() throws(OperationError) {
        do throws(Errno) { try handle.makeDirectory(Self.criuRootName, permissions: 0o700) } catch {
            throw OperationError("make directory", path(of: Self.criuRootName).text, .errno(error))
        }
    }

    borrowing func removeCriuRoot() throws(OperationError) {
        do throws(Errno) { try handle.remove(Self.criuRootName, directory: true) } catch {
            throw OperationError("remove directory", path(of: Self.criuRootName).text, .errno(error))
        }
    }

    private static var criuYardName: Path { "criu-cgroups" }

    /// A directory in which criu finds the version 2 hierarchy under the name that it looks for: it would mount it else, and a mount from
    /// the first cgroup namespace takes `nsdelegate` and the other options away from the whole host. Nil where version 1 is in use, which has no
    /// such options. It stays until the container is deleted.
    borrowing func makeCriuYard() throws(OperationError) -> String? {
        guard try CgroupSetup.current().isPureVersion2 else { return nil }
        let yard = path(of: Self.criuYardName)
        do throws(Errno) {
            do throws(Errno) { try handle.makeDirectory(Self.criuYardName, permissions: 0o700) } catch where error == .exists {}
            let directory = try handle.open(Self.criuYardName, [.readOnly, .directory, .noFollow])
            do throws(Errno) { try directory.makeLink("unified", to: "/sys/fs/cgroup") } catch where error == .exists {}
        } catch {
            throw OperationError("make directory", yard.text, .errno(error))
        }
        return yard.text
    }
}
