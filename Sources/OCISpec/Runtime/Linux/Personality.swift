package import Diagnostics
package import JSON

/// An execution domain of personality(2).
package enum LinuxPersonalityDomain: String, Word {
    case linux = "LINUX"
    case linux32 = "LINUX32"
    package static var kind: String { "personality domain" }
}

/// The execution personality. Its `flags` have no valid value yet, so that nothing is kept of them.
///
/// Source: config-linux.md "Personality" (RT-config-linux-198 to RT-config-linux-200).
package struct LinuxPersonality: Equatable, Sendable {
    package var domain: LinuxPersonalityDomain

    package init(_ object: JSONObject) throws(OperationError) {
        domain = try object.requiredWord("domain")
        _ = try object.array("flags") { (value) throws(OperationError) in
            let flag = try value.string()
            var error = value.refused("unknown personality flag \(quoted(flag))")
            error.hint = "no flags are known"
            throw error
        } as [Never]?
    }
}
