// Commands that make images, and that look whether what is there is as it should be.
import CLI

extension Command {
    static var repack: Command {
        Command(
            "repack",
            summary: "make a new image of a bundle",
            discussion: [
                "What was changed in the bundle since it was unpacked becomes a layer on top of the image's own; its configuration gets the changes "
                    + "that options ask for, and its history a line. Without a change there is no new layer.",
                "The image goes into an OCI layout or an OCI archive, the one that the bundle's image came from or another one, to which its layers are "
                    + "copied; it is made if nothing is there. A tag that leads to another image leads to this one afterwards.",
                "The same changes give the same layer, byte for byte. With SOURCE_DATE_EPOCH, no time in it is later than that, and the whole image is the same.",
            ],
            options: [
                Option("entrypoint", value: "WORD", repeatable: true, help: "a word of the new entrypoint; one empty word for none"),
                Option("cmd", value: "WORD", repeatable: true, help: "a word of the new command; one empty word for none"),
                Option("env", "e", value: "NAME=VALUE", repeatable: true, help: "a variable of the environment, besides the image's"),
                Option("user", "u", value: "USER[:GROUP]", help: "who runs it"),
                Option("workdir", "w", value: "PATH", help: "where it runs"),
                Option("label", "l", value: "NAME=VALUE", repeatable: true, help: "a label, besides the image's"),
                Option("port", "p", value: "PORT[/PROTOCOL]", repeatable: true, help: "a port that it listens on, besides the image's"),
                Option("stop-signal", value: "SIGNAL", help: "what asks it to end"),
                Option("author", value: "TEXT", help: "who has made it"),
                Option("created-by", value: "TEXT", default: "calque repack", help: "what the history says of the layer"),
                Option("comment", value: "TEXT", help: "what else the history says"),
                Option("compression", value: "KIND", words: ["gzip", "zstd", "none"], default: "gzip", help: "how the new layer is packed"),
                Option("source", value: "SOURCE", completes: .files, default: "where they were", help: "where the layers of the bundle's image are"),
                Option("format", "f", value: "FORMAT", words: ["text", "json"], default: "text", help: "how to print what was made"),
                Option("quiet", "q", help: "no warnings"),
            ],
            arguments: [
                Argument("BUNDLE", completes: .directories, help: "the bundle, as calque unpack has made it"),
                Argument("IMAGE[:TAG]", completes: .files, help: "an OCI layout directory or an OCI archive (a new one ends in .tar), and the new image's tag; \"latest\" if nothing is said"),
            ],
            examples: [
                Example("a new image beside the old one", "%prog unpack --image alpine:3.20 web && cp site.conf web/rootfs/etc && %prog repack web alpine:site"),
                Example("another program in an image of its own", "%prog repack --cmd httpd --port 80 web site.tar:1.0"),
            ],
            seeAlso: ["unpack", "inspect"])
    }

    static var verify: Command {
        Command(
            "verify",
            summary: "look whether layers, a bundle or an image are still what they were",
            discussion: [
                "Without a bundle, every layer of the store is compared with the record that was made of it when it was unpacked: names, kinds, contents "
                    + "(by checksums), owners, modes, times and attributes. The layers of an overlay bundle are, too; what its container has written is not looked at.",
                "Of files that the kernel protects since --verity on, it is asked for the digest, and they are not read: whatever is read of them later is what "
                    + "was unpacked, or an error. \"fs-verity\" is said of a file that was protected and is no longer, or as another one.",
                "The tree of a flat bundle is compared with the image's layers, unpacked again while their digests are checked: what a container has "
                    + "changed in it is found as well. With --image, all layers of an image are read, and their digests and diff ids compared.",
                "What differs is listed by name, and the exit status is 1.",
            ],
            options: [
                .store, .image, .platform,
                Option("source", value: "SOURCE", completes: .files, default: "where they were", help: "where the layers of the bundle's image are"),
                Option("read-all", help: "read files that the kernel protects, too: that finds damage of the disk"),
                Option("format", "f", value: "FORMAT", words: ["text", "json"], default: "text", help: "how to print it"),
            ],
            arguments: [Argument("BUNDLE", completes: .directories, optional: true, help: "the bundle; the store without it")],
            examples: [Example("all layers of the store", "%prog verify"), Example("what was changed in a bundle", "%prog verify web")],
            seeAlso: ["unpack", "gc"])
    }
}
