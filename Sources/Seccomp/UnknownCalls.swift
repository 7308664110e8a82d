// System calls that are newer than a profile. Its author could not allow or deny them, and with the profile's default errno,
// mostly EPERM, a C library takes them for forbidden instead of missing and does not fall back to an older call. So what lies
// above the highest number that the profile names is answered with ENOSYS, as by a kernel without it, before the filter proper
// is asked. runc does the same. Source: seccomp(2), linux/filter.h.
import CSeccomp
import Diagnostics
import OCISpec

/// The highest numbers that a profile names on one architecture of the kernel's.
struct KnownCalls: Equatable {
    /// `AUDIT_ARCH_*`, as in struct seccomp_data.
    let architecture: UInt32
    /// The highest number of the architecture's own calls.
    var highest: UInt32?
    /// The highest x32 number; x32 has bit 30 set in it and shares its architecture with x86_64.
    var highestX32: UInt32?
}

extension LinuxSeccomp {
    /// Whether what nobody thought of is to look missing: not where it is let through or left to a tracer, and not where the
    /// default says ENOSYS anyway.
    var hidesUnknownCalls: Bool {
        switch defaultAction {
        case .allow, .log, .trace, .notify: false
        case .errno: defaultErrnoRet != noSystemCallErrno
        case .kill, .killProcess, .killThread, .trap: true
        }
    }

    /// What the rules name, by architecture, in the order of `architectures`; without one, the native architecture.
    func knownCalls() -> [KnownCalls] {
        var known: [KnownCalls] = []
        let x32: UInt32 = 0x4000_003E
        let x86_64: UInt32 = 0xC000_003E
        let named = architectures.compactMap { $0.token }
        for token in named.contains(nativeArchitecture()) ? named : [nativeArchitecture()] + named {
            guard let highest = highestCall(token) else { continue }
            let architecture = token == x32 ? x86_64 : token
            if !known.contains(where: { $0.architecture == architecture }) { known.append(KnownCalls(architecture: architecture)) }
            for index in known.indices where known[index].architecture == architecture {
                if token == x32 { known[index].highestX32 = highest } else { known[index].highest = highest }
            }
        }
        return known
    }

    private func highestCall(_ token: UInt32) -> UInt32? {
        var highest: Int32 = -1
        for rule in syscalls {
            // unknown names, and calls that this architecture does not have, resolve to negative numbers
            for name in rule.names { highest = max(highest, unsafe seccomp_syscall_resolve_name_arch(token, name)) }
        }
        return highest < 0 ? nil : UInt32(highest)
    }
}

/// ENOSYS of the machine that this runs on.
private var noSystemCallErrno: UInt32 { UInt32(Errno.noSystemCall.code) }

/// A filter that answers ENOSYS above what `known` has, and goes on with `filter` otherwise.
func hidingUnknownCalls(_ known: [KnownCalls], before filter: [UInt8]) -> [UInt8] {
    if known.isEmpty { return filter }
    var program: [UInt8] = []
    func instruction(_ code: UInt16, _ ifTrue: Int, _ ifFalse: Int, _ value: UInt32) -> [UInt8] {
        // a struct sock_filter in the machine's byte order, which is little-endian on all that this is built for
        [UInt8(truncatingIfNeeded: code), UInt8(truncatingIfNeeded: code >> 8), UInt8(ifTrue), UInt8(ifFalse)]
            + (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }
    let (load, jumpIfEqual, jumpIfAbove, jumpIfAtLeast, answer): (UInt16, UInt16, UInt16, UInt16, UInt16) = (0x20, 0x15, 0x25, 0x35, 0x06)
    let sectionLength = 6
    program += instruction(load, 0, 0, 4)  // the architecture
    for (index, calls) in known.enumerated() {
        // how far it is from behind this section to the filter proper
        let after = (known.count - 1 - index) * sectionLength
        let x32Bit: UInt32 = 0x4000_0000
        program += instruction(jumpIfEqual, 0, sectionLength - 1, calls.architecture)
        program += instruction(load, 0, 0, 0)  // the number
        program += instruction(jumpIfAtLeast, 1, 0, calls.architecture == 0xC000_003E ? x32Bit : .max)
        program += instruction(jumpIfAbove, 1, after + 2, calls.highest ?? .max)
        program += instruction(jumpIfAbove, 0, after + 1, calls.highestX32 ?? .max)
        program += instruction(answer, 0, 0, SeccompAction.errno.value(errno: noSystemCallErrno))
    }
    return program + filter
}
