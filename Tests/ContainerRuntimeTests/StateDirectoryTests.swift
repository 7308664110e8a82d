import Diagnostics
import Foundation
import Kernel
import Testing

@testable import ContainerRuntime

@Suite("the state of a container on the disk")
struct StateDirectoryTests {
    @Test("what was cut off by a crash is no state; what is whole and wrong is an error with a way out")
    func firstState() throws {
        let place = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        defer { try? FileManager.default.removeItem(at: place) }  // best effort: a temporary directory
        let root = try StateRoot.open(Path(place.path), creating: true)
        let directory = try root.create(ContainerID("web"))
        let state = StoredState(id: "web", ociVersion: "1.3.0", bundle: "/b", rootfs: "/b/r", createdNanoseconds: 1, ownerUID: 0)
        #expect(try directory.load() == nil)
        try directory.begin(state)
        #expect(try directory.load() == state)
        let file = place.appending(path: "web/creating.json")
        let bytes = try Data(contentsOf: file)
        for count in 0..<bytes.count {
            try bytes.prefix(count).write(to: file)
            #expect(try directory.load() == nil, "\(count)")
        }
        try Data(String(decoding: bytes, as: UTF8.self).replacingOccurrences(of: "\"pid\":0", with: "\"pid\":\"x\"").utf8).write(to: file)
        do {
            _ = try directory.load()
            Issue.record("it was read")
        } catch {
            #expect("\(error)".contains("creating.json") && "\(error)".hasSuffix("\"delete --force web\" removes the container"), "\(error)")
        }
        try directory.store(state)
        #expect(try directory.load() == state)
    }
}
