// Network devices and their addresses: what the kernel tells of them, and the requests that move, rename and configure them.
// How requests travel is known in Netlink.swift; what is moved where, and back, in ContainerRuntime.
// Source: rtnetlink(7); linux/if_link.h, linux/if_addr.h.
package import Diagnostics

/// A network device as its network namespace knows it.
package struct NetworkDevice: Equatable, Sendable {
    package let index: Int32
    package let name: String
    package let isUp: Bool

    /// Nil for what is no link message.
    init?(_ reply: NetlinkReply) {
        guard reply.type == RouteMessage.newLink, let index = reply.body.number(Int32.self, at: 4), let flags = reply.body.number(UInt32.self, at: 8),
            let name = reply.attributes(after: 16).first(where: { $0.kind == LinkAttribute.name })
        else { return nil }
        self.index = index
        self.name = String(decoding: name.value.prefix { $0 != 0 }, as: UTF8.self)
        isUp = flags & interfaceIsUp != 0
    }
}

/// An address of a network device, as the kernel tells and takes it.
package struct NetworkAddress: Equatable, Sendable {
    /// AF_INET, AF_INET6
    package let family: UInt8
    package let prefixLength: UInt8
    /// 0 for global, 253 for link. Source: linux/rtnetlink.h, `RT_SCOPE_UNIVERSE`.
    package let scope: UInt8
    /// `IFA_F_*`
    package let flags: UInt32
    /// All attributes but the flags, the life times and what the kernel only reports.
    let attributes: [(kind: UInt16, value: [UInt8])]

    /// Nil for what is no address of the device `index`.
    init?(_ reply: NetlinkReply, ofDevice index: Int32) {
        let body = reply.body
        guard reply.type == RouteMessage.newAddress, body.count >= 8, body.number(Int32.self, at: 4) == index else { return nil }
        family = body[body.startIndex]
        prefixLength = body[body.startIndex + 1]
        scope = body[body.startIndex + 3]
        var flags = UInt32(body[body.startIndex + 2])
        var kept: [(kind: UInt16, value: [UInt8])] = []
        for attribute in reply.attributes(after: 8) {
            switch attribute.kind {
            // the header has room for eight flags only
            case AddressAttribute.flags: flags = attribute.value.number(UInt32.self, at: 0) ?? flags
            case AddressAttribute.address, AddressAttribute.local, AddressAttribute.label, AddressAttribute.broadcast,
                AddressAttribute.anycast, AddressAttribute.priority, AddressAttribute.proto:
                kept.append((attribute.kind, Array(attribute.value)))
            default: break
            }
        }
        self.flags = flags
        attributes = kept
    }

    /// Whether it is meant to last and to be reached from everywhere: permanent (`IFA_F_PERMANENT`) and of global scope.
    package var isPermanentAndGlobal: Bool { flags & 0x80 != 0 && scope == 0 }

    package static func == (one: NetworkAddress, other: NetworkAddress) -> Bool {
        one.message(index: 0, formerName: "", name: "").body == other.message(index: 0, formerName: "", name: "").body
    }

    /// The request that gives the address to the device `index`, which was called `formerName`.
    func message(index: Int32, formerName: String, name: String) -> NetlinkMessage {
        // NODAD, HOMEADDRESS, NOPREFIXROUTE, MCAUTOJOIN; the others are the kernel's own
        let settable: UInt32 = 0x02 | 0x10 | 0x200 | 0x400
        var message = NetlinkMessage()
        message.add(family)
        message.add(prefixLength)
        message.add(UInt8(truncatingIfNeeded: flags & settable))
        message.add(scope)
        message.add(index)
        for attribute in attributes {
            guard attribute.kind == AddressAttribute.label else {
                message.add(attribute: attribute.kind, attribute.value)
                continue
            }
            // "eth0:web": a label is the device's name with something behind it
            let label = String(decoding: attribute.value.prefix { $0 != 0 }, as: UTF8.self)
            let renamed = label.hasPrefix(formerName) ? name + label.dropFirst(formerName.count) : label
            if renamed.utf8.count < 16 { message.add(attribute: attribute.kind, renamed) }
        }
        message.add(attribute: AddressAttribute.flags, flags & settable)
        return message
    }
}

private enum RouteMessage {
    static var newLink: UInt16 { 16 }
    static var getLink: UInt16 { 18 }
    static var newAddress: UInt16 { 20 }
    static var getAddress: UInt16 { 22 }
}

private enum LinkAttribute {
    static var name: UInt16 { 3 }
    static var namespaceDescriptor: UInt16 { 28 }
}

private enum AddressAttribute {
    static var address: UInt16 { 1 }
    static var local: UInt16 { 2 }
    static var label: UInt16 { 3 }
    static var broadcast: UInt16 { 4 }
    static var anycast: UInt16 { 5 }
    static var flags: UInt16 { 8 }
    static var priority: UInt16 { 9 }
    static var proto: UInt16 { 11 }
}

private enum RequestFlag {
    static var acknowledge: UInt16 { 0x04 }
    static var dump: UInt16 { 0x300 }
    static var createExclusively: UInt16 { 0x600 }
}

private let interfaceIsUp: UInt32 = 1

extension RouteSocket {
    /// The device called `name`. - Throws: `ENODEV`.
    package mutating func device(named name: String) throws(Errno) -> NetworkDevice {
        var message = Self.link(0)
        message.add(attribute: LinkAttribute.name, name)
        return try device(message)
    }

    /// The device with this number. - Throws: `ENODEV`.
    package mutating func device(index: Int32) throws(Errno) -> NetworkDevice { try device(Self.link(index)) }

    private mutating func device(_ message: NetlinkMessage) throws(Errno) -> NetworkDevice {
        let replies = try request(message, type: RouteMessage.getLink, flags: RequestFlag.acknowledge)
        guard let device = replies.compactMap({ NetworkDevice($0) }).first else { throw .noDevice }
        return device
    }

    /// The addresses of the device with this number, of every family, in the kernel's order.
    package mutating func addresses(ofDevice index: Int32) throws(Errno) -> [NetworkAddress] {
        var message = NetlinkMessage()
        message.add(UInt64(0))  // struct ifaddrmsg: any family
        return try request(message, type: RouteMessage.getAddress, flags: RequestFlag.dump).compactMap { NetworkAddress($0, ofDevice: index) }
    }

    /// Moves the device into another network namespace and calls it `name` there. It is down then and has lost its addresses.
    ///
    /// - Throws: `EINVAL` for a device that cannot leave its namespace, `EEXIST` when the name is taken there; the device may
    ///   have arrived under its old name then.
    package mutating func move(device index: Int32, to namespace: borrowing FileDescriptor, name: String) throws(Errno) {
        var message = Self.link(index)
        message.add(attribute: LinkAttribute.namespaceDescriptor, UInt32(bitPattern: namespace.raw))
        message.add(attribute: LinkAttribute.name, name)
        try change(message)
    }

    /// Renames a device that is down. With "%d" in `name` the kernel puts the first free number there.
    package mutating func rename(device index: Int32, to name: String) throws(Errno) {
        var message = Self.link(index)
        message.add(attribute: LinkAttribute.name, name)
        try change(message)
    }

    package mutating func bringUp(device index: Int32) throws(Errno) {
        try change(Self.link(index, flags: interfaceIsUp, change: interfaceIsUp))
    }

    /// Gives `address` to a device, which was called `formerName` and is called `name`.
    /// - Throws: `EEXIST` when it has it.
    package mutating func add(_ address: NetworkAddress, to device: Int32, formerName: String, name: String) throws(Errno) {
        _ = try request(
            address.message(index: device, formerName: formerName, name: name), type: RouteMessage.newAddress,
            flags: RequestFlag.acknowledge | RequestFlag.createExclusively)
    }

    private mutating func change(_ message: NetlinkMessage) throws(Errno) {
        _ = try request(message, type: RouteMessage.newLink, flags: RequestFlag.acknowledge)
    }

    /// struct ifinfomsg.
    private static func link(_ index: Int32, flags: UInt32 = 0, change: UInt32 = 0) -> NetlinkMessage {
        var message = NetlinkMessage()
        message.add(UInt32(0))
        message.add(index)
        message.add(flags)
        message.add(change)
        return message
    }
}
