// The only way to touch a path inside a tree that somebody else controls: a rootfs, an image layer, a volume.
//
// Every operation starts at the directory handle of the root and answers a descriptor; the caller works on that
// descriptor and never resolves the path again. Links are followed below the root as if it were "/"; magic links of
// procfs are never followed. Where openat2(2) is missing or filtered, a walk of our own gives the same answers.
package import Diagnostics
package import Kernel

/// The root of a tree that somebody else controls.
package struct RootDirectory: ~Copyable {
    package let handle: FileDescriptor

    /// `handle` must be a directory (O_PATH is enough).
    package init(_ handle: consuming FileDescriptor) { self.handle = handle }

    /// Gives the handle back.
    package consuming func relinquish() -> FileDescriptor { handle }

    /// Opens what `path` names below the root, with links followed inside the root.
    ///
    /// - Throws: `ENOENT`, `ENOTDIR`, `ELOOP` (a link loop, or with `.noFollow` a link at the end), and those of open(2).
    /// Source: openat2(2) `RESOLVE_IN_ROOT`; CVE-2021-30465, CVE-2024-45310 are what it prevents.
    package borrowing func open(_ path: InRootPath, _ flags: OpenFlags, mode: UInt32 = 0) throws(Errno) -> FileDescriptor {
        guard let relative = Path(bytes: path.relativeBytes) else { throw .invalid }
        do throws(Errno) {
            return try handle.open(relative, flags, mode: mode, resolve: [.inRoot, .noMagicLinks])
        } catch where error == .noSystemCall || error == .notPermitted {
            // before Linux 5.6, or under a filter that does not know the call; EPERM may also be the file's own answer
            return try walk(path, flags, mode: mode)
        }
    }

    /// The directory `path`, made with its parents where missing.
    ///
    /// New directories get `permissions` exactly (the umask must be 0) and the owner of the process. Where a link leads to
    /// nothing, what it names is made, below the root.
    /// - Throws: `ENOTDIR` when a component is no directory.
    package borrowing func makeDirectories(_ path: InRootPath, permissions: UInt32) throws(Errno) -> FileDescriptor {
        try makeDirectories(path, permissions: permissions, links: 0)
    }

    private borrowing func makeDirectories(_ path: InRootPath, permissions: UInt32, links: Int) throws(Errno) -> FileDescriptor {
        if links > 40 { throw .tooManyLinks }
        do throws(Errno) { return try open(path, [.path, .directory]) } catch where error == .noEntry {}
        do throws(Errno) {
            // mostly the last one alone is missing: then it is made in its parent, with no second look from the root
            return try makeLast(of: path, permissions: permissions)
        } catch where error == .noEntry || error == .exists {}
        return try makeEach(of: path, permissions: permissions, links: links)
    }

    /// - Throws: `ENOENT` when the parent is missing too, `EEXIST` when there is something after all, as a link to nothing.
    private borrowing func makeLast(of path: InRootPath, permissions: UInt32) throws(Errno) -> FileDescriptor {
        guard let component = path.lastComponent, let name = Path(bytes: component) else { throw .invalid }
        if path.components.count == 1 { return try make(name, in: handle, permissions: permissions) }
        return try make(name, in: try open(path.parent, [.path, .directory]), permissions: permissions)
    }

    /// A link that takes the new directory's place before it is opened is not followed.
    private borrowing func make(_ name: Path, in parent: borrowing FileDescriptor, permissions: UInt32) throws(Errno) -> FileDescriptor {
        try parent.makeDirectory(name, permissions: permissions)
        return try parent.open(name, [.path, .directory, .noFollow])
    }

    /// Component by component, links to nothing included.
    private borrowing func makeEach(of path: InRootPath, permissions: UInt32, links: Int) throws(Errno) -> FileDescriptor {
        var reached = InRootPath.root
        var directory = try open(reached, [.path, .directory])
        for (index, component) in path.components.enumerated() {
            guard let next = reached.appending(component), let name = Path(bytes: component) else { throw .invalid }
            do throws(Errno) {
                directory = try open(next, [.path, .directory])
            } catch where error == .noEntry {
                var isDangling = false
                do throws(Errno) { try directory.makeDirectory(name, permissions: permissions) } catch where error == .exists {
                    isDangling = try directory.status(of: name).kind == .symbolicLink
                }
                if isDangling {
                    let rest = path.components[(index + 1)...]
                    let end = try self.end(of: try directory.linkTarget(name), from: reached, then: rest)
                    return try makeDirectories(end, permissions: permissions, links: links + 1)
                }
                directory = try open(next, [.path, .directory])
            }
            reached = next
        }
        return directory
    }

    /// Where a link to `target` in the directory `place` leads, and `rest` from there. Resolved again from the root, so that
    /// it cannot lead outside whatever `place` is by now.
    private func end(of target: [UInt8], from place: InRootPath, then rest: ArraySlice<[UInt8]>) throws(Errno) -> InRootPath {
        let start = target.first == UInt8(ascii: "/") ? [] : place.components
        guard let path = InRootPath(bytes: Array((start + [target] + rest).joined(separator: [UInt8(ascii: "/")]))) else { throw .nameTooLong }
        return path
    }

    /// The directory that holds `path`, made with its parents where missing, and the last name.
    ///
    /// The name itself is not looked up: a link there is the caller's business, by `noFollow` calls on the handle.
    /// - Throws: `EINVAL` for the root itself.
    package borrowing func makeParent(of path: InRootPath, permissions: UInt32) throws(Errno) -> ParentDirectory {
        guard let name = path.lastComponent, let leaf = Path(bytes: name) else { throw .invalid }
        return ParentDirectory(handle: try makeDirectories(path.parent, permissions: permissions), name: leaf)
    }

    /// `path` reached without any link, made with its parents where missing.
    ///
    /// For procfs and sysfs: mounted anywhere else than at their places, later writes below /proc would land in a tree
    /// of the image's choice (CVE-2019-19921).
    /// - Throws: `ELOOP` for a link on the way, `ENOTDIR` for anything but a directory.
    package borrowing func makePlainDirectories(_ path: InRootPath, permissions: UInt32) throws(Errno) -> FileDescriptor {
        var directory = try handle.duplicate()
        for component in path.components {
            guard let name = Path(bytes: component) else { throw .invalid }
            do throws(Errno) {
                directory = try directory.open(name, [.path, .directory, .noFollow])
            } catch where error == .noEntry {
                // another container of the same rootfs may be making it at this moment
                do throws(Errno) { try directory.makeDirectory(name, permissions: permissions) } catch where error == .exists {}
                directory = try directory.open(name, [.path, .directory, .noFollow])
            } catch where error == .notDirectory {
                throw try directory.status(of: name).kind == .symbolicLink ? .tooManyLinks : .notDirectory
            }
        }
        return directory
    }

    /// The regular file `path`, made empty with its parents where nothing stands there; what stands there is left alone.
    ///
    /// Where a link leads to nothing, what it names is made, below the root.
    /// Answers an O_PATH handle, good as the target of a bind mount.
    package borrowing func makeFile(_ path: InRootPath, permissions: UInt32, directories: UInt32) throws(Errno) -> FileDescriptor {
        try makeFile(path, permissions: permissions, directories: directories, links: 0)
    }

    private borrowing func makeFile(_ path: InRootPath, permissions: UInt32, directories: UInt32, links: Int) throws(Errno) -> FileDescriptor {
        if links > 40 { throw .tooManyLinks }
        do throws(Errno) { return try open(path, [.path]) } catch where error == .noEntry {}
        let parent = try makeParent(of: path, permissions: directories)
        do throws(Errno) {
            _ = try parent.handle.open(parent.name, [.writeOnly, .create, .exclusive, .noFollow], mode: permissions)
        } catch where error == .exists {
            if try parent.handle.status(of: parent.name).kind == .symbolicLink {
                let end = try end(of: try parent.handle.linkTarget(parent.name), from: path.parent, then: [])
                return try makeFile(end, permissions: permissions, directories: directories, links: links + 1)
            }
        }
        return try open(path, [.path])
    }

    /// Opens `path` as openat2(2) with `RESOLVE_IN_ROOT` would, component by component.
    ///
    /// Each step opens one name without following it; a link's target is put in front of what is left. ".." in a link
    /// starts again from the root with one name less, so that a directory moved meanwhile cannot lead outside.
    borrowing func walk(_ path: InRootPath, _ flags: OpenFlags, mode: UInt32) throws(Errno) -> FileDescriptor {
        var pending = Array(path.components.reversed())
        var reached: [[UInt8]] = []
        var directory = try handle.duplicate()
        var links = 0
        while let component = pending.popLast() {
            guard let name = Path(bytes: component) else { throw .invalid }
            if component == [0x2E, 0x2E] {
                _ = reached.popLast()
                directory = try reopen(reached)
                continue
            }
            let isLast = pending.isEmpty
            if isLast, flags.contains(.noFollow) { return try directory.open(name, flags, mode: mode) }
            do throws(Errno) {
                let status = try directory.status(of: name)
                if status.kind == .symbolicLink {
                    links += 1
                    if links > 40 { throw .tooManyLinks }
                    let target = try directory.linkTarget(name)
                    if target.isEmpty { throw .noEntry }
                    if try directory.filesystemType() == .proc { throw .tooManyLinks }  // a magic link
                    if target.first == UInt8(ascii: "/") {
                        reached = []
                        directory = try handle.duplicate()
                    }
                    for part in target.split(separator: UInt8(ascii: "/")).reversed() where part != [0x2E] { pending.append(Array(part)) }
                    continue
                }
            } catch where error == .noEntry && isLast && flags.contains(.create) {}
            if isLast { return try directory.open(name, flags.union(.noFollow), mode: mode) }
            directory = try directory.open(name, [.path, .directory, .noFollow])
            reached.append(component)
        }
        guard let here = Path(bytes: [0x2E]) else { throw .invalid }
        return try directory.open(here, flags, mode: mode)
    }

    /// The directory at `names` below the root, none of which may be a link.
    private borrowing func reopen(_ names: [[UInt8]]) throws(Errno) -> FileDescriptor {
        var directory = try handle.duplicate()
        for component in names {
            guard let name = Path(bytes: component) else { throw .invalid }
            directory = try directory.open(name, [.path, .directory, .noFollow])
        }
        return directory
    }
}

/// A directory and a name in it that has not been looked up.
package struct ParentDirectory: ~Copyable {
    package let handle: FileDescriptor
    package let name: Path
}
