package import Diagnostics
package import JSON

/// Source: config-linux.md "CPU" (RT-config-linux-078).
package struct LinuxCPU: Equatable, Sendable {
    /// A relative share; the kernel knows 2 to 262144.
    package var shares: UInt64?
    /// Microseconds in each period; not above 0 means no limit.
    package var quota: Int64?
    /// Microseconds.
    package var burst: UInt64?
    /// Microseconds; 0 stands for the kernel's own period.
    package var period: UInt64?
    /// Microseconds.
    package var realtimeRuntime: Int64?
    /// Microseconds.
    package var realtimePeriod: UInt64?
    /// "0-3,7"; empty means not set.
    package var cpus: String?
    /// "0-3,7"; empty means not set.
    package var mems: String?
    /// 0 or 1.
    package var idle: Int64?

    package init(
        shares: UInt64? = nil, quota: Int64? = nil, burst: UInt64? = nil, period: UInt64? = nil, realtimeRuntime: Int64? = nil,
        realtimePeriod: UInt64? = nil, cpus: String? = nil, mems: String? = nil, idle: Int64? = nil
    ) {
        self.shares = shares
        self.quota = quota
        self.burst = burst
        self.period = period
        self.realtimeRuntime = realtimeRuntime
        self.realtimePeriod = realtimePeriod
        self.cpus = cpus
        self.mems = mems
        self.idle = idle
    }

    package init(_ object: JSONObject) throws(OperationError) {
        shares = try object.integer("shares")
        quota = try object.optional("quota") { (value) throws(OperationError) in
            let quota: Int64 = try value.integer()
            // kernel: min_cfs_quota_period
            if quota > 0 && quota < 1000 { throw value.refused("\(quota) microseconds are below the least quota of 1000") }
            return quota
        }
        let quota = self.quota ?? 0
        burst = try object.optional("burst") { (value) throws(OperationError) in
            let burst: UInt64 = try value.integer()
            // RT-config-linux-081
            if quota > 0 && burst > UInt64(quota) { throw value.refused("\(burst) is above the quota of \(quota)") }
            return burst
        }
        period = try object.optional("period") { (value) throws(OperationError) in
            let period: UInt64 = try value.integer()
            // kernel: min_cfs_quota_period, max_cfs_quota_period
            if period != 0 && !(1000...1_000_000).contains(period) {
                throw value.refused("\(period) microseconds are out of range (1000 to 1000000)")
            }
            return period
        }
        realtimeRuntime = try object.optional("realtimeRuntime") { (value) throws(OperationError) in
            let runtime: Int64 = try value.integer()
            if runtime < -1 { throw value.refused("\(runtime) is no number of microseconds (-1 means no limit)") }
            return runtime
        }
        realtimePeriod = try object.integer("realtimePeriod")
        cpus = try object.optional("cpus", numberList)
        mems = try object.optional("mems", numberList)
        idle = try object.optional("idle") { (value) throws(OperationError) in
            let idle: Int64 = try value.integer()
            if idle != 0 && idle != 1 { throw value.refused("\(idle) is out of range (0 or 1)") }
            return idle
        }
    }
}

/// A list of numbers and ranges, "0-3,7", as text. Spaces around the commas are dropped.
///
/// Source: config-linux.md "CPU" (RT-config-linux-085); cpuset(7), "List format".
private func numberList(_ value: JSONValue) throws(OperationError) -> String {
    let text = try value.string()
    if text.isEmpty { return text }
    var normal = ""
    for part in text.utf8.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
        var part = part
        while part.first == 0x20 { part = part.dropFirst() }
        while part.last == 0x20 { part = part.dropLast() }
        let ends = part.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard ends.count <= 2, let first = ends.first.flatMap({ number($0) }), let last = ends.last.flatMap({ number($0) }) else {
            throw value.refused("\(quoted(text)) is no list of numbers and ranges such as \"0-3,7\"")
        }
        if first > last { throw value.refused("\(quoted(text)) has a range that ends before it begins") }
        if !normal.isEmpty { normal += "," }
        normal += ends.count == 1 ? "\(first)" : "\(first)-\(last)"
    }
    return normal
}

private func number(_ digits: some Collection<UInt8>) -> UInt32? {
    guard !digits.isEmpty, digits.count <= 9 else { return nil }
    var value: UInt32 = 0
    for digit in digits {
        guard digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "9") else { return nil }
        value = value * 10 + UInt32(digit - UInt8(ascii: "0"))
    }
    return value
}
