// Whose a file is in the image, where the unpacker has one id to give: an extended attribute says it, in the form that umoci, PRoot and others
// read and write. A file that stands for a device has one of ours.
// Source: rootlesscontainers.proto of rootlesscontaine.rs, `message Resource { uint32 uid = 1; uint32 gid = 2; }`.
import Kernel

/// The owner of a file in the image.
struct OwnerRecord: Equatable {
    var uid: UInt32
    var gid: UInt32

    static var attribute: Path { "user.rootlesscontainers" }

    init(uid: UInt32, gid: UInt32) { (self.uid, self.gid) = (uid, gid) }

    var isRoot: Bool { uid == 0 && gid == 0 }

    /// As a message of protocol buffers; a number that is 0 is left out.
    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        for (tag, number) in [(UInt8(0x08), uid), (UInt8(0x10), gid)] where number != 0 {
            bytes.append(tag)
            var rest = number
            while rest >= 0x80 {
                bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
                rest >>= 7
            }
            bytes.append(UInt8(rest))
        }
        return bytes
    }

    /// Nil for what is no such message.
    init?(_ bytes: [UInt8]) {
        self.init(uid: 0, gid: 0)
        var rest = bytes[...]
        while let tag = rest.popFirst() {
            var number: UInt64 = 0
            var shift: UInt64 = 0
            while true {
                guard let byte = rest.popFirst(), shift < 35 else { return nil }
                number |= UInt64(byte & 0x7F) << shift
                shift += 7
                if byte & 0x80 == 0 { break }
            }
            guard let value = UInt32(exactly: number) else { return nil }
            switch tag {
            case 0x08: uid = value
            case 0x10: gid = value
            default: return nil
            }
        }
    }
}

/// The device that an empty file stands for.
struct DeviceRecord: Equatable {
    var isBlock: Bool
    var major: UInt32
    var minor: UInt32

    static var attribute: Path { "user.calque.device" }

    init(isBlock: Bool, major: UInt32, minor: UInt32) { (self.isBlock, self.major, self.minor) = (isBlock, major, minor) }

    /// "c 1 3"
    var bytes: [UInt8] { Array("\(isBlock ? "b" : "c") \(major) \(minor)".utf8) }

    /// Nil for anything else.
    init?(_ bytes: [UInt8]) {
        let words = String(decoding: bytes, as: UTF8.self).split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 3, words[0] == "c" || words[0] == "b", let major = UInt32(words[1]), let minor = UInt32(words[2]) else { return nil }
        self.init(isBlock: words[0] == "b", major: major, minor: minor)
    }
}
