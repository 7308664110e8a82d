// Directories that entries stand in. One that no layer tells of is root's, mode 0755, of the year 1970, so that the same image
// gives the same tree; one that a lower layer tells of stays what it is, times included. What is no directory is replaced by one.
import Diagnostics
import Kernel
import UntrustedTree

extension LayerApplier {
    /// The directory `path` for entries to be made in, made with its parents where nothing told of it.
    mutating func openParent(_ path: InRootPath) throws(Errno) -> OpenParent {
        if let parent, parent.path == path { return parent }
        var opened: OpenParent?
        do throws(Errno) {
            opened = try OpenParent(path, try root.open(path, [.path, .directory]))
        } catch where error == .noEntry {
        } catch where error == .notDirectory && form == .flat {
            try removeWhatIsNoDirectory(on: path)
        }
        let directory: OpenParent
        if let opened { directory = opened } else { directory = try makeImplied(path) }
        try keepAttributes(of: directory)
        parent = directory
        return directory
    }

    /// What is made in `directory` must not change its times, unless an entry does.
    mutating func keepAttributes(of directory: OpenParent) throws(Errno) {
        if directories[directory.inode] != nil { return }
        let status = directory.status
        if directory.path.isRoot { return try keepRootAttributes(status) }
        let path = try realPath(of: directory.handle, at: directory.path)
        try keep(DirectoryAttributes(path: path, permissions: status.permissions, accessed: status.accessed, modified: status.modified), of: status.inode)
    }

    /// The path of the open directory without links; `path` led to it. A link on the way may be another thing when the end is reached.
    private func realPath(of directory: borrowing FileDescriptor, at path: InRootPath) throws(Errno) -> InRootPath {
        let (top, here): ([UInt8], [UInt8])
        do throws(Errno) {
            top = try linkTarget(Path("/proc/self/fd/\(root.handle.raw)"))
            here = try linkTarget(Path("/proc/self/fd/\(directory.raw)"))
        } catch where error == .nameTooLong {
            return path  // the kernel tells of none that is longer than a page
        }
        let prefix = top.last == UInt8(ascii: "/") ? top : top + [UInt8(ascii: "/")]
        guard here.starts(with: prefix), let real = InRootPath(bytes: here.dropFirst(prefix.count)) else { return path }
        return real
    }

    /// What stands where `path` needs a directory goes, as it would for an entry that is one: a layer by itself on an overlay hides it. Of a link to a
    /// file the link goes, not the file.
    private mutating func removeWhatIsNoDirectory(on path: InRootPath) throws(Errno) {
        var here = InRootPath.root
        for component in path.components {
            guard let next = here.appending(component), let name = Path(bytes: component) else { throw .invalid }
            do throws(Errno) {
                _ = try root.open(next, [.path, .directory])
            } catch where error == .noEntry {
                return
            } catch where error == .notDirectory {
                let directory = try OpenParent(here, try root.open(here, [.path, .directory]))
                try keepAttributes(of: directory)
                parent = nil
                return try directory.handle.remove(name)
            }
            here = next
        }
    }

    private mutating func makeImplied(_ path: InRootPath, links: Int = 0) throws(Errno) -> OpenParent {
        if links > 40 { throw .tooManyLinks }
        var missing: [InRootPath] = []
        var ancestor = path
        while !ancestor.isRoot {
            var exists = true
            do throws(Errno) { _ = try root.open(ancestor, [.path, .directory]) } catch where error == .noEntry { exists = false }
            if exists { break }
            missing.append(ancestor)
            ancestor = ancestor.parent
        }
        let above = try OpenParent(ancestor, try root.open(ancestor, [.path, .directory]))
        if let end = try deadLink(missing.last, in: above, then: path.components.dropFirst(ancestor.components.count + 1)) {
            // directories are made where a link to nothing leads
            _ = try makeImplied(end, links: links + 1)
            return try OpenParent(path, try root.open(path, [.path, .directory]))
        }
        // its times would change with the new directory in it
        try keepAttributes(of: above)
        _ = try root.makeDirectories(path, permissions: 0o755)
        for new in missing {
            let directory = try OpenParent(new, try root.open(new, [.path, .directory]))
            let status = directory.status
            let path = try realPath(of: directory.handle, at: new)
            try keep(DirectoryAttributes(path: path, permissions: status.permissions, accessed: .epoch, modified: .epoch), of: status.inode)
            made?[status.inode] = nil
            if form != .flat { implied[new] = true }
        }
        return try OpenParent(path, try root.open(path, [.path, .directory]))
    }

    /// Where `link` in `directory`, which leads to nothing, leads to, and `rest` from there; nil when there is no link.
    private func deadLink(_ link: InRootPath?, in directory: OpenParent, then rest: ArraySlice<[UInt8]>) throws(Errno) -> InRootPath? {
        guard let last = link?.lastComponent, let name = Path(bytes: last) else { return nil }
        do throws(Errno) {
            if try directory.handle.status(of: name).kind != .symbolicLink { return nil }
        } catch where error == .noEntry {
            return nil
        }
        let target = try directory.handle.linkTarget(name)
        let place = target.first == UInt8(ascii: "/") ? [] : try realPath(of: directory.handle, at: directory.path).components
        guard let end = InRootPath(bytes: Array((place + [target] + rest).joined(separator: [UInt8(ascii: "/")]))) else { throw .nameTooLong }
        return end
    }

    /// A new root has today's times, one with layers in it theirs; those of an entry win.
    private mutating func keepRootAttributes(_ status: FileStatus) throws(Errno) {
        let (accessed, modified) = hasContext ? (status.accessed, status.modified) : (.epoch, .epoch)
        try keep(DirectoryAttributes(path: .root, permissions: status.permissions, accessed: accessed, modified: modified), of: status.inode)
    }

    /// A root that no layer tells of.
    mutating func keepRootAttributes() throws(OperationError) {
        do throws(Errno) { try keepRootAttributes(try root.handle.status()) } catch { throw OperationError("look at", "/", .errno(error)) }
    }
}

extension TimeStamp {
    /// The beginning of 1970.
    static var epoch: TimeStamp { TimeStamp(seconds: 0, nanoseconds: 0) }
}
