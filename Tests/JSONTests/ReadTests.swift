import Diagnostics
import JSON
import Testing

/// What `body` gives for the text, or the error's words.
private func read(_ text: String, _ body: (JSONValue) throws(OperationError) -> String) -> String {
    do throws(OperationError) {
        let document = try JSONDocument(parsing: Array(text.utf8), source: "a.json")
        return try document.decode(body)
    } catch {
        return error.description
    }
}

private func integer<Integer: FixedWidthInteger>(_ text: String, _: Integer.Type) -> String {
    read(text) { (value) throws(OperationError) in String(try value.integer(Integer.self)) }
}

@Suite("Integers at their borders")
struct IntegerTests {
    @Test func unsigned64() {
        #expect(integer("18446744073709551615", UInt64.self) == "18446744073709551615")
        #expect(integer("9223372036854775807", UInt64.self) == "9223372036854775807")
        #expect(integer("9223372036854775808", UInt64.self) == "9223372036854775808")
        #expect(integer("0", UInt64.self) == "0")
        #expect(integer("-0", UInt64.self) == "0")
        #expect(integer("-1", UInt64.self) == "read \"a.json\": -1 is out of range (0 to 18446744073709551615)")
    }

    @Test func signed64() {
        let range = "is out of range (-9223372036854775808 to 9223372036854775807)"
        #expect(integer("-9223372036854775808", Int64.self) == "-9223372036854775808")
        #expect(integer("9223372036854775807", Int64.self) == "9223372036854775807")
        #expect(integer("9223372036854775808", Int64.self) == "read \"a.json\": 9223372036854775808 \(range)")
        #expect(integer("18446744073709551615", Int64.self) == "read \"a.json\": 18446744073709551615 \(range)")
    }

    @Test func smaller() {
        #expect(integer("4294967295", UInt32.self) == "4294967295")
        for number in ["4294967296", "18446744073709551615", "9223372036854775807", "-9223372036854775808"] {
            #expect(integer(number, UInt32.self) == "read \"a.json\": \(number) is out of range (0 to 4294967295)")
        }
        #expect(integer("-2147483648", Int32.self) == "-2147483648")
        #expect(integer("-2147483649", Int32.self) == "read \"a.json\": -2147483649 is out of range (-2147483648 to 2147483647)")
        #expect(integer("256", UInt8.self) == "read \"a.json\": 256 is out of range (0 to 255)")
    }

    @Test("no fraction, no exponent", arguments: ["1.0", "1e3", "1E0", "-0.0"])
    func fraction(text: String) {
        #expect(integer(text, Int64.self) == "read \"a.json\": expected an integer, found a number with a fraction or an exponent")
    }

    @Test func otherTypes() {
        #expect(integer("\"1\"", Int64.self) == "read \"a.json\": expected an integer, found a string; hint: write a number without quotes and without a unit")
        #expect(integer("true", Int64.self) == "read \"a.json\": expected an integer, found a boolean")
        #expect(integer("null", Int64.self) == "read \"a.json\": expected an integer, found null")
    }
}

@Suite("Reading by type and path")
struct ReadTests {
    private func string(_ text: String) -> String {
        read(text) { (value) throws(OperationError) in try value.object().requiredString("key") }
    }

    @Test func wrongTypes() {
        #expect(string("{\"key\": []}") == "read \"a.json\" (key): expected a string, found an array")
        #expect(string("{\"key\": {}}") == "read \"a.json\" (key): expected a string, found an object")
        #expect(string("{\"key\": 1}") == "read \"a.json\" (key): expected a string, found an integer")
        #expect(string("{\"key\": 1.5}") == "read \"a.json\" (key): expected a string, found a number with a fraction or an exponent")
        #expect(string("{\"key\": false}") == "read \"a.json\" (key): expected a string, found a boolean")
        #expect(string("[]") == "read \"a.json\": expected an object, found an array")
        #expect(string("null") == "read \"a.json\": expected an object, found null")
    }

    @Test("missing and null are the same, and keys are exact")
    func missing() {
        #expect(string("{}") == "read \"a.json\" (key): this property is required")
        #expect(string("{\"key\": null}") == "read \"a.json\" (key): this property is required")
        #expect(string("{\"Key\": \"\"}") == "read \"a.json\" (key): this property is required")
    }

    @Test("a string with NUL is refused where it is read")
    func nul() {
        #expect(string("{\"key\": \"a\\u0000b\"}") == "read \"a.json\" (key): the string contains a NUL character")
        #expect(string("{\"key\": \"a\", \"other\": \"\\u0000\"}") == "a")
    }

    @Test func booleans() {
        func boolean(_ text: String) -> String {
            read(text) { (value) throws(OperationError) in
                guard let found = try value.object().boolean("key") else { return "nil" }
                return found ? "yes" : "no"
            }
        }
        #expect(boolean("{\"key\": true}") == "yes")
        #expect(boolean("{\"key\": false}") == "no")
        #expect(boolean("{\"key\": null}") == "nil")
        #expect(boolean("{}") == "nil")
        #expect(boolean("{\"key\": 1}") == "read \"a.json\" (key): expected true or false, found an integer")
        #expect(boolean("{\"key\": \"true\"}") == "read \"a.json\" (key): expected true or false, found a string; hint: write it without quotes")
    }

    @Test(
        "the path of a nested value",
        arguments: [
            ("[{\"map\": {\"a\": \"b\"}}, {}]", "1,0"),
            ("[{}, {\"map\": {\"a\": 1}}]", "read \"a.json\" (list[1].map.a): expected a string, found an integer"),
            ("[{\"map\": {\"a.b\": 1}}]", "read \"a.json\" (list[0].map[\"a.b\"]): expected a string, found an integer"),
            ("[{\"map\": {\"\": 1}}]", "read \"a.json\" (list[0].map[\"\"]): expected a string, found an integer"),
            ("[{\"map\": {\"a\": null}}]", "read \"a.json\" (list[0].map.a): expected a string, found null"),
            ("[null]", "read \"a.json\" (list[0]): expected an object, found null"),
            ("{}", "read \"a.json\" (list): expected an array, found an object"),
            ("[{\"map\": {\"\\u001b[2J\": 1}}]", "read \"a.json\" (list[0].map[\"\\u{1b}[2J\"]): expected a string, found an integer"),
        ])
    func paths(list: String, words: String) {
        let found = read("{\"list\": \(list)}") { (value) throws(OperationError) in
            let counts = try value.object().array("list") { (value) throws(OperationError) in
                try value.object().stringMap("map")?.count ?? 0
            }
            return (counts ?? []).map { String($0) }.joined(separator: ",")
        }
        #expect(found == words)
    }

    @Test("entries come in the order of the text")
    func order() {
        let text = read("{\"z\":\"1\",\"a\":\"2\",\"m\":\"3\"}") { (value) throws(OperationError) in
            let entries = try value.object().entries { (value) throws(OperationError) in try value.string() }
            return entries.map { $0.key + $0.value }.joined()
        }
        #expect(text == "z1a2m3")
    }
}
