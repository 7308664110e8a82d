// The specification's words as libseccomp's and the kernel's numbers.
import CSeccomp
import OCISpec

extension SeccompAction {
    /// The value that libseccomp and the kernel know. Source: <linux/seccomp.h>.
    func value(errno: UInt32?) -> UInt32 {
        switch self {
        case .kill, .killThread: 0x0000_0000
        case .killProcess: 0x8000_0000
        case .trap: 0x0003_0000
        case .errno: 0x0005_0000 | (errno ?? 1)
        case .notify: 0x7fc0_0000
        case .trace: 0x7ff0_0000 | (errno ?? 1)
        case .log: 0x7ffc_0000
        case .allow: 0x7fff_0000
        }
    }
}

extension SeccompFlag {
    /// The bit of seccomp(2).
    package var bit: UInt32 {
        switch self {
        case .tsync: 1 << 0
        case .log: 1 << 1
        case .specAllow: 1 << 2
        case .waitKillableRecv: 1 << 5
        }
    }

    /// `SECCOMP_FILTER_FLAG_NEW_LISTENER`, which no configuration names.
    static var newListenerBit: UInt32 { 1 << 3 }
}

extension SeccompArchitecture {
    /// libseccomp's number; nil for an architecture that this libseccomp does not know.
    package var token: UInt32? {
        let token = unsafe seccomp_arch_resolve_name(resolvableName)
        return token == 0 ? nil : token
    }

    /// The name as seccomp_arch_resolve_name(3) takes it: "x86_64" of SCMP_ARCH_X86_64.
    private var resolvableName: String {
        String(name.dropFirst("SCMP_ARCH_".count)).lowercased()
    }
}

extension SeccompOperator {
    var comparison: scmp_compare {
        switch self {
        case .notEqual: SCMP_CMP_NE
        case .less: SCMP_CMP_LT
        case .lessOrEqual: SCMP_CMP_LE
        case .equal: SCMP_CMP_EQ
        case .greaterOrEqual: SCMP_CMP_GE
        case .greater: SCMP_CMP_GT
        case .maskedEqual: SCMP_CMP_MASKED_EQ
        }
    }
}

/// The version of libseccomp, like "2.5.4".
package func libseccompVersion() -> String {
    guard let version = unsafe seccomp_version() else { return "unknown" }
    return unsafe "\(version.pointee.major).\(version.pointee.minor).\(version.pointee.micro)"
}

/// The kernel's number of the architecture that this program was built for (`AUDIT_ARCH_*`).
func nativeArchitecture() -> UInt32 { seccomp_arch_native() }
