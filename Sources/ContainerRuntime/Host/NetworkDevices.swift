// Moves network devices of the host into the container's network namespace, and back when the container cannot be made.
// A device loses its addresses on the way and arrives switched off: the ones that are meant to last are given back to it.
// Source: config-linux.md "Network Devices" (RT-config-linux-034 to RT-config-linux-042).
import Diagnostics
import Kernel

/// The devices of one container. Nothing is undone at the end of this value: that is for `giveBack` alone.
struct NetworkDevices: ~Copyable {
    /// What a device was on the host.
    private struct Found {
        let planned: PlannedNetworkDevice
        let device: NetworkDevice
        var addresses: [NetworkAddress] = []
        /// What it may be called in the container, as far as it is there; empty before it is moved.
        var namesInside: [String] = []
    }
    private var found: [Found] = []
    private var host: RouteSocket
    private var hostNamespace: FileDescriptor
    /// Keeps the container's network namespace in being, so that a device can be fetched out of it.
    private var container: RouteSocket?

    /// Looks the devices up, so that a missing one is told before anything is made. Nil when none is asked for.
    /// - Throws: ENODEV for one that is not there.
    static func find(_ planned: [PlannedNetworkDevice]) throws(OperationError) -> NetworkDevices? {
        guard let first = planned.first else { return nil }
        var devices: NetworkDevices
        do throws(Errno) {
            devices = NetworkDevices(host: try RouteSocket(), hostNamespace: try FileDescriptor.open("/proc/self/ns/net", .readOnly))
        } catch {
            throw OperationError("look for network device", first.hostName, .errno(error), field: first.field)
        }
        for device in planned { try devices.find(device) }
        return devices
    }

    private init(host: consuming RouteSocket, hostNamespace: consuming FileDescriptor) {
        self.host = host
        self.hostNamespace = hostNamespace
    }

    private mutating func find(_ planned: PlannedNetworkDevice) throws(OperationError) {
        do throws(Errno) {
            let device = try host.device(named: planned.hostName)
            let addresses = try host.addresses(ofDevice: device.index).filter { $0.isPermanentAndGlobal }
            found.append(Found(planned: planned, device: device, addresses: addresses))
        } catch {
            throw OperationError(
                "look for network device", planned.hostName, .errno(error), field: planned.field,
                hint: error == .noDevice ? "the keys of netDevices are names of the caller's network namespace: see \"ip link\"" : nil)
        }
    }

    /// Moves every device into the network namespace of the process `pid`.
    mutating func move(into pid: Int32) throws(OperationError) {
        let namespace = try enter(pid)
        for index in found.indices {
            let planned = found[index].planned
            do throws(Errno) {
                try move(index, to: namespace)
            } catch {
                throw OperationError("move network device", planned.hostName, .errno(error), field: planned.field, hint: Self.hint(error, planned))
            }
        }
    }

    private static func hint(_ errno: Errno, _ planned: PlannedNetworkDevice) -> String? {
        switch errno {
        case .exists: "the container has a device called \(quoted(planned.name)) already"
        case .invalid: "devices like lo, and those that belong to another, cannot leave their network namespace"
        default: nil
        }
    }

    /// Opens a socket in the network namespace of `pid`, which is this process' for a moment.
    private mutating func enter(_ pid: Int32) throws(OperationError) -> FileDescriptor {
        do throws(Errno) {
            let namespace = try FileDescriptor.namespace(.network, of: pid)
            var socket: RouteSocket?
            try namespace.visit(.network, own: hostNamespace) { () throws(Errno) in socket = try RouteSocket() }
            container = socket
            return namespace
        } catch {
            throw OperationError("enter network namespace", "/proc/\(pid)/ns/net", .errno(error), field: "linux.netDevices")
        }
    }

    private mutating func move(_ index: Int, to namespace: borrowing FileDescriptor) throws(Errno) {
        let (planned, device) = (found[index].planned, found[index].device)
        // the kernel first moves and then renames: a name that is taken must be told before
        if !planned.isTemplate, try isTakenInside(planned.name) { throw .exists }
        let arrival = planned.isTemplate ? "cale\(device.index)" : planned.name
        found[index].namesInside = [arrival] + (try isTakenInside(planned.hostName) ? [] : [planned.hostName])
        try host.move(device: device.index, to: namespace, name: arrival)
        var arrived = try inside { (socket) throws(Errno) in try socket.device(named: arrival) }
        if planned.isTemplate {
            let number = arrived.index
            arrived = try inside { (socket) throws(Errno) in
                try socket.rename(device: number, to: planned.name)
                return try socket.device(index: number)
            }
            found[index].namesInside.insert(arrived.name, at: 0)
        }
        let (addresses, final) = (found[index].addresses, arrived)
        try inside { (socket) throws(Errno) in try Self.restore(addresses, of: final, formerName: planned.hostName, isUp: true, over: &socket) }
    }

    private mutating func inside<Result>(_ body: (inout RouteSocket) throws(Errno) -> Result) throws(Errno) -> Result {
        guard var socket = container.take() else { throw .badDescriptor }
        do throws(Errno) {
            let result = try body(&socket)
            container = consume socket
            return result
        } catch {
            container = consume socket
            throw error
        }
    }

    private mutating func isTakenInside(_ name: String) throws(Errno) -> Bool {
        do throws(Errno) {
            _ = try inside { (socket) throws(Errno) in try socket.device(named: name) }
            return true
        } catch where error == .noDevice {
            return false
        }
    }

    /// Addresses first: with the device up at once, others would see it without them.
    private static func restore(
        _ addresses: [NetworkAddress], of device: NetworkDevice, formerName: String, isUp: Bool, over socket: inout RouteSocket
    ) throws(Errno) {
        for address in addresses {
            do throws(Errno) {
                try socket.add(address, to: device.index, formerName: formerName, name: device.name)
            } catch where error == .exists {}  // not lost on the way
        }
        if isUp { try socket.bringUp(device: device.index) }
    }

    /// Fetches back what was moved, under its old name and with its addresses, and as it was: up or down.
    ///
    /// What does not come back stays with its network namespace: the kernel returns physical devices and removes others.
    mutating func giveBack() {
        for entry in found where !entry.namesInside.isEmpty {
            for name in entry.namesInside where giveBack(entry, called: name) { break }
        }
    }

    private mutating func giveBack(_ entry: Found, called name: String) -> Bool {
        do throws(Errno) {
            guard var socket = container.take() else { return false }
            do throws(Errno) {
                let device = try socket.device(named: name)
                try socket.move(device: device.index, to: hostNamespace, name: entry.planned.hostName)
                container = consume socket
            } catch {
                container = consume socket
                throw error
            }
            let device = try host.device(named: entry.planned.hostName)
            try Self.restore(entry.addresses, of: device, formerName: entry.planned.hostName, isUp: entry.device.isUp, over: &host)
            return true
        } catch {
            return false  // the error that led here is the one to tell
        }
    }
}
