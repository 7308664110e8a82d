// Keeps the host's binary out of a container's reach. The init is a copy of this program, and /proc/PID/exe of it leads
// to the binary's inode: root in a container could open that and, once no process runs it any more, overwrite the
// host's runtime (CVE-2019-5736). So before anything of a container exists, the program executes itself once more from
// a handle through which nobody can write. A release does that before the C library starts, through an overlay without an
// upper layer (CKernel/seal.c); what could not be sealed there is executed from a sealed copy in memory.
package import Diagnostics
import Kernel

/// Self-protection: the host's binary can never be written through /proc/PID/exe of a container's process (CVE-2019-5736).
package enum SealedExecutable {
    /// Executes this program again from a sealed copy, unless it already runs sealed. Answers when it does, or when no
    /// container could write the binary anyway.
    ///
    /// - Throws: when no memory file can be had: then no container is started.
    package static func ensure(arguments: [String]) throws(OperationError) {
        do throws(Errno) {
            if try runsSealed() { return }
        } catch {
            throw OperationError(
                "seal", "/proc/self/exe", error == .noDevice ? .invalid("/proc is not a procfs") : .errno(error),
                hint: "the runtime must see itself before it starts a container")
        }
        do throws(Errno) {
            let executable = try FileDescriptor.open("/proc/self/exe", .readOnly)
            if try isOutOfReach() { return }
            // no overlay file system, no privilege for it, or an odd file system below: a copy always works
            let copy = try memoryCopy(of: executable)
            try copy.execute(arguments: StringVector(arguments), environment: StringVector(environment()))
        } catch {
            throw OperationError(
                "seal", "/proc/self/exe", .errno(error), hint: "the runtime must be able to copy itself before it starts a container")
        }
    }

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

    private static func memoryCopy(of executable: borrowing FileDescriptor) throws(Errno) -> FileDescriptor {
        let copy = try FileDescriptor.memory(named: "cale", isExecutable: true)
        try copy.copyContents(from: executable)
        try copy.seal()
        return copy
    }
}
