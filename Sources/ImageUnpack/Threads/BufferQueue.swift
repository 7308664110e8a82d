import Diagnostics

/// A full buffer on its way from the thread that unpacks to the one that writes.
struct FilledBuffer {
    var bytes: [UInt8]
    var count: Int
    /// Bytes of the blob that were read until then.
    var consumed: Int64
}

/// A bounded queue of buffers between one producer and one consumer; the buffers go round.
///
/// The bound is what keeps memory constant: a producer that is ahead waits.
final class BufferQueue: @unchecked Sendable {
    private let monitor = Monitor()
    private var filled: [FilledBuffer] = []
    private var empty: [[UInt8]] = []
    private var made = 0
    private var isFinished = false
    private var isCancelled = false
    private var failure: OperationError?

    /// Bytes of a buffer: 512 KiB are few system calls and still lie in the cache of a core.
    static var size: Int { 512 * 1024 }
    /// Buffers: 6 MiB for a layer.
    static var limit: Int { 12 }

    /// For the producer: a buffer to fill. Nil when nobody wants any more.
    func emptyBuffer() -> [UInt8]? {
        monitor.locked {
            while !isCancelled && empty.isEmpty && made == Self.limit { monitor.wait() }
            if isCancelled { return nil }
            if let buffer = empty.popLast() { return buffer }
            made += 1
            return [UInt8](repeating: 0, count: Self.size)
        }
    }

    func put(_ buffer: consuming FilledBuffer) {
        let buffer = buffer
        monitor.locked {
            filled.append(buffer)
            monitor.wakeAll()
        }
    }

    /// For the producer: nothing more comes, because of `failure` or because it is all.
    func finish(_ failure: OperationError?) {
        monitor.locked {
            self.failure = failure
            isFinished = true
            monitor.wakeAll()
        }
    }

    /// For the consumer: gives `buffer` back and takes the next one; nil at the end.
    /// - Throws: what ended the producer.
    func exchange(_ buffer: consuming [UInt8]) throws(OperationError) -> FilledBuffer? {
        let old = buffer
        let next: FilledBuffer? = monitor.locked {
            if !old.isEmpty {
                empty.append(old)
                monitor.wakeAll()
            }
            while filled.isEmpty && !isFinished { monitor.wait() }
            return filled.isEmpty ? nil : filled.removeFirst()
        }
        if next == nil, let failure { throw failure }
        return next
    }

    /// For the consumer: it wants no more.
    func cancel() {
        monitor.locked {
            isCancelled = true
            monitor.wakeAll()
        }
    }
}
