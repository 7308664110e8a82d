package import Diagnostics
package import JSON

/// A map of strings such as `annotations` and `sysctl`, in the order of the text.
package struct StringMap: Equatable, Sendable {
    /// One key with its value.
    package struct Entry: Equatable, Sendable {
        package var key: String
        package var value: String
        package init(_ key: String, _ value: String) {
            self.key = key
            self.value = value
        }
    }

    /// The entries in the order of the text. No key is there twice: of equal keys the last one counts.
    package var entries: [Entry]

    package init(_ entries: [Entry] = []) { self.entries = entries }

    /// - Throws: `.invalid` when a value is no string or a key is empty (RT-config-229).
    package init(_ value: JSONValue) throws(OperationError) {
        entries = []
        for (key, text) in try value.object().entries({ (value) throws(OperationError) in try value.string() }) {
            if key.isEmpty { throw value.refused("a key is empty") }
            entries.append(Entry(key, text))
        }
    }

    package var isEmpty: Bool { entries.isEmpty }

    /// The value of `key`; nil when there is none.
    package subscript(key: String) -> String? {
        for entry in entries where entry.key == key { return entry.value }
        return nil
    }

    /// Writes the map as a JSON object.
    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            for entry in entries { writer.member(entry.key, entry.value) }
        }
    }
}

extension JSONObject {
    /// The map at `key`; empty when it is missing.
    func map(_ key: String) throws(OperationError) -> StringMap {
        try optional(key) { (value) throws(OperationError) in try StringMap(value) } ?? StringMap()
    }
}
