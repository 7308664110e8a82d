// Whether what is there is what was unpacked: the layers of a store against their records (TreeRecord.swift), a flat bundle against the
// layers of its image (Repack/TreeDifference.swift), an image against its digests.
//
// See spec-notes/decisions/0018.
package import Diagnostics
package import Kernel
package import OCISpec
import UntrustedTree

/// What was found out about one layer, bundle or image.
package struct Verification: Equatable, Sendable {
    /// A name that differs.
    package struct Fault: Equatable, Sendable {
        /// Below the root of the layer or the bundle; nil when it is about the whole.
        package var path: String?
        /// "content", "permissions", …, "missing", "added", or a sentence.
        package var what: [String]
    }
    /// What was verified.
    package enum Kind: String, Sendable { case layer, bundle, image }
    package var kind: Kind
    /// The layer's key or digest, or the path.
    package var name: String
    /// In the order of the paths.
    package var faults: [Fault] = []
    /// Entries that were looked at.
    package var entries = 0
    /// Files of a layer, and those of them that the kernel protects as it did when that was written down.
    package var files = 0
    package var protectedFiles = 0
}

/// Compares each layer of a store with its record.
/// - Parameter readsAll: files that the kernel protects are read, too: that finds damage of the disk.
package func verifyStore(_ path: Path, marks: OverlayMarks, readsAll: Bool) throws(OperationError) -> [Verification] {
    try enterNamespaceOfStore()
    // a user without ranges of ids was root of a namespace of his own when the layers were made and recorded
    if effectiveUserID() != 0 { try enterUserNamespace() }
    let store = try LayerStore.open(path, marks: marks)
    return try store.verify(try store.keys(), readsAll: readsAll)
}

/// Compares a bundle with what it was made of: the layers of an overlay bundle with their records, the tree of a flat one with the layers of
/// the image, unpacked again while their digests are checked.
///
/// The writable layer of an overlay bundle is its container's and is not looked at.
/// - Parameters:
///   - source: where the image's layers are, instead of where they were.
///   - readsAll: as for a store.
package func verifyBundle(_ path: Path, source: Path?, readsAll: Bool) throws(OperationError) -> [Verification] {
    let (bundle, isOverlay) = try BundleImage.locate(path)
    let image = try BundleImage(of: bundle)
    try image.enterNamespace()
    if isOverlay {
        let overlay = try OverlayBundle(bundle)
        return try LayerStore.open(overlay.store, marks: image.isRootless ? .user : .trusted).verify(overlay.keys, readsAll: readsAll)
    }
    Kernel.setFileCreationMask(0)
    let again = try image.unpackAgain(for: bundle, source: source)
    let root: FileDescriptor
    do throws(Errno) { root = try FileDescriptor.open(bundle.appending("rootfs"), [.readOnly, .directory, .noFollow]) } catch { throw OperationError("open bundle", path.text, .errno(error)) }
    let new = TreeView(RootDirectory(root), policy: image.policy)
    let difference = try TreeDifference(of: new, from: TreeView(try again.bundle.rootfs(), policy: image.policy), unchangedBefore: nil)
    var result = Verification(kind: .bundle, name: path.text)
    result.entries = difference.count
    result.add(difference.found)
    return [result]
}

/// Reads all layers of an image and compares sizes, digests and diff ids.
package func verifyImage(_ reference: ImageReference, platform: Platform?) throws(OperationError) -> [Verification] {
    let source = try ImageSource(reference.source)
    let image = try source.image(reference.selector, platform: platform)
    var results: [Verification] = []
    for layer in image.layers {
        var result = Verification(kind: .image, name: layer.name)
        do throws(OperationError) {
            let stream = try source.open(layer)
            var reader = TarReader(stream)
            do throws(OperationError) {
                while try reader.next() != nil { result.entries += 1 }
            } catch {
                throw stream.explanation(of: error)
            }
            try stream.finish()
        } catch {
            result.faults.append(Verification.Fault(path: nil, what: [error.description]))
        }
        results.append(result)
    }
    return results
}

extension Verification {
    /// Adds what differs, by name.
    mutating func add(_ found: [InRootPath: FoundDifference]) {
        let paths = found.keys.sorted { $0.components.lexicographicallyPrecedes($1.components) { $0.lexicographicallyPrecedes($1) } }
        for path in paths {
            let words: [String]
            switch found[path] {
            case .missing: words = ["missing"]
            case .added: words = ["added"]
            case .changed(let difference): words = difference.words
            case nil: words = []
            }
            faults.append(Fault(path: path.text, what: words))
        }
    }
}

extension LayerStore {
    /// The names of all layers, sorted.
    func keys() throws(OperationError) -> [LayerKey] {
        do throws(Errno) {
            return try handle.open("layers", [.readOnly, .directory, .noFollow]).entries().map { LayerKey(text: $0.text) }.sorted { $0.text < $1.text }
        } catch {
            throw failed("list", "layers", error)
        }
    }

    func verify(_ keys: [LayerKey], readsAll: Bool) throws(OperationError) -> [Verification] {
        var results: [Verification] = []
        var seen: Set<LayerKey> = []
        for key in keys where seen.insert(key).inserted { results.append(try verify(key, readsAll: readsAll)) }
        return results
    }

    private func verify(_ key: LayerKey, readsAll: Bool) throws(OperationError) -> Verification {
        var result = Verification(kind: .layer, name: key.text)
        func fault(_ what: String) { result.faults.append(Verification.Fault(path: nil, what: [what])) }
        guard let layer = try find(key) else {
            fault("the store does not have it, or not in this version's form")
            return result
        }
        guard let record = layer.record else {
            fault("it has no record to be compared with")
            return result
        }
        do throws(OperationError) {
            let directory = try directory(of: key)
            let tree: OpenParent
            do throws(Errno) {
                tree = try OpenParent(.root, try directory.open("tree", [.readOnly, .directory, .noFollow]))
                if try handle.linkTarget(Path("links/\(layer.link)")) != Array("../layers/\(key.text)/tree".utf8) { fault("its short name links/\(layer.link) leads elsewhere") }
            } catch {
                throw failed("open", key.text, error)
            }
            var digests: [InRootPath: Digest]?
            if let verity = layer.verity { digests = try VerityRecord.read(verity, in: directory) }
            let comparison = RecordComparison(try TreeRecord.read(record, in: directory), digests, readsAll: readsAll)
            try comparison.compare(tree)
            comparison.tell(&result)
        } catch {
            fault(error.description)
        }
        return result
    }
}
