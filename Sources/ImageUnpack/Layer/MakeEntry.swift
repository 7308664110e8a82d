// One entry of an archive becomes one entry of the tree. A regular file takes four or five system calls: make it, write,
// owner where it is not ours, times, close. The process' file creation mask must be 0.
//
// Names are resolved in LayerApplier.swift; what hides entries of lower layers is in HideEntries.swift.
import Diagnostics
import Kernel
import UntrustedTree

extension LayerApplier {
    /// Makes `entry` at `path`, in place of what stands there; a directory stays and gets its new attributes.
    mutating func make(_ entry: TarEntry, at path: InRootPath, from reader: inout TarReader) throws(OperationError) {
        for attribute in entry.attributes {
            if case .refuse(let why) = AttributeRule(attribute.name, policy) { throw failed(entry, why) }
        }
        if path.isRoot {
            guard entry.kind == .directory else { throw failed(entry, "the root of an image can only be a directory") }
            isRootListed = true
            return try kernel(entry) { (tree) throws(Errno) in try tree.attach(entry, to: .root, tree.root.open(.root, [.readOnly, .directory]), isNew: false) }
        }
        guard let last = path.lastComponent, let name = Path(bytes: last) else { return }
        let directory = try kernel(entry) { (tree) throws(Errno) in try tree.openParent(path.parent) }
        made?[directory.inode, default: []].insert(last)
        switch entry.kind {
        case .regular: try makeFile(entry, name, in: directory, from: &reader)
        case .directory: try kernel(entry) { (tree) throws(Errno) in try tree.makeDirectory(entry, name, at: path, in: directory) }
        case .symbolicLink: try makeSymbolicLink(entry, name, in: directory)
        case .hardLink: try makeHardLink(entry, name, in: directory)
        case .characterDevice, .blockDevice, .fifo: try makeNode(entry, name, in: directory)
        }
    }

    func failed(_ entry: TarEntry, _ why: String) -> OperationError { OperationError("unpack", "/" + entry.text, .invalid(why)) }

    /// Errors of the kernel get the entry's name.
    mutating func kernel<Result: ~Copyable>(
        _ entry: TarEntry, _ body: (inout LayerApplier) throws(Errno) -> Result
    ) throws(OperationError) -> Result {
        do throws(Errno) { return try body(&self) } catch { throw OperationError("unpack", "/" + entry.text, .errno(error)) }
    }

    /// Calls `body`, which makes `name`; what stands in its way goes first, with all that is in it.
    private mutating func replacing<Result: ~Copyable>(
        _ name: Path, in directory: OpenParent, _ body: () throws(Errno) -> Result
    ) throws(Errno) -> Result {
        do throws(Errno) { return try body() } catch where error == .exists {}
        parent = nil
        try directory.handle.removeTree(name)
        return try body()
    }

    private mutating func makeFile(_ entry: TarEntry, _ name: Path, in directory: OpenParent, from reader: inout TarReader) throws(OperationError) {
        // without privileges, an attribute can be set only on what may be written
        let isOpened = policy.isRootless && entry.permissions & 0o200 == 0
        let file = try kernel(entry) { (tree) throws(Errno) in
            try tree.replacing(name, in: directory) { () throws(Errno) in
                try directory.handle.open(name, [.writeOnly, .create, .exclusive, .noFollow], mode: entry.permissions & 0o777 | (isOpened ? 0o200 : 0))
            }
        }
        let checksum = try write(entry, to: file, from: &reader)
        if checksums != nil {
            let inode = try kernel(entry) { (_) throws(Errno) in try file.status().inode }
            checksums?[inode] = checksum
        }
        try kernel(entry) { (tree) throws(Errno) in
            try tree.setOwner(entry, of: file, now: (tree.uid, tree.gid))
            // set-id bits are lost with the owner, and open(2) takes none
            if entry.permissions & 0o7000 != 0 { try file.changePermissions(entry.permissions) }
            // after the owner: changing it takes file capabilities away
            for attribute in tree.attributes(entry) { try tree.set(attribute, entry) { (name, value) throws(Errno) in try file.setAttribute(name, value) } }
            if isOpened { try file.changePermissions(entry.permissions) }
            try file.setTimes(accessed: entry.accessed ?? entry.modified, modified: entry.modified)
        }
    }

    /// How much of a large file is written before the kernel is told to begin with the disk.
    private static var writingSize: Int64 { 8 << 20 }

    /// The content of a file; runs of zeros become holes. A layer of a store is waited for until it is on the disk (`LayerStore.synchronize`).
    /// - Returns: its checksum when somebody wants it.
    private func write(_ entry: TarEntry, to file: borrowing FileDescriptor, from reader: inout TarReader) throws(OperationError) -> Checksum? {
        var checksum = checksums == nil ? nil : Checksum()
        let hole = 64 * 1024  // looked at in one piece; shorter at the end of a buffer
        var hasHoleAtEnd = false
        let isKept = checksums != nil
        // where in the file we are, and how far the kernel has been told to write it to the disk
        var (passed, started): (Int64, Int64) = (0, 0)
        func put(_ buffer: [UInt8], _ range: Range<Int>) throws(OperationError) {
            // what lies between two holes is written at once
            var written = range.lowerBound
            do throws(Errno) {
                for start in stride(from: range.lowerBound, to: range.upperBound, by: hole) {
                    let end = min(start + hole, range.upperBound)
                    hasHoleAtEnd = end - start >= 4096 && isZero(buffer, start..<end)
                    if !hasHoleAtEnd { continue }
                    if written < start { try file.write(buffer, written..<start) }
                    try file.seek(forward: Int64(end - start))
                    written = end
                }
                if written < range.upperBound { try file.write(buffer, written..<range.upperBound) }
                passed += Int64(range.count)
                if isKept, passed - started >= Self.writingSize {
                    do throws(Errno) { try file.startWriting(started..<passed) } catch {}  // whatever it is, `synchronize` finds it as well
                    started = passed
                }
            } catch {
                throw OperationError("write", "/" + entry.text, .errno(error))
            }
        }
        func move(to offset: Int64) throws(OperationError) {
            (passed, started) = (offset, offset)
            do throws(Errno) { try file.seek(to: offset) } catch { throw OperationError("write", "/" + entry.text, .errno(error)) }
        }
        if let extents = entry.extents {
            var position: Int64 = 0
            for extent in extents {
                try move(to: extent.offset)
                checksum?.update(zeros: extent.offset - position)
                try reader.content(extent.size) { (buffer, range) throws(OperationError) in
                    checksum?.update(buffer, range)
                    try put(buffer, range)
                }
                position = extent.offset + extent.size
            }
            checksum?.update(zeros: entry.size - position)
            hasHoleAtEnd = true
        } else {
            try reader.content(entry.size) { (buffer, range) throws(OperationError) in
                checksum?.update(buffer, range)
                try put(buffer, range)
            }
        }
        if hasHoleAtEnd {
            do throws(Errno) { try file.truncate(to: entry.size) } catch { throw OperationError("write", "/" + entry.text, .errno(error)) }
        }
        return checksum
    }

    private func isZero(_ buffer: [UInt8], _ range: Range<Int>) -> Bool {
        // the first byte tells nearly always
        buffer[range.lowerBound] == 0 && buffer[range.upperBound - 1] == 0 && buffer[range].allSatisfy { $0 == 0 }
    }

    private mutating func makeDirectory(_ entry: TarEntry, _ name: Path, at path: InRootPath, in directory: OpenParent) throws(Errno) {
        var isNew = true
        var isHiding = false
        do throws(Errno) {
            try directory.handle.makeDirectory(name, permissions: 0o700)
        } catch where error == .exists {
            let found = try directory.handle.status(of: name)
            isNew = found.kind != .directory
            if isNew {
                // a link to a directory is replaced as well: an image speaks of its own entries
                isHiding = true
                parent = nil
                try directory.handle.remove(name)
                try directory.handle.makeDirectory(name, permissions: 0o700)
            }
        }
        let made = try directory.handle.open(name, [.readOnly, .directory, .noFollow])
        // a whiteout, or what hid a directory just as well, was there first: what it hides stays hidden
        if isHiding, case .layer(let marks) = form { try made.setAttribute(marks.opaque, [UInt8(ascii: "y")]) }
        // not by the way that the archive takes: there may be links on it
        try attach(entry, to: directories[directory.inode]?.path.appending(Array(name.bytes)) ?? path, made, isNew: isNew)
        if implied[path] != nil { implied[path] = false }
    }

    /// Owner and extended attributes of a directory at once, permissions and times in `finish`.
    private mutating func attach(_ entry: TarEntry, to path: InRootPath, _ directory: consuming FileDescriptor, isNew: Bool) throws(Errno) {
        let status = try directory.status()
        if !isNew { try forgetAttributes(of: directory) }
        try setOwner(entry, of: directory, now: (status.uid, status.gid))
        for attribute in attributes(entry) { try set(attribute, entry) { (name, value) throws(Errno) in try directory.setAttribute(name, value) } }
        if isNew { made?[status.inode] = nil }
        try keep(
            DirectoryAttributes(path: path, permissions: entry.permissions, accessed: entry.accessed ?? entry.modified, modified: entry.modified), of: status.inode)
    }

    /// Takes away the extended attributes that a lower layer gave to a directory: an entry says all of it.
    private func forgetAttributes(of directory: borrowing FileDescriptor) throws(Errno) {
        for name in try directory.attributeNames() {
            if policy.isRootless && name == OwnerRecord.attribute {
                try directory.removeAttribute(name)
                continue
            }
            guard case .set = AttributeRule(String(decoding: name.bytes, as: UTF8.self), policy) else { continue }
            try directory.removeAttribute(name)
        }
    }

    private mutating func makeSymbolicLink(_ entry: TarEntry, _ name: Path, in directory: OpenParent) throws(OperationError) {
        guard let target = Path(bytes: entry.linkTarget), !target.isEmpty else { throw failed(entry, "the target of the link is empty, or contains a NUL byte") }
        try kernel(entry) { (tree) throws(Errno) in
            try tree.replacing(name, in: directory) { () throws(Errno) in try directory.handle.makeLink(name, to: target) }
            try tree.finishNode(entry, name, in: directory)
        }
    }

    private mutating func makeHardLink(_ entry: TarEntry, _ name: Path, in directory: OpenParent) throws(OperationError) {
        guard let path = InRootPath(bytes: entry.linkTarget), let last = path.lastComponent, let target = Path(bytes: last) else {
            throw failed(entry, "the target of the hard link is no name of a file")
        }
        do throws(Errno) {
            let source = try root.open(path.parent, [.path, .directory])
            let linked = try source.status(of: target)
            // a directory that nothing in a layer by itself tells of may be a file of a lower one
            if linked.kind == .directory { throw form == .flat ? Errno.notPermitted : .noEntry }
            if linked.isWhiteout { throw Errno.noEntry }
            do throws(Errno) {
                // a link to itself: removing it first would lose the file
                if try directory.handle.status(of: name).isSameFile(as: linked) { return }
            } catch where error == .noEntry {}
            let others = try lowerNames(of: path, linked)
            try replacing(name, in: directory) { () throws(Errno) in try directory.handle.makeHardLink(name, to: target, in: source) }
            try relink(others, from: linked, to: target, in: source)
        } catch {
            throw OperationError("link /" + entry.text + " to", path.text, .errno(error))
        }
    }

    private mutating func makeNode(_ entry: TarEntry, _ name: Path, in directory: OpenParent) throws(OperationError) {
        if entry.kind == .characterDevice && entry.major == 0 && entry.minor == 0 {
            throw failed(entry, "the character device 0:0 is a whiteout of the overlay file system")
        }
        let type: UInt32 =
            switch entry.kind {
            case .fifo: 0o010000
            case .blockDevice: 0o060000
            default: 0o020000
            }
        if policy.isRootless && entry.kind != .fifo { return try makeStandIn(entry, name, in: directory) }
        try kernel(entry) { (tree) throws(Errno) in
            try tree.replacing(name, in: directory) { () throws(Errno) in
                try directory.handle.makeNode(name, mode: type | entry.permissions, major: entry.major, minor: entry.minor)
            }
            try tree.finishNode(entry, name, in: directory)
        }
    }

    /// An empty file in place of a device node, which says what it stands for.
    private mutating func makeStandIn(_ entry: TarEntry, _ name: Path, in directory: OpenParent) throws(OperationError) {
        try kernel(entry) { (tree) throws(Errno) in
            let file = try tree.replacing(name, in: directory) { () throws(Errno) in
                try directory.handle.open(name, [.writeOnly, .create, .exclusive, .noFollow], mode: 0o600)
            }
            try tree.setOwner(entry, of: file, now: (tree.uid, tree.gid))
            try tree.record(DeviceRecord.attribute, DeviceRecord(isBlock: entry.kind == .blockDevice, major: entry.major, minor: entry.minor).bytes, on: file)
            try file.changePermissions(entry.permissions)
            try file.setTimes(accessed: entry.accessed ?? entry.modified, modified: entry.modified)
        }
        warnings.add("/\(entry.text): a device node needs privileges; an empty file stands in its place")
    }

    /// Owner, extended attributes and times of what is no regular file.
    private mutating func finishNode(_ entry: TarEntry, _ name: Path, in directory: OpenParent) throws(Errno) {
        if policy.owners == .kept && (entry.uid != uid || entry.gid != gid) {
            do throws(Errno) {
                try directory.handle.changeOwner(of: name, uid: entry.uid, gid: entry.gid)
            } catch where error == .invalid && policy.isRootless {
                warnings.add("/\(entry.text): the user namespace has no id for the owner \(entry.uid):\(entry.gid), ignoring")
            }
        }
        for attribute in attributes(entry) {
            // xattr(7), "Extended user attributes": of files and directories alone
            if attribute.name.hasPrefix("user.") {
                warnings.add("/\(entry.text): only files and directories have attributes such as \(attribute.name), ignoring")
                continue
            }
            try set(attribute, entry) { (attribute, value) throws(Errno) in try directory.handle.setAttribute(attribute, value, of: name) }
        }
        try directory.handle.setTimes(of: name, accessed: entry.accessed ?? entry.modified, modified: entry.modified)
    }

    /// The extended attributes of `entry` that are to be set.
    private func attributes(_ entry: TarEntry) -> [TarAttribute] {
        entry.attributes.filter {
            if case .set = AttributeRule($0.name, policy) { return true }
            return false
        }
    }

    /// A file system without extended attributes costs a warning, not the image.
    private mutating func set(_ attribute: TarAttribute, _ entry: TarEntry, _ body: (Path, [UInt8]) throws(Errno) -> Void) throws(Errno) {
        do throws(Errno) {
            try body(Path(attribute.name), attribute.value)
        } catch where error == .notSupported {
            warnings.add("/\(entry.text): the file system has no attribute \(attribute.name), ignoring")
        }
    }
}
