// Keeps the host's binary out of a container's reach. The init is a copy of this program, and /proc/PID/exe of it leads
// to the binary's inode: root in a container could open that and, once no process runs it any more, overwrite the
// host's runtime (CVE-2019-5736). So before anything of a container exists, the program executes itself once more from
// a handle through which nobody can write: the file as an overlay without an upper layer shows it, else a sealed copy
// in memory.
package import Diagnostics
import Kernel

/// Self-protection: the host's binary can never be written through /proc/PID/exe of a container's process (CVE-2019-5736).
package enum SealedExecutable {
    /// Executes this program again from a sealed handle, unless it already runs from one. Answers when it does, or when
    /// no container could write the binary anyway.
    ///
    /// - Throws: when neither an overlay nor a memory file can be had: then no container is started.
    package static func ensure(arguments: [String]) throws(OperationError) {
        if runsSealed() { return }
        do throws(Errno) {
            let executable = try FileDescriptor.open("/proc/self/exe", .readOnly)
            guard try executable.filesystemType() != .proc else { throw .stale }
            if try isOutOfReach() { return }
            let argv = StringVector(arguments)
            let envp = StringVector(environment())
            do throws(Errno) {
                let overlay = try overlayView()
                try overlay.execute(arguments: argv, environment: envp)
            } catch {
                // no overlay file system, no privilege for it, or an odd file system below: a copy always works
                let copy = try memoryCopy(of: executable)
                try copy.execute(arguments: argv, environment: envp)
            }
        } catch {
            throw OperationError(
                "seal", "/proc/self/exe", .errno(error), hint: "the runtime must be able to copy itself before it starts a container")
        }
    }

    /// execveat(2) by descriptor leaves "/dev/fd/N" as the path of execution; nothing else does, and a caller who forges
    /// it only harms his own binary.
    private static func runsSealed() -> Bool { executedPath().hasPrefix("/dev/fd/") }

    /// Without privileges on the host, a container can write what its user can write.
    private static func isOutOfReach() throws(Errno) -> Bool {
        if effectiveUserID() == 0 { return false }
        let status = try fileStatus("/proc/self/exe")
        if status.uid == effectiveUserID() { return false }
        do throws(Errno) {
            try mayAccess("/proc/self/exe", mode: 2)
            return false
        } catch {
            return true
        }
    }

    /// The binary as seen through a read-only overlay of its directory and another one: an overlay without an upper
    /// layer cannot be made writable by any remount, and it needs two lower ones.
    private static func overlayView() throws(Errno) -> FileDescriptor {
        guard let path = Path(bytes: try linkTarget("/proc/self/exe")), path.isAbsolute else { throw .noEntry }
        let bytes = path.bytes
        guard let slash = bytes.lastIndex(of: UInt8(ascii: "/")), let directory = Path(bytes: bytes[..<max(slash, 1)]) else { throw .noEntry }
        // a colon or a backslash separates and escapes layers
        if directory.bytes.contains(where: { $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: "\\") || $0 == UInt8(ascii: ",") }) { throw .invalid }
        let mount = try FileDescriptor.newMount(
            type: "overlay", options: ["lowerdir=" + directory.text + ":/dev"], attributes: [.readOnly, .noSuid, .noDevices])
        let view = try mount.open(Path(path.lastComponent), [.path, .noFollow])
        guard try view.filesystemType() == .overlay, try view.status().inode == fileStatus("/proc/self/exe").inode else { throw .stale }
        return view
    }

    private static func memoryCopy(of executable: borrowing FileDescriptor) throws(Errno) -> FileDescriptor {
        let copy = try FileDescriptor.memory(named: "cale")
        try copy.copyContents(from: executable)
        try copy.seal()
        return copy
    }
}
