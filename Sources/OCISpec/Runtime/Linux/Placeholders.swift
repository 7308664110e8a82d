// Stand-ins for Resources.swift and Seccomp.swift; this file goes away when they are there.
package import Diagnostics
package import JSON

/// Stand-in.
package struct LinuxSeccomp: Equatable, Sendable {
    package init(_ object: JSONObject) throws(OperationError) {}
}
