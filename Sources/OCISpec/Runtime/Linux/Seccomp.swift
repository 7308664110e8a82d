// `linux.seccomp`: what is asked for, strictly read. How it becomes a filter is known in the module Seccomp.
// The words are libseccomp's own, as the specification wants.
// Source: config-linux.md "Seccomp".
package import Diagnostics
package import JSON

/// What happens to a system call.
package enum SeccompAction: String, Word {
    case kill = "SCMP_ACT_KILL"
    case killProcess = "SCMP_ACT_KILL_PROCESS"
    case killThread = "SCMP_ACT_KILL_THREAD"
    case trap = "SCMP_ACT_TRAP"
    case errno = "SCMP_ACT_ERRNO"
    case trace = "SCMP_ACT_TRACE"
    case allow = "SCMP_ACT_ALLOW"
    case log = "SCMP_ACT_LOG"
    case notify = "SCMP_ACT_NOTIFY"
    package static var kind: String { "seccomp action" }

    /// Whether the action carries a number, and the greatest one: an errno of the kernel, or 16 bits for a tracer.
    var greatestErrno: UInt32? {
        switch self {
        case .errno: 4094  // libseccomp takes what is below MAX_ERRNO
        case .trace: 65535
        default: nil
        }
    }
}

/// How an argument is compared.
package enum SeccompOperator: String, Word {
    case notEqual = "SCMP_CMP_NE"
    case less = "SCMP_CMP_LT"
    case lessOrEqual = "SCMP_CMP_LE"
    case equal = "SCMP_CMP_EQ"
    case greaterOrEqual = "SCMP_CMP_GE"
    case greater = "SCMP_CMP_GT"
    case maskedEqual = "SCMP_CMP_MASKED_EQ"
    package static var kind: String { "seccomp operator" }
}

/// An architecture whose system calls the filter knows.
package enum SeccompArchitecture: String, Word {
    case x86 = "SCMP_ARCH_X86"
    case x86_64 = "SCMP_ARCH_X86_64"
    case x32 = "SCMP_ARCH_X32"
    case arm = "SCMP_ARCH_ARM"
    case aarch64 = "SCMP_ARCH_AARCH64"
    case mips = "SCMP_ARCH_MIPS"
    case mips64 = "SCMP_ARCH_MIPS64"
    case mips64n32 = "SCMP_ARCH_MIPS64N32"
    case mipsel = "SCMP_ARCH_MIPSEL"
    case mipsel64 = "SCMP_ARCH_MIPSEL64"
    case mipsel64n32 = "SCMP_ARCH_MIPSEL64N32"
    case ppc = "SCMP_ARCH_PPC"
    case ppc64 = "SCMP_ARCH_PPC64"
    case ppc64le = "SCMP_ARCH_PPC64LE"
    case s390 = "SCMP_ARCH_S390"
    case s390x = "SCMP_ARCH_S390X"
    case parisc = "SCMP_ARCH_PARISC"
    case parisc64 = "SCMP_ARCH_PARISC64"
    case riscv64 = "SCMP_ARCH_RISCV64"
    case loongarch64 = "SCMP_ARCH_LOONGARCH64"
    case m68k = "SCMP_ARCH_M68K"
    case sh = "SCMP_ARCH_SH"
    case sheb = "SCMP_ARCH_SHEB"
    package static var kind: String { "seccomp architecture" }
}

/// A flag of seccomp(2).
package enum SeccompFlag: String, Word {
    case tsync = "SECCOMP_FILTER_FLAG_TSYNC"
    case log = "SECCOMP_FILTER_FLAG_LOG"
    case specAllow = "SECCOMP_FILTER_FLAG_SPEC_ALLOW"
    case waitKillableRecv = "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"
    package static var kind: String { "seccomp flag" }
}

/// A comparison of one argument of a system call.
package struct SeccompArgument: Equatable, Sendable {
    /// 0 to 5.
    package var index: UInt32
    /// What is compared with; the mask of a masked comparison.
    package var value: UInt64
    /// What a masked argument must equal.
    package var valueTwo: UInt64
    package var op: SeccompOperator

    init(_ object: JSONObject) throws(OperationError) {
        index = try object.required("index") { (value) throws(OperationError) in try value.integer() }
        value = try object.required("value") { (value) throws(OperationError) in try value.integer() }
        valueTwo = try object.integer("valueTwo") ?? 0
        op = try object.requiredWord("op")
        if index > 5 { throw .fault(object.path.appending(key: "index").text, "\(index) is above 5: a system call has six arguments") }
    }
}

/// One rule: these system calls, with these arguments, have this action.
package struct SeccompRule: Equatable, Sendable {
    package var names: [String]
    package var action: SeccompAction
    package var errnoRet: UInt32?
    package var args: [SeccompArgument]

    init(_ object: JSONObject) throws(OperationError) {
        names = try object.required("names") { (value) throws(OperationError) in try value.strings() }
        if names.isEmpty { throw .fault(object.path.appending(key: "names").text, "at least one entry is required") }
        action = try object.requiredWord("action")
        errnoRet = try object.errno("errnoRet", of: action)
        args = try object.objects("args", SeccompArgument.init)
    }
}

extension SeccompRule {
    /// Whether the rule's conditions hold, of which two on one argument are alternatives; `unknown` for those on arguments that are not given.
    fileprivate func holds(for arguments: [UInt64], unknown: Bool) -> Bool {
        let hold = args.map { Int($0.index) < arguments.count ? $0.holds(for: arguments[Int($0.index)]) : unknown }
        return Set(args.map { $0.index }).count < args.count ? hold.contains(true) : !hold.contains(false)
    }
}

extension SeccompArgument {
    fileprivate func holds(for argument: UInt64) -> Bool {
        switch op {
        case .notEqual: argument != value
        case .less: argument < value
        case .lessOrEqual: argument <= value
        case .equal: argument == value
        case .greaterOrEqual: argument >= value
        case .greater: argument > value
        case .maskedEqual: argument & value == valueTwo & value
        }
    }
}

/// The seccomp section of a configuration.
package struct LinuxSeccomp: Equatable, Sendable {
    package var defaultAction: SeccompAction
    package var defaultErrnoRet: UInt32?
    package var architectures: [SeccompArchitecture]
    /// Nil when the configuration does not say.
    package var flags: [SeccompFlag]?
    /// Where the agent listens; ignored without a rule that notifies.
    package var listenerPath: String?
    package var listenerMetadata: String?
    package var syscalls: [SeccompRule]

    /// Whether a rule hands calls to an agent.
    package var usesListener: Bool { syscalls.contains { $0.action == .notify } }

    /// Whether a rule hands this call to an agent.
    package func notifies(of call: String) -> Bool { syscalls.contains { $0.action == .notify && $0.names.contains(call) } }

    /// Whether the call of that name with these first arguments is carried out for sure, and nobody asked. Of rules that contradict each other
    /// the strict one is taken to hold.
    package func allows(_ call: String, arguments: [UInt64]) -> Bool {
        func passes(_ action: SeccompAction) -> Bool { action == .allow || action == .log }
        let rules = syscalls.filter { $0.names.contains(call) }
        if rules.contains(where: { !passes($0.action) && $0.holds(for: arguments, unknown: true) }) { return false }
        return passes(defaultAction) || rules.contains { passes($0.action) && $0.holds(for: arguments, unknown: false) }
    }

    package init(_ object: JSONObject) throws(OperationError) {
        defaultAction = try object.requiredWord("defaultAction")
        defaultErrnoRet = try object.errno("defaultErrnoRet", of: defaultAction)
        architectures = try object.words("architectures")
        flags = object.value("flags") == nil ? nil : try object.words("flags")
        listenerPath = try object.nonEmptyString("listenerPath")
        listenerMetadata = try object.nonEmptyString("listenerMetadata")
        syscalls = try object.objects("syscalls", SeccompRule.init)
        func fault(_ key: String, _ why: String) -> OperationError { .fault(object.path.appending(key: key).text, why) }
        if defaultAction == .notify {
            throw fault("defaultAction", "SCMP_ACT_NOTIFY cannot be the default: the runtime itself would wait for the agent")
        }
        if listenerMetadata != nil && listenerPath == nil { throw fault("listenerMetadata", "it is sent to listenerPath, which is missing") }
        if usesListener && listenerPath == nil { throw fault("listenerPath", "SCMP_ACT_NOTIFY needs the path of an agent's socket") }
        for (index, rule) in syscalls.enumerated() where rule.action == .notify {
            guard let call = ["write", "sendmsg"].first(where: rule.names.contains) else { continue }
            throw fault("syscalls[\(index)]", "SCMP_ACT_NOTIFY cannot be used for the \(call) syscall: the runtime itself would wait for the agent")
        }
    }
}

extension JSONObject {
    /// The errno at `key`, which must be one that `action` can carry (RT-config-linux-161, RT-config-linux-178).
    fileprivate func errno(_ key: String, of action: SeccompAction) throws(OperationError) -> UInt32? {
        guard let value: UInt32 = try integer(key) else { return nil }
        guard let greatest = action.greatestErrno else {
            throw .fault(path.appending(key: key).text, "\(action.name) does not return an errno")
        }
        if value > greatest { throw .fault(path.appending(key: key).text, "\(value) is above \(greatest)") }
        return value
    }
}
