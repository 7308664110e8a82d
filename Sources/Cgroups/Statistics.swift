// What a container uses, as plain values, and the walk over its directories that collects them.
// The texts of the files are taken apart by `StatisticsV1`, `StatisticsV2` and `StatisticsText`, which read through a closure
// and touch no file.
package import Diagnostics
import Kernel

/// What a container uses. A part is nil, and a number is 0, when no controller of its cgroup counts it.
package struct CgroupStatistics: Equatable, Sendable {
    package var cpu: CPUStatistics?
    package var cpuset: CpusetStatistics?
    package var memory: MemoryStatistics?
    package var pids: PidsStatistics?
    package var blockIO: BlockIOStatistics?
    /// By the size of the pages: "2MB".
    package var hugePages: [(pageSize: String, usage: HugePageStatistics)] = []

    package init() {}

    package static func == (a: CgroupStatistics, b: CgroupStatistics) -> Bool {
        a.cpu == b.cpu && a.cpuset == b.cpuset && a.memory == b.memory && a.pids == b.pids && a.blockIO == b.blockIO
            && a.hugePages.elementsEqual(b.hugePages) { $0.pageSize == $1.pageSize && $0.usage == $1.usage }
    }
}

/// Times are nanoseconds.
package struct CPUStatistics: Equatable, Sendable {
    package var total: UInt64 = 0
    package var user: UInt64 = 0
    package var system: UInt64 = 0
    /// One a CPU; empty in version 2.
    package var totalOfCPU: [UInt64] = []
    package var userOfCPU: [UInt64] = []
    package var systemOfCPU: [UInt64] = []
    package var periods: UInt64 = 0
    package var throttledPeriods: UInt64 = 0
    package var throttledTime: UInt64 = 0
    package var pressure: Pressure?
    package init() {}
}

/// The CPUs and memory nodes of a cgroup, and version 1's settings.
package struct CpusetStatistics: Equatable, Sendable {
    package var cpus: [UInt16] = []
    package var mems: [UInt16] = []
    /// The numbers in the files of version 1 by their names after "cpuset.".
    package var settings: [(name: String, value: Int64)] = []
    package init() {}

    package static func == (a: CpusetStatistics, b: CpusetStatistics) -> Bool {
        a.cpus == b.cpus && a.mems == b.mems && a.settings.elementsEqual(b.settings) { $0 == $1 }
    }
}

/// Numbers are bytes.
package struct MemoryStatistics: Equatable, Sendable {
    /// One counter with its limit.
    package struct Entry: Equatable, Sendable {
        /// `UInt64.max` without a limit in version 2; the greatest number of whole pages in version 1.
        package var limit: UInt64 = 0
        package var usage: UInt64 = 0
        package var greatest: UInt64 = 0
        /// How often the limit was reached.
        package var failures: UInt64 = 0
        package init(limit: UInt64 = 0, usage: UInt64 = 0, greatest: UInt64 = 0, failures: UInt64 = 0) {
            self.limit = limit
            self.usage = usage
            self.greatest = greatest
            self.failures = failures
        }
    }
    /// Pages of files.
    package var cache: UInt64 = 0
    package var usage = Entry()
    /// Memory and swap together.
    package var swap = Entry()
    package var kernel = Entry()
    package var kernelTCP = Entry()
    /// Processes that the kernel killed for lack of memory.
    package var kills: UInt64 = 0
    /// memory.stat as it is.
    package var counters: [(key: String, value: UInt64)] = []
    package var pressure: Pressure?
    package init() {}

    package static func == (a: MemoryStatistics, b: MemoryStatistics) -> Bool {
        a.cache == b.cache && a.usage == b.usage && a.swap == b.swap && a.kernel == b.kernel && a.kernelTCP == b.kernelTCP && a.kills == b.kills
            && a.counters.elementsEqual(b.counters) { $0 == $1 } && a.pressure == b.pressure
    }
}

/// Tasks: processes and threads.
package struct PidsStatistics: Equatable, Sendable {
    package var current: UInt64 = 0
    /// 0 without a limit.
    package var limit: UInt64 = 0
    package init(current: UInt64 = 0, limit: UInt64 = 0) {
        self.current = current
        self.limit = limit
    }
}

/// Lists of what block devices did for the cgroup.
package struct BlockIOStatistics: Equatable, Sendable {
    /// What one kind of operation on one device comes to.
    package struct Entry: Equatable, Sendable {
        package var major: UInt64
        package var minor: UInt64
        /// "Read", "Write", "Sync", …; empty where the file counts all together.
        package var operation: String
        package var value: UInt64
        package init(major: UInt64, minor: UInt64, operation: String, value: UInt64) {
            self.major = major
            self.minor = minor
            self.operation = operation
            self.value = value
        }
    }
    package var bytes: [Entry] = []
    package var operations: [Entry] = []
    package var queued: [Entry] = []
    package var serviceTime: [Entry] = []
    package var waitTime: [Entry] = []
    package var merged: [Entry] = []
    package var time: [Entry] = []
    package var sectors: [Entry] = []
    package var pressure: Pressure?
    package init() {}
}

/// Numbers are bytes.
package struct HugePageStatistics: Equatable, Sendable {
    package var usage: UInt64 = 0
    package var greatest: UInt64 = 0
    package var failures: UInt64 = 0
    package init(usage: UInt64 = 0, greatest: UInt64 = 0, failures: UInt64 = 0) {
        self.usage = usage
        self.greatest = greatest
        self.failures = failures
    }
}

/// How much time was lost by waiting for a resource. Source: kernel accounting/psi.rst.
package struct Pressure: Equatable, Sendable {
    /// One line of a pressure file. The averages are per cent, as the kernel writes them: "0.25".
    package struct Line: Equatable, Sendable {
        package var average10 = "0"
        package var average60 = "0"
        package var average300 = "0"
        /// Microseconds.
        package var total: UInt64 = 0
        package init() {}
    }
    /// Some tasks waited.
    package var some = Line()
    /// All tasks waited at once.
    package var full = Line()
    package init() {}
}

extension Cgroup {
    /// What the container uses now.
    ///
    /// - Throws: when a directory cannot be opened, `ENOENT` when the container is gone.
    /// Source: kernel cgroup-v2.rst; cgroup-v1/memory.rst, cpuacct.rst, pids.rst, blkio-controller.rst, hugetlb.rst.
    package func statistics() throws(OperationError) -> CgroupStatistics {
        var statistics = CgroupStatistics()
        for directory in directories {
            let cgroup = try openCgroup(directory)
            let names = cgroup.names()
            // one open a file, and none for files that are not there
            let text: (String) -> String? = { (file) in names.contains(file) ? Self.text(of: file, in: directory) : nil }
            if names.contains("cgroup.controllers") {
                statistics.addVersion2(names, text)
            } else {
                statistics.addVersion1(names, text)
            }
        }
        return statistics
    }

    private static func text(of file: String, in directory: String) -> String? {
        do throws(Errno) {
            return String(decoding: try readFile(Path(directory + "/" + file), limit: 1 << 20), as: UTF8.self)
        } catch {
            return nil  // files for writing only, and those of a controller that the kernel has switched off
        }
    }
}

extension FileDescriptor {
    /// The names of this directory's files; none when it cannot be read.
    fileprivate borrowing func names() -> Set<String> {
        do throws(Errno) { return Set(try entries().filter { $0.kind == .regular }.map { $0.text }) } catch { return [] }
    }
}
