import CLI
import Testing

@Suite("times") struct DurationTests {
    @Test("what Go programs take", arguments: [
        ("5s", 5000), ("500ms", 500), ("1m30s", 90000), ("1.5h", 5_400_000), ("2h45m0.5s", 9_900_500), ("1000us", 1), ("1000µs", 1), ("0s", 0), ("1ns", 0), (".5s", 500),
        ("5.s", 5000),
    ] as [(String, Int64)])
    func times(text: String, milliseconds: Int64) { #expect(durationMilliseconds(text) == milliseconds) }

    @Test("anything else", arguments: ["", "5", "s", "-5s", "5x", "5 s", "1.5.5s", ".s", "5s5", "1e3s", "99999999999h", "999999999999999999999999999999999s"])
    func refused(text: String) { #expect(durationMilliseconds(text) == nil) }
}
