// The root of the container's file tree: attached, entered, sealed.
import Diagnostics
import Kernel
import UntrustedTree

extension Executor {
    /// The copy is attached over the rootfs' own directory, so that the container's root is a mount, as pivot_root(2)
    /// wants it, and the host's tree is not touched.
    mutating func attachRootfs(_ path: Path, recursive: Bool, propagation: Propagation) throws(Errno) {
        let place = try FileDescriptor.open(path, [.path, .directory])
        let root = try place.cloneTree(recursive: recursive)
        try root.setMountAttributes([], propagation: propagation, recursive: true)
        try root.attach(to: place)
        handles.insert(root, as: .root)
    }

    func openInRoot(_ path: InRootPath, _ flags: OpenFlags) throws(Errno) -> FileDescriptor {
        try handles.withRoot { (root) throws(Errno) in try root.open(path, flags) }
    }

    /// Opens a path that is to be masked or read-only. What is in /proc and /sys is found below the mount that was made there, wherever it is by now:
    /// another container of the same rootfs may move the directory that it is mounted on, and a mask would miss it.
    func openBelow(_ path: InRootPath) throws(Errno) -> FileDescriptor {
        if path.components.count > 1, let first = path.components.first, let place = InRootPath.root.appending(first), handles.contains(.mounted(place)) {
            return try handles.withTree(.mounted(place)) { (tree) throws(Errno) in try tree.open(path.withoutFirst, [.path]) }
        }
        return try openInRoot(path, [.path])
    }

    /// pivot_root(".", ".") puts the old root on top of the new one, from where it is unmounted: no directory is needed.
    /// Source: pivot_root(2), notes.
    func pivot() throws(Errno) {
        let old = try FileDescriptor.open("/", [.path, .directory])
        try handles.with(.root) { (root) throws(Errno) in try root.makeCurrentDirectory() }
        try pivotRoot(to: ".", oldRoot: ".")
        try old.makeCurrentDirectory()
        // the host's mounts must not hear of the unmount; the container's own keep the propagation that they were given
        try setPropagation(.slave, of: ".", recursive: true)
        try unmount(".", detaching: true)
        try changeDirectory(to: "/")
    }

    /// For roots that pivot_root(2) refuses, such as an initramfs. The host's procfs and sysfs are unmounted first,
    /// for they would stay reachable and let a privileged container read what is masked.
    func moveRoot() throws(Errno) {
        try handles.with(.root) { (root) throws(Errno) in try root.makeCurrentDirectory() }
        for place in ["/proc", "/sys"] {
            do throws(Errno) {
                // several may lie on top of each other
                for _ in 0..<64 {
                    try setPropagation(.private, of: place, recursive: true)
                    try unmount(place, detaching: true)
                }
            } catch where error == .invalid || error == .noEntry {
                // not a mount
            } catch where error == .notPermitted {
                // locked by an outer user namespace: hide it instead
                try mount("tmpfs", on: place, type: "tmpfs")
            }
        }
        try mount(".", on: "/", flags: 8192)  // MS_MOVE
        try changeRoot(to: ".")
        try changeDirectory(to: "/")
    }

    /// A shared root gets a peer group of its own (RT-config-linux-192): as a slave of the host's mount, which it is until then, it would still
    /// receive the host's mounts. Mounts below keep their masters and peers.
    func setRootPropagation(_ propagation: Propagation, recursive: Bool) throws(Errno) {
        if propagation == .shared { try setPropagation(.private, of: "/", recursive: false) }
        try setPropagation(propagation, of: "/", recursive: recursive)
    }

    func enterRoot() throws(Errno) {
        try handles.with(.root) { (root) throws(Errno) in try root.makeCurrentDirectory() }
        try changeRoot(to: ".")
        try changeDirectory(to: "/")
    }

    /// A directory is hidden below one shared, empty, read-only tmpfs; a file below the container's own /dev/null,
    /// read-only so that nobody changes that node's mode through the mask (CVE-2025-31133: never a path for a source).
    mutating func maskPath(_ path: InRootPath) throws(Errno) {
        let target: FileDescriptor
        do throws(Errno) { target = try openBelow(path) } catch where isOutOfReach(error) { return }
        guard try target.status().kind == .directory else {
            let mask = try handles.with(.null) { (null) throws(Errno) in try null.cloneTree(recursive: false) }
            try mask.setMountAttributes([.readOnly, .noExec, .noSuid], recursive: false)
            return try mask.attach(to: target)
        }
        if handles.contains(.emptyDirectory) {
            let copy = try handles.with(.emptyDirectory) { (mask) throws(Errno) in try mask.cloneTree(recursive: false) }
            return try copy.attach(to: target)
        }
        let mask = try FileDescriptor.newMount(
            type: "tmpfs", options: ["size=0", "nr_inodes=2", "mode=555"], attributes: [.readOnly, .noSuid, .noDevices, .noExec])
        try mask.attach(to: target)
        // attached, it belongs to this namespace, and can be copied for the next one
        handles.insert(mask, as: .emptyDirectory)
    }

    func compareRoots() throws(Errno) {
        let expected = try handles.with(.initRoot) { (root) throws(Errno) in try root.status() }
        guard try handles.with(.root, { (root) throws(Errno) in try root.status() }).isSameFile(as: expected) else { throw .stale }
    }

    /// Whether a path that cannot be opened for `error` needs no mask, since nobody in the container can open it: there is no
    /// such path, or all rights of a user namespace's root do not reach it. To root of the host nothing is out of reach, and
    /// what denies him a path need not deny it to the container.
    private func isOutOfReach(_ error: Errno) -> Bool {
        error == .noEntry || error == .notDirectory || error == .accessDenied && entered.contains(.user)
    }

    func makeReadOnly(_ path: InRootPath) throws(Errno) {
        let target: FileDescriptor
        do throws(Errno) { target = try openBelow(path) } catch where isOutOfReach(error) { return }
        let sealed = try target.cloneTree(recursive: true)
        try sealed.setMountAttributes(.readOnly, recursive: true)
        try sealed.attach(to: target)
    }

    func makeWorkingDirectory(_ path: InRootPath) throws(Errno) {
        do throws(Errno) {
            try handles.withRoot { (root) throws(Errno) in _ = try root.makeDirectories(path, permissions: 0o755) }
        } catch where error == .readOnlyFilesystem || error == .accessDenied || error == .notPermitted {
            // entering it gives the better error
        }
    }
}
