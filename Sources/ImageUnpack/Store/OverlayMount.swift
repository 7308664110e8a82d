// The options of an overlay mount, and mounts that nobody else sees: a descriptor, unmounted when it is closed.
import Diagnostics
import Kernel
import OCISpec
import UntrustedTree

/// What is mounted.
struct OverlayMount: Equatable {
    /// Directories of layers, the topmost first.
    var lower: [String]
    /// Nil for layers alone.
    var upper: String?
    var work: String?
    var marks: OverlayMarks

    /// The layers, those that are seen, from the lowest to the topmost.
    init(_ layers: [StoredLayer], of store: LayerStore, upper: String, work: String) {
        let lowest = layers.lastIndex { $0.isRootOpaque } ?? 0
        // an image may have one layer several times, and the kernel takes no directory twice (ELOOP): of two, what the lower one has or hides, the
        // upper one has or hides as well
        var seen: Set<LayerKey> = []
        lower = layers[lowest...].reversed().filter { seen.insert($0.key).inserted }.map { store.shortPath(of: $0) }
        (self.upper, self.work, marks) = (upper, work, store.marks)
    }

    /// The layers alone, nothing to be written.
    init(readOnly layers: [StoredLayer], of store: LayerStore) {
        self.init(layers, of: store, upper: "", work: "")
        (upper, work) = (nil, nil)
        // at least two there must be
        lower.append(store.path.appending("empty").text)
    }

    /// The options, one for each layer: a list of all of them would be longer than one option may be.
    ///
    /// What would make the tree depend on the host's defaults is switched off by name.
    /// Source: Documentation/filesystems/overlayfs.rst; "lowerdir+" is there since Linux 6.7.
    var options: [String] {
        var options = lower.map { "lowerdir+=" + $0 } + []
        if let upper, let work { options += ["upperdir=" + upper, "workdir=" + work] }
        options += ["redirect_dir=nofollow", "metacopy=off", "index=off"]
        return marks == .user ? options + ["userxattr"] : options
    }

    /// For a runtime: the mount that becomes the container's root.
    var mount: Mount { Mount(destination: "/", type: "overlay", source: "overlay", options: options) }

    /// Mounts it where only this process sees it.
    /// - Throws: `EPERM` without privileges over the present namespaces.
    func open() throws(OperationError) -> FileDescriptor {
        if lower.isEmpty { throw OperationError("mount", "overlay", .invalid("the image has no layers")) }
        do throws(Errno) {
            let mount = try FileDescriptor.newMount(type: "overlay", options: options, attributes: [])
            if let work { try Self.checkWork(Path(work)) }
            return mount
        } catch {
            throw OperationError("mount", "overlay", .errno(error), hint: Self.hint(error))
        }
    }

    /// Without room for a directory in `work` the kernel mounts all the same, for reading only: finds out why.
    private static func checkWork(_ work: Path) throws(Errno) {
        let own = work.appending("work")
        do throws(Errno) { _ = try fileStatus(own) } catch where error == .noEntry {
            do throws(Errno) { try makeDirectory(own, permissions: 0) } catch where error == .exists { return }
            throw .readOnlyFilesystem
        }
    }

    static func hint(_ error: Errno) -> String? {
        switch error {
        case .noDevice: "the kernel has no overlay file system: modprobe overlay, or use --mode flat"
        case .invalid: "the file system below the bundle must be able to be an upper layer (no overlay, no NFS), and the kernel 6.7 or later; or use --mode flat"
        case .notPermitted, .accessDenied: "user namespaces must be allowed, or calque be run by root; or use --mode flat"
        default: nil
        }
    }
}

/// Gives an unprivileged caller a user and a mount namespace, in which it may mount overlays. The process must have one thread.
///
/// Its own id becomes root there: files that it makes are still its own.
func enterUserNamespace() throws(OperationError) {
    let (uid, gid) = (effectiveUserID(), effectiveGroupID())
    do throws(Errno) {
        try unshare([NamespaceSet(.user), NamespaceSet(.mount)])
        try writeFile("/proc/self/setgroups", "deny")
        try writeFile("/proc/self/gid_map", "0 \(gid) 1\n")
        try writeFile("/proc/self/uid_map", "0 \(uid) 1\n")
    } catch {
        throw OperationError("make", "user namespace", .errno(error), hint: "user namespaces must be allowed, or calque be run by root; or use --mode flat")
    }
}
