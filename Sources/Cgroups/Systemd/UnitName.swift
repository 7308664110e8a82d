package import Diagnostics

/// Where systemd shall put a container: a scope in a slice, from a `cgroupsPath` "slice:prefix:name".
package struct UnitName: Equatable, Sendable {
    /// "machine-web.slice"; "-.slice" is the root.
    package let slice: String
    /// "libpod-4f9c.scope".
    package let scope: String

    /// - Parameters:
    ///   - cgroupsPath: `linux.cgroupsPath`. Without one the scope is `cale-ID.scope`.
    ///   - isUser: the user's manager will make it: an empty slice is "user.slice", otherwise "system.slice", as in runc.
    /// - Throws: `.invalid` for another form, and for what is no name of a unit.
    /// Source: RT-config-linux-050; systemd.unit(5), systemd.slice(5).
    package init(cgroupsPath: String?, id: String, isUser: Bool) throws(OperationError) {
        let path = cgroupsPath ?? ""
        let parts = path.isEmpty ? ["", "cale", id] : Self.parts(path)
        func refused(_ why: String) -> OperationError {
            OperationError(
                "plan cgroup", path.isEmpty ? id : path, .invalid(why), field: path.isEmpty ? nil : "linux.cgroupsPath",
                hint: "with systemd's cgroups it looks like \"machine.slice:prefix:\(escaped(id))\"")
        }
        guard parts.count == 3 else { throw refused("it is not of the form slice:prefix:name") }
        slice = parts[0].isEmpty ? (isUser ? "user.slice" : "system.slice") : parts[0]
        if let why = Self.problem(slice: slice) { throw refused(why) }
        if parts[2].isEmpty { throw refused("it has no name") }
        if parts[2].hasSuffix(".slice") { throw refused("processes cannot be in a slice") }
        scope = Self.escape(parts[1].isEmpty ? parts[2] : parts[1] + "-" + parts[2]) + ".scope"
        if scope.utf8.count > 255 { throw refused("the scope's name would be longer than 255 bytes") }
    }

    /// The cgroup below that of systemd: "machine.slice/machine-web.slice/libpod-4f9c.scope".
    package var path: String { Self.path(ofSlice: slice) + scope }

    /// The parts between colons; Embedded Swift's split would leave empty ones out.
    private static func parts(_ path: String) -> [String] {
        path.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Every dash in a slice's name is a level: "a-b.slice" is in "a.slice". Ends in a slash unless it is the root.
    private static func path(ofSlice slice: String) -> String {
        if slice == "-.slice" { return "" }
        var path = ""
        var name = ""
        for part in slice.utf8.dropLast(6).split(separator: UInt8(ascii: "-")) {
            name += (name.isEmpty ? "" : "-") + String(decoding: part, as: UTF8.self)
            path += name + ".slice/"
        }
        return path
    }

    private static func problem(slice: String) -> String? {
        if !slice.hasSuffix(".slice") { return "\(quoted(slice)) does not end in .slice" }
        if slice == "-.slice" { return nil }
        let name = slice.utf8.dropLast(6)
        if name.isEmpty || slice.utf8.count > 255 { return "\(quoted(slice)) is no name of a slice" }
        let levels = name.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        if levels.contains(where: { $0.isEmpty }) { return "\(quoted(slice)) has an empty level between dashes" }
        if !name.allSatisfy({ isUnitCharacter($0) || $0 == UInt8(ascii: "\\") }) { return "\(quoted(slice)) has a character that names of slices cannot have" }
        return nil
    }

    private static func isUnitCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"): true
        default: ":-_.@".utf8.contains(byte)
        }
    }

    /// What a unit's name cannot have becomes "\xNN", as systemd-escape(1) does it.
    private static func escape(_ text: String) -> String {
        var escaped = ""
        for (index, byte) in text.utf8.enumerated() {
            if isUnitCharacter(byte) && (index > 0 || byte != UInt8(ascii: ".")) {
                escaped.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let digits = String(byte, radix: 16)
                escaped += "\\x" + (digits.utf8.count < 2 ? "0" : "") + digits
            }
        }
        return escaped
    }
}
