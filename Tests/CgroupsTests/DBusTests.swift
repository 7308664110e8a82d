import Diagnostics
import Testing

@testable import Cgroups

@Suite("D-Bus") struct DBusTests {
    /// Laid out by hand from the specification.
    private static let hello: [UInt8] =
        [UInt8(ascii: "l"), 1, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0x6D, 0, 0, 0]
        + [1, 1, UInt8(ascii: "o"), 0, 0x15, 0, 0, 0] + Array("/org/freedesktop/DBus\0\0\0".utf8)
        + [2, 1, UInt8(ascii: "s"), 0, 0x14, 0, 0, 0] + Array("org.freedesktop.DBus\0\0\0\0".utf8)
        + [3, 1, UInt8(ascii: "s"), 0, 5, 0, 0, 0] + Array("Hello\0\0\0".utf8)
        + [6, 1, UInt8(ascii: "s"), 0, 0x14, 0, 0, 0] + Array("org.freedesktop.DBus\0".utf8) + [0, 0, 0]

    @Test("a call without arguments, byte for byte")
    func bytes() {
        let call = DBusMessage.call("Hello", interface: "org.freedesktop.DBus", path: "/org/freedesktop/DBus", destination: "org.freedesktop.DBus")
        #expect(call.bytes == Self.hello)
    }

    @Test("every type survives the way out and in", arguments: [
        .byte(7), .boolean(true), .int16(-3), .uint16(9), .int32(-70_000), .uint32(.max), .int64(.min), .uint64(.max), .double(1.5), .string(""),
        .string("ä\"\\"), .objectPath("/a/b"), .signature("a(sv)"), .array("s", []), .array("t", [.uint64(1)]), .array("y", [.byte(1), .byte(2)]),
        .structure([.byte(1), .uint64(2), .string("x")]), .variant(.array("(st)", [.structure([.string("/dev/x"), .uint64(5)])])),
        .array("{sv}", [.dictionaryEntry(key: .string("k"), value: .variant(.boolean(false)))]), .array("as", [.strings(["a"]), .strings([])]),
    ] as [DBusValue])
    func roundTrip(value: DBusValue) throws {
        var message = DBusMessage.call("M", interface: "i.j", path: "/p", destination: "d.e", [.byte(1), value, .string("end")])
        message.serial = 4711
        let bytes = message.bytes
        #expect(try DBusMessage.length(bytes[...]) == bytes.count)
        #expect(try DBusMessage.decode(bytes) == message)
    }

    @Test("bytes in the other order are read as well")
    func bigEndian() throws {
        let bytes: [UInt8] =
            [UInt8(ascii: "B"), 2, 1, 1, 0, 0, 0, 8, 0, 0, 0, 9, 0, 0, 0, 15, 5, 1, UInt8(ascii: "u"), 0, 0, 0, 0, 3, 8, 1, UInt8(ascii: "g"), 0, 1]
            + Array("u".utf8) + [0, 0] + [0, 0, 1, 2]
        var whole = bytes
        whole[7] = 4
        let message = try DBusMessage.decode(whole)
        #expect(message?.replySerial == 3 && message?.serial == 9 && message?.body == [.uint32(258)])
    }

    @Test("cut or changed at any place, it is refused or read, never trusted")
    func hostile() {
        let message = DBusMessage.call(
            "StartTransientUnit", interface: "a.b", path: "/p", destination: "d.e",
            [.string("x.scope"), .array("(sv)", [.structure([.string("PIDs"), .variant(.array("u", [.uint32(1)]))])])])
        let bytes = message.bytes
        var refused = 0
        for length in 0..<bytes.count {
            #expect(throws: OperationError.self) { try DBusMessage.decode(Array(bytes.prefix(length))) }
        }
        for index in bytes.indices {
            for value in [UInt8(0), 1, 0x7F, 0x80, 0xFF] {
                var changed = bytes
                changed[index] = value
                do {
                    if let length = try DBusMessage.length(changed[...]), length == changed.count { _ = try DBusMessage.decode(changed) }
                } catch {
                    refused += 1
                }
            }
        }
        #expect(refused > 100)
    }

    @Test("what is no message, or a huge one, is refused before it is read")
    func noMessage() {
        let error = #expect(throws: OperationError.self) { try DBusMessage.length(Array(repeating: UInt8(0xFF), count: 64)[...]) }
        #expect(error?.description == #"read "answer of the bus": it is no D-Bus message"#)
        let huge: [UInt8] = [UInt8(ascii: "l"), 2, 0, 1, 0, 0, 0, 0x7F, 1, 0, 0, 0, 0, 0, 0, 0]
        #expect(throws: OperationError.self) { try DBusMessage.length(huge[...]) }
    }

    @Test("addresses of buses")
    func addresses() throws {
        #expect(try DBusAddress.system(nil).path == "/run/dbus/system_bus_socket")
        #expect(try DBusAddress.system("unix:path=/x/y,guid=1").path == "/x/y")
        #expect(try DBusAddress.user(nil, runtimeDirectory: nil, uid: 1000).path == "/run/user/1000/bus")
        #expect(try DBusAddress.user("", runtimeDirectory: "/r", uid: 1000).path == "/r/bus")
        #expect(try DBusAddress.user("tcp:host=h;unix:guid=1,path=/a%20b", runtimeDirectory: nil, uid: 1).path == "/a b")
        #expect(try DBusAddress.user("unix:runtime=yes", runtimeDirectory: "/r", uid: 1).path == "/r/bus")
        let error = #expect(throws: OperationError.self) { try DBusAddress.user("unix:abstract=/tmp/x", runtimeDirectory: nil, uid: 1) }
        #expect(
            error?.description
                == #"find bus "unix:abstract=/tmp/x": an address without a unix socket's path ($DBUS_SESSION_BUS_ADDRESS) is not supported; hint: it looks like unix:path=/run/user/1000/bus"#)
    }
}
