import Kernel
import Testing

@testable import ImageUnpack

/// An entry whose header was changed afterwards; its checksum is right, or that of a machine whose bytes are signed.
private func patched(_ build: (inout TarBuilder) -> Void, signed: Bool = false, _ patch: (inout [UInt8]) -> Void) -> [UInt8] {
    var builder = TarBuilder()
    build(&builder)
    var bytes = builder.bytes
    patch(&bytes)
    bytes.replaceSubrange(148..<156, with: [UInt8](repeating: 0x20, count: 8))
    let sum = bytes.prefix(512).reduce(0) { $0 + (signed ? Int(Int8(bitPattern: $1)) : Int($1)) }
    let digits = String(sum, radix: 8)
    // with a NUL in front, as an archiver wrote it that had no room for all digits
    bytes.replaceSubrange(148..<156, with: [0] + Array((String(repeating: "0", count: 6 - digits.utf8.count) + digits).utf8) + [0])
    return bytes
}

private func put(_ text: String, _ offset: Int, _ bytes: inout [UInt8]) { bytes.replaceSubrange(offset..<(offset + text.utf8.count), with: text.utf8) }

private func entries(_ archive: [UInt8]) throws -> [TarEntry] {
    let stream = try layerStream(archive + [UInt8](repeating: 0, count: 1024))
    var reader = TarReader(stream)
    var found: [TarEntry] = []
    while let entry = try reader.next() { found.append(entry) }
    return found
}

@Suite("archives of old and odd archivers")
struct OldTarTests {
    @Test("a checksum of signed bytes, and one that begins with a NUL")
    func checksums() throws {
        let archive = patched({ $0.add("caf..", text: "x") }, signed: true) { $0[3] = 0xC3; $0[4] = 0xA9 }
        #expect(try entries(archive).map { $0.text } == ["café"])
        #expect(throws: (any Error).self) { try entries(patched({ $0.add("f", text: "x") }, signed: true) { $0[0] = 0xFF }.map { $0 == 0xFF ? 0xFE : $0 }) }
    }

    @Test("a prefix in a header of GNU's, as Go before 1.8 wrote it, and what is none there")
    func goPrefix() throws {
        func gnu(_ bytes: inout [UInt8]) { put("ustar  \0", 257, &bytes) }
        let prefix = patched({ $0.add("name", text: "x") }) { gnu(&$0); put("usr/lib/node_modules", 345, &$0) }
        #expect(try entries(prefix).map { $0.text } == ["usr/lib/node_modules/name"])
        let times = patched({ $0.add("name", text: "x") }) { gnu(&$0); put("14524770400\0" + "14524770400\0", 345, &$0) }
        #expect(try entries(times).map { $0.text } == ["name"])
        let binary = patched({ $0.add("name", text: "x") }) { gnu(&$0); $0.replaceSubrange(345..<357, with: [0x80] + [UInt8](repeating: 7, count: 11)) }
        #expect(try entries(binary).map { $0.text } == ["name"])
    }

    @Test("star's prefix ends where its times begin")
    func star() throws {
        let directory = String(repeating: "d", count: 131)
        let archive = patched({ $0.add("name", text: "x") }) { put(directory + "14524770400 14524770400 ", 345, &$0); put("tar\0", 508, &$0) }
        #expect(try entries(archive).map { $0.text } == [directory + "/name"])
    }

    @Test("a record without a value leaves the header's, and takes back one before it", arguments: ["size", "uid", "gid", "mtime", "atime", "path", "linkpath"])
    func emptyRecords(key: String) throws {
        var layer = TarBuilder()
        layer.add("f", content: [1, 2], uid: 5, gid: 6, time: 7, pax: [(key, Array("1".utf8)), (key, [])])
        let entry = try #require(try entries(layer.bytes).first)
        #expect(entry.text == "f" && entry.size == 2 && entry.uid == 5 && entry.gid == 6 && entry.modified.seconds == 7 && entry.accessed == nil)
    }

    @Test("a directory of before POSIX is told by the slash at the end of its whole name")
    func oldDirectories() throws {
        var layer = TarBuilder()
        let long = String(repeating: "n", count: 120) + "/"
        layer.add("././@LongLink", type: "L", content: Array((long + "\0").utf8))
        layer.add(String(repeating: "n", count: 100), type: "\0")
        layer.add("short/", type: "\0")
        layer.add("file", type: "\0", content: [1])
        #expect(try entries(layer.bytes).map { $0.kind } == [.directory, .directory, .regular])
    }

    @Test("numbers: blanks around, base 256 below zero, a time before 1970 with a fraction")
    func numbers() throws {
        let archive = patched({ $0.add("f", text: "x") }) {
            put("   644 \0", 100, &$0)
            put("\0   11 \0", 108, &$0)
            $0.replaceSubrange(136..<148, with: [UInt8](repeating: 0xFF, count: 11) + [0xFB])
        }
        let entry = try #require(try entries(archive).first)
        #expect(entry.permissions == 0o644 && entry.uid == 9 && entry.modified.seconds == -5)
        var layer = TarBuilder()
        for (name, time) in [("a", "-1.5"), ("b", "5."), ("c", "1.1234567899999"), ("d", "-9223372036854775808")] { layer.add(name, pax: [("mtime", Array(time.utf8))]) }
        #expect(try entries(layer.bytes).map { $0.modified } == [
            TimeStamp(seconds: -2, nanoseconds: 500_000_000), TimeStamp(seconds: 5, nanoseconds: 0), TimeStamp(seconds: 1, nanoseconds: 123_456_789),
            TimeStamp(seconds: -922_337_203_685_477_580, nanoseconds: 0),
        ])
    }
}
