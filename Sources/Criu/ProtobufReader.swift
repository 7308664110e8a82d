/// Reads a message in the wire form of protocol buffers: no length is believed, and what is unknown is stepped over.
///
/// Source: protobuf.dev "Encoding".
package struct ProtobufReader: Sendable {
    /// What stands behind a field's number.
    package enum Value: Equatable, Sendable {
        case varint(UInt64)
        case bytes(ArraySlice<UInt8>)
        /// `fixed32`, `fixed64` and their kin.
        case fixed(UInt64)

        /// As `int32` or an enumeration; nil for another kind or another range.
        package var int32: Int32? {
            guard case .varint(let value) = self else { return nil }
            return Int32(exactly: Int64(bitPattern: value))
        }

        package var boolean: Bool? {
            guard case .varint(let value) = self else { return nil }
            return value != 0
        }

        /// As text; bytes that are no UTF-8 are replaced.
        package var string: String? {
            guard case .bytes(let bytes) = self else { return nil }
            return String(decoding: bytes, as: UTF8.self)
        }
    }

    /// One field of a message.
    package struct Field: Equatable, Sendable {
        package let number: UInt64
        package let value: Value
    }

    private var rest: ArraySlice<UInt8>

    package init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    /// All fields of `bytes` in their order; nil when they are no message.
    package static func fields(_ bytes: ArraySlice<UInt8>) -> [Field]? {
        var reader = ProtobufReader(bytes)
        var fields: [Field] = []
        while !reader.rest.isEmpty {
            guard let field = reader.next() else { return nil }
            fields.append(field)
        }
        return fields
    }

    private mutating func next() -> Field? {
        guard let tag = varint(), tag >> 3 > 0 else { return nil }
        let value: Value?
        switch tag & 7 {
        case 0: value = varint().map { .varint($0) }
        case 1: value = fixed(8).map { .fixed($0) }
        case 2: value = delimited().map { .bytes($0) }
        case 5: value = fixed(4).map { .fixed($0) }
        default: value = nil  // groups, which nobody sends any more
        }
        return value.map { Field(number: tag >> 3, value: $0) }
    }

    private mutating func varint() -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            guard let byte = rest.popFirst() else { return nil }
            // the tenth byte has room for one bit
            if shift == 63, byte > 1 { return nil }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        return nil
    }

    private mutating func fixed(_ count: Int) -> UInt64? {
        guard rest.count >= count else { return nil }
        var value: UInt64 = 0
        for (index, byte) in rest.prefix(count).enumerated() { value |= UInt64(byte) << UInt64(8 * index) }
        rest = rest.dropFirst(count)
        return value
    }

    private mutating func delimited() -> ArraySlice<UInt8>? {
        guard let length = varint(), length <= UInt64(rest.count) else { return nil }
        let content = rest.prefix(Int(length))
        rest = rest.dropFirst(Int(length))
        return content
    }
}
