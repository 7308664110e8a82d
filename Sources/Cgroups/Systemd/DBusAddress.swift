package import Diagnostics

/// Where a bus listens: the path of its unix socket.
package struct DBusAddress: Equatable, Sendable {
    package let path: String

    package init(path: String) { self.path = path }

    /// The system's bus. `address` is $DBUS_SYSTEM_BUS_ADDRESS.
    package static func system(_ address: String?) throws(OperationError) -> DBusAddress {
        guard let address, !address.isEmpty else { return DBusAddress(path: "/run/dbus/system_bus_socket") }
        return try parse(address, variable: "DBUS_SYSTEM_BUS_ADDRESS", runtimeDirectory: nil)
    }

    /// The bus of a user's session.
    ///
    /// - Parameters:
    ///   - address: $DBUS_SESSION_BUS_ADDRESS.
    ///   - runtimeDirectory: $XDG_RUNTIME_DIR, in which logind and systemd have the socket "bus".
    ///   - uid: the user on the host, for when neither is set.
    package static func user(_ address: String?, runtimeDirectory: String?, uid: UInt32) throws(OperationError) -> DBusAddress {
        let directory = runtimeDirectory.flatMap { $0.isEmpty ? nil : $0 } ?? "/run/user/\(uid)"
        guard let address, !address.isEmpty else { return DBusAddress(path: directory + "/bus") }
        return try parse(address, variable: "DBUS_SESSION_BUS_ADDRESS", runtimeDirectory: directory)
    }

    /// The first unix socket with a path of a list "unix:path=/run/bus,guid=…;tcp:…".
    ///
    /// Source: D-Bus Specification, "Server Addresses".
    private static func parse(_ list: String, variable: String, runtimeDirectory: String?) throws(OperationError) -> DBusAddress {
        for address in list.split(separator: ";") {
            guard address.hasPrefix("unix:") else { continue }
            for pair in address.dropFirst(5).split(separator: ",") {
                if pair.hasPrefix("path="), let path = unescaped(pair.dropFirst(5)), path.hasPrefix("/") { return DBusAddress(path: path) }
                if pair == "runtime=yes", let runtimeDirectory { return DBusAddress(path: runtimeDirectory + "/bus") }
            }
        }
        throw OperationError(
            "find bus", list, .unsupported("an address without a unix socket's path ($\(variable))"), hint: "it looks like unix:path=/run/user/1000/bus")
    }

    /// `text` with %XX replaced; nil when that is no text, or has a zero byte.
    private static func unescaped(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte != UInt8(ascii: "%") {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2, let code = String(validating: rest.prefix(2), as: UTF8.self).flatMap({ UInt8($0, radix: 16) }), code != 0 else { return nil }
            bytes.append(code)
            rest = rest.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }
}
