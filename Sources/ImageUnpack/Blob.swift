package import Diagnostics
package import Kernel
package import OCISpec

/// A stretch of a file that holds one content: a whole file of a layout, or a part of an archive.
package struct BlobFile: ~Copyable {
    package let file: FileDescriptor
    /// Bytes from the file's beginning.
    package let offset: Int64
    /// Bytes.
    package let size: Int64
    /// What it is, for errors: a digest or the name in the archive.
    package let name: String

    package init(file: consuming FileDescriptor, offset: Int64, size: Int64, name: String) {
        self.file = file
        (self.offset, self.size, self.name) = (offset, size, name)
    }

    /// The whole content.
    /// - Throws: `.invalid` when there are more than `limit` bytes.
    package borrowing func readAll(limit: Int64) throws(OperationError) -> [UInt8] {
        if size > limit { throw OperationError("read", name, .invalid("\(size) bytes are too many: at most \(limit) are read")) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Int(size))
        do throws(Errno) {
            while bytes.count < Int(size) {
                let part = try file.read(atMost: Int(size) - bytes.count, at: offset + Int64(bytes.count))
                if part.isEmpty { break }
                bytes += part
            }
        } catch {
            throw OperationError("read", name, .errno(error))
        }
        if bytes.count < Int(size) { throw OperationError("read", name, .invalid("the file is truncated")) }
        return bytes
    }
}

/// The unpacked bytes of a layer, hashed on both sides of the decoder while they are read.
///
/// A reader takes bytes from `buffer[position..<end]`, moves `position`, and calls `fill` when nothing is left. A class:
/// readers share its buffer instead of copying it.
package final class LayerStream {
    package private(set) var buffer: [UInt8]
    package var position = 0
    package private(set) var end = 0

    private let blob: BlobFile
    private let decoder: Decoder
    private let packedHash: ContentHash?
    private let unpackedHash: ContentHash?
    private var input: [UInt8] = []
    private var inputPosition = 0
    /// Bytes of the blob that were read.
    package private(set) var consumed: Int64 = 0
    /// Told how many bytes of the blob were read, after each piece; what it throws ends the reading.
    package var report: ((Int64) throws(OperationError) -> Void)?

    private static var chunk: Int { 256 * 1024 }

    /// - Parameters:
    ///   - digest: what the blob must have; nil for a docker-archive, which names none.
    ///   - diffID: what the unpacked layer must have.
    package init(_ blob: consuming BlobFile, compression: LayerCompression, digest: Digest?, diffID: Digest?) throws(OperationError) {
        let name = blob.name
        do throws(DecodeFault) {
            decoder = try Decoder(compression)
        } catch {
            throw OperationError("unpack", name, .invalid(error.why))
        }
        self.blob = blob
        buffer = [UInt8](repeating: 0, count: Self.chunk)
        packedHash = digest.map { ContentHash($0.algorithm) }
        unpackedHash = diffID.map { ContentHash($0.algorithm) }
        (self.digest, self.diffID) = (digest, diffID)
    }
    private let digest: Digest?
    private let diffID: Digest?

    private func corrupt(_ why: String) -> OperationError { OperationError("unpack", "layer " + blob.name, .invalid(why)) }

    /// Gets more bytes when all were taken. False at the end.
    package func fill() throws(OperationError) -> Bool {
        if position < end { return true }
        while true {
            if inputPosition == input.count { try readInput() }
            let part: DecodedPart
            do throws(DecodeFault) {
                part = try decoder.decode(input, inputPosition..<input.count, into: &buffer)
            } catch {
                throw corrupt(error.why)
            }
            inputPosition += part.used
            if part.made > 0 {
                (position, end) = (0, part.made)
                unpackedHash?.update(buffer, 0..<part.made)
                return true
            }
            if part.used == 0 && inputPosition < input.count { throw corrupt("the compressed data does not advance") }
            if input.isEmpty {
                if !decoder.isAtEnd { throw corrupt("the compressed data ends in the middle") }
                return false
            }
        }
    }

    /// The next piece of the blob; empty at its end.
    private func readInput() throws(OperationError) {
        inputPosition = 0
        let count = min(Int64(Self.chunk), blob.size - consumed)
        do throws(Errno) {
            input = count == 0 ? [] : try blob.file.read(atMost: Int(count), at: blob.offset + consumed)
        } catch {
            throw OperationError("read", blob.name, .errno(error))
        }
        if count > 0 && input.isEmpty { throw corrupt("the file is truncated: \(consumed) of \(blob.size) bytes are there") }
        packedHash?.update(input, 0..<input.count)
        consumed += Int64(input.count)
        if !input.isEmpty, let report { try report(consumed) }
    }

    /// Reads what is left, which is hashed but not looked at, and compares both digests.
    package func finish() throws(OperationError) {
        position = end
        while try fill() { position = end }
        if let digest, let found = packedHash?.finish(), found != digest {
            throw corrupt("the blob does not have its digest: expected \(digest.text), found \(found.text)")
        }
        if let diffID, let found = unpackedHash?.finish(), found != diffID {
            throw corrupt("the unpacked layer does not have the diff id of the image's configuration: expected \(diffID.text), found \(found.text)")
        }
    }
}
