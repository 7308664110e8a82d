package import Diagnostics

/// Where a container's cgroup lies below the root of every hierarchy: "docker/4f9c", without a leading slash.
///
/// - An absolute `cgroupsPath` counts from each hierarchy's root (RT-config-linux-046).
/// - A relative one counts from there as well, so that one value always means one place (RT-config-linux-048). For a caller
///   without privileges it counts from the parent of the caller's own cgroup, the only place where it may have been given
///   rights.
/// - Without one it is `cale-ID` in the same place: one directory, so that nothing else has to be made or left behind.
package struct CgroupPath: Equatable, Sendable {
    package let text: String
    /// Whether it counts from the hierarchy's root in any case.
    package let isAbsolute: Bool

    /// - Parameters:
    ///   - cgroupsPath: `linux.cgroupsPath`; nil or empty when not set.
    /// - Throws: `.invalid` for what leads out of the hierarchy or cannot be a name.
    /// Source: RT-config-linux-050 (invalid values are an error).
    package init(cgroupsPath: String?, id: String) throws(OperationError) {
        let path = cgroupsPath ?? ""
        if path.isEmpty {
            text = "cale-" + id
            isAbsolute = false
        } else {
            isAbsolute = path.utf8.first == UInt8(ascii: "/")
            text = isAbsolute ? String(path.dropFirst()) : path
        }
        if path.isEmpty && id.utf8.contains(UInt8(ascii: "/")) { throw OperationError("plan cgroup", id, .invalid("the container's id has a slash")) }
        if let why = Self.problem(text) {
            throw OperationError("plan cgroup", path.isEmpty ? id : path, .invalid(why), field: path.isEmpty ? nil : Self.field)
        }
    }

    /// The path of a scope that systemd makes.
    init(scope path: String) throws(OperationError) {
        text = path
        isAbsolute = true
        if let why = Self.problem(path) { throw OperationError("plan cgroup", path, .invalid(why), field: Self.field) }
    }

    private static var field: String { "linux.cgroupsPath" }

    /// The path as the directories of one hierarchy, outermost first.
    package var components: [String] { text.split(separator: "/").map { String($0) } }

    /// Why `path`, counted from a cgroup, cannot name a cgroup below it; nil when it can.
    static func problem(_ path: String) -> String? {
        if path.isEmpty { return "it names the root of the hierarchy, which is not for containers" }
        if path.utf8.count > 3000 { return "it is longer than 3000 bytes" }
        for part in path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            if part.isEmpty { return "it has an empty component" }
            if part.elementsEqual(".".utf8) || part.elementsEqual("..".utf8) { return "it has a component \(quoted(String(part) ?? ""))" }
            if part.count > 255 { return "it has a component longer than 255 bytes" }
            if part.contains(where: { $0 < 0x20 || $0 == 0x7F }) { return "it has a control character" }
        }
        return nil
    }
}

/// `directories` with `path` appended to each, for a process that joins a cgroup below a container's own.
///
/// - Throws: `.invalid` for a path that leads elsewhere.
package func cgroupDirectories(_ directories: [String], below path: String) throws(OperationError) -> [String] {
    if let why = CgroupPath.problem(path) { throw OperationError("join cgroup", path, .invalid(why)) }
    return directories.map { $0 + "/" + path }
}
