// Cgroups that systemd makes: what is decided about them. `ScopeConversation.swift` talks to systemd.
package import Diagnostics
import Kernel
package import OCISpec

/// The systemd that shall make cgroups: the system's or the user's.
package struct SystemdRequest: Equatable, Sendable {
    package var bus: DBusAddress
    /// The user's manager, which has the cgroups that are delegated to the user.
    package var isUser: Bool
    /// The user on the host.
    package var uid: UInt32
    /// The container's; those that name properties count.
    package var annotations: StringMap

    package init(bus: DBusAddress, isUser: Bool, uid: UInt32, annotations: StringMap = StringMap()) {
        self.bus = bus
        self.isUser = isUser
        self.uid = uid
        self.annotations = annotations
    }
}

/// A unit of systemd's and the bus over which it is asked about.
package struct SystemdUnit: Equatable, Sendable {
    /// "libpod-4f9c.scope".
    package var name: String
    package var bus: DBusAddress

    package init(name: String, bus: DBusAddress) {
        self.name = name
        self.bus = bus
    }
}

/// The transient scope of a container.
package struct SystemdScope: Equatable, Sendable {
    package var unit: SystemdUnit
    package var slice: String
    /// In the order in which systemd gets them; without the process that is put into the scope.
    package var properties: [SystemdProperty]
    /// Writes that would keep the init from being made beside the process that holds its place: done after that.
    package var lateWrites: [CgroupWrite] = []
    /// Whether its directory is the only one. Beside version 1 hierarchies there are others, which systemd makes in part.
    package var isOfVersion2 = true

    /// For people.
    package var lines: [String] {
        ["scope " + unit.name + " in " + slice + " over " + unit.bus.path] + properties.map { "  property " + $0.line }
    }
}

extension CgroupPlan {
    /// Makes this plan one of a scope that systemd makes.
    ///
    /// - Throws: `.invalid` for a bad annotation.
    mutating func planScope(_ name: UnitName, id: String, request: SystemdRequest) throws(OperationError) {
        var scope = SystemdScope(
            unit: SystemdUnit(name: name.scope, bus: request.bus), slice: name.slice,
            properties: [
                SystemdProperty("Description", .string("container " + id)),
                SystemdProperty("Slice", .string(name.slice)),
                // The cgroups below are the container's, and systemd leaves them alone.
                SystemdProperty("Delegate", .boolean(true)),
                // Containers may start before and outlive what other units wait for.
                SystemdProperty("DefaultDependencies", .boolean(false)),
                // Also a scope that failed goes by itself, and its name is free again.
                SystemdProperty("CollectMode", .string("inactive-or-failed")),
                SystemdProperty("CPUAccounting", .boolean(true)),
                SystemdProperty("MemoryAccounting", .boolean(true)),
                SystemdProperty("IOAccounting", .boolean(true)),
                SystemdProperty("TasksAccounting", .boolean(true)),
            ])
        // Two processes must fit until the init is in the scope.
        scope.isOfVersion2 = directories.count == 1 && directories[0].hierarchy.version == .v2
        if scope.isOfVersion2 {  // in version 1 the init moves there, which is not limited
            let isNarrow = { (write: CgroupWrite) in write.file == "pids.max" && UInt64(write.text).map { $0 < 2 } ?? false }
            scope.lateWrites = directories[0].writes.filter(isNarrow)
            directories[0].writes.removeAll(where: isNarrow)
        }
        scope.properties += systemdProperties(of: directories.flatMap { $0.writes })
        // systemd has made the cgroup idle before anything is written, and an idle one takes no weight
        if scope.isOfVersion2 && scope.properties.contains(.idle) { directories[0].writes.removeAll { $0.file == "cpu.weight" } }
        for entry in request.annotations.entries {
            guard let property = try systemdProperty(annotation: entry.key, value: entry.value) else { continue }
            scope.properties.removeAll { $0.name == property.name }
            scope.properties.append(property)
        }
        self.scope = scope
    }
}

/// Where the manager that `request` means has its cgroup, with a slash at its end unless it is the root.
///
/// The user's manager is a service of the system's: this process mostly is below it. Once the scope is there, its process
/// tells where it really is.
func systemdRoot(_ request: SystemdRequest, ownPath: String) -> String {
    if !request.isUser { return "" }
    var path = ""
    for part in ownPath.split(separator: "/") {
        path += part + "/"
        if part.hasPrefix("user@") && part.hasSuffix(".service") { return path }
    }
    return "user.slice/user-\(request.uid).slice/user@\(request.uid).service/"
}

extension SystemdRequest {
    /// The systemd of this process' user, from the environment.
    ///
    /// - Parameter isUser: whether to ask the user's manager; nil asks it unless this process is root of the host.
    package static func current(isUser: Bool?, annotations: StringMap) throws(OperationError) -> SystemdRequest {
        // In a user namespace root is somebody else on the host, and so is the owner of the session.
        let isUser = isUser ?? (effectiveUserID() != 0 || isInUserNamespace())
        let uid = hostUserID()
        let bus = isUser
            ? try DBusAddress.user(environment("DBUS_SESSION_BUS_ADDRESS"), runtimeDirectory: environment("XDG_RUNTIME_DIR"), uid: uid)
            : try DBusAddress.system(environment("DBUS_SYSTEM_BUS_ADDRESS"))
        return SystemdRequest(bus: bus, isUser: isUser, uid: uid, annotations: annotations)
    }
}

/// This process' user as the host sees it: through the map of its user namespace, unless that lies in yet another.
///
/// Source: user_namespaces(7), "/proc/pid/uid_map".
private func hostUserID() -> UInt32 {
    let uid = effectiveUserID()
    do throws(Errno) {
        let numbers = words(String(decoding: try readFile("/proc/self/uid_map", limit: 65536), as: UTF8.self)).compactMap { UInt32($0) }
        for index in stride(from: 0, to: numbers.count - 2, by: 3) where uid >= numbers[index] && uid - numbers[index] < numbers[index + 2] {
            return numbers[index + 1] + (uid - numbers[index])
        }
    } catch {}  // a kernel without user namespaces
    return uid
}
