// A file that is packed and hashed while it is written, and the archive of a layer in it: the entries of a tree in the order of
// its changes. What differs is found in TreeDifference.swift, a header's bytes are made in TarWriter.swift.
//
// The same tree gives the same bytes: sorted, without names of users, without the times of today.
import Diagnostics
import Kernel
import OCISpec
import UntrustedTree

/// Writes a file piece by piece, packed, and knows both digests at the end.
final class PackedWriter {
    private let staged: StagedFile
    private let encoder: Encoder
    private let name: String
    private let unpackedHash = ContentHash(.sha256)
    private let packedHash = ContentHash(.sha256)
    private var pending: [UInt8] = []
    private var output = [UInt8](repeating: 0, count: 256 * 1024)
    private var packedSize: Int64 = 0

    private static var pieceSize: Int { 256 * 1024 }

    /// - Parameters:
    ///   - staged: written from where it stands.
    ///   - name: what it is, for errors.
    init(_ staged: StagedFile, compression: LayerCompression, name: String) throws(OperationError) {
        do throws(DecodeFault) { encoder = try Encoder(compression) } catch { throw OperationError("pack", name, .invalid(error.why)) }
        (self.staged, self.name) = (staged, name)
        pending.reserveCapacity(Self.pieceSize * 2)
    }

    func put(_ bytes: [UInt8]) throws(OperationError) { try put(bytes, 0..<bytes.count) }

    func put(_ bytes: [UInt8], _ range: Range<Int>) throws(OperationError) {
        if pending.isEmpty && range.count >= Self.pieceSize { return try pack(bytes, range, isLast: false) }
        pending += bytes[range]
        if pending.count < Self.pieceSize { return }
        try pack(pending, 0..<pending.count, isLast: false)
        pending.removeAll(keepingCapacity: true)
    }

    private func pack(_ bytes: [UInt8], _ range: Range<Int>, isLast: Bool) throws(OperationError) {
        unpackedHash.update(bytes, range)
        var rest = range
        while true {
            let part: EncodedPart
            do throws(DecodeFault) { part = try encoder.encode(bytes, rest, isLast: isLast, into: &output) } catch { throw OperationError("pack", name, .invalid(error.why)) }
            rest = (rest.lowerBound + part.used)..<rest.upperBound
            packedHash.update(output, 0..<part.made)
            packedSize += Int64(part.made)
            do throws(Errno) { try staged.file.write(output, 0..<part.made) } catch { throw OperationError("write", name, .errno(error)) }
            if rest.isEmpty && part.isComplete { return }
        }
    }

    /// What was written.
    struct Written {
        var digest: Digest
        var diffID: Digest
        /// Bytes, packed.
        var size: Int64
    }

    /// Writes what is left. To be called once.
    func finish() throws(OperationError) -> Written {
        try pack(pending, 0..<pending.count, isLast: true)
        return Written(digest: packedHash.finish(), diffID: unpackedHash.finish(), size: packedSize)
    }
}

/// Writes the archive of a layer: the changes of a tree, in the order in which they are given.
struct LayerWriter {
    private let tree: TreeView
    private let out: PackedWriter
    /// Times after this are cut, so that the same work on another day gives the same layer.
    private let latestSeconds: Int64?
    /// The directory of the last entry: most stand beside the one before.
    private var parent: OpenParent?
    /// The first name of files with several.
    private var names: [FileIdentity: InRootPath] = [:]
    private(set) var warnings: [String] = []
    private var buffer = [UInt8](repeating: 0, count: 256 * 1024)

    init(_ tree: TreeView, latestSeconds: Int64?, to out: PackedWriter) {
        (self.tree, self.latestSeconds, self.out) = (tree, latestSeconds, out)
    }

    /// Adds the changes; they are sorted.
    mutating func write(_ changes: [TreeChange]) throws(OperationError) {
        for change in changes {
            switch change {
            case .hide(let path): try hide(path)
            case .put(let path): try put(path)
            }
        }
        // two empty blocks are the end
        try out.put([UInt8](repeating: 0, count: 2 * TarHeader.size))
    }

    private func hide(_ path: InRootPath) throws(OperationError) {
        guard let name = path.lastComponent, let hidden = path.parent.appending(Array(".wh.".utf8) + name) else {
            throw OperationError("pack", path.text, .invalid("its name is too long to be hidden by a whiteout: 255 bytes with \".wh.\" in front are the most"))
        }
        try out.put(TarEntry(name: hidden.archiveName, kind: .regular, permissions: 0).header)
    }

    private mutating func put(_ path: InRootPath) throws(OperationError) {
        if path.lastComponent?.starts(with: ".wh.".utf8) ?? false {
            throw OperationError("pack", path.text, .invalid("its name begins with \".wh.\": in a layer this would hide another one"), hint: "rename or remove it first")
        }
        do throws(Errno) {
            let directory = try openParent(path.parent)
            guard let name = Path(bytes: path.lastComponent ?? [UInt8(ascii: ".")]) else { throw .invalid }
            let status = try directory.handle.status(of: name)
            guard var entry = self.entry(path, status) else {
                warnings.add("\(path.text): \(status.kind == .socket ? "a socket" : "the character device 0:0") has no place in a layer and is left out")
                return
            }
            if entry.kind == .symbolicLink { entry.linkTarget = try directory.handle.linkTarget(name) }
            (entry.uid, entry.gid) = try tree.owner(of: name, in: directory.handle, status)
            if let device = try tree.device(of: name, in: directory.handle, status) {
                (entry.kind, entry.major, entry.minor) = (device.isBlock ? .blockDevice : .characterDevice, device.major, device.minor)
            }
            var leftOut: [String] = []
            entry.attributes = try tree.attributes(of: name, in: directory.handle) { leftOut.append($0) }
            for attribute in leftOut { warnings.add("\(path.text): the attribute \(attribute) is the overlay file system's own and is left out") }
            if let first = names[FileIdentity(status)], entry.kind == .regular {
                (entry.kind, entry.linkTarget, entry.size, entry.attributes) = (.hardLink, first.archiveName, 0, [])
            }
            guard entry.kind == .regular else { return try putHeader(of: entry) }
            if status.links > 1 { names[FileIdentity(status)] = path }
            try putFile(entry, try directory.handle.openRegular(name))
        } catch {
            throw failure ?? OperationError("pack", path.text, .errno(error))
        }
    }

    /// What went wrong with the archive, in its own words.
    private var failure: OperationError?

    private mutating func translating(_ body: () throws(OperationError) -> Void) throws(Errno) {
        do throws(OperationError) { try body() } catch {
            failure = error
            throw error.errno ?? .inputOutput
        }
    }

    private mutating func openParent(_ path: InRootPath) throws(Errno) -> OpenParent {
        if let parent, parent.path == path { return parent }
        let opened = try OpenParent(path, try tree.root.open(path, [.path, .directory]))
        parent = opened
        return opened
    }

    /// Nil for what no archive can hold.
    private func entry(_ path: InRootPath, _ status: FileStatus) -> TarEntry? {
        let kind: TarKind
        switch status.kind {
        case .regular: kind = .regular
        case .directory: kind = .directory
        case .symbolicLink: kind = .symbolicLink
        case .characterDevice: kind = .characterDevice
        case .blockDevice: kind = .blockDevice
        case .fifo: kind = .fifo
        case .socket, .unknown: return nil
        }
        if status.isWhiteout { return nil }
        var entry = TarEntry(name: path.archiveName + (kind == .directory ? [UInt8(ascii: "/")] : []), kind: kind, permissions: status.permissions)
        entry.modified = status.modified
        if let latestSeconds, entry.modified.seconds >= latestSeconds { entry.modified = TimeStamp(seconds: latestSeconds, nanoseconds: 0) }
        if kind == .regular { entry.size = status.size }
        (entry.major, entry.minor) = (status.major, status.minor)
        return entry
    }

    private mutating func putHeader(of entry: TarEntry) throws(Errno) {
        let out = out
        try translating { () throws(OperationError) in try out.put(entry.header) }
    }

    private mutating func putFile(_ entry: TarEntry, _ file: consuming FileDescriptor) throws(Errno) {
        let out = out
        try putHeader(of: entry)
        var done: Int64 = 0
        while done < entry.size {
            let part = try file.read(into: &buffer, atMost: Int(min(Int64(buffer.count), entry.size - done)), at: done)
            if part == 0 { throw .textBusy }  // it has become shorter meanwhile
            let bytes = buffer
            try translating { () throws(OperationError) in try out.put(bytes, 0..<part) }
            done += Int64(part)
        }
        let padding = TarEntry.padding(after: entry.size)
        if padding > 0 { try translating { () throws(OperationError) in try out.put([UInt8](repeating: 0, count: padding)) } }
    }
}
