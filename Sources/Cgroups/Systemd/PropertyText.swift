// Values in GVariant's text format, which annotations "org.systemd.property.NAME" are written in:
//   true · 'text' · uint64 5 · @t 5 · ['a', 'b'] · ('path', uint64 5) · @as []
// Source: GLib, "GVariant Text Format". Dictionaries and maybe types, which no property of a scope has, are refused.
package import Diagnostics

/// Reads one value of GVariant's text format.
struct PropertyText {
    private let bytes: [UInt8]
    private var position = 0

    /// The value of `text`; nil when it is none.
    static func value(_ text: String) -> DBusValue? {
        var reader = PropertyText(bytes: Array(text.utf8))
        guard let value = reader.value(as: nil, depth: 0) else { return nil }
        reader.skipSpace()
        return reader.position == reader.bytes.count ? value : nil
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x09 || byte == 0x0A { position += 1 }
    }

    private mutating func take(_ byte: Character) -> Bool {
        skipSpace()
        guard next == byte.asciiValue else { return false }
        position += 1
        return true
    }

    private mutating func word() -> String {
        let start = position
        while let byte = next, isAlphanumeric(byte) || "+-._".utf8.contains(byte) { position += 1 }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    private func isAlphanumeric(_ byte: UInt8) -> Bool {
        byte >= 0x30 && byte <= 0x39 || byte >= 0x41 && byte <= 0x5A || byte >= 0x61 && byte <= 0x7A
    }

    /// - Parameter type: the signature that the value must have; nil takes what the text says.
    private mutating func value(as type: String?, depth: Int) -> DBusValue? {
        guard depth < 16 else { return nil }
        skipSpace()
        switch next {
        case UInt8(ascii: "'"), UInt8(ascii: "\""): return text().flatMap { Self.text($0, type ?? "s") }
        case UInt8(ascii: "["): return array(type, depth: depth)
        case UInt8(ascii: "("): return tuple(type, depth: depth)
        case UInt8(ascii: "<"):
            guard type ?? "v" == "v", take("<"), let value = value(as: nil, depth: depth + 1), take(">") else { return nil }
            return .variant(value)
        case UInt8(ascii: "@"):
            position += 1
            let start = position
            while let byte = next, byte != 0x20 { position += 1 }
            let named = String(decoding: bytes[start..<position], as: UTF8.self)
            return type ?? named == named ? value(as: named, depth: depth + 1) : nil
        default:
            let word = word()
            if let named = Self.typeWords[word] { return type ?? named == named ? value(as: named, depth: depth + 1) : nil }
            return Self.number(word, type)
        }
    }

    private static var typeWords: [String: String] {
        [
            "boolean": "b", "byte": "y", "int16": "n", "uint16": "q", "int32": "i", "uint32": "u", "int64": "x", "uint64": "t", "double": "d",
            "string": "s", "objectpath": "o", "signature": "g",
        ]
    }

    private static func text(_ text: String, _ type: String) -> DBusValue? {
        switch type {
        case "s": .string(text)
        case "o": .objectPath(text)
        case "g": .signature(text)
        default: nil
        }
    }

    private mutating func text() -> String? {
        guard let quote = next else { return nil }
        position += 1
        var text: [UInt8] = []
        while let byte = next {
            position += 1
            if byte == quote { return String(validating: text, as: UTF8.self) }
            if byte != UInt8(ascii: "\\") {
                text.append(byte)
                continue
            }
            guard let escaped = next else { return nil }
            position += 1
            switch escaped {
            case UInt8(ascii: "n"): text.append(0x0A)
            case UInt8(ascii: "t"): text.append(0x09)
            case UInt8(ascii: "u"), UInt8(ascii: "x"): return nil
            default: text.append(escaped)
            }
        }
        return nil
    }

    private mutating func array(_ type: String?, depth: Int) -> DBusValue? {
        guard take("["), type?.hasPrefix("a") ?? true else { return nil }
        var element = type.map { String($0.dropFirst()) }
        var values: [DBusValue] = []
        while !take("]") {
            if !values.isEmpty && !take(",") { return nil }
            guard let value = value(as: element, depth: depth + 1) else { return nil }
            element = value.signature
            values.append(value)
        }
        // GVariant cannot tell what an empty array is of; systemd's lists are of strings
        return .array(element ?? "s", values)
    }

    private mutating func tuple(_ type: String?, depth: Int) -> DBusValue? {
        guard take("(") else { return nil }
        var members: [DBusValue] = []
        while !take(")") {
            if !members.isEmpty && !take(",") { return nil }
            if !members.isEmpty && take(")") { break }
            guard let value = value(as: nil, depth: depth + 1) else { return nil }
            members.append(value)
        }
        let value = DBusValue.structure(members)
        return members.isEmpty || type ?? value.signature != value.signature ? nil : value
    }

    private static func number(_ word: String, _ type: String?) -> DBusValue? {
        if word == "true" || word == "false" { return type ?? "b" == "b" ? .boolean(word == "true") : nil }
        switch type ?? (word.utf8.contains(UInt8(ascii: ".")) ? "d" : "i") {
        case "y": return UInt8(word).map { .byte($0) }
        case "n": return Int16(word).map { .int16($0) }
        case "q": return UInt16(word).map { .uint16($0) }
        case "i": return Int32(word).map { .int32($0) }
        case "u": return UInt32(word).map { .uint32($0) }
        case "x": return Int64(word).map { .int64($0) }
        case "t": return UInt64(word).map { .uint64($0) }
        case "d": return decimal(word).map { .double($0) }
        default: return nil
        }
    }

    /// "-1.5". Embedded Swift cannot parse floating-point numbers.
    private static func decimal(_ word: String) -> Double? {
        let isNegative = word.hasPrefix("-")
        let parts = (isNegative ? word.dropFirst() : word[...]).utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count <= 2, let whole = UInt32(String(decoding: parts[0], as: UTF8.self)) else { return nil }
        var value = Double(whole)
        if parts.count == 2 {
            var scale = 1.0
            for byte in parts[1] {
                guard byte >= 0x30, byte <= 0x39 else { return nil }
                scale /= 10
                value += Double(byte - 0x30) * scale
            }
        }
        return isNegative ? -value : value
    }
}

/// The property that an annotation `org.systemd.property.NAME` asks for; nil for another annotation.
///
/// A name that ends in "Sec" is one of seconds; systemd's bus has it in microseconds with a name that ends in "USec".
/// - Throws: `.invalid` for a name or a value that cannot be one, and for what would change whose the scope is.
package func systemdProperty(annotation key: String, value text: String) throws(OperationError) -> SystemdProperty? {
    let prefix = "org.systemd.property."
    guard key.hasPrefix(prefix) else { return nil }
    var name = String(key.dropFirst(prefix.count))
    func refused(_ why: String) -> OperationError {
        OperationError("read", key, .invalid(why), field: "annotations", hint: "it looks like \"org.systemd.property.TimeoutStopUSec\": \"uint64 5000000\"")
    }
    guard !name.isEmpty, name.utf8.allSatisfy({ $0 >= 0x41 && $0 <= 0x5A || $0 >= 0x61 && $0 <= 0x7A || $0 >= 0x30 && $0 <= 0x39 }) else {
        throw refused("this is no name of a property")
    }
    if name == "PIDs" || name == "Slice" || name == "Delegate" { throw refused("this property is not for annotations to choose") }
    guard var value = PropertyText.value(text) else { throw refused("the value \(quoted(text)) is not in GVariant's text format") }
    if name.hasSuffix("Sec") && !name.hasSuffix("USec") {
        name = String(name.dropLast(3)) + "USec"
        guard let microseconds = value.microseconds else { throw refused("the value \(quoted(text)) is no number of seconds") }
        value = .uint64(microseconds)
    }
    return SystemdProperty(name, value)
}

extension DBusValue {
    /// This number of seconds in microseconds; nil for what is none.
    fileprivate var microseconds: UInt64? {
        let seconds: Double
        switch self {
        case .byte(let value): seconds = Double(value)
        case .int16(let value): seconds = Double(value)
        case .uint16(let value): seconds = Double(value)
        case .int32(let value): seconds = Double(value)
        case .uint32(let value): seconds = Double(value)
        case .int64(let value): seconds = Double(value)
        case .uint64(let value): seconds = Double(value)
        case .double(let value): seconds = value
        default: return nil
        }
        return seconds >= 0 && seconds < 1e12 ? UInt64(seconds * 1e6 + 0.5) : nil
    }
}
