// A profile to BPF, in the parent, over libseccomp. The container's process only hands the bytes to the kernel.
//
// Profiles are written for many kernels and machines: a system call that libseccomp does not know, and an architecture
// that it does not know, have no rule to make and are passed over, as runc and crun do.
import CSeccomp
package import Diagnostics
import Kernel
package import OCISpec

/// Compiles `profile`.
///
/// - Throws: `.invalid` for what libseccomp refuses, with the rule's field.
/// Source: config-linux.md "Seccomp"; seccomp_rule_add(3).
package func compileSeccomp(_ profile: LinuxSeccomp) throws(OperationError) -> SeccompProgram {
    let defaultValue = profile.defaultAction.value(errno: profile.defaultErrnoRet)
    guard let context = unsafe seccomp_init(defaultValue) else { throw failed(.invalid, "linux.seccomp.defaultAction") }
    defer { unsafe seccomp_release(context) }
    // A tree of comparisons instead of a list: 2,000 instructions less work for the kernel's checker.
    try check(unsafe seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2), "linux.seccomp")
    try check(unsafe seccomp_attr_set(context, SCMP_FLTATR_CTL_NNP, 0), "linux.seccomp")
    for (index, architecture) in profile.architectures.enumerated() {
        guard let token = architecture.token else { continue }
        let answer = unsafe seccomp_arch_add(context, token)
        // EDOM: of the other byte order, whose programs this kernel never executes
        if Errno(-answer) != .exists && Errno(-answer) != .domain { try check(answer, "linux.seccomp.architectures[\(index)]") }
    }
    for (index, rule) in profile.syscalls.enumerated() {
        let action = rule.action.value(errno: rule.errnoRet)
        if action == defaultValue { continue }  // it changes nothing, and libseccomp refuses it
        for name in rule.names {
            let number = unsafe seccomp_syscall_resolve_name(name)
            if number == noSuchCall { continue }
            try unsafe add(rule, action: action, syscall: number, to: context, field: "linux.seccomp.syscalls[\(index)]")
        }
    }
    let usesListener = profile.usesListener
    var filter = try unsafe export(context)
    if profile.hidesUnknownCalls { filter = hidingUnknownCalls(profile.knownCalls(), before: filter) }
    return SeccompProgram(filter: filter, flags: profile.flagBits, usesListener: usesListener)
}

/// `__NR_SCMP_ERROR`, a macro that Swift cannot see: "no such system call".
private var noSuchCall: Int32 { -1 }

extension LinuxSeccomp {
    /// The flags for seccomp(2).
    ///
    /// Without `flags`, SPEC_ALLOW, as runc does: the mitigation that it leaves out costs every process of the container
    /// dearly, and the kernel itself has not applied it to filtered processes since 5.16.
    package var flagBits: UInt32 {
        var bits = flags?.reduce(0) { $0 | $1.bit } ?? SeccompFlag.specAllow.bit
        if usesListener {
            // a listener and TSYNC exclude each other; the init has one thread, so that there is nothing to synchronise
            bits = bits & ~SeccompFlag.tsync.bit | SeccompFlag.newListenerBit
        }
        return bits
    }
}

/// Adds `rule` for one system call.
///
/// Comparisons of different arguments must all hold. Two comparisons of one argument are alternatives, a rule each,
/// since libseccomp takes an argument once in a rule; runc reads profiles so.
private func add(
    _ rule: SeccompRule, action: UInt32, syscall: Int32, to context: scmp_filter_ctx, field: @autoclosure () -> String
) throws(OperationError) {
    let comparisons = rule.args.map {
        scmp_arg_cmp(arg: $0.index, op: $0.op.comparison, datum_a: $0.value, datum_b: $0.valueTwo)
    }
    let hasRepeatedIndex = Set(rule.args.map { $0.index }).count < rule.args.count
    let groups = hasRepeatedIndex ? comparisons.map { [$0] } : [comparisons]
    for group in groups {
        let answer = unsafe group.withUnsafeBufferPointer {
            unsafe seccomp_rule_add_array(context, action, syscall, UInt32($0.count), $0.baseAddress)
        }
        if Errno(-answer) == .exists || Errno(-answer) == .domain { continue }  // said before; or no such call on one of the architectures
        try check(answer, field())
    }
}

private func export(_ context: scmp_filter_ctx) throws(OperationError) -> [UInt8] {
    do throws(Errno) {
        let file = try FileDescriptor.memory(named: "seccomp")
        let number = file.relinquish()
        let answer = unsafe seccomp_export_bpf(context, number)
        let owned = FileDescriptor(owning: number)
        if answer < 0 { throw Errno(-answer) }
        try owned.seek(to: 0)
        return try owned.readAll(limit: 1 << 20)
    } catch {
        throw failed(error, "linux.seccomp")
    }
}

private func check(_ answer: Int32, _ field: @autoclosure () -> String) throws(OperationError) {
    if answer < 0 { throw failed(Errno(-answer), field()) }
}

private func failed(_ errno: Errno, _ field: String) -> OperationError {
    OperationError("compile", "seccomp profile", .errno(errno), field: field)
}
