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

    /// Calls `body` with one piece after another, in a buffer of their own.
    package borrowing func forEachPiece(_ body: (_ buffer: [UInt8], _ range: Range<Int>) throws(OperationError) -> Void) throws(OperationError) {
        var buffer = [UInt8](repeating: 0, count: 256 * 1024)
        var done: Int64 = 0
        while done < size {
            let part: Int
            do throws(Errno) {
                part = try file.read(into: &buffer, atMost: Int(min(Int64(buffer.count), size - done)), at: offset + done)
            } catch {
                throw OperationError("read", name, .errno(error))
            }
            if part == 0 { throw OperationError("read", name, .invalid("the file is truncated")) }
            try body(buffer, 0..<part)
            done += Int64(part)
        }
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
