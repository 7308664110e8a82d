package import Diagnostics

/// What went through one network interface.
package struct InterfaceStatistics: Equatable, Sendable {
    package let name: String
    /// Bytes, packets, errors, dropped packets.
    package let received: [UInt64]
    package let sent: [UInt64]

    package init(name: String, received: [UInt64], sent: [UInt64]) {
        self.name = name
        self.received = received
        self.sent = sent
    }

    /// Takes apart the text of /proc/PID/net/dev. Lines of another form, the two of the header among them, are left out.
    ///
    /// Source: proc(5): a name, a colon, eight numbers of what was received and eight of what was sent.
    package static func parse(_ text: String) -> [InterfaceStatistics] {
        text.utf8.split(separator: 0x0A).compactMap { line in
            // a name may hold a colon
            guard let colon = line.lastIndex(of: UInt8(ascii: ":")) else { return nil }
            let name = line[..<colon].drop { $0 == 0x20 }
            let numbers = line[colon...].dropFirst().split(separator: 0x20).compactMap { UInt64(String(decoding: $0, as: UTF8.self)) }
            guard numbers.count == 16 else { return nil }
            return InterfaceStatistics(name: String(decoding: name, as: UTF8.self), received: Array(numbers[0..<4]), sent: Array(numbers[8..<12]))
        }
    }
}

/// The interfaces that the process `pid` sees.
package func interfaceStatistics(of pid: Int32) throws(Errno) -> [InterfaceStatistics] {
    InterfaceStatistics.parse(String(decoding: try openVerifiedProc("\(pid)/net/dev", .readOnly).readAll(limit: 4 << 20), as: UTF8.self))
}
