/// A shell that completions are made for.
package enum Shell: String, CaseIterable, Sendable {
    case bash, zsh, fish
}

extension Option {
    static var help: Option { Option("help", "h", help: "show help and do nothing else") }
    static var version: Option { Option("version", "v", help: "show the version and do nothing else") }
}

extension Command {
    static var help: Command {
        Command(
            "help", aliases: ["h"],
            summary: "show help for a command",
            discussion: ["Without a command it shows what the program is for and lists its commands."],
            arguments: [Argument("COMMAND", completes: .commands, optional: true, help: "the command to explain")],
            examples: [Example("the same as --help", "%prog help")])
    }

    static var completion: Command {
        Command(
            "completion",
            summary: "print a script that completes commands and options in a shell",
            discussion: [
                "The script is made from the same declarations as this help, so that it fits this version. Load it in the "
                    + "start-up file of your shell, or store it where the shell looks for completions."
            ],
            arguments: [Argument("SHELL", words: Shell.allCases.map { $0.rawValue }, help: "the shell to print a script for")],
            examples: [
                Example("complete in this bash, now", "source <(%prog completion bash)"),
                Example("complete in every zsh", "%prog completion zsh > \"${fpath[1]}/_%prog\""),
                Example("complete in every fish", "%prog completion fish > ~/.config/fish/completions/%prog.fish"),
            ])
    }

    static var man: Command {
        Command(
            "man",
            summary: "print a manual page",
            discussion: [
                "The page is in the format of man(7). Without a command it is the page of the program, which lists the pages of "
                    + "the commands, and --list names all pages: the page NAME-run is that of the command run."
            ],
            options: [Option("list", help: "print the names of all pages, one on each line, and no page")],
            arguments: [Argument("COMMAND", completes: .commands, optional: true, help: "the command to print the page of")],
            examples: [
                Example("read the manual", "%prog man | man -l -"),
                Example("how many pages there are", "%prog man --list | wc -l"),
            ])
    }
}

extension Program {
    /// Whether the command is about the program itself.
    func isBuiltIn(_ command: Command) -> Bool { command == .help || command == .completion || command == .man }

    /// What to print for a request about the program itself; nil when the request is to run a command.
    package func text(for request: Request, style: Style = .plain, width: Int = 80) -> String? {
        switch request {
        case .run: nil
        case .help(nil): helpText(style: style, width: width)
        case .help(let command?): helpText(for: command, style: style, width: width)
        case .version: versionText
        case .completion(let shell): completionScript(shell)
        case .manPages: manPageNames()
        case .manPage(nil): manPage()
        case .manPage(let command?): manPage(for: command)
        }
    }
}
