// The command that runs one more process in a container. See Interface.swift.
import CLI

extension Command {
    static var exec: Command {
        Command(
            "exec",
            summary: "run another program in a container",
            discussion: [
                "The process joins the namespaces and the cgroup of the container and gets its seccomp filter, capabilities, limits and "
                    + "environment, as process of config.json describes them; options change that. With --process a file describes it anew, and "
                    + "only what the file leaves open (capabilities, labels, scheduling, umask) comes from config.json.",
                "%prog waits for the process and ends with its status: 128 and the signal's number when a signal ended it; 127 when the program "
                    + "is not there, 126 when it cannot be executed, 255 when something else kept it from running. With --detach it returns "
                    + "when the program has started.",
                "Options stand before CONTAINER; everything behind it belongs to COMMAND.",
            ],
            options: options,
            arguments: [.container, Argument("COMMAND", optional: true, repeating: true, help: "the program and its arguments; not with --process")],
            optionsEndAfter: 1,
            examples: [
                Example("look around in the container web1, on a terminal", "%prog exec --tty web1 sh"),
                Example("run a program as another user", "%prog exec --user www-data --cwd /srv web1 ls -l"),
                Example("what orchestrators do", "%prog exec --process process.json --detach --pid-file exec.pid web1"),
            ],
            exitStatuses: [
                Term("0 to 255", "what the program ended with; 128 and the signal's number when a signal ended it; 0 with --detach"),
                Term("126, 127", "also when the program cannot be executed, or is not there"),
                Term("255", "also when something else kept it from running; the reason is on stderr, and in the file given by --log"),
            ],
            files: [Term("FILE", "of --process: an object like process of config.json"), .stateRoot],
            seeAlso: ["run", "state", "kill"])
    }

    private static var options: [Option] {
        [
            Option("process", "p", value: "FILE", completes: .files, help: "read the process from FILE, a process object as in config.json"),
            Option("cwd", value: "DIR", default: "that of config.json", help: "working directory, absolute in the container"),
            Option("env", "e", value: "NAME=VALUE", repeatable: true, help: "add to the environment, or replace in it"),
            Option("tty", "t", help: "give the process a terminal"),
            Option(
                "user", "u", value: "USER[:GROUP]", default: "that of config.json",
                help: "user by name or number; by number its group is 0 unless one is given, by name those of the container's passwd and group files"),
            Option("additional-gids", "g", value: "GID", repeatable: true, help: "add supplementary groups, by number"),
            Option("detach", "d", help: "return when the program has started"),
            Option("pid-file", value: "FILE", completes: .files, help: "write the pid of the process to FILE"),
            Option("console-socket", value: "SOCKET", completes: .files, help: "unix socket that is sent the process' terminal, if it has one"),
            Option("pidfd-socket", value: "SOCKET", completes: .files, help: "unix socket that is sent a pidfd of the process"),
            Option("process-label", value: "LABEL", help: "SELinux label of the process"),
            Option("apparmor", value: "PROFILE", help: "AppArmor profile of the process"),
            Option("no-new-privs", help: "keep the process from gaining privileges by executing something; --no-new-privs=false lets it"),
            Option("cap", "c", value: "CAPABILITY", repeatable: true, help: "add a capability to those of the container"),
            Option("preserve-fds", value: "N", default: "0", help: "hand N more descriptors to the process, from 3 on"),
            Option(
                "cgroup", value: "PATH", repeatable: true,
                help: "join the existing cgroup PATH below the container's; CONTROLLER:PATH for one version 1 hierarchy"),
            Option("ignore-paused", help: "also into a paused container, where the process waits until it is resumed"),
            Option("no-subreaper", hidden: true, help: "ignored: orphans of the process are not adopted"),
        ]
    }
}
