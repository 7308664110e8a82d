import CCapability

/// Names and numbers of capabilities, as libcap knows them.
package enum CapabilityNames {
    /// 1 << number for "CAP_CHOWN"; nil for a name that libcap does not know or that is not spelled so.
    package static func bit(_ name: String) -> UInt64? {
        guard name.hasPrefix("CAP_") else { return nil }
        for byte in name.utf8 {
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"): break
            default: return nil
            }
        }
        var number: cap_value_t = 0
        guard unsafe cap_from_name(name, &number) == 0, number >= 0, number < 64 else { return nil }
        return 1 << UInt64(number)
    }

    /// "CAP_CHOWN" for 0; nil past the last that libcap knows.
    package static func name(_ number: Int32) -> String? {
        guard let text = unsafe cap_to_name(number) else { return nil }
        defer { unsafe _ = cap_free(text) }
        let name = unsafe String(cString: text)
        return name.utf8.first.map { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") } ?? true ? nil : name.uppercased()
    }

    /// The names of all capabilities in `mask`, in the order of their numbers.
    package static func names(in mask: UInt64) -> [String] {
        (Int32(0)..<64).filter { mask >> UInt64($0) & 1 == 1 }.map { name($0) ?? "CAP_\($0)" }
    }
}
