import Diagnostics
import Testing

@Suite("the wording of errors is exact")
struct OperationErrorTests {
    @Test func causes() {
        #expect(OperationError("mount", "/proc", .errno(.notPermitted)).description == "mount \"/proc\": Operation not permitted (EPERM)")
        #expect(OperationError("read", "config.json", .invalid("the file is empty")).description == "read \"config.json\": the file is empty")
        #expect(OperationError("start", "", .unsupported("this command")).description == "start: this command is not supported")
        #expect(OperationError("open", "x", .errno(Errno(4711))).description == "open \"x\": unknown error (errno 4711)")
    }

    @Test func allParts() {
        let error = OperationError("mount", "/proc", .errno(.notPermitted), field: "mounts[0]", hint: "procfs needs a pid namespace")
            .within("set up rootfs").within("create \"web\"")
        #expect(error.description
            == "create \"web\": set up rootfs: mount \"/proc\" (mounts[0]): Operation not permitted (EPERM); hint: procfs needs a pid namespace")
        #expect(error.context == ["create \"web\"", "set up rootfs"])
        #expect(error.errno == .notPermitted)
        #expect(OperationError("a", "b", .invalid("c")).errno == nil)
    }

    @Test("the innermost JSON path is kept")
    func field() {
        #expect(OperationError("a", "", .invalid("c")).at(field: "x").at(field: "y").field == "x")
    }

    @Test("a subject from outside cannot write to a terminal or forge a line")
    func subject() {
        #expect(OperationError("open", "a\n\u{1B}[2Jb\"\\\u{202E}", .errno(.noEntry)).description
            == "open \"a\\n\\u{1b}[2Jb\\\"\\\\\\u{202e}\": No such file or directory (ENOENT)")
    }
}

@Suite struct EscapingTests {
    @Test func shown() {
        #expect(escaped("plain ÄÖ 日本 🙂") == "plain ÄÖ 日本 🙂")
        #expect(escaped("") == "")
        #expect(quoted("") == "\"\"")
        #expect(escaped("\n\t\r\"\\") == "\\n\\t\\r\\\"\\\\")
        #expect(escaped("\"a\\u{7}\" is\n", isSentence: true) == "\"a\\u{7}\" is\\n", "what is quoted in a sentence is escaped already")
        #expect(escaped("\r\n") == "\\r\\n", "one character to Swift, two to a terminal")
    }

    @Test("control characters of ASCII and Latin-1")
    func controls() {
        for value in Array(0..<0x20) + Array(0x7F..<0xA0) where ![9, 10, 13].contains(value) {
            let scalar = Unicode.Scalar(UInt32(value))!
            #expect(escaped(String(scalar)) == "\\u{" + String(value, radix: 16) + "}")
        }
        #expect(escaped("\u{A0}") == "\u{A0}")
    }

    @Test("controls of bidirectional text, zero-width letters and line separators")
    func bidirectional() {
        for value: UInt32 in [0x061C, 0x200B, 0x200E, 0x200F, 0x2028, 0x2029, 0x202A, 0x202B, 0x202C, 0x202D, 0x202E, 0x2066, 0x2067, 0x2068, 0x2069, 0xFEFF] {
            let scalar = Unicode.Scalar(value)!
            #expect(escaped("a\(scalar)b") == "a\\u{" + String(value, radix: 16) + "}b")
        }
        #expect(escaped("\u{200A}\u{2010}\u{202F}\u{2065}\u{2070}") != "", "their neighbours")
        #expect(!escaped("\u{200A}\u{2010}\u{2027}\u{202F}\u{2070}").contains("\\"))
    }
}
