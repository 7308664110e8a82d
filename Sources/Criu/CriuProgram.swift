// The conversation with criu: `criu swrk N` serves one request over the socket N, a message of protocol buffers in each packet, and
// ends. It has no daemon, and nothing of it runs before it is asked. While it works it notifies and waits for an answer: a client that
// dies is a failed notification, after which criu undoes what it did. So criu is never killed here; and it has a session of its own,
// since an interrupt from the keyboard would leave the container as it was in the middle of a dump.
// Source: criu's images/rpc.proto, criu/cr-service.c; https://criu.org/RPC.
package import Diagnostics
package import Kernel

/// The program criu.
package struct CriuProgram: Equatable, Sendable {
    package let path: Path

    package init(_ path: Path) { self.path = path }

    /// The number of the socket in criu's table of descriptors; what it inherits besides comes after.
    package static var socketNumber: Int32 { 3 }

    /// What a conversation came to.
    package struct Outcome: Sendable {
        /// Nil when criu ended without an answer.
        package var response: CriuResponse?
        /// How criu ended: 0…255, or 128 + the signal's number.
        package var status: Int32
        /// The end of what criu wrote to stdout and stderr: only what comes before it has its log.
        package var said: [UInt8]

        /// Whether what was asked for was done.
        package func succeeded(_ kind: CriuRequestKind) -> Bool {
            // after a pre-dump criu waits for more requests, and does not take their absence well
            response?.succeeded == true && response?.kind == kind.rawValue && (status == 0 || kind == .preDump)
        }
    }

    /// Starts criu, asks, serves its notifications, and waits for its end.
    ///
    /// - Parameters:
    ///   - request: the question to criu, whose pid it gets.
    ///   - clone: makes the process, in the cgroup where criu shall be.
    ///   - prepare: runs in the new process before it becomes criu. It may use descriptors from `socketNumber` + 1 on for what criu inherits.
    ///   - notified: gets each notification's name, pid and descriptor. When it throws, criu undoes what it did, and the error is the result.
    /// - Throws: what `request` and `notified` throw; the errno of a system call.
    package func converse(
        _ request: (Int32) throws(OperationError) -> CriuRequest, clone: () throws(Errno) -> CloneSide = { () throws(Errno) in try Kernel.clone([]) },
        prepare: () throws(Errno) -> Void = {},
        notified: (String, Int32, consuming FileDescriptor?) throws(OperationError) -> Void = { _, _, _ in }
    ) throws(OperationError) -> Outcome {
        let running: Running
        do throws(Errno) { running = try start(clone, prepare) } catch { throw OperationError("start", path.text, .errno(error)) }
        return try running.converse(request, notified)
    }

    private func start(_ clone: () throws(Errno) -> CloneSide, _ prepare: () throws(Errno) -> Void) throws(Errno) -> Running {
        let ends = try FileDescriptor.socketPair(.sequencedPackets)
        let output = try FileDescriptor.memory(named: "criu").duplicate(above: 100)
        // the other end is criu's alone once this function is left: its end is the connection's
        let socket = try ends.second.duplicate(above: 100)
        let arguments = StringVector(["criu", "swrk", "\(Self.socketNumber)"])
        let variables = StringVector(environment())
        switch try clone() {
        case .child:
            become(socket, output, arguments, variables, prepare)
            exitNow(127)
        case .parent(let pid): return Running(pid: pid, connection: Connection(ends.intoFirst()), output: output)
        }
    }

    private func become(
        _ socket: borrowing FileDescriptor, _ output: borrowing FileDescriptor, _ arguments: borrowing StringVector, _ variables: borrowing StringVector,
        _ prepare: () throws(Errno) -> Void
    ) {
        do throws(Errno) {
            try prepare()
            try socket.duplicate(onto: Self.socketNumber)
            try output.duplicate(onto: 1)
            try output.duplicate(onto: 2)
            try restoreDefaultSignals()
            try unblockAllSignals()
            try execute(path, arguments: arguments, environment: variables)
        } catch {
            // read by the parent, as the end of what criu said
            do throws(Errno) { try output.write("it could not be started: \(error.explanation) (\(error.name))\n") } catch {}
        }
    }
}

/// A criu that was started.
private struct Running: ~Copyable {
    private let pid: Int32
    private let connection: Connection
    private let output: FileDescriptor

    init(pid: Int32, connection: consuming Connection, output: consuming FileDescriptor) {
        self.pid = pid
        self.connection = connection
        self.output = output
    }

    /// Waits for criu's end, whatever goes wrong before.
    borrowing func converse(
        _ request: (Int32) throws(OperationError) -> CriuRequest, _ notified: (String, Int32, consuming FileDescriptor?) throws(OperationError) -> Void
    ) throws(OperationError) -> CriuProgram.Outcome {
        var failure: OperationError?
        var response: CriuResponse?
        do throws(OperationError) { response = try connection.exchange(request(pid), notified) } catch { failure = error }
        connection.end()
        let outcome: CriuProgram.Outcome
        do throws(Errno) {
            guard case .ended(_, let status) = try waitForChild(pid) else { throw .noChild }
            let size = try output.status().size
            outcome = CriuProgram.Outcome(response: response, status: status, said: try output.read(atMost: 16384, at: max(0, size - 16384)))
        } catch {
            throw failure ?? OperationError("wait for", "criu", .errno(error))
        }
        if let failure { throw failure }
        return outcome
    }
}

/// The client's end of the socket.
private struct Connection: ~Copyable {
    private let socket: FileDescriptor

    init(_ socket: consuming FileDescriptor) { self.socket = socket }

    /// Tells criu that no further request comes.
    borrowing func end() { socket.endSending() }

    /// - Returns: the answer to `request`; nil when criu went away without one.
    borrowing func exchange(
        _ request: CriuRequest, _ notified: (String, Int32, consuming FileDescriptor?) throws(OperationError) -> Void
    ) throws(OperationError) -> CriuResponse? {
        guard try send(request) else { return nil }
        while true {
            var message: ReceivedMessage
            do throws(Errno) {
                message = try socket.receive(atMost: 1 << 16)
            } catch where error == .connectionReset {
                return nil
            } catch {
                throw OperationError("hear from", "criu", .errno(error))
            }
            if message.bytes.isEmpty { return nil }
            guard let response = CriuResponse(message.bytes) else { throw OperationError("hear from", "criu", .invalid("it sent something unknown")) }
            guard response.succeeded, response.kind == CriuRequestKind.notify.rawValue else { return response }
            try notified(response.script ?? "", response.scriptPID ?? 0, message.descriptor.take())
            guard try send(CriuRequest(.notify)) else { return nil }
        }
    }

    /// False when criu has ended.
    private borrowing func send(_ request: CriuRequest) throws(OperationError) -> Bool {
        do throws(Errno) {
            try socket.send(request.bytes)
            return true
        } catch where error == .brokenPipe || error == .connectionReset {
            return false
        } catch {
            throw OperationError("send request to", "criu", .errno(error))
        }
    }
}
