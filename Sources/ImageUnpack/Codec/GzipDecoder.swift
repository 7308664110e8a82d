import CZlib

/// gzip over zlib: one member or several in a row; anything else after a member is an error.
@safe final class GzipDecoder {
    private let stream: UnsafeMutablePointer<z_stream>
    /// Between members: at the end, if nothing follows.
    private(set) var isAtEnd = false

    init() throws(DecodeFault) {
        unsafe stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        // 15 bits of window, and 16 for "gzip and nothing else"
        guard unsafe inflateInit2_(stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw DecodeFault(why: "zlib has no memory")
        }
    }

    static var trailingBytes: DecodeFault { DecodeFault(why: "there are bytes after the end of the gzip data") }

    deinit {
        unsafe inflateEnd(stream)
        unsafe stream.deallocate()
    }

    func decode(_ input: [UInt8], _ range: Range<Int>, into output: inout [UInt8], at start: Int) throws(DecodeFault) -> DecodedPart {
        if isAtEnd {
            if range.isEmpty { return DecodedPart(used: 0, made: 0) }
            guard input[range.lowerBound] == 0x1F else { throw Self.trailingBytes }
            unsafe inflateReset(stream)
            isAtEnd = false
        }
        let room = output.count - start
        let answer = unsafe input[range].withUnsafeBufferPointer { from in
            unsafe output.withUnsafeMutableBufferPointer { to in
                unsafe stream.pointee.next_in = UnsafeMutablePointer(mutating: from.baseAddress)
                unsafe stream.pointee.avail_in = UInt32(from.count)
                unsafe stream.pointee.next_out = to.baseAddress.unsafelyUnwrapped + start  // a buffer is never empty
                unsafe stream.pointee.avail_out = UInt32(room)
                return unsafe inflate(stream, Z_NO_FLUSH)
            }
        }
        let part = unsafe DecodedPart(used: range.count - Int(stream.pointee.avail_in), made: room - Int(stream.pointee.avail_out))
        switch answer {
        case Z_STREAM_END: isAtEnd = true
        case Z_OK, Z_BUF_ERROR: break
        case Z_NEED_DICT: throw DecodeFault(why: "the gzip data needs a dictionary")
        case Z_MEM_ERROR: throw DecodeFault(why: "zlib has no memory")
        default: throw DecodeFault(why: "the gzip data is corrupt" + message)
        }
        return part
    }

    private var message: String {
        guard let text = unsafe stream.pointee.msg else { return "" }
        return unsafe " (" + String(cString: text) + ")"
    }
}
