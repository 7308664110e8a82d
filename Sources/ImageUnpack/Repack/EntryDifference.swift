import Diagnostics
import Kernel

/// In what an entry differs from the one of the same name.
struct EntryDifference: OptionSet, Equatable {
    let rawValue: Int
    static var kind: EntryDifference { EntryDifference(rawValue: 1) }
    static var permissions: EntryDifference { EntryDifference(rawValue: 2) }
    static var owner: EntryDifference { EntryDifference(rawValue: 4) }
    static var time: EntryDifference { EntryDifference(rawValue: 8) }
    static var content: EntryDifference { EntryDifference(rawValue: 16) }
    static var target: EntryDifference { EntryDifference(rawValue: 32) }
    static var device: EntryDifference { EntryDifference(rawValue: 64) }
    static var attributes: EntryDifference { EntryDifference(rawValue: 128) }
    /// Which names are one file.
    static var links: EntryDifference { EntryDifference(rawValue: 256) }
    /// The kernel protected the file, and does not, or as another one.
    static var protection: EntryDifference { EntryDifference(rawValue: 512) }
    /// The disk, or the kernel's check of what came from it, gave an error.
    static var unreadable: EntryDifference { EntryDifference(rawValue: 1024) }

    /// In words, in the order of their weight.
    var words: [String] {
        let all: [(EntryDifference, String)] = [
            (.kind, "kind"), (.unreadable, "unreadable (EIO or EUCLEAN)"), (.content, "content"), (.protection, "fs-verity"), (.target, "target"), (.device, "device"), (.permissions, "permissions"), (.owner, "owner"),
            (.attributes, "extended attributes"), (.time, "time"), (.links, "hard links"),
        ]
        return all.filter { contains($0.0) }.map { $0.1 }
    }
}

/// Compares entries of two trees.
final class EntryComparison {
    private let new: TreeView
    private let old: TreeView
    /// The content of a file whose inode was not changed since is not read.
    private let unchangedBefore: TimeStamp?
    private var buffers = (new: [UInt8](repeating: 0, count: 256 * 1024), old: [UInt8](repeating: 0, count: 256 * 1024))

    init(_ new: TreeView, _ old: TreeView, unchangedBefore: TimeStamp?) {
        (self.new, self.old, self.unchangedBefore) = (new, old, unchangedBefore)
    }

    /// - Parameters: the name, its directory and its status, in both trees.
    func compare(
        _ name: Path, _ newDirectory: borrowing FileDescriptor, _ newStatus: FileStatus, _ oldDirectory: borrowing FileDescriptor, _ oldStatus: FileStatus
    ) throws(Errno) -> EntryDifference {
        if newStatus.kind != oldStatus.kind { return .kind }
        var difference: EntryDifference = []
        if newStatus.permissions != oldStatus.permissions { difference.insert(.permissions) }
        let owners = (try new.owner(of: name, in: newDirectory, newStatus), try old.owner(of: name, in: oldDirectory, oldStatus))
        if owners.0 != owners.1 { difference.insert(.owner) }
        if newStatus.modified != oldStatus.modified { difference.insert(.time) }
        if try new.attributes(of: name, in: newDirectory) != old.attributes(of: name, in: oldDirectory) { difference.insert(.attributes) }
        switch newStatus.kind {
        case .regular:
            if newStatus.size != oldStatus.size { return difference.union(.content) }
            if let unchangedBefore, newStatus.changed < unchangedBefore { return difference }
            if newStatus.size > 0, try !haveEqualContents(name, newDirectory, newStatus, oldDirectory, oldStatus) { difference.insert(.content) }
        case .symbolicLink:
            if try newDirectory.linkTarget(name) != oldDirectory.linkTarget(name) { difference.insert(.target) }
        case .characterDevice, .blockDevice:
            if newStatus.major != oldStatus.major || newStatus.minor != oldStatus.minor { difference.insert(.device) }
        default: break
        }
        return difference
    }

    private func haveEqualContents(
        _ name: Path, _ newDirectory: borrowing FileDescriptor, _ newStatus: FileStatus, _ oldDirectory: borrowing FileDescriptor, _ oldStatus: FileStatus
    ) throws(Errno) -> Bool {
        let newFile = try newDirectory.openRegular(name)
        let oldFile = try oldDirectory.open(name, [.readOnly, .noFollow, .nonBlocking])
        let size = newStatus.size
        let haveHoles = newStatus.allocatedBytes < size && oldStatus.allocatedBytes < size
        var offset: Int64 = 0
        while true {
            // where both have a hole they are equal
            if haveHoles { offset = min(try newFile.nextData(from: offset, size: size).lowerBound, try oldFile.nextData(from: offset, size: size).lowerBound) }
            let count = try newFile.read(into: &buffers.new, atMost: buffers.new.count, at: offset)
            var found = 0
            while found < max(count, 1) {
                // the second file must have just as many bytes, and no more
                let part = try oldFile.read(into: &buffers.old, atMost: max(count, 1) - found, at: offset + Int64(found))
                if part == 0 { break }
                if found + part > count || buffers.old[..<part] != buffers.new[found..<(found + part)] { return false }
                found += part
            }
            if found != count { return false }
            if count == 0 { return true }
            offset += Int64(count)
        }
    }
}
