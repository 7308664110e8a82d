// The commands that make, change and end containers. See Interface.swift.
import CLI

extension Command {
    static var create: Command {
        Command(
            "create",
            summary: "set up a container and leave it ready to start",
            discussion: [
                "Makes the namespaces, mounts, cgroup and limits that config.json asks for, and a first process that waits. The "
                    + "program of the container (process.args) does not run before \"%prog start\".",
                "Whatever is wrong with the configuration is reported now, and nothing is left behind then.",
            ],
            options: Option.creating,
            arguments: [.newContainer],
            examples: [
                Example("make the container web1 from the bundle /srv/web, and start it", "%prog create --bundle /srv/web web1\n%prog start web1"),
                Example("let a supervisor know the process", "%prog create --bundle /srv/web --pid-file /run/web1.pid web1"),
            ],
            environment: [.notifySocket, .listenFDs],
            files: Term.bundleFiles,
            seeAlso: ["start", "run", "plan", "spec"],
            advice: Self.whatRuns)
    }

    static var start: Command {
        Command(
            "start",
            summary: "run the program of a created container",
            discussion: ["The container must have been made by \"%prog create\" and not yet be started."],
            arguments: [.container],
            examples: [Example("start the container web1", "%prog start web1")],
            environment: [.notifySocket],
            files: [.stateRoot],
            seeAlso: ["create", "state", "kill"])
    }

    static var kill: Command {
        Command(
            "kill",
            summary: "send a signal to a container",
            discussion: [
                "The signal goes to the container's first process. Services end on TERM. In a pid namespace of its own the first process gets only the "
                    + "signals that it handles: TERM does nothing to a plain sh or sleep there, and KILL always ends it. A name may be written with or "
                    + "without SIG, and a number will do."
            ],
            options: [Option("all", "a", help: "send the signal to every process of the container")],
            arguments: [
                .container,
                Argument(
                    "SIGNAL", completes: .words(["TERM", "KILL", "INT", "HUP", "QUIT", "USR1", "USR2", "STOP", "CONT", "WINCH"]), optional: true,
                    help: "TERM when left out"),
            ],
            examples: [
                Example("ask the container web1 to end", "%prog kill web1"),
                Example("end every process of it at once", "%prog kill --all web1 KILL"),
            ],
            files: [.stateRoot],
            seeAlso: ["delete", "state", "list"],
            advice: "the signal stands behind the container, without a dash")
    }

    static var delete: Command {
        Command(
            "delete",
            summary: "remove a container that has ended",
            discussion: [
                "Removes the cgroup and the state of the container, after which its id is free again. The bundle and its files are left "
                    + "alone. A container that has not ended, or was not started yet, is refused, unless --force is given."
            ],
            options: [
                Option("force", "f", help: "kill the container first if it has not ended; a container that does not exist is no error"),
                Option("regex", "r", help: "take CONTAINER for a regular expression, and delete every container whose id matches"),
            ],
            arguments: [.container],
            examples: [
                Example("remove the container web1", "%prog delete web1"),
                Example("kill and remove all containers whose ids begin with test-", "%prog delete --force --regex '^test-'"),
            ],
            files: [.stateRoot],
            seeAlso: ["kill", "list"])
    }

    static var run: Command {
        Command(
            "run",
            summary: "create a container, start it and wait for its end",
            discussion: [
                "The same as \"%prog create\" and \"%prog start\". The container has the terminal or the stdin and stdout of the caller, and is "
                    + "deleted when it ends; the exit status is that of its program.",
                "With --detach it does not wait: the container goes on, and you delete it later.",
            ],
            options: Option.creating + [
                Option("detach", "d", help: "return when the program has started"),
                Option("keep", help: "do not delete the container when it ends, so that its state can be looked at"),
                Option("no-subreaper", help: "do not adopt processes that the container leaves behind while waiting for it"),
            ],
            arguments: [.newContainer],
            examples: [
                Example("run the bundle in the current directory", "%prog run web1"),
                Example("run it in the background, and end it", "%prog run --detach --bundle /srv/web web1\n%prog kill web1 KILL\n%prog delete web1"),
            ],
            exitStatuses: Term.ended,
            environment: [.notifySocket, .listenFDs],
            files: Term.bundleFiles,
            seeAlso: ["create", "spec", "kill", "delete"],
            advice: Self.whatRuns)
    }

    private static var whatRuns: String { "the program and its terminal are what config.json says (process.args, process.terminal)" }
}
