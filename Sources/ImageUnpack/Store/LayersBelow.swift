// What a layer needs from the layers below: directories that it does not tell of, and everything where it has no meaning by itself.
import Diagnostics
import Kernel
import OCISpec
import UntrustedTree

/// A layer that was unpacked by itself, and whose directories may be those of the layers below.
struct UnsettledLayer {
    let staged: StagedLayer
    let layer: StoredLayer
    /// As in `LayerApplier`.
    let implied: [InRootPath: Bool]
    let checksums: [UInt64: Checksum]
    let warnings: [String]
}

extension LayerPlacement {
    /// Gives the directories that the layer does not tell of the attributes that they have below: what making something in them on a mount would
    /// have copied up. The layer is not read a second time.
    ///
    /// - Returns: nil where that is not enough: a link below leads the layer's entries to another place, or it depends on their order what is hidden.
    func settle(_ unsettled: UnsettledLayer, below: [StoredLayer]) throws(OperationError) -> StoredLayer? {
        var layer = unsettled.layer
        if layer.isRootOpaque { return nil }
        if try !hasItsDirectories(layer, below: below) { return nil }
        var found: [(from: OpenParent, to: OpenParent)] = []
        for (path, isUntold) in unsettled.implied {
            guard let own = try ownDirectory(path, in: unsettled.staged) else { return nil }
            switch try look(for: path, in: below) {
            case .found(let directory): if isUntold { found.append((directory, own)) }
            case .hidden: return nil
            case .absent: break
            }
        }
        // what lies deepest comes first: a directory that may not be searched would hide it
        for pair in found.sorted(by: { $0.to.path.components.count > $1.to.path.components.count }) {
            do throws(Errno) { try copyAttributes(from: pair.from.handle, to: pair.to.handle, marks: store.marks) } catch {
                throw OperationError("set attributes of", pair.to.path.text, .errno(error))
            }
        }
        if !layer.isRootListed { try copyRootAttributes(of: below, in: store, to: try tree(of: unsettled.staged).handle) }
        layer.record = try record(unsettled.staged, checksums: unsettled.checksums)
        tell(unsettled.warnings)
        return try publish([(unsettled.staged, layer)]).first
    }

    /// The directory `path` of a layer, reached without a link; nil too when one above it hides what is below.
    private func ownDirectory(_ path: InRootPath, in staged: StagedLayer) throws(OperationError) -> OpenParent? {
        do throws(Errno) {
            var directory = try staged.tree().relinquish()
            var isOpaque = false
            for component in path.components {
                guard !isOpaque, let name = Path(bytes: component) else { return nil }
                do throws(Errno) {
                    directory = try directory.open(name, [.readOnly, .directory, .noFollow])
                } catch where error == .noEntry || error == .notDirectory || error == .tooManyLinks {
                    return nil
                }
                do throws(Errno) { isOpaque = try directory.attribute(store.marks.opaque) == [UInt8(ascii: "y")] } catch where error == .noData {}
            }
            return try OpenParent(path, directory)
        } catch {
            throw OperationError("open", path.text, .errno(error)).within("a new layer")
        }
    }

    /// What a mount of `layers` would have at `path`.
    private func look(for path: InRootPath, in layers: [StoredLayer]) throws(OperationError) -> Sight {
        for layer in layers.reversed() {
            let sight = try look(for: path, in: layer)
            if case .absent = sight, !layer.isRootOpaque { continue }
            return sight
        }
        return .absent
    }

    /// Applies the layer to a mount of those below.
    func unpackInContext(_ index: Int, below: [StoredLayer]) throws(OperationError) -> StoredLayer {
        let staged = try store.stage()
        do throws(Errno) { try staged.directory.makeDirectory("work", permissions: 0o700) } catch { throw store.failed("make", "a layer", error) }
        try copyRootAttributes(of: below, in: store, to: try tree(of: staged).handle)
        let place = store.path.appending("temporary/" + staged.name.text)
        let mount = OverlayMount(below, of: store, upper: place.appending("tree").text, work: place.appending("work").text)
        var applier = LayerApplier(root: RootDirectory(try mount.open()), policy: policy, form: .flat, hasContext: true)
        let stream = try open(index)
        try applier.apply(stream, index: index)
        try stream.finish()
        var layer = try finish(&applier, as: contextKey(index))
        tell(applier.warnings)
        _ = consume applier  // unmounts
        do throws(Errno) { try staged.directory.removeTree("work") } catch { throw store.failed("remove", "work", error) }
        // inodes of the mount need not be those of the directory: contents are read again
        layer.record = try record(staged, checksums: [:])
        return try publish([(staged, layer)])[0]
    }

    /// Whether every directory in which `layer` hides a name is there below. Else the mark itself would be seen.
    func hasItsDirectories(_ layer: StoredLayer, below: [StoredLayer]) throws(OperationError) -> Bool {
        for path in layer.whiteoutDirectories {
            if try !isVisible(path, in: below) { return false }
        }
        return true
    }

    /// Whether the directory `path` is there in a mount of `layers`.
    private func isVisible(_ path: InRootPath, in layers: [StoredLayer]) throws(OperationError) -> Bool {
        if path.isRoot { return true }
        if case .found = try look(for: path, in: layers) { return true }
        return false
    }

    private enum Sight {
        case found(OpenParent)
        case hidden, absent
    }

    /// Whether `layer` has the directory `path`, or hides it in layers below, or says nothing about it.
    private func look(for path: InRootPath, in layer: StoredLayer) throws(OperationError) -> Sight {
        var directory = try store.tree(of: layer).relinquish()
        do throws(Errno) {
            var isOpaque = false
            for component in path.components {
                guard let name = Path(bytes: component) else { return .absent }
                let status: FileStatus
                do throws(Errno) { status = try directory.status(of: name) } catch where error == .noEntry { return isOpaque ? .hidden : .absent }
                if status.kind != .directory { return .hidden }
                directory = try directory.open(name, [.readOnly, .directory, .noFollow])
                do throws(Errno) { isOpaque = try directory.attribute(store.marks.opaque) == [UInt8(ascii: "y")] || isOpaque } catch where error == .noData {}
            }
            return .found(try OpenParent(path, directory))
        } catch {
            throw store.failed("look into layer", layer.key.text, error)
        }
    }
}
