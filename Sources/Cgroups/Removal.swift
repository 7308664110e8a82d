package import Diagnostics
import Kernel

extension Cgroup {
    /// Removes the cgroup with all that the container made below it; what is gone already is fine.
    ///
    /// Processes that are left are killed. The kernel says `EBUSY` until the last one has gone completely, so that is tried
    /// again for 2 seconds, ever more slowly.
    /// - Throws: `EBUSY` with the processes that do not go; any other errno of rmdir(2) at once.
    package func remove() throws(OperationError) {
        if let placeholder { Placeholder.end(placeholder) }
        try removeDirectories()
        // systemd sees an empty scope by itself; afterwards the name is free for sure
        if let unit { try unit.stop() }
    }

    private func removeDirectories() throws(OperationError) {
        var left: [String] = []
        for directory in directories where !(try Self.removeEmpty(directory)) { left.append(directory) }
        let deadline = monotonicNanoseconds() + 2_000_000_000
        var delay: Int64 = 1
        while !left.isEmpty {
            // The first directory of all that are left: the others may be gone.
            let rest = Cgroup.existing(directories: left)
            let processes = try rest.processes()
            if !processes.isEmpty { try rest.killAll(9) }
            var busy: [String] = []
            for directory in left where !(try Self.removeTree(directory)) { busy.append(directory) }
            left = busy
            if left.isEmpty { break }
            if monotonicNanoseconds() > deadline { throw Self.stillBusy(left[0], processes) }
            sleep(milliseconds: delay)
            delay = min(delay * 2, 100)
        }
        for parent in madeParents.reversed() {
            // another container may use it by now
            if !(try Self.removeEmpty(parent)) { continue }
        }
    }

    private static func stillBusy(_ directory: String, _ processes: [Int32]) -> OperationError {
        let list = processes.prefix(8).map { String($0) }.joined(separator: ", ")
        return OperationError(
            "remove cgroup", directory, .errno(.busy), hint: processes.isEmpty ? nil : "these processes do not end: \(list)")
    }

    /// False when there is something in it.
    private static func removeEmpty(_ directory: String) throws(OperationError) -> Bool {
        do throws(Errno) {
            try removeFile(Path(directory), directory: true)
            return true
        } catch {
            return try isHarmless(error, directory)
        }
    }

    /// False while something in it is busy.
    private static func removeTree(_ directory: String) throws(OperationError) -> Bool {
        do throws(Errno) {
            try walkCgroups(directory, leave: { (parent, name) throws(Errno) in try parent.remove(name, directory: true) })
        } catch {
            if !(try isHarmless(error, directory)) { return false }
        }
        return try removeEmpty(directory)
    }

    private static func isHarmless(_ error: Errno, _ directory: String) throws(OperationError) -> Bool {
        if isGone(error) { return true }
        if error == .busy || error == .notEmpty { return false }
        throw OperationError("remove cgroup", directory, .errno(error))
    }
}
