/// A file path as the kernel sees it: bytes, not text, without NUL.
///
/// Not for paths below a tree that somebody else controls: those are `UntrustedTree.InRootPath`.
package struct Path: Hashable, Sendable {
    /// The bytes with their terminating NUL.
    private let terminated: [UInt8]

    /// `text` must not contain NUL; the JSON and argument readers have made sure of that.
    package init(_ text: String) { terminated = Array(text.utf8) + [0] }

    /// Nil when `bytes` contain NUL.
    package init?(bytes: some Sequence<UInt8>) {
        let copy = Array(bytes)
        if copy.contains(0) { return nil }
        terminated = copy + [0]
    }

    package var bytes: ArraySlice<UInt8> { terminated.dropLast() }
    package var isEmpty: Bool { terminated.count == 1 }
    package var isAbsolute: Bool { terminated[0] == UInt8(ascii: "/") }
    /// The path as text for people and for JSON; bytes that are no UTF-8 are replaced.
    package var text: String { String(decoding: bytes, as: UTF8.self) }

    /// This path, or `base`/this path when it is relative.
    package func relative(to base: Path) -> Path { isAbsolute ? self : base.appending(bytes: bytes) }

    /// The same path without components "." and empty ones. ".." stays: what stands before it may be a link.
    package var withoutDots: Path {
        var joined: [UInt8] = isAbsolute ? [UInt8(ascii: "/")] : []
        for component in bytes.split(separator: UInt8(ascii: "/")) where !component.elementsEqual(".".utf8) {
            if let last = joined.last, last != UInt8(ascii: "/") { joined.append(UInt8(ascii: "/")) }
            joined += component
        }
        return Path(bytes: joined.isEmpty ? Array(".".utf8) : joined) ?? self  // it has no NUL, as `self` has none
    }

    /// `self`/`name`. Not for paths in a rootfs.
    package func appending(_ name: String) -> Path {
        var joined = Array(bytes)
        if joined.last != UInt8(ascii: "/") { joined.append(UInt8(ascii: "/")) }
        joined += name.utf8
        return Path(terminated: joined + [0])
    }

    /// `self`/`name` for a name that is bytes. Not for paths in a rootfs.
    package func appending(bytes name: ArraySlice<UInt8>) -> Path {
        var joined = Array(bytes)
        if joined.last != UInt8(ascii: "/") { joined.append(UInt8(ascii: "/")) }
        joined += name
        return Path(terminated: joined + [0])
    }

    private init(terminated: [UInt8]) { self.terminated = terminated }

    /// The last component: "b" of "/a/b"; "/" of "/".
    package var lastComponent: String {
        var end = terminated.count - 1
        while end > 1 && terminated[end - 1] == UInt8(ascii: "/") { end -= 1 }
        var start = end
        while start > 0 && terminated[start - 1] != UInt8(ascii: "/") { start -= 1 }
        return start == end ? "/" : String(decoding: terminated[start..<end], as: UTF8.self)
    }

    /// The directory that holds it: "/a" of "/a/b", "." of "a".
    package var parent: Path {
        var end = terminated.count - 1
        while end > 1 && terminated[end - 1] == UInt8(ascii: "/") { end -= 1 }
        while end > 0 && terminated[end - 1] != UInt8(ascii: "/") { end -= 1 }
        while end > 1 && terminated[end - 1] == UInt8(ascii: "/") { end -= 1 }
        return end == 0 ? "." : Path(terminated: Array(terminated[..<end]) + [0])
    }

    /// Calls `body` with the path as a C string that is valid during the call.
    package func withCString<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
        unsafe terminated.withUnsafeBytes { buffer in
            // `terminated` is never empty
            unsafe body(buffer.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: CChar.self))
        }
    }
}

extension Path: ExpressibleByStringLiteral, CustomStringConvertible {
    package init(stringLiteral: String) { self.init(stringLiteral) }
    package var description: String { text }
}
