import CLI
import ContainerRuntime
import Diagnostics
import JSON
import Kernel
import OCISpec

extension Cale {
    /// `cale update`: answers the exit status.
    static func update(_ invocation: Invocation) throws(OperationError) -> Int32 {
        let settings = try Settings(invocation)
        let id = try ContainerID(invocation.positionals[0])
        let options = invocation.options
        let schemata = try schemata(options)
        let fromOptions = try limits(options)
        var update: LinuxResources
        if let file = options.value("resources") {
            update = try limits(inFile: file)
            let devices = update.devices
            if let fromOptions { update = update.updated(by: fromOptions) }
            update.devices = devices
        } else if let fromOptions {
            update = fromOptions
        } else if schemata != nil {
            update = LinuxResources()
        } else {
            throw OperationError(
                "update container", id.text, .invalid("no limit is named"), hint: "use an option such as --memory, or --resources FILE")
        }
        for name in ["kernel-memory", "kernel-memory-tcp"] where options.isSet(name) {
            settings.log.warn("--\(name) is deprecated: the kernel counts this memory in the memory limit, ignoring")
        }
        try Container.open(id, in: try settings.openRoot(for: id.text)).update(update, schemata: schemata, warn: settings.log.warn)
        return 0
    }

    /// The limits in a file; "-" is stdin.
    private static func limits(inFile name: String) throws(OperationError) -> LinuxResources {
        let limit = 16 << 20
        let bytes: [UInt8]
        do throws(Errno) {
            bytes = name == "-" ? try FileDescriptor.withStream(0) { (input) throws(Errno) in try input.readAll(limit: limit) } : try readFile(Path(name), limit: limit)
        } catch {
            throw OperationError("read", name == "-" ? "stdin" : name, .errno(error))
        }
        return try LinuxResources.parse(bytes, source: name == "-" ? "stdin" : name)
    }

    /// The limits that options name; nil when there are none.
    ///
    /// They go through the same reader as a file's, so that one set of rules holds; its errors are told with the option's name.
    private static func limits(_ options: OptionValues) throws(OperationError) -> LinuxResources? {
        var isEmpty = true
        var writer = JSONWriter()
        var failure: OperationError?
        writer.object { writer in
            for part in ["memory", "cpu", "pids", "blockIO"] {
                writer.key(part)
                writer.object { writer in
                    for limit in LimitOption.all where limit.part == part {
                        guard let text = options.value(limit.option), !text.isEmpty else { continue }
                        isEmpty = false
                        do throws(OperationError) {
                            writer.key(limit.key)
                            writer.verbatim(try limit.json(text))
                        } catch {
                            failure = failure ?? error
                            writer.null()
                        }
                    }
                }
            }
        }
        if let failure { throw failure }
        if isEmpty { return options.isSet("kernel-memory") || options.isSet("kernel-memory-tcp") ? LinuxResources() : nil }
        do throws(OperationError) {
            return try LinuxResources.parse(Array(writer.text.utf8), source: "options")
        } catch {
            guard let limit = LimitOption.all.first(where: { $0.part + "." + $0.key == error.field }) else { throw error }
            throw OperationError("read option", "--" + limit.option, error.cause)
        }
    }

    /// What the options of Intel RDT say; nil when none is given.
    private static func schemata(_ options: OptionValues) throws(OperationError) -> LinuxIntelRdt? {
        func schema(_ name: String) -> String? { options.value(name).flatMap { $0.isEmpty ? nil : $0 } }
        let (cache, bandwidth) = (schema("l3-cache-schema"), schema("mem-bw-schema"))
        if cache == nil && bandwidth == nil { return nil }
        do throws(OperationError) {
            return try LinuxIntelRdt(l3CacheSchema: cache, memBwSchema: bandwidth)
        } catch {
            throw OperationError("read option", error.field == "intelRdt.memBwSchema" ? "--mem-bw-schema" : "--l3-cache-schema", error.cause)
        }
    }
}

/// An option of `update` and the limit that it stands for.
private struct LimitOption {
    /// How its value is read.
    enum Form { case bytes, number, text }
    let option: String
    let part: String
    let key: String
    let form: Form

    static var all: [LimitOption] {
        [
            LimitOption(option: "memory", part: "memory", key: "limit", form: .bytes),
            LimitOption(option: "memory-reservation", part: "memory", key: "reservation", form: .bytes),
            LimitOption(option: "memory-swap", part: "memory", key: "swap", form: .bytes),
            LimitOption(option: "cpu-share", part: "cpu", key: "shares", form: .number),
            LimitOption(option: "cpu-quota", part: "cpu", key: "quota", form: .number),
            LimitOption(option: "cpu-burst", part: "cpu", key: "burst", form: .number),
            LimitOption(option: "cpu-period", part: "cpu", key: "period", form: .number),
            LimitOption(option: "cpu-rt-runtime", part: "cpu", key: "realtimeRuntime", form: .number),
            LimitOption(option: "cpu-rt-period", part: "cpu", key: "realtimePeriod", form: .number),
            LimitOption(option: "cpuset-cpus", part: "cpu", key: "cpus", form: .text),
            LimitOption(option: "cpuset-mems", part: "cpu", key: "mems", form: .text),
            LimitOption(option: "cpu-idle", part: "cpu", key: "idle", form: .number),
            LimitOption(option: "pids-limit", part: "pids", key: "limit", form: .number),
            LimitOption(option: "blkio-weight", part: "blockIO", key: "weight", form: .number),
        ]
    }

    /// The value as JSON.
    func json(_ text: String) throws(OperationError) -> String {
        func refused(_ why: String) -> OperationError { OperationError("read option", "--" + option, .invalid(why)) }
        switch form {
        case .text: return JSONWriter.quoted(text)
        case .number:
            if let number = Int64(text) { return String(number) }
            if let number = UInt64(text) { return String(number) }
            throw refused(quoted(text) + " is not a whole number")
        case .bytes:
            if text == "-1" { return text }
            guard let count = byteCount(text) else {
                throw refused(quoted(text) + " is no number of bytes such as 5M or 1.5GiB; -1 means no limit")
            }
            return String(count)
        }
    }
}
