import Diagnostics
import Foundation
import JSON
import Kernel
import OCISpec
import Testing
import UntrustedTree

@testable import ImageUnpack

@Suite("entries are written as they are read")
struct TarWriterTests {
    private func read(_ entry: TarEntry) throws -> TarEntry {
        var reader = TarReader(try layerStream(entry.header + [UInt8](repeating: 0, count: 1024)))
        return try #require(try reader.next())
    }

    @Test("a plain entry has no extended header")
    func plain() throws {
        var entry = TarEntry(name: Array("a/b".utf8), kind: .directory, permissions: 0o1755, uid: 7, gid: 8, modified: TimeStamp(seconds: 1_700_000_000, nanoseconds: 0))
        entry.name.append(UInt8(ascii: "/"))
        #expect(entry.header.count == 512)
        #expect(try read(entry) == entry)
    }

    @Test("what ustar has no room for", arguments: [
        TimeStamp(seconds: 1, nanoseconds: 500_000_000), TimeStamp(seconds: -1, nanoseconds: 750_000_000), TimeStamp(seconds: -5, nanoseconds: 0),
        TimeStamp(seconds: 1 << 40, nanoseconds: 1),
    ])
    func large(time: TimeStamp) throws {
        var entry = TarEntry(name: Array(repeating: 0x78, count: 240) + [0xFF], kind: .symbolicLink, permissions: 0o777, uid: 4_000_000, gid: 4_294_967_294, modified: time)
        entry.linkTarget = Array(repeating: 0x79, count: 300)
        entry.attributes = [TarAttribute(name: "user.a", value: [0, 10, 61]), TarAttribute(name: "user.b", value: [])]
        #expect(try read(entry) == entry)
    }

    @Test("devices and large files")
    func numbers() throws {
        var device = TarEntry(name: Array("d".utf8), kind: .blockDevice)
        (device.major, device.minor) = (4095, 1_048_575)
        #expect(try read(device) == device)
        var file = TarEntry(name: Array("f".utf8), kind: .regular)
        file.size = 9 << 30
        let header = file.header
        let size = try PaxRecords(Array(header[512..<(512 + 19)]))
        var again = TarEntry(name: [], kind: .regular)
        try size.apply(to: &again)
        #expect(again.storedSize == 9 << 30 && header.count == 1536)
    }

    @Test("times in decimals", arguments: [(0, 0, "0"), (5, 1, "5.000000001"), (-1, 750_000_000, "-0.25"), (-2, 0, "-2"), (3, 500_000_000, "3.5")])
    func decimals(seconds: Int64, nanoseconds: Int64, text: String) { #expect(TimeStamp(seconds: seconds, nanoseconds: nanoseconds).decimalText == text) }
}

@Suite("what is packed is unpacked again")
struct EncoderTests {
    private func packed(_ bytes: [UInt8], _ compression: LayerCompression, pieces: Int) throws -> (bytes: [UInt8], written: PackedWriter.Written) {
        let directory = FileManager.default.temporaryDirectory
        let staged = try StagedFile(in: try FileDescriptor.open(Path(directory.path), [.readOnly, .directory]))
        let writer = try PackedWriter(staged, compression: compression, name: "test")
        for start in stride(from: 0, to: bytes.count, by: pieces) { try writer.put(bytes, start..<min(bytes.count, start + pieces)) }
        let written = try writer.finish()
        return (try staged.file.read(atMost: 1 << 24, at: 0), written)
    }

    @Test("in pieces of any size, with both digests", arguments: [LayerCompression.none, .gzip, .zstd], [1000, 300_000, 5_000_000])
    func roundTrip(compression: LayerCompression, pieces: Int) throws {
        var bytes: [UInt8] = []
        for number in 0..<700_000 { bytes.append(UInt8(truncatingIfNeeded: number &* number / 1000)) }
        let (packed, written) = try packed(bytes, compression, pieces: pieces)
        #expect(written.size == packed.count && written.digest == ContentHash.digest(of: packed, .sha256) && written.diffID == ContentHash.digest(of: bytes, .sha256))
        let stream = try layerStream(packed, compression: compression, digest: written.digest, diffID: written.diffID)
        var found: [UInt8] = []
        while try stream.fill() {
            found += stream.buffer[stream.position..<stream.end]
            stream.position = stream.end
        }
        try stream.finish()
        #expect(found == bytes)
        #expect(try self.packed(bytes, compression, pieces: 77_777).bytes == packed)
    }

    @Test("nothing at all", arguments: [LayerCompression.none, .gzip, .zstd])
    func empty(compression: LayerCompression) throws {
        let (packed, written) = try packed([], compression, pieces: 1)
        #expect(written.diffID == ContentHash.digest(of: [], .sha256))
        try layerStream(packed, compression: compression, digest: written.digest, diffID: written.diffID).finish()
    }
}

@Suite("documents of a new image")
struct ChangedDocumentTests {
    @Test("a tag's name is replaced in the index, what else is there stays")
    func index() throws {
        let old = #"{"schemaVersion":2,"x":[1.50],"manifests":[{"digest":"a","annotations":{"org.opencontainers.image.ref.name":"t"}},{"digest":"b","size":3}]}"#
        #expect(try indexText(Array(old.utf8), tag: "t", descriptor: #"{"digest":"c"}"#) == #"{"schemaVersion":2,"x":[1.50],"manifests":[{"digest":"b","size":3},{"digest":"c"}]}"#)
        #expect(try indexText(nil, tag: "t", descriptor: "{}") == #"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{}]}"#)
    }

    @Test("docker's media types become those of the specification, annotations stay")
    func manifest() throws {
        let old = Array(#"{"layers":[{"mediaType":"application/vnd.docker.image.rootfs.diff.tar.gzip","digest":"d","size":1,"annotations":{"a":"b"}}],"annotations":{"k":"v"}}"#.utf8)
        let layers = try layerTexts(old)
        #expect(layers == [#"{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"d","size":1,"annotations":{"a":"b"}}"#])
        #expect(try manifestText(old, config: "{}", layers: layers).hasSuffix(#","annotations":{"k":"v"}}"#))
    }

    @Test("an image without configuration, history or layers gets them")
    func config() throws {
        let text = try ConfigChanges().applied(to: Array(#"{"os":"linux","rootfs":{"type":"layers"}}"#.utf8), layer: Digest(.sha256, encoded: "ab"), created: "now")
        #expect(text == #"{"os":"linux","rootfs":{"type":"layers","diff_ids":["sha256:ab"]},"created":"now","config":{},"history":[{"created":"now","created_by":"calque repack"}]}"#)
    }

    @Test("where a new image goes", arguments: [
        ("a", "a", "latest"), ("a:t", "a", "t"), ("there:x:t", "there:x", "t"), ("there", "there", "latest"), ("there:x", "there:x", "latest"), ("n:e:t/u", "n:e", "t/u"),
    ])
    func names(text: String, path: String, tag: String) throws {
        let name = try ImageTargetName(text) { $0 == "there" || $0 == "there:x" }
        #expect(name.path == Path(path) && name.tag == tag)
    }

    @Test("what is no tag", arguments: ["a:", "a:-x", "a:x-", "a:x..y", "a:x y", "a:x/", "-:t"])
    func wrongTags(text: String) { #expect(throws: OperationError.self) { try ImageTargetName(text) { _ in false } } }

    @Test("two hyphens are a separator") func hyphens() throws { #expect(try ImageTargetName("a:x--y", exists: { _ in false }).tag == "x--y") }
}
