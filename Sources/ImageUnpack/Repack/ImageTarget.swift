// Where a new image goes: an OCI layout directory or an OCI archive, new or with other images in it.
//
// Nothing is seen before it is complete. Contents are written to files without a name, which get the name of their digest when they are
// on the disk; the index that leads to them is replaced last, by rename. A new layout is a directory with a temporary name until then, an
// archive is written anew beside the old one. Killed at any moment, the target has the old images or the new one as well.
import Diagnostics
import Kernel
import OCISpec
import UntrustedTree

/// A file in the making, without a name where the file system can do that.
final class StagedFile {
    let file: FileDescriptor
    private let directory: FileDescriptor
    /// Nil for a file without a name.
    private var temporary: Path?

    init(in directory: consuming FileDescriptor) throws(Errno) {
        var name: Path?
        do throws(Errno) {
            file = try directory.open(".", [.readWrite, .unnamed], mode: 0o644)
        } catch where error == .notSupported || error == .isDirectory {
            // a file system without O_TMPFILE, such as NFS
            let made = Path(".calque-\(processID())-\(monotonicNanoseconds())")
            file = try directory.open(made, [.readWrite, .create, .exclusive, .noFollow], mode: 0o644)
            name = made
        }
        temporary = name
        self.directory = directory
    }

    /// Gives it its name, complete and on the disk. What has the name already is the same content and stays.
    func keep(as name: Path, in target: borrowing FileDescriptor) throws(Errno) {
        try file.synchronize()
        do throws(Errno) {
            if let temporary {
                try directory.rename(temporary, to: name, in: target, exclusive: true)
                self.temporary = nil
            } else {
                try target.makeName(name, of: file)
            }
        } catch where error == .exists {}
    }

    /// Gives it its name, in place of what has it now.
    func replace(_ name: Path) throws(Errno) {
        try file.synchronize()
        var from = Path(".calque-\(processID())-\(monotonicNanoseconds())")
        if let temporary { from = temporary } else { try directory.makeName(from, of: file) }
        temporary = from
        try directory.rename(from, to: name)
        temporary = nil
        try directory.synchronize()
    }

    deinit {
        if let temporary { do throws(Errno) { try directory.remove(temporary) } catch {} }  // the first error is the one to tell
    }
}

/// Where a new image goes.
enum ImageTarget {
    case layout(LayoutTarget)
    case archive(ArchiveTarget)

    /// - Throws: for what is neither a layout nor an archive of one.
    static func open(_ path: Path) throws(OperationError) -> ImageTarget {
        var kind: FileKind?
        do throws(Errno) { kind = try fileStatus(path).kind } catch where error == .noEntry {} catch { throw OperationError("open image", path.text, .errno(error)) }
        switch kind {
        case .directory: return .layout(try LayoutTarget(path, exists: true))
        case .regular: return .archive(try ArchiveTarget(path, exists: true))
        case nil:
            return path.bytes.suffix(4).elementsEqual(".tar".utf8) ? .archive(try ArchiveTarget(path, exists: false)) : .layout(try LayoutTarget(path, exists: false))
        default: throw OperationError("open image", path.text, .invalid("it is neither a directory nor an archive"))
        }
    }

    /// Whether a content of that digest and size is there already.
    func contains(_ digest: Digest, size: Int64) -> Bool {
        switch self {
        case .layout(let target): target.contains(digest, size: size)
        case .archive(let target): target.contains(digest, size: size)
        }
    }

    /// An empty file to write a content into.
    func stage() throws(OperationError) -> StagedFile {
        switch self {
        case .layout(let target): try target.stage()
        case .archive(let target): try target.stage()
        }
    }

    func keep(_ staged: StagedFile, as digest: Digest, size: Int64) throws(OperationError) {
        switch self {
        case .layout(let target): try target.keep(staged, as: digest)
        case .archive(let target): target.keep(staged, as: digest, size: size)
        }
    }

    /// Keeps a document, and answers its descriptor.
    func keep(_ text: String, mediaType: String) throws(OperationError) -> Descriptor {
        let bytes = Array(text.utf8)
        let descriptor = Descriptor(mediaType: mediaType, digest: ContentHash.digest(of: bytes, .sha256), size: Int64(bytes.count))
        if contains(descriptor.digest, size: descriptor.size) { return descriptor }
        let staged = try stage()
        do throws(Errno) { try staged.file.write(bytes) } catch { throw OperationError("write", descriptor.digest.text, .errno(error)) }
        try keep(staged, as: descriptor.digest, size: descriptor.size)
        return descriptor
    }

    /// Makes the tag lead to the image. Everything is there then.
    func publish(_ manifest: Descriptor, tag: String) throws(OperationError) {
        let descriptor = manifest.text(annotations: [("org.opencontainers.image.ref.name", tag)])
        switch self {
        case .layout(let target): try target.publish(descriptor, tag: tag)
        case .archive(let target): try target.publish(descriptor, tag: tag)
        }
    }
}
