import Diagnostics
import Kernel
import OCISpec
import UntrustedTree

/// An OCI archive that a new image goes to: the tar of a layout, written anew with what is in the old one.
final class ArchiveTarget {
    private let path: Path
    private let directory: FileDescriptor
    /// The archive that is there; nil for a new one.
    private let old: ContentStore?
    private var added: [(digest: Digest, size: Int64, staged: StagedFile)] = []

    init(_ path: Path, exists: Bool) throws(OperationError) {
        self.path = path
        do throws(Errno) { directory = try FileDescriptor.open(path.parent, [.readOnly, .directory]) } catch { throw OperationError("open image", path.text, .errno(error)) }
        BundleDirectory.removeAbandoned(in: directory)
        old = exists ? try ContentStore(path) : nil
        if let old {
            guard try old.contains("oci-layout"), try old.contains("index.json") else {
                throw OperationError("open image", path.text, .invalid("it is no OCI archive"), hint: "only an OCI layout or an OCI archive can take a new image")
            }
            try ImageLayoutFile.check(try old.open("oci-layout").readAll(limit: 1 << 16), source: "oci-layout")
        }
    }

    private func name(_ digest: Digest) -> String { "blobs/\(digest.algorithm.rawValue)/\(digest.encoded)" }

    func contains(_ digest: Digest, size: Int64) -> Bool {
        if added.contains(where: { $0.digest == digest && $0.size == size }) { return true }
        // it is written anew when it cannot be read
        do throws(OperationError) { return try old?.open(name(digest)).size == size } catch { return false }
    }

    func stage() throws(OperationError) -> StagedFile {
        do throws(Errno) { return try StagedFile(in: try directory.open(".", [.readOnly, .directory])) } catch { throw OperationError("write to", path.parent.text, .errno(error)) }
    }

    func keep(_ staged: StagedFile, as digest: Digest, size: Int64) {
        if !contains(digest, size: size) { added.append((digest, size, staged)) }
    }

    /// Writes the archive: what says what it is first, then everything by name.
    func publish(_ descriptor: String, tag: String) throws(OperationError) {
        let index = try indexText(try old?.open("index.json").readAll(limit: ImageSource.documentLimit), tag: tag, descriptor: descriptor)
        let staged = try stage()
        let out = try PackedWriter(staged, compression: .none, name: path.text)
        func put(_ name: String, _ size: Int64) throws(OperationError) {
            var entry = TarEntry(name: Array(name.utf8), kind: .regular)
            entry.size = size
            try out.put(entry.header)
        }
        func put(_ name: String, _ text: String) throws(OperationError) {
            try put(name, Int64(text.utf8.count))
            try out.put(Array(text.utf8) + [UInt8](repeating: 0, count: TarEntry.padding(after: Int64(text.utf8.count))))
        }
        try put("oci-layout", LayoutTarget.layoutText)
        try put("index.json", index)
        var names = Set(added.map { name($0.digest) })
        for member in old?.fileNames ?? [] where member != "oci-layout" && member != "index.json" { names.insert(member) }
        for name in names.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
            let blob = try blob(name)
            try put(name, blob.size)
            try blob.forEachPiece { (bytes, range) throws(OperationError) in try out.put(bytes, range) }
            try out.put([UInt8](repeating: 0, count: TarEntry.padding(after: blob.size)))
        }
        try out.put([UInt8](repeating: 0, count: 2 * TarHeader.size))
        _ = try out.finish()
        do throws(Errno) { try staged.replace(Path(path.lastComponent)) } catch { throw OperationError("write", path.text, .errno(error)) }
    }

    private func blob(_ name: String) throws(OperationError) -> BlobFile {
        guard let found = added.first(where: { self.name($0.digest) == name }) else {
            guard let old else { throw OperationError("open", name, .errno(.noEntry)) }
            return try old.open(name)
        }
        do throws(Errno) {
            return BlobFile(file: try found.staged.file.duplicate(), offset: 0, size: found.size, name: name)
        } catch {
            throw OperationError("open", name, .errno(error))
        }
    }
}
