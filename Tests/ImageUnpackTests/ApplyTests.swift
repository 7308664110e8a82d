import Diagnostics
import Foundation
import Kernel
import Testing

@testable import ImageUnpack

let isRoot = effectiveUserID() == 0

@Suite("layers become a tree", .serialized, .enabled(if: isRoot, "owners and devices need root"))
struct ApplyTests {
    @Test("files, directories, links and devices with owners, modes and nanosecond times")
    func kinds() throws {
        let tree = try Tree()
        var layer = TarBuilder()
        layer.directory("d", mode: 0o2750, time: 1_600_000_001)
        layer.add("d/f", content: Array("text".utf8), mode: 0o4755, uid: 12, gid: 34, pax: [("mtime", Array("1600000002.123456789".utf8))])
        layer.symbolicLink("l", to: "/d/f")
        layer.hardLink("h", to: "d/f")
        layer.add("p", type: "6", mode: 0o600)
        layer.add("c", type: "3", mode: 0o666, device: (1, 3))
        try tree.apply(layer)
        let file = try tree.status("d/f")
        #expect(tree.text("d/f") == "text" && file.permissions == 0o4755 && file.uid == 12 && file.gid == 34)
        #expect(file.modified == TimeStamp(seconds: 1_600_000_002, nanoseconds: 123_456_789))
        let directory = try tree.status("d")
        #expect(directory.permissions == 0o2750 && directory.modified.seconds == 1_600_000_001)
        #expect(try tree.status("h").inode == file.inode && file.links == 2)
        #expect(try tree.status("p").kind == .fifo)
        let device = try tree.status("c")
        #expect(device.kind == .characterDevice && device.major == 1 && device.minor == 3)
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: tree.root.appending(path: "l").path) == "/d/f")
    }

    @Test("a later layer replaces, and a directory keeps what it has")
    func replaces() throws {
        let tree = try Tree()
        var lower = TarBuilder()
        lower.directory("d")
        lower.add("d/kept", text: "kept")
        lower.add("f", text: "old, and longer")
        lower.directory("becomes-file")
        lower.add("becomes-file/x", text: "x")
        lower.symbolicLink("link", to: "d")
        var upper = TarBuilder()
        upper.directory("d", mode: 0o700)
        upper.add("f", text: "new")
        upper.add("becomes-file", text: "file")
        upper.directory("link")
        upper.add("link/y", text: "y")
        try tree.apply(lower, upper)
        #expect(tree.text("d/kept") == "kept" && tree.text("f") == "new" && tree.text("becomes-file") == "file")
        #expect(try tree.status("d").permissions == 0o700)
        #expect(try tree.status("link").kind == .directory)
        #expect(tree.text("link/y") == "y" && !tree.exists("d/y"))
    }

    @Test("a whiteout hides what lower layers have, and nothing of its own layer, in any order")
    func whiteouts() throws {
        let tree = try Tree()
        var lower = TarBuilder()
        for name in ["a", "b", "dir/x", "dir/y", "opaque/old", "opaque/sub/old"] { lower.add(name, text: "lower") }
        var upper = TarBuilder()
        upper.add(".wh.a", text: "")
        upper.add("b", text: "upper")
        upper.add(".wh.b", text: "")
        upper.add(".wh.dir", text: "")
        upper.add("dir/new", text: "new")
        upper.add("opaque/new", text: "new")
        upper.add("opaque/sub/new", text: "new")
        upper.add("opaque/.wh..wh..opq", text: "")
        upper.add(".wh.never-there", text: "")
        try tree.apply(lower, upper)
        #expect(!tree.exists("a") && tree.text("b") == "upper")
        #expect(!tree.exists("dir/x") && tree.text("dir/new") == "new")
        #expect(!tree.exists("opaque/old") && !tree.exists("opaque/sub/old"))
        #expect(tree.text("opaque/new") == "new" && tree.text("opaque/sub/new") == "new")
        #expect(!tree.exists(".wh.a") && !tree.exists("opaque/.wh..wh..opq"))
    }

    @Test("an opaque mark at the root hides everything below")
    func opaqueRoot() throws {
        let tree = try Tree()
        var lower = TarBuilder()
        lower.add("d/f", text: "lower")
        var upper = TarBuilder()
        upper.add(".wh..wh..opq", text: "")
        upper.add("new", text: "new")
        try tree.apply(lower, upper)
        #expect(!tree.exists("d") && tree.text("new") == "new")
    }

    @Test("a hard link into a lower layer works, and outlives its target")
    func crossLayerLinks() throws {
        let tree = try Tree()
        var lower = TarBuilder()
        lower.add("target", text: "data")
        var upper = TarBuilder()
        upper.hardLink("link", to: "target")
        upper.add(".wh.target", text: "")
        try tree.apply(lower, upper)
        #expect(tree.text("link") == "data" && !tree.exists("target"))
    }

    @Test("a write below a link of a lower layer goes through the link, inside of the root")
    func throughLink() throws {
        let tree = try Tree()
        var lower = TarBuilder()
        lower.directory("real")
        lower.add("real/old", text: "old")
        lower.symbolicLink("link", to: "/real")
        var upper = TarBuilder()
        upper.add("link/f", text: "f")
        upper.add("link/.wh.old", text: "")
        try tree.apply(lower, upper)
        #expect(tree.text("real/f") == "f" && !tree.exists("real/old"))
    }

    @Test("what is no directory goes where an entry needs one, of a link the link alone", arguments: ["file", "link", "fifo"], [true, false])
    func belowFiles(name: String, isSameLayer: Bool) throws {
        let tree = try Tree()
        var (lower, upper) = (TarBuilder(), TarBuilder())
        lower.directory("d", time: 1_600_000_001)
        lower.add("d/file", text: "old")
        lower.symbolicLink("d/link", to: "file")
        lower.add("d/fifo", type: "6")
        upper.add("d/\(name)/sub/f", text: "f")
        upper.add("d/.wh.\(name)", text: "")
        if isSameLayer {
            lower.raw(upper.bytes)
            try tree.apply(lower)
        } else {
            try tree.apply(lower, upper)
        }
        #expect(tree.text("d/\(name)/sub/f") == "f" && (name == "file" || tree.text("d/file") == "old"))
        #expect(try tree.status("d").modified.seconds == 1_600_000_001)
        let made = try tree.status("d/\(name)")
        #expect(made.kind == .directory && made.permissions == 0o755 && made.modified.seconds == 0)
    }

    @Test("notes of aufs to itself are passed over, with what is in them")
    func aufs() throws {
        let tree = try Tree()
        var layer = TarBuilder()
        layer.directory(".wh..wh.plnk")
        layer.add(".wh..wh.plnk/12.34", text: "x")
        layer.directory(".wh..wh.orph")
        layer.add(".wh..wh.aufs", text: "x")
        layer.add("f", text: "f")
        try tree.apply(TarBuilder(), layer)
        #expect(try FileManager.default.contentsOfDirectory(atPath: tree.root.path) == ["f"])
    }

    @Test("an attribute of users on what can have none costs a warning")
    func attributesOfLinks() throws {
        let tree = try Tree()
        var layer = TarBuilder()
        layer.add("l", type: "2", link: "f", pax: [("SCHILY.xattr.user.note", [1])])
        layer.add("p", type: "6", pax: [("SCHILY.xattr.user.note", [1]), ("SCHILY.xattr.trusted.note", [1])])
        try tree.apply(layer)
        #expect(tree.warnings == ["l", "p"].map { "/\($0): only files and directories have attributes such as user.note, ignoring" })
        #expect(try extendedAttributes(tree.root.appending(path: "p").path) == ["trusted.note"])
    }

    @Test("extended attributes and file capabilities are set after the owner; notes of the other machine are left out")
    func attributes() throws {
        let tree = try Tree()
        let capability: [UInt8] = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        var layer = TarBuilder()
        layer.add(
            "f", content: [1], mode: 0o755, uid: 5,
            pax: [("SCHILY.xattr.user.note", Array("x\u{0}y".utf8)), ("SCHILY.xattr.security.capability", capability), ("SCHILY.xattr.security.selinux", [1])])
        try tree.apply(layer)
        let names = try extendedAttributes(tree.root.appending(path: "f").path)
        #expect(names.contains("user.note") && names.contains("security.capability") && !names.contains("security.selinux"))
    }

    @Test("runs of zeros become holes")
    func holes() throws {
        let tree = try Tree()
        var layer = TarBuilder()
        layer.add("f", content: [UInt8](repeating: 0, count: 1 << 20) + [1])
        layer.add("z", content: [UInt8](repeating: 0, count: 1 << 20))
        try tree.apply(layer)
        let content = try Data(contentsOf: tree.root.appending(path: "f"))
        #expect(content.count == 1 << 20 + 1 && content.last == 1 && content.dropLast().allSatisfy { $0 == 0 })
        #expect(try Data(contentsOf: tree.root.appending(path: "z")).count == 1 << 20)
        #expect(try blocks(tree.root.appending(path: "z").path) < 64)
    }

    @Test("sparse files of pax 1.0 and 0.1")
    func sparse() throws {
        let tree = try Tree()
        var layer = TarBuilder()
        var map = Array("2\n0\n3\n100000\n4\n".utf8)
        map += [UInt8](repeating: 0, count: 512 - map.count)
        let number = { (text: String) in Array(text.utf8) }
        layer.add("GNUSparseFile/one", content: map + Array("abcdefg".utf8), pax: [
            ("GNU.sparse.major", number("1")), ("GNU.sparse.minor", number("0")), ("GNU.sparse.name", number("one")), ("GNU.sparse.realsize", number("100004")),
        ])
        layer.add("two", content: Array("abcdefg".utf8), pax: [("GNU.sparse.size", number("100004")), ("GNU.sparse.map", number("0,3,100000,4"))])
        try tree.apply(layer)
        for name in ["one", "two"] {
            let content = try Data(contentsOf: tree.root.appending(path: name))
            #expect(content.count == 100_004 && content.prefix(3) == Data("abc".utf8) && content.suffix(4) == Data("defg".utf8), "\(name)")
        }
    }

    @Test("without privileges devices are empty files, and owners are the caller's")
    func rootless() throws {
        let tree = try Tree()
        var layer = TarBuilder()
        layer.add("f", content: [1], uid: 77)
        layer.add("c", type: "3", device: (1, 3))
        try tree.apply(rootless: true, layer)
        #expect(try tree.status("f").uid == 0 && tree.status("c").kind == .regular)
        #expect(tree.warnings == ["/c: a device node needs privileges; an empty file stands in its place"])
    }

    @Test("a last entry without padding, as umoci writes it, is read")
    func withoutPadding() throws {
        var layer = TarBuilder()
        layer.add("f", content: [UInt8](repeating: 7, count: 10))
        let stream = try layerStream(Array(layer.bytes.dropLast(502)))
        var reader = TarReader(stream)
        #expect(try reader.next()?.text == "f")
        #expect(try reader.next() == nil)
    }
}

func extendedAttributes(_ path: String) throws -> [String] {
    let process = Foundation.Process()
    process.executableURL = URL(filePath: "/usr/bin/python3")
    process.arguments = ["-c", "import os,sys; print('\\n'.join(os.listxattr(sys.argv[1])))", path]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    process.waitUntilExit()
    return String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self).split(separator: "\n").map(String.init)
}

func blocks(_ path: String) throws -> Int {
    var status = stat()
    #expect(lstat(path, &status) == 0)
    return Int(status.st_blocks)
}
