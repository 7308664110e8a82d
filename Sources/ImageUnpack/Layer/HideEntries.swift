// Whiteouts: what lower layers have put below a name goes, what the present layer has put there stays.
import Diagnostics
import Kernel
import UntrustedTree

extension LayerApplier {
    /// Takes the entry `path` of lower layers away. One that does not exist is no fault.
    mutating func hide(_ path: InRootPath) throws(Errno) {
        guard let last = path.lastComponent, let name = Path(bytes: last) else { return }
        if case .layer(let marks) = form { return try markHidden(name, in: path.parent, marks) }
        guard made != nil, let directory = try existingDirectory(path.parent) else { return }
        parent = nil
        try hide(name, in: directory.handle, inode: directory.inode)
    }

    /// Takes everything of lower layers in the directory `path` away.
    mutating func hideChildren(of path: InRootPath) throws(Errno) {
        if case .layer(let marks) = form { return try markOpaque(path, marks) }
        guard made != nil, let directory = try existingDirectory(path) else { return }
        parent = nil
        let readable = try directory.handle.open(".", [.readOnly, .directory])
        try hideChildren(of: readable, inode: directory.inode)
    }

    private mutating func existingDirectory(_ path: InRootPath) throws(Errno) -> OpenParent? {
        do throws(Errno) {
            let directory = try OpenParent(path, try root.open(path, [.path, .directory]))
            try keepAttributes(of: directory)
            return directory
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

    // MARK: - In the overlay file system's form

    /// A character device 0:0 hides a name. What the layer itself has there hides it already, a directory when it is opaque.
    private mutating func markHidden(_ name: Path, in path: InRootPath, _ marks: OverlayMarks) throws(Errno) {
        let directory = try openParent(path)
        whiteoutDirectories.insert(path)
        var found: FileStatus?
        do throws(Errno) { found = try directory.handle.status(of: name) } catch where error == .noEntry {}
        if found == nil {
            try directory.handle.makeNode(name, mode: 0o020000)
        } else if found?.kind == .directory {
            try directory.handle.open(name, [.readOnly, .directory, .noFollow]).setAttribute(marks.opaque, [UInt8(ascii: "y")])
        }
    }

    private mutating func markOpaque(_ path: InRootPath, _ marks: OverlayMarks) throws(Errno) {
        // the root of a layer cannot be opaque: the list of layers is cut there instead
        if path.isRoot {
            isRootOpaque = true
            return
        }
        let directory = try openParent(path)
        try directory.handle.open(".", [.readOnly, .directory]).setAttribute(marks.opaque, [UInt8(ascii: "y")])
    }
}

extension FileStatus {
    /// Whether it is the overlay file system's mark for a hidden name. No entry of an archive can make one.
    var isWhiteout: Bool { kind == .characterDevice && major == 0 && minor == 0 }
}
