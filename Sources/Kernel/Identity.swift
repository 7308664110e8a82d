import CKernel
package import Diagnostics

// Credentials of the calling process, by raw system calls: the process has one thread, and glibc's wrappers would
// signal others.

/// Real, effective and saved user id together.
package func setUserID(_ uid: UInt32) throws(Errno) { try check(kernel_setresuid(uid)) }
/// Real, effective and saved group id together.
package func setGroupID(_ gid: UInt32) throws(Errno) { try check(kernel_setresgid(gid)) }
package func setGroups(_ groups: [UInt32]) throws(Errno) { try check(unsafe groups.withUnsafeBufferPointer { unsafe kernel_setgroups($0.baseAddress, $0.count) }) }

/// The supplementary groups of this process.
package func supplementaryGroups() throws(Errno) -> [UInt32] {
    let count = try check(kernel_getgroups(nil, 0))
    var groups = [UInt32](repeating: 0, count: Int(count))
    let filled = try check(unsafe groups.withUnsafeMutableBufferPointer { unsafe kernel_getgroups($0.baseAddress, $0.count) })
    return Array(groups.prefix(Int(filled)))
}

/// The three capability sets of a thread, bit n for capability n. Source: capabilities(7).
package struct CapabilityMasks: Equatable, Sendable {
    package var effective: UInt64
    package var permitted: UInt64
    package var inheritable: UInt64
    package init(effective: UInt64, permitted: UInt64, inheritable: UInt64) {
        self.effective = effective
        self.permitted = permitted
        self.inheritable = inheritable
    }
}

package func setCapabilities(_ masks: CapabilityMasks) throws(Errno) { try check(kernel_capset(masks.effective, masks.permitted, masks.inheritable)) }

package func capabilities() throws(Errno) -> CapabilityMasks {
    var masks = CapabilityMasks(effective: 0, permitted: 0, inheritable: 0)
    try check(unsafe kernel_capget(&masks.effective, &masks.permitted, &masks.inheritable))
    return masks
}

/// Drops capability `number` from the bounding set. - Throws: `EINVAL` for a number the kernel does not know.
package func dropFromBoundingSet(_ number: UInt64) throws(Errno) { try check(kernel_prctl(24, number, 0, 0, 0)) }
package func isInBoundingSet(_ number: UInt64) throws(Errno) -> Bool { try check(kernel_prctl(23, number, 0, 0, 0)) == 1 }
package func raiseAmbient(_ number: UInt64) throws(Errno) { try check(kernel_prctl(47, 2, number, 0, 0)) }
package func clearAmbient() throws(Errno) { try check(kernel_prctl(47, 4, 0, 0, 0)) }
/// Whether permitted capabilities survive a change from user 0 to another.
package func setKeepCapabilities(_ on: Bool) throws(Errno) { try check(kernel_prctl(8, on ? 1 : 0, 0, 0, 0)) }
package func setNoNewPrivileges() throws(Errno) { try check(kernel_prctl(38, 1, 0, 0, 0)) }
/// Whether others may look into this process (ptrace(2), /proc/PID).
package func setDumpable(_ on: Bool) throws(Errno) { try check(kernel_prctl(4, on ? 1 : 0, 0, 0, 0)) }
/// The signal that this process gets when its parent dies; 0 for none.
package func setParentDeathSignal(_ signal: Int32) throws(Errno) { try check(kernel_prctl(1, UInt64(signal), 0, 0, 0)) }
/// Orphaned descendants become children of this process.
package func becomeSubreaper() throws(Errno) { try check(kernel_prctl(36, 1, 0, 0, 0)) }
