// Views of a parsed text: how a value becomes a Swift value, or an error that names its path.
//
// `JSONValue` knows types, `JSONObject` knows keys; what a property means is known in OCISpec. Views live no longer than the
// `JSONDocument.decode` that hands them out.
import CJSONC
package import Diagnostics

/// A view of one JSON value, valid while the `decode` that made it runs.
@safe package struct JSONValue {
    private let raw: OpaquePointer?
    package let path: JSONPath

    init(_ raw: OpaquePointer?, at path: JSONPath) {
        unsafe self.raw = raw
        self.path = path
    }

    /// An error about this value.
    package func refused(_ why: String) -> OperationError {
        OperationError("read", "", .invalid(why), field: path.text.isEmpty ? nil : path.text)
    }

    private func wrongType(_ expected: String) -> OperationError {
        var error = refused("expected \(expected), found \(typeName)")
        let isQuoted = unsafe json_object_get_type(raw) == json_type_string
        if isQuoted, expected == "an integer" { error.hint = "write a number without quotes and without a unit" }
        if isQuoted, expected == "true or false" { error.hint = "write it without quotes" }
        return error
    }

    private var typeName: String {
        switch unsafe json_object_get_type(raw) {
        case json_type_null: "null"
        case json_type_boolean: "a boolean"
        case json_type_double: "a number with a fraction or an exponent"
        case json_type_int: "an integer"
        case json_type_object: "an object"
        case json_type_array: "an array"
        case json_type_string: "a string"
        default: "something else"
        }
    }

    package var isNull: Bool { unsafe raw == nil }
    package var isString: Bool { unsafe json_object_is_type(raw, json_type_string) != 0 }
    package var isObject: Bool { unsafe json_object_is_type(raw, json_type_object) != 0 }

    /// A string. NUL is refused: no path, argument or name of the kernel can hold one.
    package func string() throws(OperationError) -> String {
        guard isString else { throw wrongType("a string") }
        let count = Int(unsafe json_object_get_string_len(raw))
        guard let start = unsafe json_object_get_string(raw) else { return "" }
        let bytes = unsafe UnsafeRawBufferPointer(start: start, count: count)
        if unsafe bytes.contains(0) { throw refused("the string contains a NUL character") }
        return unsafe String(decoding: bytes, as: UTF8.self)
    }

    package func boolean() throws(OperationError) -> Bool {
        guard unsafe json_object_is_type(raw, json_type_boolean) != 0 else { throw wrongType("true or false") }
        return unsafe json_object_get_boolean(raw) != 0
    }

    /// An integer that `Integer` can hold. A number with a fraction or an exponent is no integer.
    ///
    /// `Lexis` has refused what does not fit into 64 bits; the signed getter saturates above `Int64.max`.
    package func integer<Integer: FixedWidthInteger>(_: Integer.Type = Integer.self) throws(OperationError) -> Integer {
        guard unsafe json_object_is_type(raw, json_type_int) != 0 else { throw wrongType("an integer") }
        let signed = unsafe json_object_get_int64(raw)
        if signed != .max {
            if let value = Integer(exactly: signed) { return value }
            throw refused("\(signed) is out of range (\(Integer.min) to \(Integer.max))")
        }
        let unsigned = unsafe json_object_get_uint64(raw)
        if let value = Integer(exactly: unsigned) { return value }
        throw refused("\(unsigned) is out of range (\(Integer.min) to \(Integer.max))")
    }

    package func array<Element>(
        _ element: (JSONValue) throws(OperationError) -> Element
    ) throws(OperationError) -> [Element] {
        guard unsafe json_object_is_type(raw, json_type_array) != 0 else { throw wrongType("an array") }
        let count = unsafe json_object_array_length(raw)
        var elements: [Element] = []
        elements.reserveCapacity(Int(count))
        for index in 0..<count {
            elements.append(try element(unsafe JSONValue(json_object_array_get_idx(raw, index), at: path.appending(index: Int(index)))))
        }
        return elements
    }

    package func strings() throws(OperationError) -> [String] {
        try array { (value) throws(OperationError) in try value.string() }
    }

    package func object() throws(OperationError) -> JSONObject {
        guard isObject else { throw wrongType("an object") }
        return unsafe JSONObject(raw, at: path)
    }

    /// This value as compact JSON text.
    package var text: String {
        let style = JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE
        guard let text = unsafe json_object_to_json_string_ext(raw, style) else { return "null" }
        return unsafe String(cString: text)
    }
}

/// A view of one JSON object. Keys that nobody asks for are ignored, as the specification wants (RT-config-245).
@safe package struct JSONObject {
    private let raw: OpaquePointer?
    package let path: JSONPath

    init(_ raw: OpaquePointer?, at path: JSONPath) {
        unsafe self.raw = raw
        self.path = path
    }

    /// The value of `key`; nil when the key is missing or its value is `null`.
    package func value(_ key: String) -> JSONValue? {
        var found: OpaquePointer?
        guard unsafe json_object_object_get_ex(raw, key, &found) != 0, let found = unsafe found else { return nil }
        unsafe Marks.set(found)
        return unsafe JSONValue(found, at: path.appending(key: key))
    }

    /// The value of `key` read by `read`; nil when the key is missing or `null`.
    package func optional<Value>(
        _ key: String, _ read: (JSONValue) throws(OperationError) -> Value
    ) throws(OperationError) -> Value? {
        guard let value = value(key) else { return nil }
        return try read(value)
    }

    /// The value of `key` read by `read`.
    /// - Throws: `.invalid("missing")` with the key's path when there is none.
    package func required<Value>(
        _ key: String, _ read: (JSONValue) throws(OperationError) -> Value
    ) throws(OperationError) -> Value {
        guard let value = value(key) else { throw missing(key) }
        return try read(value)
    }

    package func missing(_ key: String) -> OperationError {
        OperationError("read", "", .invalid("this property is required"), field: path.appending(key: key).text)
    }

    package func string(_ key: String) throws(OperationError) -> String? {
        try optional(key) { (value) throws(OperationError) in try value.string() }
    }
    package func requiredString(_ key: String) throws(OperationError) -> String {
        try required(key) { (value) throws(OperationError) in try value.string() }
    }
    package func strings(_ key: String) throws(OperationError) -> [String]? {
        try optional(key) { (value) throws(OperationError) in try value.strings() }
    }
    package func boolean(_ key: String) throws(OperationError) -> Bool? {
        try optional(key) { (value) throws(OperationError) in try value.boolean() }
    }
    package func integer<Integer: FixedWidthInteger>(_ key: String, _: Integer.Type = Integer.self) throws(OperationError) -> Integer? {
        try optional(key) { (value) throws(OperationError) in try value.integer() }
    }
    package func array<Element>(
        _ key: String, _ element: (JSONValue) throws(OperationError) -> Element
    ) throws(OperationError) -> [Element]? {
        try optional(key) { (value) throws(OperationError) in try value.array(element) }
    }
    package func object<Value>(
        _ key: String, _ read: (JSONObject) throws(OperationError) -> Value
    ) throws(OperationError) -> Value? {
        try optional(key) { (value) throws(OperationError) in try read(try value.object()) }
    }
    /// A map of strings such as `annotations`, in the order of the text.
    package func stringMap(_ key: String) throws(OperationError) -> [(key: String, value: String)]? {
        try optional(key) { (value) throws(OperationError) in
            try value.object().entries { (value) throws(OperationError) in try value.string() }
        }
    }

    /// All entries in the order of the text.
    package func entries<Value>(
        _ read: (JSONValue) throws(OperationError) -> Value
    ) throws(OperationError) -> [(key: String, value: Value)] {
        var entries: [(key: String, value: Value)] = []
        var iterator = unsafe json_object_iter_begin(raw)
        var end = unsafe json_object_iter_end(raw)
        while unsafe json_object_iter_equal(&iterator, &end) == 0 {
            let key = unsafe String(cString: json_object_iter_peek_name(&iterator))
            let value = unsafe json_object_iter_peek_value(&iterator)
            unsafe Marks.set(value)
            entries.append((key, try read(unsafe JSONValue(value, at: path.appending(key: key)))))
            unsafe json_object_iter_next(&iterator)
        }
        return entries
    }
}
