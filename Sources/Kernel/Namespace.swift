import CKernel
package import Diagnostics

/// The kinds of namespaces. Source: namespaces(7).
package enum NamespaceKind: UInt8, CaseIterable, Hashable, Sendable {
    case user, mount, pid, network, ipc, uts, cgroup, time

    /// The `CLONE_NEW*` bit.
    package var flag: UInt64 {
        switch self {
        case .time: 0x80
        case .mount: 0x2_0000
        case .cgroup: 0x200_0000
        case .uts: 0x400_0000
        case .ipc: 0x800_0000
        case .user: 0x1000_0000
        case .pid: 0x2000_0000
        case .network: 0x4000_0000
        }
    }
    /// The name below /proc/PID/ns.
    package var procName: String {
        switch self {
        case .user: "user"
        case .mount: "mnt"
        case .pid: "pid"
        case .network: "net"
        case .ipc: "ipc"
        case .uts: "uts"
        case .cgroup: "cgroup"
        case .time: "time"
        }
    }
    package init?(flag: UInt64) {
        guard let kind = Self.allCases.first(where: { $0.flag == flag }) else { return nil }
        self = kind
    }
}

/// A set of namespace kinds.
package struct NamespaceSet: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }
    package init(_ kind: NamespaceKind) { rawValue = 1 << kind.rawValue }
    package func contains(_ kind: NamespaceKind) -> Bool { contains(NamespaceSet(kind)) }
    package mutating func insert(_ kind: NamespaceKind) { formUnion(NamespaceSet(kind)) }
    /// The `CLONE_NEW*` bits together.
    package var flags: UInt64 { kinds.reduce(0) { $0 | $1.flag } }
    package var kinds: [NamespaceKind] { NamespaceKind.allCases.filter { contains($0) } }
}

extension FileDescriptor {
    /// Opens the namespace of the process `pid`.
    /// - Throws: `ESTALE` for what is no namespace of that kind: a forged /proc could hand us anything.
    package static func namespace(_ kind: NamespaceKind, of pid: Int32) throws(Errno) -> FileDescriptor {
        let namespace = try open(Path("/proc/\(pid)/ns/\(kind.procName)"), .readOnly)
        guard try namespace.filesystemType() == .nsfs, try namespace.namespaceKind() == kind else { throw .stale }
        return namespace
    }

    /// Calls `body` in this namespace, in which this process is for a moment, and goes back to its `own`.
    package borrowing func visit(_ kind: NamespaceKind, own: borrowing FileDescriptor, _ body: () throws(Errno) -> Void) throws(Errno) {
        try enterNamespace(kind)
        var failure: Errno?
        do throws(Errno) { try body() } catch { failure = error }
        try own.enterNamespace(kind)
        if let failure { throw failure }
    }

    /// Moves the process into the namespace behind this descriptor.
    /// - Throws: `EINVAL` when it is of another kind.
    package borrowing func enterNamespace(_ kind: NamespaceKind) throws(Errno) {
        try check(kernel_setns(raw, Int32(truncatingIfNeeded: kind.flag)))
    }

    /// The kind of namespace behind this descriptor.
    /// - Throws: `ENOTTY` when it is none.
    package borrowing func namespaceKind() throws(Errno) -> NamespaceKind {
        guard let kind = NamespaceKind(flag: UInt64(try check(kernel_ns_type(raw)))) else { throw .invalid }
        return kind
    }
}

/// unshare(2).
package func unshare(_ kinds: NamespaceSet) throws(Errno) { try check(kernel_unshare(kinds.flags)) }

package func setHostname(_ name: String) throws(Errno) { try check(unsafe kernel_sethostname(name, name.utf8.count)) }
package func setDomainname(_ name: String) throws(Errno) { try check(unsafe kernel_setdomainname(name, name.utf8.count)) }

/// Brings up the loopback device of the current network namespace.
package func bringLoopbackUp() throws(Errno) { try check(kernel_loopback_up()) }

/// Whether this process is in a user namespace other than the host's first, whose file in /proc has one number on every kernel.
///
/// Source: kernel include/linux/proc_ns.h, `PROC_USER_INIT_INO`. False where it cannot be told.
package func isInNestedUserNamespace() -> Bool {
    do throws(Errno) { return try fileStatus("/proc/self/ns/user").inode != 0xEFFF_FFFD } catch { return false }
}
