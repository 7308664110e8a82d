extension Program {
    /// What is wrong with the declaration itself: names that clash, arguments that no command line can fill, sentences that
    /// do not end as all others do. Empty in every program that was tested.
    package var mistakes: [String] {
        var mistakes = clashes(globalOptions, of: name)
        var names: [String] = []
        for command in commands {
            for name in [command.name] + command.aliases {
                if names.contains(name) { mistakes.append("the command " + name + " is declared twice") }
                names.append(name)
            }
            mistakes += clashes(command.options + [.help], of: command.name)
            mistakes += misplaced(command)
            for other in command.seeAlso where self.command(named: other) == nil {
                mistakes.append(command.name + ": there is no command " + other + " to see")
            }
            if command.summary.hasSuffix(".") { mistakes.append(command.name + ": the summary ends in a full stop") }
            for paragraph in command.discussion where !paragraph.hasPrefix("  ") && !paragraph.hasSuffix(".") && !paragraph.hasSuffix(":") {
                mistakes.append(command.name + ": a paragraph does not end in a full stop")
            }
        }
        return mistakes
    }

    private func clashes(_ options: [Option], of owner: String) -> [String] {
        var mistakes: [String] = []
        var names: [String] = []
        for option in options {
            for name in option.allNames {
                if names.contains(name) { mistakes.append(owner + ": " + name + " is declared twice") }
                names.append(name)
            }
            if option.help.isEmpty || option.help.hasSuffix(".") { mistakes.append(owner + ": the help of --" + option.name + " is empty or ends in a full stop") }
            if option.name.utf8.count < 2 { mistakes.append(owner + ": --" + option.name + " is too short for a long name") }
            if option.isSwitch && (!option.words.isEmpty || option.isRepeatable) { mistakes.append(owner + ": the switch --" + option.name + " has values") }
        }
        return mistakes
    }

    private func misplaced(_ command: Command) -> [String] {
        var mistakes: [String] = []
        var sawOptional = false
        for (index, argument) in command.arguments.enumerated() {
            if sawOptional && !argument.isOptional { mistakes.append(command.name + ": " + argument.name + " follows one that may be left out") }
            if argument.isRepeating && index != command.arguments.count - 1 { mistakes.append(command.name + ": " + argument.name + " repeats and is not the last") }
            sawOptional = sawOptional || argument.isOptional
        }
        return mistakes
    }
}
