// A bundle that shares its layers: rootfs is an empty directory, overlay/upper the writable layer, and config.json begins with
// the overlay mount on "/". The mount lives in the container's own mount namespace and goes with it; the same works without
// privileges, since it is made in the container's user namespace. Runtimes that cannot mount on "/" (crun) get a bundle made
// with --mount-by hand, and `calque mount` before they run.
package import Diagnostics
package import Kernel
import OCISpec
import UntrustedTree

/// Who mounts the layers of a bundle.
package enum MountedBy: Equatable, Sendable {
    /// The runtime, by an entry of `mounts`.
    case runtime
    /// `calque mount`.
    case hand
}

/// An overlay bundle that is there.
package struct OverlayBundle: Equatable, Sendable {
    /// Absolute.
    package let path: Path
    let id: String
    let keys: [LayerKey]
    package let store: Path
    package let mountedBy: MountedBy

    static var idFile: String { "overlay/id" }
    static var aboutFile: String { "overlay/about" }

    static func about(keys: [LayerKey], store: Path, mountedBy: MountedBy) -> String {
        "calque-bundle 1\n" + (mountedBy == .hand ? "mounted-by hand\n" : "") + keys.map { $0.text + "\n" }.joined() + "\n" + store.text
    }

    /// - Throws: for a directory that is no overlay bundle of calque.
    package init(_ path: Path) throws(OperationError) {
        do throws(Errno) {
            self.path = try path.absolute()
            id = String(decoding: try readFile(path.appending(Self.idFile), limit: 4096), as: UTF8.self)
            let text = String(decoding: try readFile(path.appending(Self.aboutFile), limit: 1 << 20), as: UTF8.self)
            var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { String($0) }[...]
            guard lines.popFirst() == "calque-bundle 1" else { throw .notSupported }
            mountedBy = lines.first == "mounted-by hand" ? .hand : .runtime
            if mountedBy == .hand { lines = lines.dropFirst() }
            keys = lines.prefix { !$0.isEmpty }.map { LayerKey(text: $0) }
            store = Path(lines.dropFirst(keys.count + 1).joined(separator: "\n"))
        } catch {
            throw OperationError(
                "open bundle", path.text, error == .noEntry ? .invalid("it is no bundle that shares layers") : .errno(error),
                hint: "calque unpack --mode overlay makes one")
        }
    }

    /// The bundle's layers, from the lowest to the topmost.
    func layers(in store: LayerStore) throws(OperationError) -> [StoredLayer] {
        var layers: [StoredLayer] = []
        for key in keys {
            guard let layer = try store.find(key) else {
                throw OperationError("mount", path.text, .invalid("the store \(quoted(store.path.text)) has no layer \(key.text)"))
            }
            layers.append(layer)
        }
        return layers
    }

    /// Mounts the layers and the writable one on rootfs, in the caller's mount namespace.
    package func mount(in store: LayerStore) throws(OperationError) {
        if mountedBy != .hand {
            throw OperationError(
                "mount", path.text, .invalid("its runtime mounts it: twice at once would damage the writable layer"),
                hint: "calque unpack --mount-by hand makes a bundle for this")
        }
        let overlay = OverlayMount(try layers(in: store), of: store, upper: path.appending("overlay/upper").text, work: path.appending("overlay/work").text)
        let made: FileDescriptor
        do throws(OperationError) { made = try overlay.open() } catch {
            var error = error
            if error.cause == .errno(.notPermitted) { error.hint = "only root can mount it for others to see; cale and runc mount a bundle without --mount-by hand themselves, as any user" }
            throw error
        }
        do throws(Errno) {
            let rootfs = try FileDescriptor.open(path.appending("rootfs"), [.path, .directory, .noFollow])
            if try rootfs.filesystemType() == .overlay { throw .busy }
            try made.attach(to: rootfs)
        } catch {
            throw OperationError("mount", path.text, .errno(error), hint: error == .busy ? "it is mounted already" : nil)
        }
    }

    /// Unmounts what `mount` has mounted.
    package func unmount() throws(OperationError) {
        do throws(Errno) {
            try Kernel.unmount(path.appending("rootfs").text, detaching: false)
        } catch {
            throw OperationError("unmount", path.text, .errno(error), hint: error == .invalid ? "it is not mounted" : error == .busy ? "a container or a shell is still in it" : nil)
        }
    }

    /// Removes the bundle, its writable layer and its anonymous volumes; volumes with names stay.
    /// - Throws: `EBUSY` while it is mounted.
    package func delete(from store: LayerStore) throws(OperationError) {
        try BundleDirectory.remove(path)
        try store.unregister(id)
    }
}
