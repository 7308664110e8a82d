import Diagnostics
import Kernel
import OCISpec
import UntrustedTree

/// Gives the files of a tree into the kernel's care, a few at a time: it waits for the disk with each.
final class VerityRecorder: @unchecked Sendable {
    private final class OpenFile {
        let handle: FileDescriptor
        let status: FileStatus
        var digest: Digest?
        init(_ handle: consuming FileDescriptor, _ status: FileStatus) {
            self.status = status
            self.handle = handle
        }
    }

    private enum Source {
        case file(OpenFile)
        case known(Digest)
    }

    /// When a file's content was changed; nil: as it says itself.
    private let time: (InRootPath) -> TimeStamp?
    /// Called between files, to look up from the work; what it throws ends it.
    private let pause: () throws(OperationError) -> Void
    private let put: (InRootPath, Digest) throws(OperationError) -> Void
    private var batch: [(path: InRootPath, source: Source)] = []
    /// Of files with several names, by inode.
    private var known: [UInt64: Digest] = [:]

    // what the threads share
    private let monitor = Monitor()
    private var next = 0
    private var failure: OperationError?

    /// Open files, at most.
    private static var batchSize: Int { 128 }
    /// More were slower on two processors (spec-notes/decisions/0021).
    private static var threads: Int { 4 }

    /// - Parameter put: told of each file, in the order of a record.
    init(
        time: @escaping (InRootPath) -> TimeStamp?, pause: @escaping () throws(OperationError) -> Void,
        _ put: @escaping (InRootPath, Digest) throws(OperationError) -> Void
    ) {
        (self.time, self.pause, self.put) = (time, pause, put)
    }

    /// Protects everything below `root`.
    /// - Throws: the first error; files that were protected until then stay so, which does no harm.
    func record(_ root: OpenParent) throws(OperationError) {
        try walk(root)
        try finishBatch()
    }

    private func walk(_ directory: OpenParent) throws(OperationError) {
        let names: [[UInt8]]
        do throws(Errno) { names = try directory.sortedNames() } catch { throw OperationError("read", directory.path.text, .errno(error)) }
        for name in names {
            guard let path = directory.path.appending(name), let leaf = Path(bytes: name) else { continue }  // a directory entry is one plain name
            let status: FileStatus
            do throws(Errno) {
                status = try directory.handle.status(of: leaf)
                if VerityRecord.isWorthwhile(status) { try add(path, leaf, status, in: directory.handle) }
            } catch {
                throw Self.failed(path, error)
            }
            if batch.count >= Self.batchSize { try finishBatch() }
            if status.kind != .directory { continue }
            let child: OpenParent
            do throws(Errno) { child = try OpenParent(path, try directory.handle.open(leaf, [.readOnly, .directory, .noFollow])) } catch { throw Self.failed(path, error) }
            try walk(child)
        }
    }

    private func add(_ path: InRootPath, _ name: Path, _ status: FileStatus, in directory: borrowing FileDescriptor) throws(Errno) {
        if status.links > 1, let digest = known[status.inode] { return batch.append((path, .known(digest))) }
        let file = try directory.open(name, [.readOnly, .noFollow, .nonBlocking])
        if status.links == 1 { return batch.append((path, .file(OpenFile(file, status)))) }
        // at once: two threads must not have one file
        let digest = try protect(file, path, status)
        known[status.inode] = digest
        batch.append((path, .known(digest)))
    }

    private func finishBatch() throws(OperationError) {
        next = 0
        work(threads: min(Self.threads, batch.count))
        if let failure { throw failure }
        for entry in batch {
            switch entry.source {
            case .known(let digest): try put(entry.path, digest)
            case .file(let file): if let digest = file.digest { try put(entry.path, digest) }  // without a failure, each has one
            }
        }
        batch.removeAll(keepingCapacity: true)
        try pause()
    }

    /// Works with `threads` threads, this one among them; with fewer where the host has no more.
    private func work(threads: Int) {
        if threads <= 1 { return work() }
        let other: Worker
        do throws(OperationError) { other = try Worker { self.work() } } catch { return work() }
        work(threads: threads - 1)
        other.join()
    }

    private func work() {
        while let (path, file) = monitor.locked({ takeNext() }) {
            do throws(Errno) { file.digest = try protect(file.handle, path, file.status) } catch {
                let failed = Self.failed(path, error)
                monitor.locked { failure = failure ?? failed }
            }
        }
    }

    private func takeNext() -> (InRootPath, OpenFile)? {
        while failure == nil && next < batch.count {
            let entry = batch[next]
            next += 1
            if case .file(let file) = entry.source { return (entry.path, file) }
        }
        return nil
    }

    private func protect(_ file: borrowing FileDescriptor, _ path: InRootPath, _ status: FileStatus) throws(Errno) -> Digest {
        var refusal: Errno?
        do throws(Errno) { try file.enableVerity() } catch { refusal = error == .exists ? nil : error }
        // for ext4 the hashes, which it keeps behind the end, are a change of the content, even when they are taken away again
        let modified = time(path) ?? status.modified
        if try file.status().modified != modified { try file.setTimes(accessed: status.accessed, modified: modified) }
        if let refusal { throw refusal }
        return Digest(.sha256, bytes: try file.measureVerity())
    }

    private static func failed(_ path: InRootPath, _ error: Errno) -> OperationError {
        OperationError("protect", path.text, .errno(error), hint: error == .notPermitted ? "with the sysctl fs.verity.require_signatures, only files that somebody has signed can be" : nil)
    }
}
