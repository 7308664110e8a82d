// The first process of a running container as a door to its namespaces.
import ContainerInit
import Diagnostics
import Kernel

/// A container's first process, proven to be it.
///
/// Everything is opened through one handle of its directory below /proc, which never becomes another process' when the
/// number is given away.
struct InitProcess: ~Copyable {
    let pid: Int32
    private let directory: FileDescriptor

    private init(pid: Int32, directory: consuming FileDescriptor) {
        self.pid = pid
        self.directory = directory
    }

    /// Nil when the process that the state names has ended.
    /// - Throws: `ESTALE` when /proc is not procfs.
    static func find(_ state: StoredState) throws(OperationError) -> InitProcess? {
        do throws(Errno) {
            let directory = try FileDescriptor.open(Path("/proc/\(state.pid)"), [.path, .directory])
            guard try directory.filesystemType() == .proc else { throw .stale }
            guard let status = try processStatus(in: directory), !status.hasEnded, status.startTicks == state.startTicks else { return nil }
            // start times count from the boot: what is remembered from another one may be anybody's
            guard try bootID() == state.bootID else { return nil }
            return InitProcess(pid: state.pid, directory: directory)
        } catch where error == .noEntry || error == .noProcess {
            return nil
        } catch {
            throw OperationError("look at", "/proc/\(state.pid)", .errno(error))
        }
    }

    /// Opens the namespaces at `/proc/PID/ns`.
    ///
    /// - Parameter mayBeOwn: those that were joined by path, and may thus be the caller's own.
    /// - Returns: the kinds that are the caller's own. They are not joined: the user namespace that one is in cannot be.
    borrowing func openNamespaces(_ kinds: NamespaceSet, mayBeOwn: NamespaceSet, into handles: inout HandleTable) throws(OperationError) -> NamespaceSet {
        var own = NamespaceSet()
        for kind in kinds.kinds {
            let name = "ns/" + kind.procName
            do throws(Errno) {
                let handle = try directory.open(Path(name), .readOnly)
                if mayBeOwn.contains(kind), try handle.status().isSameFile(as: fileStatus(Path("/proc/self/" + name))) {
                    own.insert(kind)
                } else {
                    handles.insert(handle, as: .namespace(kind))
                }
            } catch {
                throw failed("open namespace", name, error)
            }
        }
        return own
    }

    /// The root directory of the process.
    borrowing func openRoot() throws(OperationError) -> FileDescriptor {
        do throws(Errno) { return try directory.open("root", [.path, .directory]) } catch { throw failed("open root of", "root", error) }
    }

    /// A file below /proc/PID.
    borrowing func open(_ name: String) throws(Errno) -> FileDescriptor { try directory.open(Path(name), .readOnly) }
    borrowing func linkTarget(_ name: String) throws(Errno) -> [UInt8] { try directory.linkTarget(Path(name)) }
    /// The status of what a link below /proc/PID leads to, without opening it.
    borrowing func status(of name: String) throws(Errno) -> FileStatus { try directory.open(Path(name), .path).status() }

    borrowing func failed(_ operation: String, _ name: String, _ errno: Errno) -> OperationError {
        switch errno {
        case .noEntry, .noProcess: OperationError(operation, "/proc/\(pid)/\(name)", .invalid("container not running (its first process has just ended)"))
        case .accessDenied, .notPermitted:
            OperationError(
                operation, "/proc/\(pid)/\(name)", .errno(errno),
                hint: "only root may look into a container before it has been started; afterwards also its owner")
        default: OperationError(operation, "/proc/\(pid)/\(name)", .errno(errno))
        }
    }
}
