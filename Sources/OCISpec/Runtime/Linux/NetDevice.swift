import Diagnostics
import JSON

/// A network device of the host that moves into the container.
///
/// Source: config-linux.md "Network Devices" (RT-config-linux-034 to RT-config-linux-042).
package struct LinuxNetDevice: Equatable, Sendable {
    /// The device's name on the host.
    package var hostName: String
    /// Its name in the container; a name with "%d" lets the kernel choose the number.
    package var name: String

    package init(hostName: String, name: String? = nil) {
        self.hostName = hostName
        self.name = name ?? hostName
    }

    /// The devices of a `netDevices` object, in the order of the text.
    static func all(in object: JSONObject) throws(OperationError) -> [LinuxNetDevice] {
        var devices: [LinuxNetDevice] = []
        let entries = try object.entries { (value) throws(OperationError) in try value.object().nonEmptyString("name") }
        for (key, name) in entries { devices.append(LinuxNetDevice(hostName: key, name: name)) }
        return devices
    }

    /// Whether the kernel completes the name in the container.
    package var nameIsTemplate: Bool { name.utf8.contains(UInt8(ascii: "%")) }

    /// - Throws: `.invalid` for a name that no device can have, and for two devices with one name in the container.
    static func validate(_ devices: [LinuxNetDevice], at field: @autoclosure () -> String) throws(OperationError) {
        for (index, device) in devices.enumerated() {
            let path = JSONPath.member(device.hostName, of: field())
            if let why = fault(in: device.hostName, isTemplate: false) { throw .fault(path, why) }
            if let why = fault(in: device.name, isTemplate: true) { throw .fault(path + ".name", why) }
            for earlier in devices[..<index] where earlier.name == device.name && !device.nameIsTemplate {
                throw .fault(path + ".name", "\(quoted(device.name)) is the name of \(quoted(earlier.hostName)) too")
            }
        }
    }

    /// Why `name` cannot be the name of a network device.
    ///
    /// Source: Linux net/core/dev.c, dev_valid_name and __dev_alloc_name.
    private static func fault(in name: String, isTemplate: Bool) -> String? {
        if name.isEmpty { return "the device name is empty" }
        if name.utf8.count > 15 { return "\(quoted(name)) is longer than 15 bytes" }
        if name == "." || name == ".." { return "\(quoted(name)) is not a device name" }
        for byte in name.utf8 where byte == 0x2F || byte == 0x3A || byte == 0x20 || (byte >= 0x09 && byte <= 0x0D) || byte == 0xA0 {
            return "\(quoted(name)) contains a slash, a colon or a space"
        }
        let parts = name.utf8.split(separator: UInt8(ascii: "%"), omittingEmptySubsequences: false)
        if parts.count == 1 { return nil }
        guard isTemplate, parts.count == 2, parts[1].first == UInt8(ascii: "d") else {
            return isTemplate ? "\(quoted(name)) may contain \"%d\" once and no other \"%\"" : "\(quoted(name)) contains \"%\""
        }
        return nil
    }
}
