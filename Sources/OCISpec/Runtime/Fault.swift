package import Diagnostics

extension OperationError {
    /// The value of `field` is wrong in itself. The subject, the file's name, is added by `JSONDocument.decode`.
    package static func fault(_ field: String, _ why: String, hint: String? = nil) -> OperationError {
        OperationError("read", "", .invalid(why), field: field, hint: hint)
    }

    /// The value of `field` is right, but cannot be had here.
    package static func unsupported(_ field: String, _ what: String, hint: String? = nil) -> OperationError {
        OperationError("read", "", .unsupported(what), field: field, hint: hint)
    }
}

/// - Throws: `.invalid` unless `path` begins with "/".
func requireAbsolute(_ path: String, at field: @autoclosure () -> String) throws(OperationError) {
    guard path.utf8.first == UInt8(ascii: "/") else {
        throw .fault(field(), path.isEmpty ? "the path is empty" : "\(quoted(path)) is not an absolute path")
    }
}

/// - Throws: `.invalid` when `text` has a line break: it would become a line of its own in a kernel file.
func requireOneLine(_ text: String, at field: @autoclosure () -> String) throws(OperationError) {
    if text.utf8.contains(0x0A) { throw .fault(field(), "\(quoted(text)) contains a line break") }
}
