package import Diagnostics
import OCISpec

extension DevicePolicy {
    /// The writes that give this policy to a version 1 devices cgroup.
    ///
    /// The kernel keeps one default and exceptions from it. An exception can be taken back only as it was given: a hole in
    /// a wider exception would be ignored silently, so it is refused here.
    /// - Throws: `.unsupported` for a rule that punches a hole into a wider one.
    /// Source: kernel cgroup-v1/devices.rst.
    package func cgroup1Writes() throws(OperationError) -> [CgroupWrite] {
        var exceptions: [LinuxDeviceRule] = []
        for rule in rules {
            for kind in rule.kind == .all ? [LinuxDeviceRule.Kind.character, .block] : [rule.kind] {
                var rule = rule
                rule.kind = kind
                try apply(rule, to: &exceptions)
            }
        }
        let field = resourcesField + ".devices"
        // "a" sets the default and drops all exceptions.
        return [CgroupWrite(file: allowsOthers ? "devices.allow" : "devices.deny", text: "a", field: field)]
            + exceptions.map { CgroupWrite(file: allowsOthers ? "devices.deny" : "devices.allow", text: $0.text, field: field) }
    }

    private func apply(_ rule: LinuxDeviceRule, to exceptions: inout [LinuxDeviceRule]) throws(OperationError) {
        let same = exceptions.firstIndex { $0.kind == rule.kind && $0.major == rule.major && $0.minor == rule.minor }
        if rule.allow != allowsOthers {
            if let same {
                exceptions[same].access.formUnion(rule.access)
            } else {
                exceptions.append(rule)
            }
            return
        }
        // Backwards, since an exception with nothing left is removed.
        for index in exceptions.indices.reversed() {
            let other = exceptions[index]
            guard other.kind == rule.kind, other.major == nil || rule.major == nil || other.major == rule.major,
                other.minor == nil || rule.minor == nil || other.minor == rule.minor, !other.access.isDisjoint(with: rule.access)
            else { continue }
            guard rule.major == nil || rule.major == other.major, rule.minor == nil || rule.minor == other.minor else {
                throw OperationError(
                    "limit", "devices",
                    .unsupported("the device rule \(quoted(rule.text)), which takes back a part of \(quoted(other.text)), on cgroup version 1"),
                    field: resourcesField + ".devices")
            }
            exceptions[index].access.subtract(rule.access)
            if exceptions[index].access.isEmpty { exceptions.remove(at: index) }
        }
    }
}
