import Foundation

/// A file of `Sources`, as the rules see it.
struct SourceFile {
    /// The path below `Sources`, like `Kernel/Mount.swift`.
    let path: String
    let lines: [String]
    /// Each line with its number, without comments and without the contents of plain string literals.
    ///
    /// Rules look for words in code; a word in a message or in prose is none of their business. Multi-line
    /// literals are left out: completion scripts and usage texts live in them.
    let code: [(number: Int, text: String)]

    init(path: String, text: String) {
        self.path = path
        lines = text.components(separatedBy: "\n")
        code = SourceFile.code(of: lines)
    }

    var module: String { String(path.prefix { $0 != "/" }) }

    private static func code(of lines: [String]) -> [(number: Int, text: String)] {
        var result: [(number: Int, text: String)] = []
        var isInLiteral = false
        for (index, line) in lines.enumerated() {
            let fences = line.components(separatedBy: "\"\"\"").count - 1
            if isInLiteral {
                if fences % 2 == 1 { isInLiteral = false }
                continue
            }
            if fences % 2 == 1 { isInLiteral = true }
            result.append((index + 1, stripped(line)))
        }
        return result
    }

    private static func stripped(_ line: String) -> String {
        var text = ""
        var isInString = false
        var previous: Character = " "
        for character in line {
            if character == "\"" && previous != "\\" { isInString.toggle() }
            if !isInString {
                if character == "/" && previous == "/" { return String(text.dropLast()) }
                text.append(character)
            }
            previous = previous == "\\" ? " " : character
        }
        return text
    }

    /// All Swift files of the package's `Sources`.
    static func all() throws -> [SourceFile] {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let sources = root.appending(path: "Sources")
        let paths = try FileManager.default.subpathsOfDirectory(atPath: sources.path)
        return try paths.filter { $0.hasSuffix(".swift") }.sorted().map { path in
            let text = try String(contentsOf: sources.appending(path: path), encoding: .utf8)
            return SourceFile(path: path, text: text)
        }
    }
}

/// Where a rule is broken, as `path:line: text`.
func violations(of pattern: Regex<Substring>, in files: [SourceFile]) -> [String] {
    files.flatMap { file in
        file.code.filter { $0.text.contains(pattern) }.map { "\(file.path):\($0.number): \($0.text)" }
    }
}
