// The fs-verity digests of a layer's files, one line for each, beside its tree: the list is written when the kernel has taken the files into its
// care, and tells later, without reading any of them, that each still is the one that it was.
//
//     sha256:DIGEST PATH
//
// The list's own digest is in the layer's `about`. Which files are in it: those that hold something or nothing, but none that is mostly holes,
// since the kernel hashes the zeros of a hole one by one. See spec-notes/decisions/0021.
import Diagnostics
import Kernel
import OCISpec
import UntrustedTree

enum VerityRecord {
    static var fileName: Path { "verity" }

    static func line(_ digest: Digest, _ path: InRootPath) -> [UInt8] {
        Array(digest.text.utf8) + [0x20] + PackedLines.escapedBytes(path.archiveName) + [0x0A]
    }

    /// Nil for what is no line, without its line feed.
    static func parse(_ line: [UInt8]) -> (path: InRootPath, digest: Digest)? {
        guard let space = line.firstIndex(of: 0x20),
            // any fault is the same here
            let digest = try? Digest(String(decoding: line[..<space], as: UTF8.self), field: "verity"), digest.algorithm == .sha256,
            let path = InRootPath(bytes: PackedLines.unescapedBytes(line[(space + 1)...])), !path.isRoot
        else { return nil }
        return (path, digest)
    }

    /// Reads the list in a layer's directory.
    /// - Throws: when it is not the one that `digest` names.
    static func read(_ digest: Digest, in layer: borrowing FileDescriptor) throws(OperationError) -> [InRootPath: Digest] {
        var digests: [InRootPath: Digest] = [:]
        try PackedLines.read(fileName, digest, in: layer) { line in
            guard let (path, digest) = parse(line) else { return false }
            digests[path] = digest
            return true
        }
        return digests
    }

    /// Whether the kernel is to take a file of that status into its care.
    static func isWorthwhile(_ status: FileStatus) -> Bool {
        // an image can say that a file has a tebibyte of holes
        status.kind == .regular && (status.size <= 1 << 20 || status.allocatedBytes > status.size / 2)
    }
}
