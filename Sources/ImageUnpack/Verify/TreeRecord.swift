// What a layer of the store is made of, one line for each entry, beside its tree: the record is written when the layer is complete, and made
// again from the tree when somebody wants to know whether it still is.
//
//     KIND MODE UID:GID SECONDS.NANOSECONDS SIZE-OR-DEVICE CONTENT ATTRIBUTES PATH
//
// CONTENT is a checksum of a file's content or of a link's target, ATTRIBUTES one of the extended attributes. The record's own digest is in
// the layer's `about`. See spec-notes/decisions/0018.
import Diagnostics
import Kernel
import OCISpec
import UntrustedTree

/// One line of a record.
struct RecordedEntry: Equatable {
    var kind: FileKind
    var permissions: UInt32
    var uid: UInt32
    var gid: UInt32
    var modified: TimeStamp
    /// Bytes of a file; the numbers of a device.
    var size: Int64
    var content: UInt32
    var attributes: UInt32

    private static var letters: [(FileKind, String)] {
        [(.regular, "f"), (.directory, "d"), (.symbolicLink, "l"), (.characterDevice, "c"), (.blockDevice, "b"), (.fifo, "p"), (.socket, "s"), (.unknown, "?")]
    }

    /// The line, without the path.
    var text: String {
        let letter = Self.letters.first { $0.0 == kind }?.1 ?? "?"
        return letter + " " + String(permissions, radix: 8) + " \(uid):\(gid) \(modified.seconds).\(modified.nanoseconds) \(size) "
            + String(content, radix: 16) + " " + String(attributes, radix: 16) + " "
    }

    /// Nil for what is no line of a record.
    init?(_ words: [Substring]) {
        guard words.count == 7, let kind = Self.letters.first(where: { $0.1 == words[0] })?.0, let permissions = UInt32(words[1], radix: 8),
            let size = Int64(words[4]), let content = UInt32(words[5], radix: 16), let attributes = UInt32(words[6], radix: 16)
        else { return nil }
        let (owners, times) = (words[2].split(separator: ":"), words[3].split(separator: "."))
        guard owners.count == 2, let uid = UInt32(owners[0]), let gid = UInt32(owners[1]) else { return nil }
        guard times.count == 2, let seconds = Int64(times[0]), let nanoseconds = Int64(times[1]) else { return nil }
        self.init(
            kind: kind, permissions: permissions, uid: uid, gid: gid, modified: TimeStamp(seconds: seconds, nanoseconds: nanoseconds), size: size, content: content,
            attributes: attributes)
    }

    init(kind: FileKind, permissions: UInt32, uid: UInt32, gid: UInt32, modified: TimeStamp, size: Int64, content: UInt32, attributes: UInt32) {
        (self.kind, self.permissions, self.uid, self.gid, self.modified) = (kind, permissions, uid, gid, modified)
        (self.size, self.content, self.attributes) = (size, content, attributes)
    }

    func difference(from old: RecordedEntry) -> EntryDifference {
        if kind != old.kind { return .kind }
        var difference: EntryDifference = []
        if permissions != old.permissions { difference.insert(.permissions) }
        if uid != old.uid || gid != old.gid { difference.insert(.owner) }
        if modified != old.modified { difference.insert(.time) }
        if attributes != old.attributes { difference.insert(.attributes) }
        if size != old.size || content != old.content {
            difference.insert(kind == .symbolicLink ? .target : kind == .regular ? .content : .device)
        }
        return difference
    }
}

/// A record as text, packed in a file.
enum TreeRecord {
    static var fileName: Path { "record" }

    /// Writes the record of `tree` beside it.
    /// - Parameter known: checksums of files by inode.
    /// - Returns: the digest of the file.
    static func write(_ tree: OpenParent, known: [UInt64: Checksum], in layer: borrowing FileDescriptor) throws(OperationError) -> Digest {
        try PackedLines.write(fileName, in: layer) { (out) throws(OperationError) in
            var recorder = TreeRecorder(known: known) { (path, entry) throws(OperationError) in
                try out.put(Array(entry.text.utf8) + PackedLines.escapedBytes(path.archiveName) + [0x0A])
            }
            try recorder.record(tree)
        }
    }

    /// Reads the record in a layer's directory.
    /// - Throws: when it is not the one that `digest` names.
    static func read(_ digest: Digest, in layer: borrowing FileDescriptor) throws(OperationError) -> [InRootPath: RecordedEntry] {
        var entries: [InRootPath: RecordedEntry] = [:]
        try PackedLines.read(fileName, digest, in: layer) { line in
            let parts = line.split(separator: 0x20, maxSplits: 7, omittingEmptySubsequences: false)
            guard parts.count == 8, let entry = RecordedEntry(parts.prefix(7).map { Substring(decoding: $0, as: UTF8.self) }),
                let path = InRootPath(bytes: PackedLines.unescapedBytes(parts[7]))
            else { return false }
            entries[path] = entry
            return true
        }
        return entries
    }
}
