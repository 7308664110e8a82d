package import Diagnostics
package import JSON

/// A word out of a closed list of the specification, such as a namespace type.
///
/// The raw value is the specification's spelling. Words are read strictly: another spelling is an error
/// (RT-config-246), not a default.
package protocol Word: CaseIterable, RawRepresentable, Hashable, Sendable where RawValue == String {
    /// What the word is, for errors: "namespace type".
    static var kind: String { get }
}

extension Word {
    /// The specification's word.
    package var name: String { rawValue }
}

extension JSONValue {
    /// One of the words of `Known`.
    ///
    /// - Throws: `.invalid` naming the word, with a hint that lists the known ones when they are few.
    package func word<Known: Word>(_: Known.Type = Known.self) throws(OperationError) -> Known {
        let text = try string()
        if let word = Known(rawValue: text) { return word }
        var error = refused("unknown \(Known.kind) \(quoted(text))")
        if Known.allCases.count <= 10 {
            var names = ""
            for word in Known.allCases { names += (names.isEmpty ? "" : ", ") + word.name }
            error.hint = "known: " + names
        } else if let near = Known.allCases.first(where: { $0.name.hasSuffix("_" + text.uppercased()) }) {
            error.hint = "did you mean \(near.name)?"
        }
        throw error
    }
}

extension JSONObject {
    /// The word at `key`; nil when it is missing, `null` or empty.
    func word<Known: Word>(_ key: String, _: Known.Type = Known.self) throws(OperationError) -> Known? {
        guard let value = value(key), try !value.isEmptyString() else { return nil }
        return try value.word(Known.self)
    }

    /// The word at `key`, which must be there.
    func requiredWord<Known: Word>(_ key: String, _: Known.Type = Known.self) throws(OperationError) -> Known {
        try required(key) { (value) throws(OperationError) in try value.word(Known.self) }
    }

    /// The words of the array at `key`; none when it is missing.
    func words<Known: Word>(_ key: String, _: Known.Type = Known.self) throws(OperationError) -> [Known] {
        try array(key) { (value) throws(OperationError) in try value.word(Known.self) } ?? []
    }

    /// The string at `key`; nil when it is missing, `null` or empty.
    ///
    /// For properties where the empty string can only mean that nothing was asked for. Callers written in Go send it
    /// for an unset value, and runc takes it so.
    func nonEmptyString(_ key: String) throws(OperationError) -> String? {
        guard let text = try string(key), !text.isEmpty else { return nil }
        return text
    }

    /// The objects of the array at `key`, read by `read`; none when it is missing.
    func objects<Element>(
        _ key: String, _ read: (JSONObject) throws(OperationError) -> Element
    ) throws(OperationError) -> [Element] {
        try array(key) { (value) throws(OperationError) in try read(try value.object()) } ?? []
    }
}

extension JSONValue {
    fileprivate func isEmptyString() throws(OperationError) -> Bool {
        guard isString else { return false }
        return try string().isEmpty
    }
}
