// The specification's words as the kernel's numbers.
import ContainerInit
import Kernel
import OCISpec

extension LinuxNamespaceType {
    var kind: NamespaceKind {
        switch self {
        case .user: .user
        case .mount: .mount
        case .pid: .pid
        case .network: .network
        case .ipc: .ipc
        case .uts: .uts
        case .cgroup: .cgroup
        case .time: .time
        }
    }
}

extension LinuxMountPropagation {
    var kernelValue: Propagation {
        switch self {
        case .private, .rprivate: .private
        case .shared, .rshared: .shared
        case .slave, .rslave: .slave
        case .unbindable, .runbindable: .unbindable
        }
    }
}

extension LinuxDeviceType {
    var kind: DeviceStep.Kind {
        switch self {
        case .block: .block
        case .character, .unbuffered: .character
        case .fifo: .fifo
        }
    }
}

extension ResourceLimitType {
    /// Source: asm-generic/resource.h, which x86 and ARM use.
    var resource: Int32 {
        switch self {
        case .cpu: 0
        case .fileSize: 1
        case .data: 2
        case .stack: 3
        case .core: 4
        case .residentSet: 5
        case .processes: 6
        case .openFiles: 7
        case .lockedMemory: 8
        case .addressSpace: 9
        case .locks: 10
        case .pendingSignals: 11
        case .messageQueue: 12
        case .nice: 13
        case .realtimePriority: 14
        case .realtimeTime: 15
        }
    }
}

extension Scheduler {
    /// Source: sched_setattr(2), linux/sched.h.
    var attributes: SchedulerAttributes {
        let policy: UInt32 =
            switch self.policy {
            case .other: 0
            case .fifo: 1
            case .roundRobin: 2
            case .batch: 3
            case .iso: 4
            case .idle: 5
            case .deadline: 6
            }
        var bits: UInt64 = 0
        for flag in flags {
            switch flag {
            case .resetOnFork: bits |= 0x01
            case .reclaim: bits |= 0x02
            case .deadlineOverrun: bits |= 0x04
            case .keepPolicy: bits |= 0x08
            case .keepParameters: bits |= 0x10
            case .utilizationClampMinimum: bits |= 0x20
            case .utilizationClampMaximum: bits |= 0x40
            }
        }
        return SchedulerAttributes(
            policy: policy, flags: bits, nice: nice, priority: UInt32(clamping: priority), runtimeNanoseconds: runtime,
            deadlineNanoseconds: deadline, periodNanoseconds: period)
    }
}

extension IOPriority {
    /// Source: ioprio_set(2): class << 13 | level.
    var kernelValue: Int32 {
        let number: Int32 =
            switch self.class {
            case .realtime: 1
            case .bestEffort: 2
            case .idle: 3
            }
        return number << 13 | priority
    }
}

extension LinuxMemoryPolicy {
    /// The mode with its flags. Source: set_mempolicy(2), linux/mempolicy.h.
    var kernelMode: Int32 {
        let mode: Int32 =
            switch self.mode {
            case .default: 0
            case .preferred: 1
            case .bind: 2
            case .interleave: 3
            case .local: 4
            case .preferredMany: 5
            case .weightedInterleave: 6
            }
        return flags.reduce(mode) { bits, flag in
            switch flag {
            case .numaBalancing: bits | 1 << 13
            case .relativeNodes: bits | 1 << 14
            case .staticNodes: bits | 1 << 15
            }
        }
    }
}

extension LinuxPersonality {
    /// Source: personality(2).
    var kernelValue: UInt64 {
        switch domain {
        case .linux: 0
        case .linux32: 8
        }
    }
}
