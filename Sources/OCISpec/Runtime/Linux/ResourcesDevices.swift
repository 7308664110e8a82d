package import Diagnostics
package import JSON

/// One entry of the allowed device list. Source: config-linux.md "Allowed Device list" (RT-config-linux-061).
package struct LinuxDeviceRule: Equatable, Sendable {
    /// What a rule of the allow list is about. Source: config-linux.md "Allowed Device list".
    package enum Kind: Equatable, Sendable {
        /// Block and character devices, "a".
        case all
        case block
        case character
    }

    /// What is done with a device: "r", "w", "m" (mknod). The values are those of the kernel's device programs.
    package struct Access: OptionSet, Equatable, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }
        package static var makeNode: Access { Access(rawValue: 1) }
        package static var read: Access { Access(rawValue: 2) }
        package static var write: Access { Access(rawValue: 4) }
        package static var all: Access { [.makeNode, .read, .write] }
    }

    package var allow: Bool
    package var kind: Kind
    /// Nil means every number.
    package var major: UInt32?
    /// Nil means every number.
    package var minor: UInt32?
    package var access: Access

    package init(allow: Bool, kind: Kind = .all, major: UInt32? = nil, minor: UInt32? = nil, access: Access = .all) {
        self.allow = allow
        self.kind = kind
        self.major = major
        self.minor = minor
        self.access = access
    }

    package init(_ object: JSONObject) throws(OperationError) {
        allow = try object.required("allow") { (value) throws(OperationError) in try value.boolean() }
        kind =
            try object.optional("type") { (value) throws(OperationError) in
                switch try value.string() {
                // Programs in Go write the empty string for an unset property.
                case "a", "": .all
                case "b": .block
                case "c": .character
                case let other: throw value.refused("\(quoted(other)) is no device type (a, b or c)")
                }
            } ?? .all
        major = try Self.number("major", object)
        minor = try Self.number("minor", object)
        access =
            try object.optional("access") { (value) throws(OperationError) in
                var access: Access = []
                let text = try value.string()
                for letter in text.utf8 {
                    switch letter {
                    case UInt8(ascii: "r"): access.insert(.read)
                    case UInt8(ascii: "w"): access.insert(.write)
                    case UInt8(ascii: "m"): access.insert(.makeNode)
                    default: throw value.refused("\(quoted(text)) is no access: expected letters of \"rwm\"")
                    }
                }
                if access.isEmpty { throw value.refused("the access is empty: expected letters of \"rwm\"") }
                return access
            } ?? .all
    }

    /// A device number; nil for every number: absent, or -1 as runc and crun understand it.
    private static func number(_ key: String, _ object: JSONObject) throws(OperationError) -> UInt32? {
        guard let value = object.value(key) else { return nil }
        let number: Int64 = try value.integer()
        if number == -1 { return nil }
        guard let number = UInt32(exactly: number) else { throw value.refused("\(number) is no device number") }
        return number
    }
}
