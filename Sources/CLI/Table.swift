import Diagnostics

/// Text in columns under a header, as `list` and `ps` print it.
package struct Table: Equatable, Sendable {
    private let header: [String]
    private var rows: [[String]] = []
    private let leastWidth: Int
    private let gap: Int

    /// - Parameters:
    ///   - leastWidth: the columns that a cell takes at least, the gap included. 12, and a gap of 3, is what runc prints.
    package init(_ header: [String], leastWidth: Int = 12, gap: Int = 3) {
        self.header = header
        self.leastWidth = leastWidth
        self.gap = gap
    }

    /// Adds a row of as many cells as the header has. Control characters in them are escaped.
    package mutating func add(_ cells: [String]) {
        precondition(cells.count == header.count, "a row has as many cells as the header")
        rows.append(cells.map { escaped($0) })
    }

    /// The header and the rows, a line each; no space ends a line.
    package var text: String {
        var widths = header.map { columns($0) }
        for row in rows {
            for (index, cell) in row.enumerated() { widths[index] = max(widths[index], columns(cell)) }
        }
        var text = ""
        for row in [header] + rows {
            var line = ""
            var missing = 0
            for (index, cell) in row.enumerated() {
                if !cell.isEmpty {
                    line += spaces(missing) + cell
                    missing = 0
                }
                missing += max(widths[index] + gap, leastWidth) - columns(cell)
            }
            text += line + "\n"
        }
        return text
    }
}
