package import Diagnostics
package import JSON

/// A scheduling policy of sched(7).
package enum SchedulerPolicy: String, Word {
    case other = "SCHED_OTHER"
    case fifo = "SCHED_FIFO"
    case roundRobin = "SCHED_RR"
    case batch = "SCHED_BATCH"
    /// Reserved by the kernel, never implemented.
    case iso = "SCHED_ISO"
    case idle = "SCHED_IDLE"
    case deadline = "SCHED_DEADLINE"
    package static var kind: String { "scheduling policy" }
}

/// A flag of sched_setattr(2).
package enum SchedulerFlag: String, Word {
    case resetOnFork = "SCHED_FLAG_RESET_ON_FORK"
    case reclaim = "SCHED_FLAG_RECLAIM"
    case deadlineOverrun = "SCHED_FLAG_DL_OVERRUN"
    case keepPolicy = "SCHED_FLAG_KEEP_POLICY"
    case keepParameters = "SCHED_FLAG_KEEP_PARAMS"
    case utilizationClampMinimum = "SCHED_FLAG_UTIL_CLAMP_MIN"
    case utilizationClampMaximum = "SCHED_FLAG_UTIL_CLAMP_MAX"
    package static var kind: String { "scheduling flag" }
}

/// How the process is scheduled.
///
/// Source: config.md "Linux Process", `scheduler` (RT-config-135 to RT-config-142); sched_setattr(2), sched(7).
package struct Scheduler: Equatable, Sendable {
    package var policy: SchedulerPolicy
    /// -20 to 19.
    package var nice: Int32
    /// 1 to 99 for SCHED_FIFO and SCHED_RR, else 0.
    package var priority: Int32
    package var flags: [SchedulerFlag]
    /// Nanoseconds; for SCHED_DEADLINE only, as are the next two.
    package var runtime: UInt64
    /// Nanoseconds.
    package var deadline: UInt64
    /// Nanoseconds; 0 means the same as `deadline`.
    package var period: UInt64

    package init(_ object: JSONObject) throws(OperationError) {
        policy = try object.requiredWord("policy")
        nice = try object.integer("nice") ?? 0
        priority = try object.integer("priority") ?? 0
        flags = try object.words("flags")
        runtime = try object.integer("runtime") ?? 0
        deadline = try object.integer("deadline") ?? 0
        period = try object.integer("period") ?? 0
    }

    /// - Throws: `.invalid` for what sched_setattr(2) refuses on every kernel.
    package func validate(at field: @autoclosure () -> String) throws(OperationError) {
        if nice < -20 || nice > 19 { throw .fault(field() + ".nice", "\(nice) is not between -20 and 19") }
        switch policy {
        case .iso:
            throw .unsupported(field() + ".policy", "SCHED_ISO", hint: "no kernel has it; SCHED_RR is the closest policy")
        case .fifo, .roundRobin:
            if priority < 1 || priority > 99 {
                throw .fault(field() + ".priority", "\(priority) is not between 1 and 99, as \(policy.name) needs")
            }
        default:
            if priority != 0 { throw .fault(field() + ".priority", "\(policy.name) has no priority", hint: "use nice") }
        }
        if policy == .deadline { return try validateDeadline(at: field()) }
        for (name, value) in [("runtime", runtime), ("deadline", deadline), ("period", period)] where value != 0 {
            throw .fault("\(field()).\(name)", "\(policy.name) has no \(name)", hint: "only SCHED_DEADLINE has one")
        }
    }

    private func validateDeadline(at field: @autoclosure () -> String) throws(OperationError) {
        // Below 1024 ns the kernel's arithmetic loses the value; the highest bit is its sign.
        if runtime < 1024 { throw .fault(field() + ".runtime", "\(runtime) is below 1024 nanoseconds, as SCHED_DEADLINE needs") }
        if deadline < runtime { throw .fault(field() + ".deadline", "\(deadline) is below the runtime \(runtime)") }
        if deadline > UInt64(Int64.max) { throw .fault(field() + ".deadline", "\(deadline) is above \(Int64.max)") }
        if period != 0, period < deadline { throw .fault(field() + ".period", "\(period) is below the deadline \(deadline)") }
        if period > UInt64(Int64.max) { throw .fault(field() + ".period", "\(period) is above \(Int64.max)") }
    }
}
