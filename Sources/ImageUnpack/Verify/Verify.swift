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
}

/// Compares each layer of a store with its record.
package func verifyStore(_ path: Path, marks: OverlayMarks) throws(OperationError) -> [Verification] {
    try enterNamespaceOfStore()
    // a user without ranges of ids was root of a namespace of his own when the layers were made and recorded
    if effectiveUserID() != 0 { try enterUserNamespace() }
    let store = try LayerStore.open(path, marks: marks)
    return try store.verify(try store.keys())
}

/// Compares a bundle with what it was made of: the layers of an overlay bundle with their records, the tree of a flat one with the layers of
/// the image, unpacked again while their digests are checked.
///
/// The writable layer of an overlay bundle is its container's and is not looked at.
/// - Parameter source: where the image's layers are, instead of where they were.
package func verifyBundle(_ path: Path, source: Path?) throws(OperationError) -> [Verification] {
    let (bundle, isOverlay) = try BundleImage.locate(path)
    let image = try BundleImage(of: bundle)
    try image.enterNamespace()
    if isOverlay {
        let overlay = try OverlayBundle(bundle)
        return try LayerStore.open(overlay.store, marks: image.isRootless ? .user : .trusted).verify(overlay.keys)
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
            stream.hasSizeLimit = false
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

    func verify(_ keys: [LayerKey]) throws(OperationError) -> [Verification] {
        var results: [Verification] = []
        var seen: Set<LayerKey> = []
        for key in keys where seen.insert(key).inserted { results.append(try verify(key)) }
        return results
    }

    private func open(_ name: String) throws(OperationError) -> FileDescriptor {
        do throws(Errno) { return try handle.open(Path(name), [.readOnly, .directory, .noFollow]) } catch { throw failed("open", name, error) }
    }

    private func verify(_ key: LayerKey) throws(OperationError) -> Verification {
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
            let directory = try open("layers/\(key.text)")
            let tree: OpenParent
            do throws(Errno) {
                tree = try OpenParent(.root, try directory.open("tree", [.readOnly, .directory, .noFollow]))
                if try handle.linkTarget(Path("links/\(layer.link)")) != Array("../layers/\(key.text)/tree".utf8) { fault("its short name links/\(layer.link) leads elsewhere") }
            } catch {
                throw failed("open", key.text, error)
            }
            var recorded = try TreeRecord.read(record, in: directory)
            var found: [InRootPath: FoundDifference] = [:]
            var count = 0
            var recorder = TreeRecorder { (path, entry) throws(OperationError) in
                count += 1
                guard let old = recorded.removeValue(forKey: path) else {
                    found[path] = .added
                    return
                }
                let difference = entry.difference(from: old)
                if difference != [] { found[path] = .changed(difference) }
            }
            try recorder.record(tree)
            for path in recorded.keys where recorded[path.parent] == nil || path.isRoot { found[path] = .missing }
            result.entries = count
            result.add(found)
        } catch {
            fault(error.description)
        }
        return result
    }
}
