// Limits as properties of a scope. systemd writes the files of a cgroup again whenever it likes (daemon-reload,
// set-property): a limit of which it does not know would be lifted then.
// The names differ between versions of cgroups; what a version has no property for is written to the files alone.
import Diagnostics
import OCISpec

/// A property of a unit of systemd's.
package struct SystemdProperty: Equatable, Sendable {
    package var name: String
    package var value: DBusValue

    package init(_ name: String, _ value: DBusValue) {
        self.name = name
        self.value = value
    }

    /// The weight of a cgroup whose processes run when nobody else wants to.
    static var idle: SystemdProperty { SystemdProperty("CPUWeight", .uint64(0)) }

    /// A member of a(sv).
    var entry: DBusValue { .structure([.string(name), .variant(value)]) }

    /// For people: `MemoryMax=536870912`.
    package var line: String { name + "=" + value.description }
}

/// The properties that say the same as `writes` into the files of a cgroup; files without one are left out.
///
/// Made from the writes, so that the limits of every section of the configuration, its `unified` keys and updates go the same way.
/// Source: org.freedesktop.systemd1(5), "Properties"; systemd.resource-control(5).
package func systemdProperties(of writes: [CgroupWrite]) -> [SystemdProperty] {
    var properties: [SystemdProperty] = []
    for write in writes {
        for property in systemdProperties(of: write) {
            properties.removeAll { $0.name == property.name }  // the last write counts
            properties.append(property)
        }
    }
    return properties + systemdProperties1(of: writes)
}

extension CgroupPlan {
    /// The part of an update that systemd writes otherwise than it was told: without a quota it knows no period.
    var unknownToSystemd: CgroupPlan {
        var plan = self
        for index in plan.directories.indices { plan.directories[index].writes.removeAll { $0.file != "cpu.max" || !$0.text.hasPrefix("max ") } }
        plan.directories.removeAll { $0.writes.isEmpty }
        return plan
    }
}

private func systemdProperties(of write: CgroupWrite) -> [SystemdProperty] {
    func bytes(_ name: String) -> [SystemdProperty] { byteCount(write.text).map { [SystemdProperty(name, .uint64($0))] } ?? [] }
    switch write.file {
    case "memory.min": return bytes("MemoryMin")
    case "memory.low": return bytes("MemoryLow")
    case "memory.high": return bytes("MemoryHigh")
    case "memory.max": return bytes("MemoryMax")
    case "memory.swap.max": return bytes("MemorySwapMax")
    case "pids.max": return bytes("TasksMax")
    case "cpu.weight": return UInt64(write.text).map { [SystemdProperty("CPUWeight", .uint64($0))] } ?? []
    case "cpu.idle": return [words(write.text) == ["1"] ? .idle : SystemdProperty("CPUWeight", .uint64(.max))]
    case "cpu.max": return quota(write.text)
    case "cpuset.cpus": return numbers("AllowedCPUs", write.text)
    case "cpuset.mems": return numbers("AllowedMemoryNodes", write.text)
    case "io.weight": return ioWeight(write.text)
    case "io.bfq.weight":
        if case .instead(_, let text) = write.fallback { return ioWeight(text) }
        return []
    case "memory.limit_in_bytes": return [SystemdProperty("MemoryLimit", .uint64(UInt64(write.text) ?? .max))]
    case "cpu.shares": return UInt64(write.text).map { [SystemdProperty("CPUShares", .uint64($0))] } ?? []
    case "blkio.weight", "blkio.bfq.weight": return UInt64(write.text).map { [SystemdProperty("BlockIOWeight", .uint64($0))] } ?? []
    default: return []
    }
}

/// Those for files of version 1 that say something together.
private func systemdProperties1(of writes: [CgroupWrite]) -> [SystemdProperty] {
    var properties: [SystemdProperty] = []
    func last(_ file: String) -> String? { writes.last { $0.file == file }?.text }
    if let time = last("cpu.cfs_quota_us") {
        properties += quota((time.hasPrefix("-") ? "max" : time) + (last("cpu.cfs_period_us").map { " " + $0 } ?? ""))
    }
    // A list of what is allowed. Without one, and with rules that deny single devices, systemd would allow all at its next reload.
    if writes.contains(where: { $0.file == "devices.deny" && $0.text == "a" }) {
        let allowed = writes.filter { $0.file == "devices.allow" }.compactMap { deviceEntry($0.text) }
        properties += [SystemdProperty("DevicePolicy", .string("strict")), SystemdProperty("DeviceAllow", .array("(ss)", allowed))]
    }
    return properties
}

/// "c 1:3 rwm" as ("/dev/char/1:3", "rwm"), "c 136:* rw" as ("char-136", "rw").
///
/// Source: systemd.resource-control(5), "DeviceAllow"; a number may stand for the name of a group of devices.
private func deviceEntry(_ rule: String) -> DBusValue? {
    let parts = words(rule)
    guard parts.count == 3 else { return nil }
    let numbers = parts[1].split(separator: ":")
    guard numbers.count == 2 else { return nil }
    let kind = parts[0] == "b" ? "block" : "char"
    let name = numbers[1] == "*" ? kind + "-" + numbers[0] : "/dev/" + kind + "/" + parts[1]
    return .structure([.string(name), .string(parts[2])])
}

/// "max", or a number with the kernel's suffixes; systemd's word for no limit is the greatest number.
private func byteCount(_ text: String) -> UInt64? {
    let bytes = Array(text.utf8).filter { $0 != 0x0A && $0 != 0x20 }
    if bytes.elementsEqual("max".utf8) { return .max }
    guard let last = bytes.last else { return nil }
    let shift: UInt64
    switch last | 0x20 {
    case UInt8(ascii: "k"): shift = 10
    case UInt8(ascii: "m"): shift = 20
    case UInt8(ascii: "g"): shift = 30
    case UInt8(ascii: "t"): shift = 40
    default: shift = 0
    }
    guard let number = UInt64(String(decoding: shift > 0 ? bytes.dropLast() : bytes[...], as: UTF8.self)), number >> (64 - shift) == 0 || shift == 0 else { return nil }
    return number << shift
}

/// The number in the words that systemd has for its version, "252.38-1~deb12u1" or "v258~rc1"; 0 for what is none.
package func systemdVersion(_ value: DBusValue?) -> Int {
    guard case .variant(let inner)? = value, let text = inner.text else { return 0 }
    let digits = text.utf8.drop { $0 == UInt8(ascii: "v") }.prefix { $0 >= 0x30 && $0 <= 0x39 }
    return Int(String(decoding: Array(digits), as: UTF8.self)) ?? 0
}

/// "50000 100000" or "max": quota and period in microseconds.
private func quota(_ text: String) -> [SystemdProperty] {
    let parts = words(text)
    guard let first = parts.first, parts.count <= 2 else { return [] }
    var properties: [SystemdProperty] = []
    var period: UInt64 = 100_000
    if parts.count == 2 {
        guard let number = UInt64(parts[1]), number > 0, number <= 1_000_000 else { return [] }
        period = number
        properties.append(SystemdProperty("CPUQuotaPeriodUSec", .uint64(period)))
    }
    if first == "max" { return properties + [SystemdProperty("CPUQuotaPerSecUSec", .uint64(.max))] }
    guard let quota = UInt64(first), quota < 1 << 40 else { return [] }
    // systemd keeps whole hundredths of a CPU: rounded up, since it would cut off, and 0 would be no quota
    let perSecond = (quota * 1_000_000 + period - 1) / period
    return properties + [SystemdProperty("CPUQuotaPerSecUSec", .uint64((perSecond + 9_999) / 10_000 * 10_000))]
}

/// A list of numbers as bits, the lowest first.
private func numbers(_ name: String, _ text: String) -> [SystemdProperty] {
    guard let list = CPUList(String(decoding: text.utf8.filter { $0 != 0x0A }, as: UTF8.self)), !list.isEmpty else { return [] }
    var bytes: [UInt8] = []
    for word in list.mask { for shift in stride(from: UInt64(0), to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: word >> shift)) } }
    while bytes.last == 0 { bytes.removeLast() }
    return [SystemdProperty(name, .array("y", bytes.map { .byte($0) }))]
}

/// "200" or "default 200"; weights of single devices are left to the file.
private func ioWeight(_ text: String) -> [SystemdProperty] {
    let parts = words(text)
    guard let last = parts.last, parts.count == 1 || (parts.count == 2 && parts[0] == "default"), let weight = UInt64(last) else { return [] }
    return [SystemdProperty("IOWeight", .uint64(weight))]
}

extension DBusValue: CustomStringConvertible {
    /// For people.
    package var description: String {
        switch self {
        case .byte(let value): String(value)
        case .boolean(let value): value ? "true" : "false"
        case .int16(let value): String(value)
        case .uint16(let value): String(value)
        case .int32(let value): String(value)
        case .uint32(let value): String(value)
        case .int64(let value): String(value)
        case .uint64(let value): value == .max ? "infinity" : String(value)
        case .double(let value): "\(Int64(value * 1e6)) millionths"
        case .string(let value), .objectPath(let value), .signature(let value): quoted(value)
        case .array(_, let values): "[" + Self.list(values) + "]"
        case .structure(let members): "(" + Self.list(members) + ")"
        case .dictionaryEntry(let key, let value): key.description + ": " + value.description
        case .variant(let value): value.description
        }
    }

    private static func list(_ values: [DBusValue]) -> String {
        var text = ""
        for value in values { text += (text.isEmpty ? "" : ", ") + value.description }
        return text
    }
}
