// A layer's bytes, from the blob to the reader of the archive.
//
// One thread unpacks, and for a large layer another one reads and hashes before it (BlobReader.swift); the reader's thread writes what came
// out; one more hashes it, behind the reader. Buffers go round between them (Threads/BufferQueue.swift).
package import Diagnostics
import Kernel
package import OCISpec

/// The unpacked bytes of a layer, hashed on both sides of the decoder.
///
/// A reader takes bytes from `buffer[position..<end]`, moves `position`, and calls `fill` when nothing is left. A class:
/// readers share its buffer instead of copying it.
package final class LayerStream {
    package private(set) var buffer: [UInt8] = []
    package var position = 0
    package private(set) var end = 0

    private let name: String
    private let queue: BufferQueue
    private var worker: Worker?
    private let diffID: Digest?
    private let hasher: LayerHasher?
    /// For layers of more than one buffer: a small one is hashed where it is read.
    private var hashing: Worker?
    /// Bytes that came out.
    private var unpacked: Int64 = 0
    /// Bytes of the blob that were read for `buffer`.
    private var consumed: Int64 = 0
    /// What a layer that grows without measure may take; nil when nothing is kept of what comes out.
    package var allowance: UnpackAllowance?
    /// Bytes of the allowance that this layer has taken.
    private var taken: Int64 = 0
    private var isFinished = false
    /// Told how many bytes of the blob were read, after each piece; what it throws ends the reading.
    package var report: ((Int64) throws(OperationError) -> Void)?

    /// Bytes: few system calls, and they still lie in the cache of a core.
    private static var bufferSize: Int { 512 * 1024 }
    /// Buffers: 6 MiB for a layer.
    private static var bufferLimit: Int { 12 }

    /// Begins to read at once, on a thread of its own, and stops when the queue is full.
    ///
    /// - Parameters:
    ///   - digest: what the blob must have; nil for a docker-archive, which names none.
    ///   - diffID: what the unpacked layer must have.
    package init(_ blob: consuming BlobFile, compression: LayerCompression, digest: Digest?, diffID: Digest?) throws(OperationError) {
        name = blob.name
        self.diffID = diffID
        // what is not compressed has one digest, which the producer compares
        let isSame = compression == .none && digest != nil && digest == diffID
        let queue = BufferQueue(size: Self.bufferSize, limit: Self.bufferLimit)
        self.queue = queue
        hasher = isSame ? nil : diffID.map { LayerHasher($0.algorithm, queue) }
        let producer = try LayerProducer(blob, compression: compression, digest: digest, queue: queue)
        worker = try Worker { producer.run() }
    }

    deinit {
        // what came out of it so far is removed
        if !isFinished { _ = allowance?.take(-taken) }
        queue.cancel()
        worker.take()?.join()
        hashing.take()?.join()
    }

    /// Gets more bytes when all were taken. False at the end.
    /// - Throws: what is wrong with the blob, at the place where it is.
    package func fill() throws(OperationError) -> Bool {
        if position < end { return true }
        try letGo()
        guard let next = try queue.next() else { return false }
        (buffer, end, consumed) = (next.bytes, next.count, next.consumed)
        unpacked += Int64(end)
        if let allowance { try take(of: allowance) }
        if let report { try report(consumed) }
        return true
    }

    private func take(of allowance: UnpackAllowance) throws(OperationError) {
        let needed = max(0, unpacked - UnpackAllowance.usual(consumed))
        if needed == taken { return }
        let isThere = allowance.take(needed - taken)
        taken = needed
        if isThere { return }
        throw OperationError(
            "unpack", "layer " + name, .invalid("it unpacks to more than 200 times its size: at most 1 GiB of an image may"),
            hint: "--no-size-limit if the image is to be trusted")
    }

    /// Sends the buffer on, which was read to its end.
    private func letGo() throws(OperationError) {
        if buffer.isEmpty { return }
        let isFirst = unpacked == Int64(end)
        var old = FilledBuffer(bytes: [], count: end, consumed: consumed)
        swap(&old.bytes, &buffer)
        (position, end) = (0, 0)
        guard let hasher else { return queue.giveBack(&old.bytes) }
        if isFirst { return hasher.hash(&old) }
        if hashing == nil { hashing = try Worker { hasher.run() } }
        queue.pass(old)
    }

    /// What explains `error`, which was met in the content: that the layer does not have its digests, if that is so, and else `error`. What is
    /// left of the layer is read for that.
    func explanation(of error: OperationError) -> OperationError {
        guard case .invalid = error.cause else { return error }
        do throws(OperationError) { try finish() } catch { return error }
        return error
    }

    /// Reads what is left, which is hashed but not looked at, and compares both digests.
    package func finish() throws(OperationError) {
        position = end
        while try fill() { position = end }
        queue.endPassing()
        hashing.take()?.join()
        isFinished = true
        if let diffID, let found = hasher?.digest, found != diffID {
            throw OperationError(
                "unpack", "layer " + name,
                .invalid("the unpacked layer does not have the diff id of the image's configuration: expected \(diffID.text), found \(found.text)"))
        }
    }
}

/// Hashes what was read, in the order in which it came, and gives the buffers back.
private final class LayerHasher: @unchecked Sendable {
    private let queue: BufferQueue
    private let content: ContentHash

    init(_ algorithm: DigestAlgorithm, _ queue: BufferQueue) {
        content = ContentHash(algorithm)
        self.queue = queue
    }

    func hash(_ buffer: inout FilledBuffer) {
        content.update(buffer.bytes, 0..<buffer.count)
        queue.giveBack(&buffer.bytes)
    }

    /// The thread's work, until nothing more is passed.
    func run() {
        while var buffer = queue.passed() { hash(&buffer) }
    }

    /// Of all that was hashed. To be asked for once, when the thread has ended.
    var digest: Digest { content.finish() }
}

/// The thread behind a `LayerStream`: unpacks the blob into the queue and compares its digest.
private final class LayerProducer: @unchecked Sendable {
    private let name: String
    private let blob: BlobReader
    private let decoder: Decoder
    private let digest: Digest?
    private let queue: BufferQueue
    /// What is left of the blob's piece at hand.
    private var unread = 0..<0

    init(_ blob: consuming BlobFile, compression: LayerCompression, digest: Digest?, queue: BufferQueue) throws(OperationError) {
        let name = blob.name
        do throws(DecodeFault) {
            decoder = try Decoder(compression)
        } catch {
            throw OperationError("unpack", "layer " + name, .invalid(error.why))
        }
        self.blob = try BlobReader(blob, hashing: digest?.algorithm)
        (self.name, self.digest, self.queue) = (name, digest, queue)
    }

    private func corrupt(_ why: String) -> OperationError { OperationError("unpack", "layer " + name, .invalid(why)) }

    func run() {
        do throws(OperationError) {
            try produce()
            queue.finish(nil)
        } catch {
            queue.finish(error)
        }
    }

    private func produce() throws(OperationError) {
        var isAtEnd = false
        while !isAtEnd {
            guard var buffer = queue.emptyBuffer() else { return }
            var count = 0
            while count < buffer.count {
                if try !decode(into: &buffer, &count) {
                    isAtEnd = true
                    break
                }
            }
            queue.put(FilledBuffer(bytes: buffer, count: count, consumed: blob.piece.consumed))
        }
        try compareDigest()
    }

    private func compareDigest() throws(OperationError) {
        if let digest, let found = blob.digest(), found != digest {
            throw corrupt("the blob does not have its digest: expected \(digest.text), found \(found.text)")
        }
    }

    /// What explains that the data cannot be unpacked: that the blob does not have its digest, if that is so. What is left of it is read for that.
    private func explanation(of why: String) throws(OperationError) -> OperationError {
        repeat { try blob.next() } while blob.piece.count > 0
        try compareDigest()
        return corrupt(why)
    }

    /// Adds some bytes to `buffer`. False at the end of the blob.
    private func decode(into buffer: inout [UInt8], _ count: inout Int) throws(OperationError) -> Bool {
        if unread.isEmpty {
            try blob.next()
            unread = 0..<blob.piece.count
        }
        let part: DecodedPart
        do throws(DecodeFault) {
            part = try decoder.decode(blob.piece.bytes, unread, into: &buffer, at: count)
        } catch {
            throw try explanation(of: error.why)
        }
        if part.used == 0 && part.made == 0 {
            if !unread.isEmpty { throw try explanation(of: "the compressed data does not advance") }
            if !decoder.isAtEnd { throw try explanation(of: "the compressed data ends in the middle") }
            return false
        }
        unread = (unread.lowerBound + part.used)..<unread.upperBound
        count += part.made
        return true
    }
}
