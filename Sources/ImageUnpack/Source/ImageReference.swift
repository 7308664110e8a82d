package import Diagnostics
package import Kernel
package import OCISpec

/// Which image, and where: "SOURCE", "SOURCE:TAG", "SOURCE:NAME:TAG" or "SOURCE@DIGEST".
package struct ImageReference: Equatable, Sendable {
    /// How the image is chosen among those of the source.
    package enum Selector: Equatable, Sendable {
        /// Nothing was said: the tag "latest", or the only image if it has no name.
        case byDefault
        case name(String)
        case digest(Digest)
    }
    package var source: Path
    /// The source that stands for standard input.
    package static var standardInput: Path { "-" }
    package var selector: Selector

    /// - Parameter exists: whether something is at a path. A path may contain colons: the longest one that is there counts.
    package init(_ text: String, exists: (Path) -> Bool) throws(OperationError) {
        func refused(_ why: String) -> OperationError { OperationError("read", "--image", .invalid(why), hint: "it is SOURCE[:TAG] or SOURCE@DIGEST") }
        if text.isEmpty { throw refused("the name of the image is empty") }
        if exists(Path(text)) {
            (source, selector) = (Path(text), .byDefault)
            return
        }
        // a tag may have "@" as well (annotations.md): only what stands behind an existing source is a digest
        if let at = text.lastIndex(of: "@"), at != text.startIndex, exists(Path(String(text[..<at]))) || !Self.isTagged(text[..<at], exists: exists) {
            source = Path(String(text[..<at]))
            selector = .digest(try Digest(String(text[text.index(after: at)...]), field: "--image"))
            return
        }
        var end = text.endIndex
        while let colon = text[..<end].lastIndex(of: ":"), colon != text.startIndex {
            let path = Path(String(text[..<colon]))
            let name = String(text[text.index(after: colon)...])
            if exists(path) {
                if name.isEmpty { throw refused("the tag after \(quoted(path.text)) is empty") }
                (source, selector) = (path, .name(name))
                return
            }
            end = colon
        }
        let path = text.lastIndex(of: ":").map { String(text[..<$0]) } ?? text
        throw OperationError("open image", path, .errno(.noEntry), hint: Self.expected(text, .noEntry))
    }

    /// What an image is, for those who name one that cannot be opened; names of a registry are what most people begin with.
    static func expected(_ text: String, _ error: Errno) -> String {
        let hint = "an OCI layout directory, an OCI archive or a docker-archive is expected"
        let remote = text.hasPrefix("docker://") ? String(text.dropFirst(9)) : text
        guard error == .noEntry, let first = remote.first, first != "/", first != ".", !remote.hasSuffix(".tar"), !remote.contains("@") else { return hint }
        var local = remote.split(separator: "/").last.map(String.init) ?? remote
        if !local.contains(":") { local += ":latest" }
        return hint + "; from a registry: skopeo copy docker://\(remote) oci:\(local)"
    }

    /// Whether `text` is SOURCE:NAME of a source that is there.
    private static func isTagged(_ text: Substring, exists: (Path) -> Bool) -> Bool {
        text.indices.contains { text[$0] == ":" && $0 != text.startIndex && exists(Path(String(text[..<$0]))) }
    }
}

/// Where a new image goes: "PATH[:TAG]". The path need not be there.
package struct ImageTargetName: Equatable, Sendable {
    package var path: Path
    package var tag: String

    /// - Parameter exists: whether something is at a path. A path may contain colons: the longest one that is there counts; where none is,
    ///   what stands behind the last colon is the tag.
    package init(_ text: String, exists: (Path) -> Bool) throws(OperationError) {
        func refused(_ why: String) -> OperationError { OperationError("read", "IMAGE", .invalid(why), hint: "it is PATH[:TAG], an OCI layout directory or an OCI archive") }
        (path, tag) = (Path(text), "latest")
        if !exists(path) {
            var end = text.endIndex
            var split: String.Index?
            while let colon = text[..<end].lastIndex(of: ":"), colon != text.startIndex {
                if split == nil { split = colon }
                if exists(Path(String(text[..<colon]))) {
                    split = colon
                    break
                }
                end = colon
            }
            if let split { (path, tag) = (Path(String(text[..<split])), String(text[text.index(after: split)...])) }
        }
        if path.isEmpty || path == ImageReference.standardInput { throw refused("an image cannot be written there") }
        try Self.check(tag)
    }

    /// Source: annotations.md, the grammar of org.opencontainers.image.ref.name (considerations.md "EBNF").
    private static func check(_ tag: String) throws(OperationError) {
        func isAlphanumeric(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) }
        let (hyphen, slash) = (UInt8(ascii: "-"), UInt8(ascii: "/"))
        var separator: [UInt8] = [slash]
        var isRight = true
        for byte in tag.utf8 {
            if isAlphanumeric(byte) {
                separator = []
                continue
            }
            // one separator between letters, or two hyphens
            if !(separator.isEmpty || (separator == [hyphen] && byte == hyphen)) || !Array("-._:@+/".utf8).contains(byte) { isRight = false }
            separator.append(byte)
        }
        if !isRight || !separator.isEmpty {
            throw OperationError("read", "IMAGE", .invalid("\(quoted(tag)) is not a tag"), hint: "a tag has letters and digits, with one of -._:@+/ between them")
        }
    }
}
