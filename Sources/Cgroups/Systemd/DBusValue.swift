// Values of D-Bus messages and their wire form. Only what systemd's interface needs and what can come in an answer; no file
// descriptors. `DBusMessage.swift` puts values into messages.
// Source: D-Bus Specification, "Marshaling (Wire Format)".

/// A value with its D-Bus type.
package indirect enum DBusValue: Equatable, Sendable {
    case byte(UInt8)
    case boolean(Bool)
    case int16(Int16)
    case uint16(UInt16)
    case int32(Int32)
    case uint32(UInt32)
    case int64(Int64)
    case uint64(UInt64)
    case double(Double)
    case string(String)
    case objectPath(String)
    case signature(String)
    /// The signature of the elements, which an empty array needs as well.
    case array(String, [DBusValue])
    case structure([DBusValue])
    /// Only within an array.
    case dictionaryEntry(key: DBusValue, value: DBusValue)
    case variant(DBusValue)

    /// The type in D-Bus' letters: "a(sv)".
    package var signature: String {
        switch self {
        case .byte: "y"
        case .boolean: "b"
        case .int16: "n"
        case .uint16: "q"
        case .int32: "i"
        case .uint32: "u"
        case .int64: "x"
        case .uint64: "t"
        case .double: "d"
        case .string: "s"
        case .objectPath: "o"
        case .signature: "g"
        case .array(let element, _): "a" + element
        case .structure(let members): members.reduce("(") { $0 + $1.signature } + ")"
        case .dictionaryEntry(let key, let value): "{" + key.signature + value.signature + "}"
        case .variant: "v"
        }
    }

    package static func strings(_ values: [String]) -> DBusValue { .array("s", values.map { .string($0) }) }

    /// The text of a string, an object path or a signature.
    package var text: String? {
        switch self {
        case .string(let text), .objectPath(let text), .signature(let text): text
        default: nil
        }
    }
}

/// To how many bytes a value of the type that begins with `letter` is aligned.
func dbusAlignment(_ letter: UInt8) -> Int {
    switch letter {
    case UInt8(ascii: "n"), UInt8(ascii: "q"): 2
    case UInt8(ascii: "b"), UInt8(ascii: "i"), UInt8(ascii: "u"), UInt8(ascii: "a"), UInt8(ascii: "s"), UInt8(ascii: "o"): 4
    case UInt8(ascii: "x"), UInt8(ascii: "t"), UInt8(ascii: "d"), UInt8(ascii: "("), UInt8(ascii: "{"): 8
    default: 1  // y, g, v
    }
}

/// Lays values out, least significant byte first.
struct DBusWriter {
    private(set) var bytes: [UInt8] = []

    mutating func align(to count: Int) { while bytes.count % count != 0 { bytes.append(0) } }

    mutating func integer<Value: FixedWidthInteger>(_ value: Value) {
        align(to: Value.bitWidth / 8)
        for shift in stride(from: 0, to: Value.bitWidth, by: 8) { bytes.append(UInt8(truncatingIfNeeded: value >> Value(shift))) }
    }

    private mutating func text(_ text: String) {
        integer(UInt32(text.utf8.count))
        bytes += text.utf8
        bytes.append(0)
    }

    private mutating func signature(_ text: String) {
        bytes.append(UInt8(text.utf8.count))
        bytes += text.utf8
        bytes.append(0)
    }

    mutating func write(_ value: DBusValue) {
        switch value {
        case .byte(let value): bytes.append(value)
        case .boolean(let value): integer(UInt32(value ? 1 : 0))
        case .int16(let value): integer(value)
        case .uint16(let value): integer(value)
        case .int32(let value): integer(value)
        case .uint32(let value): integer(value)
        case .int64(let value): integer(value)
        case .uint64(let value): integer(value)
        case .double(let value): integer(value.bitPattern)
        case .string(let value), .objectPath(let value): text(value)
        case .signature(let value): signature(value)
        case .array(let element, let values):
            integer(UInt32(0))
            let place = bytes.count - 4
            align(to: dbusAlignment(element.utf8.first ?? 0))
            // the padding before the first element does not count
            let start = bytes.count
            for value in values { write(value) }
            let length = UInt32(bytes.count - start)
            for index in 0..<4 { bytes[place + index] = UInt8(truncatingIfNeeded: length >> UInt32(8 * index)) }
        case .structure(let members):
            align(to: 8)
            for member in members { write(member) }
        case .dictionaryEntry(let key, let value):
            align(to: 8)
            write(key)
            write(value)
        case .variant(let value):
            signature(value.signature)
            write(value)
        }
    }
}
