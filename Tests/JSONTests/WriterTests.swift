import Diagnostics
import JSON
import Testing

@Suite("Writing")
struct WriterTests {
    private func sample(_ indentation: Int) -> String {
        var writer = JSONWriter(indentation: indentation)
        writer.object { writer in
            writer.member("a", 1)
            writer.key("list")
            writer.array { writer in
                writer.integer(UInt64.max)
                writer.object { _ in }
                writer.array { _ in }
                writer.null()
            }
            writer.member("b", true)
            writer.member("c", ["x", "y"])
            writer.member("d", [(key: "k", value: "v")])
            writer.key("e")
            writer.verbatim("{\"z\":0}")
        }
        return writer.text
    }

    @Test("on one line")
    func oneLine() {
        let text =
            "{\"a\":1,\"list\":[18446744073709551615,{},[],null],\"b\":true,\"c\":[\"x\",\"y\"],\"d\":{\"k\":\"v\"},\"e\":{\"z\":0}}"
        #expect(sample(0) == text)
    }

    @Test("indented")
    func indented() {
        let text = """
            {
              "a": 1,
              "list": [
                18446744073709551615,
                {},
                [],
                null
              ],
              "b": true,
              "c": [
                "x",
                "y"
              ],
              "d": {
                "k": "v"
              },
              "e": {"z":0}
            }
            """
        #expect(sample(2) == text)
    }

    @Test("a value alone")
    func scalar() {
        var writer = JSONWriter(indentation: 4)
        writer.integer(Int64.min)
        #expect(writer.text == "-9223372036854775808")
    }

    @Test(
        "escapes",
        arguments: [
            ("", "\"\""), ("a/b", "\"a/b\""), ("\"\\", "\"\\\"\\\\\""), ("\n\r\t", "\"\\n\\r\\t\""),
            ("\u{0}\u{1}\u{1f}\u{7f}", "\"\\u0000\\u0001\\u001f\\u007f\""), ("é😀", "\"é😀\""),
        ])
    func escapes(value: String, text: String) { #expect(JSONWriter.quoted(value) == text) }

    @Test("what was written is read back")
    func roundTrip() throws {
        var value = ""
        for number in 1..<0x300 as Range<UInt32> {
            if let scalar = Unicode.Scalar(number) { value.unicodeScalars.append(scalar) }
        }
        let document = try JSONDocument(parsing: Array(JSONWriter.quoted(value).utf8), source: "a.json")
        let read = try document.decode { (value) throws(OperationError) in try value.string() }
        #expect(Array(read.unicodeScalars) == Array(value.unicodeScalars))
    }
}
