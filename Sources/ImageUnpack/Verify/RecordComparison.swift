import Diagnostics
import Kernel
import OCISpec
import UntrustedTree

/// Compares a layer's tree with what was recorded of it.
final class RecordComparison {
    private var recorded: [InRootPath: RecordedEntry]
    /// Of files that were in the kernel's care.
    private let digests: [InRootPath: Digest]
    private let readsAll: Bool
    private var found: [InRootPath: FoundDifference] = [:]
    /// What is not seen by comparing lines.
    private var more: [InRootPath: EntryDifference] = [:]
    private var (entries, files, protectedFiles) = (0, 0, 0)

    /// - Parameters:
    ///   - digests: nil for a layer that was never protected.
    ///   - readsAll: whether files are read of which the kernel says that they are the same.
    init(_ recorded: [InRootPath: RecordedEntry], _ digests: [InRootPath: Digest]?, readsAll: Bool) {
        (self.recorded, self.digests, self.readsAll) = (recorded, digests ?? [:], readsAll)
    }

    func compare(_ tree: OpenParent) throws(OperationError) {
        var recorder = TreeRecorder { (path, entry) throws(OperationError) in self.look(at: path, entry) }
        if !digests.isEmpty { recorder.trusted = { (path, file) throws(Errno) in try self.measure(path, file) } }
        recorder.unreadable = { path in self.more[path, default: []].insert(.unreadable) }
        try recorder.record(tree)
        for path in recorded.keys where recorded[path.parent] == nil || path.isRoot { found[path] = .missing }
    }

    func tell(_ result: inout Verification) {
        (result.entries, result.files, result.protectedFiles) = (entries, files, protectedFiles)
        result.add(found)
    }

    private func look(at path: InRootPath, _ entry: RecordedEntry) {
        entries += 1
        if entry.kind == .regular { files += 1 }
        guard let old = recorded.removeValue(forKey: path) else {
            found[path] = .added
            return
        }
        var difference = entry.difference(from: old)
        if difference != .kind { difference.formUnion(more[path] ?? []) }
        // nobody knows what it is
        if difference.contains(.unreadable) { difference.remove(.content) }
        if difference != [] { found[path] = .changed(difference) }
    }

    /// The checksum of a file whose digest is the one that was recorded.
    private func measure(_ path: InRootPath, _ file: borrowing FileDescriptor) throws(Errno) -> UInt32? {
        guard let wanted = digests[path], let old = recorded[path] else { return nil }
        do throws(Errno) {
            if Digest(.sha256, bytes: try file.measureVerity()) == wanted {
                protectedFiles += 1
                return readsAll ? nil : old.content
            }
        } catch where [.noData, .overflow, .notSupported, .notTerminal].contains(error) {}
        more[path, default: []].insert(.protection)
        return nil
    }
}
