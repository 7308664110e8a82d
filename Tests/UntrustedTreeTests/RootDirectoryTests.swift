import Diagnostics
import Foundation
import Kernel
import Testing

@testable import UntrustedTree

/// A tree with a root in it, and a canary beside that root.
private final class Place {
    let directory: URL
    var root: URL { directory.appending(path: "root") }
    var canary: URL { directory.appending(path: "canary") }

    init() throws {
        directory = FileManager.default.temporaryDirectory.appending(path: "tree-\(UUID().uuidString)")
        for name in ["root/dir/sub", "root/etc", "canary"] {
            try FileManager.default.createDirectory(at: directory.appending(path: name), withIntermediateDirectories: true)
        }
        try "inside".write(to: root.appending(path: "etc/name"), atomically: false, encoding: .utf8)
        try "outside".write(to: canary.appending(path: "name"), atomically: false, encoding: .utf8)
    }

    deinit {
        do { try FileManager.default.removeItem(at: directory) } catch { print("cannot remove \(directory.path)") }
    }

    func link(_ name: String, to target: String) throws {
        try FileManager.default.createSymbolicLink(atPath: root.appending(path: name).path, withDestinationPath: target)
    }
    func open() throws(Errno) -> RootDirectory { RootDirectory(try FileDescriptor.open(Path(root.path), [.path, .directory])) }
    func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: directory.appending(path: name).path) }
}

private func path(_ text: String) throws -> InRootPath { try InRootPath(text) }

@Suite("a path in somebody else's tree stays in it")
struct RootDirectoryTests {
    /// Both ways to open a file: the kernel's openat2(2), and the walk for kernels and filters without it.
    private func read(_ text: String, in place: Place) throws -> (kernel: String?, walk: String?) {
        let root = try place.open()
        func content(_ body: () throws(Errno) -> FileDescriptor) -> String? {
            do throws(Errno) { return String(decoding: try body().readAll(limit: 1000), as: UTF8.self) } catch { return error.name }
        }
        let wanted = try path(text)
        return (
            content { () throws(Errno) in try root.open(wanted, [.readOnly]) },
            content { () throws(Errno) in try root.walk(wanted, [.readOnly], mode: 0) }
        )
    }

    @Test("links are followed below the root, and openat2 and the walk agree", arguments: [
        ("/etc/name", "inside"), ("/absolute/name", "inside"), ("/relative/name", "inside"), ("/up/name", "inside"), ("/chain/name", "inside"),
        ("/etc/../etc/./name", "inside"), ("/dir/../../../etc/name", "inside"), ("/escape/name", "ENOENT"), ("/loop/x", "ELOOP"), ("/etc/name/x", "ENOTDIR"),
        ("/missing", "ENOENT"), ("/dangling", "ENOENT"),
    ])
    func follows(text: String, expected: String) throws {
        let place = try Place()
        try place.link("absolute", to: "/etc")
        try place.link("relative", to: "dir/../etc")
        try place.link("dir/up", to: "../../../../etc")
        try place.link("up", to: "dir/up")
        try place.link("chain", to: "absolute")
        try place.link("escape", to: place.canary.path)
        try place.link("loop", to: "loop")
        try place.link("dangling", to: "/nothing")
        let (kernel, walk) = try read(text, in: place)
        #expect(kernel == expected)
        #expect(walk == expected)
    }

    @Test("a chain of 40 links is followed, one of 41 is refused by both")
    func chains() throws {
        let place = try Place()
        try place.link("l0", to: "etc/name")
        for number in 1...41 { try place.link("l\(number)", to: "l\(number - 1)") }
        #expect(try read("/l39", in: place) == ("inside", "inside"))
        #expect(try read("/l41", in: place) == ("ELOOP", "ELOOP"))
    }

    @Test("directories are made with just their permissions, through links and where a link leads to nothing, never outside")
    func makeDirectories() throws {
        let place = try Place()
        try place.link("l", to: place.canary.path)
        try place.link("r", to: "../../../run/here")
        let root = try place.open()
        _ = Kernel.setFileCreationMask(0)
        let made = try root.makeDirectories(try path("/a/b/c"), permissions: 0o751)
        #expect(try made.status().permissions == 0o751)
        _ = try root.makeDirectories(try path("/l/new"), permissions: 0o755)
        _ = try root.makeDirectories(try path("/r/x"), permissions: 0o755)
        #expect(!place.exists("canary/new") && place.exists("root" + place.canary.path + "/new") && place.exists("root/run/here/x"))
        let error = #expect(throws: Errno.self) { _ = try root.makeDirectories(try path("/etc/name/x"), permissions: 0o755) }
        #expect(error == .notDirectory)
    }

    @Test("plain directories refuse a link on the way, and anything that is no directory")
    func plainDirectories() throws {
        let place = try Place()
        try place.link("proc", to: "/etc")
        let root = try place.open()
        #expect(#expect(throws: Errno.self) { _ = try root.makePlainDirectories(try path("/proc"), permissions: 0o755) } == .tooManyLinks)
        #expect(#expect(throws: Errno.self) { _ = try root.makePlainDirectories(try path("/etc/name"), permissions: 0o755) } == .notDirectory)
        _ = try root.makePlainDirectories(try path("/sys/fs"), permissions: 0o755)
        #expect(place.exists("root/sys/fs"))
    }

    @Test("a file is made once, and what stands there is left alone")
    func makeFile() throws {
        let place = try Place()
        let root = try place.open()
        #expect(try root.makeFile(try path("/new/dir/file"), permissions: 0o600, directories: 0o700).status().permissions == 0o600)
        #expect(try root.makeFile(try path("/etc/name"), permissions: 0o600, directories: 0o700).status().size == 6)
    }

    @Test("paths are cleaned lexically and cannot leave the root", arguments: [
        ("/a/../../b", "/b"), ("", "/"), ("//x//./y/", "/x/y"), ("..", "/"), ("/a/b/..", "/a"),
    ])
    func cleaning(text: String, expected: String) throws {
        #expect(try path(text).text == expected)
    }

    @Test("a name that is no plain component is not appended", arguments: ["", ".", "..", "a/b", "a\u{0}"])
    func appending(name: String) {
        #expect(InRootPath.root.appending(Array(name.utf8)) == nil)
    }
}
