#if ISAL
    import CISAL
#else
    import CZlib
#endif

/// CRC-32 of gzip, of a file's content: tells damage, not malice. ISA-L makes 20 GB of it in a second.
struct Checksum: Equatable {
    private(set) var value: UInt32 = 0

    /// Takes in `bytes[range]`.
    mutating func update(_ bytes: [UInt8], _ range: Range<Int>) {
        if range.isEmpty { return }
        let before = value
        value = unsafe bytes[range].withUnsafeBufferPointer { buffer in
            #if ISAL
                unsafe crc32_gzip_refl(before, buffer.baseAddress, UInt64(buffer.count))
            #else
                unsafe UInt32(truncatingIfNeeded: crc32_z(UInt(before), buffer.baseAddress, buffer.count))
            #endif
        }
    }

    /// The checksum of `bytes`.
    init(of bytes: [UInt8]) { update(bytes, 0..<bytes.count) }
    init() {}
}
