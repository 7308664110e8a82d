// `calque run`: an image to a running container in one command. The bundle lies in the store and lives as long as its container and this
// process; its lock tells `gc`, and a later run of the same name, whether its maker still lives. Any OCI runtime runs it, with a state of
// its own beside the bundles.
import CLI
import Diagnostics
import ImageUnpack
import Kernel
import OCISpec

extension Calque {
    /// `calque run`: answers the container's exit status.
    static func run(_ invocation: Invocation) throws(OperationError) -> Int32 {
        let options = invocation.options
        let store = try storePath(invocation)
        let runtime = try findRuntime(options.value("runtime") ?? "cale")
        let name = options.value("name") ?? "calque-\(processID())-\(monotonicNanoseconds() % 1_000_000_000)"
        try check(name)
        var request = UnpackOptions(reference: try reference(invocation.positionals[0]), bundle: "")
        request.platform = try platform(invocation)
        request.conversion = try conversion(isRootless: effectiveUserID() != 0, owners: nil)
        request.conversion.terminal = options.isSet("tty")
        request.conversion.command = invocation.trailing.flatMap { $0.isEmpty ? nil : $0 }
        request.conversion.env = try environmentEntries(options.values("env"))
        request.conversion.network = try options.value("network").map(network)
        request.volumes = try volumes(invocation)
        request.protection = protection(invocation)
        request.isRun = true
        let lock: RunLock
        switch try make(&request, in: store, name: name, invocation) {
        case .success(let made): lock = made
        case .failure(let failed): return failed.status
        }
        let bundle = request.bundle
        let state = bundle.parent.parent.appending("state")  // of our own: "runs" lies in the store, and so does this
        let result: Result<Int32, OperationError>
        do throws(OperationError) {
            result = .success(try attend(to: try start([runtime.text, "--root", state.text, "run", "--bundle", bundle.text, name], program: runtime)))
        } catch {
            result = .failure(error)
        }
        if options.isSet("keep") {
            try LayerStore.open(store, marks: marks).keepRun(name)
            tell("\(invocation.programName): the bundle is \(bundle.text)")
        } else {
            do throws(OperationError) { try deleteBundle(bundle, marks: marks) } catch { throw error.within("remove " + quoted(bundle.text)) }
        }
        lock.end()
        return try result.get()
    }

    /// Unpacks the image into a bundle of the store's. Answers the lock that tells `gc` that the bundle is in use, or the exit status of a failure.
    private static func make(
        _ request: inout UnpackOptions, in path: Path, name: String, _ invocation: Invocation
    ) throws(OperationError) -> Result<RunLock, Failed> {
        let marks = marks
        if try LayerStore.open(path, marks: marks).hasRun(name) {
            // one whose maker was killed goes
            let removed = try inChild { () throws(OperationError) in
                try enterNamespaceOfStore()
                _ = try LayerStore.open(path, marks: marks, exclusive: true).removeAbandonedRuns(name)
                return 0
            }
            if removed != 0 { return .failure(Failed(status: removed)) }
        }
        let store = try LayerStore.open(path, marks: marks)
        request.bundle = try store.directoryOfRuns().appending(name)
        request.mode = .overlay(store: path, mountedBy: .runtime)
        // with one thread: a user namespace is entered by the child that unpacks, never by this process
        let options = request
        let unpacked = try inChild { () throws(OperationError) in try unpack(options, invocation) }
        if unpacked != 0 { return .failure(Failed(status: unpacked)) }
        do throws(OperationError) {
            return .success(try store.lockRun(name))
        } catch {
            let first = error
            do throws(OperationError) { try deleteBundle(request.bundle, marks: marks) } catch {}  // the first error is the one to tell
            throw first
        }
    }

    /// A child has failed, and has told why.
    private struct Failed: Error { let status: Int32 }

    private static func check(_ name: String) throws(OperationError) {
        let plain = name.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) || [0x2D, 0x2E, 0x5F].contains($0) }
        guard plain, !name.isEmpty, !name.hasPrefix("."), name.utf8.count < 200 else {
            throw OperationError("read", "--name", .invalid("a name has letters, digits, \"-\", \"_\" and \".\", and does not begin with \".\""))
        }
    }

    private static func network(_ text: String) throws(OperationError) -> NetworkChoice {
        if text == "host" { return .host }
        if text == "none" { return .none }
        if text.hasPrefix("/") { return .path(text) }
        throw OperationError(
            "read", "--network", .invalid("\(quoted(text)) is not host, none or an absolute path"), hint: "\"ip netns add \(text)\" makes /run/netns/\(text)")
    }

    static func environmentEntries(_ entries: [String]) throws(OperationError) -> [String] {
        for entry in entries where !entry.dropFirst().contains("=") || entry.hasPrefix("=") {
            throw OperationError("read", "--env", .invalid("\(quoted(entry)) is not NAME=VALUE"))
        }
        return entries
    }

    static func volumes(_ invocation: Invocation) throws(OperationError) -> [VolumeRequest] {
        var volumes: [VolumeRequest] = []
        for text in invocation.options.values("volume") { volumes.append(try VolumeRequest(text)) }
        return volumes
    }

    private static func findRuntime(_ name: String) throws(OperationError) -> Path {
        if name.utf8.contains(UInt8(ascii: "/")) {
            if mayExecute(Path(name)) { return Path(name) }
        } else {
            // beside this program first: the two are built together
            let own = Path(executedPath()).parent.appending(name)
            if executedPath().utf8.contains(UInt8(ascii: "/")), mayExecute(own) { return own }
            if let path = findProgram(name, standard: RuntimeTemplate.searchPath) { return path }
        }
        let isThere = name.utf8.contains(UInt8(ascii: "/")) && exists(Path(name))
        throw OperationError("look for", name, .errno(isThere ? .accessDenied : .noEntry), hint: "--runtime names an OCI runtime: a path, or a name to be found in PATH")
    }

    /// Calls `body` in a child, whose exit status it answers.
    private static func inChild(_ body: () throws(OperationError) -> Int32) throws(OperationError) -> Int32 {
        let side: CloneSide
        do throws(Errno) { side = try clone([]) } catch { throw OperationError("start", "a process", .errno(error)) }
        switch side {
        case .parent(let child): return try wait(for: child)
        case .child:
            do throws(OperationError) {
                exitNow(try body())
            } catch {
                tell("calque: " + error.line)
                exitNow(1)
            }
        }
    }

    private static func wait(for child: Int32) throws(OperationError) -> Int32 {
        do throws(Errno) {
            guard case .ended(_, let status) = try waitForChild(child) else { return 1 }
            return status
        } catch {
            throw OperationError("wait for", "a process", .errno(error))
        }
    }

    /// Starts the runtime.
    private static func start(_ arguments: [String], program: Path) throws(OperationError) -> Int32 {
        let argv = StringVector(arguments)
        let envp = StringVector(Kernel.environment())
        do throws(Errno) {
            try blockAllSignals()
            guard case .parent(let child) = try clone([]) else {
                do throws(Errno) {
                    try restoreDefaultSignals()
                    try unblockAllSignals()
                    try execute(program, arguments: argv, environment: envp)
                } catch {
                    tell("calque: run \(quoted(program.text)): \(error.explanation) (\(error.name))")
                }
                exitNow(127)
            }
            return child
        } catch {
            throw OperationError("start", program.text, .errno(error))
        }
    }

    /// Waits for the runtime; signals go to it. Those of a terminal reach it by themselves.
    private static func attend(to child: Int32) throws(OperationError) -> Int32 {
        do throws(Errno) {
            let signals = try FileDescriptor.allSignals()
            try signals.setNonBlocking(false)
            while true {
                if case .ended(let pid, let status) = try waitForChild(child, blocking: false), pid == child { return status }
                guard let signal = try signals.nextSignal() else { continue }
                // a sender of 0 is the kernel: the terminal, which told the whole group
                if signal.number != 17 && signal.sender != 0 { do throws(Errno) { try sendSignal(signal.number, to: child) } catch where error == .noProcess {} }
            }
        } catch {
            throw OperationError("wait for", "the runtime", .errno(error))
        }
    }
}
