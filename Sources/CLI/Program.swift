/// A program with its commands: the one declaration from which everything about its command line is made.
///
/// `help`, `completion` and `man` are commands of every program, `--help` and `--version` options of every program; they are
/// added here and not declared.
package struct Program: Equatable, Sendable {
    /// The name that man pages and files carry: "cale".
    package let name: String
    /// The name under which the program was called; usage, version and errors carry it.
    package var invokedName: String
    /// One line in lower case without a full stop.
    package let summary: String
    /// Paragraphs, as in `Command`.
    package let discussion: [String]
    /// "0.1.0".
    package let version: String
    /// The lines after "NAME version X": "commit: …".
    package let versionDetails: [String]
    /// The declared options and `--help`, `--version`.
    package let globalOptions: [Option]
    /// The declared commands and `help`, `completion`, `man`.
    package let commands: [Command]
    package let examples: [Example]
    package let exitStatuses: [Term]
    /// Those of a command that declares none of its own.
    package let usualExitStatuses: [Term]
    package let environment: [Term]
    package let files: [Term]
    /// What only the manual page has room for.
    package let chapters: [Chapter]

    /// - Parameter usualExitStatuses: empty when they are the same as `exitStatuses`.
    package init(
        _ name: String, summary: String, discussion: [String] = [], version: String, versionDetails: [String] = [],
        globalOptions: [Option] = [], commands: [Command], examples: [Example] = [], exitStatuses: [Term] = [],
        usualExitStatuses: [Term] = [], environment: [Term] = [], files: [Term] = [], chapters: [Chapter] = []
    ) {
        self.name = name
        self.invokedName = name
        self.summary = summary
        self.discussion = discussion
        self.version = version
        self.versionDetails = versionDetails
        self.globalOptions = globalOptions + [.help, .version]
        self.commands = commands + [.help, .completion, .man]
        self.examples = examples
        self.exitStatuses = exitStatuses
        self.usualExitStatuses = usualExitStatuses.isEmpty ? exitStatuses : usualExitStatuses
        self.environment = environment
        self.files = files
        self.chapters = chapters
    }

    /// The same program called as `argument0`, of which the last component counts. An empty one changes nothing.
    package consuming func called(_ argument0: String) -> Program {
        let last = argument0.utf8.split(separator: UInt8(ascii: "/")).last.map { String(Substring($0)) } ?? ""
        if !last.isEmpty { invokedName = last }
        return self
    }

    /// The command called `name` or with that alias.
    package func command(named name: String) -> Command? {
        commands.first { $0.name == name || $0.aliases.contains(name) }
    }

    /// "cale version 0.1.0" and the lines after it.
    package var versionText: String {
        var text = invokedName + " version " + version + "\n"
        for line in versionDetails { text += line + "\n" }
        return text
    }

    var visibleCommands: [Command] { commands.filter { !$0.isHidden } }
    var visibleGlobalOptions: [Option] { globalOptions.filter { !$0.isHidden } }

    /// `text` with the name under which the program was called for "%prog".
    func named(_ text: String) -> String { replacing("%prog", in: text, by: invokedName) }
}

/// A line of a table in help: an exit status, an environment variable, a file, and what it means.
package struct Term: Equatable, Sendable {
    package let name: String
    package let meaning: String

    package init(_ name: String, _ meaning: String) {
        self.name = name
        self.meaning = meaning
    }
}

/// A section of the program's manual page.
package struct Chapter: Equatable, Sendable {
    /// In capitals: "ANNOTATIONS".
    package let heading: String
    /// Paragraphs before the terms, as in `Command.discussion`.
    package let paragraphs: [String]
    package let terms: [Term]

    package init(_ heading: String, _ paragraphs: [String], terms: [Term] = []) {
        self.heading = heading
        self.paragraphs = paragraphs
        self.terms = terms
    }
}

/// `text` with every `pattern` (not empty) replaced.
func replacing(_ pattern: String, in text: String, by replacement: String) -> String {
    let pattern = Array(pattern.utf8)
    let source = Array(text.utf8)
    if source.count < pattern.count { return text }
    var out: [UInt8] = []
    out.reserveCapacity(source.count)
    var index = 0
    while index < source.count {
        if index + pattern.count <= source.count && source[index..<(index + pattern.count)].elementsEqual(pattern) {
            out += replacement.utf8
            index += pattern.count
        } else {
            out.append(source[index])
            index += 1
        }
    }
    return String(decoding: out, as: UTF8.self)
}
