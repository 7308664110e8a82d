import Diagnostics
import Foundation
import OCISpec
import Testing

@testable import ImageUnpack

/// `bytes` packed by a program that is not ours.
func packed(_ bytes: [UInt8], with program: String) throws -> [UInt8] {
    let process = Foundation.Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = [program, "-c"]
    let (input, output) = (Pipe(), Pipe())
    (process.standardInput, process.standardOutput) = (input, output)
    try process.run()
    input.fileHandleForWriting.write(Data(bytes))
    try input.fileHandleForWriting.close()
    let result = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return [UInt8](result)
}

private func unpacked(_ bytes: [UInt8], _ compression: LayerCompression, digest: Digest? = nil, diffID: Digest? = nil) throws -> [UInt8] {
    let stream = try layerStream(bytes, compression: compression, digest: digest, diffID: diffID)
    var result: [UInt8] = []
    while try stream.fill() {
        result += stream.buffer[stream.position..<stream.end]
        stream.position = stream.end
    }
    try stream.finish()
    return result
}

@Suite("a layer's bytes are unpacked and hashed on both sides")
struct CodecTests {
    let text: [UInt8] = (0..<700_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }

    @Test("sha256 and sha512 are those of the standard")
    func hashes() {
        #expect(ContentHash.digest(of: Array("abc".utf8), .sha256).text == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(ContentHash.digest(of: [], .sha256).encoded.hasPrefix("e3b0c44298fc1c14"))
        #expect(ContentHash.digest(of: Array("abc".utf8), .sha512).encoded.hasPrefix("ddaf35a193617abacc417349ae204131"))
    }

    @Test("plain, gzip and several gzip members in a row")
    func gzip() throws {
        let packed = try packed(text, with: "gzip")
        #expect(try unpacked(text, .none) == text)
        #expect(try unpacked(packed, .gzip) == text)
        #expect(try unpacked(packed + packed, .gzip) == text + text)
    }

    @Test("layers that unpack to more than 200 times their sizes have one allowance; one that is given up gives back")
    func allowance() throws {
        let packed = try packed([UInt8](repeating: 0, count: 4 << 20), with: "gzip")
        #expect(packed.count * 600 < 4 << 20)
        let allowance = UnpackAllowance(bytes: 7 << 20)
        func read(to end: Bool) throws {
            let stream = try layerStream(packed, compression: .gzip)
            stream.allowance = allowance
            while try stream.fill() { stream.position = stream.end }
            if end { try stream.finish() }
        }
        for _ in 0..<3 { try read(to: false) }
        for _ in 0..<2 { try read(to: true) }
        let error = #expect(throws: OperationError.self) { try read(to: true) }
        #expect(error?.description.contains("more than 200 times its size") == true)
    }

    @Test("what is truncated, damaged or followed by something is refused", arguments: ["truncated", "damaged", "followed", "empty"])
    func brokenGzip(fault: String) throws {
        var packed = try packed(text, with: "gzip")
        switch fault {
        case "truncated": packed.removeLast(20)
        case "damaged": packed[packed.count / 2] ^= 0xFF
        case "followed": packed += [1, 2, 3]
        default: packed = []
        }
        #expect(throws: OperationError.self) { try unpacked(packed, .gzip) }
    }

    @Test("zstd, several frames in a row, and skippable ones as zstd:chunked has them")
    func zstd() throws {
        // 300 bytes of "hello ", packed by libzstd's own one-call function
        let frame: [UInt8] = [40, 181, 47, 253, 96, 44, 0, 109, 0, 0, 48, 104, 101, 108, 108, 111, 32, 1, 0, 35, 81, 75, 17]
        let skippable: [UInt8] = [0x50, 0x2A, 0x4D, 0x18, 2, 0, 0, 0, 9, 9]
        let text = Array(String(repeating: "hello ", count: 50).utf8)
        #expect(try unpacked(frame, .zstd) == text)
        #expect(try unpacked(frame + skippable + frame, .zstd) == text + text)
        #expect(throws: OperationError.self) { try unpacked(Array(frame.dropLast()), .zstd) }
        #expect(throws: OperationError.self) { try unpacked(frame + [1, 2, 3, 4, 5], .zstd) }
    }

    @Test("both digests are compared, and the error says what was expected and what was found")
    func digests() throws {
        let packed = try packed(text, with: "gzip")
        let (digest, diffID) = (ContentHash.digest(of: packed, .sha256), ContentHash.digest(of: text, .sha256))
        #expect(try unpacked(packed, .gzip, digest: digest, diffID: diffID) == text)
        let other = ContentHash.digest(of: [], .sha256)
        let blob = #expect(throws: OperationError.self) { try unpacked(packed, .gzip, digest: other) }
        #expect(blob?.description == "unpack \"layer test\": the blob does not have its digest: expected \(other.text), found \(digest.text)")
        let layer = #expect(throws: OperationError.self) { try unpacked(packed, .gzip, diffID: other) }
        #expect(layer?.description.contains("expected \(other.text), found \(diffID.text)") == true)
    }
}
