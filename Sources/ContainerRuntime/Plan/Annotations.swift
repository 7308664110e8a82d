// The annotations of a configuration that change what the runtime does: those of runc and crun that do not contradict the specification, which has
// properties for most of what crun's were for. All others are for hooks and callers. spec-notes/runtime/annotations.md says why each is what it is;
// org.criu.config is read by CriuSettings.swift, org.systemd.property.* by Cgroups/Systemd.
package import Diagnostics
package import Kernel
package import OCISpec

/// What annotations ask for.
package struct AnnotatedSettings: Equatable, Sendable {
    /// The process keeps the caller's supplementary groups.
    package private(set) var keepsGroups = false
    /// Who gets a pidfd of the container's first process.
    package private(set) var pidfdReceiver: Path?
    /// The mount option that carries `linux.mountLabel`.
    package private(set) var mountContext = "context"
    /// Annotations that crun follows and this runtime does not, with what to do instead.
    package private(set) var warnings: [String] = []

    package init() {}

    /// - Throws: `.invalid` for a value that means nothing; `.unsupported` for what the container would not be safe, or could not run, without.
    package init(_ annotations: StringMap) throws(OperationError) {
        for entry in annotations.entries where entry.key.hasPrefix("run.oci.") { try read(entry) }
    }

    private mutating func read(_ entry: StringMap.Entry) throws(OperationError) {
        switch entry.key {
        case "run.oci.keep_original_groups": keepsGroups = try Self.isOn(entry)
        case "run.oci.pidfd_receiver":
            if entry.value.isEmpty { throw Self.refused(entry, .invalid("the path of a socket is missing")) }
            pidfdReceiver = Path(entry.value)
        case "run.oci.mount_context_type":
            guard Self.contexts.contains(entry.value) else {
                throw Self.refused(entry, .invalid("\(quoted(entry.value)) is not context, fscontext, defcontext or rootcontext"))
            }
            mountContext = entry.value
        case "run.oci.handler":
            throw Self.refused(entry, .unsupported("the handler \(quoted(entry.value))"), hint: "only programs for this kernel can be run; remove the annotation if the program is one")
        case "run.oci.seccomp_bpf_data":
            throw Self.refused(entry, .unsupported("a filter as a program of BPF"), hint: "describe it in linux.seccomp")
        case "run.oci.seccomp_fail_unknown_syscall":
            guard try Self.isOn(entry) else { return }
            throw Self.refused(entry, .unsupported("refusing profiles with unknown system calls"), hint: "remove the annotation: a rule for an unknown call has no effect")
        default:
            if let instead = Self.instead(of: entry.key) { warnings.append("annotations: \(entry.key) is not supported (\(instead)), ignoring") }
        }
    }

    private static var contexts: [String] { ["context", "fscontext", "defcontext", "rootcontext"] }

    /// Nil for what crun does not know either.
    private static func instead(of key: String) -> String? {
        switch key {
        case "run.oci.seccomp.receiver": "linux.seccomp.listenerPath names the agent"
        case "run.oci.timens_offset": "linux.timeOffsets has the offsets"
        case "run.oci.systemd.subgroup": "the scope itself is the container's cgroup"
        case "run.oci.delegate-cgroup": "the user of a container with a writable cgroup mount owns its cgroup"
        case "run.oci.systemd.force_cgroup_v1": "hierarchies are what the host has mounted"
        case "run.oci.hooks.stdout", "run.oci.hooks.stderr": "the error of a hook that fails quotes what it wrote to stderr"
        default: nil
        }
    }

    private static func isOn(_ entry: StringMap.Entry) throws(OperationError) -> Bool {
        switch entry.value {
        case "1", "true": return true
        case "0", "false": return false
        default: throw refused(entry, .invalid("\(quoted(entry.value)) is not 1 or 0"))
        }
    }

    private static func refused(_ entry: StringMap.Entry, _ cause: Cause, hint: String? = nil) -> OperationError {
        OperationError("read annotation", entry.key, cause, field: "annotations", hint: hint)
    }

    /// The keys of annotations that change what the runtime does; one with a point at its end is the beginning of keys.
    ///
    /// Source: features.md "Unsafe annotations in config.json" (RT-features-021).
    package static var listed: [String] { ["org.criu.config", "org.systemd.property.", "run.oci."] }

    /// The keys that are followed, for `features`.
    package static var supported: [String] { ["org.criu.config", "org.systemd.property."] + ["keep_original_groups", "mount_context_type", "pidfd_receiver"].map { "run.oci." + $0 } }
}
