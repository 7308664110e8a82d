// What people and orchestrators can say to cale: declarations only. Parsing, help, man pages and completions are made from
// them by `CLI`; the files named like a command do the work.
//
// "%prog" stands for the name under which the program was called. Options that several commands share are at the end.
import CLI

extension Program {
    /// The command line of cale.
    static var cale: Program {
        Program(
            "cale",
            summary: "run containers from OCI bundles",
            discussion: [
                "A bundle is a directory with a file config.json, which describes a container, and a directory with its files, "
                    + "the rootfs. %prog starts the container that a bundle describes, as the runtime specification of the Open "
                    + "Container Initiative says, and looks after it until it is deleted.",
                "Docker, containerd, podman and CRI-O call %prog for you. By hand, three steps make a first container:",
                "  mkdir -p web/rootfs && tar -C web/rootfs -xf rootfs.tar\n  cd web && %prog spec\n  %prog run web1",
            ],
            version: BuildInformation.version,
            versionDetails: ["commit: " + BuildInformation.commit, "spec: " + BuildInformation.specification],
            globalOptions: globalOptions,
            commands: [
                .create, .start, .state, .kill, .delete, .run, .exec, .list, .ps, .pause, .resume, .update, .events, .checkpoint, .restore, .spec, .features, .plan,
            ],
            examples: [
                Example("run the bundle in the current directory as the container web1", "%prog run web1"),
                Example("see what would be done, without doing it", "%prog plan --bundle /srv/web"),
                Example("keep the containers of a test apart", "%prog --root /tmp/cale-test list"),
            ],
            exitStatuses: [
                Term("0", "the command was carried out"),
                Term("1", "it was not; the reason is on stderr, and in the file given by --log"),
                Term("other", "what the process of \"run\" or \"exec\" ended with; 128 and the signal's number when a signal ended it"),
            ],
            environment: [
                Term("XDG_RUNTIME_DIR", "for users other than root, the state of containers is in $XDG_RUNTIME_DIR/cale"),
                Term("NOTIFY_SOCKET", "a service manager's socket; the container gets one of its own, and READY=1 there is awaited and passed on"),
                Term("LISTEN_FDS", "how many sockets from descriptor 3 on are handed on to the container, if LISTEN_PID is %prog's own pid"),
                Term("NO_COLOR", "when set, help is printed without bold headings"),
            ],
            files: [
                Term("config.json", "the description of a container, in its bundle"),
                Term("/run/cale", "the state of containers, one directory each"),
            ])
    }

    private static var globalOptions: [Option] {
        [
            Option(
                "root", value: "DIR", completes: .directories, default: "/run/cale, for users $XDG_RUNTIME_DIR/cale",
                help: "directory for the state of containers; containers of another root are not seen"),
            Option("log", value: "FILE", completes: .files, default: "stderr", help: "append errors and warnings to FILE"),
            Option("log-format", value: "FORMAT", words: ["text", "json"], default: "text", help: "how lines of the log look"),
            Option("debug", help: "log the plan and every step that is executed"),
            Option("systemd-cgroup", help: "let systemd make the cgroups, the same as --cgroup-manager systemd; cgroupsPath is then \"slice:prefix:name\""),
            Option(
                "cgroup-manager", value: "MANAGER", words: ["cgroupfs", "systemd", "disabled"], default: "cgroupfs",
                help: "who makes the cgroups of containers"),
            Option(
                "rootless", value: "WHEN", words: ["auto", "true", "false"], default: "auto",
                help: "whether to go on without cgroups that the user may not make"),
            Option("criu", value: "FILE", completes: .files, default: "criu in $PATH", help: "the program that \"checkpoint\" and \"restore\" use"),
        ]
    }
}

// MARK: - Options and arguments of several commands

extension Option {
    static var bundle: Option {
        Option("bundle", "b", value: "DIR", completes: .directories, default: "the current directory", help: "the bundle: a directory with config.json")
    }
    /// `short` is nil where "-f" means something else.
    static func config(short: Unicode.Scalar?) -> Option {
        Option("config", short, value: "FILE", completes: .files, default: "config.json of the bundle", help: "read the configuration from FILE")
    }

    /// What `create` and `run` have in common.
    static var creating: [Option] {
        [
            .bundle, .config(short: "f"),
            Option("pid-file", value: "FILE", completes: .files, help: "write the pid of the container's first process to FILE"),
            Option(
                "console-socket", value: "SOCKET", completes: .files,
                help: "unix socket that is sent the container's terminal, when config.json asks for one"),
            Option("pidfd-socket", value: "SOCKET", completes: .files, help: "unix socket that is sent a pidfd of the container's first process"),
            Option("preserve-fds", value: "N", default: "0", help: "hand N more descriptors to the container, from 3 on and after those of $LISTEN_FDS"),
            Option("no-pivot", help: "change the root without pivot_root(2), which a rootfs on a ramdisk needs; weaker than the usual way"),
            Option("no-new-keyring", help: "let the container share the caller's session keyring"),
        ]
    }
}

extension Argument {
    /// The id of a container that exists.
    static var container: Argument { Argument("CONTAINER", completes: .containers, help: "the id of the container") }
    /// The id of a container to be made.
    static var newContainer: Argument {
        Argument("CONTAINER", help: "the id of the new container: letters, digits and _ + - . of your choice, unique below --root")
    }
}
