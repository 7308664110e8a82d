// The terminal of `run` in a shell: what is typed goes to the container's terminal, what it writes comes back, signals
// are forwarded, and the caller's terminal is put back as it was.
// How a terminal is made is in ContainerInit/Steps/Terminal.swift.
import Diagnostics
import Kernel

/// Gives a terminal that this process relays what its program may ask for: the size of the caller's. Line ends are left alone: the caller's
/// terminal translates them itself, and a file wants none. Before the program writes: later, its first lines would be translated twice.
/// Source: runc does the same.
func settleTerminal(_ terminal: borrowing FileDescriptor?) throws(OperationError) {
    do throws(Errno) {
        switch terminal {
        case .some(let master):
            try master.clearNewlineTranslation()
            let size = try FileDescriptor.withStream(0) { (input) throws(Errno) in input.isTerminal() ? try input.windowSize() : nil }
            if let size { try master.setWindowSize(size) }
        case .none: return
        }
    } catch {
        throw OperationError("set up", "terminal", .errno(error))
    }
}

/// Waits for the container's process while it forwards signals and, with a terminal, bytes.
struct Attendance: ~Copyable {
    /// The init.
    let pid: Int32
    private let signals: FileDescriptor
    private let notifications: NotifySocket?
    private var memory: LackOfMemoryWatch?

    /// Blocks all signals: they are read here from now on.
    init(pid: Int32, signals: consuming FileDescriptor, notifications: consuming NotifySocket?, memory: consuming LackOfMemoryWatch?) {
        self.pid = pid
        self.signals = signals
        self.notifications = notifications
        self.memory = memory
    }

    /// What was found out of a lack of memory on the way.
    var lackOfMemory: String? {
        switch memory {
        case .some(let watch): watch.reason
        case .none: nil
        }
    }

    private borrowing func memoryEntry() -> (descriptor: Int32, events: PollEvents) {
        switch memory {
        case .some(let watch): watch.wanted
        case .none: (-1, .priority)
        }
    }

    private borrowing func notificationsEntry() -> (descriptor: Int32, events: PollEvents) {
        switch notifications {
        case .some(let socket): socket.wanted()
        case .none: (-1, .readable)
        }
    }

    private borrowing func forwardNotifications() {
        switch notifications {
        case .some(let socket): socket.forwardAll()
        case .none: break
        }
    }

    /// Waits without a terminal.
    /// - Returns: the exit status as a shell words it.
    mutating func wait() throws(Errno) -> Int32 {
        while true {
            do throws(Errno) {
                let came = try poll([(signals.raw, .readable), notificationsEntry(), memoryEntry()], milliseconds: -1)
                if !came[1].isEmpty { forwardNotifications() }
                memory?.look(came[2])
            } catch where error == .interrupted {}
            if let status = try handleSignals(resizing: nil) {
                forwardNotifications()  // its last words
                return status
            }
        }
    }

    /// Waits while relaying between the caller's standard streams and `master`.
    mutating func wait(relaying master: borrowing FileDescriptor) throws(Errno) -> Int32 {
        try master.setNonBlocking(true)
        var settings: TerminalSettings?
        do throws(Errno) {
            settings = try FileDescriptor.withStream(0) { (input) throws(Errno) in
                if !input.isTerminal() { return nil }
                return try input.makeRaw()
            }
        } catch where error == .badDescriptor {}
        let result = relay(master)
        if let settings { try FileDescriptor.withStream(0) { (input) throws(Errno) in try input.restoreTerminal(settings) } }
        return try result.get()
    }

    private mutating func relay(_ master: borrowing FileDescriptor) -> Result<Int32, Errno> {
        var relay = Relay()
        do throws(Errno) {
            var status: Int32?
            while true {
                let wanted = relay.wanted(master: master.raw, signals: signals.raw) + [notificationsEntry(), memoryEntry()]
                let came: [PollEvents]
                do throws(Errno) { came = try poll(wanted, milliseconds: status == nil ? -1 : 100) } catch where error == .interrupted { continue }
                try relay.move(master, came)
                if !came[4].isEmpty { forwardNotifications() }
                memory?.look(came[5])
                if !came[3].isEmpty, status == nil { status = try handleSignals(resizing: master.raw) }
                // after the end, what is still in the terminal is shown
                if let status, relay.isFinished || came.allSatisfy({ $0.isEmpty }) {
                    forwardNotifications()
                    return .success(status)
                }
            }
        } catch {
            return .failure(error)
        }
    }

    /// Forwards what came; answers the exit status when the init has ended. Other children are reaped on the way. After its end the
    /// init's pid may be somebody else's: nothing is forwarded any more.
    private func handleSignals(resizing master: Int32?) throws(Errno) -> Int32? {
        var ended: Int32?
        while let signal = try signals.nextSignal() {
            switch signal.number {
            case 17:  // SIGCHLD
                reaping: while true {
                    do throws(Errno) {
                        guard case .ended(let child, let status) = try waitForChild(-1, blocking: false) else { break reaping }
                        if child == pid { ended = status }
                    } catch where error == .noChild { break reaping }
                }
            case 28:  // SIGWINCH
                if let master { try copyWindowSize(to: master) } else if ended == nil { try forward(28) }
            case 23, 13: break  // SIGURG and SIGPIPE are our own business
            default: if ended == nil { try forward(signal.number) }
            }
        }
        return ended
    }

    private func forward(_ signal: Int32) throws(Errno) {
        do throws(Errno) { try sendSignal(signal, to: pid) } catch where error == .noProcess {}
    }

    private func copyWindowSize(to master: Int32) throws(Errno) {
        try FileDescriptor.withStream(0) { (input) throws(Errno) in
            guard input.isTerminal() else { return }
            let size = try input.windowSize()
            try FileDescriptor.withStream(master) { (terminal) throws(Errno) in try terminal.setWindowSize(size) }
        }
    }
}

/// Bytes on their way in both directions; at most one buffer each, so that a reader that never reads costs nothing.
private struct Relay {
    private var toContainer: [UInt8] = []
    private var fromContainer: [UInt8] = []
    private var inputEnded = false
    private var outputEnded = false

    var isFinished: Bool { outputEnded && fromContainer.isEmpty }

    /// What to poll for: input, output, master, signals.
    func wanted(master: Int32, signals: Int32) -> [(descriptor: Int32, events: PollEvents)] {
        var masterEvents: PollEvents = []
        if fromContainer.isEmpty && !outputEnded { masterEvents.insert(.readable) }
        if !toContainer.isEmpty { masterEvents.insert(.writable) }
        return [
            (inputEnded || !toContainer.isEmpty ? -1 : 0, .readable),
            (fromContainer.isEmpty ? -1 : 1, .writable),
            (masterEvents.isEmpty ? -1 : master, masterEvents),
            (signals, .readable),
        ]
    }

    mutating func move(_ master: borrowing FileDescriptor, _ came: [PollEvents]) throws(Errno) {
        if !came[0].isEmpty {
            toContainer = try FileDescriptor.withStream(0) { (input) throws(Errno) in try input.read(atMost: 4096) }
            if toContainer.isEmpty {
                inputEnded = true
                toContainer = [4]  // the end of input is what a terminal makes of ^D
            }
        }
        if !came[2].isEmpty {
            if !toContainer.isEmpty && came[2].contains(.writable) {
                toContainer.removeFirst(try Self.writeSome(master, toContainer))
            }
            if fromContainer.isEmpty && !came[2].subtracting(.writable).isEmpty {
                do throws(Errno) {
                    fromContainer = try master.read(atMost: 16384)
                    if fromContainer.isEmpty { outputEnded = true }
                } catch where error == .tryAgain {
                } catch where error == .inputOutput {
                    outputEnded = true  // the last process has closed the terminal
                }
            }
        }
        if !came[1].isEmpty {
            fromContainer.removeFirst(try FileDescriptor.withStream(1) { (output) throws(Errno) in try Self.writeSome(output, fromContainer) })
        }
    }

    private static func writeSome(_ descriptor: borrowing FileDescriptor, _ bytes: [UInt8]) throws(Errno) -> Int {
        do throws(Errno) { return try descriptor.writeOnce(bytes) } catch where error == .tryAgain { return 0 } catch where error == .brokenPipe {
            return bytes.count  // nobody reads any more: the container goes on, its output is lost
        }
    }
}
