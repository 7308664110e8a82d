// What people and scripts can say to calque: declarations only. Parsing, help, man pages and completions are made from them
// by `CLI`; the files named like a command do the work.
import CLI

extension Program {
    /// The command line of calque.
    static var calque: Program {
        Program(
            "calque",
            summary: "unpack container images into bundles, and pack them again",
            discussion: [
                "An image is a file tree in layers, and a configuration that says how to run it. %prog makes a bundle of it: a directory "
                    + "with the tree as rootfs, and a config.json for a runtime such as cale.",
                "Every digest, every size and every diff id is checked while it is read. Nothing outside of the bundle and the store is touched, "
                    + "whatever the image says, and after a failure nothing is left.",
                "An image comes as an OCI layout directory, as an OCI archive, or as docker save writes it. skopeo fetches images: ",
                "  skopeo copy docker://alpine:latest oci:alpine:latest\n  %prog unpack --image alpine:latest web\n  cale run --bundle web web1",
            ],
            version: "0.1.0",
            versionDetails: ["image-spec: 1.1.1", "runtime-spec: 1.3.0"],
            commands: [.unpack, .run, .inspect, .list, .repack, .verify, .mount, .umount, .delete, .gc],
            examples: [
                Example("unpack the image \"latest\" of a layout", "%prog unpack --image alpine web"),
                Example("run a program of an image, and leave nothing", "%prog run alpine:3.20 -- cat /etc/alpine-release"),
                Example("unpack what docker saved", "docker save -o alpine.tar alpine:3.20 && %prog unpack --image alpine.tar:3.20 web"),
            ],
            exitStatuses: [
                Term("0", "the command was carried out"),
                Term("1", "it was not, or \"verify\" has found a difference; the reason is on stderr"),
                Term("other", "what the container of \"run\" ended with"),
                Term("128 and more", "a signal ended it: 128 and the signal's number"),
            ],
            environment: [
                Term("NO_COLOR", "when set, help is printed without bold headings"),
                Term("SOURCE_DATE_EPOCH", "for repack: the time of the new image, in seconds since 1970"),
            ],
            files: [
                Term("config.json", "in the bundle: the description of the container, for the runtime"),
                Term("image", "in the bundle: what repack must know of the image"),
                Term("/var/lib/calque", "root's store of layers and volumes; of others below XDG_DATA_HOME or ~/.local/share"),
            ])
    }
}

extension Option {
    static var progress: Option {
        Option(
            "format", "f", value: "FORMAT", words: ["text", "json"], default: "text",
            help: "how progress and warnings are told on stderr: bars on a terminal and plain lines, or an object of JSON in a line for each event")
    }
    static var image: Option {
        Option(
            "image", value: "SOURCE[:TAG]", completes: .files,
            help: "an OCI layout directory, an OCI archive or a docker-archive (- for stdin), and which of its images: a tag, or @DIGEST; \"latest\" if nothing is said")
    }
    static var platform: Option {
        Option("platform", value: "OS/ARCH[/VARIANT]", default: "this machine's", help: "which image of a multi-platform one")
    }
    static var store: Option {
        Option(
            "store", value: "DIR", completes: .directories, default: "/var/lib/calque, or ~/.local/share/calque without root",
            help: "where layers are shared, and volumes with names lie")
    }
    static var verity: Option {
        Option(
            "verity", value: "WHEN", words: ["off", "auto", "on"], default: "off",
            help: "whether the kernel protects the files of layers against any change (fs-verity): never, where the file system of the store can, or else nothing is unpacked")
    }
    static var volume: Option {
        Option(
            "volume", "v", value: "NAME:PATH[:ro]", repeatable: true,
            help: "a volume at PATH: one with a name, which outlives the container, or a directory of the host by its absolute path")
    }
}

extension Command {
    static var unpack: Command {
        Command(
            "unpack",
            summary: "make a bundle of an image",
            discussion: [
                "The bundle must not exist yet. Its rootfs is the image's tree, all layers in one; its config.json says what the image's "
                    + "configuration says: program, environment, user, working directory, labels as annotations, volumes as directories of the bundle.",
                "Layers that the store has already are copied from there, or share their blocks where the file system can do that.",
                "With --mode overlay the layers lie in a store, unpacked once and shared by all bundles, and the bundle has a writable layer "
                    + "of its own on top. config.json begins with that mount, so that the container alone sees it. Such a bundle cannot be moved.",
                "With --verity on, nobody can change the files of those layers afterwards, root neither, and damage of the disk is an error where they are "
                    + "read; layers that are in the store already get it as well. The file system must have fs-verity: ext4 with its feature \"verity\", f2fs, btrfs. It takes "
                    + "time: ext4 waits for the disk twice with each file, and takes 4 KiB more for it. calque verify tells a file that was replaced.",
                "On a terminal each layer that is being unpacked has a bar with its packed bytes and their rate; nothing of it goes into a pipe or a file.",
                "Without root, device nodes are empty files, and the configuration has a user namespace. Owners have ids of the ranges that /etc/subuid "
                    + "and /etc/subgid give the caller; where they give none, all files belong to the caller, and user.rootlesscontainers says whose they are in the image.",
            ],
            options: [
                .image, .platform,
                Option("mode", value: "MODE", words: ["flat", "overlay"], default: "flat", help: "one directory, or layers that bundles share"),
                Option(
                    "mount-by", value: "WHO", words: ["runtime", "hand"], default: "runtime",
                    help: "who mounts the layers of an overlay bundle: its runtime, or calque mount for a runtime that cannot, such as crun"),
                .store, .verity, .volume,
                Option("rootless", help: "make a bundle for an unprivileged user, which is the default for one"),
                Option(
                    "owners", value: "HOW", words: ["mapped", "recorded"], default: "mapped where /etc/subuid gives ranges of ids",
                    help: "without root: owners have ids of those ranges, or are recorded in an attribute of files that all belong to the caller"),
                Option("no-size-limit", help: "take layers that unpack to more than 200 times their size"),
                Option("no-terminal", help: "describe a container without a terminal"),
                Option("trust-labels", help: "keep labels that mean something to a runtime, such as org.systemd.property.*"),
                .progress,
                Option("quiet", "q", help: "no progress and no warnings"),
            ],
            arguments: [Argument("BUNDLE", completes: .directories, help: "the bundle to be made")],
            examples: [
                Example("a bundle of the image with the tag 3.20", "%prog unpack --image alpine:3.20 web"),
                Example("one that shares its layers", "%prog unpack --mode overlay --image alpine:3.20 web"),
                Example("for a program that watches", "%prog unpack --format json --image alpine:3.20 web 2> events"),
                Example("for another machine", "%prog unpack --image alpine --platform linux/arm64 web"),
            ],
            seeAlso: ["run", "inspect", "mount", "gc"])
    }

    static var inspect: Command {
        Command(
            "inspect",
            summary: "show what an image is made of",
            discussion: ["Shows the tags of the source, and of the image its layers with their sizes, its history and its configuration. No layer is read."],
            options: [
                .image, .platform,
                Option("format", "f", value: "FORMAT", words: ["text", "json"], default: "text", help: "how to print it"),
            ],
            examples: [Example("look into a layout", "%prog inspect --image alpine:3.20")],
            seeAlso: ["unpack"])
    }
}
