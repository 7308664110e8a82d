// The 512 bytes in front of every entry. Source: pax(1) "ustar Interchange Format"; tar(5).
import Diagnostics
import Kernel
import OCISpec

/// Why an archive cannot be read.
struct TarFault: Error {
    let why: String
}

/// A header's fields, still without what extended headers say.
struct TarHeader {
    let block: [UInt8]

    static var size: Int { 512 }

    /// Nil for a block of zeros, which ends an archive.
    init?(_ block: [UInt8]) throws(TarFault) {
        if block.allSatisfy({ $0 == 0 }) { return nil }
        self.block = block
        let stored = try number(148, 8, "checksum")
        // old archivers of machines whose char is signed added signed bytes
        var (sum, signedSum): (Int64, Int64) = (0, 0)
        for (index, byte) in block.enumerated() {
            let byte = (148..<156).contains(index) ? 0x20 : byte
            sum += Int64(byte)
            signedSum += Int64(Int8(bitPattern: byte))
        }
        if stored != sum && stored != signedSum { throw TarFault(why: "a header has a wrong checksum: this is no tar archive, or a damaged one") }
    }

    var type: UInt8 { block[156] }
    private var isGNU: Bool { block[257..<265].elementsEqual("ustar  \0".utf8) }
    private var isPOSIX: Bool { block[257..<263].elementsEqual("ustar\0".utf8) }
    /// star's archives have two times behind a shorter prefix.
    private var isStar: Bool { isPOSIX && block[508..<512].elementsEqual("tar\0".utf8) }

    /// The field up to its first NUL.
    func text(_ offset: Int, _ count: Int) -> [UInt8] { Array(block[offset..<(offset + count)].prefix { $0 != 0 }) }

    var name: [UInt8] {
        let name = text(0, 100)
        let prefix = isPOSIX ? text(345, isStar ? 131 : 155) : isGNU ? goPrefix : []
        return prefix.isEmpty ? name : prefix + [UInt8(ascii: "/")] + name
    }
    var linkTarget: [UInt8] { text(157, 100) }

    /// GNU's header has two times where the prefix would be. Go's writer before 1.8 gave a name of more than 100 bytes a prefix there when a number
    /// needed base 256, such as the id of a user of a large directory: what is no time there and is text is that prefix. Go's reader has the same rule.
    private var goPrefix: [UInt8] {
        var isTime = true
        do throws(TarFault) {
            for offset in [345, 357] where block[offset] != 0 { _ = try number(offset, 12, "time") }
        } catch {
            isTime = false
        }
        let prefix = text(345, 155)
        return isTime || prefix.contains(where: { $0 & 0x80 != 0 }) ? [] : prefix
    }

    /// An octal number, or with the top bit set one in base 256, which may be negative.
    func number(_ offset: Int, _ count: Int, _ what: String) throws(TarFault) -> Int64 {
        let field = block[offset..<(offset + count)]
        guard let first = field.first else { return 0 }
        if first & 0x80 != 0 {
            var value: Int64 = first & 0x40 != 0 ? -1 : 0
            for (index, byte) in field.enumerated() {
                let digit = index == 0 ? (first & 0x40 != 0 ? Int64(first | 0x80) - 256 : Int64(first & 0x3F)) : Int64(byte)
                if index == 0 {
                    value = digit
                    continue
                }
                let (product, overflow) = value.multipliedReportingOverflow(by: 256)
                if overflow { throw TarFault(why: "the \(what) in a header is out of range") }
                value = product + digit
            }
            return value
        }
        var value: Int64 = 0
        // an archiver that had no room for all digits began with a NUL
        let digits = field.drop { $0 == 0x20 || $0 == 0 }.prefix { $0 != 0 && $0 != 0x20 }
        for byte in digits {
            guard (0x30...0x37).contains(byte) else { throw TarFault(why: "the \(what) in a header is no number") }
            let (product, overflow) = value.multipliedReportingOverflow(by: 8)
            if overflow { throw TarFault(why: "the \(what) in a header is out of range") }
            value = product + Int64(byte - 0x30)
        }
        return value
    }

    /// The kind; nil for a type that is none of an entry's own.
    var kind: TarKind? {
        switch type {
        case UInt8(ascii: "0"), UInt8(ascii: "7"), UInt8(ascii: "S"), 0: .regular
        case UInt8(ascii: "1"): .hardLink
        case UInt8(ascii: "2"): .symbolicLink
        case UInt8(ascii: "3"): .characterDevice
        case UInt8(ascii: "4"): .blockDevice
        case UInt8(ascii: "5"): .directory
        case UInt8(ascii: "6"): .fifo
        default: nil
        }
    }

    /// Before POSIX, a directory was a file whose name ends in a slash: the name that extended headers give it.
    func settleKind(of entry: inout TarEntry) {
        if type == 0 && entry.name.last == UInt8(ascii: "/") { entry.kind = .directory }
    }

    func entry() throws(TarFault) -> TarEntry {
        guard let kind else { throw TarFault(why: "an entry has the unknown type \(quoted(String(decoding: [type], as: UTF8.self)))") }
        let isDevice = kind == .characterDevice || kind == .blockDevice
        let size = try number(124, 12, "size")
        return TarEntry(
            name: name, kind: kind, linkTarget: linkTarget,
            permissions: UInt32(truncatingIfNeeded: try number(100, 8, "mode")) & 0o7777,
            uid: try id(number(108, 8, "user id"), "user id"), gid: try id(number(116, 8, "group id"), "group id"),
            modified: TimeStamp(seconds: try number(136, 12, "time"), nanoseconds: 0), accessed: nil,
            major: isDevice ? try device(number(329, 8, "device"), 1 << 12) : 0, minor: isDevice ? try device(number(337, 8, "device"), 1 << 20) : 0,
            storedSize: size, size: size, extents: nil, attributes: [])
    }

    private func device(_ number: Int64, _ bound: Int64) throws(TarFault) -> UInt32 {
        guard (0..<bound).contains(number) else { throw TarFault(why: "the device number \(number) is out of range") }
        return UInt32(number)
    }
}

/// A user or group id; -1 means "leave it" to the kernel and is none.
func id(_ number: Int64, _ what: String) throws(TarFault) -> UInt32 {
    guard (0..<Int64(UInt32.max)).contains(number) else { throw TarFault(why: "the \(what) \(number) is out of range") }
    return UInt32(number)
}
