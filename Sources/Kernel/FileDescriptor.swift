public import CKernel
package import Diagnostics

/// One owned descriptor: closed exactly once, not copied, not used after it was given away.
@frozen public struct FileDescriptor: ~Copyable {
    /// The number, for calls in `Kernel` and `ContainerInit` only.
    public let raw: Int32

    /// Takes over `raw`, which nobody else may close.
    @inlinable public init(owning raw: Int32) { self.raw = raw }

    @inlinable deinit { _ = kernel_close(raw) }

    /// Gives the number away: the receiver closes it.
    @inlinable public consuming func relinquish() -> Int32 {
        let number = raw
        discard self
        return number
    }
}

/// The result of a shim that answers `-errno`.
@inline(__always) @discardableResult
package func check(_ answer: Int32) throws(Errno) -> Int32 {
    if answer < 0 { throw Errno(-answer) }
    return answer
}

/// The result of a shim that answers `-errno`.
@inline(__always) @discardableResult
package func check(_ answer: Int64) throws(Errno) -> Int {
    if answer < 0 { throw Errno(Int32(-answer)) }
    return Int(answer)
}

/// The result of a shim that answers `-errno`, called again after EINTR.
@inline(__always) @discardableResult
package func checkRetrying(_ call: () -> Int32) throws(Errno) -> Int32 {
    while true {
        let answer = call()
        if answer != -EINTR { return try check(answer) }
    }
}

/// The result of a shim that answers `-errno`, called again after EINTR.
@inline(__always) @discardableResult
package func checkRetrying(_ call: () -> Int64) throws(Errno) -> Int {
    while true {
        let answer = call()
        if answer != Int64(-EINTR) { return try check(answer) }
    }
}

extension FileDescriptor {
    /// A close-on-exec duplicate.
    package borrowing func duplicate(above least: Int32 = 3) throws(Errno) -> FileDescriptor {
        FileDescriptor(owning: try check(kernel_dup_above(raw, least)))
    }

    /// Whether the descriptor is closed by execve(2).
    package borrowing func setCloseOnExec(_ on: Bool) throws(Errno) { try check(kernel_set_close_on_exec(raw, on ? 1 : 0)) }

    package borrowing func setNonBlocking(_ on: Bool) throws(Errno) {
        let flags = try check(kernel_get_status_flags(raw))
        try check(kernel_set_status_flags(raw, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK))
    }

    /// Closes and reports what close(2) says, for files whose write errors come late.
    package consuming func close() throws(Errno) { try check(kernel_close(relinquish())) }
}

/// Whether `number` is an open descriptor of this process.
package func isOpen(descriptor number: Int32) -> Bool { kernel_get_status_flags(number) >= 0 }

/// Marks all descriptors from `first` on close-on-exec; false where the kernel has no close_range(2) with that flag (before 5.11).
package func closeOnExec(from first: Int32) -> Bool {
    kernel_close_range(UInt32(first), UInt32.max, 4) == 0
}

extension FileDescriptor {
    /// Makes the descriptor `number` a copy of this one that survives execve(2).
    package borrowing func duplicate(onto number: Int32) throws(Errno) { try check(kernel_dup3(raw, number, 0)) }

    /// Borrows one of the standard streams for the time of `body`.
    package static func withStream<Result>(_ number: Int32, _ body: (borrowing FileDescriptor) throws(Errno) -> Result) throws(Errno) -> Result {
        let stream = FileDescriptor(owning: number)
        do throws(Errno) {
            let result = try body(stream)
            _ = stream.relinquish()
            return result
        } catch {
            _ = stream.relinquish()
            throw error
        }
    }
}

extension FileDescriptor {
    /// The number by which another process finds this descriptor below our /proc/PID/fd, as long as it is open.
    package var numberBelowProc: Int32 { raw }
}

/// Lets the inherited descriptor `number` survive execve(2).
package func setSurvivesExecution(_ number: Int32) throws(Errno) { try check(kernel_set_close_on_exec(number, 0)) }

/// Closes all descriptors from `first` through `last`; one by one where the kernel has no close_range(2) (before 5.9).
package func closeDescriptors(from first: Int32, through last: Int32) {
    if first > last || kernel_close_range(UInt32(first), last == .max ? .max : UInt32(last), 0) == 0 { return }
    do throws(Errno) {
        let open = try FileDescriptor.open("/proc/self/fd", [.readOnly, .directory])
        for entry in try open.entries() {
            guard let number = Int32(entry.text), number >= first, number <= last, number != open.raw else { continue }
            _ = kernel_close(number)
        }
    } catch {
        // without a procfs: whatever has been allowed; a limit that was lowered by now says nothing of what was opened before
        var most: Int32 = 1 << 20
        do throws(Errno) { most = Int32(clamping: try resourceLimit(7).hard) } catch {}
        for number in first...max(first, min(last, most)) { _ = kernel_close(number) }
    }
}
