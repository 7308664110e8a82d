// What the init and its parent have open, by name. The names are those of plans, which stay comparable and printable; the numbers are
// nobody's business. A table owns its descriptors: what is not taken out of it is closed with it.
// The parent fills it before it clones the init, which has a copy of all then, and closes what is not in it.
package import Diagnostics
package import Kernel
package import UntrustedTree

/// What a descriptor in the table is, by name, so that plans stay comparable and printable.
package enum HandleName: Hashable, Sendable {
    /// The pipe on which the init tells the process that made it how things go. Pipes and fifos lead to nobody, where a socket tells who
    /// is at its other end (SO_PEERPIDFD): others in the container's pid namespace may copy what the init has.
    case reports
    /// The pipe on which that process answers.
    case answers
    /// The socket to that process by which a seccomp listener goes; closed before others can see the init.
    case listenerSocket
    /// The fifo on which `start` rings.
    case gate
    /// The fifo at which `start` waits for the outcome.
    case outcome
    /// The root of the container's file tree.
    case root
    /// The procfs or sysfs that was mounted at this place of the container's tree. By now the place may be another directory: whoever has the
    /// tree too can move what it was mounted on.
    case mounted(InRootPath)
    /// The root of the container's first process.
    case initRoot
    /// A private procfs, or the verified /proc of the host.
    case proc
    /// The container's own /dev/null, verified.
    case null
    /// One empty, read-only tmpfs for all masked directories.
    case emptyDirectory
    /// The `tasks` file of the container's directory in one version 1 hierarchy.
    case cgroupTasks(Int)
    /// The container's version 2 cgroup directory.
    case cgroupDirectory
    /// A namespace to join.
    case namespace(NamespaceKind)
    /// An unattached mount that the parent cloned for `mounts[n]`.
    case mountSource(Int)
    /// A user namespace that exists for its id map; closed before the init is cloned.
    case idMap(Int)
    /// The connection to the receiver of the terminal's master.
    case console
    /// The listener of the seccomp filter.
    case listener
}

extension HandleName: CustomStringConvertible {
    package var description: String {
        switch self {
        case .reports: "reports"
        case .answers: "answers"
        case .listenerSocket: "listener-socket"
        case .gate: "gate"
        case .outcome: "outcome"
        case .root: "root"
        case .mounted(let place): "mounted[\(place.text)]"
        case .initRoot: "init-root"
        case .proc: "proc"
        case .null: "null"
        case .emptyDirectory: "empty-directory"
        case .cgroupTasks(let index): "cgroup-tasks[\(index)]"
        case .cgroupDirectory: "cgroup-directory"
        case .namespace(let kind): "namespace[\(kind.procName)]"
        case .mountSource(let index): "mount-source[\(index)]"
        case .idMap(let index): "id-map[\(index)]"
        case .console: "console"
        case .listener: "listener"
        }
    }
}

/// Owns descriptors and gives them out by name. The parent fills it; the init inherits a copy.
package struct HandleTable: ~Copyable {
    // The deinit is a class's, since Embedded Swift must see a struct's deinit from every module that owns one.
    private final class Descriptors {
        // A handful of entries: a linear search is faster than hashing.
        var entries: [(name: HandleName, number: Int32)] = []
        deinit { for entry in entries { _ = FileDescriptor(owning: entry.number) } }
    }
    private let descriptors = Descriptors()
    private var entries: [(name: HandleName, number: Int32)] {
        get { descriptors.entries }
        nonmutating _modify { yield &descriptors.entries }
    }

    package init() {}

    /// Takes over `descriptor` under `name`, in place of one that had that name.
    package mutating func insert(_ descriptor: consuming FileDescriptor, as name: HandleName) {
        close(name)
        entries.append((name, descriptor.relinquish()))
    }

    package borrowing func contains(_ name: HandleName) -> Bool { entries.contains { $0.name == name } }

    /// Closes the descriptor `name`, if there is one.
    package mutating func close(_ name: HandleName) {
        guard let index = entries.firstIndex(where: { $0.name == name }) else { return }
        _ = FileDescriptor(owning: entries.remove(at: index).number)
    }

    /// Gives the descriptor `name` away.
    package mutating func take(_ name: HandleName) -> FileDescriptor? {
        guard let index = entries.firstIndex(where: { $0.name == name }) else { return nil }
        return FileDescriptor(owning: entries.remove(at: index).number)
    }

    /// Closes all descriptors but those in `kept`.
    package mutating func closeAll(except kept: [HandleName]) {
        for entry in entries where !kept.contains(entry.name) { _ = FileDescriptor(owning: entry.number) }
        entries.removeAll { !kept.contains($0.name) }
    }

    /// Closes every descriptor of the process from `first` on that is not in the table.
    ///
    /// The init must not hold what its creator had open: a lock would never be released, a directory of the host would
    /// be a way out (CVE-2024-21626).
    package borrowing func closeOthers(from first: Int32) {
        var next = first
        for number in entries.map({ $0.number }).sorted() where number >= next {
            closeDescriptors(from: next, through: number - 1)
            next = number + 1
        }
        closeDescriptors(from: next, through: .max)
    }

    /// Closes all that stand for mounts on the container's tree.
    package mutating func closeMounts() {
        for entry in entries { if case .mounted = entry.name { close(entry.name) } }
    }

    /// Calls `body` with the descriptor `name`, which stays in the table.
    /// - Throws: `EBADF` when there is none: a plan named a handle that nobody opened.
    package borrowing func with<Result: ~Copyable>(
        _ name: HandleName, _ body: (borrowing FileDescriptor) throws(Errno) -> Result
    ) throws(Errno) -> Result {
        guard let entry = entries.first(where: { $0.name == name }) else { throw .badDescriptor }
        let borrowed = FileDescriptor(owning: entry.number)
        do throws(Errno) {
            let result = try body(borrowed)
            _ = borrowed.relinquish()
            return result
        } catch {
            _ = borrowed.relinquish()
            throw error
        }
    }

    /// Calls `body` with the root of the container's tree.
    package borrowing func withRoot<Result: ~Copyable>(
        _ body: (borrowing RootDirectory) throws(Errno) -> Result
    ) throws(Errno) -> Result { try withTree(.root, body) }

    /// Calls `body` with the directory `name`, as the root of what is below it.
    package borrowing func withTree<Result: ~Copyable>(
        _ name: HandleName, _ body: (borrowing RootDirectory) throws(Errno) -> Result
    ) throws(Errno) -> Result {
        guard let entry = entries.first(where: { $0.name == name }) else { throw .badDescriptor }
        let borrowed = RootDirectory(FileDescriptor(owning: entry.number))
        do throws(Errno) {
            let result = try body(borrowed)
            _ = borrowed.relinquish().relinquish()
            return result
        } catch {
            _ = borrowed.relinquish().relinquish()
            throw error
        }
    }
}
