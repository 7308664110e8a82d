// Lines of the log, as logrus writes them: containerd, conmon and others parse them.
import Diagnostics

/// How a line of the log looks.
package enum LogFormat: String, Sendable {
    case text, json
}

/// How grave a line of the log is.
package enum LogLevel: String, Comparable, Sendable {
    case debug, info, warning, error

    package static func < (a: LogLevel, b: LogLevel) -> Bool { a.rank < b.rank }

    private var rank: Int {
        switch self {
        case .debug: 0
        case .info: 1
        case .warning: 2
        case .error: 3
        }
    }
}

/// One line of the log, without its newline: `{"level":"error","msg":"…","time":"2026-11-24T10:00:00Z"}`, or
/// `time="2026-11-24T10:00:00Z" level=error msg="…"`.
///
/// - Parameter time: nanoseconds since 1970; whole seconds are written.
package func logLine(_ level: LogLevel, _ message: String, time: Int64, _ format: LogFormat) -> String {
    let stamp = RFC3339.seconds(nanoseconds: time)
    return switch format {
    case .json: "{\"level\":\"" + level.rawValue + "\",\"msg\":" + jsonQuoted(message) + ",\"time\":\"" + stamp + "\"}"
    case .text: "time=\"" + stamp + "\" level=" + level.rawValue + " msg=" + (needsQuotes(message) ? goQuoted(message) : message)
    }
}

/// As logrus' TextFormatter decides. Source: logrus text_formatter.go, needsQuoting.
private func needsQuotes(_ text: String) -> Bool {
    text.utf8.contains { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): false
        default: !"-._/@^+".utf8.contains(byte)
        }
    }
}

/// `text` in double quotes as Go's strconv.Quote writes it; every control and format character is escaped.
private func goQuoted(_ text: String) -> String {
    var out = "\""
    for scalar in text.unicodeScalars {
        switch scalar.value {
        case 0x07: out += "\\a"
        case 0x08: out += "\\b"
        case 0x09: out += "\\t"
        case 0x0A: out += "\\n"
        case 0x0B: out += "\\v"
        case 0x0C: out += "\\f"
        case 0x0D: out += "\\r"
        case 0x22: out += "\\\""
        case 0x5C: out += "\\\\"
        case 0..<0x20, 0x7F: out += "\\x" + hexadecimal(scalar.value, digits: 2)
        default:
            if isInvisible(scalar) { out += "\\u" + hexadecimal(scalar.value, digits: 4) } else { out.unicodeScalars.append(scalar) }
        }
    }
    return out + "\""
}

/// `text` as a JSON string. Source: RFC 8259, section 7.
private func jsonQuoted(_ text: String) -> String {
    var out = "\""
    for scalar in text.unicodeScalars {
        switch scalar.value {
        case 0x08: out += "\\b"
        case 0x09: out += "\\t"
        case 0x0A: out += "\\n"
        case 0x0C: out += "\\f"
        case 0x0D: out += "\\r"
        case 0x22: out += "\\\""
        case 0x5C: out += "\\\\"
        default:
            if scalar.value < 0x20 || isInvisible(scalar) { out += "\\u" + hexadecimal(scalar.value, digits: 4) } else { out.unicodeScalars.append(scalar) }
        }
    }
    return out + "\""
}

private func hexadecimal(_ value: UInt32, digits: Int) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
}
