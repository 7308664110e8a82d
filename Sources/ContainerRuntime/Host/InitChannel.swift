// The way between the runtime and a process that it makes for a container: two pipes, and a socket for a seccomp listener alone.
// Pipes, since others in the container's pid namespace may copy what that process has (pidfd_getfd(2) with CAP_SYS_PTRACE and the
// runtime's user namespace), and a socket would lead them to the runtime (SO_PEERPIDFD).
import ContainerInit
import Diagnostics
import Kernel

/// The runtime's ends.
struct InitChannel: ~Copyable {
    private let reports: FileDescriptor
    private let answers: FileDescriptor
    /// Empty without a listener.
    private let listeners: HandleTable

    /// Makes the channel; the init's ends go into `handles`.
    ///
    /// - Parameters:
    ///   - preserved: descriptors that the program gets have the numbers from 3 on: none of ours may have one of these.
    ///   - isShared: others may have the init's ends, read reports and write answers: nothing of ours waits for what they do to the pipes.
    static func make(handles: inout HandleTable, preserved: Int32, hasListener: Bool, isShared: Bool) throws(OperationError) -> InitChannel {
        do throws(Errno) {
            let least = max(100, 3 + preserved)
            func give(_ end: consuming FileDescriptor, as name: HandleName) throws(Errno) {
                handles.insert(preserved == 0 ? end : try end.duplicate(above: least), as: name)
            }
            let reports = try FileDescriptor.pipe(packets: true).intoReading { (end) throws(Errno) in try give(end, as: .reports) }
            let answers = try FileDescriptor.pipe().intoWriting { (end) throws(Errno) in try give(end, as: .answers) }
            if isShared {
                try reports.setNonBlocking(true)
                try answers.setNonBlocking(true)
            }
            var listeners = HandleTable()
            if hasListener {
                let pair = try FileDescriptor.socketPair(.sequencedPackets)
                try give(try pair.second.duplicate(), as: .listenerSocket)
                listeners.insert(pair.intoFirst(), as: .listenerSocket)
            }
            return InitChannel(reports: reports, answers: answers, listeners: listeners)
        } catch {
            throw OperationError("make pipe", "for the init", .errno(error))
        }
    }

    /// The next report, waited for until `process` ends or a signal comes.
    ///
    /// - Parameters:
    ///   - process: a handle of whoever is to send it: its end of the pipe may live on, in another process or copied by the container. Nil
    ///     where nobody else can have one.
    ///   - interrupts: a signalfd for the signals that end the wait; nil where signals have their usual effect.
    /// - Returns: nil when the process has ended, or closed its end by executing its program, without a word.
    /// - Throws: `EINTR` when a signal came, which is left to be read.
    func next(from process: borrowing FileDescriptor?, interrupts: borrowing FileDescriptor?) throws(Errno) -> [UInt8]? {
        while true {
            switch try firstReadable(reports, process, interrupts) {
            case 0: break
            case 1: return try lastWords()  // what it has said, it has said before its end
            default: throw .interrupted
            }
            do throws(Errno) { return try read() } catch where error == .tryAgain {}  // somebody else has read it
        }
    }

    private func read() throws(Errno) -> [UInt8]? {
        let bytes = try reports.read(atMost: 8 + Report.detailLimit)
        return bytes.isEmpty ? nil : bytes
    }

    /// Lets the init go on. - Throws: `EPIPE` when it is gone, `EAGAIN` when somebody has filled the pipe.
    func answer() throws(Errno) { try answers.write([1]) }

    /// What the init said before it was gone; nil for nothing. Never waits.
    func lastWords() throws(Errno) -> [UInt8]? {
        guard try reports.isReadable(within: 0) else { return nil }
        do throws(Errno) { return try read() } catch where error == .tryAgain { return nil }
    }

    /// The seccomp listener that the init has sent before it reported so.
    /// - Throws: `EBADF` when it has not.
    func receiveListener() throws(Errno) -> FileDescriptor {
        let received = try listeners.with(.listenerSocket) { (socket) throws(Errno) -> FileDescriptor? in
            guard try socket.isReadable(within: 0) else { return nil }
            var message = try socket.receive(atMost: 1)
            return message.descriptor.take()
        }
        guard let received else { throw .badDescriptor }
        return received
    }
}
