// A process whose only purpose is that there are namespaces which it is in.
import Diagnostics
import Kernel

/// A child in new namespaces that only waits: it ends when it is released, or when this process dies.
struct NamespaceHolder: ~Copyable {
    let pid: Int32
    private let end: FileDescriptor

    private init(pid: Int32, end: consuming FileDescriptor) {
        self.pid = pid
        self.end = end
    }

    /// - Throws: `ENOSPC` at a limit of namespaces (/proc/sys/user), `EPERM` without the right to make them.
    static func begin(in namespaces: NamespaceSet) throws(Errno) -> NamespaceHolder {
        let pair = try FileDescriptor.socketPair(.stream)
        switch try clone(namespaces) {
        case .child:
            // our own copy of the parent's end must go, or its end would never come
            let theirs = pair.intoSecond()
            do throws(Errno) { _ = try theirs.read(atMost: 1) } catch { exitNow(error.code) }
            exitNow(0)
        case .parent(let pid): return NamespaceHolder(pid: pid, end: pair.intoFirst())
        }
    }

    /// Lets the process end, then reaps it: in this order, or it would wait for us and we for it.
    /// - Returns: why it has ended before; nil when it has not.
    @discardableResult consuming func release() -> Cause? {
        let pid = pid
        do throws(Errno) {
            do throws(Errno) { try end.close() } catch {}  // a socket's close has nothing to lose
            guard case .ended(_, let status) = try waitForChild(pid), status != 0 else { return nil }
            return status < 128 ? .errno(Errno(status)) : .invalid("a process that helps was killed by signal \(status - 128)")
        } catch {
            return nil  // somebody else has reaped it
        }
    }
}
