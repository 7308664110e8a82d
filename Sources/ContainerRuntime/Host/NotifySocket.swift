// Between a container's program and the service manager that started the runtime: what sd_notify(3) sends in the container is passed on, as far
// as it is about the service. Nothing of it is believed: lines with which a program would choose the main process, or store descriptors, are left out.
// How the program finds the socket is Plan/SocketActivation.swift.
package import Diagnostics
import Kernel

/// The service manager's socket, of which the environment tells.
package struct Supervisor: ~Copyable {
    private let socket: FileDescriptor

    /// Connects to the socket `address`: a path, or "@" and a name.
    ///
    /// - Throws: `.errno` when nobody is there.
    package static func connect(_ address: String) throws(OperationError) -> Supervisor {
        do throws(Errno) {
            let socket = try FileDescriptor.unixSocket(.datagrams)
            if address.hasPrefix("@") {
                try socket.connect(toName: String(address.dropFirst()))
            } else {
                try socket.connect(to: Path(address))
            }
            return Supervisor(socket: socket)
        } catch {
            throw OperationError("connect to service manager", address, .errno(error), hint: "$NOTIFY_SOCKET names its socket")
        }
    }

    /// A manager that does not listen any more is no reason to end a container that runs.
    fileprivate borrowing func send(_ lines: [UInt8]) {
        do throws(Errno) { try socket.send(lines) } catch {}
    }

    /// Waits until the manager has read what was sent: it looks at the sender, who must still be there then.
    ///
    /// Source: sd_notify(3), "BARRIER=1".
    fileprivate borrowing func awaitReading() {
        do throws(Errno) {
            let pipe = try FileDescriptor.pipe()
            try socket.send(Array("BARRIER=1".utf8), passing: pipe.writing)
            let reading = pipe.intoReading()
            _ = try reading.isReadable(within: 30_000)
        } catch {}  // as above
    }
}

/// The socket to which the container's program writes.
package struct NotifySocket: ~Copyable {
    private let socket: FileDescriptor
    private let manager: Supervisor
    /// The process that the manager is told to watch: the container's, or, while the runtime waits for it, the runtime.
    private let mainPID: Int32

    /// Its file in `StateDirectory.notifyName`.
    static var name: Path { "notify.sock" }

    /// Listens in `directory`, which the container sees. What an earlier command has bound there is replaced.
    static func bind(in directory: Path, for manager: consuming Supervisor, mainPID: Int32) throws(OperationError) -> NotifySocket {
        do throws(Errno) {
            let handle = try FileDescriptor.open(directory, [.path, .directory, .noFollow])
            do throws(Errno) { try handle.remove(name) } catch where error == .noEntry {}
            let socket = try FileDescriptor.unixSocket(.datagrams)
            // every user of the container may write
            let mask = setFileCreationMask(0)
            defer { setFileCreationMask(mask) }
            try socket.bind(to: Path("/proc/self/fd/\(handle.raw)/\(name.text)"))
            return NotifySocket(socket: socket, manager: manager, mainPID: mainPID)
        } catch {
            throw OperationError("make notification socket", directory.appending(name.text).text, .errno(error))
        }
    }

    /// For poll(2).
    borrowing func wanted() -> (descriptor: Int32, events: PollEvents) { (socket.raw, .readable) }

    /// Passes one message on.
    /// - Returns: whether the program has said that it is ready.
    borrowing func forward() -> Bool {
        do throws(Errno) {
            // a descriptor that came with it is closed, which is the answer to a barrier
            let message = NotifyMessage(try socket.receive(atMost: 4096).bytes, mainPID: mainPID)
            if !message.lines.isEmpty { manager.send(message.lines) }
            return message.isReady
        } catch {
            return false
        }
    }

    /// Passes on what is there, though not for ever.
    borrowing func forwardAll() {
        do throws(Errno) {
            for _ in 0..<64 {
                if try poll([wanted()], milliseconds: 0)[0].isEmpty { return }
                _ = forward()
            }
        } catch {}  // a signal came: the caller looks at it and comes back
    }

    /// Passes messages on until the program is ready and the manager knows it, or the container's process, `mainPID`, has ended.
    package consuming func awaitReady() throws(OperationError) {
        do throws(Errno) {
            let handle: FileDescriptor
            do throws(Errno) { handle = try .process(mainPID) } catch where error == .noProcess { return }
            while true {
                let came: [PollEvents]
                do throws(Errno) { came = try poll([wanted(), (handle.raw, .readable)], milliseconds: -1) } catch where error == .interrupted { continue }
                if !came[0].isEmpty {
                    if forward() { return manager.awaitReading() }
                } else if !came[1].isEmpty {
                    return
                }
            }
        } catch {
            throw OperationError("wait for", "the program to be ready", .errno(error))
        }
    }
}

/// What of a program's message the service manager gets.
struct NotifyMessage: Equatable {
    /// Empty for nothing.
    private(set) var lines: [UInt8] = []
    private(set) var isReady = false

    /// - Parameter mainPID: is told with `READY=1`, before it: systemd looks at it when the service is ready.
    init(_ message: [UInt8], mainPID: Int32) {
        for line in message.split(separator: UInt8(ascii: "\n")) {
            let isAboutService = Self.passed.contains { line.starts(with: $0.utf8) }
            guard isAboutService else { continue }
            if line.elementsEqual("READY=1".utf8) {
                isReady = true
                lines += "MAINPID=\(mainPID)\n".utf8
            }
            lines += line
            lines.append(UInt8(ascii: "\n"))
        }
    }

    /// Source: sd_notify(3), "Well-known assignments".
    private static var passed: [String] {
        ["READY=1", "RELOADING=1", "STOPPING=1", "MONOTONIC_USEC=", "STATUS=", "ERRNO=", "EXIT_STATUS=", "WATCHDOG=1", "EXTEND_TIMEOUT_USEC="]
    }
}
