import Diagnostics
import Foundation
import Testing

@testable import Kernel

@Suite("typed doors to the kernel")
struct KernelTests {
    private func temporary() throws -> URL {
        let directory = FileManager.default.temporaryDirectory.appending(path: "kernel-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        return directory
    }

    @Test("a descriptor closes itself, unless it is given away")
    func ownership() throws {
        var number: Int32 = -1
        do {
            let file = try FileDescriptor.memory(named: "x")
            number = file.raw
            #expect(isOpen(descriptor: number))
        }
        #expect(!isOpen(descriptor: number))
        let kept = try FileDescriptor.memory(named: "y").relinquish()
        #expect(isOpen(descriptor: kept))
        _ = FileDescriptor(owning: kept)
        #expect(!isOpen(descriptor: kept))
    }

    @Test("every way to open a descriptor makes it close-on-exec")
    func closeOnExec() throws {
        let pipe = try FileDescriptor.pipe()
        let pair = try FileDescriptor.socketPair(.stream)
        let numbers = [
            try FileDescriptor.memory(named: "x").relinquish(), try FileDescriptor.open("/dev/null", .readOnly).relinquish(),
            try FileDescriptor.unixSocket().relinquish(), try pipe.reading.duplicate().relinquish(), pipe.writing.raw, pair.first.raw, pair.second.raw,
        ]
        for number in numbers { #expect(fcntl(number, F_GETFD) & FD_CLOEXEC != 0) }
        for number in numbers.prefix(4) { _ = FileDescriptor(owning: number) }
    }

    @Test("reading and writing: all of it, at an offset, up to a limit")
    func readWrite() throws {
        let file = try FileDescriptor.memory(named: "x")
        try file.write("hello world")
        try file.write(Array("abcdef".utf8), 2..<4)
        #expect(try file.read(atMost: 5, at: 6) == Array("world".utf8))
        try file.seek(to: 0)
        #expect(try file.readAll(limit: 100) == Array("hello worldcd".utf8))
        try file.seek(to: 0)
        #expect(#expect(throws: Errno.self) { try file.readAll(limit: 12) } == .tooLarge)
    }

    @Test("a sealed file cannot be written any more")
    func seals() throws {
        let file = try FileDescriptor.memory(named: "x")
        try file.write("x")
        try file.seal()
        #expect(#expect(throws: Errno.self) { try file.write("y") } == .notPermitted)
    }

    @Test("entries, renaming without replacing, removing trees without following links")
    func directories() throws {
        let url = try temporary()
        let handle = try FileDescriptor.open(Path(url.path), [.readOnly, .directory])
        try handle.makeDirectory("tree", permissions: 0o755)
        try handle.makeDirectory("kept", permissions: 0o755)
        try "x".write(to: url.appending(path: "kept/file"), atomically: false, encoding: .utf8)
        try handle.open("tree", [.path, .directory]).makeLink("out", to: Path(url.appending(path: "kept").path))
        #expect(Set(try handle.entries().map(\.text)) == ["tree", "kept"])
        #expect(#expect(throws: Errno.self) { try handle.rename("tree", to: "kept", exclusive: true) } == .exists)
        try handle.removeTree("tree")
        #expect(try handle.entries().map(\.text) == ["kept"])
        #expect(FileManager.default.fileExists(atPath: url.appending(path: "kept/file").path))
        try handle.removeTree("kept")
        try FileManager.default.removeItem(at: url)
    }

    @Test("a tree is removed however deep it is")
    func deepTree() throws {
        let url = try temporary()
        let handle = try FileDescriptor.open(Path(url.path), [.readOnly, .directory])
        try handle.makeDirectory("tree", permissions: 0o755)
        // has the name under which the first one that lies too deep is moved up
        try handle.makeDirectory("tree/moved-up-1", permissions: 0o755)
        var here = try handle.open("tree", [.readOnly, .directory])
        for _ in 0..<1000 {
            try here.makeDirectory("d", permissions: 0o755)
            try here.makeDirectory("e", permissions: 0o755)
            here = try here.open("d", [.readOnly, .directory])
        }
        try handle.removeTree("tree")
        #expect(try handle.entries().isEmpty)
        try FileManager.default.removeItem(at: url)
    }

    @Test("a path is absolute from the current directory, whatever its bytes are")
    func absolutePaths() throws {
        #expect(try Path("/a/../b").absolute() == "/a/../b")
        let odd = try #require(Path(bytes: [0x61, 0xFF]))
        #expect(try odd.absolute() == currentDirectory().appending(bytes: [0x61, 0xFF]))
    }

    @Test("a lock that somebody holds is not waited for when told so")
    func locks() throws {
        let url = try temporary()
        let first = try FileDescriptor.open(Path(url.path), [.readOnly, .directory])
        let second = try FileDescriptor.open(Path(url.path), [.readOnly, .directory])
        try first.lock()
        #expect(#expect(throws: Errno.self) { try second.lock(waiting: false) } == .tryAgain)
        try FileManager.default.removeItem(at: url)
    }

    @Test("a descriptor travels over a socket")
    func passing() throws {
        let pair = try FileDescriptor.socketPair(.stream)
        let file = try FileDescriptor.memory(named: "x")
        try file.write("through")
        try pair.first.send(Array("take".utf8), passing: file)
        var message = try pair.second.receive(atMost: 100)
        #expect(message.bytes == Array("take".utf8))
        guard let received = message.descriptor.take() else {
            Issue.record("no descriptor came")
            return
        }
        #expect(try received.read(atMost: 7, at: 0) == Array("through".utf8))
    }

    @Test("signals by name and number", arguments: [
        ("TERM", 15), ("SIGTERM", 15), ("sigkill", 9), ("0", 0), ("64", 64), ("RTMIN", 34), ("SIGRTMIN+3", 37), ("RTMAX-1", 63), ("65", nil), ("+9", nil), ("NOPE", nil), ("", nil),
    ] as [(String, Int32?)])
    func signals(word: String, number: Int32?) {
        #expect(SignalName.number(of: word) == number)
    }

    @Test("paths: joined, taken apart, never with a NUL")
    func paths() {
        #expect(Path("a").relative(to: "/b") == "/b/a" && Path("/a").relative(to: "/b") == "/a")
        #expect(Path("/a/b/").lastComponent == "b" && Path("/").lastComponent == "/")
        #expect(Path("/a/b").parent == "/a" && Path("a").parent == "." && Path("/a").parent == "/" && Path("a/b//").parent == "a")
        #expect(Path(bytes: [0x61, 0]) == nil)
    }

    @Test("mountinfo: escaped names, optional fields, lines of another form")
    func mountInfo() {
        let text = """
            36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 shared:2 - ext3 /dev/root rw,errors=continue
            37 36 0:5 / /a\\040b\\134c rw - fuse.sshfs - rw
            nonsense
            38 36 0:6 / /x rw - 
            """
        let mounts = MountInfo.parse(Array(text.utf8))
        #expect(mounts.map { $0.id } == [36, 37] && mounts.map { $0.parent } == [35, 36])
        #expect(mounts[0].root == "/mnt1" && mounts[0].mountPoint == "/mnt2" && mounts[0].type == "ext3")
        #expect(mounts[0].superOptions == ["rw", "errors=continue"])
        #expect(mounts[1].mountPoint == "/a b\\c" && mounts[1].type == "fuse.sshfs")
    }

    @Test("the mount of a descriptor is found among the mounts")
    func mountOfDescriptor() throws {
        let proc = try FileDescriptor.open("/proc/self", [.path])
        #expect(try MountInfo.types(at: proc, withSubmounts: false) == ["proc"])
        #expect(try MountInfo.types(at: try FileDescriptor.open("/", [.path]), withSubmounts: true).contains("proc"))
    }
}
