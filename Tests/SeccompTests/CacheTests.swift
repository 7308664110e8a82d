import Foundation
import Kernel
import OCISpec
import Testing

@testable import Seccomp

@Suite("compiled filters are kept by content")
struct CacheTests {
    let directory: URL
    let text = #"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir"],"action":"SCMP_ACT_ERRNO"}]}"#

    init() throws {
        directory = FileManager.default.temporaryDirectory.appending(path: "seccomp-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    }

    private func compile(_ text: String) throws -> SeccompProgram {
        let handle = try FileDescriptor.open(Path(directory.path), [.readOnly, .directory])
        return try compileSeccomp(try profile(text), cache: handle)
    }
    private func entries() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: directory.path) }
    private func entry() throws -> URL { directory.appending(path: try #require(try entries().first)) }

    @Test("the second call finds what the first compiled")
    func found() throws {
        let first = try compile(text)
        #expect(try entries().count == 1)
        // only a filter that was really read from the cache can carry a mark
        var marked = try Data(contentsOf: try entry())
        marked[marked.count - 4] = 0x2A
        try marked.write(to: try entry())
        let second = try compile(text)
        #expect(first.filter != second.filter)
        #expect(second.filter.suffix(4).first == 0x2A)
        #expect(first == (try compileSeccomp(try profile(text))))
        try FileManager.default.removeItem(at: directory)
    }

    @Test("another profile has another entry")
    func different() throws {
        _ = try compile(text)
        _ = try compile(text.replacingOccurrences(of: "mkdir", with: "rmdir"))
        #expect(try entries().count == 2)
        try FileManager.default.removeItem(at: directory)
    }

    @Test("an entry that others can write, that is cut, or that has another key is not believed", arguments: ["mode", "cut", "key", "link"])
    func doubtful(fault: String) throws {
        let right = try compile(text)
        let entry = try entry()
        var bytes = try Data(contentsOf: entry)
        bytes[bytes.count - 4] = 0x2A
        switch fault {
        case "mode":
            try bytes.write(to: entry)
            try FileManager.default.setAttributes([.posixPermissions: 0o666], ofItemAtPath: entry.path)
        case "cut": try bytes.dropLast(3).write(to: entry)
        case "key":
            bytes[12] ^= 1
            try bytes.write(to: entry)
        default:
            try bytes.write(to: directory.appending(path: "elsewhere"))
            try FileManager.default.removeItem(at: entry)
            try FileManager.default.createSymbolicLink(at: entry, withDestinationURL: directory.appending(path: "elsewhere"))
        }
        #expect(try compile(text) == right)
        try FileManager.default.removeItem(at: directory)
    }

    @Test("a full cache is emptied, not grown")
    func bounded() throws {
        for number in 0..<64 { try Data().write(to: directory.appending(path: "old-\(number)")) }
        _ = try compile(text)
        #expect(try entries().count == 1)
        try FileManager.default.removeItem(at: directory)
    }
}
