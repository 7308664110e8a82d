// Which properties of a text a reader has asked for. json-c has a place in each value that is its user's; the mark is there.
import CJSONC

enum Marks {
    /// Marks `value` as asked for. A number with a fraction keeps its text in that place, and nobody asks for one.
    static func set(_ value: OpaquePointer?) {
        guard unsafe value != nil, unsafe json_object_get_type(value) != json_type_double else { return }
        unsafe json_object_set_userdata(value, UnsafeMutableRawPointer(bitPattern: 1), nil)
    }

    private static func isSet(_ value: OpaquePointer?) -> Bool {
        unsafe json_object_get_type(value) != json_type_double && json_object_get_userdata(value) != nil
    }

    /// The outermost properties below `value` that nobody has asked for.
    static func unread(in value: OpaquePointer?, at path: JSONPath) -> [JSONPath] {
        var found: [JSONPath] = []
        switch unsafe json_object_get_type(value) {
        case json_type_array:
            for index in 0..<(unsafe json_object_array_length(value)) {
                found += unsafe unread(in: json_object_array_get_idx(value, index), at: path.appending(index: Int(index)))
            }
        case json_type_object:
            var iterator = unsafe json_object_iter_begin(value)
            var end = unsafe json_object_iter_end(value)
            while unsafe json_object_iter_equal(&iterator, &end) == 0 {
                let place = path.appending(key: unsafe String(cString: json_object_iter_peek_name(&iterator)))
                let member = unsafe json_object_iter_peek_value(&iterator)
                if unsafe member == nil {
                    // null is the same as absent
                } else if unsafe isSet(member) {
                    found += unsafe unread(in: member, at: place)
                } else {
                    found.append(place)
                }
                unsafe json_object_iter_next(&iterator)
            }
        default: break
        }
        return found
    }
}

extension JSONDocument {
    /// The paths of the outermost properties that `decode` has not asked for so far: misspelt ones, or ones that its reader does not know.
    package borrowing func unreadProperties() -> [String] { unsafe Marks.unread(in: root, at: JSONPath()).map { $0.text } }
}
