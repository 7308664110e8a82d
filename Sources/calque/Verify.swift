import CLI
import Diagnostics
import ImageUnpack
import JSON
import Kernel

extension Calque {
    /// `calque verify`: answers the exit status, 1 when something differs.
    static func verify(_ invocation: Invocation) throws(OperationError) -> Int32 {
        let options = invocation.options
        let bundle = invocation.positionals.first
        let image = options.value("image")
        if bundle != nil && image != nil {
            throw OperationError("read", "arguments", .invalid("a bundle and --image are two things to verify"), hint: "--source names where a bundle's layers are")
        }
        let results: [Verification]
        if let image {
            results = try verifyImage(try reference(image), platform: try platform(invocation))
        } else if let bundle {
            results = try verifyBundle(Path(bundle), source: options.value("source").map { Path($0) }, readsAll: options.isSet("read-all"))
        } else {
            results = try existingStore(invocation).map { (path) throws(OperationError) in try verifyStore(path, marks: marks, readsAll: options.isSet("read-all")) } ?? []
        }
        try printOutput(options.value("format") == "json" ? json(results) : text(results))
        let damaged = results.count { !$0.faults.isEmpty }
        if damaged == 0 { return 0 }
        tell("\(invocation.programName): verify: \(damaged) of \(results.count) differ")
        return 1
    }

    private static func text(_ results: [Verification]) -> String {
        var text = ""
        for result in results {
            var state = result.faults.isEmpty ? "as it was unpacked, \(result.entries) entries" : "\(result.faults.count) faults"
            if result.protectedFiles > 0 { state += ", \(result.protectedFiles) of \(result.files) files protected by fs-verity" }
            text += "\(result.kind == .bundle ? "bundle" : "layer") \(escaped(result.name)): \(state)\n"
            for fault in result.faults {
                text += "  " + (fault.path.map { escaped($0) + ": " } ?? "") + fault.what.map { fault.path == nil ? $0 : escaped($0) }.joined(separator: ", ") + "\n"
            }
        }
        return text + (results.allSatisfy { $0.faults.isEmpty } ? "nothing differs\n" : "")
    }

    private static func json(_ results: [Verification]) -> String {
        var writer = JSONWriter(indentation: 2)
        writer.array { writer in
            for result in results {
                writer.object { writer in
                    writer.member("kind", result.kind.rawValue)
                    writer.member("name", result.name)
                    writer.member("ok", result.faults.isEmpty)
                    writer.member("entries", result.entries)
                    if result.kind == .layer {
                        writer.member("files", result.files)
                        writer.member("protectedFiles", result.protectedFiles)
                    }
                    writer.key("faults")
                    writer.array { writer in
                        for fault in result.faults {
                            writer.object { writer in
                                if let path = fault.path { writer.member("path", path) }
                                writer.member("what", fault.what)
                            }
                        }
                    }
                }
            }
        }
        return writer.text + "\n"
    }
}
