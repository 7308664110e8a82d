// `linux.netDevices`. The parent moves the devices while the init waits: see Host/NetworkDevices.swift.
import ContainerInit
import Diagnostics
import JSON
import Kernel
import OCISpec

/// A network device of the host that moves into the container.
package struct PlannedNetworkDevice: Equatable, Sendable {
    package var hostName: String
    /// Its name in the container; "%d" in it is replaced by the first free number.
    package var name: String
    package var field: String
    package var isTemplate: Bool { name.utf8.contains(UInt8(ascii: "%")) }
}

extension ContainerPlan {
    /// - Throws: `.invalid` without a network namespace of the container's own, EPERM without root.
    /// Source: config-linux.md "Network Devices" (RT-config-linux-034 to RT-config-linux-042).
    mutating func planNetworkDevices(_ linux: Linux, context: PlanContext) throws(OperationError) {
        guard !linux.netDevices.isEmpty else { return }
        guard isPrivate(.network, context) else {
            throw OperationError(
                "read", "config.json", .invalid("the container has no network namespace of its own"), field: "linux.netDevices",
                hint: "add {\"type\": \"network\"} to linux.namespaces")
        }
        networkDevices = linux.netDevices.map {
            PlannedNetworkDevice(hostName: $0.hostName, name: $0.name, field: JSONPath.member($0.hostName, of: "linux.netDevices"))
        }
        guard context.isPrivileged else {
            throw OperationError(
                "move network device", networkDevices[0].hostName, .errno(.notPermitted), field: networkDevices[0].field,
                hint: "taking a device from the host needs root")
        }
        add(.synchronize(.networkDevices), field: "linux.netDevices")
    }
}
