/// A set of CPU or memory node numbers in the kernel's list format: "0-3,7".
///
/// Source: cpuset(7) "List format"; config.md "execCPUAffinity", config-linux.md "CPU" and "Memory policy".
package struct CPUList: Equatable, Sendable {
    /// The ranges as written: not sorted, possibly overlapping, none of them empty.
    package var ranges: [ClosedRange<Int>]

    /// The largest number that is taken: far above what any kernel is built for, so that masks stay small.
    package static var largest: Int { 65535 }

    package init(_ ranges: [ClosedRange<Int>]) { self.ranges = ranges }

    /// The numbers whose bits are set in `mask`, as `mask` gives them.
    package init(mask: [UInt64]) {
        ranges = []
        for number in 0..<mask.count * 64 where mask[number / 64] >> UInt64(number % 64) & 1 == 1 {
            if let last = ranges.last, last.upperBound == number - 1 { ranges[ranges.count - 1] = last.lowerBound...number } else { ranges.append(number...number) }
        }
    }

    /// Nil when `text` is no such list. Spaces around numbers and empty entries are accepted, as by runc;
    /// no number at all gives an empty list.
    package init?(_ text: String) {
        ranges = []
        for entry in text.utf8.split(separator: UInt8(ascii: ",")) {
            let bounds = entry.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
            if bounds.count == 1, bounds[0].allSatisfy({ $0 == 0x20 }) { continue }
            guard bounds.count <= 2, let first = Self.number(bounds[0]) else { return nil }
            guard bounds.count == 2 else {
                ranges.append(first...first)
                continue
            }
            guard let last = Self.number(bounds[1]), last >= first else { return nil }
            ranges.append(first...last)
        }
    }

    private static func number(_ text: Substring.UTF8View) -> Int? {
        var digits = text
        while digits.first == 0x20 { digits = digits.dropFirst() }
        while digits.last == 0x20 { digits = digits.dropLast() }
        guard !digits.isEmpty, digits.count <= 10 else { return nil }
        var number = 0
        for byte in digits {
            guard byte >= 0x30 && byte <= 0x39 else { return nil }
            number = number * 10 + Int(byte - 0x30)
        }
        return number <= largest ? number : nil
    }

    package var isEmpty: Bool { ranges.isEmpty }

    package func contains(_ number: Int) -> Bool { ranges.contains { $0.contains(number) } }

    /// The set as bits, bit `n % 64` of word `n / 64` for number `n`; no word at the end is zero.
    ///
    /// The form of sched_setaffinity(2) and set_mempolicy(2) on a 64-bit kernel.
    package var mask: [UInt64] {
        var words: [UInt64] = []
        for range in ranges {
            while words.count <= range.upperBound / 64 { words.append(0) }
            for number in range { words[number / 64] |= 1 << UInt64(number % 64) }
        }
        return words
    }

    /// The list as text: "0-3,7".
    package var text: String {
        var text = ""
        for range in ranges {
            if !text.isEmpty { text += "," }
            text += String(range.lowerBound)
            if range.count > 1 { text += "-" + String(range.upperBound) }
        }
        return text
    }
}
