/// An option of a program or a command, declared once: parsing, help, man pages and completions all read this.
package struct Option: Equatable, Sendable {
    /// The long name without dashes: "bundle".
    package let name: String
    /// Further long names that mean the same.
    package let aliases: [String]
    /// The short name: "b".
    package let letter: Unicode.Scalar?
    /// What the value is called in help: "DIR". Nil makes the option a switch.
    package let value: String?
    /// The only values that are accepted; empty when any value is.
    package let words: [String]
    /// What a shell offers as the value. Unused when `words` are given.
    package let completes: Completion
    /// What holds when the option is absent, in words for help; nothing is filled in by the parser.
    package let defaultText: String?
    /// Whether several uses add up. Otherwise the last one wins.
    package let isRepeatable: Bool
    /// Whether help, man pages and completions leave it out.
    package let isHidden: Bool
    /// One or two sentences in lower case without a full stop at the end.
    package let help: String

    package init(
        _ name: String, _ letter: Unicode.Scalar? = nil, aliases: [String] = [], value: String? = nil,
        words: [String] = [], completes: Completion = .nothing, default defaultText: String? = nil,
        repeatable: Bool = false, hidden: Bool = false, help: String
    ) {
        self.name = name
        self.aliases = aliases
        self.letter = letter
        self.value = value
        self.words = words
        self.completes = completes
        self.defaultText = defaultText
        self.isRepeatable = repeatable
        self.isHidden = hidden
        self.help = help
    }

    /// Whether the option takes no value.
    package var isSwitch: Bool { value == nil }

    /// What a shell offers as the value.
    var completion: Completion { words.isEmpty ? completes : .words(words) }

    /// "--bundle" and every other long name, with their dashes.
    var longNames: [String] { ["--" + name] + aliases.map { "--" + $0 } }

    /// "--bundle", its aliases and "-b".
    var allNames: [String] {
        guard let letter else { return longNames }
        return longNames + ["-" + String(letter)]
    }

    /// "--bundle DIR", or "--all" for a switch.
    var synopsis: String {
        guard let value else { return "--" + name }
        return "--" + name + " " + value
    }

    /// What help adds to the sentence: the words, the default, further names; empty when there is nothing to add.
    var notes: String {
        var notes: [String] = []
        if !words.isEmpty { notes.append(alternatives(words)) }
        if let defaultText { notes.append("default: " + defaultText) }
        if isRepeatable { notes.append("may be repeated") }
        if !aliases.isEmpty { notes.append("also " + joined(aliases.map { "--" + $0 }, ", ")) }
        return notes.isEmpty ? "" : "(" + joined(notes, "; ") + ")"
    }
}

/// What a shell may offer for a value or an argument.
package enum Completion: Equatable, Sendable {
    case nothing
    case files
    case directories
    /// The ids that `PROGRAM list -q` prints.
    case containers
    /// The names of the program's commands.
    case commands
    /// These, without refusing others.
    case words([String])
}

/// A positional argument of a command.
package struct Argument: Equatable, Sendable {
    /// What it is called in help: "CONTAINER".
    package let name: String
    /// One sentence in lower case without a full stop.
    package let help: String
    /// The only values that are accepted; empty when any value is.
    package let words: [String]
    /// What a shell offers. Unused when `words` are given.
    package let completes: Completion
    /// Whether it may be left out. Only arguments at the end can be.
    package let isOptional: Bool
    /// Whether it takes everything that follows. Only the last one can.
    package let isRepeating: Bool

    package init(
        _ name: String, words: [String] = [], completes: Completion = .nothing, optional: Bool = false,
        repeating: Bool = false, help: String
    ) {
        self.name = name
        self.help = help
        self.words = words
        self.completes = completes
        self.isOptional = optional
        self.isRepeating = repeating
    }

    /// What a shell offers.
    var completion: Completion { words.isEmpty ? completes : .words(words) }

    /// "CONTAINER", "[SIGNAL]", "ARG...".
    var synopsis: String {
        let text = isRepeating ? name + "..." : name
        return isOptional ? "[" + text + "]" : text
    }
}

/// `parts` with `separator` between them. Embedded Swift has no `joined` for arrays of strings that is as small.
func joined(_ parts: [String], _ separator: String) -> String {
    var text = ""
    for (index, part) in parts.enumerated() {
        if index > 0 { text += separator }
        text += part
    }
    return text
}

/// "table or json"; "cgroupfs, systemd or disabled".
func alternatives(_ words: [String]) -> String {
    guard let last = words.last, words.count > 1 else { return words.first ?? "" }
    return joined(Array(words.dropLast()), ", ") + " or " + last
}
