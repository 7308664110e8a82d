// Entries of an archive as bytes: ustar, and pax where ustar has no room. What `TarReader` reads is what was written.
// Source: pax(1) "ustar Interchange Format", "pax Header Block"; layer.md "File Attributes".
import Kernel

extension TarEntry {
    /// An entry without content, links and attributes.
    init(name: [UInt8], kind: TarKind, permissions: UInt32 = 0o644, uid: UInt32 = 0, gid: UInt32 = 0, modified: TimeStamp = .epoch) {
        self.init(
            name: name, kind: kind, linkTarget: [], permissions: permissions, uid: uid, gid: gid, modified: modified, accessed: nil, major: 0, minor: 0,
            storedSize: 0, size: 0, extents: nil, attributes: [])
    }

    /// The header, with an extended one before it where it is needed. `size` bytes of content and `padding` follow.
    var header: [UInt8] {
        let records = paxRecords
        var bytes: [UInt8] = []
        if !records.isEmpty {
            bytes = Self.block(name: Array("PaxHeaders/".utf8) + name.suffix(80), type: UInt8(ascii: "x"), permissions: 0o644, size: Int64(records.count))
            bytes += records + [UInt8](repeating: 0, count: Self.padding(after: Int64(records.count)))
        }
        return bytes + Self.block(
            name: name, type: type, permissions: permissions, uid: uid, gid: gid, size: size, seconds: modified.seconds, linkTarget: linkTarget,
            device: kind == .characterDevice || kind == .blockDevice ? (major, minor) : nil)
    }

    /// Zeros after `size` bytes of content.
    static func padding(after size: Int64) -> Int { Int((512 - size % 512) % 512) }

    private var type: UInt8 {
        switch kind {
        case .regular: UInt8(ascii: "0")
        case .hardLink: UInt8(ascii: "1")
        case .symbolicLink: UInt8(ascii: "2")
        case .characterDevice: UInt8(ascii: "3")
        case .blockDevice: UInt8(ascii: "4")
        case .directory: UInt8(ascii: "5")
        case .fifo: UInt8(ascii: "6")
        }
    }

    /// The greatest number that a field of `count` bytes has digits for.
    private static func greatest(_ count: Int) -> Int64 { (1 << (3 * (Int64(count) - 1))) - 1 }

    private var paxRecords: [UInt8] {
        var records: [UInt8] = []
        func add(_ key: String, _ value: [UInt8]) {
            let rest = Array(" \(key)=".utf8) + value + [0x0A]
            // the length counts its own digits
            var length = rest.count + 1
            while String(length).utf8.count + rest.count != length { length = String(length).utf8.count + rest.count }
            records += Array(String(length).utf8) + rest
        }
        func isPlain(_ bytes: [UInt8]) -> Bool { bytes.count <= 100 && bytes.allSatisfy { $0 < 0x80 } }
        if !isPlain(name) { add("path", name) }
        if !isPlain(linkTarget) { add("linkpath", linkTarget) }
        if size > Self.greatest(12) { add("size", Array(String(size).utf8)) }
        if Int64(uid) > Self.greatest(8) { add("uid", Array(String(uid).utf8)) }
        if Int64(gid) > Self.greatest(8) { add("gid", Array(String(gid).utf8)) }
        if modified.nanoseconds != 0 || modified.seconds < 0 || modified.seconds > Self.greatest(12) { add("mtime", Array(modified.decimalText.utf8)) }
        for attribute in attributes { add("SCHILY.xattr." + attribute.name, attribute.value) }
        return records
    }

    private static func block(
        name: [UInt8], type: UInt8, permissions: UInt32, uid: UInt32 = 0, gid: UInt32 = 0, size: Int64, seconds: Int64 = 0, linkTarget: [UInt8] = [],
        device: (major: UInt32, minor: UInt32)? = nil
    ) -> [UInt8] {
        var block = [UInt8](repeating: 0, count: TarHeader.size)
        func put(_ bytes: [UInt8], _ offset: Int) { block.replaceSubrange(offset..<(offset + bytes.count), with: bytes) }
        // a number without room is in the extended header, and 0 here
        func number(_ value: Int64, _ offset: Int, _ count: Int) {
            let digits = String((0...greatest(count)).contains(value) ? value : 0, radix: 8)
            put(Array(String(repeating: "0", count: count - 1 - digits.utf8.count).utf8) + Array(digits.utf8), offset)
        }
        put(Array(name.prefix(100)), 0)
        number(Int64(permissions), 100, 8)
        number(Int64(uid), 108, 8)
        number(Int64(gid), 116, 8)
        number(size, 124, 12)
        number(seconds, 136, 12)
        block[156] = type
        put(Array(linkTarget.prefix(100)), 157)
        put(Array("ustar".utf8) + [0, 0x30, 0x30], 257)
        if let device {
            number(Int64(device.major), 329, 8)
            number(Int64(device.minor), 337, 8)
        }
        put([UInt8](repeating: 0x20, count: 8), 148)
        let sum = block.reduce(0) { $0 + Int64($1) }
        number(sum, 148, 7)
        block[155] = 0x20
        return block
    }
}

extension TimeStamp {
    /// "[-]SECONDS[.FRACTION]", as an extended header wants it.
    var decimalText: String {
        if nanoseconds == 0 { return String(seconds) }
        let isNegative = seconds < 0
        // -0.25 is kept as -1 and 750,000,000
        let whole = isNegative ? -(seconds + 1) : seconds
        let digits = String(isNegative ? 1_000_000_000 - nanoseconds : nanoseconds)
        var fraction = String(repeating: "0", count: 9 - digits.utf8.count) + digits
        while fraction.hasSuffix("0") { fraction.removeLast() }
        return (isNegative ? "-" : "") + String(whole) + "." + fraction
    }
}
