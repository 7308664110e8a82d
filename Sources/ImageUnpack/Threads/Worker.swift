import CThread
import Diagnostics

/// A thread. Whoever starts one joins it.
@safe struct Worker: ~Copyable {
    private let thread: UInt64

    private final class Body {
        let run: () -> Void
        init(_ run: @escaping () -> Void) { self.run = run }
    }

    /// Starts a thread that calls `body` once.
    /// - Throws: any errno of pthread_create(3): `EAGAIN` at the limit of processes.
    init(_ body: @escaping @Sendable () -> Void) throws(OperationError) {
        let context = unsafe Unmanaged.passRetained(Body(body))
        var thread: UInt64 = 0
        let answer = unsafe thread_start({ context in
            guard let context = unsafe context else { return }
            unsafe Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run()
        }, context.toOpaque(), &thread)
        if answer != 0 {
            unsafe context.release()
            throw OperationError("start", "a thread", .errno(Errno(-answer)))
        }
        self.thread = thread
    }

    /// Waits for its end.
    consuming func join() { thread_join(thread) }

    /// How many processors this process may use; at least 1.
    static var processors: Int { max(1, Int(thread_processors())) }
}
