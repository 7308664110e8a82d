import Foundation
import Testing

@Suite("statements of the specifications")
struct StatementTests {
    @Test("an id that a comment or a conformance case names is one of spec-notes/statements.tsv")
    func ids() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let table = try String(contentsOf: root.appending(path: "spec-notes/statements.tsv"), encoding: .utf8)
        let known = Set(table.split(separator: "\n").compactMap { $0.split(separator: "\t").first.map(String.init) })
        #expect(known.count > 800)
        var named: Set<String> = []
        for file in try SourceFile.all() {
            for line in file.lines { named.formUnion(line.matches(of: /\b(?:RT|IM)-[a-z-]+-\d{3}\b/).map { String($0.output) }) }
        }
        let cases = root.appending(path: "conformance/cases")
        for name in try FileManager.default.contentsOfDirectory(atPath: cases.path) where name.hasSuffix(".py") {
            let text = try String(contentsOf: cases.appending(path: name), encoding: .utf8)
            named.formUnion(text.matches(of: /\b(?:RT|IM)-[a-z-]+-\d{3}\b/).map { String($0.output) })
        }
        #expect(named.count > 100)
        #expect(named.subtracting(known).sorted() == [])
    }
}
