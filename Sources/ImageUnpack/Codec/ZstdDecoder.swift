import CZstd

/// Zstandard: frames in a row; skippable frames, as zstd:chunked has them at its end, are skipped by the library.
@safe final class ZstdDecoder {
    private let context: OpaquePointer
    /// Between frames: at the end, if nothing follows.
    private(set) var isAtEnd = false

    init() throws(DecodeFault) {
        guard let context = unsafe ZSTD_createDCtx() else { throw DecodeFault(why: "zstd has no memory") }
        unsafe self.context = context
    }

    deinit { unsafe ZSTD_freeDCtx(context) }

    func decode(_ input: [UInt8], _ range: Range<Int>, into output: inout [UInt8], at start: Int) throws(DecodeFault) -> DecodedPart {
        if range.isEmpty && isAtEnd { return DecodedPart(used: 0, made: 0) }
        var part = DecodedPart(used: 0, made: 0)
        let room = output.count - start
        let answer = unsafe input[range].withUnsafeBytes { from in
            unsafe output.withUnsafeMutableBytes { to in
                var source = unsafe ZSTD_inBuffer(src: from.baseAddress, size: from.count, pos: 0)
                var target = unsafe ZSTD_outBuffer(dst: to.baseAddress.unsafelyUnwrapped + start, size: room, pos: 0)
                let answer = unsafe ZSTD_decompressStream(context, &target, &source)
                part = unsafe DecodedPart(used: source.pos, made: target.pos)
                return answer
            }
        }
        if ZSTD_isError(answer) != 0 {
            throw DecodeFault(why: unsafe "the zstd data is corrupt (" + String(cString: ZSTD_getErrorName(answer)) + ")")
        }
        isAtEnd = answer == 0
        return part
    }
}
