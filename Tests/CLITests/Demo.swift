@testable import CLI
import Diagnostics

/// A program with one of everything that a declaration can say.
let demo = Program(
    "demo",
    summary: "show what a declaration can say",
    discussion: ["%prog does nothing at all.", "  first line\n  'second' line"],
    version: "1.2.3",
    versionDetails: ["commit: abc"],
    globalOptions: [
        Option("root", value: "DIR", completes: .directories, default: "/run/demo", help: "directory for the state"),
        Option("log-format", value: "FORMAT", words: ["text", "json"], default: "text", help: "how lines look"),
        Option("debug", help: "tell more"),
        Option("rootless", value: "WHEN", words: ["auto", "true", "false"], help: "whether to do without root"),
        Option("criu", value: "FILE", hidden: true, help: "ignored"),
    ],
    commands: [
        Command(
            "create", aliases: ["make"], summary: "make a container",
            discussion: ["Makes a container. \"%prog start\" starts it."],
            options: [
                Option("bundle", "b", value: "DIR", completes: .directories, default: "the current directory", help: "the bundle"),
                Option("config", "f", value: "FILE", completes: .files, help: "the configuration"),
                Option("preserve-fds", aliases: ["keep-fds"], value: "N", help: "hand on N descriptors"),
                Option("annotation", "a", value: "KEY=VALUE", repeatable: true, help: "attach a note: [one] for each use"),
            ],
            arguments: [Argument("CONTAINER", help: "the id")],
            examples: [Example("make one", "%prog create --bundle /b web\n.demo")],
            seeAlso: ["exec"]),
        Command(
            "exec", summary: "run a program in a container",
            options: [
                Option("detach", "d", help: "do not wait"),
                Option("tty", "t", help: "ask for a terminal"),
                Option("env", "e", value: "NAME=VALUE", repeatable: true, help: "set a variable"),
            ],
            arguments: [
                Argument("CONTAINER", completes: .containers, help: "the id"),
                Argument("COMMAND", optional: true, repeating: true, help: "the program and its arguments"),
            ],
            optionsEndAfter: 1),
        Command(
            "run", summary: "run a bundle",
            arguments: [Argument("CONTAINER", help: "the id")],
            trailing: Argument("COMMAND", optional: true, help: "instead of the program of the bundle")),
        Command(
            "kill", summary: "send a signal",
            options: [Option("all", "a", help: "to all processes")],
            arguments: [
                Argument("CONTAINER", completes: .containers, help: "the id"),
                Argument("SIGNAL", completes: .words(["TERM", "KILL"]), optional: true, help: "the signal"),
            ]),
        Command(
            "list", summary: "list them",
            options: [
                Option("format", "f", value: "FORMAT", words: ["table", "json"], default: "table", help: "how to print"),
                Option("quiet", "q", help: "print ids alone"),
            ]),
        Command("spec", summary: "write a configuration", options: [Option("rootless", help: "for users")]),
        Command("mounts", summary: "change mounts", arguments: [Argument("ACTION", words: ["add", "remove"], help: "what to do")]),
        Command("secret", summary: "be hidden", hidden: true),
    ],
    examples: [Example("look around", "%prog list")],
    exitStatuses: [Term("0", "all went well")],
    environment: [Term("NO_COLOR", "no bold")],
    files: [Term("/run/demo", "state")])

/// The invocation that `arguments` are understood as.
func invocation(_ arguments: String...) throws -> Invocation {
    let request = try demo.parse(arguments)
    guard case .run(let invocation) = request else { throw OperationError("test", "\(request)", .invalid("is no invocation")) }
    return invocation
}

/// The error that `arguments` are answered with, as people see it.
func refusal(_ arguments: String...) -> String {
    do throws(OperationError) {
        return "understood: \(try demo.parse(arguments))"
    } catch {
        return error.description
    }
}
