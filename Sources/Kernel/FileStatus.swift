import CKernel
package import Diagnostics

/// What kind of file an inode is.
package enum FileKind: Equatable, Sendable {
    case regular, directory, symbolicLink, characterDevice, blockDevice, fifo, socket, unknown
}

/// The attributes of an inode. Source: stat(2).
package struct FileStatus: Equatable, Sendable {
    package let device: UInt64
    package let inode: UInt64
    /// Type and permission bits together, as in `st_mode`.
    package let mode: UInt32
    package let links: UInt32
    package let uid: UInt32
    package let gid: UInt32
    /// The device which a device node stands for.
    package let major: UInt32
    package let minor: UInt32
    /// Bytes.
    package let size: Int64
    /// What it takes on the disk, in bytes: less than its size when it has holes.
    package let allocatedBytes: Int64
    package let modified: TimeStamp
    package let accessed: TimeStamp
    /// When the inode was changed last, which nobody can set.
    package let changed: TimeStamp

    init(_ raw: kernel_stat) {
        device = raw.device
        inode = raw.inode
        mode = raw.mode
        links = raw.links
        uid = raw.uid
        gid = raw.gid
        major = kernel_major(raw.rdev)
        minor = kernel_minor(raw.rdev)
        size = raw.size
        allocatedBytes = Int64(clamping: raw.blocks).multipliedReportingOverflow(by: 512).partialValue
        modified = TimeStamp(seconds: raw.mtime_seconds, nanoseconds: Int64(raw.mtime_nanoseconds))
        accessed = TimeStamp(seconds: raw.atime_seconds, nanoseconds: Int64(raw.atime_nanoseconds))
        changed = TimeStamp(seconds: raw.ctime_seconds, nanoseconds: Int64(raw.ctime_nanoseconds))
    }

    package var permissions: UInt32 { mode & 0o7777 }
    package var kind: FileKind {
        switch mode & 0o170000 {
        case 0o100000: .regular
        case 0o040000: .directory
        case 0o120000: .symbolicLink
        case 0o020000: .characterDevice
        case 0o060000: .blockDevice
        case 0o010000: .fifo
        case 0o140000: .socket
        default: .unknown
        }
    }
    /// Whether both describe one inode.
    package func isSameFile(as other: FileStatus) -> Bool { device == other.device && inode == other.inode }
}

/// A point in time as files carry it.
package struct TimeStamp: Equatable, Comparable, Sendable {
    package static func < (earlier: TimeStamp, later: TimeStamp) -> Bool {
        earlier.seconds == later.seconds ? earlier.nanoseconds < later.nanoseconds : earlier.seconds < later.seconds
    }

    package var seconds: Int64
    /// 0 to 999,999,999.
    package var nanoseconds: Int64
    package init(seconds: Int64, nanoseconds: Int64) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }
}

extension FileDescriptor {
    package borrowing func status() throws(Errno) -> FileStatus {
        var raw = kernel_stat()
        try check(unsafe kernel_fstat(self.raw, &raw))
        return FileStatus(raw)
    }

    /// The status of `path` below this directory; a link at its end is not followed.
    package borrowing func status(of path: Path) throws(Errno) -> FileStatus {
        var raw = kernel_stat()
        let number = self.raw
        try check(unsafe path.withCString { unsafe kernel_fstatat(number, $0, AT_SYMLINK_NOFOLLOW, &raw) })
        return FileStatus(raw)
    }

    /// The magic number of the file system, see statfs(2).
    package borrowing func filesystemType() throws(Errno) -> FilesystemType {
        FilesystemType(magic: UInt32(truncatingIfNeeded: try check(kernel_filesystem_type(raw))))
    }
}

/// The status of `path`; a link at its end is followed when `following`.
package func fileStatus(_ path: Path, following: Bool = true) throws(Errno) -> FileStatus {
    var raw = kernel_stat()
    try check(unsafe path.withCString { unsafe kernel_fstatat(currentDirectoryNumber, $0, following ? 0 : AT_SYMLINK_NOFOLLOW, &raw) })
    return FileStatus(raw)
}

/// A file system's magic number. Source: statfs(2), linux/magic.h.
package struct FilesystemType: Equatable, Sendable {
    package let magic: UInt32
    package init(magic: UInt32) { self.magic = magic }
    package static var proc: FilesystemType { FilesystemType(magic: 0x9FA0) }
    package static var sysfs: FilesystemType { FilesystemType(magic: 0x6265_6572) }
    package static var tmpfs: FilesystemType { FilesystemType(magic: 0x0102_1994) }
    package static var overlay: FilesystemType { FilesystemType(magic: 0x794C_7630) }
    package static var cgroup1: FilesystemType { FilesystemType(magic: 0x0027_E0EB) }
    package static var cgroup2: FilesystemType { FilesystemType(magic: 0x6367_7270) }
    package static var devpts: FilesystemType { FilesystemType(magic: 0x1CD1) }
    package static var selinux: FilesystemType { FilesystemType(magic: 0xF97C_FF8C) }
    package static var nsfs: FilesystemType { FilesystemType(magic: 0x6E73_6673) }
}
