import CZlib
import CZstd
import OCISpec

/// Packs a stream piece by piece. The same bytes come out for the same input, whoever runs it and when.
enum Encoder {
    case none
    case gzip(GzipEncoder)
    case zstd(ZstdEncoder)

    init(_ compression: LayerCompression) throws(DecodeFault) {
        switch compression {
        case .none: self = .none
        case .gzip: self = .gzip(try GzipEncoder())
        case .zstd: self = .zstd(try ZstdEncoder())
        }
    }

    /// Packs `input[range]` into the beginning of `output`, as far as both reach; `isLast`: nothing follows.
    /// `used` of the answer counts from the range's beginning. All is packed when all was used and `isComplete`.
    func encode(_ input: [UInt8], _ range: Range<Int>, isLast: Bool, into output: inout [UInt8]) throws(DecodeFault) -> EncodedPart {
        switch self {
        case .none:
            let count = min(range.count, output.count)
            output.replaceSubrange(0..<count, with: input[range.lowerBound..<(range.lowerBound + count)])
            return EncodedPart(used: count, made: count, isComplete: count == range.count)
        case .gzip(let encoder): return try encoder.encode(input, range, isLast: isLast, into: &output)
        case .zstd(let encoder): return try encoder.encode(input, range, isLast: isLast, into: &output)
        }
    }
}

/// What became of one call of an encoder.
struct EncodedPart {
    /// Bytes of input that were used.
    var used: Int
    /// Bytes of output that were made.
    var made: Int
    /// Whether nothing more comes out for this input.
    var isComplete: Bool
}

/// gzip over zlib, level 6, without a name and without a time. Not over ISA-L: the bytes must not depend on how calque was built.
@safe final class GzipEncoder {
    private let stream: UnsafeMutablePointer<z_stream>

    init() throws(DecodeFault) {
        unsafe stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        // 15 bits of window, and 16 for gzip; memory level 8 is zlib's default
        guard unsafe deflateInit2_(stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw DecodeFault(why: "zlib has no memory")
        }
    }

    deinit {
        unsafe deflateEnd(stream)
        unsafe stream.deallocate()
    }

    func encode(_ input: [UInt8], _ range: Range<Int>, isLast: Bool, into output: inout [UInt8]) throws(DecodeFault) -> EncodedPart {
        let room = output.count
        let answer = unsafe input[range].withUnsafeBufferPointer { from in
            unsafe output.withUnsafeMutableBufferPointer { to in
                unsafe stream.pointee.next_in = UnsafeMutablePointer(mutating: from.baseAddress)
                unsafe stream.pointee.avail_in = UInt32(from.count)
                unsafe stream.pointee.next_out = to.baseAddress
                unsafe stream.pointee.avail_out = UInt32(room)
                return unsafe deflate(stream, isLast ? Z_FINISH : Z_NO_FLUSH)
            }
        }
        if answer == Z_STREAM_ERROR { throw DecodeFault(why: "zlib refuses its own state") }
        let unread = unsafe Int(stream.pointee.avail_in)
        let unwritten = unsafe Int(stream.pointee.avail_out)
        return EncodedPart(used: range.count - unread, made: room - unwritten, isComplete: isLast ? answer == Z_STREAM_END : unwritten > 0)
    }
}

/// One frame of Zstandard, level 3, with a checksum.
@safe final class ZstdEncoder {
    private let context: OpaquePointer

    init() throws(DecodeFault) {
        guard let context = unsafe ZSTD_createCCtx() else { throw DecodeFault(why: "zstd has no memory") }
        unsafe self.context = context
        unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, 3)
        unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)
    }

    deinit { unsafe ZSTD_freeCCtx(context) }

    func encode(_ input: [UInt8], _ range: Range<Int>, isLast: Bool, into output: inout [UInt8]) throws(DecodeFault) -> EncodedPart {
        var part = EncodedPart(used: 0, made: 0, isComplete: false)
        let room = output.count
        let answer = unsafe input[range].withUnsafeBytes { from in
            unsafe output.withUnsafeMutableBytes { to in
                var source = unsafe ZSTD_inBuffer(src: from.baseAddress, size: from.count, pos: 0)
                var target = unsafe ZSTD_outBuffer(dst: to.baseAddress, size: room, pos: 0)
                let answer = unsafe ZSTD_compressStream2(context, &target, &source, isLast ? ZSTD_e_end : ZSTD_e_continue)
                part = unsafe EncodedPart(used: source.pos, made: target.pos, isComplete: isLast ? answer == 0 : source.pos == from.count)
                return answer
            }
        }
        if ZSTD_isError(answer) != 0 { throw DecodeFault(why: unsafe "zstd cannot pack (" + String(cString: ZSTD_getErrorName(answer)) + ")") }
        return part
    }
}
