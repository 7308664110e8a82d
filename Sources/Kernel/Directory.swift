// Directories and the names in them: listing, making, renaming, removing, links. Paths are relative to a handle, or those of the host.
// What is inside of a container's tree is found by UntrustedTree; attributes of files are in FileAttributes.swift, what a status tells in
// FileStatus.swift.
import CKernel
package import Diagnostics

/// One entry of a directory.
package struct DirectoryEntry: Equatable, Sendable {
    package let name: [UInt8]
    /// The name as text; bytes that are no UTF-8 are replaced.
    package var text: String { String(decoding: name, as: UTF8.self) }
    package let kind: FileKind
}

extension FileDescriptor {
    /// The entries of this directory without "." and "..", in the file system's order.
    package borrowing func entries() throws(Errno) -> [DirectoryEntry] {
        var entries: [DirectoryEntry] = []
        var buffer = [UInt8](repeating: 0, count: 8192)
        let number = raw
        try check(kernel_seek(number, 0, 0))  // all of them, whoever has read before
        while true {
            let filled = try check(unsafe buffer.withUnsafeMutableBytes { unsafe kernel_getdents(number, $0.baseAddress, $0.count) })
            if filled == 0 { return entries }
            var offset = 0
            // struct linux_dirent64: u64 inode, i64 offset, u16 length, u8 type, name with NUL
            while offset + 19 <= filled {
                let length = Int(buffer[offset + 16]) | Int(buffer[offset + 17]) << 8
                let name = buffer[(offset + 19)..<(offset + length)].prefix { $0 != 0 }
                if name != [0x2E] && name != [0x2E, 0x2E] {
                    entries.append(DirectoryEntry(name: Array(name), kind: Self.kind(of: buffer[offset + 18])))
                }
                offset += length
            }
        }
    }

    private static func kind(of type: UInt8) -> FileKind {
        switch type {
        case 1: .fifo
        case 2: .characterDevice
        case 4: .directory
        case 6: .blockDevice
        case 8: .regular
        case 10: .symbolicLink
        case 12: .socket
        default: .unknown
        }
    }

    package borrowing func makeDirectory(_ path: Path, permissions: UInt32) throws(Errno) {
        try check(unsafe path.withCString { unsafe kernel_mkdirat(raw, $0, permissions) })
    }
    package borrowing func makeNode(_ path: Path, mode: UInt32, major: UInt32 = 0, minor: UInt32 = 0) throws(Errno) {
        try check(unsafe path.withCString { unsafe kernel_mknodat(raw, $0, mode, major, minor) })
    }
    package borrowing func makeLink(_ path: Path, to target: Path) throws(Errno) {
        try check(unsafe path.withCString { path in unsafe target.withCString { unsafe kernel_symlinkat($0, raw, path) } })
    }
    package borrowing func remove(_ path: Path, directory: Bool = false) throws(Errno) {
        try check(unsafe path.withCString { unsafe kernel_unlinkat(raw, $0, directory ? AT_REMOVEDIR : 0) })
    }
    /// Renames within this directory; what stands under the new name is replaced unless `exclusive`.
    package borrowing func rename(_ old: Path, to new: Path, exclusive: Bool = false) throws(Errno) {
        try check(unsafe old.withCString { old in unsafe new.withCString { unsafe kernel_renameat2(raw, old, raw, $0, exclusive ? 1 : 0) } })
    }
    /// Moves the entry `old` to `directory`, within one file system; what stands there is replaced unless `exclusive`.
    package borrowing func rename(_ old: Path, to new: Path, in directory: borrowing FileDescriptor, exclusive: Bool = false) throws(Errno) {
        let target = directory.raw
        try check(unsafe old.withCString { old in unsafe new.withCString { unsafe kernel_renameat2(raw, old, target, $0, exclusive ? 1 : 0) } })
    }
    package borrowing func changeOwner(uid: UInt32, gid: UInt32) throws(Errno) {
        let empty: Path = ""
        try check(unsafe empty.withCString { unsafe kernel_fchownat(raw, $0, uid, gid, 0x1000) })
    }
    package borrowing func changePermissions(_ permissions: UInt32) throws(Errno) { try check(kernel_fchmod(raw, permissions)) }

    /// Gives the lock of `lock` back.
    package borrowing func unlock() throws(Errno) {
        let number = raw
        try checkRetrying { kernel_flock(number, 8) }  // LOCK_UN
    }

    /// Takes an flock(2): exclusive or shared, waiting for it unless `waiting` is false.
    /// - Throws: `EAGAIN` when somebody else holds it and `waiting` is false.
    package borrowing func lock(exclusive: Bool = true, waiting: Bool = true) throws(Errno) {
        let number = raw
        let operation: Int32 = (exclusive ? 2 : 1) | (waiting ? 0 : 4)
        try checkRetrying { kernel_flock(number, operation) }
    }

    /// The target of the link `path` below this directory.
    package borrowing func linkTarget(_ path: Path) throws(Errno) -> [UInt8] {
        let number = raw
        return try unsafe readLink(path) { path, buffer in unsafe kernel_readlinkat(number, path, buffer.baseAddress, buffer.count) }
    }

    /// Removes `name` below this directory with everything in it; links are removed, not followed, mounts not entered.
    ///
    /// However deep it is, some sixty directories are open at once: what lies deeper is moved up before it is emptied.
    package borrowing func removeTree(_ name: Path) throws(Errno) {
        do throws(Errno) { return try remove(name) } catch where error == .isDirectory || error == .notPermitted || error == .notEmpty {}
        let directory = try openToEmpty(name)
        var moved = 0
        var before: Int
        repeat {
            before = moved
            try Self.empty(directory, depth: 0, top: directory, &moved)
        } while moved > before
        try remove(name, directory: true)
    }

    /// Removes everything in `directory`; directories at the greatest depth become entries of `top`, under names that nothing there has.
    private static func empty(_ directory: borrowing FileDescriptor, depth: Int, top: borrowing FileDescriptor, _ moved: inout Int) throws(Errno) {
        for entry in try directory.entries() {
            guard let name = Path(bytes: entry.name) else { continue }  // a directory entry never holds NUL
            do throws(Errno) {
                try directory.remove(name)
                continue
            } catch where error == .isDirectory || error == .notPermitted {}
            let child = try directory.openToEmpty(name)
            if depth >= 60, try move(name, from: directory, to: top, &moved) { continue }
            try empty(child, depth: depth + 1, top: top, &moved)
            try directory.remove(name, directory: true)
        }
    }

    /// False where the file system does not move directories, as an overlay does not with those of its lower layers.
    private static func move(_ name: Path, from directory: borrowing FileDescriptor, to top: borrowing FileDescriptor, _ moved: inout Int) throws(Errno) -> Bool {
        while true {
            do throws(Errno) {
                moved += 1
                try directory.rename(name, to: Path("moved-up-\(moved)"), in: top, exclusive: true)
                return true
            } catch where error == .exists {
                continue
            } catch where error == .crossDevice {
                return false
            }
        }
    }
}

extension FileDescriptor {
    /// The directory `name`, opened for removing what is in it; an owner without privileges first gives himself the permissions.
    private borrowing func openToEmpty(_ name: Path) throws(Errno) -> FileDescriptor {
        do throws(Errno) {
            let directory = try open(name, [.readOnly, .directory, .noFollow])
            if effectiveUserID() != 0, try directory.status().permissions & 0o700 != 0o700 { try directory.changePermissions(0o700) }
            return directory
        } catch where error == .accessDenied {
            let place = try open(name, [.path, .directory, .noFollow])
            let path = Path("/proc/self/fd/\(place.raw)")
            try check(unsafe path.withCString { unsafe kernel_fchmodat(currentDirectoryNumber, $0, 0o700) })
            return try open(name, [.readOnly, .directory, .noFollow])
        }
    }
}

private func readLink(
    _ path: Path, _ call: (UnsafePointer<CChar>, UnsafeMutableBufferPointer<CChar>) -> Int64
) throws(Errno) -> [UInt8] {
    var buffer = [CChar](repeating: 0, count: 4097)
    let count = try check(unsafe buffer.withUnsafeMutableBufferPointer { buffer in unsafe path.withCString { unsafe call($0, buffer) } })
    if count > 4096 { throw .nameTooLong }
    return buffer[0..<count].map { UInt8(bitPattern: $0) }
}

/// The target of the link at `path`.
package func linkTarget(_ path: Path) throws(Errno) -> [UInt8] {
    try unsafe readLink(path) { path, buffer in unsafe kernel_readlinkat(currentDirectoryNumber, path, buffer.baseAddress, buffer.count) }
}

package func makeDirectory(_ path: Path, permissions: UInt32) throws(Errno) {
    try check(unsafe path.withCString { unsafe kernel_mkdirat(currentDirectoryNumber, $0, permissions) })
}

/// The directory `path`, and those above it, where they are missing; each gets `permissions`.
package func makeDirectories(_ path: Path, permissions: UInt32) throws(Errno) {
    do throws(Errno) {
        return try makeDirectory(path, permissions: permissions)
    } catch where error == .exists {
        return
    } catch where error == .noEntry {}
    let bytes = path.bytes
    guard let slash = bytes.dropLast().lastIndex(of: UInt8(ascii: "/")), slash > bytes.startIndex, let parent = Path(bytes: bytes[..<slash]) else { throw .noEntry }
    try makeDirectories(parent, permissions: permissions)
    do throws(Errno) { try makeDirectory(path, permissions: permissions) } catch where error == .exists {}
}

package func removeFile(_ path: Path, directory: Bool = false) throws(Errno) {
    try check(unsafe path.withCString { unsafe kernel_unlinkat(currentDirectoryNumber, $0, directory ? AT_REMOVEDIR : 0) })
}

/// The absolute path of the current directory.
package func currentDirectory() throws(Errno) -> Path {
    var buffer = [CChar](repeating: 0, count: 4097)
    let count = try check(unsafe buffer.withUnsafeMutableBufferPointer { unsafe kernel_getcwd($0.baseAddress, $0.count) })
    let bytes = buffer[0..<max(Int(count) - 1, 0)].map { UInt8(bitPattern: $0) }
    // "(unreachable)/…" when the directory lies outside of our root
    guard bytes.first == UInt8(ascii: "/"), let path = Path(bytes: bytes) else { throw .noEntry }
    return path
}

extension Path {
    /// This path from wherever one looks: below the current directory when it is relative. Nothing is resolved.
    package func absolute() throws(Errno) -> Path { isAbsolute ? self : try currentDirectory().appending(bytes: bytes) }
}
