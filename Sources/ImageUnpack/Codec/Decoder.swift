import OCISpec

/// What became of one call of a decoder.
struct DecodedPart {
    /// Bytes of input that were used.
    var used: Int
    /// Bytes of output that were made.
    var made: Int
}

/// Why a stream cannot be decoded.
struct DecodeFault: Error {
    let why: String
}

#if ISAL
    typealias GzipStream = ISALDecoder
#else
    typealias GzipStream = GzipDecoder
#endif

/// Unpacks a stream piece by piece.
enum Decoder {
    case none
    case gzip(GzipStream)
    case zstd(ZstdDecoder)

    init(_ compression: LayerCompression) throws(DecodeFault) {
        switch compression {
        case .none: self = .none
        case .gzip: self = .gzip(try GzipStream())
        case .zstd: self = .zstd(try ZstdDecoder())
        }
    }

    /// Decodes from `input[range]` into `output[start...]`, as far as both reach. There is room for at least one byte.
    func decode(_ input: [UInt8], _ range: Range<Int>, into output: inout [UInt8], at start: Int) throws(DecodeFault) -> DecodedPart {
        switch self {
        case .none:
            let count = min(range.count, output.count - start)
            unsafe input[range].withUnsafeBytes { from in
                unsafe output.withUnsafeMutableBytes { to in
                    // `count` keeps it inside of both, and a buffer is never empty
                    if let first = from.baseAddress { unsafe (to.baseAddress.unsafelyUnwrapped + start).copyMemory(from: first, byteCount: count) }
                }
            }
            return DecodedPart(used: count, made: count)
        case .gzip(let decoder): return try decoder.decode(input, range, into: &output, at: start)
        case .zstd(let decoder): return try decoder.decode(input, range, into: &output, at: start)
        }
    }

    /// Whether the stream may end here.
    var isAtEnd: Bool {
        switch self {
        case .none: true
        case .gzip(let decoder): decoder.isAtEnd
        case .zstd(let decoder): decoder.isAtEnd
        }
    }
}
