// What people and orchestrators can say to cale: declarations only. Parsing, help, man pages and completions are made from
// them by `CLI`; the files named like a command do the work.
//
// "%prog" stands for the name under which the program was called. Options that several commands share are at the end.
import CLI
import ContainerRuntime

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
            versionDetails: ["commit: " + BuildInformation.commit, "spec: " + BuildInformation.specification, "libseccomp: " + seccompLibraryVersion()],
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
                Term("other", "what the process of \"run\", \"restore\" or \"exec\" ended with; 128 and the signal's number when a signal ended it"),
            ],
            usualExitStatuses: Term.carriedOut,
            environment: [
                Term("XDG_RUNTIME_DIR", "for users other than root, the state of containers is in $XDG_RUNTIME_DIR/cale"),
                Term.notifySocket, Term.listenFDs,
                Term("NO_COLOR", "when set, help is printed without bold headings"),
            ],
            files: [
                Term("config.json", "the description of a container, in its bundle"),
                .stateRoot,
            ],
            chapters: [.annotations])
    }

    private static var globalOptions: [Option] {
        [
            Option(
                "root", value: "DIR", completes: .directories, default: "/run/cale, for users $XDG_RUNTIME_DIR/cale",
                help: "directory for the state of containers; containers of another root are not seen"),
            Option("log", value: "FILE", completes: .files, default: "stderr", help: "append errors and warnings to FILE; the error that ends a command is on stderr as well"),
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

// MARK: - Terms of several manual pages

extension Term {
    static var carriedOut: [Term] {
        [Term("0", "the command was carried out"), Term("1", "it was not; the reason is on stderr, and in the file given by --log")]
    }
    /// Of a command that waits for the container's program.
    static var ended: [Term] {
        [
            Term("0 to 255", "what the program ended with; 128 and the signal's number when a signal ended it; 0 with --detach"),
            Term("1", "also when the command was not carried out; the reason is on stderr, and in the file given by --log"),
        ]
    }
    static var stateRoot: Term { Term("/run/cale", "the state of containers, one directory each; --root names another") }
    static var bundleFiles: [Term] { [Term("config.json", "in the bundle: the description of the container"), .stateRoot] }
    static var notifySocket: Term {
        Term(
            "NOTIFY_SOCKET",
            "the socket of a service manager such as systemd. The container gets one of its own at /run/notify; \"start\", \"run --detach\" wait until its "
                + "program says READY=1 there, and tell the manager so, with the container's pid as MAINPID. \"run\" passes on what the program says of its status")
    }
    static var listenFDs: Term {
        Term(
            "LISTEN_FDS, LISTEN_PID, LISTEN_FDNAMES",
            "how many sockets from descriptor 3 on are handed on to the container, if LISTEN_PID is %prog's own pid, and their names; the program finds the same "
                + "variables, with LISTEN_PID=1")
    }
}

extension Chapter {
    /// spec-notes/runtime/annotations.md has the reasons.
    static var annotations: Chapter {
        Chapter(
            "ANNOTATIONS",
            [
                "These annotations of config.json change what %prog does. All others are handed on to hooks and to \"state\". \"features\" lists the keys as "
                    + "potentiallyUnsafeConfigAnnotations: who lets others write annotations must not let them write these."
            ],
            terms: [
                Term("org.criu.config", "a file with further options for criu(8), for \"checkpoint\" and \"restore\""),
                Term(
                    "org.systemd.property.NAME",
                    "with --systemd-cgroup: the property NAME of the container's scope, in the text format of GVariant: \"uint64 5000000\" for TimeoutStopUSec"),
                Term("run.oci.keep_original_groups", "1: the process keeps the caller's supplementary groups, and process.user.additionalGids is ignored"),
                Term("run.oci.mount_context_type", "context, fscontext, defcontext or rootcontext: the mount option that carries linux.mountLabel"),
                Term("run.oci.pidfd_receiver", "unix socket that is sent a pidfd of the container's first process, as with --pidfd-socket"),
                Term("run.oci.handler, run.oci.seccomp_bpf_data, run.oci.seccomp_fail_unknown_syscall", "refused: the container would not be what was asked for"),
                Term(
                    "run.oci.seccomp.receiver, run.oci.timens_offset, run.oci.systemd.subgroup, run.oci.delegate-cgroup, run.oci.systemd.force_cgroup_v1, "
                        + "run.oci.hooks.stdout, run.oci.hooks.stderr",
                    "ignored, with a warning that says what to use instead"),
            ])
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
