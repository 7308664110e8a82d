import Diagnostics

/// Reads values from bytes that somebody else sent: no length is believed, no nesting is followed without end.
///
/// Every function answers nil for bytes that are not what they should be.
struct DBusReader {
    private let bytes: [UInt8]
    private var position: Int
    private let end: Int
    private let isBigEndian: Bool

    init(_ bytes: [UInt8], from start: Int, to end: Int, isBigEndian: Bool) {
        self.bytes = bytes
        self.isBigEndian = isBigEndian
        position = start
        self.end = min(end, bytes.count)
    }

    /// The values of a signature such as "uoss".
    mutating func values(_ signature: String) -> [DBusValue]? {
        let letters = Array(signature.utf8)
        var values: [DBusValue] = []
        var next = 0
        while next < letters.count {
            guard let length = Self.completeType(letters, at: next), let value = value(letters[next..<next + length], depth: 0) else { return nil }
            values.append(value)
            next += length
        }
        return values
    }

    /// How many letters the one complete type at `start` has.
    private static func completeType(_ letters: [UInt8], at start: Int, depth: Int = 0) -> Int? {
        guard start < letters.count, depth < 32 else { return nil }
        switch letters[start] {
        case UInt8(ascii: "a"):
            guard let length = completeType(letters, at: start + 1, depth: depth + 1) else { return nil }
            return length + 1
        case UInt8(ascii: "("), UInt8(ascii: "{"):
            let close = letters[start] == UInt8(ascii: "(") ? UInt8(ascii: ")") : UInt8(ascii: "}")
            var next = start + 1
            while next < letters.count, letters[next] != close {
                guard let length = completeType(letters, at: next, depth: depth + 1) else { return nil }
                next += length
            }
            return next < letters.count && next > start + 1 ? next - start + 1 : nil
        default:
            return "ybnqiuxtdsogv".utf8.contains(letters[start]) ? 1 : nil
        }
    }

    private mutating func align(to count: Int) -> Bool {
        position += (count - position % count) % count
        return position <= end
    }

    private mutating func integer<Value: FixedWidthInteger & UnsignedInteger>(_: Value.Type) -> Value? {
        let size = Value.bitWidth / 8
        guard align(to: size), end - position >= size else { return nil }
        var value: Value = 0
        for index in 0..<size { value |= Value(bytes[position + index]) << Value(8 * (isBigEndian ? size - 1 - index : index)) }
        position += size
        return value
    }

    private mutating func text(length: Int) -> String? {
        guard length >= 0, end - position > length, bytes[position + length] == 0 else { return nil }
        let text = String(validating: bytes[position..<position + length], as: UTF8.self)
        position += length + 1
        return text
    }

    private mutating func signature() -> String? {
        guard let length = integer(UInt8.self) else { return nil }
        return text(length: Int(length))
    }

    private mutating func value(_ type: ArraySlice<UInt8>, depth: Int) -> DBusValue? {
        guard let letter = type.first, depth < 32 else { return nil }
        switch letter {
        case UInt8(ascii: "y"): return integer(UInt8.self).map { .byte($0) }
        case UInt8(ascii: "b"): return integer(UInt32.self).flatMap { $0 < 2 ? .boolean($0 == 1) : nil }
        case UInt8(ascii: "n"): return integer(UInt16.self).map { .int16(Int16(bitPattern: $0)) }
        case UInt8(ascii: "q"): return integer(UInt16.self).map { .uint16($0) }
        case UInt8(ascii: "i"): return integer(UInt32.self).map { .int32(Int32(bitPattern: $0)) }
        case UInt8(ascii: "u"): return integer(UInt32.self).map { .uint32($0) }
        case UInt8(ascii: "x"): return integer(UInt64.self).map { .int64(Int64(bitPattern: $0)) }
        case UInt8(ascii: "t"): return integer(UInt64.self).map { .uint64($0) }
        case UInt8(ascii: "d"): return integer(UInt64.self).map { .double(Double(bitPattern: $0)) }
        case UInt8(ascii: "s"), UInt8(ascii: "o"):
            guard let length = integer(UInt32.self), let text = text(length: Int(length)) else { return nil }
            return letter == UInt8(ascii: "s") ? .string(text) : .objectPath(text)
        case UInt8(ascii: "g"): return signature().map { .signature($0) }
        case UInt8(ascii: "v"):
            guard let signature = signature() else { return nil }
            let letters = Array(signature.utf8)
            guard Self.completeType(letters, at: 0) == letters.count else { return nil }
            return value(letters[...], depth: depth + 1).map { .variant($0) }
        case UInt8(ascii: "a"): return array(of: type.dropFirst(), depth: depth)
        default: return group(type, depth: depth)
        }
    }

    private mutating func array(of element: ArraySlice<UInt8>, depth: Int) -> DBusValue? {
        guard let length = integer(UInt32.self), align(to: dbusAlignment(element.first ?? 0)), end - position >= Int(length) else { return nil }
        let stop = position + Int(length)
        var values: [DBusValue] = []
        while position < stop {
            guard let value = value(element, depth: depth + 1) else { return nil }
            values.append(value)
        }
        guard position == stop, let signature = String(validating: element, as: UTF8.self) else { return nil }
        return .array(signature, values)
    }

    /// A structure or a dictionary's entry.
    private mutating func group(_ type: ArraySlice<UInt8>, depth: Int) -> DBusValue? {
        let letters = Array(type.dropFirst().dropLast())
        guard align(to: 8) else { return nil }
        var members: [DBusValue] = []
        var next = 0
        while next < letters.count {
            guard let length = Self.completeType(letters, at: next), let value = value(letters[next..<next + length], depth: depth + 1) else { return nil }
            members.append(value)
            next += length
        }
        if type.first == UInt8(ascii: "(") { return .structure(members) }
        return members.count == 2 ? .dictionaryEntry(key: members[0], value: members[1]) : nil
    }
}
