import CLI
import ContainerRuntime
import Criu
import Diagnostics
import Kernel

extension Cale {
    /// `cale checkpoint`: answers the exit status.
    static func checkpoint(_ invocation: Invocation) throws(OperationError) -> Int32 {
        let settings = try Settings(invocation)
        let id = try ContainerID(invocation.positionals[0])
        do throws(OperationError) {
            try checkpointContainer(try checkpointOptions(invocation, settings, id), in: try settings.openRoot(for: id.text), warn: settings.log.warn)
        } catch {
            throw error.within("checkpoint \(quoted(id.text))")
        }
        return 0
    }

    private static func checkpointOptions(_ invocation: Invocation, _ settings: Settings, _ id: ContainerID) throws(OperationError) -> CheckpointOptions {
        let values = invocation.options
        var options = CheckpointOptions(id: id, criu: try criuSettings(invocation, settings))
        options.parentPath = values.value("parent-path").flatMap { $0.isEmpty ? nil : $0 }
        options.criu.options.leavesRunning = values.isSet("leave-running")
        options.preDump = values.isSet("pre-dump")
        options.criu.options.tcpSkipsInFlight = values.isSet("tcp-skip-in-flight")
        options.criu.options.linkRemap = values.isSet("link-remap")
        options.criu.options.pageServer = try values.value("page-server").flatMap { (text) throws(OperationError) in text.isEmpty ? nil : try pageServer(text) }
        options.statusDescriptor = try statusDescriptor(invocation, isLazy: options.criu.options.lazyPages)
        return options
    }

    /// What `checkpoint` and `restore` have in common.
    static func criuSettings(_ invocation: Invocation, _ settings: Settings) throws(OperationError) -> CriuSettings {
        let values = invocation.options
        var criu = CriuSettings(imagePath: try absolute(values.value("image-path").flatMap { $0.isEmpty ? nil : $0 } ?? "checkpoint"))
        if let program = invocation.global.value("criu"), !program.isEmpty { criu.program = program }
        criu.workPath = try values.value("work-path").flatMap { (text) throws(OperationError) in text.isEmpty ? nil : try absolute(text) }
        criu.options.tcpEstablished = values.isSet("tcp-established")
        criu.options.externalUnixSockets = values.isSet("ext-unix-sk")
        criu.options.shellJob = values.isSet("shell-job")
        criu.options.fileLocks = values.isSet("file-locks")
        criu.options.autoDedup = values.isSet("auto-dedup")
        criu.options.lazyPages = values.isSet("lazy-pages")
        criu.options.cgroupsMode =
            switch values.value("manage-cgroups-mode") {
            case "soft": .soft
            case "full": .full
            case "strict": .strict
            case "ignore": .ignore
            default: .standard
            }
        if invocation.global.isSet("debug") { criu.trace = settings.log.debug }
        return criu
    }

    /// A path that other programs find too.
    private static func absolute(_ text: String) throws(OperationError) -> Path {
        do throws(Errno) { return try Path(text).absolute() } catch { throw OperationError("find", "current directory", .errno(error)) }
    }

    /// "10.0.0.1:1234", "[::1]:1234".
    private static func pageServer(_ text: String) throws(OperationError) -> CriuOptions.PageServer {
        let refusal = OperationError("read option", "--page-server", .invalid("\(quoted(text)) is not ADDRESS:PORT"))
        guard let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")), let port = UInt16(text[text.index(after: colon)...]), port > 0 else { throw refusal }
        var address = text[..<colon]
        if address.hasPrefix("["), address.hasSuffix("]") { address = address.dropFirst().dropLast() } else if address.utf8.contains(UInt8(ascii: ":")) { throw refusal }
        if address.isEmpty { throw refusal }
        return CriuOptions.PageServer(address: String(address), port: Int32(port))
    }

    private static func statusDescriptor(_ invocation: Invocation, isLazy: Bool) throws(OperationError) -> Int32? {
        guard let number: Int32 = try invocation.options.integer("status-fd", in: -1...Int32.max), number >= 0 else { return nil }
        if !isLazy { throw OperationError("read option", "--status-fd", .invalid("it is for --lazy-pages only")) }
        if !isOpen(descriptor: number) { throw OperationError("read option", "--status-fd", .errno(.badDescriptor)) }
        return number
    }
}
