// Processes: made by clone, waited for, ended, replaced by programs, and the identity that they have. Namespaces are in Namespace.swift,
// limits in Limits.swift, users and capabilities in Identity.swift, signals in Signal.swift, and what /proc tells in ProcFS.swift.
// A pid is a number that another process may have by now, unless it is that of a child that was not waited for.
import CKernel
package import Diagnostics

/// Which side of clone3(2) runs.
package enum CloneSide: Equatable, Sendable {
    case child
    case parent(child: Int32)
}

/// clone3(2) without shared memory: the child goes on with a copy of everything. Where that call is denied (seccomp filters cannot look
/// into its arguments, and let it fail with ENOSYS), clone(2), which knows all but time namespaces and cgroups.
///
/// - Parameters:
///   - asSibling: the child gets the caller's parent (`CLONE_PARENT`).
///   - cgroup: a version 2 cgroup directory in which the child starts.
/// - Throws: `EAGAIN` at a limit of processes, `ENOSPC` or `EUSERS` at a limit of namespaces, `EPERM`, `ENOSYS`.
package func clone(_ namespaces: NamespaceSet, asSibling: Bool = false) throws(Errno) -> CloneSide {
    try clone(namespaces, asSibling: asSibling, cgroupNumber: -1)
}

package func clone(_ namespaces: NamespaceSet, into cgroup: borrowing FileDescriptor) throws(Errno) -> CloneSide {
    try clone(namespaces, asSibling: false, cgroupNumber: cgroup.raw)
}

private func clone(_ namespaces: NamespaceSet, asSibling: Bool, cgroupNumber: Int32) throws(Errno) -> CloneSide {
    let parentFlag: UInt64 = asSibling ? siblingFlag : 0
    // with CLONE_PARENT the child signals the common parent as its siblings do: an exit signal of its own is EINVAL
    let child: Int32
    do throws(Errno) {
        child = Int32(try check(kernel_clone3(namespaces.flags | parentFlag, asSibling ? 0 : SIGCHLD, nil, cgroupNumber)))
    } catch where (error == .noSystemCall || error == .notPermitted && namespaces.isEmpty) && cgroupNumber < 0 && !namespaces.contains(.time) {
        child = Int32(try check(kernel_clone(namespaces.flags | parentFlag | (asSibling ? 0 : UInt64(SIGCHLD)))))
    }
    return child == 0 ? .child : .parent(child: child)
}

/// clone(2) into the namespaces that the caller has for its children, as a child of the caller's parent. The older call, since profiles that
/// deny clone3(2) with EPERM let it pass.
package func cloneSibling() throws(Errno) -> CloneSide {
    let child = Int32(try check(kernel_clone(siblingFlag)))
    return child == 0 ? .child : .parent(child: child)
}

/// clone(2) with `CLONE_FILES`: what the child opens is open in the caller as well, by the same number.
package func cloneSharingDescriptors() throws(Errno) -> CloneSide {
    let child = Int32(try check(kernel_clone(sharedDescriptorsFlag | UInt64(SIGCHLD))))
    return child == 0 ? .child : .parent(child: child)
}

/// `CLONE_FILES`. Source: clone(2).
private var sharedDescriptorsFlag: UInt64 { 0x400 }

/// `CLONE_PARENT`. Source: clone(2).
package var siblingFlag: UInt64 { 0x8000 }

/// How a child ended.
package enum WaitResult: Equatable, Sendable {
    /// 0…255, or 128 + the signal's number.
    case ended(pid: Int32, status: Int32)
    case stillRunning
}

/// Waits for `pid`, or any child with -1. Children of `clone` with `asSibling` are included.
/// - Throws: `ECHILD`.
package func waitForChild(_ pid: Int32, blocking: Bool = true) throws(Errno) -> WaitResult {
    var raw: Int32 = 0
    while true {
        let answer = unsafe kernel_wait(pid, blocking ? 0 : 1, &raw)
        if answer == -EINTR { continue }
        let found = try check(answer)
        if found == 0 { return .stillRunning }
        return .ended(pid: found, status: kernel_exit_status(raw))
    }
}

/// How a child ended that has this exit status of `WaitResult`, in words.
package func endInWords(_ status: Int32) -> String {
    if status == 128 + 31 { return "it was killed by signal 31 (bad system call: a seccomp filter denies it)" }
    return status > 128 ? "it was killed by signal \(status - 128)" : "it ended with status \(status)"
}

/// Whether `pid` is a child of this process that was not waited for, running or not.
package func isChild(_ pid: Int32) -> Bool { kernel_is_child(pid) == 1 }

/// Whether this process has any child that was not waited for.
package func hasChildren() -> Bool { kernel_has_children() == 1 }

/// Kills the child `pid`, whatever it is doing, and reaps it if it ends at once. Once somebody has reaped it, its pid may be another's: nothing is
/// done then.
package func endChild(_ pid: Int32) {
    guard isChild(pid) else { return }
    do throws(Errno) {
        try sendSignal(9, to: pid)
        try reapChild(pid)
    } catch {}  // a child of ours can be signalled and waited for
}

/// Waits, half a second at most, for a child that was killed. In a frozen cgroup of version 1 it ends when that is thawed, and when somebody
/// else traces it, it is his first: what is left of it is whoever's it is when we are gone.
package func reapChild(_ pid: Int32) throws(Errno) {
    let deadline = monotonicNanoseconds() + 500_000_000
    while case .stillRunning = try waitForChild(pid, blocking: false), monotonicNanoseconds() < deadline { sleep(milliseconds: 1) }
}

/// argv or envp, laid out in advance, so that execve(2) needs no memory.
@frozen @safe public struct StringVector: ~Copyable {
    @usableFromInline let pointers: UnsafeMutablePointer<UnsafePointer<CChar>?>
    @usableFromInline let text: UnsafeMutablePointer<CChar>

    package init(_ strings: [String]) {
        let count = strings.reduce(0) { $0 + $1.utf8.count + 1 }
        unsafe text = UnsafeMutablePointer<CChar>.allocate(capacity: max(count, 1))
        unsafe pointers = UnsafeMutablePointer<UnsafePointer<CChar>?>.allocate(capacity: strings.count + 1)
        var offset = 0
        for (index, string) in strings.enumerated() {
            unsafe pointers[index] = UnsafePointer(text + offset)
            for byte in string.utf8 {
                unsafe text[offset] = CChar(bitPattern: byte)
                offset += 1
            }
            unsafe text[offset] = 0
            offset += 1
        }
        unsafe pointers[strings.count] = nil
    }

    @inlinable deinit {
        unsafe pointers.deallocate()
        unsafe text.deallocate()
    }

    borrowing func withPointer(_ body: (UnsafePointer<UnsafePointer<CChar>?>) -> Int32) -> Int32 { unsafe body(UnsafePointer(pointers)) }
}

/// Replaces this program; returns only to throw.
package func execute(_ path: Path, arguments: borrowing StringVector, environment: borrowing StringVector) throws(Errno) {
    try check(unsafe arguments.withPointer { argv in
        unsafe environment.withPointer { envp in unsafe path.withCString { unsafe kernel_execve($0, argv, envp) } }
    })
}

extension FileDescriptor {
    /// Replaces this program by the one behind this descriptor; returns only to throw.
    package borrowing func execute(arguments: borrowing StringVector, environment: borrowing StringVector) throws(Errno) {
        let number = raw
        try check(unsafe arguments.withPointer { argv in unsafe environment.withPointer { unsafe kernel_execveat(number, argv, $0) } })
    }

    /// Sends `signal` to the process behind this pidfd.
    package borrowing func sendSignal(_ signal: Int32) throws(Errno) { try check(kernel_pidfd_send_signal(raw, signal)) }

    /// A handle of the process `pid`. - Throws: `ESRCH`, `ENOSYS` before Linux 5.3.
    package static func process(_ pid: Int32) throws(Errno) -> FileDescriptor {
        do throws(Errno) {
            return FileDescriptor(owning: try check(kernel_pidfd_open(pid)))
        } catch where error == .invalid {
            // The process is gone, and its number lives on as that of a session or a group (seen with Linux 6.1).
            throw .noProcess
        }
    }
}

/// Ends the process at once, without exit handlers: the only way out of a cloned child.
package func exitNow(_ status: Int32) -> Never { kernel_exit_now(status) }
package func processID() -> Int32 { kernel_getpid() }
package func parentProcessID() -> Int32 { kernel_getppid() }
package func effectiveUserID() -> UInt32 { kernel_geteuid() }
package func effectiveGroupID() -> UInt32 { kernel_getegid() }
package func sendSignal(_ signal: Int32, to pid: Int32) throws(Errno) { try check(kernel_kill(pid, signal)) }
package func startSession() throws(Errno) { try check(kernel_setsid()) }
package func changeDirectory(to path: Path) throws(Errno) { try check(unsafe path.withCString { unsafe kernel_chdir($0) }) }
/// Returns the mask that it replaces.
@discardableResult package func setFileCreationMask(_ mask: UInt32) -> UInt32 { kernel_umask(mask) }

extension FileDescriptor {
    package borrowing func makeCurrentDirectory() throws(Errno) { try check(kernel_fchdir(raw)) }
}

/// Whether this process may use `path` in `mode` (4 read, 2 write, 1 execute), by its effective ids.
package func mayAccess(_ path: Path, mode: Int32) throws(Errno) {
    try check(unsafe path.withCString { unsafe kernel_faccessat(currentDirectoryNumber, $0, mode, 0x200) })
}

/// Takes the page faults of the heap at once that would else come one by one: at the start, and in both processes after
/// `clone`, which share its pages until either writes. Source: madvise(2) `MADV_POPULATE_WRITE`.
package func populateHeap() { kernel_populate_heap(96 << 10) }
