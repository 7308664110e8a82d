import CLI
import Diagnostics
import ImageUnpack
import JSON
import OCISpec

extension Calque {
    /// `calque inspect`: answers the exit status.
    static func inspect(_ invocation: Invocation) throws(OperationError) -> Int32 {
        guard let named = invocation.options.value("image") else {
            throw OperationError("read", "arguments", .invalid("--image is missing"), hint: "name an image: --image SOURCE[:TAG]")
        }
        let reference = try reference(named)
        let source = try ImageSource(reference.source)
        let tags = try source.list().compactMap { $0.name }
        let image = try source.image(reference.selector, platform: try platform(invocation))
        let users = try tagsByLayer(source, tags: tags, platform: try platform(invocation))
        try printOutput(invocation.options.value("format") == "json" ? json(image, tags: tags) : text(image, tags: tags, users: users))
        return 0
    }

    /// How many tags of the source have a layer, by diff id; of the first 64 tags.
    private static func tagsByLayer(_ source: ImageSource, tags: [String], platform: Platform?) throws(OperationError) -> [Digest: Int] {
        var users: [Digest: Int] = [:]
        for tag in tags.prefix(64) {
            let image: Image
            // one that cannot be read, or is for other platforms, shares nothing with this one
            do throws(OperationError) { image = try source.image(.name(tag), platform: platform) } catch { continue }
            for layer in Set(image.layers.map { $0.diffID }) { users[layer, default: 0] += 1 }
        }
        return users
    }

    private static func text(_ image: Image, tags: [String], users: [Digest: Int]) -> String {
        let config = image.config
        let run = config.execution
        var lines: [String] = []
        func add(_ title: String, words: [String]) {
            if !words.isEmpty { lines.append(title + String(repeating: " ", count: max(1, 16 - title.count)) + words.joined(separator: " ")) }
        }
        func add(_ title: String, _ value: String?) {
            if let value, !value.isEmpty { add(title, words: [escaped(value)]) }
        }
        add("tags", tags.joined(separator: ", "))
        add("digest", image.digest?.text)
        add("platform", config.platform.text)
        add("created", config.created)
        add("author", config.author)
        add("entrypoint", words: run.entrypoint.map { quoted($0) })
        add("cmd", words: run.cmd.map { quoted($0) })
        add("user", run.user)
        add("working dir", run.workingDir)
        add("stop signal", run.stopSignal)
        add("exposed ports", run.exposedPorts.joined(separator: ", "))
        add("volumes", run.volumes.joined(separator: ", "))
        for entry in run.env { add("env", entry) }
        for label in run.labels.entries { add("label", label.key + "=" + label.value) }
        var text = lines.joined(separator: "\n") + "\n\n"
        var layers = Table(["LAYER", "SIZE", "TAGS", "MEDIA TYPE"])
        for layer in image.layers { layers.add([layer.name, humanBytes(UInt64(clamping: layer.size)), String(users[layer.diffID] ?? 1), layer.mediaType]) }
        text += layers.text
        if !config.history.isEmpty {
            var history = Table(["CREATED", "LAYER", "SIZE", "BY"])
            var number = 0
            for entry in config.history {
                if !entry.isEmptyLayer { number += 1 }
                let size = entry.isEmptyLayer || number > image.layers.count ? "-" : humanBytes(UInt64(clamping: image.layers[number - 1].size))
                history.add([entry.created ?? "", entry.isEmptyLayer ? "-" : String(number), size, entry.createdBy ?? entry.comment ?? ""])
            }
            text += "\n" + history.text
        }
        return text
    }

    private static func json(_ image: Image, tags: [String]) -> String {
        let config = image.config
        let run = config.execution
        var writer = JSONWriter(indentation: 2)
        writer.object { writer in
            writer.member("tags", tags)
            if let digest = image.digest { writer.member("digest", digest.text) }
            writer.member("platform", config.platform.text)
            if let created = config.created { writer.member("created", created) }
            if let author = config.author { writer.member("author", author) }
            writer.key("config")
            writer.object { writer in
                if let user = run.user { writer.member("User", user) }
                writer.member("Entrypoint", run.entrypoint)
                writer.member("Cmd", run.cmd)
                writer.member("Env", run.env)
                if let directory = run.workingDir { writer.member("WorkingDir", directory) }
                if let signal = run.stopSignal { writer.member("StopSignal", signal) }
                writer.member("ExposedPorts", run.exposedPorts)
                writer.member("Volumes", run.volumes)
                writer.key("Labels")
                run.labels.write(to: &writer)
            }
            writer.key("layers")
            writer.array { writer in
                for layer in image.layers {
                    writer.object { writer in
                        writer.member("name", layer.name)
                        writer.member("mediaType", layer.mediaType)
                        writer.member("size", layer.size)
                        writer.member("diffID", layer.diffID.text)
                    }
                }
            }
            writer.key("history")
            writer.array { writer in
                for entry in config.history {
                    writer.object { writer in
                        if let created = entry.created { writer.member("created", created) }
                        if let by = entry.createdBy { writer.member("createdBy", by) }
                        if let comment = entry.comment { writer.member("comment", comment) }
                        writer.member("emptyLayer", entry.isEmptyLayer)
                    }
                }
            }
        }
        return writer.text + "\n"
    }
}
