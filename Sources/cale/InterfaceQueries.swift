// The commands that look and change nothing. See Interface.swift.
import CLI

extension Command {
    static var state: Command {
        Command(
            "state",
            summary: "print the state of a container as JSON",
            discussion: [
                "The status is creating, created, running, paused or stopped. The other members are the version of the specification, "
                    + "the id, the pid on the host (0 when there is none any more), the bundle, its rootfs, the time when it was created, the annotations and the owner."
            ],
            arguments: [.container],
            examples: [Example("print the state of the container web1", "%prog state web1")],
            files: [.stateRoot],
            seeAlso: ["list", "start", "kill"])
    }

    static var list: Command {
        Command(
            "list",
            summary: "list the containers below --root",
            options: [
                Option("format", "f", value: "FORMAT", words: ["table", "json"], default: "table", help: "how to print them"),
                Option("quiet", "q", help: "print the ids alone, one on each line"),
            ],
            examples: [
                Example("list all containers", "%prog list"),
                Example("remove every container that has ended", "for id in $(%prog list -q); do %prog delete \"$id\"; done"),
            ],
            files: [.stateRoot],
            seeAlso: ["state", "delete"])
    }

    static var spec: Command {
        Command(
            "spec",
            summary: "write a config.json to begin with",
            discussion: [
                "Writes config.json into the bundle and refuses to replace one. It describes a container that runs sh in the directory rootfs; "
                    + "edit process.args to run something else."
            ],
            options: [
                Option(
                    "bundle", "b", value: "DIR", completes: .directories, default: "the current directory",
                    help: "the directory to write config.json to"),
                Option("rootless", help: "describe a container that a user other than root can run"),
            ],
            examples: [
                Example("make a bundle of a root file system and run it", "mkdir -p web/rootfs && tar -C web/rootfs -xf rootfs.tar\n%prog spec --bundle web\nsudo %prog run --bundle web web1"),
                Example("the same without root", "%prog spec --rootless --bundle web\n%prog run --bundle web web1"),
            ],
            files: [Term("config.json", "in the bundle: the description of the container")],
            seeAlso: ["run", "plan"])
    }

    static var features: Command {
        Command(
            "features",
            summary: "print what this program can do as JSON",
            discussion: ["The names are those of the runtime specification (features.md). Orchestrators ask this before they use something new."],
            examples: [Example("list the mount options that are known", "%prog features | jq .mountOptions")],
            seeAlso: ["spec"])
    }

    static var plan: Command {
        Command(
            "plan",
            summary: "show what create would do, without doing it",
            discussion: [
                "Reads and checks config.json and prints every step from the new namespaces to the program's start, in the order in which "
                    + "they would be executed. Nothing is changed, and no privilege is needed.",
                "Properties that nobody knows are listed among the warnings; the other commands ignore them without a word, as the specification wants.",
            ],
            options: [
                .bundle, .config(short: nil),
                Option("format", value: "FORMAT", words: ["text", "json"], default: "text", help: "how to print the plan"),
            ],
            examples: [
                Example("see how the bundle /srv/web would be run", "%prog plan --bundle /srv/web"),
                Example("compare two configurations", "diff <(%prog plan --config a.json) <(%prog plan --config b.json)"),
            ],
            files: [Term("config.json", "in the bundle: the description of the container")],
            seeAlso: ["create", "run"])
    }
}
