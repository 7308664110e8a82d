import Diagnostics
package import Kernel

/// What criu wrote about its work.
package enum CriuLog {
    /// A dump.log of a large container has megabytes; what went wrong stands at its end.
    private static var limit: Int64 { 256 << 10 }

    /// The last `count` errors in the text of a log, without the line that only says that it failed, without times and places in criu's sources.
    ///
    /// Of a page server that does not answer criu tells in a line that is not marked as an error.
    package static func errors(in text: [UInt8], last count: Int = 3) -> [String] {
        var found: [String] = []
        for line in text.split(separator: UInt8(ascii: "\n")) {
            guard let message = message(Array(line)) else { continue }
            if message == "Dumping FAILED." || message == "Restoring FAILED." || message == "Pre-dumping FAILED." || found.last == message { continue }
            found.append(message)
        }
        return Array(found.suffix(count))
    }

    /// "Can't lookup mount=22" of "(00.122588)      1: Error (criu/files-reg.c:1710): Can't lookup mount=22"; nil for a line that is no error.
    private static func message(_ line: [UInt8]) -> String? {
        guard let start = place(of: "Error (", in: line) else {
            return place(of: "Can't connect to server ", in: line).map { String(decoding: line[$0...], as: UTF8.self) }
        }
        let rest = line[start...]
        guard let close = rest.firstIndex(of: UInt8(ascii: ")")) else { return nil }
        let text = String(decoding: rest[(close + 1)...].drop { $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: " ") }, as: UTF8.self)
        return text.isEmpty ? nil : text
    }

    private static func place(of words: String, in line: [UInt8]) -> Int? {
        let mark = Array(words.utf8)
        return line.indices.first { line[$0...].starts(with: mark) }
    }

    /// Whether `words` stand in `message`.
    package static func says(_ message: String, _ words: String) -> Bool { place(of: words, in: Array(message.utf8)) != nil }

    /// The errors at the end of the log `name` in `directory`; none when it cannot be read.
    package static func errors(of name: Path, in directory: borrowing FileDescriptor) -> [String] {
        do throws(Errno) {
            let file = try directory.open(name, [.readOnly, .noFollow, .nonBlocking])
            guard try file.status().kind == .regular else { return [] }
            let size = try file.status().size
            return errors(in: try file.read(atMost: Int(limit), at: max(0, size - limit)))
        } catch {
            return []  // criu failed before it had a log; its own stderr is asked next
        }
    }
}
