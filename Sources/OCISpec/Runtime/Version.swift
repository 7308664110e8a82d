/// A version of the specification.
///
/// Source: config.md "Specification version" (RT-config-001); semver.org 2.0.0.
package struct Version: Equatable, Sendable {
    package var major: UInt64
    package var minor: UInt64
    package var patch: UInt64
    /// The identifiers after "-": ["rc", "2"] of "1.1.0-rc.2". Build metadata after "+" has no meaning and is dropped.
    package var prerelease: [String]

    /// The version of the runtime specification that this code was written for.
    package static var supported: String { "1.3.0" }
    /// The oldest version whose configurations are accepted.
    package static var oldest: String { "1.0.0" }

    /// Nil when `text` is not in SemVer 2.0.0 format.
    package init?(_ text: String) {
        var rest = text.utf8[...]
        if let plus = rest.firstIndex(of: UInt8(ascii: "+")) {
            guard Self.identifiers(rest[rest.index(after: plus)...], numbersAreStrict: false) != nil else { return nil }
            rest = rest[..<plus]
        }
        prerelease = []
        if let dash = rest.firstIndex(of: UInt8(ascii: "-")) {
            guard let found = Self.identifiers(rest[rest.index(after: dash)...], numbersAreStrict: true) else { return nil }
            prerelease = found
            rest = rest[..<dash]
        }
        let core = rest.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard core.count == 3, let major = Self.number(core[0]), let minor = Self.number(core[1]), let patch = Self.number(core[2])
        else { return nil }
        (self.major, self.minor, self.patch) = (major, minor, patch)
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

    private static func number(_ digits: Substring.UTF8View) -> UInt64? {
        guard !digits.isEmpty, digits.allSatisfy(isDigit), digits.count == 1 || digits.first != UInt8(ascii: "0") else { return nil }
        return UInt64(Substring(digits))
    }

    private static func identifiers(_ text: Substring.UTF8View, numbersAreStrict: Bool) -> [String]? {
        var found: [String] = []
        for part in text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false) {
            let isWord = part.allSatisfy { byte in
                isDigit(byte) || byte == UInt8(ascii: "-")
                    || (byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "z"))
            }
            guard !part.isEmpty, isWord else { return nil }
            if numbersAreStrict, part.allSatisfy(isDigit), part.count > 1, part.first == UInt8(ascii: "0") { return nil }
            found.append(String(Substring(part)))
        }
        return found
    }
}

extension Version: Comparable {
    /// SemVer precedence: 1.0.0-rc.2 < 1.0.0-rc.10 < 1.0.0 < 1.0.1.
    package static func < (left: Version, right: Version) -> Bool {
        if left.major != right.major { return left.major < right.major }
        if left.minor != right.minor { return left.minor < right.minor }
        if left.patch != right.patch { return left.patch < right.patch }
        if left.prerelease.isEmpty || right.prerelease.isEmpty { return !left.prerelease.isEmpty && right.prerelease.isEmpty }
        for (one, other) in zip(left.prerelease, right.prerelease) where one != other { return precedes(one, other) }
        return left.prerelease.count < right.prerelease.count
    }

    /// Numbers come before words; numbers compare as numbers, words as bytes.
    private static func precedes(_ one: String, _ other: String) -> Bool {
        let oneIsNumber = one.utf8.allSatisfy(isDigit)
        let otherIsNumber = other.utf8.allSatisfy(isDigit)
        if oneIsNumber != otherIsNumber { return oneIsNumber }
        // Numbers of any size, without leading zeros: the longer one is the larger one.
        if oneIsNumber, one.utf8.count != other.utf8.count { return one.utf8.count < other.utf8.count }
        return one.utf8.lexicographicallyPrecedes(other.utf8)
    }
}
