// Layers onto a tree, from the lowest to the topmost. Every path is resolved below the root's handle; the last name is
// never followed, whatever stands there. Links made by an earlier entry or layer lead inside the root at most.
//
// Making entries is in MakeEntry.swift, hiding them in HideEntries.swift, directories in ParentDirectories.swift.
// Source: layer.md "Applying Changesets".
package import Diagnostics
import Kernel
package import UntrustedTree

/// A tree that layers are applied to.
package struct LayerApplier: ~Copyable {
    let root: RootDirectory
    let policy: ApplyPolicy
    let form: TreeForm
    /// Whether the root is a mount of lower layers already when the first layer comes.
    let hasContext: Bool
    /// What could not be done and need not stop the unpacking.
    package internal(set) var warnings: [String] = []

    var hasWarnedOfRecords = false
    /// Files of lower layers that have several names, by inode; nil until somebody asks.
    var lowerLinks: [UInt64: [InRootPath]]?

    /// Names that the present layer has made, by the inode of their directory: its whiteouts hide lower layers only. Nil in the lowest layer.
    /// A directory that is new has none, whichever had its number before.
    var made: [UInt64: Set<[UInt8]>]?
    /// Permissions and times of directories by inode, set at the end: what is made in them later would change their times, and
    /// one without write permission could not be filled by an unprivileged caller.
    private(set) var directories: [UInt64: DirectoryAttributes] = [:]
    /// The names in the paths of `directories`, which an image can make as deep and as many as it likes.
    private var directoryNames = 0
    /// The directory of the last entry: most entries stand beside the one before. Forgotten when a name is taken away.
    var parent: OpenParent?
    let (uid, gid): (UInt32, UInt32)

    /// Checksums of the files that were written, by inode; nil when nobody wants them.
    var checksums: [UInt64: Checksum]?

    // MARK: - What a layer by itself turned out to be, in the form `.layer`

    /// Directories that no entry had told of when something was made in them, and whether none has since: a lower layer may say what they are.
    package internal(set) var implied: [InRootPath: Bool] = [:]
    /// Whether an entry only makes sense on top of lower layers: the layer must be applied to them.
    package internal(set) var isUnresolved = false
    /// Whether the layer says what the root directory is like.
    package internal(set) var isRootListed = false
    /// Whether the layer hides all lower ones.
    package internal(set) var isRootOpaque = false
    /// Directories in which names are hidden.
    package internal(set) var whiteoutDirectories: Set<InRootPath> = []

    /// - Parameter root: an empty directory, or a tree that layers were applied to.
    package init(root: consuming RootDirectory, policy: ApplyPolicy, form: TreeForm = .flat, hasContext: Bool = false) {
        self.root = root
        self.policy = policy
        self.form = form
        self.hasContext = hasContext
        (uid, gid) = (effectiveUserID(), effectiveGroupID())
    }

    /// Applies one layer.
    ///
    /// - Parameters:
    ///   - stream: its unpacked bytes; they are read to their end, but not compared with their digests. When `isUnresolved` is
    ///     true afterwards, they need not have been.
    ///   - index: 0 for the lowest layer.
    /// - Throws: with the entry's name, or what the digests say of a layer that is damaged; the tree is incomplete then.
    package mutating func apply(_ stream: LayerStream, index: Int) throws(OperationError) {
        do throws(OperationError) { try read(stream, index: index) } catch { throw stream.explanation(of: error) }
    }

    private mutating func read(_ stream: LayerStream, index: Int) throws(OperationError) {
        made = index == 0 || form != .flat ? nil : [:]
        parent = nil
        stream.allowance = policy.allowance
        var reader = TarReader(stream)
        var count = 0
        while let entry = try reader.next() {
            count += 1
            if count > policy.entryLimit {
                throw OperationError("unpack", "layer", .invalid("it has more than \(policy.entryLimit) entries"))
            }
            let action: EntryAction
            do throws(TarFault) { action = try EntryAction(entry.name) } catch { throw failed(entry, error.why) }
            do throws(OperationError) {
                switch action {
                case .ignore: continue
                case .hide(let path): try kernel(entry) { (tree) throws(Errno) in try tree.hide(path) }
                case .hideChildren(let path): try kernel(entry) { (tree) throws(Errno) in try tree.hideChildren(of: path) }
                case .make(let path): try make(entry, at: path, from: &reader)
                }
            } catch {
                guard form != .flat, let errno = error.errno, [.noEntry, .notDirectory, .tooManyLinks].contains(errno) else { throw error }
                // what is missing may be in a lower layer
                isUnresolved = true
                return
            }
        }
        made = nil
    }

    /// Sets what was put off: permissions and times of directories.
    package mutating func finish() throws(OperationError) {
        parent = nil
        if directories.values.allSatisfy({ !$0.path.isRoot }) { try keepRootAttributes() }
        // what lies deepest comes first: a directory that may not be searched would hide it
        let order = directories.sorted { $0.value.path.components.count > $1.value.path.components.count }
        for (inode, attributes) in order {
            do throws(Errno) {
                let directory = try root.open(attributes.path, [.readOnly, .directory])
                // another directory may have taken its place without being listed itself
                guard try directory.status().inode == inode else { continue }
                try directory.changePermissions(attributes.permissions)
                try directory.setTimes(accessed: attributes.accessed, modified: attributes.modified)
            } catch where error == .noEntry || error == .notDirectory || error == .tooManyLinks {
                continue  // hidden or replaced by a later layer
            } catch {
                throw OperationError("set attributes of", attributes.path.text, .errno(error))
            }
        }
        (directories, directoryNames) = ([:], 0)
    }

    /// - Throws: `ENAMETOOLONG` for more directories, and deeper ones, than an image has that is not made for this.
    mutating func keep(_ attributes: DirectoryAttributes, of inode: UInt64) throws(Errno) {
        directoryNames += attributes.path.components.count - (directories[inode]?.path.components.count ?? 0)
        if directoryNames > 6 << 20 { throw .nameTooLong }
        directories[inode] = attributes
    }

    mutating func forgetDirectory(_ inode: UInt64) {
        directoryNames -= directories.removeValue(forKey: inode)?.path.components.count ?? 0
    }
}

/// What a directory gets at the end.
struct DirectoryAttributes {
    var path: InRootPath
    var permissions: UInt32
    var accessed: TimeStamp
    var modified: TimeStamp
}

/// A directory that is kept open. A class, so that the applier can lend it out.
final class OpenParent {
    let path: InRootPath
    let handle: FileDescriptor
    let status: FileStatus
    var inode: UInt64 { status.inode }

    /// Directories in each other, at most: each costs whoever walks a tree a descriptor, a path and a piece of the stack. By way of links, an image
    /// can make a tree deeper than any path of the kernel.
    static var depthLimit: Int { 1000 }

    /// - Throws: `ENAMETOOLONG` past the limit of depth.
    init(_ path: InRootPath, _ handle: consuming FileDescriptor) throws(Errno) {
        if path.components.count > Self.depthLimit { throw .nameTooLong }
        self.path = path
        status = try handle.status()
        self.handle = handle
    }

    /// The names in it, in the order of their bytes.
    func sortedNames() throws(Errno) -> [[UInt8]] { try handle.entries().map { $0.name }.sorted { $0.lexicographicallyPrecedes($1) } }
}
