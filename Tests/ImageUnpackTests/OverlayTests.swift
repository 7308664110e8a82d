import Diagnostics
import Foundation
import Kernel
import OCISpec
import Testing
import UntrustedTree

@testable import ImageUnpack

/// A tree as text: names, kinds, modes, owners, times to the nanosecond, contents, targets, attributes, and what is linked to what.
private func listing(_ directory: borrowing FileDescriptor, _ path: String = "", _ links: inout [UInt64: String]) throws -> [String] {
    var lines: [String] = []
    for entry in try directory.entries().sorted(by: { $0.text < $1.text }) {
        let name = try #require(Path(bytes: entry.name))
        let status = try directory.status(of: name)
        let here = path + "/" + entry.text
        var line = "\(here) \(status.kind) \(String(status.permissions, radix: 8)) \(status.uid):\(status.gid) \(status.modified.seconds).\(status.modified.nanoseconds)"
        switch status.kind {
        case .regular:
            let file = try directory.open(name, [.readOnly, .noFollow])
            line += " " + String(decoding: try file.readAll(limit: 1 << 20), as: UTF8.self) + " " + (try attributes(file))
            if status.links > 1 {
                // not the number of links: a name that is hidden in an overlay still counts
                if let first = links[status.inode] { line += " = " + first } else { links[status.inode] = here }
            }
        case .symbolicLink: line += " -> " + String(decoding: try directory.linkTarget(name), as: UTF8.self)
        case .directory: line += " " + (try attributes(try directory.open(name, [.readOnly, .directory, .noFollow])))
        default: line += " \(status.major):\(status.minor)"
        }
        lines.append(line)
        if status.kind == .directory { lines += try listing(try directory.open(name, [.readOnly, .directory, .noFollow]), here, &links) }
    }
    return lines
}

private func attributes(_ file: borrowing FileDescriptor) throws -> String {
    var texts: [String] = []
    for name in try file.attributeNames() where !name.text.hasPrefix("trusted.overlay.") { texts.append(name.text + "=" + String(decoding: try file.attribute(name), as: UTF8.self)) }
    return texts.sorted().joined(separator: ",")
}

private func tree(_ root: borrowing FileDescriptor) throws -> [String] {
    var links: [UInt64: String] = [:]
    let status = try root.status()
    let readable = try root.open(".", [.readOnly, .directory])
    let top = "/ \(String(status.permissions, radix: 8)) \(status.uid):\(status.gid) \(status.modified.seconds).\(status.modified.nanoseconds) \(try attributes(readable))"
    return [top] + (try listing(readable, "", &links))
}

@Suite("both modes give the same tree", .serialized, .enabled(if: isRoot, "overlay mounts and owners need root"))
struct OverlayTests {
    let directory = FileManager.default.temporaryDirectory.appending(path: "overlay-\(UUID().uuidString)")

    private func unpack(_ layout: Layout, to name: String, _ mode: UnpackMode, from store: Path? = nil) throws -> Path {
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        var options = UnpackOptions(reference: try ImageReference(layout.directory.path, exists: { _ in true }), bundle: Path(directory.appending(path: name).path))
        options.mode = mode
        options.layerStore = store
        _ = try ImageUnpack.unpack(options, report: { _ in })
        return options.bundle
    }

    private var store: Path { Path(directory.appending(path: "store").path) }

    private func mounted(_ bundle: Path) throws -> FileDescriptor {
        let bundle = try OverlayBundle(bundle)
        let store = try LayerStore.open(bundle.store, marks: .trusted)
        let layers = try bundle.keys.map { try #require(try store.find($0)) }
        return try OverlayMount(layers, of: store, upper: bundle.path.appending("overlay/upper").text, work: bundle.path.appending("overlay/work").text).open()
    }

    /// The trees of both modes; they must be the same.
    @discardableResult
    private func compare(_ layers: [TarBuilder]) throws -> [String] {
        defer { try? FileManager.default.removeItem(at: directory) }  // a leftover of the test harms nobody
        let layout = try Layout()
        try layout.image("latest", layers: layers)
        let flat = try tree(try FileDescriptor.open(try unpack(layout, to: "flat", .flat).appending("rootfs"), [.readOnly, .directory]))
        let overlay = try tree(try mounted(try unpack(layout, to: "overlay", .overlay(store: store, mountedBy: .runtime))))
        #expect(flat == overlay)
        // warm: the same from the store
        #expect(try tree(try mounted(try unpack(layout, to: "again", .overlay(store: store, mountedBy: .runtime)))) == overlay)
        // and copied from there into a flat bundle; without the layers, so that nothing else can have happened
        for blob in layout.layerFiles { try FileManager.default.removeItem(at: blob) }
        #expect(try tree(try FileDescriptor.open(try unpack(layout, to: "warm", .flat, from: store).appending("rootfs"), [.readOnly, .directory])) == flat)
        return flat
    }

    private func layer(_ build: (inout TarBuilder) -> Void) -> TarBuilder {
        var layer = TarBuilder()
        build(&layer)
        return layer
    }

    private var base: TarBuilder {
        layer {
            $0.directory(".", mode: 0o755, time: 1_600_000_000)
            $0.directory("d", mode: 0o1777, time: 1_600_000_001)
            $0.add("d/a", text: "a1")
            $0.add("d/b", text: "b1")
            $0.directory("d/sub", time: 1_600_000_002)
            $0.add("d/sub/x", text: "x1")
            $0.add("f", text: "f1")
            $0.symbolicLink("l", to: "d")
        }
    }

    @Test("a layer that tells of its directories is taken by itself")
    func plain() throws {
        let lines = try compare([base, layer {
            $0.directory("d", mode: 0o755, time: 1_650_000_000)
            $0.add("d/a", content: Array("a2".utf8), mode: 0o4755, uid: 5, gid: 6, pax: [("mtime", Array("1650000000.123456789".utf8)), ("SCHILY.xattr.user.k", Array("v".utf8))])
            $0.add("d/.wh.b", text: "")
        }])
        #expect(lines.contains { $0.hasPrefix("/d/a regular 4755 5:6 1650000000.123456789 a2 user.k=v") })
        #expect(!lines.contains { $0.hasPrefix("/d/b") })
        #expect(lines.contains { $0.hasPrefix("/d/sub/x") })
    }

    @Test("a directory that no entry tells of keeps what the lower layer says of it, times included")
    func impliedParents() throws {
        let lines = try compare([base, layer { $0.add("d/new", text: "n") }, layer { $0.add("deep/er/file", text: "n") }])
        #expect(lines.contains { $0.hasPrefix("/d directory 1777 0:0 1600000001.0") })
        #expect(lines.contains { $0.hasPrefix("/deep/er directory 755 0:0 0.0") })
        #expect(lines[0].hasPrefix("/ 755 0:0 1600000000.0"))
    }

    @Test("directories that no entry tells of are settled without a second look at the layer")
    func settled() throws {
        defer { try? FileManager.default.removeItem(at: directory) }  // a leftover of the test harms nobody
        let layout = try Layout()
        try layout.image("latest", layers: [base, layer { $0.add("d/sub/new", text: "n"); $0.add("other/new", text: "n"); $0.add("d/.wh.a", text: "") }])
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        var options = UnpackOptions(reference: try ImageReference(layout.directory.path, exists: { _ in true }), bundle: Path(directory.appending(path: "b").path))
        options.mode = .overlay(store: store, mountedBy: .runtime)
        var pieces: [Int: Int] = [:]
        _ = try ImageUnpack.unpack(options, report: { pieces[$0.layer, default: 0] += 1 })
        #expect(pieces == [1: 1, 2: 1])
    }

    @Test("a layer whose directories depend on the order of its entries, or on what a lower one has in their place", arguments: 0..<9)
    func unsettled(number: Int) throws {
        let attributes = [("SCHILY.xattr.user.k", Array("v".utf8))]
        let lower = layer { $0.add("d/", type: "5", mode: 0o700, uid: 5, gid: 6, pax: attributes); $0.directory("d/sub", mode: 0o711, time: 1_600_000_009) }
        let upper = layer {
            switch number {
            case 0: $0.add("d/new", text: "n"); $0.directory("d", mode: 0o750)
            case 1: $0.add("l/new", text: "n"); $0.directory("l")
            case 2: $0.directory("d"); $0.add("d/.wh..wh..opq", text: ""); $0.add("d/sub/n", text: "n")
            case 3: $0.directory("d"); $0.add("d/sub/n", text: "n"); $0.add("d/.wh..wh..opq", text: "")
            case 4: $0.add(".wh..wh..opq", text: ""); $0.add("d/sub/n", text: "n")
            case 5: $0.add("d/sub/n", text: "n"); $0.add(".wh..wh..opq", text: "")
            case 6: $0.add("d/sub/n", text: "n"); $0.add("d/.wh.sub", text: "")
            case 7: $0.add("d/.wh.sub", text: ""); $0.add("d/new", text: "n")
            default: $0.add("d/.wh..wh..opq", text: ""); $0.add("d/sub/n", text: "n")
            }
        }
        let lines = try compare([base, lower, upper])
        if [5, 6, 7].contains(number) { #expect(lines.contains { $0.hasPrefix("/d directory 700 5:6") && $0.hasSuffix("user.k=v") }) }
        if number == 1 { #expect(lines.contains { $0.hasPrefix("/d/new") } && lines.contains { $0.hasPrefix("/l directory") }) }
        try compare([base, lower, layer { $0.add(".wh.d", text: "") }, upper])
    }

    @Test("of one name that is a file and then a directory in one layer, the directory is new")
    func fileThenDirectory() throws {
        for first in [layer { $0.add("d", text: "f") }, layer { $0.symbolicLink("d", to: "f") }, layer { $0.directory("d"); $0.add("d/a", text: "2"); $0.add("d", text: "f") }] {
            var upper = first
            upper.directory("d")
            upper.add("d/new", text: "n")
            #expect(try compare([base, upper]).filter { $0.hasPrefix("/d/") }.count == 1)
        }
    }

    @Test("writing and hiding go through a link of a lower layer")
    func throughLinks() throws {
        let lines = try compare([base, layer { $0.add("l/new", text: "n"); $0.add("l/.wh.a", text: "") }])
        #expect(lines.contains { $0.hasPrefix("/d/new") } && !lines.contains { $0.hasPrefix("/d/a") })
        #expect(lines.contains { $0.contains("/l symbolicLink") })
    }

    @Test("opaque directories hide what is below, and not what is beside the mark", arguments: [true, false])
    func opaque(first: Bool) throws {
        let lines = try compare([base, layer {
            $0.directory("d", time: 1_650_000_000)
            if first { $0.add("d/.wh..wh..opq", text: "") }
            $0.add("d/kept", text: "k")
            if !first { $0.add("d/.wh..wh..opq", text: "") }
        }])
        #expect(lines.filter { $0.hasPrefix("/d/") }.count == 1)
    }

    @Test("an opaque root hides everything below")
    func opaqueRoot() throws {
        let lines = try compare([base, layer { $0.add(".wh..wh..opq", text: ""); $0.add("only", text: "o") }, layer { $0.add("more", text: "m") }])
        #expect(lines.count == 3)
    }

    @Test("a name that is hidden and added in one layer stays, in any order", arguments: [true, false], ["f", "d"])
    func hiddenAndAdded(first: Bool, name: String) throws {
        let lines = try compare([base, layer {
            if first { $0.add(".wh." + name, text: "") }
            if name == "f" { $0.add("f", text: "f2") } else { $0.directory("d", time: 1_650_000_000); $0.add("d/n", text: "n") }
            if !first { $0.add(".wh." + name, text: "") }
        }])
        if name == "f" { #expect(lines.contains { $0.contains("/f regular") && $0.contains("f2") }) }
        if name == "d" { #expect(lines.filter { $0.hasPrefix("/d/") }.count == 1) }
    }

    @Test("a whiteout of a parent and of its child, of what is not there, and in a directory that is not there")
    func superfluousWhiteouts() throws {
        let lines = try compare([base, layer {
            $0.directory("d")
            $0.add("d/.wh.sub", text: "")
            $0.add(".wh.d", text: "")
            $0.add(".wh.nothing", text: "")
            $0.directory("fresh")
            $0.add("fresh/.wh.nothing", text: "")
        }])
        #expect(!lines.contains { $0.contains(".wh.") } && !lines.contains { $0.contains("nothing") })
    }

    @Test("hard links into a lower layer, and to what a higher one removes")
    func hardLinks() throws {
        let lines = try compare([base, layer { $0.hardLink("h", to: "f") }, layer { $0.add(".wh.f", text: "") }])
        #expect(lines.contains { $0.hasPrefix("/h regular 644") && $0.contains("f1") } && !lines.contains { $0.hasPrefix("/f ") })
        #expect(try compare([base, layer { $0.hardLink("h", to: "f") }]).contains { $0.hasSuffix("= /f") })
    }

    @Test("a link to a file of a lower layer that has other names there makes all of them one")
    func hardLinksToSeveral() throws {
        let lower = layer {
            $0.directory("d")
            $0.add("d/a", text: "x")
            $0.hardLink("d/b", to: "d/a")
            $0.hardLink("c", to: "d/a")
            $0.hardLink("gone", to: "d/a")
        }
        let lines = try compare([base, lower, layer {
            $0.add(".wh.gone", text: "")
            $0.add("c", text: "another")
            $0.hardLink("e", to: "d/b")
        }])
        #expect(lines.filter { $0.hasSuffix("= /d/a") }.count == 2 && lines.contains { $0.hasPrefix("/c regular") && $0.contains("another") })
    }

    @Test("an image may have a layer several times, and the kernel takes a directory once")
    func repeated() throws {
        let twice = layer { $0.directory("d", time: 1_650_000_000); $0.add("d/a", text: "a2"); $0.add("d/.wh.b", text: "") }
        let between = layer { $0.directory("d", time: 1_650_000_001); $0.add("d/a", text: "a3"); $0.add("d/b", text: "b3"); $0.add("d/c", text: "c3") }
        let lines = try compare([base, twice, twice, between, TarBuilder(), twice, TarBuilder(), TarBuilder()])
        #expect(lines.contains { $0.hasPrefix("/d directory 755 0:0 1650000000.0") } && lines.contains { $0.hasPrefix("/d/c") })
        #expect(lines.contains { $0.hasPrefix("/d/a") && $0.contains("a2") } && !lines.contains { $0.hasPrefix("/d/b") })
        try compare([base, base, base])
        let opaque = layer { $0.directory("d"); $0.add("d/.wh..wh..opq", text: ""); $0.add("d/n", text: "n") }
        #expect(try compare([base, opaque, between, opaque]).filter { $0.hasPrefix("/d/") }.count == 1)
        let opaqueRoot = layer { $0.directory("."); $0.add(".wh..wh..opq", text: ""); $0.add("n", text: "n") }
        #expect(try compare([base, opaqueRoot, between, opaqueRoot]).count == 2)
    }

    @Test("entries below what is no directory in a lower layer, or in their own", arguments: ["f", "l2", "p"])
    func belowFiles(name: String) throws {
        let lower = layer { $0.symbolicLink("l2", to: "f"); $0.add("p", type: "6") }
        let lines = try compare([base, lower, layer { $0.add("\(name)/x/y", text: "y") }])
        #expect(lines.contains { $0.hasPrefix("/\(name)/x/y regular") } && lines.contains { $0.hasPrefix("/\(name) directory 755 0:0 0.0") })
        try compare([base, lower, layer { $0.add(name, text: "own"); $0.add("\(name)/x", text: "x") }])
        try compare([base, lower, layer { $0.add(".wh.\(name)", text: ""); $0.add("\(name)/x", text: "x"); $0.add("\(name)/.wh..wh..opq", text: "") }])
        try compare([base, lower, layer { $0.add("\(name)/.wh.x", text: ""); $0.add("\(name)/.wh..wh..opq", text: "") }])
    }

    @Test("hard links to links and fifos of a lower layer, and below directories that no entry tells of")
    func hardLinksToOthers() throws {
        let lines = try compare([base, layer { $0.hardLink("e/h", to: "./l"); $0.add("p", type: "6"); $0.hardLink("e/q", to: "/p"); $0.hardLink("g", to: "l/a") }])
        #expect(lines.contains { $0.hasPrefix("/e/h symbolicLink") } && lines.contains { $0.hasPrefix("/e/q fifo") } && lines.contains { $0.hasSuffix("= /d/a") })
        // the link is made when its turn comes: to the old file, which the layer replaces afterwards
        #expect(try compare([base, layer { $0.hardLink("h", to: "f"); $0.add("f", text: "f2") }]).contains { $0.hasPrefix("/h regular") && $0.contains("f1") })
    }

    @Test("a hard link through a link, to a file of a lower layer that has other names there")
    func hardLinksThroughLinks() throws {
        let lower = layer { $0.hardLink("d/other", to: "d/a"); $0.hardLink("third", to: "d/a") }
        let lines = try compare([base, lower, layer { $0.hardLink("h", to: "l/a") }])
        #expect(lines.filter { $0.hasSuffix("= /d/a") }.count == 3 && lines.contains { $0.hasPrefix("/d/a regular") })
        // a link to nothing in the layer by itself, to a file of a lower one on top of that
        let target = layer { $0.directory("e"); $0.add("e/f", text: "e") }
        #expect(try compare([base, target, layer { $0.symbolicLink("s", to: "e/f"); $0.hardLink("s/x", to: "e/f") }]).contains { $0.hasSuffix("= /e/f") })
        // and what the layer itself has linked before
        try compare([base, layer { $0.hardLink("g", to: "d/a"); $0.hardLink("h", to: "l/a"); $0.hardLink("d/a", to: "d/a") }])
    }

    @Test("directories that are made where a link to nothing leads have the times of such, and those above theirs")
    func throughDeadLinks() throws {
        let lower = layer { $0.symbolicLink("s", to: "d/sub/x1/x2"); $0.symbolicLink("d/t", to: "../e/u"); $0.symbolicLink("m", to: "d") }
        let lines = try compare([base, lower, layer { $0.add("s/f", text: "f") }, layer { $0.add("m/t/g", text: "g") }])
        #expect(lines.contains { $0.hasPrefix("/d/sub directory 755 0:0 1600000002.0") } && lines.contains { $0.hasPrefix("/d/sub/x1 directory 755 0:0 0.0") })
        #expect(lines.contains { $0.hasPrefix("/e directory 755 0:0 0.0") } && lines.contains { $0.hasPrefix("/e/u/g") })
        #expect(try compare([layer { $0.symbolicLink("a", to: "c/b"); $0.add("a/f", text: "f") }]).contains { $0.hasPrefix("/c directory 755 0:0 0.0") })
        try compare([base, layer { $0.symbolicLink("a", to: "c/b"); $0.add("a/f", text: "f") }])
    }

    @Test("an opaque mark alone makes no directory")
    func opaqueNowhere() throws {
        let lines = try compare([base, layer { $0.add("n/a/.wh..wh..opq", text: ""); $0.add("n/b", text: "b") }])
        #expect(!lines.contains { $0.hasPrefix("/n/a") } && lines.contains { $0.hasPrefix("/n/b") })
        #expect(try compare([base, layer { $0.add("n/a/.wh..wh..opq", text: ""); $0.add("n/a/b", text: "b") }]).contains { $0.hasPrefix("/n/a/b") })
    }

    @Test("kinds that replace each other, there and back")
    func kinds() throws {
        let lines = try compare([
            base, layer { $0.add("d", text: "file now"); $0.directory("f"); $0.directory("l") },
            layer { $0.directory("d"); $0.add("d/z", text: "z"); $0.symbolicLink("f", to: "d") }, layer { $0.add("f", text: "f again") },
        ])
        #expect(lines.filter { $0.hasPrefix("/d/") }.count == 1 && lines.contains { $0.contains("f again") } && lines.contains { $0.hasPrefix("/l directory") })
    }

    @Test("a directory's attributes are those of the layer that tells of it last")
    func directoryAttributes() throws {
        let lines = try compare([
            layer { $0.add("d/", type: "5", mode: 0o700, pax: [("SCHILY.xattr.user.old", [0x31])]); $0.add("d/x", text: "x") },
            layer { $0.add("d/", type: "5", mode: 0o711, pax: [("SCHILY.xattr.user.new", [0x32])]) },
        ])
        #expect(lines.contains { $0.hasPrefix("/d directory 711") && $0.hasSuffix("user.new=2") })
    }

    @Test("devices, fifos and old forms of files")
    func nodes() throws {
        try compare([base, layer { $0.add("n", type: "3", mode: 0o620, device: (1, 3)); $0.add("p", type: "6", mode: 0o600); $0.add("c", type: "7", content: [0x78]); $0.add("z", type: "\0", content: [0x79]) }])
    }

    @Test("gc removes what no bundle uses, and what a killed process left; layers in use stay")
    func garbage() throws {
        defer { try? FileManager.default.removeItem(at: directory) }  // a leftover of the test harms nobody
        let layout = try Layout()
        try layout.image("latest", layers: [base, layer { $0.directory("d"); $0.add("d/q", text: "q") }])
        let bundle = try unpack(layout, to: "one", .overlay(store: store, mountedBy: .hand))
        try FileManager.default.createDirectory(at: directory.appending(path: "store/temporary/1-1/tree"), withIntermediateDirectories: true)
        #expect(try LayerStore.open(store, marks: .trusted, exclusive: true).collectGarbage() == CollectedGarbage(layers: 0, bundles: 0, leftovers: 1))
        #expect(try LayerStore.open(store, marks: .trusted).bundles().map { $0.exists } == [true])
        try OverlayBundle(bundle).delete(from: try LayerStore.open(store, marks: .trusted))
        #expect(try LayerStore.open(store, marks: .trusted, exclusive: true).collectGarbage() == CollectedGarbage(layers: 2, bundles: 0, leftovers: 0))
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.appending(path: "store/links").path).isEmpty)
    }

    @Test("a store that others may write into, or of another form, is refused")
    func doubtfulStores() throws {
        defer { try? FileManager.default.removeItem(at: directory) }  // a leftover of the test harms nobody
        _ = try LayerStore.open(store, marks: .trusted)
        let other = #expect(throws: OperationError.self) { try LayerStore.open(store, marks: .user) }
        #expect(other?.description.hasSuffix("it has the format \"calque-store 1 trusted\", and \"calque-store 1 user\" is needed; hint: --store names another directory") == true)
        try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: store.text)
        let open = #expect(throws: OperationError.self) { try LayerStore.open(store, marks: .trusted) }
        #expect(open?.description == "open store \"\(store.text)\": others may write into it; hint: chmod 700 \(store.text)")
    }

    @Test("what is no volume is refused", arguments: ["x", "name:relative", ":/x", "../x:/x", "a/b:/x", ".hidden:/x", "n:/x:y"])
    func volumes(text: String) { #expect(throws: OperationError.self) { try VolumeRequest(text) } }
}
