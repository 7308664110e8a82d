// The script for zsh, for a file of $fpath or for `source`. It is made of _arguments specifications, see zshcompsys(1).

extension Program {
    func zshCompletion() -> String {
        let name = shellIdentifier
        var script = "#compdef \(invokedName)\n"
        script += "# zsh completion for \(invokedName), printed by: \(invokedName) completion zsh\n\n"
        script += replacing("%id", in: zshContainers, by: name)
        script += "_\(name)_commands() {\n    local -a commands=(\n"
        for command in visibleCommands {
            script += "        " + zshQuoted(zshEscaped(command.name) + ":" + named(command.summary)) + "\n"
        }
        script += "    )\n    _describe -t commands command commands\n}\n\n"
        script += "_\(name)() {\n    local curcontext=$curcontext state line program=$words[1]\n    local -A opt_args\n"
        script += "    local -a global=(\n" + specifications(visibleGlobalOptions.filter { $0 != .version && $0 != .help }) + "    )\n"
        script += "    _arguments -C -s -S -A '-*' $global \\\n" + specifications([.help, .version], ending: " \\\n")
        script += "        '1:command:_\(name)_commands' '*::argument:->arguments' && return\n"
        script += "    [[ $state == arguments ]] || return 1\n    local root=${opt_args[--root]}\n"
        script += "    curcontext=${curcontext%:*}-$words[1]:\n    case $words[1] in\n"
        for command in visibleCommands {
            script += "    " + joined([command.name] + command.aliases, "|") + ")\n        _arguments -s -S \(zshGlobal(beside: command)) \\\n"
            script += specifications(command.visibleOptions + [.help], ending: " \\\n")
            for specification in positionals(of: command) { script += "        " + zshQuoted(specification) + " \\\n" }
            script += "        && return ;;\n"
        }
        script += "    esac\n    return 1\n}\n\n"
        script += "if [[ $funcstack[1] == _\(name) ]]; then\n    _\(name) \"$@\"\nelse\n    compdef _\(name) \(shellQuoted(invokedName))\nfi\n"
        return script
    }

    /// The global options without those whose names the command has itself, as in the parser.
    private func zshGlobal(beside command: Command) -> String {
        var patterns: [String] = []
        for name in command.visibleOptions.flatMap({ $0.allNames }) where visibleGlobalOptions.contains(where: { $0.allNames.contains(name) }) {
            patterns.append(name)
        }
        return patterns.isEmpty ? "$global" : "${global:#(|\\(*\\))(" + joined(patterns, "|") + ")[=+\\[]*}"
    }

    private func positionals(of command: Command) -> [String] {
        var specifications: [String] = []
        for (index, argument) in command.arguments.enumerated() {
            let place = argument.isRepeating ? "*" : "\(index + 1)"
            specifications.append(place + (argument.isOptional && !argument.isRepeating ? "::" : ":") + zshEscaped(argument.name) + ":" + zshAction(argument.completion))
        }
        return specifications
    }

    /// One quoted specification a line for every name of every option.
    private func specifications(_ options: [Option], ending: String = "\n") -> String {
        var text = ""
        for option in options {
            let names = option.allNames
            let exclusion = option.isRepeatable ? "*" : names.count > 1 ? "(" + joined(names, " ") + ")" : ""
            for name in names {
                var specification = exclusion + name
                if !option.isSwitch { specification += name.hasPrefix("--") ? "=" : "+" }
                specification += "[" + zshEscaped(named(option.help)) + "]"
                if let value = option.value { specification += ":" + zshEscaped(value) + ":" + zshAction(option.completion) }
                text += "        " + zshQuoted(specification) + ending
            }
        }
        return text
    }

    private func zshAction(_ completion: Completion) -> String {
        switch completion {
        case .nothing: " "
        case .files: "_files"
        case .directories: "_directories"
        case .containers: "_\(shellIdentifier)_containers"
        case .commands: "_\(shellIdentifier)_commands"
        case .words(let words): "(" + joined(words, " ") + ")"
        }
    }
}

/// The text within a specification, where colons and brackets have a meaning.
private func zshEscaped(_ text: String) -> String {
    var out = ""
    for scalar in text.unicodeScalars {
        if scalar == ":" || scalar == "[" || scalar == "]" || scalar == "\\" { out += "\\" }
        out.unicodeScalars.append(scalar)
    }
    return out
}

private func zshQuoted(_ text: String) -> String { "'" + replacing("'", in: text, by: "'\\''") + "'" }

private let zshContainers = #"""
_%id_containers() {
    local -a ids
    # the option before the command, or the one after it
    local root=${opt_args[--root]:-$root}
    ids=(${(f)"$(_call_program containers $program ${root:+--root} ${root:+${(q)${(Q)root}}} list -q 2>/dev/null)"})
    compadd "$@" -a ids
}

"""#
