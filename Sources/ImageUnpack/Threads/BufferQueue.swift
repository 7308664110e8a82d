import Diagnostics

/// A full buffer on its way from the thread that unpacks to the one that writes, and on to the one that hashes.
struct FilledBuffer {
    var bytes: [UInt8]
    var count: Int
    /// Bytes of the blob that were read until then.
    var consumed: Int64
}

/// A bounded queue of buffers between one producer and one consumer; the buffers go round. On the way back a third thread may look at what
/// the consumer has done with.
///
/// The bound is what keeps memory constant: a producer that is ahead waits.
final class BufferQueue: @unchecked Sendable {
    private let monitor = Monitor()
    private var filled: [FilledBuffer] = []
    private var used: [FilledBuffer] = []
    private var empty: [[UInt8]] = []
    private var made = 0
    private var isFinished = false
    private var isUsedUp = false
    private var isCancelled = false
    private var failure: OperationError?

    /// Bytes of a buffer.
    private let size: Int
    /// Buffers.
    private let limit: Int

    init(size: Int, limit: Int) { (self.size, self.limit) = (size, limit) }

    /// For the producer: a buffer to fill. Nil when nobody wants any more.
    func emptyBuffer() -> [UInt8]? {
        monitor.locked {
            while !isCancelled && empty.isEmpty && made == limit { monitor.wait() }
            if isCancelled { return nil }
            if let buffer = empty.popLast() { return buffer }
            made += 1
            return [UInt8](repeating: 0, count: size)
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

    /// For the consumer: the next buffer; nil at the end.
    /// - Throws: what ended the producer.
    func next() throws(OperationError) -> FilledBuffer? {
        let next: FilledBuffer? = monitor.locked {
            while filled.isEmpty && !isFinished { monitor.wait() }
            return filled.isEmpty ? nil : filled.removeFirst()
        }
        if next == nil, let failure { throw failure }
        return next
    }

    /// Nobody needs `buffer` any more: it can be filled again. It is taken out of the variable, for whoever fills what somebody else
    /// still holds fills a copy.
    func giveBack(_ buffer: inout [UInt8]) {
        monitor.locked {
            empty.append([])
            swap(&empty[empty.count - 1], &buffer)
            monitor.wakeAll()
        }
    }

    /// For the consumer: it is done with `buffer`, which goes to the third thread.
    func pass(_ buffer: consuming FilledBuffer) {
        let buffer = buffer
        monitor.locked {
            used.append(buffer)
            monitor.wakeAll()
        }
    }

    /// For the consumer: it passes no more.
    func endPassing() {
        monitor.locked {
            isUsedUp = true
            monitor.wakeAll()
        }
    }

    /// For the third thread: what the consumer has passed, in that order; nil at the end.
    func passed() -> FilledBuffer? {
        monitor.locked {
            while used.isEmpty && !isUsedUp && !isCancelled { monitor.wait() }
            return used.isEmpty || isCancelled ? nil : used.removeFirst()
        }
    }

    /// For the consumer: it wants no more.
    func cancel() {
        monitor.locked {
            isCancelled = true
            monitor.wakeAll()
        }
    }
}
