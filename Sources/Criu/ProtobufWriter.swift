/// Writes a message in the wire form of protocol buffers, field by field.
///
/// Source: protobuf.dev "Encoding". Only what criu's messages need: varints and what has a length.
package struct ProtobufWriter: Sendable {
    package private(set) var bytes: [UInt8] = []

    package init() {}

    /// `int32`, `uint32`, an enumeration. A negative number takes ten bytes, as the encoding has it.
    package mutating func integer(_ field: Int, _ value: Int64) {
        varint(UInt64(field) << 3)
        varint(UInt64(bitPattern: value))
    }

    package mutating func boolean(_ field: Int, _ value: Bool) { integer(field, value ? 1 : 0) }

    package mutating func string(_ field: Int, _ value: String) { delimited(field, Array(value.utf8)) }

    /// A message within the message.
    package mutating func message(_ field: Int, _ body: (inout ProtobufWriter) -> Void) {
        var inner = ProtobufWriter()
        body(&inner)
        delimited(field, inner.bytes)
    }

    private mutating func delimited(_ field: Int, _ content: [UInt8]) {
        varint(UInt64(field) << 3 | 2)
        varint(UInt64(content.count))
        bytes += content
    }

    /// Seven bits a byte, the lowest first; the high bit says that more follow.
    private mutating func varint(_ value: UInt64) {
        var rest = value
        while rest > 0x7F {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }
}
