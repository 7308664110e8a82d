import CKernel
package import Diagnostics

// fs-verity: the kernel keeps a file's content as it is, and looks at each block of it that is read from the disk. Source: the kernel's
// Documentation/filesystems/fsverity.rst.
extension FileDescriptor {
    /// Bytes of a digest.
    package static var verityDigestSize: Int { 32 }

    /// Makes the content of the open file unchangeable for everybody, with SHA-256 and blocks of 4 KiB. It was opened for reading, and nobody may have
    /// it open for writing. Its blocks are hashed, and all of them are on the disk afterwards.
    /// - Throws: `EEXIST` when it is so already, `EOPNOTSUPP` or `ENOTTY` where the file system cannot, `ETXTBSY` while somebody may write.
    package borrowing func enableVerity() throws(Errno) { try check(kernel_enable_verity(raw)) }

    /// The digest of the open file that `enableVerity` has made; nothing of the content is read.
    /// - Throws: `ENODATA` for a file without, `EOPNOTSUPP` or `ENOTTY` where the file system cannot, `EOVERFLOW` for one that is not SHA-256.
    package borrowing func measureVerity() throws(Errno) -> [UInt8] {
        let number = raw
        var digest = [UInt8](repeating: 0, count: Self.verityDigestSize)
        try check(unsafe digest.withUnsafeMutableBufferPointer { unsafe kernel_measure_verity(number, $0.baseAddress) })
        return digest
    }
}
