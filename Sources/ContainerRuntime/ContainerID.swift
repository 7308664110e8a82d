package import Diagnostics

/// A container's name: a file name below the state root, and what people type.
package struct ContainerID: Hashable, Sendable {
    package let text: String

    /// - Throws: `.invalid` for anything but 1 to 1024 letters, digits, "_", "+", "-" and "." that is not "." or "..":
    ///   what runc accepts, less a leading "-", which a command line would take for an option.
    package init(_ text: String) throws(OperationError) {
        // the first containers of many people are called like their bundle
        let isPath = text == "." || text == ".." || text.utf8.contains(UInt8(ascii: "/"))
        let hint = isPath ? "the id is a name of your choice; --bundle names the bundle" : nil
        func refused(_ why: String) -> OperationError { OperationError("use container id", text, .invalid(why), hint: hint) }
        if text.isEmpty { throw refused("a container id must not be empty") }
        if text.utf8.count > 1024 { throw refused("a container id has at most 1024 bytes") }
        if text == "." || text == ".." { throw refused("\"\(text)\" names a directory, not a container") }
        if text.utf8.first == UInt8(ascii: "-") { throw refused("a container id must not begin with \"-\"") }
        for byte in text.utf8 where !Self.isAllowed(byte) {
            throw refused("a container id consists of letters, digits, \"_\", \"+\", \"-\" and \".\"")
        }
        self.text = text
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "_"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."): true
        default: false
        }
    }
}
