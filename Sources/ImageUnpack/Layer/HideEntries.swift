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
        try hide(name, in: directory)
    }

    /// Takes everything of lower layers in the directory `path` away.
    mutating func hideChildren(of path: InRootPath) throws(Errno) {
        if case .layer(let marks) = form { return try markOpaque(path, marks) }
        guard made != nil, let directory = try existingDirectory(path) else { return }
        parent = nil
        let readable = try directory.handle.open(".", [.readOnly, .directory])
        try hideChildren(of: try OpenParent(directory.path, readable))
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

    private mutating func hideChildren(of directory: OpenParent) throws(Errno) {
        for entry in try directory.handle.entries() {
            guard let name = Path(bytes: entry.name) else { continue }  // a directory entry never holds NUL
            try hide(name, in: directory)
        }
    }

    private mutating func hide(_ name: Path, in directory: OpenParent) throws(Errno) {
        let leaf = Array(name.bytes)
        let isMade = made?[directory.inode]?.contains(leaf) ?? false
        let status: FileStatus
        do throws(Errno) { status = try directory.handle.status(of: name) } catch where error == .noEntry { return }
        guard status.kind == .directory else {
            if !isMade { try directory.handle.remove(name) }
            return
        }
        guard let path = directory.path.appending(leaf) else { return }  // one plain name
        let child = try OpenParent(path, try directory.handle.open(name, [.readOnly, .directory, .noFollow]))
        // should it stay, it has the times that it had
        try keepAttributes(of: child)
        try hideChildren(of: child)
        if isMade { return }
        // what the present layer has put below keeps the directory
        do throws(Errno) {
            try directory.handle.remove(name, directory: true)
            forgetDirectory(child.inode)
        } catch where error == .notEmpty {}
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
        // one that is not there either below would be seen, though nothing tells of it
        do throws(Errno) { _ = try root.open(path, [.path, .directory]) } catch where error == .noEntry { whiteoutDirectories.insert(path) }
        let directory = try openParent(path)
        try directory.handle.open(".", [.readOnly, .directory]).setAttribute(marks.opaque, [UInt8(ascii: "y")])
    }
}

extension FileStatus {
    /// Whether it is the overlay file system's mark for a hidden name. No entry of an archive can make one.
    var isWhiteout: Bool { kind == .characterDevice && major == 0 && minor == 0 }
}
