// The forms of text in which the kernel tells statistics. Lines of another form are passed over: a newer kernel may add some.

/// The lines "key number".
func table(_ text: String?) -> [(key: String, value: UInt64)] {
    lines(text).compactMap { line in
        let words = words(line)
        guard words.count == 2, let value = UInt64(words[1]) else { return nil }
        return (words[0], value)
    }
}

extension [(key: String, value: UInt64)] {
    /// The first value of `key`; 0 when there is none.
    subscript(key: String) -> UInt64 { first { $0.key == key }?.value ?? 0 }
}

/// The first word as a number; nil for none, `UInt64.max` for "max".
func number(_ text: String?) -> UInt64? {
    guard let word = words(text ?? "").first else { return nil }
    return word == "max" ? .max : UInt64(word)
}

func lines(_ text: String?) -> [String] {
    (text ?? "").utf8.split(separator: 0x0A).map { String(decoding: $0, as: UTF8.self) }
}

/// The numbers of a list such as "0-3,7", at most 65536 of them.
func numberList(_ text: String?) -> [UInt16] {
    var numbers: [UInt16] = []
    for part in (words(text ?? "").first ?? "").utf8.split(separator: UInt8(ascii: ",")) {
        let ends = part.split(separator: UInt8(ascii: "-")).compactMap { UInt16(String(decoding: $0, as: UTF8.self)) }
        guard let first = ends.first, let last = ends.last, first <= last else { continue }
        numbers += first...last
    }
    return numbers
}

/// A pressure file: "some avg10=0.00 avg60=0.00 avg300=0.00 total=0" and a line "full …".
func pressure(_ text: String?) -> Pressure? {
    guard let text, !text.isEmpty else { return nil }
    var pressure = Pressure()
    for line in lines(text) {
        let words = words(line)
        var values = Pressure.Line()
        for word in words.dropFirst() {
            guard let (key, value) = pair(word) else { continue }
            switch key {
            case "avg10": values.average10 = decimal(value)
            case "avg60": values.average60 = decimal(value)
            case "avg300": values.average300 = decimal(value)
            case "total": values.total = UInt64(value) ?? 0
            default: continue
            }
        }
        if words.first == "some" { pressure.some = values } else if words.first == "full" { pressure.full = values }
    }
    return pressure
}

/// The two sides of "key=value".
func pair(_ word: String) -> (key: String, value: String)? {
    let sides = word.utf8.split(separator: UInt8(ascii: "="), maxSplits: 1)
    guard sides.count == 2 else { return nil }
    return (String(decoding: sides[0], as: UTF8.self), String(decoding: sides[1], as: UTF8.self))
}

/// `text` if it is digits with a point among them, which JSON can hold as it is.
private func decimal(_ text: String) -> String {
    let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    let isNumber = parts.count <= 2 && parts.allSatisfy { part in
        !part.isEmpty && part.count < 16 && part.allSatisfy { UInt8(ascii: "0") <= $0 && $0 <= UInt8(ascii: "9") }
    }
    return isNumber ? text : "0"
}

/// "8:16" as two numbers.
func deviceNumbers(_ word: String) -> (major: UInt64, minor: UInt64)? {
    let parts = word.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false).compactMap { UInt64(String(decoding: $0, as: UTF8.self)) }
    return parts.count == 2 ? (parts[0], parts[1]) : nil
}

/// The sizes of huge pages for which `names` has the file "hugetlb.SIZE" + `suffix`, in the order of the names.
func hugePageSizes(_ names: Set<String>, suffix: String) -> [String] {
    let prefix = "hugetlb."
    return names.filter { $0.hasPrefix(prefix) && $0.hasSuffix(suffix) && !$0.hasSuffix(".rsvd" + suffix) && $0.utf8.count > prefix.utf8.count + suffix.utf8.count }
        .map { String(decoding: $0.utf8.dropFirst(prefix.utf8.count).dropLast(suffix.utf8.count), as: UTF8.self) }.sorted()
}
