// The script for bash. It needs bash 4.4 and nothing of the bash-completion package: bash splits words at "=" and ":", and
// the script copes with both splittings of "--option=value".

extension Program {
    func bashCompletion() -> String {
        let name = shellIdentifier
        var script = "# bash completion for \(invokedName), printed by: \(invokedName) completion bash\n"
        script += "# Load it with: source <(\(invokedName) completion bash)\n\n"
        script += bashDeclarations(name)
        script += replacing("%id", in: replacing("%root", in: bashFunctions, by: rootOptionPattern), by: name)
        script += "complete -F _\(name) " + shellQuoted(invokedName) + "\n"
        return script
    }

    /// "--root" where the program has that option; container ids are then asked for below the same root.
    private var rootOptionPattern: String { globalOptions.contains { $0.name == "root" } ? "--root" : "''" }

    /// Functions that answer in variables: what options and arguments each command has.
    private func bashDeclarations(_ name: String) -> String {
        var options = "# Sets list to the options of command $1; of none: to the global ones.\n_\(name)_options() {\n    case $1 in\n"
        var kinds = "# Sets kind to what the value of option $2 of command $1 is; to nothing for a switch.\n_\(name)_value() {\n    kind=\n    case \"$1 $2\" in\n"
        var arguments = "# Sets kind to what argument number $2 (from 0) of command $1 is.\n_\(name)_argument() {\n    kind=nothing\n    case \"$1 $2\" in\n"
        var limits = "# Whether options end after $2 arguments of command $1.\n_\(name)_ends() {\n    case \"$1 $2\" in\n"
        var aliases = ""
        for command in visibleCommands {
            let names = (command.visibleOptions + [.help]).flatMap { $0.longNames }
            options += "    \(command.name)) list=(" + joined(names, " ") + ") ;;\n"
            for option in command.visibleOptions where !option.isSwitch {
                let patterns = option.allNames.map { "\"\(command.name) \($0)\"" }
                kinds += "    " + joined(patterns, "|") + ") kind=" + bashKind(option.completion) + " ;;\n"
            }
            for (index, argument) in command.arguments.enumerated() {
                let pattern = argument.isRepeating ? "\"\(command.name) \"*" : "\"\(command.name) \(index)\""
                arguments += "    " + pattern + ") kind=" + bashKind(argument.completion) + " ;;\n"
            }
            if let limit = command.optionsEndAfter { limits += "    \"\(command.name) \(limit)\") return 0 ;;\n" }
            if !command.aliases.isEmpty { aliases += "    " + joined(command.aliases, "|") + ") command=\(command.name) ;;\n" }
        }
        options += "    *) list=(" + joined(visibleGlobalOptions.flatMap { $0.longNames }, " ") + ") ;;\n    esac\n}\n"
        kinds += "    *)\n        case $2 in\n"
        for option in visibleGlobalOptions where !option.isSwitch {
            kinds += "        " + joined(option.allNames, "|") + ") kind=" + bashKind(option.completion) + " ;;\n"
        }
        kinds += "        esac ;;\n    esac\n}\n"
        let commands = "# Sets list to the commands.\n_\(name)_commands() {\n    list=(" + joined(visibleCommands.map { $0.name }, " ") + ")\n}\n"
        return options + kinds + arguments + "    esac\n}\n" + limits + "    *) return 1 ;;\n    esac\n}\n" + commands
            + "# Replaces an alias in command by the name.\n_\(name)_unalias() {\n    case $command in\n" + aliases + "    esac\n}\n"
    }

    private func bashKind(_ completion: Completion) -> String {
        switch completion {
        case .nothing: "nothing"
        case .files: "files"
        case .directories: "directories"
        case .containers: "containers"
        case .commands: "commands"
        case .words(let words): shellQuoted("words " + joined(words, " "))
        }
    }
}

/// The part that is the same for every program; "%id" is its name, "%root" the option that says where containers are.
private let bashFunctions = #"""
# Offers what kind says for the beginning in cur; prefix is put in front of each.
_%id_offer() {
    local list=() word
    case $kind in
    files|directories)
        local action=-f
        [[ $kind == directories ]] && action=-d
        mapfile -t list < <(compgen "$action" -- "$cur")
        compopt -o filenames 2>/dev/null
        ;;
    containers) mapfile -t list < <("${COMP_WORDS[0]/#\~/$HOME}" ${root:+--root "$root"} list -q 2>/dev/null) ;;
    commands) _%id_commands ;;
    words*) read -ra list <<<"${kind#words }" ;;
    options) _%id_options "$command" ;;
    esac
    for word in "${list[@]}"; do
        [[ $word == "$cur"* ]] && COMPREPLY+=("$prefix$word")
    done
}
_%id() {
    local cur=${COMP_WORDS[COMP_CWORD]} command= pending= ended= root= prefix= kind= count=0 index word list
    COMPREPLY=()
    for ((index = 1; index < COMP_CWORD; index++)); do
        word=${COMP_WORDS[index]}
        if [[ -n $pending ]]; then
            [[ $word == "=" ]] && continue
            [[ $pending == %root ]] && root=${word/#\~/$HOME}
            pending=
        elif [[ -z $ended && $word == "=" ]]; then
            pending==
        elif [[ -z $ended && $word == -- ]]; then
            [[ -n $command ]] && ended=1
        elif [[ -z $ended && $word == --*=* ]]; then
            [[ ${word%%=*} == %root ]] && root=${word#*=}
        elif [[ -z $ended && $word == -?* ]]; then
            _%id_value "$command" "$word"
            [[ -n $kind ]] && pending=$word
        elif [[ -z $command ]]; then
            command=$word
            _%id_unalias
        else
            count=$((count + 1))
            _%id_ends "$command" "$count" && ended=1
        fi
    done
    if [[ $cur == "=" ]]; then
        [[ -z $pending ]] && pending==
        cur=
    fi
    if [[ $pending == "=" ]]; then
        kind="words true false"
    elif [[ -n $pending ]]; then
        _%id_value "$command" "$pending"
    elif [[ -z $ended && $cur == --*=* ]]; then
        prefix=${cur%%=*}=
        _%id_value "$command" "${cur%%=*}"
        [[ -z $kind ]] && kind="words true false"
        cur=${cur#*=}
    elif [[ -z $ended && $cur == -* ]]; then
        kind=options
    elif [[ -z $command ]]; then
        kind=commands
    else
        _%id_argument "$command" "$count"
    fi
    _%id_offer
}

"""#
