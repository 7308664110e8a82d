// The layers of an image into the store: those that are missing, in parallel, the longest first.
//
// A layer is unpacked by itself, in the overlay file system's form. One with directories that no entry tells of gets their attributes from the
// layers below afterwards; one with no meaning by itself (a hard link to a file of a lower layer, an entry below a link of one, a whiteout in a
// directory that is not there) is applied to a mount of the layers below, just as a flat bundle is made. See LayersBelow.swift.
import Diagnostics
import Kernel
import OCISpec
import UntrustedTree

/// Puts layers into a store.
final class LayerPlacement: @unchecked Sendable {
    let image: Image
    private let source: ImageSource
    let store: LayerStore
    let policy: ApplyPolicy
    let protection: LayerProtection
    /// Whether layers are protected (ProtectLayers.swift).
    var isProtecting = false
    private let report: (UnpackProgress) throws(OperationError) -> Void
    private let chainIDs: [Digest]

    // what the threads share
    private let monitor = Monitor()
    private var pending: [Int] = []
    private var finished: [(staged: StagedLayer, layer: StoredLayer)] = []
    private var unsettled: [Int: UnsettledLayer] = [:]
    private var failure: OperationError?
    private var consumed: [Int64]
    private var paused: Int64 = 0
    private(set) var warnings: [String] = []

    init(
        _ image: Image, from source: ImageSource, to store: LayerStore, policy: ApplyPolicy, protection: LayerProtection = .off,
        report: @escaping (UnpackProgress) throws(OperationError) -> Void
    ) {
        (self.image, self.source, self.store, self.policy) = (image, source, store, policy)
        self.protection = protection
        self.report = report
        chainIDs = LayerKey.chainIDs(image.layers.map { $0.diffID })
        consumed = [Int64](repeating: 0, count: image.layers.count)
    }

    /// The layers of the image, from the lowest to the topmost, all of them in the store.
    func place() throws(OperationError) -> [StoredLayer] {
        try prepareProtection()
        var placed: [StoredLayer?] = []
        for index in image.layers.indices { placed.append(try find(index)) }
        try unpackMissing(placed)
        for index in image.layers.indices where placed[index] == nil { placed[index] = try find(index) }
        var layers: [StoredLayer] = []
        for (index, layer) in placed.enumerated() {
            var fits = layer?.key == contextKey(index)
            if let layer, !fits { fits = try hasItsDirectories(layer, below: layers) }
            if let layer, fits {
                layers.append(layer)
            } else {
                layers.append(try placeOnTop(index, below: layers))
            }
        }
        return try protectPlaced(layers)
    }

    private func placeOnTop(_ index: Int, below: [StoredLayer]) throws(OperationError) -> StoredLayer {
        do throws(OperationError) {
            if let found = try store.find(contextKey(index)) { return found }
            if let unsettled = unsettled.removeValue(forKey: index), let settled = try settle(unsettled, below: below) { return settled }
            return try unpackInContext(index, below: below)
        } catch {
            throw error.within(title(index))
        }
    }

    /// The layers of the image, if the store has all of them in the form that they have in this image.
    func present() throws(OperationError) -> [StoredLayer]? {
        var layers: [StoredLayer] = []
        for index in image.layers.indices {
            guard let layer = try find(index) else { return nil }
            if layer.key != contextKey(index), try !hasItsDirectories(layer, below: layers) { return nil }
            layers.append(layer)
        }
        return layers
    }

    func contextKey(_ index: Int) -> LayerKey { LayerKey.inContext(chainIDs[index]).forOwners(policy) }
    private func ownKey(_ index: Int) -> LayerKey { LayerKey.byItself(image.layers[index].diffID).forOwners(policy) }

    private func find(_ index: Int) throws(OperationError) -> StoredLayer? {
        if let found = try store.find(contextKey(index)) { return found }
        return index == 0 ? nil : try store.find(ownKey(index))
    }

    // MARK: - By itself, in parallel

    private func unpackMissing(_ placed: [StoredLayer?]) throws(OperationError) {
        var seen: Set<LayerKey> = []
        pending = image.layers.indices.filter { placed[$0] == nil && seen.insert($0 == 0 ? contextKey(0) : ownKey($0)).inserted }
        if pending.isEmpty { return }
        pending.sort { image.layers[$0].size < image.layers[$1].size }  // taken from the end
        let early = EarlySynchronization.begin(of: store)
        let result: Result<Void, OperationError>
        do throws(OperationError) {
            try runWorkers(count: min(pending.count, Worker.processors, 8))
            result = .success(())
        } catch {
            result = .failure(error)
        }
        early?.finish()
        try result.get()
        if let failure { throw failure }
        let complete = finished
        finished = []
        _ = try publish(complete)
    }

    /// Works with `count` threads, this one among them.
    private func runWorkers(count: Int) throws(OperationError) {
        if count <= 1 { return work() }
        let other = try Worker { self.work() }
        // one that cannot be started stops the ones that could: the first error is told
        let result: Result<Void, OperationError>
        do throws(OperationError) {
            try runWorkers(count: count - 1)
            result = .success(())
        } catch {
            monitor.locked { if failure == nil { failure = error } }
            result = .failure(error)
        }
        other.join()
        try result.get()
    }

    private func work() {
        while let index = monitor.locked({ failure == nil ? pending.popLast() : nil }) {
            do throws(OperationError) {
                try unpackByItself(index)
            } catch {
                let error = error.within(title(index))
                monitor.locked { if failure == nil { failure = error } }
            }
        }
    }

    func title(_ index: Int) -> String { "layer \(index + 1) of \(image.layers.count) (\(image.layers[index].name))" }

    private func unpackByItself(_ index: Int) throws(OperationError) {
        let staged = try store.stage()
        let form: TreeForm = index == 0 ? .flat : .layer(store.marks)
        var applier = LayerApplier(root: try tree(of: staged), policy: policy, form: form)
        applier.checksums = [:]
        let stream = try open(index)
        try applier.apply(stream, index: index)
        if applier.isUnresolved { return }
        try stream.finish()
        let (implied, checksums) = (applier.implied, applier.checksums ?? [:])
        var layer = try finish(&applier, as: index == 0 || !implied.isEmpty ? contextKey(index) : ownKey(index))
        if !implied.isEmpty {
            let (layer, warnings) = (layer, applier.warnings)
            monitor.locked { unsettled[index] = UnsettledLayer(staged: staged, layer: layer, implied: implied, checksums: checksums, warnings: warnings) }
            return
        }
        tell(applier.warnings)
        layer.record = try record(staged, checksums: checksums)
        monitor.locked { [layer] in finished.append((staged, layer)) }
    }

    func tell(_ more: [String]) { monitor.locked { for warning in more { warnings.add(warning) } } }

    func finish(_ applier: inout LayerApplier, as key: LayerKey) throws(OperationError) -> StoredLayer {
        try applier.finish()
        return StoredLayer(
            key: key, link: 0, isRootListed: applier.isRootListed, isRootOpaque: applier.isRootOpaque,
            whiteoutDirectories: applier.whiteoutDirectories.sorted { $0.text < $1.text })
    }

    func record(_ staged: StagedLayer, checksums: [UInt64: Checksum]) throws(OperationError) -> Digest {
        let tree: OpenParent
        do throws(Errno) { tree = try OpenParent(.root, try staged.tree().relinquish()) } catch { throw store.failed("open", "a new layer", error) }
        return try TreeRecord.write(tree, known: checksums, in: staged.directory)
    }

    func tree(of staged: StagedLayer) throws(OperationError) -> RootDirectory {
        do throws(Errno) { return try staged.tree() } catch { throw store.failed("open", "a new layer", error) }
    }

    func open(_ index: Int) throws(OperationError) -> LayerStream {
        let stream = try source.open(image.layers[index])
        stream.report = { [self] (read) throws(OperationError) in
            let error: OperationError? = monitor.locked {
                if let failure { return failure }
                consumed[index] = read
                do throws(OperationError) {
                    try report(UnpackProgress(
                        layer: index + 1, layers: image.layers.count, name: image.layers[index].name, layerDone: read, layerTotal: image.layers[index].size,
                        done: consumed.reduce(0, +), total: image.packedSize))
                    return nil
                } catch {
                    return error
                }
            }
            if let error { throw error }
        }
        return stream
    }
}

extension LayerPlacement {
    /// Looks up from work that does not read layers.
    func pause() throws(OperationError) {
        let now = monotonicNanoseconds()
        if now - paused < 100_000_000 { return }
        paused = now
        let total = image.packedSize
        guard let last = image.layers.last else { return }
        try report(UnpackProgress(
            layer: image.layers.count, layers: image.layers.count, name: last.name, layerDone: last.size, layerTotal: last.size, done: total, total: total))
    }
}

/// Gives a new upper directory what the topmost layer that speaks of it says of the root.
func copyRootAttributes(of layers: [StoredLayer], in store: LayerStore, to upper: borrowing FileDescriptor) throws(OperationError) {
    let source = layers.last { $0.isRootListed } ?? layers.first
    guard let source else { return }
    let tree = try store.tree(of: source)
    do throws(Errno) {
        try copyAttributes(from: tree.handle, to: upper, marks: store.marks)
    } catch {
        throw store.failed("copy attributes of", source.key.text, error)
    }
}

/// Owner, permissions, extended attributes and times of an open file to another one, but for the overlay file system's own.
func copyAttributes(from source: borrowing FileDescriptor, to target: borrowing FileDescriptor, marks: OverlayMarks) throws(Errno) {
    let status = try source.status()
    if effectiveUserID() == 0 {
        // in a user namespace of one id, the owner can only be the one that it is
        do throws(Errno) { try target.changeOwner(uid: status.uid, gid: status.gid) } catch where error == .invalid {}
    }
    try target.changePermissions(status.permissions)
    let own = Array((marks.rawValue + ".overlay.").utf8)
    for name in try source.attributeNames() where !name.bytes.starts(with: own) && !name.bytes.elementsEqual("security.selinux".utf8) {
        try target.setAttribute(name, try source.attribute(name))
    }
    try target.setTimes(accessed: status.accessed, modified: status.modified)
}
