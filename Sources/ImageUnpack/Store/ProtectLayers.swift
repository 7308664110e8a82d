// Layers in the kernel's care: fs-verity for their files, so that nobody can change what they hold, root neither, and damage of the disk is
// found when it is read.
//
// A new layer is protected when it is complete and before it has a name. One that is in the store already gets it when it is asked for: the list
// of its digests comes first, and counts from the moment at which a new `about` names it. See spec-notes/decisions/0021.
import Diagnostics
import Kernel
import OCISpec
import UntrustedTree

/// Whether the kernel is to protect the files of layers.
package enum LayerProtection: String, Sendable {
    case off
    /// Where the file system can.
    case auto
    /// Or nothing is unpacked.
    case on
}

extension LayerStore {
    /// Whether the store's file system has fs-verity.
    func hasVerity() throws(OperationError) -> Bool {
        do throws(Errno) {
            _ = try handle.open("format", [.readOnly, .noFollow]).measureVerity()
            return true
        } catch where error == .noData || error == .overflow {
            return true
        } catch where error == .notSupported || error == .notTerminal {
            return false
        } catch {
            throw failed("look for", "fs-verity", error)
        }
    }

    /// Protects the files of the layer in `directory`, whose contents are on the disk best already. Nothing else of the layer is changed.
    /// - Parameter time: when a file's content was changed; nil: as it says itself.
    /// - Returns: the digest of the list of their digests, which is written beside the tree.
    func protect(
        _ directory: borrowing FileDescriptor, pause: @escaping () throws(OperationError) -> Void,
        time: @escaping (InRootPath) -> TimeStamp? = { _ in nil }
    ) throws(OperationError) -> Digest {
        let tree: OpenParent
        do throws(Errno) { tree = try OpenParent(.root, try directory.open("tree", [.readOnly, .directory, .noFollow])) } catch { throw failed("open", "a layer", error) }
        return try PackedLines.write(VerityRecord.fileName, in: directory, replaces: true) { (out) throws(OperationError) in
            try VerityRecorder(time: time, pause: pause) { (path, digest) throws(OperationError) in try out.put(VerityRecord.line(digest, path)) }.record(tree)
        }
    }

    /// Protects a layer that is in the store without it.
    func protect(_ layer: StoredLayer, pause: @escaping () throws(OperationError) -> Void) throws(OperationError) -> StoredLayer {
        let directory = try self.directory(of: layer.key)
        // one process at a time: the kernel refuses a second one
        do throws(Errno) { try directory.lock(exclusive: true) } catch { throw failed("lock layer", layer.key.text, error) }
        guard var new = try find(layer.key) else { throw failed("open layer", layer.key.text, .noEntry) }
        if new.verity != nil { return new }
        var record: [InRootPath: RecordedEntry] = [:]
        if let digest = new.record { record = try TreeRecord.read(digest, in: directory) }
        // somebody may have been killed before he could set a time again
        new.verity = try protect(directory, pause: pause) { [record] path in record[path]?.modified }
        try synchronize()
        do throws(Errno) {
            let about = try StagedFile(in: try directory.duplicate())
            try about.file.write(new.about)
            try about.replace("about")
        } catch {
            throw failed("keep layer", layer.key.text, error)
        }
        return new
    }
}

extension LayerPlacement {
    /// Finds out whether layers are to be protected.
    /// - Throws: when they must be, and cannot.
    func prepareProtection() throws(OperationError) {
        if protection == .off { return }
        isProtecting = try store.hasVerity()
        if protection == .on && !isProtecting {
            throw OperationError(
                "protect layers in", store.path.text, .unsupported("fs-verity"),
                hint: "ext4 needs its feature (tune2fs -O verity DEVICE), so does f2fs, btrfs only a kernel that has it; --verity auto goes on without")
        }
    }

    /// Protects what was made, where that is to be. `auto` takes the kernel's refusal of a whole layer.
    func protected(_ protect: () throws(OperationError) -> Digest?) throws(OperationError) -> Digest? {
        do throws(OperationError) {
            return try protect()
        } catch {
            // another size of pages (before 6.3), a rule of the host (fs.verity.require_signatures)
            if protection == .auto, let errno = error.errno, [.notSupported, .notTerminal, .invalid, .notPermitted].contains(errno) { return nil }
            throw error
        }
    }
}

extension LayerPlacement {
    /// Complete and verified layers get their names: all at once, since each time the whole file system is written to the disk.
    func publish(_ layers: [(staged: StagedLayer, layer: StoredLayer)]) throws(OperationError) -> [StoredLayer] {
        var published: [StoredLayer] = []
        try store.synchronize()
        var layers = layers
        if isProtecting {
            for index in layers.indices {
                let staged = layers[index].staged
                layers[index].layer.verity = try protected { () throws(OperationError) in try store.protect(staged.directory, pause: pause) }
            }
            try store.synchronize()
        }
        for (staged, layer) in layers { published.append(try store.commit(staged, as: layer)) }
        return published
    }

    /// The same layers, protected where they were not and are to be.
    func protectPlaced(_ layers: [StoredLayer]) throws(OperationError) -> [StoredLayer] {
        if !isProtecting { return layers }
        var layers = layers
        for (index, layer) in layers.enumerated() where layer.verity == nil {
            do throws(OperationError) {
                _ = try protected { () throws(OperationError) in
                    layers[index] = try store.protect(layer, pause: pause)
                    return layers[index].verity
                }
            } catch {
                throw error.within(title(index))
            }
        }
        return layers
    }
}
