import CKernel
package import Diagnostics

/// The kinds of unix sockets that are used here.
package enum SocketKind: Int32, Sendable {
    case stream = 1
    case datagrams = 2
    case sequencedPackets = 5
}

/// A connected pair.
package struct SocketPair: ~Copyable {
    package var first: FileDescriptor
    package var second: FileDescriptor
}

/// A message and the descriptor that came with it.
package struct ReceivedMessage: ~Copyable {
    /// Empty at the end of the stream.
    package let bytes: [UInt8]
    package var descriptor: FileDescriptor?
}

extension FileDescriptor {
    package static func socketPair(_ kind: SocketKind) throws(Errno) -> SocketPair {
        var ends: [Int32] = [-1, -1]
        try check(unsafe ends.withUnsafeMutableBufferPointer { unsafe kernel_socketpair(kind.rawValue, $0.baseAddress) })
        return SocketPair(first: FileDescriptor(owning: ends[0]), second: FileDescriptor(owning: ends[1]))
    }

    package static func unixSocket(_ kind: SocketKind = .stream) throws(Errno) -> FileDescriptor {
        FileDescriptor(owning: try check(kernel_unix_socket(kind.rawValue)))
    }

    /// Makes a socket file at `path`. A path of 108 bytes or more is reached through its directory's descriptor.
    package borrowing func bind(to path: Path) throws(Errno) {
        let number = raw
        try check(unsafe path.withCString { unsafe kernel_unix_bind(number, $0) })
    }

    /// Binds to `path` and listens.
    package borrowing func listen(at path: Path) throws(Errno) {
        try bind(to: path)
        try check(kernel_listen(raw, 8))
    }

    package borrowing func connect(to path: Path) throws(Errno) {
        let number = raw
        try checkRetrying { unsafe path.withCString { unsafe kernel_unix_connect(number, $0) } }
    }

    /// Connects to a socket that has a name instead of a file. Source: unix(7), "abstract".
    package borrowing func connect(toName name: String) throws(Errno) {
        let number = raw
        try checkRetrying { unsafe kernel_unix_connect_abstract(number, name) }
    }

    package borrowing func accept() throws(Errno) -> FileDescriptor {
        let number = raw
        return FileDescriptor(owning: try checkRetrying { kernel_accept(number) })
    }

    /// Sends and receives give up with `EAGAIN` after this time; 0 waits for ever.
    package borrowing func setTimeouts(milliseconds: Int64) throws(Errno) { try check(kernel_set_timeouts(raw, milliseconds)) }

    /// Says that nothing more will be sent. A peer that is gone needs not be told.
    package borrowing func endSending() { _ = kernel_shutdown(raw, 1) }

    package borrowing func send(_ bytes: [UInt8]) throws(Errno) {
        let number = raw
        try checkRetrying { unsafe bytes.withUnsafeBytes { unsafe kernel_send(number, $0.baseAddress, $0.count, -1) } }
    }

    package borrowing func send(_ bytes: [UInt8], passing descriptor: borrowing FileDescriptor) throws(Errno) {
        let number = raw
        let passed = descriptor.raw
        try checkRetrying { unsafe bytes.withUnsafeBytes { unsafe kernel_send(number, $0.baseAddress, $0.count, passed) } }
    }

    package borrowing func receive(atMost count: Int) throws(Errno) -> ReceivedMessage {
        var buffer = [UInt8](repeating: 0, count: count)
        var passed: Int32 = -1
        let number = raw
        let filled = try checkRetrying { unsafe buffer.withUnsafeMutableBytes { unsafe kernel_receive(number, $0.baseAddress, $0.count, &passed) } }
        let descriptor: FileDescriptor? = passed >= 0 ? FileDescriptor(owning: passed) : nil
        return ReceivedMessage(bytes: Array(buffer.prefix(filled)), descriptor: descriptor)
    }
}

/// What to wait for on a descriptor.
package struct PollEvents: OptionSet, Sendable {
    package let rawValue: Int16
    package init(rawValue: Int16) { self.rawValue = rawValue }
    package static var readable: PollEvents { PollEvents(rawValue: 0x01) }
    /// Something exceptional: a change of a file below /sys or of a cgroup.
    package static var priority: PollEvents { PollEvents(rawValue: 0x02) }
    package static var writable: PollEvents { PollEvents(rawValue: 0x04) }
    package static var failed: PollEvents { PollEvents(rawValue: 0x08) }
    package static var hungUp: PollEvents { PollEvents(rawValue: 0x10) }
}

/// Descriptors by number with the events wanted; a negative number is skipped.
///
/// Answers the events that came, in the same order; all empty after `milliseconds` (-1 waits for ever).
package func poll(_ entries: [(descriptor: Int32, events: PollEvents)], milliseconds: Int32) throws(Errno) -> [PollEvents] {
    var raw = entries.map { kernel_poll(fd: $0.descriptor, events: $0.events.rawValue, revents: 0) }
    try check(unsafe raw.withUnsafeMutableBufferPointer { unsafe kernel_poll($0.baseAddress, $0.count, milliseconds) })
    return raw.map { PollEvents(rawValue: $0.revents) }
}

extension FileDescriptor {
    /// Whether it can be read, is at its end or, for a pidfd, has ended: now, or within `milliseconds`.
    package borrowing func isReadable(within milliseconds: Int32) throws(Errno) -> Bool {
        try !poll([(raw, .readable)], milliseconds: milliseconds)[0].isEmpty
    }
}

/// Waits until one of these can be read, is at its end or, for a pidfd, has ended; nil is never ready.
///
/// - Returns: 0, 1 or 2 for the first of those that can, in this order.
package func firstReadable(
    _ first: borrowing FileDescriptor, _ second: borrowing FileDescriptor?, _ third: borrowing FileDescriptor?
) throws(Errno) -> Int {
    var entries: [(descriptor: Int32, events: PollEvents)] = [(first.raw, .readable), (-1, .readable), (-1, .readable)]
    switch second {
    case .some(let second): entries[1].descriptor = second.raw
    case .none: break
    }
    switch third {
    case .some(let third): entries[2].descriptor = third.raw
    case .none: break
    }
    if entries[1].descriptor < 0 && entries[2].descriptor < 0 { return 0 }  // reading it waits as well
    while true {
        do throws(Errno) {
            if let ready = try poll(entries, milliseconds: -1).firstIndex(where: { !$0.isEmpty }) { return ready }
        } catch where error == .interrupted {}
    }
}

extension SocketPair {
    /// Closes the second end.
    package consuming func intoFirst() -> FileDescriptor { first }
    /// Closes the first end.
    package consuming func intoSecond() -> FileDescriptor { second }
}
