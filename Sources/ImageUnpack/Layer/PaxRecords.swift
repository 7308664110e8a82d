// Extended headers: "LENGTH KEY=VALUE\n" records that override the header that follows.
// Source: pax(1) "pax Header Block"; the GNU.sparse and SCHILY.xattr keys: GNU tar, star.
import Kernel

/// The records of one extended header.
struct PaxRecords {
    private var path: [UInt8]?
    private var linkPath: [UInt8]?
    private var size: Int64?
    private var uid: Int64?
    private var gid: Int64?
    private var modified: TimeStamp?
    private var accessed: TimeStamp?
    private var attributes: [TarAttribute] = []
    var sparse = PaxSparse()

    init(_ bytes: [UInt8]) throws(TarFault) {
        var position = 0
        while position < bytes.count {
            guard let space = bytes[position...].firstIndex(of: 0x20), let length = decimal(bytes[position..<space]), length > 0,
                Int64(position) + length <= Int64(bytes.count), bytes[position + Int(length) - 1] == 0x0A
            else { throw TarFault(why: "an extended header is damaged") }
            let record = bytes[(space + 1)..<max(space + 1, position + Int(length) - 1)]
            guard let equals = record.firstIndex(of: UInt8(ascii: "=")), equals > record.startIndex else {
                throw TarFault(why: "an extended header is damaged")
            }
            try take(String(decoding: record[..<equals], as: UTF8.self), Array(record[(equals + 1)...]))
            position += Int(length)
        }
    }

    private mutating func take(_ key: String, _ value: [UInt8]) throws(TarFault) {
        func number() throws(TarFault) -> Int64 {
            guard let number = decimal(value[...]) else { throw TarFault(why: "\(key) in an extended header is no number") }
            return number
        }
        // the kernel would end it there, and set another attribute than the one that was looked at
        if key.utf8.contains(0) { throw TarFault(why: "a key in an extended header contains a NUL byte") }
        if value.contains(0) && !key.hasPrefix("SCHILY.xattr.") { throw TarFault(why: "\(key) in an extended header contains a NUL byte") }
        // without a value, what the header says counts
        if value.isEmpty && ["size", "uid", "gid", "mtime", "atime"].contains(key) { return forget(key) }
        switch key {
        case "path": path = value
        case "linkpath": linkPath = value
        case "size": size = try number()
        case "uid": uid = try number()
        case "gid": gid = try number()
        case "mtime": modified = try PaxRecords.time(value)
        case "atime": accessed = try PaxRecords.time(value)
        default:
            if key.hasPrefix("SCHILY.xattr.") {
                attributes.append(TarAttribute(name: String(key.dropFirst("SCHILY.xattr.".count)), value: value))
            } else if key.hasPrefix("GNU.sparse.") {
                try sparse.take(String(key.dropFirst("GNU.sparse.".count)), value)
            }
        }
    }

    /// Takes a record back that came before in the same header.
    private mutating func forget(_ key: String) {
        switch key {
        case "size": size = nil
        case "uid": uid = nil
        case "gid": gid = nil
        case "mtime": modified = nil
        default: accessed = nil
        }
    }

    /// Overrides what the header says. A value that is empty takes the record back.
    func apply(to entry: inout TarEntry) throws(TarFault) {
        if let path, !path.isEmpty { entry.name = path }
        if let linkPath, !linkPath.isEmpty { entry.linkTarget = linkPath }
        if let size { (entry.storedSize, entry.size) = (size, size) }
        if let uid { entry.uid = try id(uid, "user id") }
        if let gid { entry.gid = try id(gid, "group id") }
        if let modified { entry.modified = modified }
        entry.accessed = accessed
        entry.attributes = attributes
        if let name = sparse.name { entry.name = name }
    }

    /// "[-]SECONDS[.FRACTION]"
    private static func time(_ text: [UInt8]) throws(TarFault) -> TimeStamp {
        let isNegative = text.first == UInt8(ascii: "-")
        let parts = text.dropFirst(isNegative ? 1 : 0).split(separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
        // a time that no file system can hold becomes the last or the first one that it can: a Go program's zero is the year 1, others overflow
        guard let first = parts.first, let whole = decimal(first.prefix(18)), decimal(first.suffix(18)) != nil else { throw TarFault(why: "a time in an extended header is no number") }
        var nanoseconds: Int64 = 0
        if parts.count == 2 {
            let digits = Array(parts[1].prefix(9)) + [UInt8](repeating: 0x30, count: max(0, 9 - parts[1].count))
            guard let fraction = decimal(digits[...]) else { throw TarFault(why: "a time in an extended header is no number") }
            nanoseconds = fraction
        }
        if !isNegative { return TimeStamp(seconds: whole, nanoseconds: nanoseconds) }
        return nanoseconds == 0 ? TimeStamp(seconds: -whole, nanoseconds: 0) : TimeStamp(seconds: -whole - 1, nanoseconds: 1_000_000_000 - nanoseconds)
    }
}

/// Digits only; nil for anything else, and for what is out of range.
func decimal(_ digits: ArraySlice<UInt8>) -> Int64? {
    if digits.isEmpty || digits.count > 18 { return nil }
    var value: Int64 = 0
    for byte in digits {
        guard (0x30...0x39).contains(byte) else { return nil }
        value = value * 10 + Int64(byte - 0x30)
    }
    return value
}
