// Layers onto a tree, from the lowest to the topmost. Every path is resolved below the root's handle; the last name is
// never followed, whatever stands there. Links made by an earlier entry or layer lead inside the root at most.
//
// Making entries is in MakeEntry.swift, hiding them in HideEntries.swift.
// Source: layer.md "Applying Changesets".
package import Diagnostics
import Kernel
package import UntrustedTree

/// A tree that layers are applied to.
package struct LayerApplier: ~Copyable {
    let root: RootDirectory
    let policy: ApplyPolicy
    /// What could not be done and need not stop the unpacking.
    package internal(set) var warnings: [String] = []

    /// Names that the present layer has made: its whiteouts hide lower layers only. Nil in the lowest layer.
    var made: Set<EntryKey>?
    /// Permissions and times of directories, set at the end: what is made in them later would change their times, and one
    /// without write permission could not be filled by an unprivileged caller.
    var directories: [InRootPath: DirectoryAttributes] = [:]
    /// The directory of the last entry: most entries stand beside the one before. Forgotten when a name is taken away.
    var parent: OpenParent?
    let (uid, gid): (UInt32, UInt32)

    /// - Parameter root: an empty directory, or a tree that layers were applied to.
    package init(root: consuming RootDirectory, policy: ApplyPolicy) {
        self.root = root
        self.policy = policy
        (uid, gid) = (effectiveUserID(), effectiveGroupID())
    }

    /// Applies one layer.
    ///
    /// - Parameters:
    ///   - stream: its unpacked bytes; they are read to their end, but not compared with their digests.
    ///   - index: 0 for the lowest layer.
    /// - Throws: with the entry's name; the tree is incomplete then.
    package mutating func apply(_ stream: LayerStream, index: Int) throws(OperationError) {
        made = index == 0 ? nil : []
        parent = nil
        var reader = TarReader(stream)
        var count = 0
        while let entry = try reader.next() {
            count += 1
            if count > policy.entryLimit {
                throw OperationError("unpack", "layer", .invalid("it has more than \(policy.entryLimit) entries"))
            }
            let action: EntryAction
            do throws(TarFault) { action = try EntryAction(entry.name) } catch { throw failed(entry, error.why) }
            switch action {
            case .ignore: continue
            case .hide(let path): try kernel(entry) { (tree) throws(Errno) in try tree.hide(path) }
            case .hideChildren(let path): try kernel(entry) { (tree) throws(Errno) in try tree.hideChildren(of: path) }
            case .make(let path): try make(entry, at: path, from: &reader)
            }
        }
        made = nil
    }

    /// Sets what was put off: permissions and times of directories.
    package mutating func finish() throws(OperationError) {
        parent = nil
        // what lies deepest comes first: a directory that may not be searched would hide it
        let order = directories.keys.sorted { $0.components.count > $1.components.count }
        for path in order {
            guard let attributes = directories[path] else { continue }
            do throws(Errno) {
                let directory = try root.open(path, [.readOnly, .directory, .noFollow])
                // another directory may have taken its place without being listed itself
                guard try directory.status().inode == attributes.inode else { continue }
                try directory.changePermissions(attributes.permissions)
                try directory.setTimes(accessed: attributes.accessed, modified: attributes.modified)
            } catch where error == .noEntry || error == .notDirectory || error == .tooManyLinks {
                continue  // hidden or replaced by a later layer
            } catch {
                throw OperationError("set attributes of", path.text, .errno(error))
            }
        }
        directories = [:]
    }
}

/// A name in a directory, by the directory's inode: two ways to one directory are one.
struct EntryKey: Hashable {
    var directory: UInt64
    var name: [UInt8]
}

/// What a directory gets at the end.
struct DirectoryAttributes {
    var inode: UInt64
    var permissions: UInt32
    var accessed: TimeStamp
    var modified: TimeStamp
}

/// A directory that is kept open. A class, so that the applier can lend it out.
final class OpenParent {
    let path: InRootPath
    let handle: FileDescriptor
    let inode: UInt64

    init(_ path: InRootPath, _ handle: consuming FileDescriptor) throws(Errno) {
        self.path = path
        inode = try handle.status().inode
        self.handle = handle
    }
}
