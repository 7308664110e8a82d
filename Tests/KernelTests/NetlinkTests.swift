import Diagnostics
import Testing

@testable import Kernel

@Suite("netlink messages")
struct NetlinkTests {
    /// In the machine's byte order, as the kernel has them.
    private func bytes<Integer: FixedWidthInteger>(_ value: Integer) -> [UInt8] { withUnsafeBytes(of: value) { Array($0) } }

    @Test("a request: header, body, attributes that begin at multiples of four bytes")
    func request() {
        var message = NetlinkMessage()
        message.add(UInt32(7))
        message.add(attribute: 3, "eth0")
        message.add(attribute: 28, UInt32(9))
        let attributes: [UInt8] = bytes(UInt16(9)) + bytes(UInt16(3)) + Array("eth0".utf8) + [0, 0, 0, 0] + bytes(UInt16(8)) + bytes(UInt16(28)) + bytes(UInt32(9))
        let header = bytes(UInt32(40)) + bytes(UInt16(18)) + bytes(UInt16(5)) + bytes(UInt32(2)) + bytes(UInt32(0))
        #expect(message.bytes(type: 18, flags: 5, sequence: 2) == header + bytes(UInt32(7)) + attributes)
    }

    @Test("an answer is taken apart; another's, and what is cut off, is left out")
    func answer() {
        var message = NetlinkMessage()
        for _ in 0..<4 { message.add(UInt32(1)) }
        message.add(attribute: 0x8003, "v0")
        let ours = message.bytes(type: 16, flags: 0, sequence: 5), other = message.bytes(type: 16, flags: 0, sequence: 4)
        let replies = NetlinkReply.split(other + ours + ours.dropLast(), sequence: 5)
        #expect(replies.count == 1 && replies.first.map { NetworkDevice($0) } == .some(NetworkDevice(replies[0])))
        let device = replies.first.flatMap { NetworkDevice($0) }
        #expect(device?.name == "v0" && device?.index == 1 && device?.isUp == true)
        for length in 0..<ours.count { #expect(NetlinkReply.split(Array(ours.prefix(length)), sequence: 5).isEmpty) }
    }

    @Test("an address: long flags win, labels follow the name, the kernel's own flags and life times stay behind")
    func address() {
        var told = NetlinkMessage()
        told.add([UInt8(2), 24, 0x80, 0].withUnsafeBytes { $0.load(as: UInt32.self) })
        told.add(Int32(7))
        told.add(attribute: 2, [10, 0, 0, 1])
        told.add(attribute: 3, "eth0:web")
        told.add(attribute: 6, [UInt8](repeating: 0, count: 16))
        told.add(attribute: 8, UInt32(0x281))
        let reply = NetlinkReply(type: 20, body: told.body[...])
        #expect(NetworkAddress(reply, ofDevice: 8) == nil)
        guard let address = NetworkAddress(reply, ofDevice: 7) else {
            Issue.record("no address")
            return
        }
        #expect(address.flags == 0x281 && address.isPermanentAndGlobal && address.prefixLength == 24)
        var given = NetlinkMessage()
        given.add([UInt8(2), 24, 0, 0].withUnsafeBytes { $0.load(as: UInt32.self) })
        given.add(Int32(9))
        given.add(attribute: 2, [10, 0, 0, 1])
        given.add(attribute: 3, "net1:web")
        given.add(attribute: 8, UInt32(0x200))
        #expect(address.message(index: 9, formerName: "eth0", name: "net1").body == given.body)
    }

    @Test("the loopback device, asked for by name and by number; a name that nobody has")
    func loopback() throws {
        var socket = try RouteSocket()
        let device = try socket.device(named: "lo")
        #expect(device.index == 1)
        #expect(try socket.device(index: 1) == device)
        do throws(Errno) {
            _ = try socket.device(named: "nothere0")
            Issue.record("there is a device nothere0")
        } catch {
            #expect(error == .noDevice)
        }
    }
}
