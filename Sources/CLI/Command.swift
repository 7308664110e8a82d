/// A command of a program, declared once.
///
/// In `discussion` and `examples` the text "%prog" stands for the name under which the program was called.
package struct Command: Equatable, Sendable {
    package let name: String
    package let aliases: [String]
    /// One line in lower case without a full stop: "set up a container and leave it ready to start".
    package let summary: String
    /// Paragraphs of whole sentences. One that begins with two spaces is printed as it stands.
    package let discussion: [String]
    package let options: [Option]
    package let arguments: [Argument]
    /// After this many arguments nothing is an option any more: 1 for `exec CONTAINER COMMAND ARGS...`. Nil: options may
    /// stand anywhere before "--".
    package let optionsEndAfter: Int?
    /// What stands after "--" and is kept apart from the arguments; nil when "--" only ends the options.
    package let trailing: Argument?
    package let examples: [Example]
    /// Instead of the program's usual ones, on the manual page.
    package let exitStatuses: [Term]
    /// The variables that the command looks at, on the manual page.
    package let environment: [Term]
    /// Instead of the program's files, on the manual page.
    package let files: [Term]
    /// Names of commands to read about next.
    package let seeAlso: [String]
    /// What people mean who write an option or an argument that the command does not have, as a hint.
    package let advice: String?
    package let isHidden: Bool

    package init(
        _ name: String, aliases: [String] = [], summary: String, discussion: [String] = [], options: [Option] = [],
        arguments: [Argument] = [], optionsEndAfter: Int? = nil, trailing: Argument? = nil, examples: [Example] = [],
        exitStatuses: [Term] = [], environment: [Term] = [], files: [Term] = [], seeAlso: [String] = [], advice: String? = nil,
        hidden: Bool = false
    ) {
        self.name = name
        self.aliases = aliases
        self.summary = summary
        self.discussion = discussion
        self.options = options
        self.arguments = arguments
        self.optionsEndAfter = optionsEndAfter
        self.trailing = trailing
        self.examples = examples
        self.exitStatuses = exitStatuses
        self.environment = environment
        self.files = files
        self.seeAlso = seeAlso
        self.advice = advice
        self.isHidden = hidden
    }

    var visibleOptions: [Option] { options.filter { !$0.isHidden } }

    /// How many arguments there must be at least.
    var leastArguments: Int { arguments.filter { !$0.isOptional }.count }
    /// How many there may be; nil when the last one repeats.
    var mostArguments: Int? { arguments.last?.isRepeating == true ? nil : arguments.count }

    /// The argument that the positional at `index` is.
    func argument(at index: Int) -> Argument? {
        if index < arguments.count { return arguments[index] }
        guard let last = arguments.last, last.isRepeating else { return nil }
        return last
    }

    /// "create [options] CONTAINER".
    var synopsis: String {
        var text = name
        if !visibleOptions.isEmpty { text += " [options]" }
        for argument in arguments { text += " " + argument.synopsis }
        if let trailing { text += trailing.isOptional ? " [-- " + trailing.name + "...]" : " -- " + trailing.name + "..." }
        return text
    }
}

/// A command line to learn from.
package struct Example: Equatable, Sendable {
    /// What the line does, in lower case without a full stop.
    package let purpose: String
    /// The line or lines, with "%prog" for the program's name.
    package let line: String

    package init(_ purpose: String, _ line: String) {
        self.purpose = purpose
        self.line = line
    }
}
