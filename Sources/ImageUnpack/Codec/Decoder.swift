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

/// Unpacks a stream piece by piece.
enum Decoder {
    case none
    case gzip(GzipDecoder)
    case zstd(ZstdDecoder)

    init(_ compression: LayerCompression) throws(DecodeFault) {
        switch compression {
        case .none: self = .none
        case .gzip: self = .gzip(try GzipDecoder())
        case .zstd: self = .zstd(try ZstdDecoder())
        }
    }

    /// Decodes from `input[range]` into `output`, as far as both reach.
    func decode(_ input: [UInt8], _ range: Range<Int>, into output: inout [UInt8]) throws(DecodeFault) -> DecodedPart {
        switch self {
        case .none:
            let count = min(range.count, output.count)
            output.replaceSubrange(0..<count, with: input[range.lowerBound..<(range.lowerBound + count)])
            return DecodedPart(used: count, made: count)
        case .gzip(let decoder): return try decoder.decode(input, range, into: &output)
        case .zstd(let decoder): return try decoder.decode(input, range, into: &output)
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
