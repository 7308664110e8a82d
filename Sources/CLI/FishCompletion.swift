// The script for fish: one `complete` line for every command and option.

extension Program {
    func fishCompletion() -> String {
        let name = shellIdentifier
        let program = shellQuoted(invokedName)
        var script = "# fish completion for \(invokedName), printed by: \(invokedName) completion fish\n\n"
        var flags: [String] = []
        for option in globalOptions where !option.isSwitch { flags += option.allNames }
        script += replacing("%flags", in: replacing("%id", in: fishFunctions, by: name), by: joined(flags, " "))
        script += "complete -c \(program) -f\n"
        for command in visibleCommands {
            script += "complete -c \(program) -n __\(name)_needs_command -a \(command.name) -d " + fishQuoted(named(command.summary)) + "\n"
        }
        for option in visibleGlobalOptions {
            // after a command, `--version` is not the program's
            let condition = option == .version ? " -n __\(name)_needs_command" : ""
            script += "complete -c \(program)" + condition + fishOption(option) + "\n"
        }
        for command in visibleCommands {
            let condition = "__\(name)_command " + joined([command.name] + command.aliases, " ")
            for option in command.visibleOptions { script += "complete -c \(program) -n " + fishQuoted(condition) + fishOption(option) + "\n" }
            for (index, argument) in command.arguments.enumerated() {
                guard let values = fishValues(argument.completion) else { continue }
                let place = argument.isRepeating ? "-ge \(index)" : "-eq \(index)"
                let here = condition + "; and test (__\(name)_arguments) " + place
                script += "complete -c \(program) -n " + fishQuoted(here) + values + "\n"
            }
        }
        return script
    }

    private func fishOption(_ option: Option) -> String {
        var text = option.letter.map { " -s " + String($0) } ?? ""
        for name in [option.name] + option.aliases { text += " -l " + name }
        text += " -d " + fishQuoted(named(option.help))
        if !option.isSwitch { text += (option.completion == .files ? " -r" : " -x") + (fishValues(option.completion) ?? "") }
        return text
    }

    private func fishValues(_ completion: Completion) -> String? {
        switch completion {
        case .nothing: nil
        case .files: " -F"
        case .directories: " -a '(__fish_complete_directories (commandline -ct))'"
        case .containers: " -a '(__\(shellIdentifier)_containers)'"
        case .commands: " -a " + fishQuoted(joined(visibleCommands.map { $0.name }, " "))
        case .words(let words): " -a " + fishQuoted(joined(words, " "))
        }
    }
}

private func fishQuoted(_ text: String) -> String {
    "'" + replacing("'", in: replacing("\\", in: text, by: "\\\\"), by: "\\'") + "'"
}

/// "%flags" are the global options that take a value, which is no command.
private let fishFunctions = #"""
# Prints the words after the global options: the command first.
function __%id_words
    set -l words (commandline -opc)
    set -e words[1]
    while set -q words[1]
        if contains -- $words[1] %flags
            set -e words[1]
        else if not string match -q -- '-*' $words[1]
            break
        end
        set -e words[1]
    end
    string join \n -- $words
end
function __%id_needs_command
    test -z (__%id_words | string collect)
end
function __%id_command
    set -l words (__%id_words)
    contains -- "$words[1]" $argv
end
# Prints how many arguments stand after the command; values of options are taken for arguments.
function __%id_arguments
    set -l words (__%id_words)
    set -e words[1]
    count (string match -v -- '-*' $words)
end
function __%id_containers
    set -l words (commandline -opc)
    set -l root
    if set -l at (contains -i -- --root $words)
        set root --root $words[(math $at + 1)]
    end
    eval (string escape -- $words[1] $root) list -q 2>/dev/null
end

"""#
