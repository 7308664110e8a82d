// Layers that bundles share: unpacked once, verified, never changed again.
//
//     format         what this is, and the class of overlay's attributes in it
//     lock           held shared by who uses the store, exclusively by who removes layers
//     layers/KEY/    tree, record, verity and about; there only when complete and on the disk
//     links/N        short names of the trees
//     temporary/     layers in the making, each locked by its maker
//     bundles/ID     a bundle's path and the keys of its layers: what is in use
//     empty/         a directory that stays so, below a single layer
//     volumes/NAME   volumes that outlive containers
//     runs/NAME      bundles of `calque run` (Runs.swift)
//
// Any number of processes may use it at once, and each may be killed at any moment: a layer gets its name by one rename, after
// syncfs(2), and what was left behind is found by its lock. What becomes of it is in CollectGarbage.swift.
package import Diagnostics
package import Kernel
import UntrustedTree

/// The store, opened for use.
package final class LayerStore: @unchecked Sendable {
    let handle: FileDescriptor
    /// Absolute.
    package let path: Path
    let marks: OverlayMarks
    private let lock: FileDescriptor

    private init(handle: consuming FileDescriptor, path: Path, marks: OverlayMarks, lock: consuming FileDescriptor) {
        (self.path, self.marks) = (path, marks)
        self.handle = handle
        self.lock = lock
    }

    /// Where the store is if nobody says it: /var/lib/calque for root, below XDG_DATA_HOME or HOME for everybody else.
    package static var defaultPath: Path? {
        if effectiveUserID() == 0 { return "/var/lib/calque" }
        if let data = environment("XDG_DATA_HOME"), data.hasPrefix("/") { return Path(data).appending("calque") }
        return environment("HOME").map { Path($0).appending(".local/share/calque") }
    }

    /// Opens the store, made where it is missing. It waits for who is removing layers.
    ///
    /// - Parameters:
    ///   - marks: what a new store has; an old one must have the same.
    ///   - exclusive: nobody else may use the store meanwhile.
    package static func open(_ path: Path, marks: OverlayMarks, exclusive: Bool = false) throws(OperationError) -> LayerStore {
        func failed(_ cause: Cause, _ hint: String? = nil) -> OperationError { OperationError("open store", path.text, cause, hint: hint ?? "--store names another directory") }
        let format = "calque-store 1 \(marks.rawValue)\n"
        let store: LayerStore
        let found: [UInt8]
        do throws(Errno) {
            try makeParents(path)
            let absolute = try path.absolute()
            let handle = try FileDescriptor.open(absolute, [.readOnly, .directory, .noFollow])
            let lock = try handle.open("lock", [.readWrite, .create, .noFollow], mode: 0o600)
            try lock.lock(exclusive: exclusive)
            store = LayerStore(handle: handle, path: absolute, marks: marks, lock: lock)
        } catch {
            throw failed(error == .notDirectory || error == .tooManyLinks ? .invalid("it must be a directory, not a link or a file") : .errno(error))
        }
        let status: FileStatus
        do throws(Errno) { status = try store.handle.status() } catch { throw failed(.errno(error)) }
        if status.uid != effectiveUserID() { throw failed(.invalid("it belongs to somebody else")) }
        if status.permissions & 0o022 != 0 { throw failed(.invalid("others may write into it"), "chmod 700 \(path.text)") }
        do throws(Errno) { found = try store.prepare(format) } catch { throw failed(.errno(error)) }
        if store.path.bytes.contains(where: { $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: "\\") }) {
            throw failed(.invalid("its path contains a comma, a colon or a backslash, which have a meaning in the options of a mount"))
        }
        // it is empty while another process writes it
        if !found.isEmpty && !found.elementsEqual(format.utf8) {
            throw failed(.invalid("it has the format \(quoted(String(decoding: found.dropLast(), as: UTF8.self))), and \(quoted(String(format.dropLast()))) is needed"))
        }
        return store
    }

    /// Makes what is missing in a store, and answers the text of its file "format".
    private func prepare(_ format: String) throws(Errno) -> [UInt8] {
        for name: Path in ["layers", "links", "temporary", "bundles", "empty", "volumes"] {
            do throws(Errno) { try handle.makeDirectory(name, permissions: 0o700) } catch where error == .exists {}
        }
        do throws(Errno) {
            try handle.open("format", [.writeOnly, .create, .exclusive, .noFollow], mode: 0o600).write(format)
            return Array(format.utf8)
        } catch where error == .exists {
            return try handle.open("format", [.readOnly, .noFollow]).readAll(limit: 4096)
        }
    }

    func failed(_ operation: String, _ subject: String, _ error: Errno) -> OperationError {
        OperationError(operation, subject, .errno(error)).within("store " + quoted(path.text))
    }

    /// The layer of that name; nil when the store has none, or one of another version.
    func find(_ key: LayerKey) throws(OperationError) -> StoredLayer? {
        do throws(Errno) {
            let about = try handle.open(Path("layers/\(key.text)/about"), [.readOnly, .noFollow]).readAll(limit: 64 << 20)
            return StoredLayer(key: key, about: about)
        } catch where error == .noEntry {
            return nil
        } catch {
            throw failed("look for layer", key.text, error)
        }
    }

    /// Where a layer lies.
    func directory(of key: LayerKey) throws(OperationError) -> FileDescriptor {
        do throws(Errno) { return try handle.open(Path("layers/\(key.text)"), [.readOnly, .directory, .noFollow]) } catch { throw failed("open layer", key.text, error) }
    }

    /// The root of a layer's tree.
    func tree(of layer: StoredLayer) throws(OperationError) -> RootDirectory {
        do throws(Errno) {
            return RootDirectory(try handle.open(Path("layers/\(layer.key.text)/tree"), [.readOnly, .directory, .noFollow]))
        } catch {
            throw failed("open layer", layer.key.text, error)
        }
    }

    /// A short path of a layer's tree, for the options of a mount.
    func shortPath(of layer: StoredLayer) -> String { path.appending("links/\(layer.link)").text }

    /// Begins a new layer.
    func stage() throws(OperationError) -> StagedLayer {
        do throws(Errno) {
            let parent = try handle.open("temporary", [.readOnly, .directory, .noFollow])
            var number = monotonicNanoseconds()
            while true {
                let name = Path("\(processID())-\(number)")
                do throws(Errno) { try parent.makeDirectory(name, permissions: 0o700) } catch where error == .exists {
                    number += 1
                    continue
                }
                do throws(Errno) {
                    let directory = try parent.open(name, [.readOnly, .directory, .noFollow])
                    try directory.lock(waiting: false)
                    try directory.makeDirectory("tree", permissions: 0o755)
                    return StagedLayer(parent: parent, name: name, directory: directory)
                } catch {
                    let first = error
                    do throws(Errno) { try parent.removeTree(name) } catch {}  // the first error is the one to tell
                    throw first
                }
            }
        } catch {
            throw failed("make", "a layer", error)
        }
    }

    /// Everything that was written is on the disk afterwards.
    func synchronize() throws(OperationError) {
        do throws(Errno) { try handle.synchronizeFilesystem() } catch { throw failed("synchronize", path.text, error) }
    }

    /// Gives a complete and verified layer its name. When another process was faster, its layer is taken.
    func commit(_ staged: StagedLayer, as layer: consuming StoredLayer) throws(OperationError) -> StoredLayer {
        var layer = layer
        do throws(Errno) {
            layer.link = try makeLink(to: layer.key)
            let about = try staged.directory.open("about", [.writeOnly, .create, .exclusive, .noFollow], mode: 0o600)
            try about.write(layer.about)
            try about.synchronize()
            let layers = try handle.open("layers", [.readOnly, .directory, .noFollow])
            try staged.parent.rename(staged.name, to: Path(layer.key.text), in: layers, exclusive: true)
            try layers.synchronize()
            staged.isCommitted = true
            return layer
        } catch where error == .exists {
            // the other process's layer, below
        } catch {
            throw failed("keep layer", layer.key.text, error)
        }
        try removeLink(layer)
        guard let found = try find(layer.key) else { throw failed("keep layer", layer.key.text, .exists) }
        return found
    }

    private func makeLink(to key: LayerKey) throws(Errno) -> Int {
        let links = try handle.open("links", [.readOnly, .directory, .noFollow])
        var number = try links.entries().count + 1
        while true {
            do throws(Errno) {
                try links.makeLink(Path(String(number)), to: Path("../layers/\(key.text)/tree"))
                return number
            } catch where error == .exists {
                number += 1
            }
        }
    }

    private func removeLink(_ layer: StoredLayer) throws(OperationError) {
        do throws(Errno) { try handle.remove(Path("links/\(layer.link)")) } catch { throw failed("remove link", String(layer.link), error) }
    }
}

/// A layer in the making; removed when nobody has given it a name.
final class StagedLayer: @unchecked Sendable {
    let parent: FileDescriptor
    let name: Path
    let directory: FileDescriptor
    var isCommitted = false

    init(parent: consuming FileDescriptor, name: Path, directory: consuming FileDescriptor) {
        self.name = name
        self.parent = parent
        self.directory = directory
    }

    func tree() throws(Errno) -> RootDirectory { RootDirectory(try directory.open("tree", [.readOnly, .directory, .noFollow])) }

    deinit {
        // what cannot be removed now is removed by gc
        if !isCommitted { do throws(Errno) { try parent.removeTree(name) } catch {} }
    }
}

/// Makes `path` and what is missing above it, closed to others.
func makeParents(_ path: Path) throws(Errno) {
    do throws(Errno) { return try makeDirectory(path, permissions: 0o700) } catch where error == .exists { return } catch where error == .noEntry {}
    if path.parent == path || path.parent == "." { throw .noEntry }
    try makeParents(path.parent)
    do throws(Errno) { try makeDirectory(path, permissions: 0o700) } catch where error == .exists {}
}
