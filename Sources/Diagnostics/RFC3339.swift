/// Points in time as text: "2026-11-24T10:00:00.123456789Z".
///
/// The calendar is the proleptic Gregorian one; nanoseconds in an `Int64` reach from 1677 to 2262.
/// Source: RFC 3339; Go's time.RFC3339Nano, which leaves out zeros at the end of the fraction.
package enum RFC3339 {
    /// `nanoseconds` since 1970 in UTC, with as many of nine digits behind the point as are needed.
    package static func text(nanoseconds: Int64) -> String {
        let (second, fraction) = floorDivided(nanoseconds, 1_000_000_000)
        if fraction == 0 { return dateAndTime(second) + "Z" }
        var digits = padded(fraction, 9)
        while digits.hasSuffix("0") { digits = String(digits.dropLast()) }
        return dateAndTime(second) + "." + digits + "Z"
    }

    /// `nanoseconds` since 1970 in UTC, cut to whole seconds.
    package static func seconds(nanoseconds: Int64) -> String {
        dateAndTime(floorDivided(nanoseconds, 1_000_000_000).quotient) + "Z"
    }

    /// The nanoseconds since 1970 that `text` says; nil when it is not exactly a date, a time and an offset, when there is no
    /// such day or second (leap seconds included), or when it lies outside of 1677 to 2262. Digits after the ninth are dropped.
    package static func nanoseconds(_ text: String) -> Int64? {
        var reader = Reader(rest: Array(text.utf8)[...])
        guard let year = reader.number(4), reader.skip("-"), let month = reader.number(2), reader.skip("-"),
            let day = reader.number(2), reader.skip("T"), let hour = reader.number(2), reader.skip(":"),
            let minute = reader.number(2), reader.skip(":"), let second = reader.number(2)
        else { return nil }
        guard 1...12 ~= month, 1...daysInMonth(month, of: year) ~= day, hour < 24, minute < 60, second < 60 else { return nil }
        guard let fraction = reader.fraction(), let offset = reader.offset(), reader.rest.isEmpty else { return nil }
        let seconds = daysSince1970(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset
        // Before 1970 the product of the seconds alone may not fit where the sum does.
        let (wide, carry) = seconds < 0 ? (seconds + 1, fraction - 1_000_000_000) : (seconds, fraction)
        let (product, overflow) = wide.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, tooFar) = product.addingReportingOverflow(carry)
        return overflow || tooFar ? nil : sum
    }

    // MARK: - Calendar

    private static func dateAndTime(_ second: Int64) -> String {
        let (days, secondOfDay) = floorDivided(second, 86400)
        let (year, month, day) = date(days)
        return padded(year, 4) + "-" + padded(month, 2) + "-" + padded(day, 2) + "T" + padded(secondOfDay / 3600, 2) + ":"
            + padded(secondOfDay / 60 % 60, 2) + ":" + padded(secondOfDay % 60, 2)
    }

    /// The days from 1970-01-01 to a date. Years are counted from March, so that a leap day is the last of its year.
    private static func daysSince1970(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let shifted = month > 2 ? year : year - 1
        let (era, yearOfEra) = floorDivided(shifted, 400)
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    private static func date(_ daysSince1970: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let (era, dayOfEra) = floorDivided(daysSince1970 + 719_468, 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }

    private static func daysInMonth(_ month: Int64, of year: Int64) -> Int64 {
        switch month {
        case 4, 6, 9, 11: 30
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        default: 31
        }
    }

    private static func floorDivided(_ value: Int64, _ divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }

    private static func padded(_ value: Int64, _ digits: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
    }
}

/// Takes a time stamp apart from its beginning.
private struct Reader {
    var rest: ArraySlice<UInt8>

    mutating func skip(_ letter: Unicode.Scalar) -> Bool {
        guard let first = rest.first, UInt32(first) == letter.value else { return false }
        rest = rest.dropFirst()
        return true
    }

    /// Exactly `digits` decimal digits.
    mutating func number(_ digits: Int) -> Int64? {
        guard rest.count >= digits else { return nil }
        var value: Int64 = 0
        for _ in 0..<digits {
            guard let digit = self.digit() else { return nil }
            value = value * 10 + digit
        }
        return value
    }

    /// The nanoseconds of ".5"; 0 without a point; nil for a point without digits.
    mutating func fraction() -> Int64? {
        guard skip(".") else { return 0 }
        guard var value = digit() else { return nil }
        var count = 1
        while let digit = digit() {
            if count < 9 { value = value * 10 + digit }
            count += 1
        }
        while count < 9 {
            value *= 10
            count += 1
        }
        return value
    }

    /// The seconds east of UTC of "Z" or "+01:30".
    mutating func offset() -> Int64? {
        if skip("Z") { return 0 }
        let isEast = skip("+")
        guard isEast || skip("-"), let hours = number(2), skip(":"), let minutes = number(2), hours < 24, minutes < 60 else { return nil }
        return (hours * 3600 + minutes * 60) * (isEast ? 1 : -1)
    }

    private mutating func digit() -> Int64? {
        guard let first = rest.first, UInt8(ascii: "0") <= first, first <= UInt8(ascii: "9") else { return nil }
        rest = rest.dropFirst()
        return Int64(first - UInt8(ascii: "0"))
    }
}
