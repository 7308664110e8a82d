import CCrypto
import OCISpec

/// A digest in the making, over libcrypto. A class, so that the C context keeps its address.
final class ContentHash {
    private let algorithm: DigestAlgorithm
    private var sha256 = SHA256_CTX()
    private var sha512 = SHA512_CTX()

    init(_ algorithm: DigestAlgorithm) {
        self.algorithm = algorithm
        switch algorithm {
        case .sha256: unsafe SHA256_Init(&sha256)
        case .sha512: unsafe SHA512_Init(&sha512)
        }
    }

    /// Takes in `bytes[range]`.
    func update(_ bytes: [UInt8], _ range: Range<Int>) {
        _ = unsafe bytes[range].withUnsafeBytes {
            switch algorithm {
            case .sha256: unsafe SHA256_Update(&sha256, $0.baseAddress, $0.count)
            case .sha512: unsafe SHA512_Update(&sha512, $0.baseAddress, $0.count)
            }
        }
    }

    /// The digest of all that was taken in. To be called once.
    func finish() -> Digest {
        var result = [UInt8](repeating: 0, count: algorithm.digits / 2)
        _ = unsafe result.withUnsafeMutableBufferPointer {
            switch algorithm {
            case .sha256: unsafe SHA256_Final($0.baseAddress, &sha256)
            case .sha512: unsafe SHA512_Final($0.baseAddress, &sha512)
            }
        }
        return Digest(algorithm, bytes: result)
    }

    /// The digest of `bytes`.
    static func digest(of bytes: [UInt8], _ algorithm: DigestAlgorithm) -> Digest {
        let hash = ContentHash(algorithm)
        hash.update(bytes, 0..<bytes.count)
        return hash.finish()
    }
}

extension Digest {
    /// - Parameter bytes: what the algorithm gave.
    init(_ algorithm: DigestAlgorithm, bytes: [UInt8]) {
        let digits = Array("0123456789abcdef".utf8)
        self.init(algorithm, encoded: String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self))
    }
}
