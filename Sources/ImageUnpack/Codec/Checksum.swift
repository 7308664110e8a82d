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

    /// Takes in `count` zeros, as those of a hole, in a time that does not depend on their number.
    ///
    /// The register is a polynomial over GF(2), and a zero bit multiplies it by x.
    mutating func update(zeros count: Int64) {
        if count <= 0 { return }
        var power: UInt32 = 1 << 31  // of x^0: the highest power is the lowest bit
        var square: UInt32 = 1 << 23  // of x^8, a byte
        var rest = count
        while rest > 0 {
            if rest & 1 == 1 { power = Self.product(power, square) }
            square = Self.product(square, square)
            rest >>= 1
        }
        value = ~Self.product(~value, power)
    }

    /// Modulo the polynomial of CRC-32.
    private static func product(_ first: UInt32, _ second: UInt32) -> UInt32 {
        var product: UInt32 = 0
        var shifted = second
        var bit: UInt32 = 1 << 31
        while bit != 0 {
            if first & bit != 0 { product ^= shifted }
            shifted = shifted & 1 == 1 ? shifted >> 1 ^ 0xEDB8_8320 : shifted >> 1
            bit >>= 1
        }
        return product
    }

    /// The checksum of `bytes`.
    init(of bytes: [UInt8]) { update(bytes, 0..<bytes.count) }
    init() {}
    init(value: UInt32) { self.value = value }
}
