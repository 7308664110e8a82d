// Files with holes, in the four forms of GNU tar. Source: the GNU tar manual, "Storing Sparse Files".

/// What GNU.sparse records say: versions 0.0, 0.1 and 1.0.
struct PaxSparse {
    private(set) var name: [UInt8]?
    private(set) var realSize: Int64?
    private var major: Int64?
    private var numbers: [Int64] = []

    /// Version 1.0: the map stands in front of the data.
    var hasMapInData: Bool { major == 1 }
    var isUsed: Bool { realSize != nil }

    mutating func take(_ key: String, _ value: [UInt8]) throws(TarFault) {
        switch key {
        case "name": name = value
        case "major": major = try number(value)
        case "size", "realsize": realSize = try number(value)
        case "offset", "numbytes": numbers.append(try number(value))
        case "map":
            numbers = []
            for part in value.split(separator: UInt8(ascii: ",")) { numbers.append(try number(Array(part))) }
        default: break  // "numblocks" and "minor" say nothing that is needed
        }
        if numbers.count > SparseMap.limit { throw SparseMap.tooLong }
    }

    private func number(_ value: [UInt8]) throws(TarFault) -> Int64 {
        guard let number = decimal(value[...]) else { throw TarFault(why: "a sparse map is damaged") }
        return number
    }

    func extents() throws(TarFault) -> [TarExtent] { try SparseMap.extents(numbers) }
}

enum SparseMap {
    /// Numbers in a map: half a million extents.
    static var limit: Int { 1 << 20 }
    static var tooLong: TarFault { TarFault(why: "a sparse map has too many entries") }

    static func extents(_ numbers: [Int64]) throws(TarFault) -> [TarExtent] {
        guard numbers.count % 2 == 0 else { throw TarFault(why: "a sparse map is damaged") }
        return stride(from: 0, to: numbers.count, by: 2).map { TarExtent(offset: numbers[$0], size: numbers[$0 + 1]) }
    }

    /// The pairs in an old GNU header or its continuation, up to the first that is empty.
    static func oldExtents(_ header: TarHeader, at offset: Int, count: Int) throws(TarFault) -> [TarExtent] {
        var extents: [TarExtent] = []
        for index in 0..<count {
            let start = offset + index * 24
            if header.block[start] == 0 { break }
            extents.append(TarExtent(offset: try header.number(start, 12, "sparse map"), size: try header.number(start + 12, 12, "sparse map")))
        }
        return extents
    }

    /// - Throws: unless the extents rise, lie in the file, and hold just the bytes that are stored.
    static func check(_ entry: TarEntry) throws(TarFault) {
        guard let extents = entry.extents else { return }
        var end: Int64 = 0
        var total: Int64 = 0
        for extent in extents {
            guard extent.size >= 0, extent.offset >= end, extent.size <= entry.size, extent.offset <= entry.size - extent.size else {
                throw TarFault(why: "a sparse map leads outside of its file")
            }
            end = extent.offset + extent.size
            total += extent.size
        }
        if total != entry.storedSize { throw TarFault(why: "a sparse map does not fit its data") }
    }
}
