import Diagnostics
import Kernel

/// The way back from a mount namespace of this process' own, in which nobody else sees what is mounted, and which ends with the last
/// process and descriptor in it.
///
/// criu works there. It opens the directories of its images below our /proc/PID/fd and mounts in them, so they must be opened there, and by
/// us; hooks and all else belong to the caller's namespace.
struct PrivateMounts: ~Copyable {
    private let namespace: FileDescriptor
    private let currentDirectory: FileDescriptor

    /// Enters a new namespace and mounts `rootfs` at `root`, with all that is below it.
    ///
    /// The container's root gets the attributes of this mount, whatever it had: one that must not be written comes out `readOnly`.
    ///
    /// criu wants a root that is a mount point whose parent is not covered. All mounts stay slaves of the host's: criu gives those of the
    /// container the peers that they had.
    static func enter(rootfs: Path, at root: Path, readOnly: Bool) throws(OperationError) -> PrivateMounts {
        do throws(Errno) {
            let here = PrivateMounts(
                namespace: try FileDescriptor.open("/proc/self/ns/mnt", .readOnly), currentDirectory: try FileDescriptor.open(".", [.path, .directory]))
            try unshare(NamespaceSet(.mount))
            do throws(Errno) {
                try setPropagation(.slave, of: "/", recursive: true)
                try mount(rootfs.text, on: root.text, flags: MountFlags.bind.rawValue | MountFlags.recursive.rawValue)
                if readOnly { try FileDescriptor.open(root, [.path, .directory]).setMountAttributes(.readOnly, recursive: false) }
            } catch {
                try here.leave()
                throw error
            }
            return here
        } catch {
            throw OperationError("mount rootfs for criu", root.text, .errno(error))
        }
    }

    private init(namespace: consuming FileDescriptor, currentDirectory: consuming FileDescriptor) {
        self.namespace = namespace
        self.currentDirectory = currentDirectory
    }

    /// Goes back to the namespace and the directory from which this process came.
    borrowing func leave() throws(Errno) {
        try namespace.enterNamespace(.mount)
        try currentDirectory.makeCurrentDirectory()
    }
}
