import Diagnostics
import Foundation
import Testing

@Suite struct RFC3339Tests {
    static let second: Int64 = 1_000_000_000

    @Test(arguments: [
        (0, "1970-01-01T00:00:00Z"), (1, "1970-01-01T00:00:00.000000001Z"), (-1, "1969-12-31T23:59:59.999999999Z"),
        (500_000_000, "1970-01-01T00:00:00.5Z"), (-500_000_000, "1969-12-31T23:59:59.5Z"),
        (1_795_514_400_123_456_789, "2026-11-24T10:00:00.123456789Z"), (1_795_514_400_120_000_000, "2026-11-24T10:00:00.12Z"),
        (951_782_400 * second, "2000-02-29T00:00:00Z"), (951_868_800 * second, "2000-03-01T00:00:00Z"),
        (1_709_164_800 * second, "2024-02-29T00:00:00Z"), (4_107_455_999 * second, "2100-02-27T23:59:59Z"),
        (4_107_542_399 * second, "2100-02-28T23:59:59Z"), (4_107_542_400 * second, "2100-03-01T00:00:00Z"),
        (-2_203_977_600 * second, "1900-02-28T00:00:00Z"), (-2_203_891_200 * second, "1900-03-01T00:00:00Z"),
        (Int64.max, "2262-04-11T23:47:16.854775807Z"), (Int64.min, "1677-09-21T00:12:43.145224192Z"),
    ] as [(Int64, String)])
    func both(nanoseconds: Int64, text: String) {
        #expect(RFC3339.text(nanoseconds: nanoseconds) == text)
        #expect(RFC3339.nanoseconds(text) == nanoseconds)
    }

    @Test func wholeSeconds() {
        #expect(RFC3339.seconds(nanoseconds: 1_999_999_999) == "1970-01-01T00:00:01Z")
        #expect(RFC3339.seconds(nanoseconds: -1) == "1969-12-31T23:59:59Z")
    }

    @Test func offsets() {
        let noon = RFC3339.nanoseconds("2026-11-24T12:00:00Z")
        #expect(noon != nil)
        #expect(RFC3339.nanoseconds("2026-11-24T13:30:00+01:30") == noon)
        #expect(RFC3339.nanoseconds("2026-11-23T23:00:00-13:00") == noon)
        #expect(RFC3339.nanoseconds("2026-11-24T12:00:00-00:00") == noon)
        #expect(RFC3339.nanoseconds("2024-03-01T00:30:00+01:00") == RFC3339.nanoseconds("2024-02-29T23:30:00Z"))
        #expect(RFC3339.nanoseconds("1970-01-01T00:00:00.1234567899Z") == 123_456_789)
        #expect(RFC3339.nanoseconds("1969-12-31T23:59:59.25Z") == -750_000_000)
    }

    @Test("anything else is refused", arguments: [
        "", "Z", "2026-11-24", "2026-11-24T10:00:00", "2026-11-24 10:00:00Z", "2026-11-24t10:00:00z", "2026-11-24T10:00Z", "2026-11-24T10:00:00.Z",
        "2026-11-24T10:00:00Z ", " 2026-11-24T10:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-04-31T00:00:00Z",
        "2026-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "2026-01-00T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z",
        "2016-12-31T23:59:60Z", "2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00+01:60", "2026-01-01T00:00:00+0100", "2026-01-01T00:00:00+01",
        "26-01-01T00:00:00Z", "+026-01-01T00:00:00Z", "2026-1-01T00:00:00Z", "2262-04-11T23:47:16.854775808Z", "1677-09-21T00:12:43.145224191Z",
        "9999-12-31T23:59:59Z", "0000-01-01T00:00:00Z", "2026-01-01T00:00:00,5Z", "2026-01-01T00:00:00ZZ", "２026-01-01T00:00:00Z",
    ])
    func refused(text: String) { #expect(RFC3339.nanoseconds(text) == nil) }

    @Test("every day from 1678 to 2261 is where Foundation's calendar has it")
    func everyDay() throws {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = try #require(TimeZone(identifier: "UTC"))
        // Foundation's calendar is the Julian one before 1582, which an Int64 of nanoseconds does not reach.
        for days in stride(from: -106_000, through: 106_000, by: 1) {
            let text = RFC3339.seconds(nanoseconds: Int64(days) * 86400 * Self.second)
            #expect(RFC3339.nanoseconds(text) == Int64(days) * 86400 * Self.second)
            if days % 31 == 0 {
                let parts = calendar.dateComponents([.year, .month, .day], from: Date(timeIntervalSince1970: Double(days) * 86400))
                let expected = String(format: "%04d-%02d-%02dT00:00:00Z", parts.year ?? 0, parts.month ?? 0, parts.day ?? 0)
                #expect(text == expected)
            }
        }
    }
}
