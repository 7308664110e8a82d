package import Diagnostics
package import JSON

/// The CPUs that a process joining the container runs on.
///
/// Source: config.md "Linux Process", `execCPUAffinity` (RT-config-147 to RT-config-150).
package struct ExecCPUAffinity: Equatable, Sendable {
    /// Before the process moves to the container's cgroup; nil: as the caller.
    package var initial: CPUList?
    /// After that; nil: as the kernel decides.
    package var final: CPUList?

    package init(_ object: JSONObject) throws(OperationError) {
        initial = try object.cpuList("initial")
        final = try object.cpuList("final")
    }
}

extension JSONObject {
    /// The list of CPU or node numbers at `key`; nil when it is missing or empty.
    ///
    /// - Throws: `.invalid` for what is no such list.
    func cpuList(_ key: String) throws(OperationError) -> CPUList? {
        guard let value = value(key) else { return nil }
        let text = try value.string()
        guard let list = CPUList(text) else {
            var error = value.refused("\(quoted(text)) is not a list of numbers up to \(CPUList.largest)")
            error.hint = "write \"0-3,7\""
            throw error
        }
        return list.isEmpty ? nil : list
    }
}
