package import Diagnostics
package import JSON

/// A resource of getrlimit(2).
package enum ResourceLimitType: String, Word {
    case addressSpace = "RLIMIT_AS"
    case core = "RLIMIT_CORE"
    case cpu = "RLIMIT_CPU"
    case data = "RLIMIT_DATA"
    case fileSize = "RLIMIT_FSIZE"
    case locks = "RLIMIT_LOCKS"
    case lockedMemory = "RLIMIT_MEMLOCK"
    case messageQueue = "RLIMIT_MSGQUEUE"
    case nice = "RLIMIT_NICE"
    case openFiles = "RLIMIT_NOFILE"
    case processes = "RLIMIT_NPROC"
    case residentSet = "RLIMIT_RSS"
    case realtimePriority = "RLIMIT_RTPRIO"
    case realtimeTime = "RLIMIT_RTTIME"
    case pendingSignals = "RLIMIT_SIGPENDING"
    case stack = "RLIMIT_STACK"
    package static var kind: String { "resource limit" }
}

/// A resource limit of the process.
///
/// Source: config.md "POSIX process" (RT-config-113 to RT-config-121); getrlimit(2).
package struct ResourceLimit: Equatable, Sendable {
    package var type: ResourceLimitType
    /// What is enforced; `UInt64.max` is RLIM_INFINITY.
    package var soft: UInt64
    /// How far an unprivileged process may raise `soft`.
    package var hard: UInt64

    package init(_ type: ResourceLimitType, soft: UInt64, hard: UInt64) {
        self.type = type
        self.soft = soft
        self.hard = hard
    }

    package init(_ object: JSONObject) throws(OperationError) {
        type = try object.requiredWord("type")
        soft = try object.required("soft") { (value) throws(OperationError) in try value.integer() }
        hard = try object.required("hard") { (value) throws(OperationError) in try value.integer() }
    }

    /// - Throws: `.invalid` for two entries of one type and for a soft limit above the hard one.
    package static func validate(_ limits: [ResourceLimit], at field: @autoclosure () -> String) throws(OperationError) {
        for (index, limit) in limits.enumerated() {
            if let first = limits[..<index].firstIndex(where: { $0.type == limit.type }) {
                throw .fault("\(field())[\(index)].type", "\(limit.type.name) was given before, in \(field())[\(first)]")
            }
            if limit.soft > limit.hard {
                throw .fault("\(field())[\(index)].soft", "\(limit.soft) is above the hard limit \(limit.hard)")
            }
        }
    }
}
