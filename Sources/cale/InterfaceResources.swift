// The commands that watch a running container and change what it may use. See Interface.swift.
import CLI

extension Command {
    static var ps: Command {
        Command(
            "ps",
            summary: "list the processes of a container",
            discussion: [
                "The processes are those in the container's cgroup and the cgroups below it, with the pids that they have on the host. The "
                    + "table is made by ps(1), which gets what follows CONTAINER as its arguments and must print a column PID."
            ],
            options: [Option("format", "f", value: "FORMAT", words: ["table", "json"], default: "table", help: "a table, or an array of pids")],
            arguments: [.container, Argument("PS-ARG", optional: true, repeating: true, help: "an argument of ps(1); -ef when there is none")],
            optionsEndAfter: 1,
            examples: [
                Example("list the processes of the container web1", "%prog ps web1"),
                Example("list them with their memory", "%prog ps web1 -eo pid,rss,args"),
                Example("let a script have the pids", "%prog ps --format json web1"),
            ],
            seeAlso: ["state", "kill"])
    }

    static var pause: Command {
        Command(
            "pause",
            summary: "stop all processes of a container",
            discussion: [
                "The processes stand still until \"%prog resume\", and keep what they have. The state of the container is paused. KILL ends a "
                    + "paused container at once; other signals reach it when it is resumed."
            ],
            arguments: [.container],
            examples: [Example("stop the container web1 for a while", "%prog pause web1\n%prog resume web1")],
            seeAlso: ["resume", "kill"])
    }

    static var resume: Command {
        Command(
            "resume",
            summary: "let a paused container go on",
            arguments: [.container],
            examples: [Example("let the container web1 go on", "%prog resume web1")],
            seeAlso: ["pause"])
    }
}
