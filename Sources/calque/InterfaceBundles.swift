// Commands about bundles that share layers, and about their store.
import CLI

extension Command {
    static var run: Command {
        Command(
            "run",
            summary: "run a program of an image, and leave nothing behind",
            discussion: [
                "Unpacks the image into an overlay bundle in the store, runs it with an OCI runtime, and removes the bundle. What stands after \"--\" "
                    + "takes the place of the image's command; its entrypoint stays. The exit status is the container's.",
                "Layers stay in the store, so that the next start needs one mount; volumes with names stay as well.",
            ],
            options: [
                Option("platform", value: "OS/ARCH[/VARIANT]", default: "this machine's", help: "which image of a multi-platform one"),
                .store, .verity, .volume,
                Option("env", "e", value: "NAME=VALUE", repeatable: true, help: "a variable of the program's environment"),
                Option("tty", "t", help: "give the container a terminal"),
                Option(
                    "network", value: "NETWORK", completes: .words(["host", "none"]), default: "none for root, host for others",
                    help: "host, none, or the path of a network namespace"),
                Option("runtime", value: "PROGRAM", completes: .files, default: "cale", help: "the OCI runtime: a path, or a name to be found in PATH"),
                Option("name", value: "NAME", help: "the container's id"),
                Option("keep", help: "keep the bundle, and say where it is"),
                .progress,
                Option("quiet", "q", help: "no progress and no warnings"),
            ],
            arguments: [Argument("SOURCE[:TAG]", completes: .files, help: "the image, as for unpack --image")],
            trailing: Argument("COMMAND", optional: true, repeating: true, help: "what runs instead of the image's command"),
            examples: [
                Example("a shell in an image", "%prog run --tty alpine:3.20 -- sh"),
                Example("with data that stay", "%prog run --volume db:/var/lib/db postgres"),
            ],
            seeAlso: ["unpack", "gc"])
    }

    static var list: Command {
        Command(
            "list", aliases: ["ls"],
            summary: "list the images of a source, or the bundles of a store",
            options: [.store, Option("format", "f", value: "FORMAT", words: ["text", "json"], default: "text", help: "how to print it")],
            arguments: [Argument("SOURCE", completes: .files, optional: true, help: "an OCI layout, an OCI archive or a docker-archive; the store's bundles without it")],
            examples: [Example("what is in an archive", "%prog list images.tar"), Example("who shares layers", "%prog list")],
            seeAlso: ["inspect"])
    }

    static var mount: Command {
        Command(
            "mount",
            summary: "mount the layers of an overlay bundle on its rootfs",
            discussion: [
                "For bundles made with --mount-by hand, whose runtime cannot mount on \"/\". Only root can do it: without root, a runtime that mounts the layers "
                    + "itself, such as cale or runc, runs a bundle of the other kind."
            ],
            options: [],
            arguments: [Argument("BUNDLE", completes: .directories, help: "the bundle")],
            examples: [Example("run a bundle with crun", "%prog mount web && crun run --bundle web web1; %prog umount web")],
            seeAlso: ["umount", "unpack"])
    }

    static var umount: Command {
        Command(
            "umount", aliases: ["unmount"],
            summary: "unmount the rootfs of an overlay bundle",
            arguments: [Argument("BUNDLE", completes: .directories, help: "the bundle")],
            seeAlso: ["mount"])
    }

    static var delete: Command {
        Command(
            "delete", aliases: ["rm"],
            summary: "remove a bundle and its writable layer",
            discussion: ["Volumes with names and directories of the host stay; layers stay until gc finds that nobody uses them."],
            arguments: [Argument("BUNDLE", completes: .directories, help: "the bundle")],
            seeAlso: ["gc"])
    }

    static var gc: Command {
        Command(
            "gc",
            summary: "remove layers that no bundle uses, and what killed processes left behind",
            discussion: ["Waits until nobody is unpacking into the store. Volumes are never removed."],
            options: [.store],
            seeAlso: ["list", "delete"])
    }
}
