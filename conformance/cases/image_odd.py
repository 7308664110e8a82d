"""Images that other unpackers have stumbled over: archives of old and odd archivers, layers that repeat or contradict each other, packings with more in them.

What is expected is what the specification says, and where it says nothing, what docker and podman make of such an image. Trees are compared in both
modes: see `both`.
"""
import gzip
import json
import os
import random
import stat
import struct
import subprocess
import tarfile
import zlib

from cases.image_repack import edited
from images import HOST, TIME, digest, image_case, tagged, tar, zstd
from support import Result

FIFO, LINK, HARD = ({"type": tarfile.FIFOTYPE}, {"type": tarfile.SYMTYPE}, {"type": tarfile.LNKTYPE})


def link(target):
    return {**LINK, "linkname": target}


def hard(target):
    return {**HARD, "linkname": target}


def header(name, content=b"", kind=b"0", magic=b"ustar\x0000", prefix=b"", mode=b"0000644\0", checksum=lambda total: b"%06o\0 " % total, signed=False):
    """An entry as no archiver of today writes it, with what fills its last block."""
    block = bytearray(512)
    for at, field in ((0, name), (100, mode), (108, b"0000000\0"), (116, b"0000000\0"), (124, b"%011o\0" % len(content)), (136, b"%011o\0" % TIME),
                      (148, b" " * 8), (156, kind), (257, magic), (345, prefix)):
        block[at:at + len(field)] = field
    block[148:156] = checksum(sum(byte - 256 if signed and byte > 127 else byte for byte in block))
    return bytes(block) + content + bytes(-len(content) % 512)


END = bytes(1024)


def both(i, *layers):
    """The tree of an image of these layers, by names; the same in both modes."""
    i.layout.write(tagged(i.layout.manifest(*layers)))
    flat, overlay = ({name: json.loads(json.dumps(value)) for name, value in edited(i, mode, "true").items()} for mode in ("flat", "overlay"))
    assert flat == overlay, {name: (flat.get(name), overlay.get(name)) for name in flat.keys() | overlay.keys() if flat.get(name) != overlay.get(name)}
    return {os.fsdecode(eval(name)): value for name, value in flat.items()}


def is_kind(value, test):
    return test(int(value[0], 8))


@image_case("an entry below what is no directory: a directory takes its place, of a link to a file the link's")
def below_files(i):
    lower = tar(("f", "old\n"), ("l", link("f")), ("p", dict(FIFO)), ("d", None))
    tree = both(i, lower, tar(("f/x/y", "y\n"), ("p/x", "x\n")))
    assert {"f", "f/x", "f/x/y", "p/x"} <= tree.keys() and is_kind(tree["f"], stat.S_ISDIR) and stat.S_IMODE(int(tree["f"][0], 8)) == 0o755, tree
    tree = both(i, lower, tar(("l/x", "x\n")))
    assert "l/x" in tree and is_kind(tree["f"], stat.S_ISREG) and is_kind(tree["l"], stat.S_ISDIR), tree
    # in one layer
    assert both(i, tar(("f", "1"), ("f/x", "2"))).keys() == {".", "f", "f/x"}
    # whiteouts have nothing to hide there
    assert both(i, lower, tar(("f/.wh.x", ""), ("l/.wh..wh..opq", ""), ("p/x/.wh.y", ""))).keys() == {".", "f", "l", "p", "d"}


@image_case("a layer that an image has several times, next to each other or not")
def repeated(i):
    empty, one, two = tar(), tar(("d", None), ("d/f", "1"), ("d/.wh.g", "")), tar(("d", {"type": tarfile.DIRTYPE, "mode": 0o700}), ("d/f", "2"), ("d/g", "2"))
    below = tar(("d", None), ("d/g", "0"), ("d/kept", "k"))
    for layers in ((empty,) * 4, (below, empty, empty, empty), (below, one, one, one), (below, below, below)):
        both(i, *layers)
    tree = both(i, below, one, two, empty, one, empty, one)
    assert tree.keys() == {".", "d", "d/f", "d/kept"} and tree["d/f"][5] == digest(b"1"), tree
    opaque = tar(("d", None), ("d/.wh..wh..opq", ""), ("d/o", "o"))
    assert both(i, below, opaque, two, opaque).keys() == {".", "d", "d/o"}
    # a bundle of them can be packed again
    i.layout.write(tagged(i.layout.manifest(below, one, one, empty, empty)))
    i.unpack("--mode", "overlay", "--store", str(i.layout.path.parent / "store")).ok()
    (i.bundle / "overlay/upper/new").write_text("n")
    Result([], subprocess.run([i.program, "repack", str(i.bundle), f"{i.layout.path}:new"], capture_output=True, timeout=60)).ok()
    i.unpack(tag="new").ok()
    assert sorted(os.listdir(i.bundle / "rootfs/d")) == ["f", "kept"] and (i.bundle / "rootfs/new").read_text() == "n"


@image_case("hard links to links, fifos and files of lower layers, through links, over directories, below directories that no entry makes")
def hard_links(i):
    lower = tar(("d", None), ("d/f", "f"), ("s", link("nowhere")), ("p", dict(FIFO)), ("l", link("/d")), ("h", None), ("h/in", "x"))
    tree = both(i, lower, tar(("a/b/c", hard("/d/f")), ("t", hard("./s")), ("q", hard("p")), ("h", hard("l/f")), ("d/f", hard("d/f"))))
    assert is_kind(tree["t"], stat.S_ISLNK) and is_kind(tree["q"], stat.S_ISFIFO) and "h/in" not in tree, tree
    assert tree["a/b/c"][6] == tree["h"][6] == tree["d/f"][6], tree
    # it is made when its turn comes: of the file that lies below, not of the one that replaces it
    tree = both(i, lower, tar(("n", hard("d/f")), ("d/f", "new")))
    assert tree["n"][5] == digest(b"f") and tree["d/f"][5] == digest(b"new")
    for layers in ((tar(("n", hard("later")), ("later", "x")),), (lower, tar(("d/.wh.f", ""), ("n", hard("d/f"))))):
        i.layout.write(tagged(i.layout.manifest(*layers)))
        i.refused("link /n to")


@image_case("whiteouts with a slash or content, through .., below links to nothing, of links; notes of aufs")
def whiteouts(i):
    lower = tar(("d", None), ("d/f", "f"), ("f", "f"), ("l", link("/d")), ("dead", link("/nowhere")), (".hidden", "h"))
    assert "d" not in both(i, lower, tar((".wh.d", None), (".wh.f", "content")))
    assert "f" not in both(i, lower, tar(("x/../.wh.f", "")))
    tree = both(i, lower, tar((".wh.l", ""), (".wh..hidden", ""), ("dead/.wh.f", ""), ("dead/.wh..wh..opq", "")))
    assert tree.keys() == {".", "d", "d/f", "f", "dead"}, tree
    tree = both(i, lower, tar(("d/.wh.f", ""), (".wh.d", ""), ("d/a/.wh.b", ""), ("d/a/b/.wh..wh..opq", ""), ("d/.wh..wh..opq", ""), ("d/a/c", "c")))
    assert {name for name in tree if name.startswith("d/")} == {"d/a", "d/a/c"}, tree
    assert both(i, lower, tar((".wh..wh.plnk", None), (".wh..wh.plnk/12.34", "x"), (".wh..wh.orph", None), (".wh..wh.aufs", "x"))).keys() == both(i, lower).keys()


@image_case("headers of old archivers: signed checksums, old directories, prefixes of Go before 1.8 and of star, records without values, no end")
def old_headers(i):
    deep = b"usr/lib/" + b"n" * 60
    archive = (header(b"caf\xe9", b"1", signed=True) + header(b"v7", b"2", kind=b"\0", magic=b"\0" * 8) + header(b"v7d/", kind=b"\0", mode=b"0000755\0")
               + header(b"nul", b"3", checksum=lambda total: b"\0%06o\0" % total) + header(b"go", b"4", magic=b"ustar  \0", prefix=deep)
               + header(b"contiguous", b"5", kind=b"7") + header(b"pax", b"7 uid=\n8 size=\n9 mtime=\n", kind=b"x") + header(b"empty", b"6")
               + header(b"pax_global_header", b"52 comment=0123456789012345678901234567890123456789\n", kind=b"g") + header(b"last", b"7"))
    for end in (b"", bytes(512), END, END + b"what follows is hashed and not read"):
        tree = both(i, archive + end)
        files = {name: value[5] for name, value in tree.items() if is_kind(value, stat.S_ISREG)}
        names = ("caf\udce9", "v7", "nul", deep.decode() + "/go", "contiguous", "empty", "last")
        assert files == {name: digest(b"%d" % (number + 1)) for number, name in enumerate(names)} and is_kind(tree["v7d"], stat.S_ISDIR), tree


@image_case("attributes that a file cannot have cost a warning; a capability of a namespace stays what it is")
def attributes(i):
    capability = bytes.fromhex("0100000300200000000000000000000000000000e8030000")
    archive = tar(("l", {**LINK, "linkname": "x", "pax_headers": {"SCHILY.xattr.user.note": "x"}}), ("p", {**FIFO, "pax_headers": {"SCHILY.xattr.user.note": "x"}}),
                  ("f", {"data": b"x", "pax_headers": {"SCHILY.xattr.foo": "x", "SCHILY.xattr.user.empty": "", "SCHILY.xattr.com.apple.provenance": "x"}}))
    record = b" SCHILY.xattr.security.capability=" + capability + b"\n"
    archive = header(b"pax", b"%d" % (len(record) + 2) + record, kind=b"x") + header(b"cap", b"x") + archive
    tree = both(i, archive)
    assert tree["cap"][7] == {"security.capability": capability.hex()} and tree["f"][7] == {"user.empty": ""} and not tree["l"][7] | tree["p"][7], tree
    i.layout.write(tagged(i.layout.manifest(archive)))
    assert i.unpack().err.count("only files and directories have attributes such as user.note") == 2


@image_case("gzip with all fields of its header, several and empty members, as eStargz has them; nothing behind them")
def gzip_forms(i):
    archive = tar(("f", os.urandom(9000)), ("stargz.index.json", "{}"), (".no.prefetch.landmark", "\x0f"))
    wanted = both(i, archive)

    def member(data, flags, fields=b""):
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        start = b"\x1f\x8b\x08" + bytes([flags]) + bytes(5) + b"\xff" + fields
        start += struct.pack("<H", zlib.crc32(start) & 0xffff) if flags & 2 else b""
        return start + packer.compress(data) + packer.flush() + struct.pack("<II", zlib.crc32(data), len(data))
    extra = struct.pack("<H", 26) + b"SG" + struct.pack("<H", 22) + b"%016xSTARGZ" % 1234
    good = {"fields": member(archive, 30, extra + b"name.tar\0a comment\0"), "members": b"".join(member(archive[at:at + 700], 0) for at in range(0, len(archive), 700)),
            "empty": member(b"", 0) + member(archive, 8, b"n\0") + member(b"", 4, extra)}
    for what, packed in good.items():
        assert both(i, i.layout.layer(archive, "+gzip", lambda data: packed)) == wanted, what
    for more in (b"\0", bytes(512), b"garbage", b"\x1f", b"\x1f\x8b"):
        i.layout.write(tagged(i.layout.manifest(i.layout.layer(archive, "+gzip", lambda data: gzip.compress(data) + more))))
        i.refused("after the end of the gzip data|in the middle|corrupt")
    skipped = b"\x50\x2a\x4d\x18" + struct.pack("<I", 10) + b"0123456789"
    packed = skipped + zstd(archive[:600]) + skipped + zstd(b"") + zstd(archive[600:]) + skipped
    assert both(i, i.layout.layer(archive, "+zstd", lambda data: packed)) == wanted


@image_case("docker save: a layer that is there twice as a link, packed layers, and an archive that is packed as a whole")
def docker_archives(i):
    one, two = tar(("f", "1")), tar(("g", "2"))
    config = json.dumps({"architecture": HOST, "os": "linux", "rootfs": {"type": "layers", "diff_ids": [digest(layer) for layer in (one, two, two, two)]}}).encode()
    name = digest(config)[7:] + ".json"
    manifest = json.dumps([{"Config": name, "RepoTags": ["registry:5000/app:1"], "Layers": ["1/layer.tar", "2/layer.tar", "3/layer.tar", "4.tar"]}])
    archive = tar((name, config), ("1/layer.tar", gzip.compress(one)), ("2/layer.tar", two), ("3/layer.tar", link("../2/layer.tar")), ("4.tar", hard("2/layer.tar")), ("manifest.json", manifest))
    path = i.layout.path.parent / "saved.tar"
    path.write_bytes(archive)
    store = str(i.layout.path.parent / "store")
    for options in ((), ("--mode", "overlay", "--store", store)):
        command = [i.program, "unpack", *options, "--image", f"{path}:1", str(i.bundle)]
        Result(command, subprocess.run(command, capture_output=True, timeout=60)).ok()
        if not options:
            assert sorted(os.listdir(i.bundle / "rootfs")) == ["f", "g"]
        subprocess.run([i.program, "delete", str(i.bundle)], check=True)
    for pack, program in ((gzip.compress, "gzip"), (zstd, "zstd")):
        path.write_bytes(pack(archive))
        command = [i.program, "unpack", "--image", f"{path}:1", str(i.bundle)]
        Result(command, subprocess.run(command, capture_output=True, timeout=60)).failed(f"the archive is compressed with {program}; hint: it is read in place: {program} -dc")


@image_case("users, directories, volumes and entries of the environment in odd forms")
def odd_configurations(i):
    accounts = tar(("etc/passwd", "# none\n\nweb:x:101:102::/srv/web:\nbad:x:y:1::/:\nlast:x:7:8::/last:/bin/sh"), ("etc/group", "logs:x:200:web, x\nadm:x:201:x,web\n"))
    for text, uid, gid, more in (("web:", 101, 102, {200, 201}), (":logs", 0, 200, set()), ("007", 7, 8, set()), ("last", 7, 8, set()), ("4294967294:5", 4294967294, 5, set())):
        found = i.config({"User": text}, accounts)["process"]["user"]
        assert (found["uid"], found["gid"], set(found.get("additionalGids", []))) == (uid, gid, more), (text, found)
    for text in ("bad", "-1", "+5", "0x5", " web", "web\n", "4294967295", "99999999999999999999", "web:200:3"):
        i.layout.write(tagged(i.layout.manifest(accounts, config={"User": text})))
        i.refused("config.User")
    for text, user in (("0", 0), ("1000:1000", 1000), ("", 0)):
        assert i.config({"User": text}, tar())["process"]["user"]["uid"] == user  # without files of accounts
    assert i.config({"WorkingDir": "relative/place"})["process"]["cwd"] == "/relative/place"
    found = i.config({"Env": ["NOTHING", "=x", "", "A=", "A=2", "B=c=d"], "Volumes": {"/v": None, "/v/": {}, "/a/../w": {}, "/..x y": {}}, "ExposedPorts": {"80/tcp": None}})
    assert found["process"]["env"][:3] == ["A=", "A=2", "B=c=d"], found["process"]["env"]
    places = [mount["destination"] for mount in found["mounts"]]
    assert {"/v", "/w", "/..x y"} <= set(places) and len(places) == len(set(places)), places
    for wrong in ("data", ""):
        i.layout.write(tagged(i.layout.manifest(tar(("f", "x")), config={"Volumes": {wrong: {}}})))
        i.refused("a volume is an absolute path")


def random_layer(dice, files):
    """Up to six entries whose names meet again and again; `files` are names that hard links may lead to."""
    def name():
        return "/".join(dice.choice("abc") for _ in range(dice.choice((1, 1, 2, 2, 3))))
    entries = []
    for _ in range(dice.randint(1, 6)):
        here, kind, time = name(), dice.random(), TIME + dice.randint(1, 10 ** 6)
        parent, _, last = here.rpartition("/")
        if kind < 0.3:
            files.append(here)
            entries.append((here, {"data": b"%d" % dice.randint(0, 99), "mtime": time}))
        elif kind < 0.5:
            entries.append((here, {"type": tarfile.DIRTYPE, "mode": dice.choice((0o755, 0o700, 0o1777, 0)), "mtime": time}))
        elif kind < 0.62:
            entries.append((here, {**link(dice.choice(("", "/", "../")) + name()), "mtime": time}))
        elif kind < 0.76:
            target = dice.choice(files) if files else name()
            entries.append((here, hard(target if dice.random() < 0.8 else name() + "/" + target.split("/")[-1])))
        elif kind < 0.9:
            entries.append((f"{parent}/.wh.{last}" if parent else f".wh.{last}", ""))
        else:
            entries.append((f"{here}/.wh..wh..opq" if kind < 0.98 else ".wh..wh..opq", ""))
    return entries


@image_case("layers at random: both modes give one tree, or both refuse them")
def at_random(i):
    trees = 0
    for seed in range(60):
        dice, files = random.Random(seed), []
        layers = [random_layer(dice, files) for _ in range(dice.randint(2, 4))]
        archives = [tar(*((name, dict(content) if isinstance(content, dict) else content) for name, content in layer)) for layer in layers]
        if seed % 5 == 0:
            archives.append(dice.choice(archives))
        i.layout.write(tagged(i.layout.manifest(*archives)))
        if i.unpack().status == 0:
            trees += 1
            try:
                both(i, *archives)
            except AssertionError as difference:
                raise AssertionError(f"seed {seed}: {layers}: {difference}") from None
        else:
            i.unpack("--mode", "overlay", "--store", str(i.layout.path.parent / "store")).failed()
    assert trees > 20, trees
