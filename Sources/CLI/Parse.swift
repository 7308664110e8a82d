// From a command line to a `Request`.
//
// Accepted, as runc (urfave/cli), crun (argp) and getopt_long users write it: `--name value`, `--name=value`, `-n value`,
// `-nvalue`, `-n=value`, grouped switches `-dt`, long names after one dash `-name value`, `--switch=false`; global options
// before the command and, where the command has none of that name, after it; options between and after arguments, unless
// the command declares `optionsEndAfter`; `--` as the end of the options.
// Wording lives in Refusal.swift, the rules for finding a near name in Suggestion.swift.
package import Diagnostics

extension Program {
    /// Understands `arguments`, the program's own name not among them.
    ///
    /// - Throws: `.invalid` for anything that the declaration does not allow, with a hint.
    package func parse(_ arguments: [String]) throws(OperationError) -> Request {
        var parser = Parser(program: self, remaining: arguments[...])
        do throws(OperationError) {
            return try parser.parse()
        } catch {
            guard let command = parser.command else { throw error }
            throw error.within(command.name)
        }
    }
}

struct Parser {
    let program: Program
    private(set) var command: Command?
    private var remaining: ArraySlice<String>
    private var global: OptionValues
    private var options = OptionValues([])
    private var positionals: [String] = []
    private var trailing: [String]?
    private var optionsEnded = false

    init(program: Program, remaining: ArraySlice<String>) {
        self.program = program
        self.remaining = remaining
        global = OptionValues(program.globalOptions)
    }

    mutating func parse() throws(OperationError) -> Request {
        while let token = remaining.popFirst() {
            if token == "--" && !optionsEnded {
                endOptions()
            } else if !optionsEnded && token.utf8.count > 1 && token.hasPrefix("-") {
                if let request = try readOption(token) { return request }
            } else if let command {
                positionals.append(token)
                if positionals.count == command.optionsEndAfter { endArguments() }
            } else {
                guard let found = program.command(named: token) else { throw unknownCommand(token) }
                command = found
                options = OptionValues(found.options)
            }
        }
        guard let command else { return .help(nil) }
        return try request(for: command)
    }

    /// "--": nothing after it is an option.
    private mutating func endOptions() {
        // Before the command it ends nothing but the global options.
        guard let command else { return }
        optionsEnded = true
        if command.trailing != nil {
            trailing = Array(remaining)
            remaining = []
        }
    }

    /// The last argument before somebody else's command line; one "--" between them belongs to nobody.
    private mutating func endArguments() {
        optionsEnded = true
        if remaining.first == "--" { _ = remaining.popFirst() }
    }

    private func request(for command: Command) throws(OperationError) -> Request {
        if positionals.count < command.leastArguments {
            throw refusal("read arguments", "", command.arguments[positionals.count].name + " is missing")
        }
        if let most = command.mostArguments, positionals.count > most {
            throw tooMany(positionals[most], most)
        }
        for (index, text) in positionals.enumerated() {
            guard let argument = command.argument(at: index) else { break }
            if !argument.words.isEmpty && !argument.words.contains(text) {
                throw refusal("read " + argument.name, "", notAmong(argument.words, text), near: suggestion(for: text, among: argument.words))
            }
        }
        if let trailing, let argument = command.trailing, trailing.isEmpty && !argument.isOptional {
            throw refusal("read arguments", "", argument.name + " is missing after --")
        }
        switch command.name {
        case Command.help.name: return .help(try namedCommand())
        case Command.man.name where options.isSet("list"): return .manPages
        case Command.man.name: return .manPage(try namedCommand())
        case Command.completion.name:
            guard let shell = positionals.first.flatMap({ Shell(rawValue: $0) }) else {
                preconditionFailure("the shells are the argument's words")
            }
            return .completion(shell)
        default:
            return .run(
                Invocation(
                    programName: program.invokedName, command: command, global: global, options: options, positionals: positionals,
                    trailing: trailing))
        }
    }

    /// The command that the first argument of `help` or `man` names.
    private func namedCommand() throws(OperationError) -> Command? {
        guard let name = positionals.first else { return nil }
        guard let command = program.command(named: name) else { throw unknownCommand(name) }
        return command
    }
}

// MARK: - One option

extension Parser {
    /// Reads the option or the group of options in `token`; answers the request if it is one for help or for the version.
    private mutating func readOption(_ token: String) throws(OperationError) -> Request? {
        let isLong = token.hasPrefix("--")
        let body = token.dropFirst(isLong ? 2 : 1)
        var name = String(body)
        var value: String?
        if let equals = body.firstIndex(of: "=") {
            name = String(body[..<equals])
            value = String(body[body.index(after: equals)...])
        }
        // One dash and a whole long name is what Go programs are called with; that a short option's glued value spells
        // the name of a long option is less likely.
        if isLong || name.unicodeScalars.count > 1, let option = declared(long: name) {
            return try record(option, written: (isLong ? "--" : "-") + name, inline: value)
        }
        if isLong { throw unknownOption("--" + name) }
        return try readShort(String(body), in: token)
    }

    private mutating func readShort(_ body: String, in token: String) throws(OperationError) -> Request? {
        var letters = body.unicodeScalars[...]
        while let letter = letters.popFirst() {
            let written = "-" + String(letter)
            guard let option = declared(short: letter) else {
                // A group none of whose letters is known is rather a long name with one dash.
                if letters.count == body.unicodeScalars.count - 1 && !letters.isEmpty { throw unknownOption(token) }
                throw unknownOption(written, in: token)
            }
            var inline: String?
            if letters.first == "=" {
                inline = String(letters.dropFirst())
                letters = letters.suffix(0)
            } else if !option.isSwitch && !letters.isEmpty {
                inline = String(letters)
                letters = letters.suffix(0)
            }
            if let request = try record(option, written: written, inline: inline) { return request }
        }
        return nil
    }

    /// Takes the value of `option`, from `inline` or from the next argument, and keeps it.
    private mutating func record(_ option: Option, written: String, inline: String?) throws(OperationError) -> Request? {
        if option.isSwitch { return try recordSwitch(option, written: written, inline: inline) }
        guard let value = inline ?? remaining.popFirst() else {
            throw refusal("read option", written, "it requires an argument (" + option.synopsis + ")")
        }
        if !option.words.isEmpty && !option.words.contains(value) {
            throw refusal("read option", written, notAmong(option.words, value), near: suggestion(for: value, among: option.words))
        }
        keep(value, for: option)
        return nil
    }

    private mutating func recordSwitch(_ option: Option, written: String, inline: String?) throws(OperationError) -> Request? {
        var isOn = true
        if let inline {
            switch inline {
            case "true", "True", "TRUE", "t", "T", "1": isOn = true
            case "false", "False", "FALSE", "f", "F", "0": isOn = false
            default: throw refusal("read option", written, "expected true or false, found " + quoted(inline))
            }
        }
        if isOn && option == .help { return .help(command) }
        if isOn && option == .version { return .version }
        keep(isOn ? "true" : "false", for: option)
        return nil
    }

    private mutating func keep(_ value: String, for option: Option) {
        if let command, command.options.contains(where: { $0.name == option.name }) {
            options.record(value, for: option)
        } else {
            global.record(value, for: option)
        }
    }

    private func declared(long name: String) -> Option? {
        declared { $0.name == name || $0.aliases.contains(name) }
    }

    private func declared(short letter: Unicode.Scalar) -> Option? {
        declared { $0.letter == letter }
    }

    /// The option of the command, else the global one. `--version` is for the program alone: after a command somebody means
    /// something else by `-v`.
    private func declared(_ matches: (Option) -> Bool) -> Option? {
        if let option = command?.options.first(where: matches) { return option }
        return program.globalOptions.first { matches($0) && (command == nil || $0 != .version) }
    }
}
