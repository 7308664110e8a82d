/// How help is dressed: with terminal control sequences, or not.
package struct Style: Equatable, Sendable {
    let isBold: Bool

    package static var plain: Style { Style(isBold: false) }
    package static var bold: Style { Style(isBold: true) }

    /// Bold on a terminal that can show it to people who want it.
    ///
    /// - Parameters:
    ///   - noColor: the value of `NO_COLOR`; any text but the empty one forbids styles. Source: no-color.org.
    ///   - terminal: the value of `TERM`; "dumb" and none have no styles.
    package init(isTerminal: Bool, noColor: String?, terminal: String?) {
        isBold = isTerminal && (noColor ?? "").isEmpty && !(terminal ?? "").isEmpty && terminal != "dumb"
    }

    private init(isBold: Bool) { self.isBold = isBold }

    func strong(_ text: String) -> String { isBold ? "\u{1B}[1m" + text + "\u{1B}[0m" : text }
}
