import CLI
import Testing

@Suite("the log is an interface: callers parse it")
struct LogTests {
    let time: Int64 = 1_795_514_400_999_999_999  // 2026-11-24T10:00:00.999999999Z

    @Test func json() {
        #expect(logLine(.error, "no", time: time, .json) == #"{"level":"error","msg":"no","time":"2026-11-24T10:00:00Z"}"#)
        #expect(logLine(.warning, "a \"b\" \\ \n\t\r\u{8}\u{C}\u{1B}[m\u{7F}\u{202E}é<&>", time: time, .json)
            == #"{"level":"warning","msg":"a \"b\" \\ \n\t\r\b\f\u001b[m\u007f\u202eé<&>","time":"2026-11-24T10:00:00Z"}"#)
        #expect(logLine(.debug, "", time: 0, .json) == #"{"level":"debug","msg":"","time":"1970-01-01T00:00:00Z"}"#)
    }

    @Test func text() {
        #expect(logLine(.error, "mount failed", time: time, .text) == #"time="2026-11-24T10:00:00Z" level=error msg="mount failed""#)
        #expect(logLine(.info, "done", time: time, .text) == #"time="2026-11-24T10:00:00Z" level=info msg=done"#)
        #expect(logLine(.warning, "\"\\\n\u{1B}\u{85}\u{2066}é", time: time, .text)
            == #"time="2026-11-24T10:00:00Z" level=warning msg="\"\\\n\x1b\u0085\u2066é""#)
        #expect(logLine(.info, "a=b", time: time, .text).hasSuffix(#"msg="a=b""#))
    }

    @Test func levels() {
        #expect(LogLevel.debug < .info && LogLevel.info < .warning && LogLevel.warning < .error)
        #expect(LogFormat(rawValue: "json") == .json && LogFormat(rawValue: "xml") == nil)
    }
}
