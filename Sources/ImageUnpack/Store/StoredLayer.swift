// What the store knows of a layer: a few lines beside its tree.
import Diagnostics
import Kernel
import OCISpec
import UntrustedTree

/// The name of a layer in the store.
///
/// Most layers mean the same wherever they stand and are named by their diff id. The lowest layer of an image, and one that
/// only has a meaning on top of those below, is named by its chain id. Source: config.md "Layer ChainID".
struct LayerKey: Hashable, Sendable {
    var text: String

    static func byItself(_ diffID: Digest) -> LayerKey { LayerKey(text: "layer-\(diffID.algorithm.rawValue)-\(diffID.encoded)") }
    static func inContext(_ chainID: Digest) -> LayerKey { LayerKey(text: "chain-\(chainID.algorithm.rawValue)-\(chainID.encoded)") }

    /// The name of the same layer with owners treated so: files that belong to ranges of ids are others than those of one user.
    func forOwners(_ policy: ApplyPolicy) -> LayerKey { policy.isRootless && policy.owners == .kept ? LayerKey(text: text + "-mapped") : self }

    /// The chain ids of layers, from the lowest on.
    static func chainIDs(_ diffIDs: [Digest]) -> [Digest] {
        var chain: [Digest] = []
        for diffID in diffIDs {
            guard let below = chain.last else {
                chain.append(diffID)
                continue
            }
            chain.append(ContentHash.digest(of: Array("\(below.text) \(diffID.text)".utf8), .sha256))
        }
        return chain
    }
}

/// A layer in the store.
struct StoredLayer: Equatable, Sendable {
    var key: LayerKey
    /// The number of its short name below "links", which keeps the list of layers of a mount short.
    var link: Int
    /// Whether it says what the root directory is like.
    var isRootListed: Bool
    /// Whether it hides all layers below.
    var isRootOpaque: Bool
    /// Directories in which it hides names of lower layers; they must be there.
    var whiteoutDirectories: [InRootPath]
    /// The digest of the record of its tree.
    var record: Digest?
    /// The digest of the list of its files' fs-verity digests; nil when the kernel does not protect them.
    var verity: Digest?

    private static var heading: String { "calque-layer 1" }

    /// The text of the file "about".
    var about: String {
        var text = "\(Self.heading)\nlink \(link)\n"
        if isRootListed { text += "root-listed\n" }
        if isRootOpaque { text += "root-opaque\n" }
        if let record { text += "record \(record.text)\n" }
        if let verity { text += "verity \(verity.text)\n" }
        let digits = Array("0123456789abcdef".utf8)
        for path in whiteoutDirectories {
            // in hexadecimal: a name may contain any byte
            let bytes = path.components.joined(separator: [UInt8(ascii: "/")]).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
            text += "hides-in \(String(decoding: bytes, as: UTF8.self))\n"
        }
        return text
    }

    init(key: LayerKey, link: Int, isRootListed: Bool, isRootOpaque: Bool, whiteoutDirectories: [InRootPath]) {
        (self.key, self.link, self.isRootListed, self.isRootOpaque) = (key, link, isRootListed, isRootOpaque)
        self.whiteoutDirectories = whiteoutDirectories
    }

    /// Nil when `about` was not written by this version of calque.
    init?(key: LayerKey, about: [UInt8]) {
        let lines = about.split(separator: 0x0A).map { String(decoding: $0, as: UTF8.self) }
        guard lines.first == Self.heading else { return nil }
        self.init(key: key, link: 0, isRootListed: false, isRootOpaque: false, whiteoutDirectories: [])
        for line in lines.dropFirst() {
            let words = line.split(separator: " ", omittingEmptySubsequences: false)
            switch words[0] {
            case "link":
                guard words.count == 2, let number = Int(words[1]) else { return nil }
                link = number
            case "record", "verity":
                // any fault is the same here: it is no line of this version
                guard words.count == 2, let digest = try? Digest(String(words[1]), field: "record") else { return nil }
                if words[0] == "record" { record = digest } else { verity = digest }
            case "root-listed": isRootListed = true
            case "root-opaque": isRootOpaque = true
            case "hides-in":
                guard words.count == 2, let bytes = Self.bytes(hexadecimal: words[1]), let path = InRootPath(bytes: bytes) else { return nil }
                whiteoutDirectories.append(path)
            default: return nil
            }
        }
        if link == 0 { return nil }
    }

    private static func bytes(hexadecimal text: Substring) -> [UInt8]? {
        let digits = Array(text.utf8)
        guard digits.count % 2 == 0 else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let byte = UInt8(String(decoding: digits[index..<(index + 2)], as: UTF8.self), radix: 16) else { return nil }
            bytes.append(byte)
        }
        return bytes
    }
}
