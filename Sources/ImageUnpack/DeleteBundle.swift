package import Diagnostics
package import Kernel

/// Removes a bundle, of either mode, with its writable layer and its anonymous volumes; volumes with names stay.
///
/// Without privileges, the process may be in a user namespace of its own afterwards.
/// - Throws: for a directory that calque has not made; `EBUSY` while it is mounted.
package func deleteBundle(_ path: Path, marks: OverlayMarks) throws(OperationError) {
    let (bundle, isOverlay) = try BundleImage.locate(path)
    let image = try BundleImage(of: bundle)
    // files of other ids can be removed only by who is root over them
    if image.mappings != nil { try image.enterNamespace() }
    if isOverlay {
        let overlay = try OverlayBundle(bundle)
        return try overlay.delete(from: try LayerStore.open(overlay.store, marks: marks))
    }
    try BundleDirectory.remove(bundle)
}

extension BundleDirectory {
    /// Removes a bundle that is there. It loses its name first: what a killed process leaves of it does not look like a bundle, and goes with the
    /// next one that makes or removes something in that directory.
    /// - Throws: `EBUSY` while something is mounted in it, before anything is removed.
    static func remove(_ path: Path) throws(OperationError) {
        do throws(Errno) {
            let parent = try FileDescriptor.open(path.parent, [.readOnly, .directory])
            removeAbandoned(in: parent)
            let name = Path(path.lastComponent)
            let bundle = try parent.open(name, [.readOnly, .directory, .noFollow])
            try bundle.lock(waiting: false)
            if try hasMounts(bundle) { throw .busy }
            let removed = removedName()
            try parent.rename(name, to: removed, exclusive: true)
            try parent.removeTree(removed)
        } catch {
            throw OperationError("delete", path.text, .errno(error), hint: error == .busy ? "calque umount first" : nil)
        }
    }

    /// Whether anything is mounted below the directory in this mount namespace.
    private static func hasMounts(_ directory: borrowing FileDescriptor) throws(Errno) -> Bool {
        let prefix = try linkTarget(Path("/proc/self/fd/\(directory.raw)")) + [UInt8(ascii: "/")]
        return try MountInfo.current().contains { $0.mountPoint.bytes.starts(with: prefix) }
    }
}
