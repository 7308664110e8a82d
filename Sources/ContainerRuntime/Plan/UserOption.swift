package import Diagnostics

/// Whom `exec --user` names: "1000", "1000:1000", "www-data", "www-data:adm", "0:adm".
package struct UserOption: Equatable, Sendable {
    /// A user or a group, by number or by name.
    package enum Name: Equatable, Sendable {
        case id(UInt32)
        case name(String)
    }
    package var user: Name
    package var group: Name?
    /// Whether the container's files have to be asked.
    var hasName: Bool {
        if case .name = user { return true }
        if case .name = group { return true }
        return false
    }

    /// Digits alone are a decimal number, whatever users the image may call so; everything else is a name.
    ///
    /// - Throws: `.invalid` for a part that is empty, a number that is no id (4294967295 means "leave it" to the kernel, and
    ///   what is larger would be cut off to another id), and a name that cannot be one: never is a user guessed.
    package init(_ text: String) throws(OperationError) {
        let parts = text.utf8.split(separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
        user = try Self.name(parts[0], what: "user", in: text)
        if parts.count == 2 { group = try Self.name(parts[1], what: "group", in: text) }
    }

    private static func name(_ bytes: Substring.UTF8View, what: String, in text: String) throws(OperationError) -> Name {
        func refused(_ why: String) -> OperationError {
            OperationError("use", "--user " + text, .invalid(why), hint: "write USER or USER:GROUP, each a name of the container or a number")
        }
        let word = String(bytes) ?? ""
        if word.isEmpty { throw refused("the \(what) is missing") }
        if bytes.allSatisfy({ UInt8(ascii: "0") <= $0 && $0 <= UInt8(ascii: "9") }) {
            guard let number = UInt32(word), number != .max else { throw refused("\(word) is not a \(what) id") }
            return .id(number)
        }
        let first = bytes.first ?? 0
        if first == UInt8(ascii: "-") || first == UInt8(ascii: "+") || bytes.contains(where: { $0 == UInt8(ascii: ":") || $0 <= 0x20 || $0 == 0x7F }) {
            throw refused("\(quoted(word)) is neither a number nor the name of a \(what)")
        }
        return .name(word)
    }
}

/// The ids behind a `UserOption`.
package struct ResolvedUser: Equatable, Sendable {
    package var uid: UInt32
    package var gid: UInt32
    package var groups: [UInt32] = []
}
