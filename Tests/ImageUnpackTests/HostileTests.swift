import Diagnostics
import Foundation
import Testing

@testable import ImageUnpack

/// A hostile layer: what it does, and a part of the error, or nil where it must do no harm.
struct Attack: CustomTestStringConvertible, Sendable {
    let name: String
    let message: String?
    let build: @Sendable (inout TarBuilder, _ canary: String) -> Void
    var testDescription: String { name }
}

private let attacks: [Attack] = [
    Attack(name: "names with ..", message: nil) { layer, canary in
        layer.add("../../../../../..\(canary)/file", text: "hit")
        layer.add("a/../../../../../../..\(canary)/new", text: "hit")
    },
    Attack(name: "absolute names", message: nil) { layer, canary in layer.add("\(canary)/file", text: "hit") },
    Attack(name: "a link as the parent", message: nil) { layer, canary in
        layer.symbolicLink("l", to: canary)
        layer.add("l/file", text: "hit")
    },
    Attack(name: "a relative chain of links as the parent", message: nil) { layer, canary in
        layer.symbolicLink("a", to: "b/../../../../../..")
        layer.symbolicLink("b", to: ".")
        layer.add("a\(canary)/file", text: "hit")
    },
    Attack(name: "a link as the file itself", message: nil) { layer, canary in
        layer.symbolicLink("f", to: canary + "/file")
        layer.add("f", text: "hit")
    },
    Attack(name: "a hard link out of the root", message: "No such file or directory (ENOENT)") { layer, canary in
        layer.hardLink("h", to: "../../../../../.." + canary + "/file")
    },
    Attack(name: "a hard link through a link", message: "No such file or directory (ENOENT)") { layer, canary in
        layer.symbolicLink("l", to: canary)
        layer.hardLink("h", to: "l/file")
        layer.add("h", text: "hit")
    },
    Attack(name: "a directory that becomes a link between two files", message: nil) { layer, canary in
        layer.directory("d")
        layer.add("d/one", text: "1")
        layer.symbolicLink("d", to: canary)
        layer.add("d/file", text: "hit")
    },
    Attack(name: "a whiteout through a link", message: nil) { layer, canary in
        layer.symbolicLink("l", to: canary)
        layer.add("l/.wh.file", text: "")
        layer.add("l/.wh..wh..opq", text: "")
    },
    Attack(name: "a whiteout of ..", message: "what it hides is no name") { layer, _ in layer.add("d/.wh...", text: "") },
    Attack(name: "a whiteout of nothing", message: "what it hides is no name") { layer, _ in layer.add(".wh.", text: "") },
    Attack(name: "a directory that looks like a whiteout", message: "begins with \".wh.\"") { layer, _ in layer.add(".wh.d/f", text: "") },
    Attack(name: "the root as a link", message: "the root of an image can only be a directory") { layer, canary in layer.symbolicLink("./", to: canary) },
    Attack(name: "the root as a file", message: "the root of an image can only be a directory") { layer, _ in layer.add("/", text: "x") },
    Attack(name: "a loop of links", message: "ELOOP") { layer, _ in
        layer.symbolicLink("a", to: "b")
        layer.symbolicLink("b", to: "a")
        layer.add("a/f", text: "x")
    },
    Attack(name: "the overlay's whiteout device", message: "the character device 0:0 is a whiteout") { layer, _ in layer.add("w", type: "3") },
    Attack(name: "the overlay's attributes", message: "the attribute trusted.overlay.redirect is the overlay file system's own") { layer, _ in
        layer.add("f", pax: [("SCHILY.xattr.trusted.overlay.redirect", Array("/x".utf8))])
    },
    Attack(name: "a user id out of range", message: "the user id 4294967295 is out of range") { layer, _ in layer.add("f", pax: [("uid", Array("4294967295".utf8))]) },
    Attack(name: "a device number out of range", message: "the device number 65535 is out of range") { layer, _ in layer.add("f", type: "4", device: (0o177777, 1)) },
    Attack(name: "a NUL in a pax name", message: "contains a NUL byte") { layer, _ in layer.add("f", pax: [("path", [0x61, 0, 0x62])]) },
    Attack(name: "a pax header of 2 MiB", message: "at most 1048576 are read") { layer, _ in layer.add("x", type: "x", size: 2 << 20) },
    Attack(name: "a long name of 1 MiB", message: "at most 4096 are read") { layer, _ in layer.add("x", type: "L", size: 1 << 20) },
    Attack(name: "a damaged pax record", message: "an extended header is damaged") { layer, _ in layer.add("x", type: "x", content: Array("99 path=a\n".utf8)) },
    Attack(name: "an unknown type", message: "unknown type \"Z\"") { layer, _ in layer.add("f", type: "Z") },
    Attack(name: "a wrong checksum", message: "wrong checksum") { layer, _ in layer.raw([UInt8](repeating: 0x30, count: 512)) },
    Attack(name: "a sparse map that leads outside", message: "a sparse map leads outside of its file") { layer, _ in
        layer.add("f", content: [1], pax: [("GNU.sparse.size", Array("10".utf8)), ("GNU.sparse.map", Array("100,1".utf8))])
    },
    Attack(name: "an entry that ends in the middle", message: "it ends in the middle of an entry") { layer, _ in
        layer.add("f", size: 5000)
    },
]

@Suite("whatever a layer says, nothing outside of the tree is touched", .serialized, .enabled(if: isRoot, "owners and devices need root"))
struct HostileTests {
    @Test("attack", arguments: attacks)
    func attack(attack: Attack) throws {
        let tree = try Tree()
        var layer = TarBuilder()
        attack.build(&layer, tree.canary.path)
        if let message = attack.message {
            let error = #expect(throws: OperationError.self) { try tree.apply(TarBuilder(), layer) }
            #expect(error?.description.contains(message) == true, "\(error?.description ?? "no error")")
        } else {
            try tree.apply(TarBuilder(), layer)
        }
        #expect(tree.isCanaryUntouched)
    }
}
