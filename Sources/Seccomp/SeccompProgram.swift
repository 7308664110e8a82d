/// A compiled seccomp profile: what seccomp(2) is given.
package struct SeccompProgram: Equatable, Sendable {
    /// An array of `struct sock_filter`, 8 bytes each, in the machine's byte order.
    package var filter: [UInt8]
    /// `SECCOMP_FILTER_FLAG_*`.
    package var flags: UInt32
    /// Whether loading it gives a descriptor for an agent.
    package var usesListener: Bool

    package init(filter: [UInt8], flags: UInt32, usesListener: Bool) {
        self.filter = filter
        self.flags = flags
        self.usesListener = usesListener
    }

    /// How many instructions the kernel gets.
    package var instructionCount: Int { filter.count / 8 }
}
