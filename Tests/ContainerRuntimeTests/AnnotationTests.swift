import Cgroups
import ContainerInit
import Diagnostics
import OCISpec
import Testing

@testable import ContainerRuntime

/// What the annotation does: the warnings of the plan, or the error.
private func outcome(_ key: String, _ value: String) -> [String] {
    do throws(OperationError) {
        return try AnnotatedSettings(StringMap([StringMap.Entry(key, value)])).warnings
    } catch {
        return [error.description]
    }
}

@Suite("annotations that change what the runtime does")
struct AnnotationTests {
    @Test("those that are followed")
    func followed() throws {
        func settings(_ key: String, _ value: String) throws -> AnnotatedSettings { try AnnotatedSettings(StringMap([StringMap.Entry(key, value)])) }
        #expect(try settings("run.oci.keep_original_groups", "1").keepsGroups && settings("run.oci.keep_original_groups", "true").keepsGroups)
        #expect(try !settings("run.oci.keep_original_groups", "0").keepsGroups)
        #expect(try settings("run.oci.pidfd_receiver", "/s").pidfdReceiver == "/s")
        #expect(try settings("run.oci.mount_context_type", "rootcontext").mountContext == "rootcontext")
        #expect(try settings("org.example", "x") == AnnotatedSettings())
    }

    @Test("values that mean nothing, and what a container would not be itself without", arguments: [
        ("keep_original_groups", "yes", "\"yes\" is not 1 or 0"),
        ("pidfd_receiver", "", "the path of a socket is missing"),
        ("mount_context_type", "x", "\"x\" is not context, fscontext, defcontext or rootcontext"),
        ("handler", "wasm", "the handler \"wasm\" is not supported; hint: only programs for this kernel can be run; remove the annotation if the program is one"),
        ("seccomp_bpf_data", "AAAA", "a filter as a program of BPF is not supported; hint: describe it in linux.seccomp"),
        (
            "seccomp_fail_unknown_syscall", "1",
            "refusing profiles with unknown system calls is not supported; hint: remove the annotation: a rule for an unknown call has no effect"
        ),
    ])
    func refused(key: String, value: String, words: String) {
        #expect(outcome("run.oci." + key, value) == ["read annotation \"run.oci.\(key)\" (annotations): \(words)"])
    }

    @Test("what crun follows and this runtime does not is said, with what to use instead", arguments: [
        ("seccomp.receiver", "linux.seccomp.listenerPath names the agent"), ("timens_offset", "linux.timeOffsets has the offsets"),
        ("systemd.subgroup", "the scope itself is the container's cgroup"),
        ("delegate-cgroup", "the user of a container with a writable cgroup mount owns its cgroup"),
        ("systemd.force_cgroup_v1", "hierarchies are what the host has mounted"),
        ("hooks.stdout", "the error of a hook that fails quotes what it wrote to stderr"),
        ("hooks.stderr", "the error of a hook that fails quotes what it wrote to stderr"),
    ])
    func ignored(key: String, instead: String) {
        #expect(outcome("run.oci." + key, "x") == ["annotations: run.oci.\(key) is not supported (\(instead)), ignoring"])
    }

    @Test("kept groups: nothing sets others, in the container and in exec")
    func groups() throws {
        let text = #"{"ociVersion":"1.3.0","root":{"path":"/r"},"process":{"cwd":"/","args":["x"],"user":{"uid":0,"gid":0,"additionalGids":[5]}},"linux":{"namespaces":[{"type":"mount"},{"type":"pid"}]},"annotations":{"run.oci.keep_original_groups":"1"}}"#
        let config = try RuntimeConfig.parse(Array(text.utf8), source: "config.json")
        let context = PlanContext(
            id: try ContainerID("web"), bundle: "/b", isPrivileged: true, uid: 0, gid: 0, cgroup: CgroupPlan(directories: []), grantableCapabilities: .max,
            kindOfFile: { _ in .success(.directory) })
        func groups(_ plan: ContainerPlan) -> [[UInt32]?] { plan.steps.compactMap { if case .setIdentity(let identity) = $0.step { .some(identity.groups) } else { nil } } }
        let plan = try ContainerPlan(config, context: context)
        #expect(groups(plan) == [nil])
        #expect(plan.warnings == ["process.user.additionalGids: the annotation run.oci.keep_original_groups keeps the caller's groups instead, ignoring"])
        #expect(try groups(ContainerPlan(exec: config.requireProcess(), in: config, initPID: 1, context: context)) == [nil])
    }
}
