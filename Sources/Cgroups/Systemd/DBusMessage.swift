package import Diagnostics

/// A message on a bus: a call, its answer, or a signal.
///
/// Source: D-Bus Specification, "Message Protocol".
package struct DBusMessage: Equatable, Sendable {
    /// What a message is; other kinds are ignored.
    package enum Kind: UInt8, Sendable {
        case call = 1
        case answer = 2
        case error = 3
        case signal = 4
    }
    package var kind: Kind
    /// Not 0.
    package var serial: UInt32 = 1
    package var path: String?
    package var interface: String?
    package var member: String?
    package var errorName: String?
    /// The call that this answers.
    package var replySerial: UInt32?
    package var destination: String?
    package var sender: String?
    package var body: [DBusValue] = []

    package init(kind: Kind) { self.kind = kind }

    /// A call of a method.
    package static func call(
        _ member: String, interface: String, path: String, destination: String, _ body: [DBusValue] = []
    ) -> DBusMessage {
        var message = DBusMessage(kind: .call)
        message.member = member
        message.interface = interface
        message.path = path
        message.destination = destination
        message.body = body
        return message
    }

    /// The bytes of the message.
    package var bytes: [UInt8] {
        var content = DBusWriter()
        for value in body { content.write(value) }
        var fields: [DBusValue] = []
        func add(_ code: UInt8, _ value: DBusValue?) {
            if let value { fields.append(.structure([.byte(code), .variant(value)])) }
        }
        add(1, path.map { .objectPath($0) })
        add(2, interface.map { .string($0) })
        add(3, member.map { .string($0) })
        add(4, errorName.map { .string($0) })
        add(5, replySerial.map { .uint32($0) })
        add(6, destination.map { .string($0) })
        add(7, sender.map { .string($0) })
        if !body.isEmpty { add(8, .signature(body.reduce("") { $0 + $1.signature })) }
        var head = DBusWriter()
        for byte in [UInt8(ascii: "l"), kind.rawValue, 0, 1] { head.write(.byte(byte)) }
        head.write(.uint32(UInt32(content.bytes.count)))
        head.write(.uint32(serial))
        head.write(.array("(yv)", fields))
        head.align(to: 8)
        return head.bytes + content.bytes
    }

    /// No answer that we wait for is near that.
    private static var largest: Int { 1 << 20 }

    /// How many bytes the message has that begins with `start`; nil while too few are there to know.
    ///
    /// - Throws: `.invalid` for what is no D-Bus message, or a huge one.
    package static func length(_ start: ArraySlice<UInt8>) throws(OperationError) -> Int? {
        guard start.count >= 16 else { return nil }
        let bytes = Array(start.prefix(16))
        let isBigEndian = bytes[0] == UInt8(ascii: "B")
        guard isBigEndian || bytes[0] == UInt8(ascii: "l"), bytes[3] == 1 else { throw malformed }
        func number(_ offset: Int) -> Int {
            (0..<4).reduce(0) { $0 | Int(bytes[offset + $1]) << (8 * (isBigEndian ? 3 - $1 : $1)) }
        }
        let fields = number(12)
        let content = number(4)
        guard fields <= largest, content <= largest else { throw malformed }
        return (16 + fields + 7) / 8 * 8 + content
    }

    /// The message in `bytes`, which are as long as `length` says; nil for one of an unknown kind.
    ///
    /// - Throws: `.invalid` for bytes that are no such message.
    package static func decode(_ bytes: [UInt8]) throws(OperationError) -> DBusMessage? {
        guard bytes.count >= 16 else { throw malformed }
        guard let kind = Kind(rawValue: bytes[1]) else { return nil }
        let isBigEndian = bytes[0] == UInt8(ascii: "B")
        var reader = DBusReader(bytes, from: 4, to: bytes.count, isBigEndian: isBigEndian)
        guard let head = reader.values("uua(yv)"), case .uint32(let length) = head[0], case .uint32(let serial) = head[1],
            case .array(_, let fields) = head[2], Int(length) <= bytes.count
        else { throw malformed }
        var message = DBusMessage(kind: kind)
        message.serial = serial
        var signature = ""
        for field in fields {
            guard case .structure(let pair) = field, case .byte(let code) = pair[0], case .variant(let value) = pair[1] else { throw malformed }
            switch (code, value) {
            case (1, .objectPath(let text)): message.path = text
            case (2, .string(let text)): message.interface = text
            case (3, .string(let text)): message.member = text
            case (4, .string(let text)): message.errorName = text
            case (5, .uint32(let number)): message.replySerial = number
            case (6, .string(let text)): message.destination = text
            case (7, .string(let text)): message.sender = text
            case (8, .signature(let text)): signature = text
            case (1...8, _): throw malformed
            default: continue  // a field of a later version must be ignored
            }
        }
        let start = bytes.count - Int(length)
        guard start % 8 == 0 else { throw malformed }
        var content = DBusReader(bytes, from: start, to: bytes.count, isBigEndian: isBigEndian)
        guard let body = content.values(signature) else { throw malformed }
        message.body = body
        return message
    }

    static var malformed: OperationError { OperationError("read", "answer of the bus", .invalid("it is no D-Bus message")) }
}
