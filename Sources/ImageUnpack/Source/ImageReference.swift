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
        throw OperationError("open image", path, .errno(.noEntry), hint: "an OCI layout directory, an OCI archive or a docker-archive is expected")
    }

    /// Whether `text` is SOURCE:NAME of a source that is there.
    private static func isTagged(_ text: Substring, exists: (Path) -> Bool) -> Bool {
        text.indices.contains { text[$0] == ":" && $0 != text.startIndex && exists(Path(String(text[..<$0]))) }
    }
}
