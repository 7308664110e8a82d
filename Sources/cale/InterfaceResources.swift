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
            files: [.stateRoot],
            seeAlso: ["state", "events", "kill"])
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
            files: [.stateRoot],
            seeAlso: ["resume", "kill"])
    }

    static var resume: Command {
        Command(
            "resume",
            summary: "let a paused container go on",
            arguments: [.container],
            examples: [Example("let the container web1 go on", "%prog resume web1")],
            files: [.stateRoot],
            seeAlso: ["pause"])
    }

    static var update: Command {
        Command(
            "update",
            summary: "change the limits of a container",
            discussion: [
                "What is not named stays as it is, and so do the rules about devices. Sizes are bytes, or have a unit such as 5M; -1 lifts a "
                    + "limit. When the kernel refuses one of the limits, the others are put back.",
                "With --resources the limits are read as JSON, in the form of linux.resources in config.json. Options count more than "
                    + "the file.",
            ],
            options: [
                Option("resources", "r", value: "FILE", completes: .files, help: "read limits from FILE; - is stdin"),
                Option("memory", value: "BYTES", help: "the limit of memory"),
                Option("memory-reservation", value: "BYTES", help: "the memory that the container keeps when the host runs short"),
                Option("memory-swap", value: "BYTES", help: "the limit of memory and swap together"),
                Option("cpu-share", value: "SHARES", help: "the weight beside other containers, 2 to 262144; 1024 is common"),
                Option("cpu-quota", value: "MICROSECONDS", help: "the CPU time in each period"),
                Option("cpu-period", value: "MICROSECONDS", help: "how long a period is"),
                Option("cpu-burst", value: "MICROSECONDS", help: "how much unused quota may be used later"),
                Option("cpu-rt-runtime", value: "MICROSECONDS", help: "the time of realtime processes in each period"),
                Option("cpu-rt-period", value: "MICROSECONDS", help: "how long a period for realtime processes is"),
                Option("cpu-idle", value: "0|1", help: "1: run only when nothing else wants the CPU"),
                Option("cpuset-cpus", value: "LIST", help: "the CPUs to run on, such as 0-3,7"),
                Option("cpuset-mems", value: "LIST", help: "the memory nodes to use"),
                Option("pids-limit", value: "N", help: "how many processes and threads there may be"),
                Option("blkio-weight", value: "WEIGHT", help: "the weight for block devices, 10 to 1000"),
                Option("l3-cache-schema", value: "SCHEMA", help: "the cache that it may fill (Intel RDT), such as L3:0=7f0"),
                Option("mem-bw-schema", value: "SCHEMA", help: "the memory bandwidth that it may use (Intel RDT), such as MB:0=20"),
                Option("kernel-memory", value: "BYTES", hidden: true, help: "ignored: the kernel counts it in --memory"),
                Option("kernel-memory-tcp", value: "BYTES", hidden: true, help: "ignored: the kernel counts it in --memory"),
            ],
            arguments: [.container],
            examples: [
                Example("give the container web1 one and a half CPUs", "%prog update --cpu-period 100000 --cpu-quota 150000 web1"),
                Example("raise the limit of memory", "%prog update --memory 1G --memory-swap 1G web1"),
                Example("the same in JSON", "echo '{\"memory\": {\"limit\": 1073741824, \"swap\": 1073741824}}' | %prog update --resources - web1"),
            ],
            files: [.stateRoot],
            seeAlso: ["events", "pause"])
    }

    static var events: Command {
        Command(
            "events",
            summary: "print what a container uses, and when it lacks memory",
            discussion: [
                "Each line is a JSON object with the members type, id and, for the type \"stats\", data. A line of the type \"oom\" says that the "
                    + "kernel found no memory for the container, and killed. One of the type \"pressure\" says that it begins to be short of memory: "
                    + "its data has the resource, and psi (version 2: some lost 15 per cent of 2 s) or the level (version 1: medium). The command "
                    + "ends when the container does.",
                "Times are nanoseconds, sizes are bytes.",
            ],
            options: [
                Option("stats", help: "print what the container uses now, and end"),
                Option("interval", value: "TIME", default: "5s", help: "the time between two lines about usage, such as 500ms or 1m30s"),
            ],
            arguments: [.container],
            examples: [
                Example("see what the container web1 uses", "%prog events --stats web1 | jq .data.memory.usage"),
                Example("watch it", "%prog events --interval 1s web1"),
            ],
            files: [.stateRoot],
            seeAlso: ["ps", "update"])
    }
}
