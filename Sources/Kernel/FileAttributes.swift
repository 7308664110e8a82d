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

    /// Sets the times of the file behind this descriptor, which may be O_PATH.
    package borrowing func setTimes(accessed: TimeStamp, modified: TimeStamp) throws(Errno) {
        let path = Path("/proc/self/fd/\(raw)")
        try check(unsafe path.withCString { unsafe kernel_utimensat(currentDirectoryNumber, $0, accessed.raw, modified.raw, 0) })
    }

    /// Makes `name` in this directory a hard link to `target` in `directory`; a link at `target` is linked itself.
    package borrowing func makeHardLink(_ name: Path, to target: Path, in directory: borrowing FileDescriptor) throws(Errno) {
        let from = directory.raw
        let to = raw
        try check(unsafe target.withCString { target in unsafe name.withCString { unsafe kernel_linkat(from, target, to, $0, 0) } })
    }

    /// Sets an extended attribute of the open file.
    package borrowing func setAttribute(_ attribute: Path, _ value: [UInt8]) throws(Errno) {
        try check(unsafe attribute.withCString { name in unsafe value.withUnsafeBytes { unsafe kernel_fsetxattr(raw, name, $0.baseAddress, $0.count) } })
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
