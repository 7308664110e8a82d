import CKernel
package import Diagnostics

extension FileDescriptor {
    /// Reads at most `count` bytes; an empty array at the end.
    package borrowing func read(atMost count: Int) throws(Errno) -> [UInt8] {
        var failure: Errno?
        let number = raw
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            do throws(Errno) {
                filled = try checkRetrying { unsafe kernel_read(number, buffer.baseAddress, buffer.count) }
            } catch {
                filled = 0
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// Reads at most `count` bytes from `offset` on, without moving the file's position; an empty array at the end.
    package borrowing func read(atMost count: Int, at offset: Int64) throws(Errno) -> [UInt8] {
        var failure: Errno?
        let number = raw
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            do throws(Errno) {
                filled = try checkRetrying { unsafe kernel_pread(number, buffer.baseAddress, buffer.count, offset) }
            } catch {
                filled = 0
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// Reads at most `count` bytes from `offset` on into the beginning of `buffer`, without moving the file's position.
    /// - Returns: how many there were; 0 at the end.
    package borrowing func read(into buffer: inout [UInt8], atMost count: Int, at offset: Int64) throws(Errno) -> Int {
        let number = raw
        return try checkRetrying {
            unsafe buffer.withUnsafeMutableBytes { unsafe kernel_pread(number, $0.baseAddress, min(count, $0.count), offset) }
        }
    }

    /// Reads to the end.
    /// - Throws: `EFBIG` when there are more than `limit` bytes.
    package borrowing func readAll(limit: Int) throws(Errno) -> [UInt8] {
        var bytes: [UInt8] = []
        let expected = (try? status().size).map { Int($0) } ?? 0  // a pipe has no size; the loop below copes
        bytes.reserveCapacity(min(max(expected, 512), limit))
        while true {
            let room = min(max(4096, expected - bytes.count + 1), limit - bytes.count + 1)
            let part = try read(atMost: room)
            if part.isEmpty { return bytes }
            bytes += part
            if bytes.count > limit { throw .tooLarge }
        }
    }

    /// Writes all of `bytes`.
    package borrowing func write(_ bytes: [UInt8]) throws(Errno) {
        let number = raw
        var done = 0
        while done < bytes.count {
            let written = try checkRetrying {
                unsafe bytes.withUnsafeBytes { buffer in
                    unsafe kernel_write(number, buffer.baseAddress.unsafelyUnwrapped + done, buffer.count - done)
                }
            }
            if written == 0 { throw .inputOutput }  // a seccomp filter may answer so
            done += written
        }
    }

    /// Writes all of `bytes[range]`.
    package borrowing func write(_ bytes: [UInt8], _ range: Range<Int>) throws(Errno) {
        let number = raw
        var done = range.lowerBound
        while done < range.upperBound {
            let written = try checkRetrying {
                unsafe bytes[done..<range.upperBound].withUnsafeBytes { unsafe kernel_write(number, $0.baseAddress, $0.count) }
            }
            if written == 0 { throw .inputOutput }  // as above
            done += written
        }
    }

    /// Writes all of `text`.
    package borrowing func write(_ text: String) throws(Errno) { try write(Array(text.utf8)) }

    /// Writes `text` with one write(2), as files below /proc and /sys want it.
    package borrowing func writeAtOnce(_ text: String) throws(Errno) {
        let number = raw
        var text = text
        let written = try checkRetrying { text.withUTF8 { unsafe kernel_write(number, $0.baseAddress, $0.count) } }
        if written != text.utf8.count { throw .inputOutput }
    }

    package borrowing func seek(to offset: Int64) throws(Errno) { try check(kernel_seek(raw, offset, 0)) }
    /// Moves `count` bytes on; what is passed over at the end of a file becomes a hole.
    package borrowing func seek(forward count: Int64) throws(Errno) { try check(kernel_seek(raw, count, 1)) }
    package borrowing func truncate(to size: Int64) throws(Errno) { try check(kernel_truncate(raw, size)) }
    package borrowing func synchronize() throws(Errno) { try check(kernel_sync(raw)) }
    /// sync_file_range(2): has the kernel begin to write these bytes to the disk. It promises nothing.
    package borrowing func startWriting(_ range: Range<Int64>) throws(Errno) {
        try check(kernel_start_writing(raw, range.lowerBound, range.upperBound - range.lowerBound))
    }
    /// syncfs(2): all of the file system that this file lies on.
    package borrowing func synchronizeFilesystem() throws(Errno) { try check(kernel_sync_filesystem(raw)) }
}

/// Reads all of the file at `path`.
/// - Throws: `EFBIG` when it is larger than `limit` bytes.
package func readFile(_ path: Path, limit: Int) throws(Errno) -> [UInt8] {
    try FileDescriptor.open(path, .readOnly).readAll(limit: limit)
}

/// Writes `text` with one write(2) into the existing file at `path`.
package func writeFile(_ path: Path, _ text: String) throws(Errno) {
    try FileDescriptor.open(path, .writeOnly).writeAtOnce(text)
}

extension FileDescriptor {
    /// One write(2): answers how many bytes went.
    package borrowing func writeOnce(_ bytes: [UInt8]) throws(Errno) -> Int {
        let number = raw
        return try checkRetrying { unsafe bytes.withUnsafeBytes { unsafe kernel_write(number, $0.baseAddress, $0.count) } }
    }
}
