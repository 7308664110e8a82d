/// The milliseconds that `text` says in the words of Go: "5s", "500ms", "1m30s", "1.5h". Parts of a millisecond are cut off.
///
/// - Returns: nil for anything else, and beyond a hundred years.
package func durationMilliseconds(_ text: String) -> Int64? {
    var rest = Array(text.utf8)[...]
    var nanoseconds = 0.0
    if rest.isEmpty { return nil }
    while !rest.isEmpty {
        let number = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || $0 == UInt8(ascii: ".") }
        rest = rest.dropFirst(number.count)
        let unit = rest.prefix { !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) && $0 != UInt8(ascii: ".") }
        rest = rest.dropFirst(unit.count)
        guard let value = decimal(number), let factor = factor(unit) else { return nil }
        nanoseconds += value * factor
    }
    let milliseconds = nanoseconds / 1_000_000
    return milliseconds < 3.2e12 ? Int64(milliseconds) : nil
}

private func decimal(_ digits: ArraySlice<UInt8>) -> Double? {
    let parts = digits.split(separator: UInt8(ascii: "."), maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count <= 2, digits.count <= 30, parts.contains(where: { !$0.isEmpty }) else { return nil }
    var value = 0.0
    for digit in parts[0] { value = value * 10 + Double(digit - UInt8(ascii: "0")) }
    var worth = 0.1
    for digit in parts.count > 1 ? parts[1] : [] {
        value += Double(digit - UInt8(ascii: "0")) * worth
        worth /= 10
    }
    return value
}

/// Nanoseconds.
private func factor(_ unit: ArraySlice<UInt8>) -> Double? {
    switch String(decoding: unit, as: UTF8.self) {
    case "ns": 1
    case "us", "µs", "μs": 1e3
    case "ms": 1e6
    case "s": 1e9
    case "m": 60e9
    case "h": 3600e9
    default: nil
    }
}
