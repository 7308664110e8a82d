// Which devices a container may use: the configuration's ordered rules, reduced to a policy.
// `DeviceProgram.swift` turns a policy into a version 2 program, `V1/DeviceList.swift` into version 1 writes.
package import OCISpec

/// What every container may do with devices, whatever the configuration says: make any node, and use those which the
/// runtime supplies (RT-config-linux-033) and terminals. runc and crun add them after the configuration's rules as well.
package var defaultDeviceRules: [LinuxDeviceRule] {
    func character(_ major: UInt32, _ minor: UInt32?) -> LinuxDeviceRule {
        LinuxDeviceRule(allow: true, kind: .character, major: major, minor: minor)
    }
    return [
        LinuxDeviceRule(allow: true, kind: .character, access: .makeNode),
        LinuxDeviceRule(allow: true, kind: .block, access: .makeNode),
        character(1, 3),  // null
        character(1, 5),  // zero
        character(1, 7),  // full
        character(1, 8),  // random
        character(1, 9),  // urandom
        character(5, 0),  // tty
        character(5, 1),  // console
        character(5, 2),  // ptmx
        character(136, nil),  // pts
    ]
}

/// Ordered device rules. For each kind of access the last rule that matches a device decides; a request is allowed when
/// all the access that it asks for is.
///
/// Source: config-linux.md "Allowed Device list" (RT-config-linux-061 to 066).
package struct DevicePolicy: Equatable, Sendable {
    /// What happens to a device that no rule matches.
    package let allowsOthers: Bool
    /// In the order in which they apply; none is undone completely by a later one.
    package let rules: [LinuxDeviceRule]

    /// A policy that begins with denying everything, as runc's does.
    package init(_ rules: [LinuxDeviceRule]) {
        var kept: [LinuxDeviceRule] = []
        var allowsOthers = false
        // The last rule counts first: what a later rule covers completely has no effect.
        for rule in rules.reversed() {
            if rule.kind == .all && rule.major == nil && rule.minor == nil && rule.access == .all {
                allowsOthers = rule.allow
                break
            }
            if !kept.contains(where: { $0.covers(rule) }) { kept.append(rule) }
        }
        // A first rule that says what holds anyway has no effect either.
        while let first = kept.last, first.allow == allowsOthers { kept.removeLast() }
        self.allowsOthers = allowsOthers
        self.rules = kept.reversed()
    }

    package var allowsEverything: Bool { allowsOthers && rules.isEmpty }

    /// For people: "deny a *:* rwm", "allow c 1:3 rwm", ….
    package var lines: [String] {
        [(allowsOthers ? "allow" : "deny") + " a *:* rwm"] + rules.map { ($0.allow ? "allow " : "deny ") + $0.text }
    }
}

extension LinuxDeviceRule {
    /// Whether this rule matches everything that `other` matches.
    fileprivate func covers(_ other: LinuxDeviceRule) -> Bool {
        (kind == .all || kind == other.kind) && (major == nil || major == other.major) && (minor == nil || minor == other.minor)
            && access.isSuperset(of: other.access)
    }

    /// "c 1:3 rwm", as in the version 1 files.
    package var text: String {
        let letter =
            switch kind {
            case .all: "a"
            case .block: "b"
            case .character: "c"
            }
        return "\(letter) \(major.map { String($0) } ?? "*"):\(minor.map { String($0) } ?? "*") \(access.text)"
    }
}

extension LinuxDeviceRule.Access {
    package var text: String { (contains(.read) ? "r" : "") + (contains(.write) ? "w" : "") + (contains(.makeNode) ? "m" : "") }
}
