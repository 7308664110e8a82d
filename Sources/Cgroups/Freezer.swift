package import Diagnostics
import Kernel

extension Cgroup {
    /// Stops all processes of the cgroup, and waits until they stand still.
    ///
    /// - Throws: `ETIMEDOUT` after the given time, the cgroup being thawed again; `.unsupported` without a freezer.
    /// Source: kernel cgroup-v2.rst, "cgroup.freeze"; cgroup-v1/freezer-subsystem.rst.
    package func freeze(withinMilliseconds limit: Int64 = 10_000) throws(OperationError) {
        let freezer = try freezer()
        do throws(Errno) {
            try freezer.set(frozen: true)
            if try freezer.isFrozen(withinMilliseconds: limit) { return }
            try freezer.set(frozen: false)
        } catch {
            throw OperationError("freeze", freezer.directory, .errno(error))
        }
        throw OperationError("freeze", freezer.directory, .errno(.timedOut), hint: "a process of the container does not stop, perhaps in the kernel")
    }

    /// Lets the processes of the cgroup go on, as soon as no cgroup above is frozen either.
    package func thaw() throws(OperationError) {
        let freezer = try freezer()
        do throws(Errno) {
            try freezer.set(frozen: false)
        } catch {
            throw OperationError("thaw", freezer.directory, .errno(error))
        }
    }

    /// Whether freezing was asked for, also while it is still under way. False without a freezer or without the cgroup.
    package func isFrozen() throws(OperationError) -> Bool {
        guard let freezer = try findFreezer() else { return false }
        do throws(Errno) {
            return try freezer.isAskedToFreeze()
        } catch {
            if isGone(error) { return false }
            throw OperationError("read state of", freezer.directory, .errno(error))
        }
    }

    /// The directory whose freezer stops the processes of the cgroup; nil without one.
    package var freezerDirectory: String? { get throws(OperationError) { try findFreezer()?.directory } }

    private func freezer() throws(OperationError) -> Freezer {
        if let freezer = try findFreezer() { return freezer }
        throw OperationError(
            "freeze", directories.first ?? "", .unsupported("freezing a container without a cgroup that has a freezer"),
            hint: "it needs cgroup version 2 or the version 1 freezer controller")
    }

    /// Thaws the cgroup and all that the container froze below it, so that killed processes can end: version 1 keeps a frozen
    /// process from seeing even SIGKILL. Version 2 does not, and a cgroup that is gone needs nothing.
    package func thawTree() throws(OperationError) {
        guard let freezer = try findFreezer() else { return }
        do throws(Errno) {
            if freezer.version == .v2 { return try freezer.set(frozen: false) }
            try walkCgroups(
                freezer.directory,
                visit: { (cgroup) throws(Errno) in try cgroup.open("freezer.state", [.writeOnly, .noFollow]).writeAtOnce("THAWED") })
        } catch {
            if !isGone(error) { throw OperationError("thaw", freezer.directory, .errno(error)) }
        }
    }

    /// The directory with a freezer: of version 1 in its own hierarchy, which is looked at first; version 2 has one everywhere
    /// (since 5.2).
    private func findFreezer() throws(OperationError) -> Freezer? {
        let own = directories.filter { $0.hasPrefix("/sys/fs/cgroup/freezer/") }
        for directory in own + directories {
            for version in [CgroupHierarchy.Version.v2, .v1] {
                let freezer = Freezer(directory: directory, version: version)
                do throws(Errno) {
                    _ = try fileStatus(Path(freezer.path), following: false)
                    return freezer
                } catch {
                    if !isGone(error) { throw OperationError("look for", freezer.path, .errno(error)) }
                }
            }
        }
        return nil
    }
}

/// The freezer files of one directory.
private struct Freezer {
    let directory: String
    let version: CgroupHierarchy.Version

    var path: String { directory + (version == .v2 ? "/cgroup.freeze" : "/freezer.state") }

    func set(frozen: Bool) throws(Errno) {
        try writeFile(Path(path), version == .v2 ? (frozen ? "1" : "0") : (frozen ? "FROZEN" : "THAWED"))
    }

    func isAskedToFreeze() throws(Errno) -> Bool {
        let state = try read(path)
        return version == .v2 ? state == ["1"] : state != ["THAWED"]
    }

    private func read(_ path: String) throws(Errno) -> [String] { words(String(decoding: try readFile(Path(path), limit: 4096), as: UTF8.self)) }

    private func isFrozen() throws(Errno) -> Bool {
        if version == .v1 { return try read(path) == ["FROZEN"] }
        let events = try read(directory + "/cgroup.events")
        guard let key = events.firstIndex(of: "frozen"), key + 1 < events.count else { return true }
        return events[key + 1] == "1"
    }

    /// Waits until all processes stand still; false when they do not in that time.
    func isFrozen(withinMilliseconds limit: Int64) throws(Errno) -> Bool {
        let deadline = monotonicNanoseconds() + limit * 1_000_000
        var rounds = 0
        while true {
            if try isFrozen() { return true }
            if monotonicNanoseconds() > deadline { return false }
            rounds += 1
            // Version 1 can miss a process that was being made while it froze the others: asked again, it goes on.
            if version == .v1 && rounds % 16 == 0 { try set(frozen: true) }
            sleep(milliseconds: rounds < 20 ? 1 : 10)
        }
    }
}
