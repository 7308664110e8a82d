// A tar archive read as a stream: ustar, pax, GNU. Bounded in memory whatever the archive says: a header is 512 bytes, an
// extended header at most 1 MiB, a long name at most 4 KiB, and content is handed on piece by piece.
//
// pax records win over the header. Global headers are skipped: nothing that an image needs may hang on one, and readers
// disagree about them.
import Diagnostics
import OCISpec

/// Reads the entries of the tar archive in a layer.
struct TarReader {
    let stream: LayerStream
    /// Bytes of content of the present entry that were not taken yet.
    private var left: Int64 = 0
    private var padding: Int64 = 0

    private static var extendedHeaderLimit: Int64 { 1 << 20 }
    private static var longNameLimit: Int64 { 4096 }

    init(_ stream: LayerStream) { self.stream = stream }

    private func damaged(_ why: String) -> OperationError { OperationError("read", "tar archive", .invalid(why)) }

    /// The next entry; nil at the end. What is left of the one before is skipped.
    mutating func next() throws(OperationError) -> TarEntry? {
        if try !skip(left) { throw damaged("it ends in the middle of an entry") }
        // umoci's insert writes neither the last padding nor an end; Go's reader takes that, and the diff id tells the truth
        if try !skip(padding) { return nil }
        (left, padding) = (0, 0)
        var pax: PaxRecords?
        var longName: [UInt8]?
        var longLink: [UInt8]?
        while let block = try headerBlock() {
            do throws(TarFault) {
                guard let header = try TarHeader(block) else { return nil }
                switch header.type {
                case UInt8(ascii: "x"): pax = try PaxRecords(try fault { () throws(OperationError) in try extra(header, Self.extendedHeaderLimit) })
                case UInt8(ascii: "g"): _ = try fault { () throws(OperationError) in try extra(header, Self.extendedHeaderLimit) }
                case UInt8(ascii: "L"): longName = try fault { () throws(OperationError) in try extra(header, Self.longNameLimit) }
                case UInt8(ascii: "K"): longLink = try fault { () throws(OperationError) in try extra(header, Self.longNameLimit) }
                default: return try finishEntry(header, pax: pax, longName: longName, longLink: longLink)
                }
            } catch {
                throw damaged(error.why)
            }
        }
        if pax != nil || longName != nil || longLink != nil { throw damaged("it ends after an extended header") }
        return nil
    }

    /// Errors of the stream have their own words; they travel through `TarFault` unchanged in text.
    private func fault<Result>(_ body: () throws(OperationError) -> Result) throws(TarFault) -> Result {
        do throws(OperationError) { return try body() } catch { throw TarFault(why: error.description) }
    }

    private mutating func finishEntry(
        _ header: TarHeader, pax: PaxRecords?, longName: [UInt8]?, longLink: [UInt8]?
    ) throws(TarFault) -> TarEntry {
        var entry = try header.entry()
        if let longName { entry.name = Array(longName.prefix { $0 != 0 }) }
        if let longLink { entry.linkTarget = Array(longLink.prefix { $0 != 0 }) }
        if header.type == UInt8(ascii: "S") { try readOldSparse(header, &entry) }
        try pax?.apply(to: &entry)
        header.settleKind(of: &entry)
        // only a file has content; some archivers give a directory or a link a size all the same
        if entry.kind != .regular { (entry.size, entry.storedSize) = (0, 0) }
        guard entry.storedSize >= 0, entry.size >= 0, entry.storedSize < Int64.max - 1024 else { throw TarFault(why: "the size of \(quoted(entry.text)) is out of range") }
        left = entry.storedSize
        padding = (512 - entry.storedSize % 512) % 512
        if let sparse = pax?.sparse, sparse.isUsed, entry.kind == .regular {
            entry.size = sparse.realSize ?? 0
            entry.extents = sparse.hasMapInData ? try readMap(&entry) : try sparse.extents()
        }
        try SparseMap.check(entry)
        return entry
    }

    private func readOldSparse(_ header: TarHeader, _ entry: inout TarEntry) throws(TarFault) {
        var extents = try SparseMap.oldExtents(header, at: 386, count: 4)
        var isContinued = header.block[482] != 0
        while isContinued {
            guard let block = try fault({ () throws(OperationError) in try headerBlock() }), let next = RawBlock(block) else { throw TarFault(why: "a sparse map ends in the middle") }
            extents += try next.extents()
            isContinued = next.isContinued
            if extents.count > SparseMap.limit / 2 { throw SparseMap.tooLong }
        }
        entry.extents = extents
        entry.size = try header.number(483, 12, "size")
    }

    /// The map of version 1.0: decimal numbers on lines, the first is how many pairs follow, padded to whole blocks.
    private mutating func readMap(_ entry: inout TarEntry) throws(TarFault) -> [TarExtent] {
        var numbers: [Int64] = []
        var wanted: Int64?
        var digits: [UInt8] = []
        while wanted.map({ Int64(numbers.count) < $0 * 2 }) ?? true {
            guard left >= 512, let block = try fault({ () throws(OperationError) in try headerBlock() }) else { throw TarFault(why: "a sparse map ends in the middle") }
            left -= 512
            entry.storedSize -= 512
            for byte in block {
                if byte != 0x0A {
                    digits.append(byte)
                    if digits.count > 20 { throw TarFault(why: "a sparse map is damaged") }
                    continue
                }
                guard let number = decimal(digits[...]) else { throw TarFault(why: "a sparse map is damaged") }
                digits = []
                if wanted == nil { wanted = number } else { numbers.append(number) }
                if let wanted, Int64(numbers.count) == wanted * 2 { break }
                if numbers.count > SparseMap.limit { throw SparseMap.tooLong }
            }
        }
        return try SparseMap.extents(numbers)
    }

    /// The next 512 bytes; nil at the end of the stream.
    private func headerBlock() throws(OperationError) -> [UInt8]? {
        let block = try bytes(TarHeader.size)
        if block.isEmpty { return nil }
        if block.count < TarHeader.size { throw damaged("it ends in the middle of a header") }
        return block
    }

    /// The content of a header that is about the next one.
    private func extra(_ header: TarHeader, _ limit: Int64) throws(OperationError) -> [UInt8] {
        let size: Int64
        do throws(TarFault) { size = try header.number(124, 12, "size") } catch { throw damaged(error.why) }
        guard (0...limit).contains(size) else { throw damaged("an extended header has \(size) bytes: at most \(limit) are read") }
        let content = try bytes(Int(size))
        let rest = try bytes((512 - Int(size) % 512) % 512)
        if content.count < Int(size) || (Int(size) + rest.count) % 512 != 0 { throw damaged("it ends in the middle of an extended header") }
        return content
    }

    /// As many of `count` bytes as there are.
    private func bytes(_ count: Int) throws(OperationError) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(count)
        while result.count < count, try stream.fill() {
            let part = min(count - result.count, stream.end - stream.position)
            result += stream.buffer[stream.position..<(stream.position + part)]
            stream.position += part
        }
        return result
    }

    /// False when the stream ends before.
    private func skip(_ count: Int64) throws(OperationError) -> Bool {
        var rest = count
        while rest > 0 {
            guard try stream.fill() else { return false }
            let part = Int(min(rest, Int64(stream.end - stream.position)))
            stream.position += part
            rest -= Int64(part)
        }
        return true
    }

    /// Hands the next at most `count` bytes of the entry's content to `body`, in pieces of the stream's buffer.
    mutating func content(
        _ count: Int64, _ body: (_ buffer: [UInt8], _ range: Range<Int>) throws(OperationError) -> Void
    ) throws(OperationError) {
        var rest = min(count, left)
        while rest > 0 {
            guard try stream.fill() else { throw damaged("it ends in the middle of an entry") }
            let part = Int(min(rest, Int64(stream.end - stream.position)))
            try body(stream.buffer, stream.position..<(stream.position + part))
            stream.position += part
            left -= Int64(part)
            rest -= Int64(part)
        }
    }
}

/// A continuation of an old GNU sparse map, which has no checksum.
private struct RawBlock {
    let block: [UInt8]
    init?(_ block: [UInt8]) { self.block = block }
    var isContinued: Bool { block[504] != 0 }
    func extents() throws(TarFault) -> [TarExtent] { try SparseMap.oldExtents(TarHeader(unchecked: block), at: 0, count: 21) }
}

extension TarHeader {
    /// A block that only lends its number reader.
    fileprivate init(unchecked block: [UInt8]) { self.block = block }
}
