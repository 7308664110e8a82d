import CKernel
package import Diagnostics

/// Flags of open(2); close-on-exec is always added.
package struct OpenFlags: OptionSet, Sendable {
    package let rawValue: Int32
    package init(rawValue: Int32) { self.rawValue = rawValue }
    package static var readOnly: OpenFlags { OpenFlags(rawValue: O_RDONLY) }
    package static var writeOnly: OpenFlags { OpenFlags(rawValue: O_WRONLY) }
    package static var readWrite: OpenFlags { OpenFlags(rawValue: O_RDWR) }
    package static var create: OpenFlags { OpenFlags(rawValue: O_CREAT) }
    package static var exclusive: OpenFlags { OpenFlags(rawValue: O_EXCL) }
    package static var truncate: OpenFlags { OpenFlags(rawValue: O_TRUNC) }
    package static var append: OpenFlags { OpenFlags(rawValue: O_APPEND) }
    package static var directory: OpenFlags { OpenFlags(rawValue: O_DIRECTORY) }
    package static var noFollow: OpenFlags { OpenFlags(rawValue: O_NOFOLLOW) }
    package static var nonBlocking: OpenFlags { OpenFlags(rawValue: O_NONBLOCK) }
    package static var noControllingTerminal: OpenFlags { OpenFlags(rawValue: O_NOCTTY) }
    /// `O_TMPFILE`: a file without a name in the directory that is opened.
    package static var unnamed: OpenFlags { OpenFlags(rawValue: 0o20_200_000) }
    /// `O_PATH`: a place in the tree, not an open file.
    package static var path: OpenFlags { OpenFlags(rawValue: 0o10_000_000) }
}

/// How openat2(2) may walk. Source: openat2(2).
package struct ResolveFlags: OptionSet, Sendable {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }
    package static var noCrossingMounts: ResolveFlags { ResolveFlags(rawValue: 0x01) }
    package static var noMagicLinks: ResolveFlags { ResolveFlags(rawValue: 0x02) }
    package static var noLinks: ResolveFlags { ResolveFlags(rawValue: 0x04) }
    package static var beneath: ResolveFlags { ResolveFlags(rawValue: 0x08) }
    package static var inRoot: ResolveFlags { ResolveFlags(rawValue: 0x10) }
}

package let currentDirectoryNumber: Int32 = -100

extension FileDescriptor {
    /// Opens `path`, counted from the current directory.
    package static func open(_ path: Path, _ flags: OpenFlags, mode: UInt32 = 0) throws(Errno) -> FileDescriptor {
        FileDescriptor(owning: try checkRetrying { unsafe path.withCString { unsafe kernel_openat(currentDirectoryNumber, $0, flags.rawValue | O_CLOEXEC, mode) } })
    }

    /// Opens `path`, counted from this directory.
    package borrowing func open(_ path: Path, _ flags: OpenFlags, mode: UInt32 = 0) throws(Errno) -> FileDescriptor {
        let directory = raw
        return FileDescriptor(owning: try checkRetrying { unsafe path.withCString { unsafe kernel_openat(directory, $0, flags.rawValue | O_CLOEXEC, mode) } })
    }

    /// openat2(2) below this directory. EAGAIN (a rename raced with `..`) is tried again up to 32 times.
    ///
    /// - Throws: `ENOSYS` before Linux 5.6, `EPERM` under filters that do not know the call; the fallback is the caller's.
    package borrowing func open(
        _ path: Path, _ flags: OpenFlags, mode: UInt32 = 0, resolve: ResolveFlags
    ) throws(Errno) -> FileDescriptor {
        var attempts = 0
        while true {
            let answer = unsafe path.withCString {
                unsafe kernel_openat2(raw, $0, UInt64(UInt32(bitPattern: flags.rawValue | O_CLOEXEC)), UInt64(mode), resolve.rawValue)
            }
            if answer >= 0 { return FileDescriptor(owning: answer) }
            if answer == -EAGAIN && attempts < 32 { attempts += 1 } else if answer != -EINTR { throw Errno(-answer) }
        }
    }

    /// A sealed-able anonymous file in memory.
    ///
    /// - Parameter isExecutable: it will be executed, which has to be said where `vm.memfd_noexec` is set (Linux 6.3).
    package static func memory(named name: String, isExecutable: Bool = false) throws(Errno) -> FileDescriptor {
        // MFD_CLOEXEC 1, MFD_ALLOW_SEALING 2, MFD_EXEC 16
        do throws(Errno) {
            return FileDescriptor(owning: try check(unsafe kernel_memfd_create(name, isExecutable ? 19 : 3)))
        } catch where error == .invalid && isExecutable {
            return FileDescriptor(owning: try check(unsafe kernel_memfd_create(name, 3)))
        }
    }

    /// A close-on-exec pipe.
    ///
    /// - Parameter packets: each read gets what one write wrote: messages of at most 4096 bytes. Source: pipe(2), O_DIRECT.
    package static func pipe(packets: Bool = false) throws(Errno) -> Pipe {
        var ends: (Int32, Int32) = (-1, -1)
        _ = try unsafe withUnsafeMutableBytes(of: &ends) { (buffer) throws(Errno) in
            try check(unsafe kernel_pipe(buffer.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Int32.self), packets ? 1 : 0))
        }
        return Pipe(reading: FileDescriptor(owning: ends.0), writing: FileDescriptor(owning: ends.1))
    }
}

/// Both ends of a pipe.
package struct Pipe: ~Copyable {
    package var reading: FileDescriptor
    package var writing: FileDescriptor

    /// Closes the writing end.
    package consuming func intoReading() -> FileDescriptor { reading }
    /// Closes the reading end.
    package consuming func intoWriting() -> FileDescriptor { writing }
    /// Gives the writing end away.
    package consuming func intoReading(giving give: (consuming FileDescriptor) throws(Errno) -> Void) throws(Errno) -> FileDescriptor {
        try give(writing)
        return reading
    }
    /// Gives the reading end away.
    package consuming func intoWriting(giving give: (consuming FileDescriptor) throws(Errno) -> Void) throws(Errno) -> FileDescriptor {
        try give(reading)
        return writing
    }
}

extension FileDescriptor {
    /// Makes a file of `memory(named:)` unchangeable for ever.
    package borrowing func seal() throws(Errno) {
        try check(kernel_add_seals(raw, 0x1 | 0x2 | 0x4 | 0x8))  // F_SEAL_SEAL, SHRINK, GROW, WRITE
    }
}
