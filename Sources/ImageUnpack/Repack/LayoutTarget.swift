import Diagnostics
import Kernel
import OCISpec

/// An OCI layout directory that a new image goes to. Source: image-layout.md.
final class LayoutTarget {
    private let path: Path
    private let parent: FileDescriptor
    private let handle: FileDescriptor
    /// What a new layout is called until it is complete; nil for one that is there.
    private var temporary: Path?

    static var layoutText: String { "{\"imageLayoutVersion\":\"1.0.0\"}" }

    init(_ path: Path, exists: Bool) throws(OperationError) {
        self.path = path
        do throws(Errno) {
            parent = try FileDescriptor.open(path.parent, [.readOnly, .directory])
            if exists {
                handle = try FileDescriptor.open(path, [.readOnly, .directory])
            } else {
                BundleDirectory.removeAbandoned(in: parent)
                let name = Path("\(BundleDirectory.prefix)\(processID())-\(monotonicNanoseconds())")
                try parent.makeDirectory(name, permissions: 0o755)
                do throws(Errno) { handle = try parent.open(name, [.readOnly, .directory, .noFollow]) } catch {
                    let first = error
                    do throws(Errno) { try parent.remove(name, directory: true) } catch {}  // the first error is the one to tell
                    throw first
                }
                temporary = name
            }
            // one writer at a time: the index is read, changed and replaced
            try handle.lock()
            // who had this lock before and was killed between the two names of the index left one
            for entry in try handle.entries() where entry.kind == .regular && entry.name.starts(with: BundleDirectory.prefix.utf8) {
                if let name = Path(bytes: entry.name) { try handle.remove(name) }
            }
            if !exists {
                try handle.makeDirectory("blobs", permissions: 0o755)
                try handle.makeDirectory("blobs/sha256", permissions: 0o755)
                try handle.open("oci-layout", [.writeOnly, .create, .exclusive], mode: 0o644).write(Self.layoutText)
            }
        } catch {
            throw OperationError("open image", path.text, .errno(error))
        }
        if exists { try checkLayout() }
    }

    private func checkLayout() throws(OperationError) {
        let text: [UInt8]
        do throws(Errno) {
            text = try handle.open("oci-layout", [.readOnly, .nonBlocking]).readAll(limit: 1 << 16)
            _ = try handle.status(of: "index.json")
        } catch where error == .noEntry {
            throw OperationError("open image", path.text, .invalid("it is no OCI layout: oci-layout and index.json must be in it"), hint: "a new layout is made where nothing is")
        } catch {
            throw OperationError("open image", path.text, .errno(error))
        }
        try ImageLayoutFile.check(text, source: path.appending("oci-layout").text)
    }

    private func blobs(_ algorithm: DigestAlgorithm) throws(Errno) -> FileDescriptor {
        let name = Path("blobs/\(algorithm.rawValue)")
        for directory in ["blobs", name] { do throws(Errno) { try handle.makeDirectory(directory, permissions: 0o755) } catch where error == .exists {} }
        return try handle.open(name, [.readOnly, .directory])
    }

    func contains(_ digest: Digest, size: Int64) -> Bool {
        do throws(Errno) {
            let status = try handle.status(of: Path("blobs/\(digest.algorithm.rawValue)/\(digest.encoded)"))
            return status.kind == .regular && status.size == size
        } catch {
            return false
        }
    }

    func stage() throws(OperationError) -> StagedFile {
        do throws(Errno) { return try StagedFile(in: try handle.open(".", [.readOnly, .directory])) } catch { throw OperationError("write to", path.text, .errno(error)) }
    }

    func keep(_ staged: StagedFile, as digest: Digest) throws(OperationError) {
        do throws(Errno) {
            let directory = try blobs(digest.algorithm)
            try staged.keep(as: Path(digest.encoded), in: directory)
            try directory.synchronize()
        } catch {
            throw OperationError("write", digest.text, .errno(error)).within("image " + quoted(path.text))
        }
    }

    private func index() throws(OperationError) -> [UInt8]? {
        if temporary != nil { return nil }
        do throws(Errno) {
            return try handle.open("index.json", [.readOnly, .nonBlocking]).readAll(limit: Int(ImageSource.documentLimit))
        } catch {
            throw OperationError("read", path.appending("index.json").text, .errno(error))
        }
    }

    func publish(_ descriptor: String, tag: String) throws(OperationError) {
        let text = try indexText(try index(), tag: tag, descriptor: descriptor)
        do throws(Errno) {
            let staged = try StagedFile(in: try handle.open(".", [.readOnly, .directory]))
            try staged.file.write(text)
            try staged.replace("index.json")
            if let temporary {
                try parent.rename(temporary, to: Path(path.lastComponent), exclusive: true)
                self.temporary = nil
                try parent.synchronize()
            }
        } catch {
            throw OperationError("write to", path.text, .errno(error), hint: error == .exists ? "somebody has made it meanwhile" : nil)
        }
    }

    deinit {
        if let temporary { do throws(Errno) { try parent.removeTree(temporary) } catch {} }  // the first error is the one to tell
    }
}
