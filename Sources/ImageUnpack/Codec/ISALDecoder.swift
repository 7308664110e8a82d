#if ISAL
    import CISAL

    /// gzip over ISA-L, twice as fast as zlib: one member or several in a row; anything else after a member is an error.
    @safe final class ISALDecoder {
        private let state: UnsafeMutablePointer<inflate_state>
        /// Between members: at the end, if nothing follows.
        private(set) var isAtEnd = false

        init() throws(DecodeFault) {
            guard let state = unsafe isal_gzip_make() else { throw DecodeFault(why: "ISA-L has no memory") }
            unsafe self.state = state
        }

        deinit { unsafe free(state) }

        func decode(_ input: [UInt8], _ range: Range<Int>, into output: inout [UInt8], at start: Int) throws(DecodeFault) -> DecodedPart {
            if isAtEnd {
                if range.isEmpty { return DecodedPart(used: 0, made: 0) }
                guard input[range.lowerBound] == 0x1F else { throw GzipDecoder.trailingBytes }
                unsafe isal_gzip_reset(state)
                isAtEnd = false
            }
            let room = UInt32(output.count - start)
            var (unread, unwritten) = (UInt32(range.count), room)
            let answer = unsafe input[range].withUnsafeBufferPointer { from in
                unsafe output.withUnsafeMutableBufferPointer { to in
                    // no slice: writing to one copies it. A buffer is never empty.
                    unsafe isal_gzip_decode(state, from.baseAddress, &unread, to.baseAddress.unsafelyUnwrapped + start, &unwritten)
                }
            }
            // positive: it wants more input or more room
            if answer == ISAL_NEED_DICT { throw DecodeFault(why: "the gzip data needs a dictionary") }
            if answer < 0 { throw DecodeFault(why: "the gzip data is corrupt (\(Self.words(answer)))") }
            isAtEnd = unsafe isal_gzip_is_at_end(state) != 0
            return DecodedPart(used: range.count - Int(unread), made: Int(room - unwritten))
        }

        private static func words(_ answer: Int32) -> String {
            switch answer {
            case ISAL_INVALID_BLOCK: "invalid block"
            case ISAL_INVALID_SYMBOL: "invalid symbol"
            case ISAL_INVALID_LOOKBACK: "invalid distance too far back"
            case ISAL_INVALID_WRAPPER: "incorrect header check"
            case ISAL_UNSUPPORTED_METHOD: "unknown compression method"
            case ISAL_INCORRECT_CHECKSUM: "incorrect data check"
            default: "error \(answer)"
            }
        }
    }
#endif
