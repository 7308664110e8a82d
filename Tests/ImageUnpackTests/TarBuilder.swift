import Foundation

/// Writes tar archives in memory, well-formed or not.
struct TarBuilder {
    private(set) var bytes: [UInt8] = []

    mutating func add(
        _ name: String, type: Character = "0", content: [UInt8] = [], link: String = "", mode: Int = 0o644, uid: Int = 0, gid: Int = 0,
        time: Int = 1_700_000_000, device: (Int, Int) = (0, 0), size: Int? = nil, pax: [(String, [UInt8])] = []
    ) {
        if !pax.isEmpty { addPax(pax) }
        var header = [UInt8](repeating: 0, count: 512)
        func put(_ text: String, _ offset: Int, _ count: Int) { for (index, byte) in Array(text.utf8).prefix(count).enumerated() { header[offset + index] = byte } }
        func octal(_ number: Int, _ offset: Int, _ count: Int) {
            let digits = String(number, radix: 8)
            put(String(repeating: "0", count: max(0, count - 1 - digits.count)) + digits, offset, count - 1)
        }
        put(name, 0, 100)
        octal(mode, 100, 8)
        octal(uid, 108, 8)
        octal(gid, 116, 8)
        octal(size ?? content.count, 124, 12)
        octal(time, 136, 12)
        put(String(type), 156, 1)
        put(link, 157, 100)
        put("ustar\u{0}00", 257, 8)
        octal(device.0, 329, 8)
        octal(device.1, 337, 8)
        for index in 148..<156 { header[index] = 0x20 }
        octal(header.reduce(0) { $0 + Int($1) }, 148, 8)
        bytes += header + content + [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
    }

    mutating func add(_ name: String, text: String) { add(name, content: Array(text.utf8)) }
    mutating func directory(_ name: String, mode: Int = 0o755, time: Int = 1_700_000_000) { add(name + "/", type: "5", mode: mode, time: time) }
    mutating func symbolicLink(_ name: String, to target: String) { add(name, type: "2", link: target, mode: 0o777) }
    mutating func hardLink(_ name: String, to target: String) { add(name, type: "1", link: target) }

    private mutating func addPax(_ records: [(String, [UInt8])]) {
        var body: [UInt8] = []
        for (key, value) in records {
            let rest = Array(" \(key)=".utf8) + value + [0x0A]
            var length = rest.count + 1
            while String(length).utf8.count + rest.count != length { length = String(length).utf8.count + rest.count }
            body += Array(String(length).utf8) + rest
        }
        add("pax", type: "x", content: body)
    }

    mutating func raw(_ more: [UInt8]) { bytes += more }

    /// With the two empty blocks at its end.
    var archive: [UInt8] { bytes + [UInt8](repeating: 0, count: 1024) }
}
