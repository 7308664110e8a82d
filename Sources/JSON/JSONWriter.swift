import Diagnostics

/// Writes JSON text. A writer of our own: json-c's trees cost an allocation per value, and this text is ours to lay out.
///
/// Calls nest as the text does; commas, quotes and indentation are added. With `indentation` 0 all is on one line.
package struct JSONWriter {
    package private(set) var text = ""
    private let indentation: Int
    private var depth = 0
    private var isFirst = true
    private var afterKey = false

    package init(indentation: Int = 0) { self.indentation = indentation }

    package mutating func object(_ body: (inout JSONWriter) -> Void) { nested("{", "}", body) }
    package mutating func array(_ body: (inout JSONWriter) -> Void) { nested("[", "]", body) }

    package mutating func key(_ key: String) {
        separate()
        text += Self.quoted(key)
        text += indentation > 0 ? ": " : ":"
        afterKey = true
    }

    package mutating func string(_ value: String) { scalar(Self.quoted(value)) }
    package mutating func integer(_ value: some BinaryInteger) { scalar(String(value)) }
    package mutating func boolean(_ value: Bool) { scalar(value ? "true" : "false") }
    package mutating func null() { scalar("null") }
    /// `json` must be one complete JSON value.
    package mutating func verbatim(_ json: String) { scalar(json) }

    package mutating func member(_ key: String, _ value: String) {
        self.key(key)
        string(value)
    }
    package mutating func member(_ key: String, _ value: some BinaryInteger) {
        self.key(key)
        integer(value)
    }
    package mutating func member(_ key: String, _ value: Bool) {
        self.key(key)
        boolean(value)
    }
    package mutating func member(_ key: String, _ values: [String]) {
        self.key(key)
        array { writer in for value in values { writer.string(value) } }
    }
    package mutating func member(_ key: String, _ entries: [(key: String, value: String)]) {
        self.key(key)
        object { writer in for entry in entries { writer.member(entry.key, entry.value) } }
    }

    private mutating func nested(_ open: String, _ close: String, _ body: (inout JSONWriter) -> Void) {
        separate()
        text += open
        depth += 1
        isFirst = true
        body(&self)
        depth -= 1
        if !isFirst { newLine() }
        isFirst = false
        text += close
    }

    private mutating func scalar(_ value: String) {
        separate()
        text += value
    }

    private mutating func separate() {
        if afterKey {
            afterKey = false
            return
        }
        if depth > 0 {
            if !isFirst { text += "," }
            newLine()
        }
        isFirst = false
    }

    private mutating func newLine() {
        guard indentation > 0 else { return }
        text += "\n"
        for _ in 0..<(depth * indentation) { text += " " }
    }

    /// `value` as a JSON string with its quotes.
    package static func quoted(_ value: String) -> String {
        var out = "\""
        for scalar in value.unicodeScalars {
            switch scalar.value {
            case 0x22: out += "\\\""
            case 0x5C: out += "\\\\"
            case 0x0A: out += "\\n"
            case 0x0D: out += "\\r"
            case 0x09: out += "\\t"
            default:
                if !isInvisible(scalar) {
                    out.unicodeScalars.append(scalar)
                    continue
                }
                // what would do something to a terminal; all of these have four digits at most
                let hex = String(scalar.value, radix: 16)
                out += "\\u" + String(repeating: "0", count: 4 - hex.utf8.count) + hex
            }
        }
        return out + "\""
    }
}
