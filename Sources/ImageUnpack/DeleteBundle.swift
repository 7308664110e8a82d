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
    do throws(Errno) {
        try FileDescriptor.open(bundle.parent, [.readOnly, .directory]).removeTree(Path(bundle.lastComponent))
    } catch {
        throw OperationError("delete", path.text, .errno(error))
    }
}
