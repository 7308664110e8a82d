// The packed bytes of a layer, piece by piece, on their way to the decoder. Decoding takes the longest of all that is done with a layer, and one
// thread has to do it: the reading and hashing of what it needs is done by another one, ahead of it.
import Diagnostics
import Kernel
import OCISpec

/// Reads a blob and hashes it. Used by one thread at a time.
private final class BlobPieces: @unchecked Sendable {
    private let blob: BlobFile
    private let hash: ContentHash?
    /// Bytes that were read.
    private(set) var done: Int64 = 0

    init(_ blob: consuming BlobFile, hashing algorithm: DigestAlgorithm?) {
        self.blob = blob
        hash = algorithm.map { ContentHash($0) }
    }

    /// - Returns: how many bytes there are in `buffer`; 0 at the end.
    func read(into buffer: inout [UInt8]) throws(OperationError) -> Int {
        let wanted = Int(min(Int64(buffer.count), blob.size - done))
        if wanted == 0 { return 0 }
        let count: Int
        do throws(Errno) {
            count = try blob.file.read(into: &buffer, atMost: wanted, at: blob.offset + done)
        } catch {
            throw OperationError("read", blob.name, .errno(error))
        }
        if count == 0 {
            throw OperationError("unpack", "layer " + blob.name, .invalid("the file is truncated: \(done) of \(blob.size) bytes are there"))
        }
        hash?.update(buffer, 0..<count)
        done += Int64(count)
        return count
    }

    /// A thread's work.
    func run(_ queue: BufferQueue) {
        do throws(OperationError) {
            while var buffer = queue.emptyBuffer() {
                let count = try read(into: &buffer)
                if count == 0 { break }
                queue.put(FilledBuffer(bytes: buffer, count: count, consumed: done))
            }
            queue.finish(nil)
        } catch {
            queue.finish(error)
        }
    }

    /// To be asked for once.
    func digest() -> Digest? { hash?.finish() }
}

/// The pieces of a blob for the thread that decodes it.
final class BlobReader {
    private let pieces: BlobPieces
    /// Where the pieces come from when a thread reads ahead.
    private var queue: BufferQueue?
    private var worker: Worker?
    private(set) var piece = FilledBuffer(bytes: [], count: 0, consumed: 0)

    private static var pieceSize: Int { 256 * 1024 }
    /// Pieces that are read ahead: 2 MiB for a layer.
    private static var limit: Int { 8 }
    /// A smaller blob is not worth a thread.
    private static var leastSize: Int64 { 4 << 20 }

    /// - Parameter algorithm: what to hash with; nil: nobody asks for a digest.
    init(_ blob: consuming BlobFile, hashing algorithm: DigestAlgorithm?) throws(OperationError) {
        let isLarge = blob.size >= Self.leastSize
        let pieces = BlobPieces(blob, hashing: algorithm)
        self.pieces = pieces
        if isLarge && Worker.processors > 1 {
            let queue = BufferQueue(size: Self.pieceSize, limit: Self.limit)
            self.queue = queue
            worker = try Worker { pieces.run(queue) }
        } else {
            piece.bytes = [UInt8](repeating: 0, count: Self.pieceSize)
        }
    }

    deinit {
        queue?.cancel()
        worker.take()?.join()
    }

    /// Gets the next piece; an empty one at the end.
    func next() throws(OperationError) {
        if let queue {
            if !piece.bytes.isEmpty { queue.giveBack(&piece.bytes) }
            piece = try queue.next() ?? FilledBuffer(bytes: [], count: 0, consumed: piece.consumed)
        } else {
            piece.count = try pieces.read(into: &piece.bytes)
            piece.consumed = pieces.done
        }
    }

    /// Of the whole blob, for which every piece must have been got. To be asked for once.
    func digest() -> Digest? {
        worker.take()?.join()
        return pieces.digest()
    }
}
