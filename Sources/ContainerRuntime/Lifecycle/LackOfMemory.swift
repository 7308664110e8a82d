import Cgroups
import Diagnostics
import Kernel

extension Cgroup {
    /// Waits a moment whether the program that the process `pid` of this cgroup executes is killed for lack of memory.
    ///
    /// The kernel closes what tells of an execution before it has loaded the program, and may find then that there is no memory
    /// for it. So the end of the process is awaited for 100 ms: only for a container whose limit is below 1 MiB, where programs
    /// are killed so early. Others pay nothing, and are told the end of their program by whoever waits for it.
    /// - Throws: `.invalid` with what was used and the limit.
    func refuseLackOfMemory(of pid: Int32) throws(OperationError) {
        do throws(Errno) {
            let process = try FileDescriptor.process(pid)
            if try !process.isReadable(within: 100) { return }
        } catch {
            guard error == .noProcess else { return }  // what cannot be watched is not told
        }
        guard let reason = outOfMemory() else { return }
        throw OperationError("execute", "program", .invalid("it was killed: " + reason), field: "linux.resources.memory.limit")
    }
}

/// Remembers that a process of a container was killed for lack of memory, for when its cgroup is gone: systemd removes that of a scope as soon
/// as the last process has ended.
struct LackOfMemoryWatch: ~Copyable {
    private let notices: OutOfMemoryNotices
    private let cgroup: Cgroup
    private var isOver = false
    /// Usage and limit, once it has happened.
    private(set) var reason: String?

    private init(_ notices: consuming OutOfMemoryNotices, _ cgroup: Cgroup) {
        self.notices = notices
        self.cgroup = cgroup
    }

    /// Nil where the cgroup stays, and nothing needs to be remembered.
    static func begin(_ state: StoredState) -> LackOfMemoryWatch? {
        if state.unit == nil { return nil }
        let cgroup = state.cgroup
        do throws(OperationError) { return LackOfMemoryWatch(try .of(cgroup), cgroup) } catch { return nil }  // what cannot be watched is not told
    }

    /// What poll(2) waits for.
    var wanted: (descriptor: Int32, events: PollEvents) { (isOver ? -1 : notices.source.raw, notices.wanted) }

    /// Takes notice of the events that `wanted` has brought.
    mutating func look(_ came: PollEvents) {
        if came.isEmpty { return }
        if reason == nil { reason = cgroup.outOfMemory() }
        // once is enough, and a cgroup that is gone would be ready for ever
        if reason != nil || came.contains(.failed) { isOver = true }
    }
}
