/// Lays out text for a terminal: words are never broken, widths count Unicode scalars.
struct TextLayout {
    /// The columns of a line, 40 at least.
    let width: Int
    private(set) var text = ""

    init(width: Int) { self.width = max(40, width) }

    mutating func line(_ line: String = "") { text += line + "\n" }

    /// `paragraph` broken into lines that begin at column `indent`. One that begins with two spaces is kept as it stands.
    mutating func paragraph(_ paragraph: String, indent: Int = 0) {
        if paragraph.hasPrefix("  ") {
            for part in lines(of: paragraph) { line(spaces(indent) + part) }
        } else {
            for part in wrapped(paragraph, width: width - indent) { line(spaces(indent) + part) }
        }
    }

    /// Names on the left, and what they mean on the right, in one column for all. A name too long for that gets a line of its own.
    mutating func terms(_ terms: [(name: String, meaning: String)], style: Style) {
        let widest = width / 2 - 8
        let fitting = terms.map { columns($0.name) }.filter { $0 <= widest }
        let column = 2 + (fitting.max() ?? widest) + 2
        for term in terms {
            var left = "  " + style.strong(term.name)
            let used = 2 + columns(term.name)
            if used + 2 > column {
                line(left)
                left = spaces(column)
            } else {
                left += spaces(column - used)
            }
            for (index, part) in wrapped(term.meaning, width: width - column).enumerated() {
                line((index == 0 ? left : spaces(column)) + part)
            }
        }
    }
}

/// The columns that `text` takes on a terminal. East Asian wide letters do not occur in our texts.
func columns(_ text: String) -> Int { text.unicodeScalars.count }

func spaces(_ count: Int) -> String { String(repeating: " ", count: max(0, count)) }

func lines(of text: String) -> [String] { text.split(separator: "\n", omittingEmptySubsequences: false).map { String($0) } }

/// `text` in lines of at most `width` columns, broken at spaces. A longer word has a line of its own; U+00A0 becomes a
/// space that no line is broken at.
func wrapped(_ text: String, width: Int) -> [String] {
    var lines: [String] = []
    var line = ""
    for word in text.split(separator: " ") {
        if !line.isEmpty && columns(line) + 1 + word.unicodeScalars.count > width {
            lines.append(line)
            line = ""
        }
        if !line.isEmpty { line += " " }
        line += word
    }
    lines.append(line)
    return lines.map { replacing("\u{A0}", in: $0, by: " ") }
}
