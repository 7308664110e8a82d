// Requests to the kernel's routing tables over netlink, as far as moving a device needs them: messages are laid out and
// taken apart here; what they mean is known in NetworkDevice.swift. Source: netlink(7), rtnetlink(7).
import CKernel
package import Diagnostics

/// A message under construction. Numbers are in the machine's byte order, attributes begin at multiples of four bytes.
struct NetlinkMessage {
    private(set) var body: [UInt8] = []

    init() {}

    mutating func add<Integer: FixedWidthInteger>(_ value: Integer) { unsafe withUnsafeBytes(of: value) { unsafe body.append(contentsOf: $0) } }

    mutating func add(attribute kind: UInt16, _ value: [UInt8]) {
        add(UInt16(4 + value.count))
        add(kind)
        body += value
        while body.count % 4 != 0 { body.append(0) }
    }

    mutating func add(attribute kind: UInt16, _ text: String) { add(attribute: kind, Array(text.utf8) + [0]) }

    mutating func add(attribute kind: UInt16, _ value: UInt32) {
        var number = NetlinkMessage()
        number.add(value)
        add(attribute: kind, number.body)
    }

    /// The whole message with its header.
    func bytes(type: UInt16, flags: UInt16, sequence: UInt32) -> [UInt8] {
        var message = NetlinkMessage()
        message.add(UInt32(16 + body.count))
        message.add(type)
        message.add(flags)
        message.add(sequence)
        message.add(UInt32(0))
        return message.body + body
    }
}

/// What the kernel answered: one message without its header.
struct NetlinkReply: Equatable {
    let type: UInt16
    let body: ArraySlice<UInt8>

    /// The attributes behind the first `header` bytes. What is cut off is left out.
    func attributes(after header: Int) -> [(kind: UInt16, value: ArraySlice<UInt8>)] {
        var found: [(kind: UInt16, value: ArraySlice<UInt8>)] = []
        var rest = body.dropFirst(header)
        while let length = rest.number(UInt16.self, at: 0), let kind = rest.number(UInt16.self, at: 2), length >= 4, rest.count >= length {
            // the two highest bits say how an attribute is laid out
            found.append((kind & 0x3FFF, rest.prefix(Int(length)).dropFirst(4)))
            rest = rest.dropFirst((Int(length) + 3) & ~3)
        }
        return found
    }

    /// All messages of one datagram that answer the request `sequence`. What is cut off is left out.
    static func split(_ datagram: [UInt8], sequence: UInt32) -> [NetlinkReply] {
        var found: [NetlinkReply] = []
        var rest = datagram[...]
        while let length = rest.number(UInt32.self, at: 0), length >= 16, rest.count >= length, let type = rest.number(UInt16.self, at: 4) {
            if rest.number(UInt32.self, at: 8) == sequence {
                found.append(NetlinkReply(type: type, body: rest.prefix(Int(length)).dropFirst(16)))
            }
            rest = rest.dropFirst((Int(length) + 3) & ~3)
        }
        return found
    }
}

extension ArraySlice<UInt8> {
    /// The number `offset` bytes behind the beginning, in the machine's byte order; nil past the end.
    func number<Integer: FixedWidthInteger>(_: Integer.Type, at offset: Int) -> Integer? {
        let size = MemoryLayout<Integer>.size
        guard count >= offset + size else { return nil }
        var value: Integer = 0
        unsafe Swift.withUnsafeMutableBytes(of: &value) { target in
            for index in 0..<size { unsafe target[index] = self[startIndex + offset + index] }
        }
        return value
    }
}

/// A connection to the routing tables of the network namespace in which it was opened, wherever this process goes later.
package struct RouteSocket: ~Copyable {
    private let descriptor: FileDescriptor
    private var sequence: UInt32 = 0

    /// Opens one in the current network namespace.
    package init() throws(Errno) { descriptor = FileDescriptor(owning: try check(kernel_route_socket())) }

    /// Sends a request and answers what comes back, without the acknowledgement.
    /// - Throws: the errno that the kernel answers.
    mutating func request(_ message: NetlinkMessage, type: UInt16, flags: UInt16) throws(Errno) -> [NetlinkReply] {
        sequence += 1
        let isRequest: UInt16 = 1
        try descriptor.send(message.bytes(type: type, flags: flags | isRequest, sequence: sequence))
        var found: [NetlinkReply] = []
        while true {
            for reply in NetlinkReply.split(try receive(), sequence: sequence) {
                switch reply.type {
                case 2:  // NLMSG_ERROR, also the acknowledgement
                    let code = reply.body.number(Int32.self, at: 0) ?? -EIO
                    if code != 0 { throw Errno(code < 0 && code > -4096 ? -code : EIO) }
                    return found
                case 3: return found  // NLMSG_DONE
                default: found.append(reply)
                }
            }
        }
    }

    private borrowing func receive() throws(Errno) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 65536)
        let number = descriptor.raw
        let filled = try checkRetrying { unsafe buffer.withUnsafeMutableBytes { unsafe kernel_receive_route(number, $0.baseAddress, $0.count) } }
        return Array(buffer.prefix(filled))
    }
}
