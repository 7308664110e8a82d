package import Diagnostics

/// A path inside a tree that somebody else controls: plain components below its root, never text to be joined.
///
/// ".." is resolved lexically and stops at the root, as in filepath.Clean: "/a/../../b" is "b". Links in the tree are
/// resolved by `RootDirectory`, below the root.
package struct InRootPath: Hashable, Sendable {
    /// The names from the root down; each is non-empty, not "." or "..", and holds no "/" and no NUL.
    package let components: [[UInt8]]

    package static var root: InRootPath { InRootPath(components: []) }

    private init(components: [[UInt8]]) { self.components = components }

    /// Nil when `bytes` contain NUL, or are longer than the kernel takes (4,095 bytes; 255 for a component).
    package init?(bytes: some Collection<UInt8>) {
        guard bytes.count < 4096, !bytes.contains(0) else { return nil }
        var components: [[UInt8]] = []
        for part in bytes.split(separator: UInt8(ascii: "/")) {
            if part.elementsEqual([UInt8(ascii: ".")]) { continue }
            if part.elementsEqual([UInt8(ascii: "."), UInt8(ascii: ".")]) {
                _ = components.popLast()
                continue
            }
            guard part.count <= 255 else { return nil }
            components.append(Array(part))
        }
        self.components = components
    }

    /// - Throws: `.invalid` when `text` contains NUL or is longer than the kernel takes.
    package init(_ text: String) throws(OperationError) {
        guard let path = InRootPath(bytes: Array(text.utf8)) else {
            throw OperationError("resolve", text, .invalid("a path has at most 4095 bytes, a name in it 255, and no NUL"))
        }
        self = path
    }

    package var isRoot: Bool { components.isEmpty }
    /// Whether it is /proc or below it.
    package var isInProc: Bool { components.first?.elementsEqual("proc".utf8) ?? false }
    /// The directory that holds it; the root's is the root.
    package var parent: InRootPath { InRootPath(components: Array(components.dropLast())) }
    /// The way on from its first component: "/b/c" of "/a/b/c".
    package var withoutFirst: InRootPath { InRootPath(components: Array(components.dropFirst())) }
    package var lastComponent: [UInt8]? { components.last }

    /// Nil unless `name` is one plain component.
    package func appending(_ name: [UInt8]) -> InRootPath? {
        guard !name.isEmpty, name.count <= 255, name != [0x2E], name != [0x2E, 0x2E] else { return nil }
        guard !name.contains(UInt8(ascii: "/")), !name.contains(0) else { return nil }
        return InRootPath(components: components + [name])
    }

    /// "/a/b" for people; bytes that are no UTF-8 are replaced.
    package var text: String {
        if components.isEmpty { return "/" }
        var text = ""
        for component in components { text += "/" + String(decoding: component, as: UTF8.self) }
        return text
    }

    /// "a/b" as the kernel wants it below a directory handle; "." for the root.
    var relativeBytes: [UInt8] {
        if components.isEmpty { return [UInt8(ascii: ".")] }
        return Array(components.joined(separator: [UInt8(ascii: "/")]))
    }
}

extension InRootPath: CustomStringConvertible {
    package var description: String { text }
}
