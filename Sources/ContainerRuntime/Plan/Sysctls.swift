// Kernel parameters of the container's namespaces.
import ContainerInit
import Diagnostics
import Kernel
import OCISpec

extension ContainerPlan {
    /// Only parameters that belong to a namespace, and only where the container has that namespace: any other would
    /// change the host (CVE-2022-0811).
    mutating func planSysctls(_ linux: Linux) throws(OperationError) {
        guard !linux.sysctl.isEmpty else { return }
        add(.openProc, field: "linux.sysctl")
        for entry in linux.sysctl.entries {
            let field = "linux.sysctl[\(quoted(entry.key))]"
            func refused(_ why: String, hint: String? = nil) -> OperationError { OperationError("set sysctl", entry.key, .invalid(why), field: field, hint: hint) }
            let path = try Self.sysctlPath(entry.key, refused: { refused($0) })
            if entry.value.utf8.count > 4096 || entry.value.utf8.contains(0x0A) { throw refused("the value must be one line of at most 4096 bytes") }
            if path == "kernel/hostname" { throw refused("it conflicts with the property hostname, which is for this", hint: "set hostname") }
            guard let namespace = Self.namespace(ofSysctl: path) else { throw refused("it belongs to no namespace and would change the host") }
            guard newNamespaces.contains(namespace) || joinedNamespaces.contains(where: { $0.kind == namespace }) else {
                throw refused(
                    "it would change the host: the container has no \(namespace.specName) namespace of its own",
                    hint: "add {\"type\": \"\(namespace.specName)\"} to linux.namespaces")
            }
            add(.setSysctl(name: path, value: entry.value, namespace: namespace), field: field)
        }
    }

    /// "net/ipv4/ip_forward" for "net.ipv4.ip_forward" and for itself. As sysctl(8) has it, the first separator decides:
    /// with "/" first, dots belong to names.
    private static func sysctlPath(_ key: String, refused: (String) -> OperationError) throws(OperationError) -> String {
        let firstSeparator = key.utf8.first { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "/") }
        let bytes = key.utf8.map { byte -> UInt8 in
            guard firstSeparator == UInt8(ascii: ".") else { return byte }
            switch byte {
            case UInt8(ascii: "."): return UInt8(ascii: "/")
            case UInt8(ascii: "/"): return UInt8(ascii: ".")
            default: return byte
            }
        }
        for part in bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            if part.isEmpty || part.elementsEqual([0x2E]) || part.elementsEqual([0x2E, 0x2E]) { throw refused("this is no name of a kernel parameter") }
            for byte in part where byte <= 0x20 || byte >= 0x7F { throw refused("this is no name of a kernel parameter") }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Source: namespaces(7), ipc_namespaces(7), uts_namespaces(7); kernel admin-guide/sysctl.
    private static func namespace(ofSysctl path: String) -> NamespaceKind? {
        if path.hasPrefix("net/") { return .network }
        if path.hasPrefix("fs/mqueue/") { return .ipc }
        if path.hasPrefix("user/") { return .user }
        switch path {
        case "kernel/msgmax", "kernel/msgmnb", "kernel/msgmni", "kernel/sem", "kernel/shmall", "kernel/shmmax", "kernel/shmmni",
            "kernel/shm_rmid_forced", "kernel/msg_next_id", "kernel/sem_next_id", "kernel/shm_next_id", "kernel/auto_msgmni":
            return .ipc
        case "kernel/domainname": return .uts
        default: return nil
        }
    }
}
