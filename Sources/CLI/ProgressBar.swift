import Diagnostics

/// How far something has come, as one line of a terminal. The caller writes it, over the line before.
package struct ProgressBar: Equatable, Sendable {
    /// What is being done: "layer 3 of 5". Control characters are escaped.
    package var label: String
    /// Bytes.
    package var done: UInt64
    /// Bytes; nil when nobody knows.
    package var total: UInt64?
    /// Nil while it is not known yet.
    package var bytesPerSecond: UInt64?

    package init(_ label: String, done: UInt64 = 0, total: UInt64? = nil, bytesPerSecond: UInt64? = nil) {
        self.label = label
        self.done = done
        self.total = total
        self.bytesPerSecond = bytesPerSecond
    }

    /// "layer 3 of 5  [=======>      ]  52%  14.2 MB of 27.1 MB  5.4 MB/s  3 s left", at most `width` columns long.
    ///
    /// On a narrow terminal the time goes first, then the rate, the amount, the bar, and last the end of the label.
    package func line(width: Int) -> String {
        var details = details
        while true {
            let fixed = columns(name) + details.reduce(0) { $0 + 2 + columns($1) }
            let room = width - fixed - 4
            if let fraction, room >= 8 {
                return assembled([name, bar(fraction, inner: min(room, 40))] + details)
            }
            if fixed <= width && (fraction == nil || details.count <= 1) { return assembled([name] + details) }
            if details.isEmpty { break }
            details.removeLast()
        }
        var text = ""
        text.unicodeScalars.append(contentsOf: name.unicodeScalars.prefix(max(0, width)))
        return text
    }

    private var name: String { escaped(label) }

    /// Thousandths; nil without a total. More than all is all.
    private var fraction: UInt64? {
        guard let total else { return nil }
        if total == 0 || done >= total { return 1000 }
        // the quotient is below 1000, since `done` is below `total`
        return total.dividingFullWidth(done.multipliedFullWidth(by: 1000)).quotient
    }

    /// What stands behind the bar, the most important first.
    private var details: [String] {
        var details: [String] = []
        if let fraction {
            let percent = String(fraction / 10)
            details.append(spaces(3 - columns(percent)) + percent + "%")
        }
        if let total { details.append(humanBytes(done) + " of " + humanBytes(total)) } else { details.append(humanBytes(done)) }
        if let bytesPerSecond {
            details.append(humanBytes(bytesPerSecond) + "/s")
            if let total, total > done, bytesPerSecond > 0 {
                let (quotient, remainder) = (total - done).quotientAndRemainder(dividingBy: bytesPerSecond)
                details.append(humanSeconds(remainder == 0 ? quotient : quotient + 1) + " left")
            }
        }
        return details
    }

    private func bar(_ thousandths: UInt64, inner: Int) -> String {
        let filled = inner * Int(min(thousandths, 1000)) / 1000
        if filled == inner { return "[" + String(repeating: "=", count: inner) + "]" }
        return "[" + String(repeating: "=", count: filled) + ">" + spaces(inner - filled - 1) + "]"
    }

    private func assembled(_ parts: [String]) -> String { joined(parts.filter { !$0.isEmpty }, "  ") }
}
