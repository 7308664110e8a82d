// A connection to a bus: written for one conversation of a short-lived program, with one limit of time for all of it.
// The authentication, the greeting and the first call go out in one write; a silent or talkative bus ends in an error that
// names the call.
// Source: D-Bus Specification, "Authentication Protocol", "Message Bus Messages".
import Diagnostics
import Kernel

/// A connection to a bus.
struct DBusConnection: ~Copyable {
    private let address: DBusAddress
    private let socket: FileDescriptor
    /// Of the monotonic clock.
    private var deadline: Int64
    private var lastSerial: UInt32 = 0
    private var outgoing: [UInt8] = []
    private var received: [UInt8] = []
    private var isAuthenticated = false
    /// Signals that came while an answer was awaited.
    private var signals: [DBusMessage] = []

    private init(_ address: DBusAddress, socket: consuming FileDescriptor, deadline: Int64) {
        self.address = address
        self.socket = socket
        self.deadline = deadline
        // Without a name the bus takes the socket's own credentials: right also in a user namespace, where ids differ.
        outgoing = Array("\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n".utf8)
        _ = enqueue(.call("Hello", interface: Self.bus, path: "/org/freedesktop/DBus", destination: Self.bus))
    }

    /// Connects. The greeting goes out with the first call.
    ///
    /// - Parameter limit: how long the bus may take for everything.
    /// - Throws: the errno of connect(2).
    static func open(_ address: DBusAddress, withinMilliseconds limit: Int64) throws(OperationError) -> DBusConnection {
        let deadline = monotonicNanoseconds() + limit * 1_000_000
        do throws(Errno) {
            let socket = try FileDescriptor.unixSocket(.stream)
            try socket.setTimeouts(milliseconds: limit)
            try socket.connect(to: Path(address.path))
            return DBusConnection(address, socket: socket, deadline: deadline)
        } catch {
            throw OperationError(
                "connect to bus", address.path, .errno(error == .tryAgain ? .timedOut : error), hint: "systemd's cgroups are made over D-Bus: is it running?")
        }
    }

    private static var bus: String { "org.freedesktop.DBus" }

    /// Gives what follows more time.
    mutating func extend(withinMilliseconds limit: Int64) { deadline = monotonicNanoseconds() + limit * 1_000_000 }

    /// Asks the bus for the signals that `rule` describes. An error of the bus shows in their absence.
    mutating func match(_ rule: String) {
        _ = enqueue(.call("AddMatch", interface: Self.bus, path: "/org/freedesktop/DBus", destination: Self.bus, [.string(rule)]))
    }

    private mutating func enqueue(_ message: DBusMessage) -> UInt32 {
        lastSerial += 1
        var message = message
        message.serial = lastSerial
        outgoing += message.bytes
        return lastSerial
    }

    /// Calls a method and waits for its answer, which may be an error's message.
    ///
    /// - Throws: `ETIMEDOUT`, `ECONNRESET`; `.invalid` when the bus refuses us or talks nonsense.
    mutating func call(_ message: DBusMessage) throws(OperationError) -> DBusMessage {
        let name = message.member ?? ""
        let serial = enqueue(message)
        do throws(Errno) {
            var start = 0
            // a socket of streams may take it in parts
            while start < outgoing.count {
                let part = Array(outgoing[start..<min(start + 65536, outgoing.count)])
                try socket.send(part)
                start += part.count
            }
            outgoing = []
        } catch {
            throw failure(name, error)
        }
        while true {
            guard let answer = try next(during: name) else { continue }
            if answer.kind == .signal { signals.append(answer) }
            if answer.replySerial == serial, answer.kind == .answer || answer.kind == .error { return answer }
            if answer.replySerial == 1, answer.kind == .error { throw refused(answer) }
        }
    }

    /// Waits for a signal that `accept` gives something for.
    mutating func awaitSignal<Result>(_ name: String, _ accept: (DBusMessage) -> Result?) throws(OperationError) -> Result {
        while true {
            while !signals.isEmpty {
                if let result = accept(signals.removeFirst()) { return result }
            }
            if let message = try next(during: name), message.kind == .signal { signals.append(message) }
        }
    }

    /// The next message; nil for one of a kind that must be ignored.
    private mutating func next(during name: String) throws(OperationError) -> DBusMessage? {
        while true {
            if !isAuthenticated { try authenticate() }
            if isAuthenticated, let length = try DBusMessage.length(received[...]), received.count >= length {
                let bytes = Array(received.prefix(length))
                received.removeFirst(length)
                return try DBusMessage.decode(bytes)
            }
            do throws(Errno) {
                let left = (deadline - monotonicNanoseconds()) / 1_000_000
                guard left > 0, try socket.isReadable(within: Int32(left)) else { throw .timedOut }
                let bytes = try socket.receive(atMost: 16384).bytes
                if bytes.isEmpty { throw .connectionReset }
                received += bytes
            } catch {
                if error == .interrupted { continue }
                throw failure(name, error)
            }
        }
    }

    /// Looks for the bus' words "DATA" and "OK" in what was received.
    private mutating func authenticate() throws(OperationError) {
        while let end = received.firstIndex(of: UInt8(ascii: "\n")) {
            let line = String(decoding: received[..<end].filter { $0 >= 0x20 && $0 < 0x7F }, as: UTF8.self)
            received.removeFirst(end + 1)
            if line.hasPrefix("OK") {
                isAuthenticated = true
                return
            }
            if line != "DATA" {
                throw OperationError("log in to bus", address.path, .invalid("it says \(quoted(line))"), hint: "the bus may belong to another user")
            }
        }
        if received.count > 4096 { throw DBusMessage.malformed }
    }

    private func failure(_ call: String, _ error: Errno) -> OperationError {
        OperationError(
            "call " + call + " over bus", address.path, .errno(error == .tryAgain ? .timedOut : error),
            hint: error == .timedOut || error == .tryAgain ? "the bus or systemd does not answer" : nil)
    }

    private func refused(_ answer: DBusMessage) -> OperationError {
        OperationError("log in to bus", address.path, .invalid(answer.body.first?.text.map { quoted($0) } ?? answer.errorName ?? "it refuses"))
    }
}
