// Who is in a cgroup and the cgroups below it, and signals for all of them. Walking over a tree that its own processes may change
// is here as well: see `walkCgroups`. Who joins a cgroup is in Join.swift, what stops its processes in Freezer.swift, and what
// removes it in Removal.swift.
package import Diagnostics
import Kernel

extension Cgroup {
    /// The ids of all processes in this cgroup and those below it. Empty when it is gone.
    ///
    /// The first directory that is there speaks for all: every process of a container joins all of its directories.
    /// Processes that this process' pid namespace does not show (id 0) are left out.
    package func processes() throws(OperationError) -> [Int32] {
        try list("processes") { (cgroup) throws(Errno) in try cgroup.processes() }
    }

    /// The ids of all threads in this cgroup and those below it. Empty when it is gone, and without a cgroup.
    package func threads() throws(OperationError) -> [Int32] {
        try list("threads") { (cgroup) throws(Errno) in try cgroup.threads() }
    }

    private func list(_ what: String, _ read: (borrowing FileDescriptor) throws(Errno) -> [Int32]) throws(OperationError) -> [Int32] {
        for directory in directories {
            var found: [Int32] = []
            do throws(Errno) {
                try walkCgroups(directory, visit: { (cgroup) throws(Errno) in found += try read(cgroup) })
                return found
            } catch {
                if !isGone(error) { throw OperationError("list \(what) of", directory, .errno(error)) }
            }
        }
        return []
    }

    /// Sends `signal` to all processes in this cgroup and below, also to those that are being made meanwhile.
    ///
    /// Version 2 kills with one write where the kernel can (5.14). Otherwise the cgroup is frozen, so that nobody escapes by
    /// forking, signalled and thawed; a cgroup that was frozen before stays so, except for SIGKILL, which acts at once.
    /// This process itself must not be in the cgroup.
    package func killAll(_ signal: Int32) throws(OperationError) {
        guard let directory = directories.first else { return }
        let isKill = signal == 9
        if isKill, try killAtOnce(directory) { return try thawTree() }
        let wasFrozen = try isFrozen()
        let isFrozen = wasFrozen || tryFreeze()
        var reached = try processes()
        try send(signal, to: reached, areStopped: isFrozen, directory)
        if isKill {
            try thawTree()
        } else if isFrozen && !wasFrozen {
            try thaw()
        }
        // What could not be frozen in time may have forked: those that were born meanwhile.
        var rounds = 0
        while isKill && !isFrozen && rounds < 200 {
            let now = try processes()
            let born = now.filter { !reached.contains($0) }
            if born.isEmpty { return }
            try send(signal, to: born, areStopped: false, directory)
            reached = now
            rounds += 1
        }
    }

    /// False where the kernel cannot kill a cgroup.
    private func killAtOnce(_ directory: String) throws(OperationError) -> Bool {
        do throws(Errno) {
            try writeFile(Path(directory + "/cgroup.kill"), "1")
            return true
        } catch {
            // ENOENT: version 1, or before 5.14; EOPNOTSUPP: a threaded cgroup
            if isGone(error) || error == .notSupported { return false }
            throw failure(error, directory)
        }
    }

    /// - Parameter areStopped: whether none of them can end by itself. Else a number may be given to a process of the host after it was read: a handle
    ///   is opened first, then who is still in the cgroup gets the signal, through the handle.
    private func send(_ signal: Int32, to processes: [Int32], areStopped: Bool, _ directory: String) throws(OperationError) {
        let others = processes.filter { $0 != processID() }
        var failed: Errno?
        func attempt(_ body: () throws(Errno) -> Void) { do throws(Errno) { try body() } catch { if error != .noProcess { failed = error } } }
        if areStopped {
            for pid in others { attempt { () throws(Errno) in try sendSignal(signal, to: pid) } }
        }
        let most = 256  // handles at once
        for start in stride(from: 0, to: areStopped ? 0 : others.count, by: most) {
            var handles: [(pid: Int32, handle: ProcessHandle)] = []
            for pid in others[start..<min(start + most, others.count)] {
                attempt { () throws(Errno) in
                    do throws(Errno) { handles.append((pid, ProcessHandle(try FileDescriptor.process(pid)))) } catch where error == .invalid || error == .noEntry {
                        try sendSignal(signal, to: pid)  // a thread of a threaded cgroup: there are no handles of these
                    }
                }
            }
            let present = Set(try self.processes())
            for (pid, process) in handles where present.contains(pid) { attempt { () throws(Errno) in try process.handle.sendSignal(signal) } }
        }
        if let failed { throw failure(failed, directory) }
    }

    private final class ProcessHandle {
        let handle: FileDescriptor
        init(_ handle: consuming FileDescriptor) { self.handle = handle }
    }

    private func failure(_ error: Errno, _ directory: String) -> OperationError { OperationError("signal processes of", directory, .errno(error)) }

    /// Freezing guards against forks only; without it the caller asks again.
    private func tryFreeze() -> Bool {
        do throws(OperationError) {
            try freeze(withinMilliseconds: 300)
            return true
        } catch {
            return false
        }
    }
}

/// Whether `error` says that a cgroup was removed: by path, or behind an open handle.
func isGone(_ error: Errno) -> Bool { error == .noEntry || error == .noDevice }

extension FileDescriptor {
    /// The processes of this cgroup directory alone.
    borrowing func processes() throws(Errno) -> [Int32] {
        var text: [UInt8]
        do throws(Errno) {
            text = try open("cgroup.procs", [.readOnly, .noFollow]).readAll(limit: 1 << 26)
        } catch where error == .notSupported {
            text = try open("cgroup.threads", [.readOnly, .noFollow]).readAll(limit: 1 << 26)  // a threaded cgroup
        }
        return ids(text)
    }

    /// The threads of this cgroup directory alone.
    fileprivate borrowing func threads() throws(Errno) -> [Int32] {
        do throws(Errno) {
            return ids(try open("cgroup.threads", [.readOnly, .noFollow]).readAll(limit: 1 << 26))
        } catch where error == .noEntry {
            return ids(try open("tasks", [.readOnly, .noFollow]).readAll(limit: 1 << 26))  // version 1
        }
    }
}

/// Ids of processes that this process' pid namespace shows.
private func ids(_ text: [UInt8]) -> [Int32] { words(String(decoding: text, as: UTF8.self)).compactMap { Int32($0) }.filter { $0 > 0 } }

/// Walks over the cgroup `directory` and all below it, however deep the container nested them: two handles at a time and
/// no recursion.
///
/// - Parameters:
///   - visit: gets each cgroup before those below it.
///   - leave: gets each cgroup again with the name of one below it, which was walked over completely.
/// - Throws: what the closures throw; any errno of open(2). A cgroup that vanishes below is skipped.
func walkCgroups(
    _ directory: String, visit: (borrowing FileDescriptor) throws(Errno) -> Void = { _ in },
    leave: (borrowing FileDescriptor, Path) throws(Errno) -> Void = { _, _ in }
) throws(Errno) {
    let flags: OpenFlags = [.readOnly, .directory, .noFollow]
    var current = try FileDescriptor.open(Path(directory), flags)
    try visit(current)
    var waiting = [try current.children()]
    var names: [Path] = []
    while let level = waiting.indices.last {
        if let child = waiting[level].popLast() {
            do throws(Errno) {
                let next = try current.open(child, flags)
                try visit(next)
                waiting.append(try next.children())
                names.append(child)
                current = next
            } catch {
                if !isGone(error) { throw error }
            }
        } else {
            waiting.removeLast()
            guard let name = names.popLast() else { return }
            // Nobody can move a cgroup: its parent is where we came from.
            current = try current.open("..", flags)
            try leave(current, name)
        }
    }
}

extension FileDescriptor {
    fileprivate borrowing func children() throws(Errno) -> [Path] {
        try entries().filter { $0.kind == .directory }.compactMap { Path(bytes: $0.name) }
    }
}
