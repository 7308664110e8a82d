import Diagnostics
import Testing

@testable import JSON

/// The compact text of the value that `bytes` hold, or the error's words.
private func outcome(_ bytes: [UInt8]) -> String {
    do throws(OperationError) {
        let document = try JSONDocument(parsing: bytes, source: "a.json")
        return try document.decode { (value) throws(OperationError) in value.text }
    } catch {
        return error.description
    }
}
private func outcome(_ text: String) -> String { outcome(Array(text.utf8)) }

@Suite("Parsing: what is no JSON is refused with its position")
struct ParseRefusals {
    @Test(
        "the exact words",
        arguments: [
            ("", "the file is empty"),
            (" ", "the text ends in the middle (truncated?)"),
            ("[1", "the text ends in the middle (truncated?)"),
            ("{\"a\": \"b", "the text ends in the middle (truncated?)"),
            ("{\"a\": 1,", "the text ends in the middle (truncated?)"),
            ("\"\\u00", "the text ends in the middle (truncated?)"),
            ("tru", "the text ends in the middle (truncated?)"),
            ("-", "the text ends in the middle (truncated?)"),
            ("[1] x", "unexpected character at byte 4 (line 1, column 5)"),
            ("[1]\n[2]", "unexpected character at byte 4 (line 2, column 1)"),
            ("{\"a\":1,}", "unexpected character at byte 7 (line 1, column 8)"),
            ("[1,]", "unexpected character at byte 3 (line 1, column 4)"),
            ("[,]", "unexpected character at byte 1 (line 1, column 2)"),
            ("{a:1}", "quoted object property name expected at byte 1 (line 1, column 2)"),
            ("{\"a\" 1}", "object property name separator ':' expected at byte 5 (line 1, column 6)"),
            ("[1 2]", "array value separator ',' expected at byte 3 (line 1, column 4)"),
            ("['a']", "unexpected character at byte 1 (line 1, column 2)"),
            ("[1] // c", "unexpected character at byte 4 (line 1, column 5)"),
            ("/* c */ [1]", "unexpected character at byte 0 (line 1, column 1)"),
            ("[True]", "boolean expected at byte 1 (line 1, column 2)"),
            ("[tRUE]", "boolean expected at byte 2 (line 1, column 3)"),
            ("[NULL]", "null expected at byte 2 (line 1, column 3)"),
            ("[\"\\q\"]", "invalid string sequence at byte 3 (line 1, column 4)"),
            ("[0x10]", "number expected at byte 2 (line 1, column 3)"),
            ("[+1]", "unexpected character at byte 1 (line 1, column 2)"),
            ("[01]", "number expected at byte 3 (line 1, column 4)"),
            ("\u{feff}[1]", "a byte order mark, which JSON must not have, at byte 0 (line 1, column 1)"),
        ])
    func parserRefusal(text: String, words: String) {
        #expect(outcome(text) == "parse \"a.json\": " + words)
    }

    @Test(
        "what json-c lets pass",
        arguments: [
            ("[NaN]", "NaN is no JSON number at byte 1 (line 1, column 2)"),
            ("[Infinity]", "Infinity is no JSON number at byte 1 (line 1, column 2)"),
            ("[-Infinity]", "Infinity is no JSON number at byte 1 (line 1, column 2)"),
            ("[-01]", "a number must not begin with a zero at byte 1 (line 1, column 2)"),
            ("[1.]", "digits are missing after the decimal point at byte 3 (line 1, column 4)"),
            ("[\"a\nb\"]", "control character in a string at byte 3 (line 1, column 4)"),
            ("[\"\t\"]", "control character in a string at byte 2 (line 1, column 3)"),
            ("{\"a\u{1}\":1}", "control character in a string at byte 3 (line 1, column 4)"),
            ("[18446744073709551616]", "the integer does not fit into 64 bits at byte 1 (line 1, column 2)"),
            ("[99999999999999999999999]", "the integer does not fit into 64 bits at byte 1 (line 1, column 2)"),
            ("[1,\n -9223372036854775809]", "the integer does not fit into 64 bits at byte 5 (line 2, column 2)"),
            ("[-18446744073709551615]", "the integer does not fit into 64 bits at byte 1 (line 1, column 2)"),
            ("{\"path\\u0000x\": \"/\"}", "a key contains a NUL character at byte 1 (line 1, column 2)"),
            ("{\"\\u0000\"\n:1}", "a key contains a NUL character at byte 1 (line 1, column 2)"),
        ])
    func lexisRefusal(text: String, words: String) {
        #expect(outcome(text) == "parse \"a.json\": " + words)
    }

    @Test(
        "text that is not UTF-8",
        arguments: [
            [0xFF], [0x80], [0xC0, 0x80], [0xC1, 0xBF], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF],
            [0xF0, 0x80, 0x80, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xE2, 0x82], [0xF0, 0x9F, 0x98], [0xC2],
        ] as [[UInt8]])
    func invalidUTF8(bytes: [UInt8]) {
        let words = outcome(Array("[\"".utf8) + bytes + Array("\"]".utf8))
        #expect(words.hasPrefix("parse \"a.json\": invalid"), "\(words)")
        #expect(words.contains(" at byte "), "\(words)")
    }

    @Test("a NUL byte ends no text early")
    func rawNUL() {
        for (before, after) in [("[1]", "[2]"), ("[1]", ""), ("[1,", "2]"), ("[\"a", "b\"]"), ("{\"a", "\":1}"), ("1", "2"), ("1", ""), ("", "1")] {
            let words = outcome(Array(before.utf8) + [0] + Array(after.utf8))
            #expect(words.hasPrefix("parse \"a.json\": "), "\(before) NUL \(after): \(words)")
        }
    }

    @Test("every beginning of a text is refused")
    func everyTruncation() {
        let text = Array("{\"a\": [1, -2.5e3, \"x\\n\\u00e9\", true, null, {\"b\": {}}]}".utf8)
        #expect(!outcome(text).hasPrefix("parse"))
        for length in 0..<text.count {
            #expect(outcome(Array(text[..<length])).hasPrefix("parse \"a.json\": "), "\(length) bytes")
        }
    }

    @Test("nesting is limited")
    func depth() {
        func nested(_ depth: Int) -> String { String(repeating: "[", count: depth) + String(repeating: "]", count: depth) }
        let limit = Int(JSONDocument.depthLimit)
        #expect(outcome(nested(limit - 1)) == nested(limit - 1))
        #expect(outcome(nested(limit + 1)) == "parse \"a.json\": nesting too deep at byte \(limit) (line 1, column \(limit + 1))")
        #expect(outcome(String(repeating: "[", count: 100_000)).contains("nesting too deep"))
        #expect(outcome(String(repeating: "{\"a\":", count: 100_000)).contains("nesting too deep"))
    }
}

@Suite("Parsing: what is JSON is taken")
struct ParseAcceptance {
    @Test(
        "any value, with space around it",
        arguments: [
            ("1", "1"), (" \t\r\n[ 1 , 2 ]\r\n", "[1,2]"), ("true", "true"), ("null", "null"), ("\"a\"", "\"a\""), ("{}", "{}"),
            ("[]", "[]"), ("0", "0"), ("[-0]", "[0]"), ("[1E400]", "[1E400]"), ("[1.5e-3]", "[1.5e-3]"), ("\"/\\/\"", "\"//\""),
        ])
    func value(text: String, compact: String) {
        #expect(outcome(text) == compact)
    }

    @Test("strings are exact")
    func strings() throws {
        let text =
            "[\"\\u00e9\\ud83d\\ude00 \\\"\\\\\\b\\f\\n\\r\\t\", \"é😀\u{7f}\u{2028}\", \"\\ud800\", \"\\\\u0000\", \"\u{10ffff}\"]"
        let document = try JSONDocument(parsing: Array(text.utf8), source: "a.json")
        let strings = try document.decode { (value) throws(OperationError) in try value.strings() }
        // A surrogate alone has no meaning; json-c and Go give the replacement character.
        #expect(strings == ["é😀 \"\\\u{8}\u{c}\n\r\t", "é😀\u{7f}\u{2028}", "\u{fffd}", "\\u0000", "\u{10ffff}"])
    }

    @Test("of equal keys the last one counts, as in Go")
    func duplicateKeys() { #expect(outcome("{\"a\":1,\"b\":2,\"a\":3}") == "{\"a\":3,\"b\":2}") }
}
