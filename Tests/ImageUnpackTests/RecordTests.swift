import Foundation
import Kernel
import OCISpec
import Testing
import UntrustedTree

@testable import ImageUnpack

@Suite("records")
struct RecordTests {
    @Test("a checksum is that of gzip, in any pieces") func checksum() {
        #expect(Checksum(of: Array("123456789".utf8)).value == 0xCBF4_3926)
        let bytes = [UInt8](repeating: 7, count: 100_000)
        var pieces = Checksum()
        for start in stride(from: 0, to: bytes.count, by: 333) { pieces.update(bytes, start..<min(bytes.count, start + 333)) }
        #expect(pieces == Checksum(of: bytes))
    }

    @Test("zeros of a hole count as those of a file", arguments: [0, 1, 7, 4096, 99_991]) func zeros(count: Int) {
        var checksum = Checksum(of: Array("abc".utf8))
        checksum.update(zeros: Int64(count))
        checksum.update(Array("d".utf8), 0..<1)
        #expect(checksum == Checksum(of: Array("abc".utf8) + [UInt8](repeating: 0, count: count) + Array("d".utf8)))
        var whole = Checksum()
        whole.update(zeros: Int64(count))
        #expect(whole == Checksum(of: [UInt8](repeating: 0, count: count)))
    }

    @Test("a tebibyte of zeros has a checksum at once") func tebibyte() {
        var (halves, whole) = (Checksum(of: [1]), Checksum(of: [1]))
        for _ in 0..<2 { halves.update(zeros: 1 << 39) }
        whole.update(zeros: 1 << 40)
        #expect(halves == whole)
    }

    @Test("a line is read as it was written", arguments: [FileKind.regular, .directory, .symbolicLink, .characterDevice, .blockDevice, .fifo])
    func lines(kind: FileKind) throws {
        let entry = RecordedEntry(
            kind: kind, permissions: 0o4755, uid: 1, gid: 4_294_967_294, modified: TimeStamp(seconds: -5, nanoseconds: 999), size: 1 << 40, content: .max, attributes: 16)
        #expect(RecordedEntry(entry.text.split(separator: " ")) == entry)
        #expect(RecordedEntry(["x", "0", "0:0", "0.0", "0", "0", "0"]) == nil && RecordedEntry([]) == nil)
    }

    @Test("an owner as umoci and others read him", arguments: [
        (0, 0, []), (7, 0, [0x08, 7]), (0, 300, [0x10, 0xAC, 0x02]), (UInt32.max, 1, [0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0x10, 1]),
    ] as [(UInt32, UInt32, [UInt8])])
    func owners(uid: UInt32, gid: UInt32, bytes: [UInt8]) {
        #expect(OwnerRecord(uid: uid, gid: gid).bytes == bytes)
        #expect(OwnerRecord(bytes) == OwnerRecord(uid: uid, gid: gid))
    }

    @Test("what is no owner", arguments: [[0x08], [0x08, 0x80], [0x18, 1], [0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0x1F], [0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 1]] as [[UInt8]])
    func wrongOwners(bytes: [UInt8]) { #expect(OwnerRecord(bytes) == nil) }

    @Test("devices that files stand for") func devices() {
        #expect(DeviceRecord(Array("b 8 1".utf8)) == DeviceRecord(isBlock: true, major: 8, minor: 1))
        for text in ["", "c 1", "x 1 2", "c -1 2", "c 1 2 3"] { #expect(DeviceRecord(Array(text.utf8)) == nil) }
    }

    @Test("ranges of ids by name and by number; what is no range is passed over") func ranges() {
        let text = Array("a:100000:65536\nb:1:2\n7:300000:10\na:x:1\na:4294967295:9\n\na:5:0\n".utf8)
        #expect(IDMappings.ranges(of: text, uid: 7, name: Array("a".utf8)).map { [$0.start, $0.count] } == [[100000, 65536], [300000, 10]])
        #expect(IDMappings.ranges(of: text, uid: 8, name: nil).isEmpty)
    }
}
