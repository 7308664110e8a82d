import Diagnostics
import Kernel
import UntrustedTree

/// Makes the record of a tree.
struct TreeRecorder {
    /// Checksums that are known already, by inode; the contents of other files are read.
    private var known: [UInt64: Checksum]
    private let put: (InRootPath, RecordedEntry) throws(OperationError) -> Void
    /// For somebody who knows what the content of an open file must be, and that it is so: its checksum; nil when the content is to be read.
    var trusted: ((InRootPath, borrowing FileDescriptor) throws(Errno) -> UInt32?)?
    /// Told of a file that cannot be read for damage of the disk; without, that is an error.
    var unreadable: ((InRootPath) -> Void)?
    private var buffer = [UInt8](repeating: 0, count: 256 * 1024)

    init(known: [UInt64: Checksum] = [:], _ put: @escaping (InRootPath, RecordedEntry) throws(OperationError) -> Void) {
        (self.known, self.put) = (known, put)
    }

    /// Tells of everything below `directory`, each directory before what is in it, names in the order of their bytes.
    mutating func record(_ directory: OpenParent) throws(OperationError) {
        if directory.path.isRoot { try put(.root, try entry(".", at: .root, in: directory)) }
        let names: [[UInt8]]
        do throws(Errno) {
            names = try directory.sortedNames()
        } catch {
            throw OperationError("read", directory.path.text, .errno(error))
        }
        for name in names {
            guard let path = directory.path.appending(name), let leaf = Path(bytes: name) else { continue }  // a directory entry is one plain name
            let entry = try entry(leaf, at: path, in: directory)
            try put(path, entry)
            guard entry.kind == .directory else { continue }
            let child: OpenParent
            do throws(Errno) {
                child = try OpenParent(path, try directory.handle.open(leaf, [.readOnly, .directory, .noFollow]))
            } catch {
                throw OperationError("read", path.text, .errno(error))
            }
            try record(child)
        }
    }

    private mutating func entry(_ name: Path, at path: InRootPath, in directory: OpenParent) throws(OperationError) -> RecordedEntry {
        do throws(Errno) {
            let status = try directory.handle.status(of: name)
            var entry = RecordedEntry(
                kind: status.kind, permissions: status.permissions, uid: status.uid, gid: status.gid, modified: status.modified, size: 0, content: 0,
                attributes: try attributes(of: name, in: directory.handle))
            switch status.kind {
            case .regular:
                entry.size = status.size
                do throws(Errno) {
                    entry.content = try content(of: name, at: path, in: directory.handle, status).value
                } catch where error == .inputOutput || error == .damaged {
                    guard let unreadable else { throw error }
                    unreadable(path)
                }
            case .symbolicLink: entry.content = Checksum(of: try directory.handle.linkTarget(name)).value
            case .characterDevice, .blockDevice: entry.size = Int64(status.major) << 32 | Int64(status.minor)
            default: break
            }
            return entry
        } catch {
            throw OperationError("read", path.text, .errno(error))
        }
    }

    private mutating func content(of name: Path, at path: InRootPath, in directory: borrowing FileDescriptor, _ status: FileStatus) throws(Errno) -> Checksum {
        if trusted == nil, let checksum = known[status.inode] { return checksum }
        let file = try directory.open(name, [.readOnly, .noFollow, .nonBlocking])
        if let value = try trusted?(path, file) { return Checksum(value: value) }
        if let checksum = known[status.inode] { return checksum }
        var checksum = Checksum()
        var offset: Int64 = 0
        var end: Int64 = status.allocatedBytes < status.size ? 0 : .max
        while true {
            if offset == end {
                // an image can say that a file has a tebibyte of holes: reading them would take hours
                let data = try file.nextData(from: offset, size: status.size)
                checksum.update(zeros: data.lowerBound - offset)
                if data.isEmpty { break }
                (offset, end) = (data.lowerBound, data.upperBound)
            }
            let count = try file.read(into: &buffer, atMost: Int(min(Int64(buffer.count), end - offset)), at: offset)
            if count == 0 { break }
            checksum.update(buffer, 0..<count)
            offset += Int64(count)
        }
        if status.links > 1 { known[status.inode] = checksum }
        return checksum
    }

    private func attributes(of name: Path, in directory: borrowing FileDescriptor) throws(Errno) -> UInt32 {
        let names = try directory.attributeNames(of: name)
        if names.isEmpty { return 0 }
        var checksum = Checksum()
        for attribute in names.sorted(by: { $0.bytes.lexicographicallyPrecedes($1.bytes) }) where !attribute.bytes.elementsEqual("security.selinux".utf8) {
            let text = Array(attribute.bytes) + [0] + (try directory.attribute(attribute, of: name)) + [0]
            checksum.update(text, 0..<text.count)
        }
        return checksum.value
    }
}
