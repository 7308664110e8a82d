// Hard links on a mount of lower layers. A file of theirs is copied to the new layer when it gets one more name, and its old names stay with the
// old file, where in a flat tree all are one. So every name that it has is made a name of the copy.
import Diagnostics
import Kernel
import UntrustedTree

extension LayerApplier {
    /// The other names of the file `path` of lower layers, those that are still its names.
    mutating func lowerNames(of path: InRootPath, _ status: FileStatus) throws(Errno) -> [InRootPath] {
        if !hasContext || status.links < 2 || status.kind != .regular { return [] }
        if lowerLinks == nil {
            var found: [UInt64: [InRootPath]] = [:]
            try Self.collect(at: .root, try root.open(.root, [.readOnly, .directory]), into: &found)
            lowerLinks = found
        }
        return lowerLinks?[status.inode]?.filter { $0 != path } ?? []
    }

    /// Every file with several names, by inode: a layer that links to one of them may link to many.
    private static func collect(at path: InRootPath, _ directory: borrowing FileDescriptor, into found: inout [UInt64: [InRootPath]]) throws(Errno) {
        if path.components.count > OpenParent.depthLimit { throw .nameTooLong }
        for entry in try directory.entries() {
            guard let name = Path(bytes: entry.name), let here = path.appending(entry.name) else { continue }  // a directory entry is one plain name
            let status = try directory.status(of: name)
            if status.kind == .directory {
                try collect(at: here, try directory.open(name, [.readOnly, .directory, .noFollow]), into: &found)
            } else if status.kind == .regular && status.links > 1 {
                found[status.inode, default: []].append(here)
            }
        }
    }

    /// Makes `names`, as far as they are still the file that `old` says, names of the file `target` in `directory`.
    mutating func relink(_ names: [InRootPath], from old: FileStatus, to target: Path, in directory: borrowing FileDescriptor) throws(Errno) {
        if names.isEmpty { return }
        let place = try directory.status()
        for name in names {
            guard let last = name.lastComponent, let leaf = Path(bytes: last) else { continue }
            do throws(Errno) {
                let holder = try OpenParent(name.parent, try root.open(name.parent, [.path, .directory]))
                if try holder.handle.status(of: leaf).inode != old.inode { continue }
                // the target by its path without links: to remove it would lose the file
                if leaf.bytes.elementsEqual(target.bytes), holder.status.isSameFile(as: place) { continue }
                try keepAttributes(of: holder)
                try holder.handle.remove(leaf)
                try holder.handle.makeHardLink(leaf, to: target, in: directory)
            } catch where error == .noEntry || error == .notDirectory {
                continue  // the present layer has hidden or replaced it
            }
        }
    }
}
