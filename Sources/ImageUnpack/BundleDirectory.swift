// A bundle in the making: a directory with a temporary name beside its final one, closed to others, that gets its name when
// everything is in it. One that was left behind by a process that is gone is found by its lock and removed.
import Diagnostics
import Kernel
import UntrustedTree

/// A bundle that is not there yet.
struct BundleDirectory: ~Copyable {
    let handle: FileDescriptor
    private let parent: FileDescriptor
    private let name: Path
    private let temporary: Path
    private let path: Path

    static var prefix: String { ".calque-" }
    /// Of bundles that are being removed.
    private static var removedPrefix: String { prefix + "removed-" }

    /// - Throws: when something stands at `path` already.
    static func make(_ path: Path) throws(OperationError) -> BundleDirectory {
        let last = path.lastComponent
        guard !path.isEmpty, last != "/", last != ".", last != ".." else {
            throw OperationError("make bundle", path.text, .invalid("it must be the name of a directory that does not exist yet"))
        }
        // in a pid namespace every process may have the same id, so that the id alone is no name
        let temporary = Path("\(prefix)\(processID())-\(monotonicNanoseconds())")
        let parent = try openParent(of: path)
        let handle = try make(temporary, for: path, in: parent)
        return BundleDirectory(handle: handle, parent: parent, name: Path(last), temporary: temporary, path: path)
    }

    /// What a bundle is called while it is removed.
    static func removedName() -> Path { Path("\(removedPrefix)\(processID())-\(monotonicNanoseconds())") }

    private static func openParent(of path: Path) throws(OperationError) -> FileDescriptor {
        do throws(Errno) {
            return try FileDescriptor.open(path.parent, [.readOnly, .directory])
        } catch {
            throw OperationError(
                "open", path.parent.text, .errno(error), hint: error == .noEntry ? "the directory that the bundle is to lie in must exist" : nil)
        }
    }

    private static func make(_ temporary: Path, for path: Path, in parent: borrowing FileDescriptor) throws(OperationError) -> FileDescriptor {
        do throws(Errno) {
            var exists = true
            do throws(Errno) { _ = try parent.status(of: Path(path.lastComponent)) } catch where error == .noEntry { exists = false }
            if exists { throw Errno.exists }
            removeAbandoned(in: parent)
            try parent.makeDirectory(temporary, permissions: 0o700)
            do throws(Errno) {
                let handle = try parent.open(temporary, [.readOnly, .directory, .noFollow])
                try handle.lock(waiting: false)
                try handle.makeDirectory("rootfs", permissions: 0o755)
                return handle
            } catch {
                let first = error
                do throws(Errno) { try parent.removeTree(temporary) } catch {}  // the first error is the one to tell
                throw first
            }
        } catch {
            throw OperationError("make bundle", path.text, .errno(error), hint: error == .exists ? "choose another name, or remove it first" : nil)
        }
    }

    /// Removes directories and files of ours that nobody has locked: their maker, or who was removing them, was killed. One in the making that is
    /// younger than a minute may be about to be locked, or to get its name.
    static func removeAbandoned(in parent: borrowing FileDescriptor) {
        do throws(Errno) {
            for entry in try parent.entries() where [.directory, .regular].contains(entry.kind) && entry.name.starts(with: Self.prefix.utf8) {
                guard let name = Path(bytes: entry.name) else { continue }  // a directory entry never holds NUL
                let abandoned = try parent.open(name, [.readOnly, .nonBlocking, .noFollow])
                let status = try abandoned.status()
                let age = realtimeNanoseconds() / 1_000_000_000 - status.modified.seconds
                guard status.uid == effectiveUserID(), age > 60 || entry.name.starts(with: removedPrefix.utf8) else { continue }
                do throws(Errno) { try abandoned.lock(waiting: false) } catch { continue }
                try parent.removeTree(name)
            }
        } catch {
            // somebody else's rubbish is no reason to fail
        }
    }

    /// The root filesystem.
    borrowing func rootfs() throws(OperationError) -> RootDirectory {
        do throws(Errno) {
            return RootDirectory(try handle.open("rootfs", [.readOnly, .directory, .noFollow]))
        } catch {
            throw OperationError("open", "rootfs", .errno(error))
        }
    }

    /// The writable layer of an overlay bundle.
    borrowing func upper() throws(OperationError) -> FileDescriptor {
        do throws(Errno) {
            return try handle.open("overlay/upper", [.readOnly, .directory, .noFollow])
        } catch {
            throw OperationError("open", "overlay/upper", .errno(error))
        }
    }

    /// The name beside the final one that it has now.
    var temporaryName: String { temporary.text }

    /// The absolute path that it will have, without links.
    borrowing func finalPath() throws(OperationError) -> Path {
        do throws(Errno) {
            guard let directory = Path(bytes: try linkTarget(Path("/proc/self/fd/\(parent.raw)"))) else { throw .noEntry }
            return directory.appending(name.text)
        } catch {
            throw OperationError("look for", path.text, .errno(error))
        }
    }

    borrowing func write(config: String) throws(OperationError) {
        do throws(Errno) {
            try handle.open("config.json", [.writeOnly, .create, .exclusive, .noFollow], mode: 0o644).write(config)
        } catch {
            throw OperationError("make bundle", path.text, .errno(error))
        }
    }

    /// Gives the bundle its name.
    borrowing func publish() throws(OperationError) {
        do throws(Errno) {
            try parent.rename(temporary, to: name, exclusive: true)
        } catch {
            throw OperationError("make bundle", path.text, .errno(error), hint: error == .exists ? "somebody has made it meanwhile" : nil)
        }
    }

    /// Removes everything.
    borrowing func discard() {
        do throws(Errno) { try parent.removeTree(temporary) } catch {}  // the first error is the one to tell
    }
}
