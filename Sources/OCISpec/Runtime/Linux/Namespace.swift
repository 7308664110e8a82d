package import Diagnostics
package import JSON

/// A type of namespaces(7), in the specification's words.
package enum LinuxNamespaceType: String, Word {
    case pid, network, mount, ipc, uts, user, cgroup, time
    package static var kind: String { "namespace type" }
}

/// A namespace to make or to join.
///
/// Source: config-linux.md "Namespaces" (RT-config-linux-002 to RT-config-linux-010).
package struct LinuxNamespace: Equatable, Sendable {
    package var type: LinuxNamespaceType
    /// The namespace to join, an absolute path on the host; nil: make a new one.
    package var path: String?

    package init(_ type: LinuxNamespaceType, path: String? = nil) {
        self.type = type
        self.path = path
    }

    package init(_ object: JSONObject) throws(OperationError) {
        type = try object.requiredWord("type")
        path = try object.nonEmptyString("path")
    }

    /// - Throws: `.invalid` for a relative path and for two entries of one type.
    package static func validate(_ namespaces: [LinuxNamespace], at field: @autoclosure () -> String) throws(OperationError) {
        for (index, namespace) in namespaces.enumerated() {
            if let first = namespaces[..<index].firstIndex(where: { $0.type == namespace.type }) {
                throw .fault(
                    "\(field())[\(index)].type", "a \(namespace.type.name) namespace was given before, in \(field())[\(first)]")
            }
            if let path = namespace.path { try requireAbsolute(path, at: "\(field())[\(index)].path") }
        }
    }
}
