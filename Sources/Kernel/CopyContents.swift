import CKernel
package import Diagnostics

extension FileDescriptor {
    /// Appends all that is left in `source` to this file.
    package borrowing func copyContents(from source: borrowing FileDescriptor) throws(Errno) {
        let to = raw
        let from = source.raw
        while try checkRetrying({ kernel_sendfile(to, from, 1 << 30) }) > 0 {}
    }
}

extension FileDescriptor {
    /// Shares all blocks of `source` with this empty file, until either is written.
    /// - Throws: `EOPNOTSUPP`, `EXDEV`, `EINVAL` or `ENOTTY` where the file system cannot.
    package borrowing func cloneContents(of source: borrowing FileDescriptor) throws(Errno) { try check(kernel_clone_file(raw, source.raw)) }

    /// Copies the first `size` bytes of `source` to this empty file, within the kernel; with `hasHoles`, its holes become holes.
    package borrowing func copyExtents(from source: borrowing FileDescriptor, size: Int64, hasHoles: Bool) throws(Errno) {
        var offset: Int64 = 0
        while offset < size {
            var end = size
            if hasHoles {
                let data = try source.nextData(from: offset, size: size)
                if data.isEmpty { break }
                (offset, end) = (data.lowerBound, data.upperBound)
                try source.seek(to: offset)
                try seek(to: offset)
            }
            while offset < end {
                let part = try copyRange(from: source, Int(end - offset))
                if part == 0 { return try truncate(to: size) }  // it is shorter than it says
                offset += Int64(part)
            }
        }
        if hasHoles { try truncate(to: size) }
    }

    /// The next bytes of this file of `size` bytes that are no hole, from `offset` on; empty, and at its end, when there are none.
    ///
    /// The file stands elsewhere afterwards. Source: lseek(2) `SEEK_DATA`, `SEEK_HOLE`.
    package borrowing func nextData(from offset: Int64, size: Int64) throws(Errno) -> Range<Int64> {
        let start: Int64
        // ENXIO: a hole up to the end
        do throws(Errno) { start = Int64(try check(kernel_seek(raw, offset, 3))) } catch where error == .noDeviceOrAddress { return size..<size }
        if start >= size { return size..<size }
        return start..<max(start, min(size, Int64(try check(kernel_seek(raw, start, 4)))))
    }

    /// copy_file_range(2), and sendfile(2) between file systems, from where both files stand.
    private borrowing func copyRange(from source: borrowing FileDescriptor, _ count: Int) throws(Errno) -> Int {
        let (to, from) = (raw, source.raw)
        do throws(Errno) {
            return try checkRetrying { kernel_copy_file_range(from, to, count) }
        } catch where error == .crossDevice || error == .invalid || error == .noSystemCall || error == .notSupported {
            return try checkRetrying { kernel_sendfile(to, from, min(count, 1 << 30)) }
        }
    }
}
