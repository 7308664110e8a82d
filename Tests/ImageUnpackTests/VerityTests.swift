import Diagnostics
import Foundation
import Kernel
import OCISpec
import Testing
import UntrustedTree

@testable import ImageUnpack

private let digest = Digest(.sha256, bytes: Array(0..<32))

@Suite("fs-verity")
struct VerityTests {
    @Test("a digest is written in hexadecimal") func hexadecimal() {
        #expect(digest.text == "sha256:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")
        #expect(Digest(.sha256, bytes: [UInt8](repeating: 0xFA, count: 32)).encoded == String(repeating: "fa", count: 32))
    }

    @Test("a line of the list is read as it was written", arguments: ["a", "etc/conf", "a b", "line\nfeed", "back\\slash\\n", " "])
    func lines(name: String) throws {
        let path = try #require(InRootPath(bytes: Array(name.utf8)))
        let line = VerityRecord.line(digest, path)
        #expect(line.last == 0x0A && line.count { $0 == 0x0A } == 1)
        let read = try #require(VerityRecord.parse(Array(line.dropLast())))
        #expect(read.path == path && read.digest == digest)
    }

    @Test("what is no line of the list", arguments: ["", "sha256:00 a", "a", "\(digest.text)", "\(digest.text) ", "\(digest.text) .", "\(digest.encoded) a", "sha512:\(digest.encoded)\(digest.encoded) a"])
    func wrongLines(text: String) { #expect(VerityRecord.parse(Array(text.utf8)) == nil) }

    @Test("what the store knows of a layer says whether it is protected") func about() throws {
        var layer = StoredLayer(key: LayerKey(text: "k"), link: 3, isRootListed: true, isRootOpaque: false, whiteoutDirectories: [])
        layer.record = digest
        #expect(StoredLayer(key: layer.key, about: Array(layer.about.utf8)) == layer && !layer.about.contains("verity"))
        layer.verity = Digest(.sha256, bytes: [UInt8](repeating: 1, count: 32))
        #expect(StoredLayer(key: layer.key, about: Array(layer.about.utf8)) == layer)
        let damaged = layer.about.replacing("verity sha256:01", with: "verity sha256:0")
        #expect(StoredLayer(key: layer.key, about: Array(damaged.utf8)) == nil)
    }

    @Test("a list is a file beside the tree, and has its digest or is refused") func file() throws {
        let tree = try Tree()
        let directory = try FileDescriptor.open(Path(tree.directory.path), [.readOnly, .directory])
        let path = try #require(InRootPath(bytes: Array("etc/conf".utf8)))
        for _ in 0..<2 {
            let written = try PackedLines.write(VerityRecord.fileName, in: directory, replaces: true) { (out) throws(OperationError) in try out.put(VerityRecord.line(digest, path)) }
            #expect(try VerityRecord.read(written, in: directory) == [path: digest])
            #expect(throws: OperationError.self) { try VerityRecord.read(digest, in: directory) }
        }
        let other = try PackedLines.write(VerityRecord.fileName, in: directory, replaces: true) { (out) throws(OperationError) in try out.put(Array("x\n".utf8)) }
        #expect(throws: OperationError("read", "verity", .invalid("a line is damaged"))) { try VerityRecord.read(other, in: directory) }
    }

    @Test("a file that was protected and is not is found; its content is read then") func lost() throws {
        let tree = try Tree()
        var builder = TarBuilder()
        for name in ["same", "other", "never"] { builder.add(name, text: name) }
        try tree.apply(builder)
        var recorded: [InRootPath: RecordedEntry] = [:]
        func root() throws -> OpenParent { try OpenParent(.root, try FileDescriptor.open(Path(tree.root.path), [.readOnly, .directory])) }
        var recorder = TreeRecorder { (path, entry) throws(OperationError) in recorded[path] = entry }
        try recorder.record(try root())
        func path(_ name: String) throws -> InRootPath { try #require(InRootPath(bytes: Array(name.utf8))) }
        recorded[try path("other")]?.content ^= 1
        let comparison = RecordComparison(recorded, [try path("same"): digest, try path("other"): digest], readsAll: false)
        try comparison.compare(try root())
        var result = Verification(kind: .layer, name: "")
        comparison.tell(&result)
        #expect(result.faults == [Verification.Fault(path: "/other", what: ["content", "fs-verity"]), Verification.Fault(path: "/same", what: ["fs-verity"])])
        #expect(result.entries == 4 && result.files == 3 && result.protectedFiles == 0)
    }

    @Test("a file without fs-verity has no digest of the kernel's") func measure() throws {
        let tree = try Tree()
        var builder = TarBuilder()
        builder.add("f", text: "x")
        try tree.apply(builder)
        let file = try FileDescriptor.open(Path(tree.root.appending(path: "f").path), [.readOnly])
        do throws(Errno) {
            _ = try file.measureVerity()
            Issue.record("it has one")
        } catch {
            #expect([Errno.noData, .notSupported, .notTerminal].contains(error))
        }
    }
}
