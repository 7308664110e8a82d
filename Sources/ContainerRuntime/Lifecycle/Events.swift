import Cgroups
package import Diagnostics
import Kernel
import OCISpec

/// A container that is watched, without its lock: what it uses, when it runs out of memory, and its end.
package struct ContainerWatch: ~Copyable {
    private let state: StoredState
    private let process: FileDescriptor
    private var notices: OutOfMemoryNotices
    private var pressure: MemoryPressureNotices

    /// - Throws: `.invalid("container not running …")` for a container that has stopped or is not yet created.
    package init(_ container: consuming Container) throws(OperationError) {
        let state = container.state
        let status = try container.status()
        guard status != .stopped, status != .creating else { throw Self.notRunning(state, "it is " + status.rawValue) }
        let notices = try OutOfMemoryNotices.of(state.cgroup)
        let pressure = try MemoryPressureNotices.of(state.cgroup)
        let process = try Self.process(of: state)
        self.state = state
        self.notices = notices
        self.pressure = pressure
        self.process = process
    }

    private static func process(of state: StoredState) throws(OperationError) -> FileDescriptor {
        do throws(Errno) {
            let process = try FileDescriptor.process(state.pid)
            guard try state.initMatches() else { throw .noProcess }
            return process
        } catch {
            throw error == .noProcess ? notRunning(state, "no such process") : OperationError("watch container", state.id, .errno(error))
        }
    }

    private static func notRunning(_ state: StoredState, _ why: String) -> OperationError {
        OperationError("watch container", state.id, .invalid("container not running (\(why))"))
    }

    /// What the container uses now, as one line of JSON.
    package borrowing func statistics() throws(OperationError) -> String {
        let usage: CgroupStatistics
        do throws(OperationError) {
            usage = try state.cgroup.statistics()
        } catch {
            throw error.within("watch \(quoted(state.id))")
        }
        // without a network namespace of its own these are the host's; an init that ends has none
        let interfaces = (try? interfaceStatistics(of: state.pid)) ?? []
        return statisticsEvent(id: state.id, usage, interfaces: interfaces)
    }

    /// Gives a line about usage every `interval`, and one each time that the container runs out of memory or begins to be short of it, until
    /// it ends or nobody reads stdout any more.
    package consuming func run(everyMilliseconds interval: Int64, emit: (String) throws(OperationError) -> Void) throws(OperationError) {
        var next = monotonicNanoseconds() + interval * 1_000_000
        while true {
            let now = monotonicNanoseconds()
            let left = max(0, (next - now + 999_999) / 1_000_000)
            let came: [PollEvents]
            do throws(Errno) {
                came = try poll(
                    [(process.raw, .readable), (notices.source.raw, notices.wanted), (1, []), (pressure.source.raw, pressure.wanted(now: now))],
                    milliseconds: Int32(clamping: left))
            } catch where error == .interrupted {
                continue
            } catch {
                throw OperationError("wait for events of", state.id, .errno(error))
            }
            let hasEnded = !came[0].isEmpty
            if !came[3].isEmpty, !hasEnded, let notice = try pressure.take(came[3], now: monotonicNanoseconds()) {
                try emit(memoryPressureEvent(id: state.id, notice))
            }
            if !came[1].isEmpty || hasEnded {
                // many at once are one notice, as from runc
                if try notices.take() > 0 { try emit(outOfMemoryEvent(id: state.id)) }
            }
            if hasEnded || !came[2].isEmpty { return }
            if monotonicNanoseconds() < next { continue }
            next += interval * 1_000_000
            do throws(OperationError) {
                try emit(try statistics())
            } catch {
                // the cgroup goes with the container, which may end at any moment
                if error.errno == .noEntry || error.errno == .noDevice { return }
                throw error
            }
        }
    }
}
