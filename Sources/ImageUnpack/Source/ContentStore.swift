// The files of an image source: a directory, or a tar archive that is read in place, without a copy.
//
// What comes on standard input is kept in a file without a name: an archive is read back and forth.
import Diagnostics
import Kernel
import OCISpec
import UntrustedTree

/// Where a file lies in an archive.
private struct ArchiveMember {
    var offset: Int64
    var size: Int64
    /// For a link, as docker writes it for a layer that is there twice: the name to look under.
    var target: [UInt8]?
}

private struct OpenedSource: ~Copyable {
    let handle: FileDescriptor
    let isDirectory: Bool
}

/// Opens the files of a source by name; nothing but regular files, and nothing outside of the source.
final class ContentStore {
    private let root: RootDirectory
    /// Nil for a directory.
    private let members: [InRootPath: ArchiveMember]?
    private let path: Path

    init(_ path: Path) throws(OperationError) {
        self.path = path
        let source = try Self.openSource(path)
        members = source.isDirectory ? nil : try Self.members(of: source.handle, path)
        root = RootDirectory(source.handle)
    }

    private static func openSource(_ path: Path) throws(OperationError) -> OpenedSource {
        if path == ImageReference.standardInput { return OpenedSource(handle: try spoolInput(), isDirectory: false) }
        let kind: FileKind
        do throws(Errno) {
            let handle = try FileDescriptor.open(path, [.readOnly, .nonBlocking])
            kind = try handle.status().kind
            if kind == .directory || kind == .regular { return OpenedSource(handle: handle, isDirectory: kind == .directory) }
        } catch {
            throw OperationError("open image", path.text, .errno(error), hint: ImageReference.expected(path.text, error))
        }
        throw OperationError("open image", path.text, .invalid("it is neither a directory nor an archive"))
    }

    /// What comes on standard input, in a file that goes with this process.
    private static func spoolInput() throws(OperationError) -> FileDescriptor {
        let place = Path(environment("TMPDIR") ?? "/var/tmp")
        do throws(Errno) {
            let file = try FileDescriptor.open(place, [.readWrite, .unnamed], mode: 0o600)
            try FileDescriptor.withStream(0) { (input) throws(Errno) in
                while true {
                    let part = try input.read(atMost: 256 * 1024)
                    if part.isEmpty { break }
                    try file.write(part)
                }
            }
            return file
        } catch {
            throw OperationError("read image from", "stdin", .errno(error), hint: "it is kept in a file below \(place.text) meanwhile; TMPDIR names another directory")
        }
    }

    func contains(_ name: String) throws(OperationError) -> Bool {
        guard let wanted = InRootPath(bytes: name.utf8) else { return false }
        if let members { return members[wanted] != nil }
        do throws(Errno) {
            return try root.open(wanted, [.path, .noFollow]).status().kind == .regular
        } catch where error == .noEntry || error == .notDirectory || error == .tooManyLinks {
            return false
        } catch {
            throw OperationError("open", name, .errno(error)).within("read image " + quoted(path.text))
        }
    }

    /// The names of all files of an archive, links among them; none for a directory.
    var fileNames: [String] { members.map { $0.keys.map { String($0.text.dropFirst()) } } ?? [] }

    /// The file `name`.
    /// - Throws: for what is missing, and at once for what is no regular file: a fifo does not block us.
    func open(_ name: String) throws(OperationError) -> BlobFile {
        func failed(_ cause: Cause) -> OperationError { OperationError("open", name, cause).within("read image " + quoted(path.text)) }
        guard let wanted = InRootPath(bytes: name.utf8) else { throw failed(.invalid("this is no name of a file")) }
        if let members { return try openMember(wanted, in: members, failed) }
        do throws(Errno) {
            let file = try root.open(wanted, [.path, .noFollow]).reopenRegular()
            let size = try file.status().size
            return BlobFile(file: file, offset: 0, size: size, name: name)
        } catch where error == .notSupported || error == .tooManyLinks {
            throw failed(.invalid("it is no regular file"))
        } catch {
            throw failed(.errno(error))
        }
    }

    private func openMember(
        _ wanted: InRootPath, in members: [InRootPath: ArchiveMember], _ failed: (Cause) -> OperationError
    ) throws(OperationError) -> BlobFile {
        var name = wanted
        for _ in 0..<8 {
            guard let member = members[name] else { throw failed(.errno(.noEntry)) }
            guard let target = member.target else {
                do throws(Errno) {
                    return BlobFile(file: try root.handle.duplicate(), offset: member.offset, size: member.size, name: wanted.text)
                } catch {
                    throw failed(.errno(error))
                }
            }
            let next = target.first == UInt8(ascii: "/") ? target : Array((name.parent.text + "/").utf8) + target
            guard let path = InRootPath(bytes: next) else { throw failed(.invalid("it is a link to nowhere")) }
            name = path
        }
        throw failed(.errno(.tooManyLinks))
    }

    /// The program that has packed a file which begins with `bytes`; nil for any other file.
    private static func compression(of bytes: [UInt8]) -> String? {
        let magics: [(String, [UInt8])] = [("gzip", [0x1F, 0x8B]), ("zstd", [0x28, 0xB5, 0x2F, 0xFD]), ("xz", [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0]), ("bzip2", [0x42, 0x5A, 0x68])]
        return magics.first { bytes.starts(with: $0.1) }?.0
    }

    /// Walks over the archive's headers; contents are passed over, not read.
    private static func members(of file: borrowing FileDescriptor, _ path: Path) throws(OperationError) -> [InRootPath: ArchiveMember] {
        var members: [InRootPath: ArchiveMember] = [:]
        var offset: Int64 = 0
        var end: Int64 = 0  // of the last content, without what fills its block
        var longName: [UInt8]?
        var pax: PaxRecords?
        func block(_ count: Int, at offset: Int64) throws(OperationError) -> [UInt8] {
            do throws(Errno) { return try file.read(atMost: count, at: offset) } catch { throw OperationError("read", path.text, .errno(error)) }
        }
        func damaged(_ why: String) -> OperationError {
            OperationError("read image", path.text, .invalid(why), hint: "an OCI layout directory, an OCI archive or a docker-archive is expected")
        }
        if let format = compression(of: try block(6, at: 0)) {
            throw OperationError(
                "read image", path.text, .invalid("the archive is compressed with \(format)"), hint: "it is read in place: \(format) -dc ARCHIVE | calque unpack --image - BUNDLE")
        }
        while true {
            let bytes = try block(512, at: offset)
            if bytes.isEmpty {
                // the closing blocks may be missing, a part of the last content may not
                if end > 0, try block(1, at: end - 1).isEmpty { throw damaged("it ends in the middle of a file") }
                break
            }
            do throws(TarFault) {
                guard bytes.count == 512 else { throw TarFault(why: "it ends in the middle of a header") }
                guard let header = try TarHeader(bytes) else { break }
                let size = try header.number(124, 12, "size")
                guard size >= 0, size < Int64.max - offset - 1024 else { throw TarFault(why: "a size is out of range") }
                offset += 512
                if header.isExtra {
                    guard size <= 1 << 20 else { throw TarFault(why: "an extended header has \(size) bytes") }
                    let content: [UInt8]
                    do throws(OperationError) { content = try block(Int(size), at: offset) } catch { throw TarFault(why: error.description) }
                    if header.type == UInt8(ascii: "x") { pax = try PaxRecords(content) }
                    if header.type == UInt8(ascii: "L") { longName = Array(content.prefix { $0 != 0 }) }
                    offset += (size + 511) / 512 * 512
                    continue
                }
                var entry = try header.entry()
                if let longName { entry.name = longName }
                try pax?.apply(to: &entry)
                header.settleKind(of: &entry)
                (longName, pax) = (nil, nil)
                if let name = InRootPath(bytes: entry.name), !name.isRoot {
                    switch entry.kind {
                    case .regular: members[name] = ArchiveMember(offset: offset, size: entry.storedSize, target: nil)
                    case .symbolicLink: members[name] = ArchiveMember(offset: 0, size: 0, target: entry.linkTarget)
                    case .hardLink: members[name] = ArchiveMember(offset: 0, size: 0, target: [UInt8(ascii: "/")] + entry.linkTarget)
                    default: break
                    }
                }
                if entry.kind == .regular {
                    if entry.storedSize > 0 { end = offset + entry.storedSize }
                    offset += (entry.storedSize + 511) / 512 * 512
                }
            } catch {
                throw damaged(error.why)
            }
        }
        return members
    }
}

extension TarHeader {
    /// Whether it is about the header that follows, or about all of them.
    fileprivate var isExtra: Bool { [UInt8(ascii: "x"), UInt8(ascii: "g"), UInt8(ascii: "L"), UInt8(ascii: "K")].contains(type) }
}
