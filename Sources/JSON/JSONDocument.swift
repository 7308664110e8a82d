// Text to values over json-c, with the JSON path in every error.
//
// A `JSONDocument` owns the parsed tree; `JSONValue` and `JSONObject` are views into it, handed out by `decode` only and
// valid while it runs. Readers name a key once and get a typed value or an `OperationError` whose `field` is the path.
import CJSONC
package import Diagnostics

/// A parsed JSON text.
@frozen @safe public struct JSONDocument: ~Copyable {
    @usableFromInline let root: OpaquePointer?
    @usableFromInline let source: String

    /// The deepest nesting that is accepted. The deepest object of the specifications has 8 levels.
    package static var depthLimit: Int32 { 64 }

    /// Parses one complete JSON text.
    ///
    /// - Parameters:
    ///   - source: what the bytes are, for errors: a file's path.
    /// - Throws: `.invalid` with the byte offset for anything that is not strict JSON in UTF-8, that is followed by
    ///   further text, or that is nested deeper than `depthLimit`.
    package init(parsing bytes: [UInt8], source: String) throws(OperationError) {
        func refused(_ why: String) -> OperationError { OperationError("parse", source, .invalid(why)) }
        guard bytes.count < Int(Int32.max) else { throw refused("larger than 2 GiB") }
        if bytes.isEmpty { throw refused("the file is empty") }
        guard let tokener = unsafe json_tokener_new_ex(Self.depthLimit) else {
            throw OperationError("parse", source, .errno(.noMemory))
        }
        defer { unsafe json_tokener_free(tokener) }
        unsafe json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8)
        var root = unsafe bytes.withUnsafeBytes { buffer in
            unsafe json_tokener_parse_ex(tokener, buffer.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(buffer.count))
        }
        let end = Int(unsafe json_tokener_get_parse_end(tokener))
        var result = unsafe json_tokener_get_error(tokener)
        if result == json_tokener_continue && end == bytes.count {
            // A number or a literal at the top ends only when something follows.
            unsafe root = json_tokener_parse_ex(tokener, " ", 1)
            if unsafe json_tokener_get_error(tokener) == json_tokener_success { result = json_tokener_success }
        }
        do throws(OperationError) {
            try Self.check(bytes, result, end: end, source: source)
        } catch {
            unsafe json_object_put(root)
            throw error
        }
        unsafe self.root = root
        self.source = source
    }

    /// Inlinable, because Embedded Swift must see what ends a value of another module.
    @inlinable deinit { unsafe Self.release(root) }

    @usableFromInline static func release(_ root: OpaquePointer?) { unsafe json_object_put(root) }

    /// Reads the whole document. Views that `body` gets must not leave it.
    ///
    /// - Throws: what `body` throws, with the operation "read" and the source as subject.
    package borrowing func decode<Value>(
        _ body: (JSONValue) throws(OperationError) -> Value
    ) throws(OperationError) -> Value {
        do throws(OperationError) {
            return try body(unsafe JSONValue(root, at: JSONPath()))
        } catch {
            var error = error
            if error.subject.isEmpty { error.subject = source }
            throw error
        }
    }

    /// - Throws: `.invalid` unless json-c and `Lexis` are both content and nothing follows the value.
    private static func check(
        _ bytes: [UInt8], _ result: json_tokener_error, end: Int, source: String
    ) throws(OperationError) {
        func refused(_ why: String, at offset: Int) -> OperationError {
            OperationError("parse", source, .invalid("\(why) at byte \(offset) (\(position(of: offset, in: bytes)))"))
        }
        guard result == json_tokener_success else {
            guard result == json_tokener_continue else {
                if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { throw refused("a byte order mark, which JSON must not have,", at: 0) }
                throw refused(unsafe String(cString: json_tokener_error_desc(result)), at: end)
            }
            // json-c waits for more at a NUL byte too.
            if end < bytes.count { throw refused("unexpected character", at: end) }
            throw OperationError("parse", source, .invalid("the text ends in the middle (truncated?)"))
        }
        for index in end..<bytes.count where !isSpace(bytes[index]) {
            throw refused("text after the end of the JSON value", at: index)
        }
        do throws(Lexis.Fault) {
            try Lexis.check(bytes)
        } catch {
            throw refused(error.why, at: error.offset)
        }
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 }

    private static func position(of offset: Int, in bytes: [UInt8]) -> String {
        var line = 1
        var column = 1
        for byte in bytes.prefix(offset) {
            if byte == 0x0A {
                line += 1
                column = 1
            } else {
                column += 1
            }
        }
        return "line \(line), column \(column)"
    }
}

/// Where a value stands: `mounts[0].destination`. Kept as a chain to the root and worded only when an error needs it.
package struct JSONPath: Sendable {
    private indirect enum Link: Sendable {
        case root
        case key(String, Link)
        case index(Int, Link)
    }
    private let link: Link
    package init() { link = .root }
    private init(_ link: Link) { self.link = link }

    package func appending(key: String) -> JSONPath { JSONPath(.key(key, link)) }
    package func appending(index: Int) -> JSONPath { JSONPath(.index(index, link)) }

    package var text: String { Self.text(of: link) }

    private static func text(of link: Link) -> String {
        switch link {
        case .root: return ""
        case .index(let index, let outer): return text(of: outer) + "[\(index)]"
        case .key(let key, let outer): return member(key, of: text(of: outer))
        }
    }

    /// The path of the property `key` of what stands at `path`: `linux.sysctl["net.ipv4.ip_forward"]`.
    package static func member(_ key: String, of path: String) -> String {
        if key.isEmpty || key.utf8.contains(UInt8(ascii: ".")) || key.utf8.contains(UInt8(ascii: "[")) {
            return path + "[" + quoted(key) + "]"
        }
        return path.isEmpty ? escaped(key) : path + "." + escaped(key)
    }
}
