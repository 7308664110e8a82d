// Whiteouts: what lower layers have put below a name goes, what the present layer has put there stays.
import Diagnostics
import Kernel
import UntrustedTree

extension LayerApplier {
    /// Takes the entry `path` of lower layers away. One that does not exist is no fault.
    mutating func hide(_ path: InRootPath) throws(Errno) {
        guard made != nil, let last = path.lastComponent, let name = Path(bytes: last) else { return }
        guard let directory = try existingDirectory(path.parent) else { return }
        parent = nil
        try hide(name, in: directory.handle, inode: directory.inode)
    }

    /// Takes everything of lower layers in the directory `path` away.
    mutating func hideChildren(of path: InRootPath) throws(Errno) {
        guard made != nil, let directory = try existingDirectory(path) else { return }
        parent = nil
        let readable = try directory.handle.open(".", [.readOnly, .directory])
        try hideChildren(of: readable, inode: directory.inode)
    }

    private func existingDirectory(_ path: InRootPath) throws(Errno) -> OpenParent? {
        do throws(Errno) {
            return try OpenParent(path, try root.open(path, [.path, .directory]))
        } catch where error == .noEntry || error == .notDirectory {
            return nil
        }
    }

    private func hideChildren(of directory: borrowing FileDescriptor, inode: UInt64) throws(Errno) {
        for entry in try directory.entries() {
            guard let name = Path(bytes: entry.name) else { continue }  // a directory entry never holds NUL
            try hide(name, in: directory, inode: inode)
        }
    }

    private func hide(_ name: Path, in directory: borrowing FileDescriptor, inode: UInt64) throws(Errno) {
        let isMade = made?.contains(EntryKey(directory: inode, name: Array(name.bytes))) ?? false
        let status: FileStatus
        do throws(Errno) { status = try directory.status(of: name) } catch where error == .noEntry { return }
        guard status.kind == .directory else {
            if !isMade { try directory.remove(name) }
            return
        }
        try hideChildren(of: try directory.open(name, [.readOnly, .directory, .noFollow]), inode: status.inode)
        if isMade { return }
        // what the present layer has put below keeps the directory
        do throws(Errno) { try directory.remove(name, directory: true) } catch where error == .notEmpty {}
    }
}
