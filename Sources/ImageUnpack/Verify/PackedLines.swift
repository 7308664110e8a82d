import Diagnostics
import Kernel
import OCISpec
import UntrustedTree

/// A text of lines that is packed in a file beside a layer's tree: its digest is in the layer's `about`.
enum PackedLines {
    /// - Parameter replaces: whether a file of that name may be there already.
    /// - Returns: the digest of the file.
    static func write(
        _ name: Path, in layer: borrowing FileDescriptor, replaces: Bool = false, _ body: (PackedWriter) throws(OperationError) -> Void
    ) throws(OperationError) -> Digest {
        let staged: StagedFile
        do throws(Errno) { staged = try StagedFile(in: try layer.open(".", [.readOnly, .directory])) } catch { throw OperationError("write", name.text, .errno(error)) }
        let out = try PackedWriter(staged, compression: .zstd, name: name.text)
        try body(out)
        let written = try out.finish()
        do throws(Errno) {
            if replaces { try staged.replace(name) } else { try staged.keep(as: name, in: layer) }
        } catch {
            throw OperationError("write", name.text, .errno(error))
        }
        return written.digest
    }

    /// Reads all lines. What they told counts only when this does not throw: the digest is compared at the end.
    /// - Parameter line: false for what is no line of this file.
    /// - Throws: when the file is not the one that `digest` names.
    static func read(_ name: Path, _ digest: Digest, in layer: borrowing FileDescriptor, _ line: ([UInt8]) -> Bool) throws(OperationError) {
        let blob: BlobFile
        do throws(Errno) {
            let file = try layer.open(name, [.readOnly, .noFollow, .nonBlocking])
            let status = try file.status()
            guard status.kind == .regular else { throw .notSupported }
            blob = BlobFile(file: file, offset: 0, size: status.size, name: name.text)
        } catch {
            throw OperationError("read", name.text, .errno(error))
        }
        let stream = try LayerStream(blob, compression: .zstd, digest: digest, diffID: nil)
        var bytes: [UInt8] = []
        while try stream.fill() {
            for byte in stream.buffer[stream.position..<stream.end] {
                if byte != 0x0A {
                    bytes.append(byte)
                    continue
                }
                if !line(bytes) { throw OperationError("read", name.text, .invalid("a line is damaged")) }
                bytes.removeAll(keepingCapacity: true)
            }
            stream.position = stream.end
        }
        try stream.finish()
    }

    /// A name as a part of a line: a line feed, and the backslash itself, behind a backslash.
    static func escapedBytes(_ bytes: [UInt8]) -> [UInt8] {
        if !bytes.contains(where: { $0 == 0x0A || $0 == 0x5C }) { return bytes }
        return bytes.flatMap { $0 == 0x0A ? [0x5C, 0x6E] : $0 == 0x5C ? [0x5C, 0x5C] : [$0] }
    }

    static func unescapedBytes(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        if !bytes.contains(0x5C) { return Array(bytes) }
        var result: [UInt8] = []
        var isEscaped = false
        for byte in bytes {
            if isEscaped { result.append(byte == 0x6E ? 0x0A : byte) } else if byte != 0x5C { result.append(byte) }
            isEscaped = !isEscaped && byte == 0x5C
        }
        return result
    }
}
