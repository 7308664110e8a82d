import Testing

@testable import Criu

@Suite("The wire form of protocol buffers")
struct ProtobufTests {
    @Test("numbers are varints, seven bits a byte, and negative ones take ten bytes")
    func integers() {
        func bytes(_ value: Int64) -> [UInt8] {
            var writer = ProtobufWriter()
            writer.integer(1, value)
            return writer.bytes
        }
        #expect(bytes(0) == [0x08, 0x00])
        #expect(bytes(127) == [0x08, 0x7F])
        #expect(bytes(150) == [0x08, 0x96, 0x01])
        #expect(bytes(-1) == [0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01])
    }

    @Test("a field above 15 takes two bytes; texts and messages have their length before them")
    func delimited() {
        var writer = ProtobufWriter()
        writer.string(37, "net")
        writer.message(27) { inner in
            inner.string(1, "é")
            inner.integer(2, 4)
        }
        writer.boolean(50, true)
        #expect(writer.bytes == [0xAA, 0x02, 3, 0x6E, 0x65, 0x74] + [0xDA, 0x01, 6, 0x0A, 2, 0xC3, 0xA9, 0x10, 4] + [0x90, 0x03, 1])
    }

    @Test("what is written can be read")
    func roundTrip() throws {
        var writer = ProtobufWriter()
        writer.integer(1, -5)
        writer.string(2, "a")
        writer.message(500) { inner in inner.boolean(3, false) }
        let fields = try #require(ProtobufReader.fields(writer.bytes[...]))
        #expect(fields.map { $0.number } == [1, 2, 500])
        #expect(fields[0].value.int32 == -5)
        #expect(fields[1].value.string == "a")
        #expect(fields[2].value == .bytes([0x18, 0]))
    }

    @Test("fixed numbers are stepped over; their bytes are little endian")
    func fixed() throws {
        let fields = try #require(ProtobufReader.fields([0x0D, 1, 2, 0, 0, 0x11, 1, 0, 0, 0, 0, 0, 0, 0x80]))
        #expect(fields.map { $0.value } == [.fixed(0x201), .fixed(0x8000_0000_0000_0001)])
    }

    @Test(
        "no length is believed, no number is longer than 64 bits",
        arguments: [
            [0x08], [0x08, 0x80], [0x0A, 2, 0x61], [0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01], [0x0D, 1, 2, 3], [0x09], [0x0B], [0x00, 1],
            [0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x02], [0x08] + [UInt8](repeating: 0x80, count: 10) + [0],
        ] as [[UInt8]])
    func malformed(_ bytes: [UInt8]) {
        #expect(ProtobufReader.fields(bytes[...]) == nil)
        #expect(CriuResponse(bytes) == nil)
    }

    @Test("any bytes are read or refused")
    func fuzz() {
        var state: UInt64 = 42
        var refused = 0
        for _ in 0..<20_000 {
            var bytes: [UInt8] = []
            for _ in 0..<24 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                bytes.append(UInt8(truncatingIfNeeded: state >> 56) & 0x1F)
            }
            if CriuResponse(bytes) == nil { refused += 1 }
        }
        #expect(refused > 0)
    }
}
