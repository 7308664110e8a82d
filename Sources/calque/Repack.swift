import CLI
import Diagnostics
import ImageUnpack
import JSON
import Kernel
import OCISpec

extension Calque {
    /// `calque repack`: answers the exit status.
    static func repack(_ invocation: Invocation) throws(OperationError) -> Int32 {
        let options = invocation.options
        let target = try ImageTargetName(invocation.positionals[1], exists: exists)
        var request = RepackOptions(bundle: Path(invocation.positionals[0]), target: target.path, tag: target.tag)
        request.source = options.value("source").map { Path($0) }
        switch options.value("compression") {
        case "none": request.compression = .none
        case "zstd": request.compression = .zstd
        default: request.compression = .gzip
        }
        request.changes = try configChanges(invocation)
        request.sourceDateEpoch = try sourceDateEpoch()
        let made = try ImageUnpack.repack(request)
        if !options.isSet("quiet") { for warning in made.warnings { tell("\(invocation.programName): warning: \(escaped(warning, isSentence: true))") } }
        try printOutput(options.value("format") == "json" ? json(made) : text(made))
        return 0
    }

    private static func configChanges(_ invocation: Invocation) throws(OperationError) -> ConfigChanges {
        let options = invocation.options
        /// One empty word takes away what the image has.
        func words(_ name: String) -> [String]? {
            let words = options.values(name)
            return words.isEmpty ? nil : words == [""] ? [] : words
        }
        var changes = ConfigChanges()
        changes.entrypoint = words("entrypoint")
        changes.cmd = words("cmd")
        changes.env = try environmentEntries(options.values("env"))
        changes.user = options.value("user")
        changes.workingDir = options.value("workdir")
        changes.stopSignal = options.value("stop-signal")
        changes.author = options.value("author")
        if let createdBy = options.value("created-by") { changes.createdBy = createdBy }
        changes.comment = options.value("comment")
        if let directory = changes.workingDir, !directory.hasPrefix("/") {
            throw OperationError("read", "--workdir", .invalid("\(quoted(directory)) is not an absolute path"))
        }
        for label in options.values("label") {
            guard let equals = label.firstIndex(of: "="), equals != label.startIndex else {
                throw OperationError("read", "--label", .invalid("\(quoted(label)) is not NAME=VALUE"))
            }
            changes.labels.entries.append(StringMap.Entry(String(label[..<equals]), String(label[label.index(after: equals)...])))
        }
        for port in options.values("port") { changes.exposedPorts.append(try exposedPort(port)) }
        return changes
    }

    /// "80", "80/tcp", "80-90/udp". Source: config.md "ExposedPorts".
    private static func exposedPort(_ text: String) throws(OperationError) -> String {
        func refused() -> OperationError { OperationError("read", "--port", .invalid("\(quoted(text)) is not PORT[/tcp|/udp]"), hint: "a port is a number from 1 to 65535") }
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, parts.count == 1 || parts[1] == "tcp" || parts[1] == "udp" || parts[1] == "sctp" else { throw refused() }
        guard let number = UInt16(parts[0]), number > 0, String(number) == parts[0] else { throw refused() }
        return parts.count == 1 ? text + "/tcp" : text
    }

    /// Source: reproducible-builds.org, "SOURCE_DATE_EPOCH".
    private static func sourceDateEpoch() throws(OperationError) -> Int64? {
        guard let text = Kernel.environment("SOURCE_DATE_EPOCH"), !text.isEmpty else { return nil }
        // what RFC 3339 has four digits of a year for
        guard let seconds = Int64(text), (0...253_402_300_799).contains(seconds) else {
            throw OperationError("read", "SOURCE_DATE_EPOCH", .invalid("\(quoted(text)) is no number of seconds since 1970"))
        }
        return seconds
    }

    private static func text(_ made: RepackedImage) -> String {
        guard let layer = made.layer else { return "\(made.digest.text): no new layer, nothing was changed\n" }
        return "\(made.digest.text): new layer \(layer.digest.text), \(humanBytes(UInt64(clamping: layer.size)))\n"
    }

    private static func json(_ made: RepackedImage) -> String {
        var writer = JSONWriter(indentation: 2)
        writer.object { writer in
            writer.member("digest", made.digest.text)
            if let layer = made.layer {
                writer.key("layer")
                writer.object { writer in
                    writer.member("mediaType", layer.mediaType)
                    writer.member("digest", layer.digest.text)
                    writer.member("size", layer.size)
                }
            }
        }
        return writer.text + "\n"
    }
}
