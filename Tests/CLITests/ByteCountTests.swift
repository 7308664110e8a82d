import CLI
import Testing

@Suite("numbers of bytes") struct ByteCountTests {
    @Test("what runc and docker take", arguments: [
        ("0", 0), ("32", 32), ("32b", 32), ("32B", 32), ("1k", 1024), ("1K", 1024), ("1kb", 1024), ("1KiB", 1024), ("1 kib", 1024), ("5M", 5_242_880),
        ("5m", 5_242_880), ("5MB", 5_242_880), ("1G", 1 << 30), ("2T", 1 << 41), ("1P", 1 << 50), ("1.5k", 1536), ("0.5M", 524_288), ("32.3KB", 33075),
        ("9223372036854775807", Int64.max), ("8191P", 8191 << 50),
    ] as [(String, Int64)])
    func sizes(text: String, bytes: Int64) { #expect(byteCount(text) == bytes) }

    @Test("anything else", arguments: [
        "", " ", "-1", "-5M", "+5", "M", "5X", "5MM", "5Mi b", "5 M ", " 5M", "1.M", ".5M", "1.5.5M", "5,5M", "0x10", "1e3", "8192P", "9223372036854775808",
        "99999999999999999999M", "5M\0", "5µ",
    ])
    func refused(text: String) { #expect(byteCount(text) == nil) }
}
