// When the kernel has no memory left for a container: notices while it runs, and the reason for an end.
package import Diagnostics
package import Kernel

/// Tells each time that the kernel ran out of memory for a cgroup.
package struct OutOfMemoryNotices: ~Copyable {
    /// Ready, with the events `wanted`, when there may be something to read.
    package let source: FileDescriptor
    /// What poll(2) shall look for.
    package let wanted: PollEvents
    private let isVersion2: Bool
    private let directory: String
    private var kills: UInt64 = 0

    /// Begins to watch the cgroup. Without a memory controller nothing is ever told.
    ///
    /// Source: kernel cgroup-v1/memory.rst, "OOM Control"; cgroup-v2.rst, "memory.events" (a change wakes poll(2)).
    package static func of(_ cgroup: Cgroup) throws(OperationError) -> OutOfMemoryNotices {
        for directory in cgroup.directories {
            do throws(Errno) {
                do throws(Errno) {
                    let file = try FileDescriptor.open(Path(directory + "/memory.events"), [.readOnly, .noFollow])
                    var notices = OutOfMemoryNotices(source: file, wanted: .priority, isVersion2: true, directory: directory)
                    notices.kills = try notices.killsNow()
                    return notices
                } catch where error == .noEntry {}
                let events = try FileDescriptor.outOfMemoryEvents(cgroup: try FileDescriptor.open(Path(directory), [.readOnly, .directory, .noFollow]))
                return OutOfMemoryNotices(source: events, wanted: .readable, isVersion2: false, directory: directory)
            } catch {
                if error != .noEntry { throw OperationError("watch memory of", directory, .errno(error)) }
            }
        }
        do throws(Errno) {
            return OutOfMemoryNotices(source: try FileDescriptor.eventCounter(), wanted: .readable, isVersion2: false, directory: "")
        } catch {
            throw OperationError("watch memory", "", .errno(error))
        }
    }

    private init(source: consuming FileDescriptor, wanted: PollEvents, isVersion2: Bool, directory: String) {
        self.source = source
        self.wanted = wanted
        self.isVersion2 = isVersion2
        self.directory = directory
    }

    /// How often it happened since the last look; call it when `source` is ready. 0 once the cgroup is gone.
    package mutating func take() throws(OperationError) -> UInt64 {
        do throws(Errno) {
            if isVersion2 {
                let now = try killsNow()
                defer { kills = now }
                return now &- min(kills, now)
            }
            let count = try source.eventCount()
            // the kernel rings once more when the cgroup is removed
            do throws(Errno) { _ = try fileStatus(Path(directory + "/cgroup.event_control"), following: false) } catch { return 0 }
            return count
        } catch {
            if isGone(error) || error == .tryAgain { return 0 }
            throw OperationError("read memory events of", directory, .errno(error))
        }
    }

    /// Reading from the beginning also makes the file quiet until the next change.
    private borrowing func killsNow() throws(Errno) -> UInt64 {
        table(String(decoding: try source.read(atMost: 4096, at: 0), as: UTF8.self))["oom_kill"]
    }
}

extension Cgroup {
    /// Why a process of this cgroup was killed, if it was for lack of memory: "memory limit too low (used 4096 bytes, limit
    /// 4096 bytes)".
    ///
    /// - Parameter countsFailures: memory that could not be had counts as well, without anybody being killed.
    /// - Returns: nil when it was not for that, and when nothing can be read any more.
    package func outOfMemory(countsFailures: Bool = false) -> String? {
        do throws(OperationError) {
            guard let memory = try statistics().memory, memory.kills > 0 || (countsFailures && memory.usage.failures > 0) else { return nil }
            let used = max(memory.usage.greatest, memory.usage.usage)
            return "memory limit too low (used \(used) bytes, limit \(memory.usage.limit) bytes)"
        } catch {
            return nil  // gone: the words without a reason have to do
        }
    }
}
