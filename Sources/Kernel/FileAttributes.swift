import CKernel
package import Diagnostics

// Owners, permissions, times and extended attributes of one entry of a directory, or of the file behind a descriptor.
// Links are never followed.
extension FileDescriptor {
    /// Gives the entry `name` of this directory to `uid` and `gid`.
    package borrowing func changeOwner(of name: Path, uid: UInt32, gid: UInt32) throws(Errno) {
        try check(unsafe name.withCString { unsafe kernel_fchownat(raw, $0, uid, gid, AT_SYMLINK_NOFOLLOW) })
    }

    /// Sets the times of the entry `name` of this directory.
    package borrowing func setTimes(of name: Path, accessed: TimeStamp, modified: TimeStamp) throws(Errno) {
        try check(unsafe name.withCString { unsafe kernel_utimensat(raw, $0, accessed.raw, modified.raw, AT_SYMLINK_NOFOLLOW) })
    }

    /// Sets the times of the open file; not of one that was opened as a path only.
    package borrowing func setTimes(accessed: TimeStamp, modified: TimeStamp) throws(Errno) {
        try check(kernel_futimens(raw, accessed.raw, modified.raw))
    }

    /// Makes `name` in this directory a hard link to `target` in `directory`; a link at `target` is linked itself.
    package borrowing func makeHardLink(_ name: Path, to target: Path, in directory: borrowing FileDescriptor) throws(Errno) {
        let from = directory.raw
        let to = raw
        try check(unsafe target.withCString { target in unsafe name.withCString { unsafe kernel_linkat(from, target, to, $0, 0) } })
    }

    /// Gives the file `file`, which was opened with `unnamed`, the name `name` in this directory. Through
    /// /proc: with the descriptor alone linkat(2) wants CAP_DAC_READ_SEARCH.
    /// - Throws: `EEXIST` when something stands there.
    package borrowing func makeName(_ name: Path, of file: borrowing FileDescriptor) throws(Errno) {
        let source = Path("/proc/self/fd/\(file.raw)")
        let directory = raw
        try check(unsafe source.withCString { source in
            unsafe name.withCString { unsafe kernel_linkat(currentDirectoryNumber, source, directory, $0, 0x400) }  // AT_SYMLINK_FOLLOW
        })
    }

    /// Sets an extended attribute of the open file.
    package borrowing func setAttribute(_ attribute: Path, _ value: [UInt8]) throws(Errno) {
        try check(unsafe attribute.withCString { name in unsafe value.withUnsafeBytes { unsafe kernel_fsetxattr(raw, name, $0.baseAddress, $0.count) } })
    }

    /// The names of the open file's extended attributes; none where the file system has none.
    package borrowing func attributeNames() throws(Errno) -> [Path] {
        let number = raw
        return try unsafe Self.names { (to, count) throws(Errno) in try check(unsafe kernel_flistxattr(number, to, count)) }
    }

    /// An extended attribute of the open file.
    /// - Throws: `ENODATA` when it has none of that name.
    package borrowing func attribute(_ name: Path) throws(Errno) -> [UInt8] {
        let number = raw
        var value = [UInt8](repeating: 0, count: 65536)  // XATTR_SIZE_MAX
        let count = try check(unsafe name.withCString { name in unsafe value.withUnsafeMutableBytes { unsafe kernel_fgetxattr(number, name, $0.baseAddress, $0.count) } })
        return Array(value[..<count])
    }

    package borrowing func removeAttribute(_ name: Path) throws(Errno) {
        try check(unsafe name.withCString { unsafe kernel_fremovexattr(raw, $0) })
    }

    /// The names of the extended attributes of the entry `name` of this directory, of a link itself too; none where the file
    /// system has none.
    package borrowing func attributeNames(of name: Path) throws(Errno) -> [Path] {
        let number = raw
        do throws(Errno) {
            return try unsafe Self.names { (to, count) throws(Errno) in try check(unsafe name.withCString { unsafe kernel_listxattrat(number, $0, to, count) }) }
        } catch where error == .noSystemCall || error == .notPermitted {}  // before Linux 6.13, and where a filter does not know it
        let path = Path("/proc/self/fd/\(number)").appending(bytes: name.bytes)
        return try unsafe Self.names { (to, count) throws(Errno) in try check(unsafe path.withCString { unsafe kernel_llistxattr($0, to, count) }) }
    }

    /// What `list` answers, which is called as listxattr(2) is: without a place for the size, then with one.
    private static func names(_ list: (UnsafeMutablePointer<CChar>?, Int) throws(Errno) -> Int) throws(Errno) -> [Path] {
        while true {
            let size: Int
            do throws(Errno) { size = try list(nil, 0) } catch where error == .notSupported { return [] }
            if size == 0 { return [] }
            var names = [CChar](repeating: 0, count: size)
            do throws(Errno) {
                let filled = try unsafe names.withUnsafeMutableBufferPointer { (names) throws(Errno) in try unsafe list(names.baseAddress, names.count) }
                return names[..<filled].split(separator: 0).compactMap { Path(bytes: $0.map { UInt8(bitPattern: $0) }) }
            } catch where error == .outOfRange {}  // it has got more meanwhile
        }
    }

    /// An extended attribute of the entry `name` of this directory, of a link itself too.
    /// - Throws: `ENODATA` when it has none of that name.
    package borrowing func attribute(_ attribute: Path, of name: Path) throws(Errno) -> [UInt8] {
        let path = Path("/proc/self/fd/\(raw)").appending(bytes: name.bytes)
        var value = [UInt8](repeating: 0, count: 65536)  // XATTR_SIZE_MAX
        let count = try check(unsafe path.withCString { path in
            unsafe attribute.withCString { name in unsafe value.withUnsafeMutableBytes { unsafe kernel_lgetxattr(path, name, $0.baseAddress, $0.count) } }
        })
        return Array(value[..<count])
    }

    /// Sets an extended attribute of the entry `name` of this directory, of a link itself too.
    package borrowing func setAttribute(_ attribute: Path, _ value: [UInt8], of name: Path) throws(Errno) {
        let path = Path("/proc/self/fd/\(raw)").appending(bytes: name.bytes)
        try check(unsafe path.withCString { path in
            unsafe attribute.withCString { name in unsafe value.withUnsafeBytes { unsafe kernel_lsetxattr(path, name, $0.baseAddress, $0.count) } }
        })
    }
}

extension TimeStamp {
    fileprivate var raw: kernel_time { kernel_time(seconds: seconds, nanoseconds: nanoseconds) }
}
