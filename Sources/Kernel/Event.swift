import CKernel
package import Diagnostics

extension FileDescriptor {
    /// A non-blocking eventfd(2) at 0: nobody but its owner makes it ready.
    package static func eventCounter() throws(Errno) -> FileDescriptor { FileDescriptor(owning: try check(kernel_eventfd())) }

    /// An eventfd(2) that counts how often the kernel ran out of memory in the version 1 memory cgroup whose
    /// directory is `cgroup`. The cgroup's removal counts as well.
    ///
    /// - Throws: `ENOENT` for a directory without a memory controller.
    /// Source: kernel cgroup-v1/memory.rst, "OOM Control"; eventfd(2).
    package static func outOfMemoryEvents(cgroup: borrowing FileDescriptor) throws(Errno) -> FileDescriptor {
        try events(of: "memory.oom_control", in: cgroup)
    }

    /// An eventfd(2) that counts how often the version 1 memory cgroup whose directory is `cgroup` was under pressure: "low", "medium" or
    /// "critical", or above. The cgroup's removal counts as well.
    ///
    /// - Throws: `ENOENT` for a directory without a memory controller.
    /// Source: kernel cgroup-v1/memory.rst, "Memory Pressure".
    package static func memoryPressureEvents(cgroup: borrowing FileDescriptor, level: String) throws(Errno) -> FileDescriptor {
        try events(of: "memory.pressure_level", in: cgroup, " " + level)
    }

    private static func events(of file: Path, in cgroup: borrowing FileDescriptor, _ arguments: String = "") throws(Errno) -> FileDescriptor {
        let control = try cgroup.open(file, [.readOnly, .noFollow])
        let events = try eventCounter()
        try cgroup.open("cgroup.event_control", [.writeOnly, .noFollow]).writeAtOnce("\(events.raw) \(control.raw)" + arguments)
        return events
    }

    /// The count of this eventfd, which is 0 again afterwards.
    /// - Throws: `EAGAIN` when it is 0.
    package borrowing func eventCount() throws(Errno) -> UInt64 {
        let bytes = try read(atMost: 8)
        guard bytes.count == 8 else { throw .inputOutput }
        return bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
