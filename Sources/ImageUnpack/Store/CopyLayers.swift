// A flat tree from layers that a store has already: what an overlay mount of them would show is copied, without a mount. Files share their
// blocks where the file system can do that.
//
// The same as unpacking, to the last nanosecond: conformance compares both.
import Diagnostics
import Kernel
import OCISpec
import UntrustedTree

/// Copies layers of a store into an empty directory.
struct LayerCopy: ~Copyable {
    private let target: RootDirectory
    private let marks: OverlayMarks
    /// Where files with several names were copied to, by the file in the store.
    private var copied: [FileIdentity: InRootPath] = [:]
    /// Whether the file system shares blocks; asked once.
    private var canClone = true

    init(to target: consuming RootDirectory, marks: OverlayMarks) {
        self.target = target
        self.marks = marks
    }

    /// - Parameter layers: those that an overlay mount would have, from the lowest to the topmost.
    mutating func copy(_ layers: [StoredLayer], of store: LayerStore) throws(OperationError) {
        let lowest = layers.lastIndex { $0.isRootOpaque } ?? 0
        var trees: [OpenParent] = []
        for layer in layers[lowest...].reversed() {
            let tree = try store.tree(of: layer).relinquish()
            do throws(Errno) { trees.append(try OpenParent(.root, tree)) } catch { throw store.failed("open layer", layer.key.text, error) }
        }
        let root: OpenParent
        do throws(Errno) { root = try OpenParent(.root, try target.open(.root, [.readOnly, .directory])) } catch { throw OperationError("open", "/", .errno(error)) }
        try copy(trees, to: root)
        try copyRootAttributes(of: layers, in: store, to: root.handle)
    }

    /// - Parameter sources: directories of one name, the topmost first; lower ones are seen through it.
    private mutating func copy(_ sources: [OpenParent], to directory: OpenParent) throws(OperationError) {
        var seen: Set<[UInt8]> = []
        for (index, source) in sources.enumerated() {
            let entries: [DirectoryEntry]
            do throws(Errno) { entries = try source.handle.entries() } catch { throw OperationError("list", source.path.text, .errno(error)) }
            for entry in entries where seen.insert(entry.name).inserted {
                guard let path = directory.path.appending(entry.name), let name = Path(bytes: entry.name) else { continue }  // one plain name
                do throws(Errno) {
                    let status = try source.handle.status(of: name)
                    if status.isWhiteout { continue }
                    if status.kind != .directory {
                        try copy(name, at: path, status, from: source.handle, to: directory.handle)
                        continue
                    }
                    let below = try merged(name, at: path, in: sources[index...])
                    try directory.handle.makeDirectory(name, permissions: 0o700)
                    let made = try OpenParent(path, try directory.handle.open(name, [.readOnly, .directory, .noFollow]))
                    do throws(OperationError) { try copy(below, to: made) } catch {
                        failure = failure ?? error
                        throw error.errno ?? .inputOutput
                    }
                    // last: what is made in it changes its time
                    try copyAttributes(from: below[0].handle, to: made.handle, marks: marks)
                } catch {
                    throw failure ?? OperationError("copy", path.text, .errno(error))
                }
            }
        }
    }

    /// What went wrong further down, in its own words.
    private var failure: OperationError?

    /// The directories `name` that are seen through each other.
    private func merged(_ name: Path, at path: InRootPath, in sources: ArraySlice<OpenParent>) throws(Errno) -> [OpenParent] {
        var found: [OpenParent] = []
        for source in sources {
            do throws(Errno) { if try source.handle.status(of: name).kind != .directory { break } } catch where error == .noEntry { continue }
            let directory = try OpenParent(path, try source.handle.open(name, [.readOnly, .directory, .noFollow]))
            found.append(directory)
            do throws(Errno) { if try directory.handle.attribute(marks.opaque) == [UInt8(ascii: "y")] { break } } catch where error == .noData || error == .notSupported {}
        }
        return found
    }

    private mutating func copy(
        _ name: Path, at path: InRootPath, _ status: FileStatus, from source: borrowing FileDescriptor, to directory: borrowing FileDescriptor
    ) throws(Errno) {
        if status.links > 1 && status.kind != .directory {
            if let first = copied[FileIdentity(status)], let last = first.lastComponent, let firstName = Path(bytes: last) {
                return try directory.makeHardLink(name, to: firstName, in: try target.open(first.parent, [.path, .directory]))
            }
            copied[FileIdentity(status)] = path
        }
        switch status.kind {
        case .regular:
            let from = try source.open(name, [.readOnly, .noFollow])
            let to = try directory.open(name, [.writeOnly, .create, .exclusive, .noFollow], mode: 0o600)
            if status.size > 0 { try copyContent(from: from, to: to, status) }
            return try copyAttributes(from: from, to: to, marks: marks)
        case .symbolicLink:
            guard let link = Path(bytes: try source.linkTarget(name)) else { throw .invalid }
            try directory.makeLink(name, to: link)
        default: try directory.makeNode(name, mode: status.mode, major: status.major, minor: status.minor)
        }
        if status.uid != effectiveUserID() || status.gid != effectiveGroupID() { try directory.changeOwner(of: name, uid: status.uid, gid: status.gid) }
        for attribute in try source.attributeNames(of: name) where !attribute.bytes.elementsEqual("security.selinux".utf8) {
            try directory.setAttribute(attribute, try source.attribute(attribute, of: name), of: name)
        }
        try directory.setTimes(of: name, accessed: status.accessed, modified: status.modified)
    }

    /// The content, by sharing blocks, or copied within the kernel; holes stay holes.
    private mutating func copyContent(from source: borrowing FileDescriptor, to target: borrowing FileDescriptor, _ status: FileStatus) throws(Errno) {
        if canClone {
            do throws(Errno) { return try target.cloneContents(of: source) } catch where [.notSupported, .invalid, .crossDevice, .notTerminal].contains(error) {
                canClone = false  // another file system would not be another answer
            }
        }
        try target.copyExtents(from: source, size: status.size, hasHoles: status.allocatedBytes < status.size)
    }
}
