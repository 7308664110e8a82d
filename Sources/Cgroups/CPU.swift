package import Diagnostics
package import OCISpec

private func field(_ name: String) -> String { resourcesField + ".cpu." + name }

extension LinuxCPU {
    /// Whether anything here is for the cpu controller, not cpuset.
    var limitsTime: Bool { shares ?? 0 != 0 || quota ?? 0 != 0 || burst != nil || period ?? 0 != 0 || limitsRealtime || idle != nil }
    private var limitsRealtime: Bool { realtimePeriod ?? 0 != 0 || realtimeRuntime ?? 0 != 0 }

    /// The writes for the version 1 cpu controller, in the order in which they must happen.
    ///
    /// Zero means "not asked for" in `shares`, `quota`, `period` and the realtime values, as in runc and crun.
    /// Source: config-linux.md "CPU" (RT-config-linux-078 to 087); kernel scheduler/sched-bwc.rst, sched-rt-group.rst.
    package func cgroup1Writes() -> [CgroupWrite] {
        var writes: [CgroupWrite] = []
        let quotaFile = "cpu.cfs_quota_us"
        // The kernel checks the parent's quota, the period and the burst against each other at every write.
        let again: CgroupWrite.Fallback = quota ?? 0 == 0 ? .none : .again(after: quotaFile)
        func write(_ file: String, _ text: String, _ name: String, _ fallback: CgroupWrite.Fallback? = nil) {
            writes.append(CgroupWrite(file: file, text: text, field: field(name), fallback: fallback ?? .none))
        }
        // An idle group refuses shares: leave idleness before, enter it after.
        if idle == 0 { write("cpu.idle", "0", "idle", .ignoreMissing) }
        if let shares, shares != 0 { write("cpu.shares", String(shares), "shares") }
        if let realtimePeriod, realtimePeriod != 0 { write("cpu.rt_period_us", String(realtimePeriod), "realtimePeriod") }
        if let realtimeRuntime, realtimeRuntime != 0 { write("cpu.rt_runtime_us", String(realtimeRuntime), "realtimeRuntime") }
        if let period, period != 0 { write("cpu.cfs_period_us", String(period), "period", again) }
        if let burst { write("cpu.cfs_burst_us", String(burst), "burst", burst == 0 ? .ignoreMissing : again) }
        if let quota, quota != 0 { write(quotaFile, String(max(quota, -1)), "quota") }
        if idle == 1 { write("cpu.idle", "1", "idle") }
        return writes
    }

    /// The writes for the version 2 cpu controller, in the order in which they must happen.
    ///
    /// - Throws: `.unsupported` for realtime values, which version 2 lacks (RT-config-linux-122).
    /// Source: config-linux.md "CPU"; kernel cgroup-v2.rst, "CPU".
    package func cgroup2Writes() throws(OperationError) -> [CgroupWrite] {
        if limitsRealtime {
            throw OperationError(
                "limit", "cpu", .unsupported("a limit of realtime scheduling on cgroup version 2"),
                field: field(realtimePeriod ?? 0 != 0 ? "realtimePeriod" : "realtimeRuntime"))
        }
        var writes: [CgroupWrite] = []
        let quota = self.quota ?? 0
        let period = self.period ?? 0
        if idle == 0 { writes.append(CgroupWrite(file: "cpu.idle", text: "0", field: field("idle"), fallback: .ignoreMissing)) }
        if let shares, shares != 0 {
            writes.append(CgroupWrite(file: "cpu.weight", text: String(cpuWeight(ofShares: shares)), field: field("shares")))
        }
        if let burst {
            let again: CgroupWrite.Fallback = quota == 0 && period == 0 ? .none : .again(after: "cpu.max")
            writes.append(
                CgroupWrite(file: "cpu.max.burst", text: String(burst), field: field("burst"), fallback: burst == 0 ? .ignoreMissing : again))
        }
        if quota != 0 || period != 0 {
            // One number alone leaves the period as it is.
            let limit = quota > 0 ? String(quota) : "max"
            writes.append(
                CgroupWrite(
                    file: "cpu.max", text: period == 0 ? limit : limit + " " + String(period), field: field(quota != 0 ? "quota" : "period")))
        }
        if idle == 1 { writes.append(CgroupWrite(file: "cpu.idle", text: "1", field: field("idle"))) }
        return writes
    }
}

/// The version 2 weight (1 to 10000) that stands for version 1 `shares` (2 to 262144).
///
/// A quadratic curve in the logarithm through the least, default and greatest value of both (2 and 1, 1024 and 100,
/// 262144 and 10000). runc since 1.3 and crun since 1.23 use it: with the linear formula before it a container with the
/// default shares got less than half the time of a plain process.
package func cpuWeight(ofShares shares: UInt64) -> UInt64 {
    if shares <= 2 { return 1 }
    if shares >= 262_144 { return 10_000 }
    let logarithm = binaryLogarithm(Double(shares))
    let exponent = (logarithm * logarithm + 125 * logarithm) / 612 - 7.0 / 34
    // Rounded up, with an allowance that keeps the exact points where they are.
    let weight = powerOfTen(exponent) - 1e-6
    let whole = UInt64(weight)
    return Double(whole) < weight ? whole + 1 : whole
}

/// Embedded Swift has no libm.
private func binaryLogarithm(_ value: Double) -> Double {
    // ln m = 2 artanh((m - 1) / (m + 1)), with m from 1 to 2
    let ratio = (value.significand - 1) / (value.significand + 1)
    var power = ratio
    var sum = 0.0
    for divisor in stride(from: 1.0, to: 40, by: 2) {
        sum += power / divisor
        power *= ratio * ratio
    }
    return Double(value.exponent) + 2 * sum / 0.693_147_180_559_945_3
}

private func powerOfTen(_ exponent: Double) -> Double {
    let x = exponent * 2.302_585_092_994_045_7
    var term = 1.0
    var sum = 1.0
    for count in stride(from: 1.0, to: 60, by: 1) {
        term *= x / count
        sum += term
    }
    return sum
}
