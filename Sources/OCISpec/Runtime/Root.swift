package import Diagnostics
package import JSON

/// The container's root filesystem.
///
/// Source: config.md "Root" (RT-config-005 to RT-config-010).
package struct Root: Equatable, Sendable {
    /// Absolute, or relative to the bundle.
    package var path: String
    /// Whether the container sees its root filesystem read-only.
    package var readonly: Bool

    package init(path: String, readonly: Bool = false) {
        self.path = path
        self.readonly = readonly
    }

    package init(_ object: JSONObject) throws(OperationError) {
        path = try object.requiredString("path")
        readonly = try object.boolean("readonly") ?? false
    }

    /// - Throws: `.invalid` when `path` is empty.
    package func validate(at field: @autoclosure () -> String = "root") throws(OperationError) {
        if path.isEmpty { throw .fault(field() + ".path", "the path is empty") }
    }
}
