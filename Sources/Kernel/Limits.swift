// What a process may use and how it is scheduled.
import CKernel
package import Diagnostics

/// A resource of setrlimit(2), by its number.
package struct ProcessLimit: Equatable, Sendable {
    package let resource: Int32
    package let soft: UInt64
    package let hard: UInt64
    package init(resource: Int32, soft: UInt64, hard: UInt64) {
        self.resource = resource
        self.soft = soft
        self.hard = hard
    }
}

/// Sets a limit of `pid` (0: this process).
package func setResourceLimit(_ limit: ProcessLimit, of pid: Int32 = 0) throws(Errno) {
    let pair: [UInt64] = [limit.soft, limit.hard]
    try check(unsafe pair.withUnsafeBufferPointer { unsafe kernel_prlimit(pid, limit.resource, $0.baseAddress, nil) })
}

package func resourceLimit(_ resource: Int32) throws(Errno) -> ProcessLimit {
    var pair: [UInt64] = [0, 0]
    try check(unsafe pair.withUnsafeMutableBufferPointer { unsafe kernel_prlimit(0, resource, nil, $0.baseAddress) })
    return ProcessLimit(resource: resource, soft: pair[0], hard: pair[1])
}

package func setPersonality(_ persona: UInt64) throws(Errno) { try check(kernel_personality(persona)) }
/// `priority` is class << 13 | level. Source: ioprio_set(2).
package func setIOPriority(_ priority: Int32) throws(Errno) { try check(kernel_ioprio_set(priority)) }

/// The arguments of sched_setattr(2); times in nanoseconds.
package struct SchedulerAttributes: Equatable, Sendable {
    package var policy: UInt32
    package var flags: UInt64
    package var nice: Int32
    package var priority: UInt32
    package var runtimeNanoseconds: UInt64
    package var deadlineNanoseconds: UInt64
    package var periodNanoseconds: UInt64
    package init(
        policy: UInt32, flags: UInt64, nice: Int32, priority: UInt32, runtimeNanoseconds: UInt64, deadlineNanoseconds: UInt64,
        periodNanoseconds: UInt64
    ) {
        self.policy = policy
        self.flags = flags
        self.nice = nice
        self.priority = priority
        self.runtimeNanoseconds = runtimeNanoseconds
        self.deadlineNanoseconds = deadlineNanoseconds
        self.periodNanoseconds = periodNanoseconds
    }
}

/// Sets how `pid` (0: this process) is scheduled.
package func setScheduler(_ attributes: SchedulerAttributes, of pid: Int32 = 0) throws(Errno) {
    var raw = kernel_sched(
        policy: attributes.policy, flags: attributes.flags, nice: attributes.nice, priority: attributes.priority,
        runtime: attributes.runtimeNanoseconds, deadline: attributes.deadlineNanoseconds, period: attributes.periodNanoseconds)
    try check(unsafe kernel_sched_setattr(pid, &raw))
}

/// Binds `pid` (0: this process) to the processors whose bits are set in `mask`, 64 to a word.
package func setAffinity(of pid: Int32 = 0, mask: [UInt64]) throws(Errno) {
    try check(unsafe mask.withUnsafeBytes { unsafe kernel_sched_setaffinity(pid, $0.baseAddress, $0.count) })
}

/// set_mempolicy(2); `mode` with its flags, `nodes` as bits, 64 to a word.
package func setMemoryPolicy(mode: Int32, nodes: [UInt64]) throws(Errno) {
    // the kernel reads one bit less than it is told
    try check(unsafe nodes.withUnsafeBufferPointer { unsafe kernel_set_mempolicy(mode, nodes.isEmpty ? nil : $0.baseAddress, UInt64($0.count * 64 + 1)) })
}

/// Loads a seccomp filter. - Throws: `EACCES` without CAP_SYS_ADMIN and no_new_privs, `EINVAL` for a bad filter or flag.
/// Answers the listener's descriptor number when `flags` ask for one, else 0.
package func loadSeccompFilter(_ filter: [UInt8], flags: UInt32) throws(Errno) -> Int32 {
    try check(unsafe filter.withUnsafeBytes { unsafe kernel_seccomp($0.baseAddress, $0.count, flags) })
}

/// Whether the kernel knows a seccomp return action. Source: seccomp(2) SECCOMP_GET_ACTION_AVAIL.
package func isSeccompActionAvailable(_ action: UInt32) -> Bool { kernel_seccomp_action_available(action) >= 0 }

/// Whether the kernel knows a flag of seccomp(2).
package func isSeccompFlagAvailable(_ flag: UInt32) -> Bool {
    let newListener: UInt32 = 1 << 3
    let killable: UInt32 = 1 << 5  // makes sense, and is known, beside a listener only
    return kernel_seccomp_flags_known(flag == killable ? flag | newListener : flag) != 0
}

/// Replaces the session keyring by a new one named `name`. - Throws: `EDQUOT` at the quota, `ENOSYS` without keyrings.
package func joinSessionKeyring(_ name: String) throws(Errno) -> Int32 { try check(unsafe kernel_join_session_keyring(name)) }
package func setKeyPermissions(_ key: Int32, _ permissions: UInt32) throws(Errno) { try check(kernel_set_key_permissions(key, permissions)) }

/// The permission bits of a key, from its description "type;uid;gid;perm;name".
package func keyPermissions(_ key: Int32) throws(Errno) -> UInt32 {
    var buffer = [CChar](repeating: 0, count: 1024)
    let count = try check(unsafe buffer.withUnsafeMutableBufferPointer { unsafe kernel_describe_key(key, $0.baseAddress, $0.count) })
    guard count <= buffer.count else { throw .outOfRange }
    let fields = buffer[0..<Int(count)].split(separator: CChar(bitPattern: UInt8(ascii: ";")))
    guard fields.count > 3 else { throw .invalid }
    let text = String(decoding: fields[3].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    guard let permissions = UInt32(text, radix: 16) else { throw .invalid }
    return permissions
}
