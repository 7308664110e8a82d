// What nobody uses any more: layers that no bundle has, and what killed processes left behind.
package import Diagnostics
package import Kernel

/// What `gc` has removed.
package struct CollectedGarbage: Equatable, Sendable {
    package var layers = 0
    package var bundles = 0
    package var leftovers = 0
}

/// A bundle that the store knows.
package struct RegisteredBundle: Equatable, Sendable {
    package var id: String
    package var path: Path
    var keys: [LayerKey]
    /// Whether the bundle is still there.
    package var exists: Bool
    package var layers: Int { keys.count }
}

extension LayerStore {
    /// Writes down which layers a bundle has. `path` is absolute.
    func register(_ id: String, bundle path: Path, layers: [StoredLayer]) throws(OperationError) {
        do throws(Errno) {
            let file = try handle.open(Path("bundles/\(id)"), [.writeOnly, .create, .exclusive, .noFollow], mode: 0o600)
            // the path is last: it may contain line feeds
            try file.write(layers.map { $0.key.text + "\n" }.joined() + "\n" + path.text)
            try file.synchronize()
        } catch {
            throw failed("register", path.text, error)
        }
    }

    func unregister(_ id: String) throws(OperationError) {
        do throws(Errno) { try handle.remove(Path("bundles/\(id)")) } catch where error == .noEntry {} catch { throw failed("unregister", id, error) }
    }

    /// The bundles that share the layers of this store.
    package func bundles() throws(OperationError) -> [RegisteredBundle] {
        do throws(Errno) {
            let directory = try handle.open("bundles", [.readOnly, .directory, .noFollow])
            var bundles: [RegisteredBundle] = []
            for entry in try directory.entries() {
                guard let name = Path(bytes: entry.name) else { continue }  // a directory entry never holds NUL
                let text = String(decoding: try directory.open(name, [.readOnly, .noFollow]).readAll(limit: 1 << 20), as: UTF8.self)
                var keys: [LayerKey] = []
                var rest = text[...]
                while let end = rest.firstIndex(of: "\n") {
                    let line = rest[..<end]
                    rest = rest[rest.index(after: end)...]
                    if line.isEmpty { break }
                    keys.append(LayerKey(text: String(line)))
                }
                let path = Path(String(rest))
                bundles.append(RegisteredBundle(id: name.text, path: path, keys: keys, exists: try isBundle(path, id: entry.name)))
            }
            return bundles.sorted { $0.path.text < $1.path.text }
        } catch {
            throw failed("list", "bundles", error)
        }
    }

    /// Whether the bundle of that id is still at `path`, which may be anybody's by now.
    private func isBundle(_ path: Path, id: [UInt8]) throws(Errno) -> Bool {
        let place: FileDescriptor
        do throws(Errno) {
            place = try FileDescriptor.open(path.appending(OverlayBundle.idFile), [.path])
        } catch where [.noEntry, .notDirectory, .tooManyLinks].contains(error) {
            return false
        }
        // ENOENT would say by now that there is no /proc, and the layers of a bundle in use must stay
        do throws(Errno) { return try place.reopenRegular().readAll(limit: 4096).elementsEqual(id) } catch where error == .notSupported || error == .tooLarge { return false }
    }

    /// Removes what a killed process left of a bundle under another name.
    private func removeWhatIsLeft(beside path: Path) {
        do throws(Errno) { BundleDirectory.removeAbandoned(in: try FileDescriptor.open(path.parent, [.readOnly, .directory])) } catch {}  // it went with its directory
    }

    /// Removes what nobody uses. The store must be opened exclusively.
    package func collectGarbage() throws(OperationError) -> CollectedGarbage {
        var collected = CollectedGarbage()
        collected.leftovers += try removeAbandonedRuns()
        var used: Set<String> = []
        for bundle in try bundles() {
            if bundle.exists {
                for key in bundle.keys { used.insert(key.text) }
            } else {
                removeWhatIsLeft(beside: bundle.path)
                try unregister(bundle.id)
                collected.bundles += 1
            }
        }
        do throws(Errno) {
            let layers = try handle.open("layers", [.readOnly, .directory, .noFollow])
            let temporary = try handle.open("temporary", [.readOnly, .directory, .noFollow])
            for entry in try layers.entries() where !used.contains(entry.text) {
                guard let name = Path(bytes: entry.name) else { continue }  // a directory entry never holds NUL
                // out of sight first: what is half removed must not look like a layer
                try layers.rename(name, to: Path("removed-" + entry.text), in: temporary)
                collected.layers += 1
            }
            for entry in try temporary.entries() {
                guard let name = Path(bytes: entry.name) else { continue }  // a directory entry never holds NUL
                if !entry.text.hasPrefix("removed-") { collected.leftovers += 1 }
                try temporary.removeTree(name)
            }
            let links = try handle.open("links", [.readOnly, .directory, .noFollow])
            for entry in try links.entries() {
                guard let name = Path(bytes: entry.name) else { continue }  // a directory entry never holds NUL
                do throws(Errno) { _ = try links.open(name, [.path, .directory]) } catch where error == .noEntry { try links.remove(name) }
            }
        } catch {
            throw failed("collect", "garbage", error)
        }
        return collected
    }
}
