// The commands that write a container down and make it again. See Interface.swift.
import CLI

extension Command {
    static var checkpoint: Command {
        Command(
            "checkpoint",
            summary: "write a running container into files",
            discussion: [
                "Uses criu(8), which must be installed and works as root. Memory, open files and all else of the container's processes goes to "
                    + "--image-path, and the container is deleted; \"%prog restore\" makes it again, here or on another host with the same rootfs. The "
                    + "rootfs itself, bind mounts and network devices are not part of the images.",
                "When criu fails, the container goes on, and the error quotes criu's log, which is dump.log in --work-path.",
                "With --pre-dump only the memory is written, while the container goes on. A later checkpoint with --parent-path then has to write "
                    + "no more than what changed since.",
                "The annotation org.criu.config of config.json names a file with further options for criu; without it, /etc/criu/cale.conf or "
                    + "/etc/criu/runc.conf is read where there is one.",
            ],
            options: [
                .imagePath("the directory for the images; it is made when it is missing"), .workPath,
                Option("parent-path", value: "DIR", help: "earlier images, relative to --image-path, on which these build: ../first"),
                Option("leave-running", help: "let the container go on"),
                Option("pre-dump", help: "write the memory alone, and let the container go on"),
                .tcpEstablished,
                Option("tcp-skip-in-flight", help: "leave out TCP connections that are not accepted yet"),
                Option("link-remap", help: "give open files that have no name any more one for the time being"),
                .extUnixSk, .shellJob, .fileLocks,
                Option("lazy-pages", help: "serve memory on --page-server's address, for a restore that fetches it page by page"),
                Option("status-fd", value: "N", help: "with --lazy-pages: write a zero byte to descriptor N when pages can be fetched"),
                Option("page-server", aliases: ["criu-page-server"], value: "ADDRESS:PORT", help: "send the memory to a page server, or with --lazy-pages listen there"),
                .manageCgroupsMode, .emptyNs, .autoDedup,
            ],
            arguments: [.container],
            examples: [
                Example("write the container web1 down, and make it again", "%prog checkpoint --image-path /var/tmp/web1 web1\n%prog restore --image-path /var/tmp/web1 --bundle /srv/web --detach web1"),
                Example("stop it for a short time only", "%prog checkpoint --pre-dump --image-path /var/tmp/a web1\n%prog checkpoint --image-path /var/tmp/b --parent-path ../a web1"),
            ],
            files: criuFiles(log: "dump.log"),
            seeAlso: ["restore", "pause"])
    }

    static var restore: Command {
        Command(
            "restore",
            summary: "make a container from the files of a checkpoint",
            discussion: [
                "Makes the container that \"%prog checkpoint\" wrote to --image-path, in the bundle from which it was made: its processes go on "
                    + "where they were. The namespaces, cgroup and bind mounts of config.json are there for them; hooks prestart and createRuntime run when "
                    + "the namespaces have been made, and poststop at the end.",
                "Without --detach the command waits for the container, as \"%prog run\" does. When criu fails, nothing is left, and the error quotes "
                    + "criu's log, which is restore.log in --work-path.",
                "Pipes that were the standard streams become those of the caller, and so do files and terminals that the container cannot reach by a path.",
                "With a user namespace of the container's own, the images get the group that its root has on the host, which has to read them; others get no access.",
            ],
            options: [
                .bundle, .config(short: "f"), .imagePath("the directory with the images"), .workPath,
                Option("console-socket", value: "SOCKET", completes: .files, help: "unix socket that is sent the container's terminal, if it has one"),
                Option("pid-file", value: "FILE", completes: .files, help: "write the pid of the container's first process to FILE"),
                Option("detach", "d", help: "return when the container runs"),
                .tcpEstablished,
                Option("tcp-close", help: "restore TCP connections as closed ones"),
                .extUnixSk, .shellJob, .fileLocks,
                Option("lazy-pages", help: "let a daemon of criu's (criu lazy-pages, in the same --work-path) fetch memory when it is needed"),
                .manageCgroupsMode, .emptyNs, .autoDedup,
                Option("lsm-profile", value: "TYPE:NAME", help: "another profile for the processes: apparmor:NAME, selinux:LABEL"),
                Option("lsm-mount-context", value: "LABEL", help: "another SELinux context for mounts"),
                Option("no-subreaper", help: "do not adopt processes that the container leaves behind while waiting for it"),
                Option("no-pivot", hidden: true, help: "ignored: criu changes the root in its own way"),
            ],
            arguments: [.newContainer],
            examples: [Example("make the container web1 again", "%prog restore --image-path /var/tmp/web1 --bundle /srv/web --detach web1")],
            exitStatuses: Term.ended,
            files: Term.bundleFiles.dropLast() + criuFiles(log: "restore.log"),
            seeAlso: ["checkpoint", "run"])
    }

    private static func criuFiles(log: String) -> [Term] {
        [
            Term(log, "in --work-path: what criu says of its work"),
            Term("/etc/criu/cale.conf, /etc/criu/runc.conf", "options for criu; the first that is there is read"),
            .stateRoot,
        ]
    }
}

extension Option {
    fileprivate static func imagePath(_ help: String) -> Option {
        Option("image-path", value: "DIR", completes: .directories, default: "checkpoint in the current directory", help: help)
    }
    fileprivate static var workPath: Option {
        Option("work-path", value: "DIR", completes: .directories, default: "that of --image-path", help: "the directory for criu's log")
    }
    fileprivate static var tcpEstablished: Option { Option("tcp-established", help: "allow open TCP connections") }
    fileprivate static var extUnixSk: Option { Option("ext-unix-sk", help: "allow unix sockets whose other end is outside of the container") }
    fileprivate static var shellJob: Option { Option("shell-job", help: "allow a terminal that is the caller's") }
    fileprivate static var fileLocks: Option { Option("file-locks", help: "allow file locks") }
    fileprivate static var autoDedup: Option { Option("auto-dedup", help: "remove from earlier images what later ones have") }
    fileprivate static var manageCgroupsMode: Option {
        Option(
            "manage-cgroups-mode", value: "MODE", words: ["soft", "full", "strict", "ignore"], default: "soft",
            help: "what becomes of cgroups and their properties that were dumped; criu(8) explains the modes")
    }
    fileprivate static var emptyNs: Option {
        Option("empty-ns", value: "TYPE", words: ["network"], repeatable: true, help: "leave out what is in namespaces of TYPE; network devices always are")
    }
}
