// When a container begins to be short of memory, before the kernel has to kill for it.
package import Diagnostics
package import Kernel

/// Tells that the processes of a cgroup lose time for lack of memory, at most once in `interval`.
///
/// Version 2: some waited for 15 per cent of the interval. Version 1: the kernel's level "medium", which is that much of what it looks at cannot
/// be reclaimed. Source: kernel accounting/psi.rst, "Monitoring for pressure thresholds"; cgroup-v1/memory.rst, "Memory Pressure".
package struct MemoryPressureNotices: ~Copyable {
    /// The level that version 1 tells of.
    private static let level = "medium"
    /// Nanoseconds. Who may not use real-time threads gets no other from the kernel than multiples of 2 s.
    private static let interval: Int64 = 2_000_000_000

    /// Ready, with the events that are `wanted`, when there may be something to tell.
    package private(set) var source: FileDescriptor
    private let kind: PollEvents
    private let isVersion2: Bool
    private var quietUntil: Int64 = 0

    /// How a cgroup stands.
    package enum Notice: Equatable, Sendable {
        /// The times that were lost, in version 2.
        case lost(Pressure)
        /// The kernel's word in version 1.
        case level(String)
    }

    /// Begins to watch the cgroup. Where the kernel keeps no account of pressure, and without a memory controller, nothing is ever told.
    package static func of(_ cgroup: Cgroup) throws(OperationError) -> MemoryPressureNotices {
        for directory in cgroup.directories {
            do throws(Errno) {
                let handle = try FileDescriptor.open(Path(directory), [.readOnly, .directory, .noFollow])
                do throws(Errno) {
                    return MemoryPressureNotices(
                        source: try .memoryPressureEvents(cgroup: handle, level: level), kind: .readable, isVersion2: false)
                } catch where error == .noEntry {}
                let file = try handle.open("memory.pressure", [.readWrite, .noFollow, .nonBlocking])
                try file.writeAtOnce("some \(interval / 1000 * 15 / 100) \(interval / 1000)")
                return MemoryPressureNotices(source: consume file, kind: .priority, isVersion2: true)
            } catch {
                switch error {
                case .noEntry, .notSupported, .accessDenied, .notPermitted: continue
                default: throw OperationError("watch memory pressure of", directory, .errno(error))
                }
            }
        }
        return MemoryPressureNotices(source: try silence(), kind: .readable, isVersion2: false)
    }

    /// What is never ready.
    private static func silence() throws(OperationError) -> FileDescriptor {
        do throws(Errno) { return try .eventCounter() } catch { throw OperationError("watch memory pressure", "", .errno(error)) }
    }

    private init(source: consuming FileDescriptor, kind: PollEvents, isVersion2: Bool) {
        self.source = source
        self.kind = kind
        self.isVersion2 = isVersion2
    }

    /// What poll(2) shall look for: nothing in the rest of an interval.
    package func wanted(now: Int64) -> PollEvents { now < quietUntil ? [] : kind }

    /// What to tell when `source` is ready with `events`; nil when there is nothing, as once the cgroup is gone.
    package mutating func take(_ events: PollEvents, now: Int64) throws(OperationError) -> Notice? {
        quietUntil = now + Self.interval
        if events.contains(.failed) {
            source = try Self.silence()
            return nil
        }
        do throws(Errno) {
            guard isVersion2 else { return try source.eventCount() > 0 ? .level(Self.level) : nil }
            return pressure(String(decoding: try source.read(atMost: 4096, at: 0), as: UTF8.self)).map { .lost($0) }
        } catch {
            if isGone(error) || error == .tryAgain { return nil }
            throw OperationError("read memory pressure", "", .errno(error))
        }
    }
}
