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
            if try poll([(process.raw, .readable)], milliseconds: 100)[0].isEmpty { return }
        } catch {
            guard error == .noProcess else { return }  // what cannot be watched is not told
        }
        guard let reason = outOfMemory() else { return }
        throw OperationError("execute", "program", .invalid("it was killed: " + reason), field: "linux.resources.memory.limit")
    }
}
