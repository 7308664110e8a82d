/// What json-c lets pass although it is no JSON, or although its value is lost in reading.
///
/// Runs over a text that json-c has parsed, so that only strings, numbers and literals need a look.
/// Tried with json-c 0.16 in strict mode: it takes control characters in strings, overlong UTF-8 and surrogates, "-01",
/// "1.", NaN and Infinity, makes the nearest 64-bit integer of a larger one, and ends a key at U+0000.
/// Source: RFC 8259, sections 6, 7 and 8.1; RFC 3629, section 4.
struct Lexis {
    private let bytes: [UInt8]
    private var index = 0

    /// A fault and where it is.
    struct Fault: Error, Equatable {
        var why: String
        var offset: Int
    }

    private init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// - Throws: the first fault.
    static func check(_ bytes: [UInt8]) throws(Fault) {
        var lexis = Lexis(bytes)
        while lexis.index < bytes.count {
            switch bytes[lexis.index] {
            case UInt8(ascii: "\""): try lexis.string()
            case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): try lexis.number()
            case UInt8(ascii: "N"): throw Fault(why: "NaN is no JSON number", offset: lexis.index)
            case UInt8(ascii: "I"): throw Fault(why: "Infinity is no JSON number", offset: lexis.index)
            default: lexis.index += 1
            }
        }
    }

    private func byte(at index: Int) -> UInt8 { index < bytes.count ? bytes[index] : 0 }

    private mutating func string() throws(Fault) {
        let start = index
        var hasNUL = false
        index += 1
        while index < bytes.count {
            let byte = bytes[index]
            if byte == UInt8(ascii: "\"") { break }
            if byte < 0x20 { throw Fault(why: "control character in a string", offset: index) }
            if byte == UInt8(ascii: "\\") {
                if isEscapedNUL(at: index) { hasNUL = true }
                index += 2
            } else if byte < 0x80 {
                index += 1
            } else {
                index += try lengthOfScalar(at: index)
            }
        }
        index += 1
        guard hasNUL else { return }
        var next = index
        while [0x20, 0x09, 0x0A, 0x0D].contains(byte(at: next)) { next += 1 }
        if byte(at: next) == UInt8(ascii: ":") { throw Fault(why: "a key contains a NUL character", offset: start) }
    }

    private func isEscapedNUL(at index: Int) -> Bool {
        guard byte(at: index + 1) == UInt8(ascii: "u") else { return false }
        for digit in 2...5 where byte(at: index + digit) != UInt8(ascii: "0") { return false }
        return true
    }

    /// How many bytes the scalar has that begins at `start` and is not ASCII.
    private func lengthOfScalar(at start: Int) throws(Fault) -> Int {
        let second = byte(at: start + 1)
        let length: Int
        switch (bytes[start], second) {
        case (0xC2...0xDF, 0x80...0xBF): length = 2
        case (0xE0, 0xA0...0xBF), (0xE1...0xEC, 0x80...0xBF), (0xED, 0x80...0x9F), (0xEE...0xEF, 0x80...0xBF): length = 3
        case (0xF0, 0x90...0xBF), (0xF1...0xF3, 0x80...0xBF), (0xF4, 0x80...0x8F): length = 4
        default: throw Fault(why: "invalid UTF-8", offset: start)
        }
        for later in 2..<4 where later < length && byte(at: start + later) & 0xC0 != 0x80 {
            throw Fault(why: "invalid UTF-8", offset: start)
        }
        return length
    }

    private mutating func number() throws(Fault) {
        let start = index
        let isNegative = byte(at: index) == UInt8(ascii: "-")
        if isNegative { index += 1 }
        if byte(at: index) == UInt8(ascii: "I") { throw Fault(why: "Infinity is no JSON number", offset: start) }
        let first = index
        let digits = digits()
        if digits == 0 || digits > 1 && bytes[first] == UInt8(ascii: "0") {
            throw Fault(why: "a number must not begin with a zero", offset: start)
        }
        let isInteger = byte(at: index) != UInt8(ascii: ".") && byte(at: index) | 0x20 != UInt8(ascii: "e")
        if isInteger { return try checkRange(bytes[first..<index], isNegative: isNegative, offset: start) }
        if byte(at: index) == UInt8(ascii: ".") {
            index += 1
            if self.digits() == 0 { throw Fault(why: "digits are missing after the decimal point", offset: index) }
        }
        if byte(at: index) | 0x20 == UInt8(ascii: "e") {
            index += 1
            if byte(at: index) == UInt8(ascii: "+") || byte(at: index) == UInt8(ascii: "-") { index += 1 }
            if self.digits() == 0 { throw Fault(why: "digits are missing in the exponent", offset: index) }
        }
    }

    /// Skips digits and says how many.
    private mutating func digits() -> Int {
        let start = index
        while byte(at: index) >= UInt8(ascii: "0") && byte(at: index) <= UInt8(ascii: "9") { index += 1 }
        return index - start
    }

    /// - Throws: a fault unless the integer is between the least `Int64` and the largest `UInt64`.
    private func checkRange(_ digits: ArraySlice<UInt8>, isNegative: Bool, offset: Int) throws(Fault) {
        var value: UInt64 = 0
        for digit in digits {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(UInt64(digit - UInt8(ascii: "0")))
            if overflow || carry { throw Fault(why: "the integer does not fit into 64 bits", offset: offset) }
            value = sum
        }
        if isNegative && value > Int64.min.magnitude { throw Fault(why: "the integer does not fit into 64 bits", offset: offset) }
    }
}
