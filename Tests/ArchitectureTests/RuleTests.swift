import Testing

@Suite("Rules of Sources/CONVENTIONS.md")
struct RuleTests {
    let files: [SourceFile]
    init() throws { files = try SourceFile.all() }

    private func except(_ modules: String...) -> [SourceFile] { files.filter { !modules.contains($0.module) } }

    @Test("a file has at most 600 lines; above 150 it begins by saying what lives there")
    func fileLengths() {
        let long = files.filter { $0.lines.count > 600 }.map { $0.path }
        #expect(long.isEmpty)
        let silent = files.filter { $0.lines.count > 151 && !$0.lines.prefix(3).allSatisfy { $0.hasPrefix("//") } }
        #expect(silent.map { $0.path }.isEmpty, "three lines of introduction are missing")
    }

    @Test("a function has at most 70 lines")
    func functionLengths() {
        var long: [String] = []
        for file in files {
            var open: (number: Int, indent: Int)?
            for (number, text) in file.code {
                let indent = text.prefix { $0 == " " }.count
                if let start = open, text.hasPrefix(String(repeating: " ", count: start.indent) + "}"), indent == start.indent {
                    if number - start.number > 70 { long.append("\(file.path):\(start.number)") }
                    open = nil
                } else if open == nil, text.contains(/\b(func|init\??|deinit)\b[^}]*\{\s*$/) {
                    open = (number, indent)
                }
            }
        }
        #expect(long.isEmpty)
    }

    @Test("one thread, no reflection: what Embedded Swift lacks is not used")
    func oneThread() {
        let words = /\bDispatch\b|\basync\b|\bawait\b|\bTask\b\s*[{(.]|\bCodable\b|\bMirror\b|\bCommandLine\b/
        #expect(violations(of: words, in: files).isEmpty)
    }

    @Test("errors are typed and none is dropped")
    func errors() {
        #expect(violations(of: /\bthrows\b(?!\()/, in: files).isEmpty, "a bare throws")
        #expect(violations(of: /\btry!/, in: files).isEmpty)
        #expect(violations(of: /\bany [A-Z]/, in: files).isEmpty, "an existential")
        let unexplained = files.flatMap { file in
            file.code.filter { $0.text.contains("try?") }.filter { (number, _) in
                let here = file.lines[number - 1]
                let above = number > 1 ? file.lines[number - 2].drop { $0 == " " } : ""
                return !here.contains("// ") && !above.hasPrefix("//")
            }.map { "\(file.path):\($0.number)" }
        }
        #expect(unexplained.isEmpty, "a try? without its reason")
    }

    @Test("unsafe code lives where it is expected")
    func unsafeCode() {
        let rest = except("Kernel", "JSON", "Seccomp", "ContainerInit", "Diagnostics").filter { !$0.path.hasPrefix("ImageUnpack/Codec/") && !$0.path.hasPrefix("ImageUnpack/Threads/") }
        #expect(violations(of: /\bunsafe\b/, in: rest).isEmpty)
    }

    @Test("no path below a rootfs is joined as text")
    func rootfsPaths() {
        #expect(violations(of: /\brootfs(?:\.path|\.text)?\s*\+/, in: files).isEmpty)
        #expect(violations(of: /\\\(rootfs[^)]*\)\//, in: files).isEmpty)
    }

    @Test("names say what a thing is")
    func names() {
        let vague = /\b(?:class|struct|enum|protocol|actor)\s+\w*(?:Manager|Helper|Utils|Util|Handler|Impl|Common)\b/
        #expect(violations(of: vague, in: files).isEmpty)
        #expect(files.filter { $0.path.contains(/(?:Manager|Helper|Utils|Handler|Impl|Common)\.swift$/) }.map { $0.path }.isEmpty)
    }

    @Test("open points are kept in spec-notes, not in the sources")
    func openPoints() {
        let marked = files.flatMap { file in
            file.lines.enumerated().filter { $0.element.contains(/\b(?:TODO|FIXME|XXX)\b/) }.map { "\(file.path):\($0.offset + 1)" }
        }
        #expect(marked.isEmpty)
    }

    @Test("descriptors have owners: bare numbers are for Kernel and ContainerInit, and for naming one in /proc/self/fd or poll(2)")
    func descriptors() {
        let rest = except("Kernel", "ContainerInit", "JSON")
        let bare = violations(of: /\b[a-z]\w*\.raw\b/, in: rest).filter { !$0.contains("poll(") && !$0.contains("wanted(") && !$0.contains("resizing:") }
        #expect(bare.isEmpty)
    }

    @Test("every type that other modules see is explained")
    func documentation() {
        var silent: [String] = []
        for file in files {
            for (index, line) in file.lines.enumerated() {
                guard line.contains(/^ *(?:@\w+ )*(?:package|public) (?:static |mutating |consuming |borrowing |final |indirect )*(?:struct|enum|class|protocol)\b/) else { continue }
                var above = index - 1
                while above >= 0, file.lines[above].drop(while: { $0 == " " }).hasPrefix("@") { above -= 1 }
                if above < 0 || !file.lines[above].drop(while: { $0 == " " }).hasPrefix("///") { silent.append("\(file.path):\(index + 1)") }
            }
        }
        #expect(silent.isEmpty)
    }
}
