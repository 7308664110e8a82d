import CThread

/// A lock, and a place to wait for a change of what it guards.
@safe final class Monitor: @unchecked Sendable {
    private let monitor: OpaquePointer

    init() {
        guard let made = unsafe thread_monitor_make() else { preconditionFailure("no memory for a lock") }
        unsafe monitor = made
    }

    deinit { unsafe thread_monitor_free(monitor) }

    /// Calls `body` with the lock held.
    func locked<Result>(_ body: () -> Result) -> Result {
        unsafe thread_monitor_lock(monitor)
        defer { unsafe thread_monitor_unlock(monitor) }
        return body()
    }

    /// Waits for `wakeAll`, inside of `locked` only; what is waited for must be looked at again afterwards.
    func wait() { unsafe thread_monitor_wait(monitor) }

    /// Wakes all that wait.
    func wakeAll() { unsafe thread_monitor_wake_all(monitor) }
}
