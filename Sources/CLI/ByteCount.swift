/// The bytes that `text` says: "5242880", "5M", "5mb", "5 MiB", "1.5G". Units are powers of 1024, as runc and docker read them.
///
/// - Returns: nil for anything else, and for what does not fit into 63 bits. Parts of a byte are cut off.
package func byteCount(_ text: String) -> Int64? {
    var rest = text.utf8[...]
    let whole = digits(&rest)
    var fraction: Substring.UTF8View = ""[...].utf8
    if rest.first == UInt8(ascii: ".") {
        rest = rest.dropFirst()
        fraction = digits(&rest)
        if fraction.isEmpty { return nil }
    }
    if rest.first == UInt8(ascii: " ") { rest = rest.dropFirst() }
    guard let factor = factor(rest), let count = Int64(Substring(whole)) else { return nil }
    let (bytes, overflow) = count.multipliedReportingOverflow(by: factor)
    // what is behind the point, in steps of a thousandth, which no product of here overflows
    var thousandths: Int64 = 0
    for place in 0..<3 {
        let digit = fraction.dropFirst(place).first.map { Int64($0 - UInt8(ascii: "0")) } ?? 0
        thousandths = thousandths * 10 + digit
    }
    let (sum, carry) = bytes.addingReportingOverflow(factor / 1000 * thousandths + factor % 1000 * thousandths / 1000)
    return overflow || carry ? nil : sum
}

/// Takes the digits from the beginning of `rest`.
private func digits(_ rest: inout Substring.UTF8View) -> Substring.UTF8View {
    let found = rest.prefix { UInt8(ascii: "0") <= $0 && $0 <= UInt8(ascii: "9") }
    rest = rest.dropFirst(found.count)
    return found
}

/// What a unit stands for: nothing or "b", or a letter of "kmgtp" with or without "i" and "b", in any case.
private func factor(_ unit: Substring.UTF8View) -> Int64? {
    // the bit that tells small letters from capital ones
    var letters = unit.map { $0 | 0x20 }[...]
    if letters.elementsEqual("b".utf8) || letters.isEmpty { return 1 }
    guard let index = Array("kmgtp".utf8).firstIndex(of: letters.removeFirst()) else { return nil }
    guard letters.isEmpty || letters.elementsEqual("b".utf8) || letters.elementsEqual("ib".utf8) || letters.elementsEqual("i".utf8) else { return nil }
    return 1 << (10 * (Int64(index) + 1))
}
