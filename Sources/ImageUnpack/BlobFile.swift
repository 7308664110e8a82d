package import Diagnostics
package import Kernel

/// A stretch of a file that holds one content: a whole file of a layout, or a part of an archive.
package struct BlobFile: ~Copyable {
    package let file: FileDescriptor
    /// Bytes from the file's beginning.
    package let offset: Int64
    /// Bytes.
    package let size: Int64
    /// What it is, for errors: a digest or the name in the archive.
    package let name: String

    package init(file: consuming FileDescriptor, offset: Int64, size: Int64, name: String) {
        self.file = file
        (self.offset, self.size, self.name) = (offset, size, name)
    }

    /// The whole content.
    /// - Throws: `.invalid` when there are more than `limit` bytes.
    package borrowing func readAll(limit: Int64) throws(OperationError) -> [UInt8] {
        if size > limit { throw OperationError("read", name, .invalid("\(size) bytes are too many: at most \(limit) are read")) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Int(size))
        do throws(Errno) {
            while bytes.count < Int(size) {
                let part = try file.read(atMost: Int(size) - bytes.count, at: offset + Int64(bytes.count))
                if part.isEmpty { break }
                bytes += part
            }
        } catch {
            throw OperationError("read", name, .errno(error))
        }
        if bytes.count < Int(size) { throw OperationError("read", name, .invalid("the file is truncated")) }
        return bytes
    }
}
