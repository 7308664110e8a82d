"""layer.md: archives become trees."""
import gzip
import os
import stat
import tarfile

from images import TIME, image_case, tagged, tar, zstd


@image_case("files, directories, links, fifos and devices with owner, mode and time", "IM-layer-001", "IM-layer-003")
def attributes(i):
    root = i.image(tar(
        ("d", {"type": tarfile.DIRTYPE, "mode": 0o1750, "uid": 11, "gid": 22}),
        ("d/f", {"data": b"x\n", "mode": 0o4640, "uid": 33, "gid": 44, "uname": "nobody", "gname": "nobody"}),
        ("d/s", {"type": tarfile.SYMTYPE, "linkname": "../no/where", "uid": 55, "gid": 66}),
        ("d/h", {"type": tarfile.LNKTYPE, "linkname": "d/f"}),
        ("p", {"type": tarfile.FIFOTYPE, "mode": 0o600}),
        ("c", {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 7, "mode": 0o666}),
        ("b", {"type": tarfile.BLKTYPE, "devmajor": 7, "devminor": 9, "mode": 0o660}),
        ("big", {"data": b"x", "uid": 3000000, "gid": 4000000, "mtime": TIME + 0.25})))
    def owner(name):
        status = (root / name).lstat()
        return status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)
    assert owner("d") == (11, 22, 0o1750) and owner("d/f") == (33, 44, 0o4640) and owner("d/s")[:2] == (55, 66), [owner("d"), owner("d/f"), owner("d/s")]
    assert owner("big")[:2] == (3000000, 4000000) and (root / "big").stat().st_mtime == TIME + 0.25
    assert os.readlink(root / "d/s") == "../no/where" and (root / "d/h").stat().st_ino == (root / "d/f").stat().st_ino
    assert stat.S_ISFIFO((root / "p").lstat().st_mode)
    for name, kind, number in (("c", stat.S_ISCHR, os.makedev(1, 7)), ("b", stat.S_ISBLK, os.makedev(7, 9))):
        status = (root / name).lstat()
        assert kind(status.st_mode) and status.st_rdev == number
    for name in ("d", "d/f", "d/s", "p", "c"):
        assert (root / name).lstat().st_mtime == TIME, name


@image_case("extended attributes", "IM-layer-003")
def xattrs(i):
    capability = bytes.fromhex("0100000200040000000000000000000000000000")
    root = i.image(tar(("f", {"data": b"x", "pax_headers": {"SCHILY.xattr.user.note": "héllo", "SCHILY.xattr.security.capability": capability.decode("latin-1")}})))
    assert os.getxattr(root / "f", "user.note") == "héllo".encode()
    assert os.getxattr(root / "f", "security.capability")[:8] == capability[:8]


@image_case("of two entries with one name the later counts", "IM-layer-002")
def duplicates(i):
    root = i.image(tar(("f", "first\n"), ("f", "second\n"), ("d", None), ("d", {"type": tarfile.DIRTYPE, "mode": 0o700})))
    assert (root / "f").read_text() == "second\n" and stat.S_IMODE((root / "d").stat().st_mode) == 0o700


@image_case("a directory over a directory takes the new attributes and keeps what is in it", "IM-layer-008")
def directory_attributes(i):
    root = i.image(tar(("d", {"type": tarfile.DIRTYPE, "mode": 0o755}), ("d/f", "x\n")), tar(("d", {"type": tarfile.DIRTYPE, "mode": 0o700, "uid": 7, "mtime": TIME + 9})))
    status = (root / "d").stat()
    assert (root / "d/f").exists() and stat.S_IMODE(status.st_mode) == 0o700 and status.st_uid == 7 and status.st_mtime == TIME + 9


@image_case("in all other cases the old goes first: file, directory and link over each other", "IM-layer-009")
def replaced(i):
    link = {"type": tarfile.SYMTYPE, "linkname": "/elsewhere"}
    root = i.image(
        tar(("elsewhere", None), ("elsewhere/kept", "x\n"), ("a", None), ("a/deep", "x\n"), ("b", "file\n"), ("c", dict(link)), ("d", dict(link)), ("e", "long text\n"),
            ("e2", {"type": tarfile.LNKTYPE, "linkname": "e"})),
        tar(("a", "file\n"), ("b", None), ("b/new", "y\n"), ("c", "file\n"), ("d", None), ("d/in", "y\n"), ("e", "s\n")))
    assert (root / "a").read_text() == "file\n" and (root / "b/new").read_text() == "y\n"
    assert not (root / "c").is_symlink() and (root / "c").read_text() == "file\n"
    assert (root / "d").is_symlink() is False and (root / "d/in").exists() and os.listdir(root / "elsewhere") == ["kept"]
    # the other name of a replaced file keeps the old content
    assert (root / "e").read_text() == "s\n" and (root / "e2").read_text() == "long text\n"


@image_case("a whiteout hides a file, or a directory with all that is in it, and is not seen itself", "IM-layer-007", "IM-layer-010")
def whiteouts(i):
    root = i.image(tar(("etc", None), ("etc/conf", "x"), ("etc/kept", "x"), ("dir", None), ("dir/f", "x"), ("dir/sub", None), ("dir/sub/g", "x")),
                   tar(("etc/.wh.conf", ""), (".wh.dir", ""), (".wh.nothing", "")))
    assert sorted(str(path.relative_to(root)) for path in root.rglob("*")) == ["etc", "etc/kept"]


@image_case("a whiteout hides what lies below, and not what its own layer brings, in any order", "IM-layer-011", "IM-layer-012")
def own_layer(i):
    for entries in ((("d/.wh.f", ""), ("d/f", "new\n")), (("d/f", "new\n"), ("d/.wh.f", ""))):
        root = i.image(tar(("d", None), ("d/f", "old\n")), tar(*entries))
        assert (root / "d/f").read_text() == "new\n", entries


@image_case("an opaque whiteout hides all of a directory that lies below, and nothing of its own layer", "IM-layer-013")
def opaque(i):
    below = tar(("d", None), ("d/a", "x"), ("d/sub", None), ("d/sub/b", "x"), ("other", "x"))
    for entries in ((("d/.wh..wh..opq", ""), ("d/new", "x")), (("d/new", "x"), ("d/.wh..wh..opq", ""))):
        root = i.image(below, tar(*entries))
        assert sorted(str(path.relative_to(root)) for path in root.rglob("*")) == ["d", "d/new", "other"], entries


@image_case("a sparse file has its content", "IM-layer-004")
def sparse(i):
    import subprocess
    directory = i.layout.path.parent / "sparse"
    directory.mkdir()
    with open(directory / "f", "wb") as file:
        file.write(b"begin")
        file.seek(1 << 20)
        file.write(b"middle")
        file.truncate(3 << 20)
    wanted = (directory / "f").read_bytes()
    for form in ("gnu", "pax"):
        archive = subprocess.run(["tar", "--sparse", f"--format={form}", "-C", directory, "-c", "f"], capture_output=True, check=True).stdout
        assert len(archive) < 1 << 20
        assert (i.image(archive) / "f").read_bytes() == wanted, form


@image_case("directories that no entry makes are there all the same")
def implied(i):
    assert (i.image(tar(("a/b/c/f", "x\n"))) / "a/b/c/f").read_text() == "x\n"


@image_case("names that lead outside, and links in the way, stay inside", "IM-layer-009")
def inside(i):
    canary = i.layout.path.parent / "canary"
    canary.mkdir()
    link = {"type": tarfile.SYMTYPE, "linkname": str(canary)}
    i.layout.write(tagged(i.layout.manifest(tar(("../../canary/f", "x"), ("/abs", "x"), ("l", link), ("l/f", "x"), ("l2", {"type": tarfile.SYMTYPE, "linkname": "../../canary"}),
                                                ("l2/.wh..wh..opq", "")))))
    (canary / "kept").write_text("x")
    i.unpack()
    assert os.listdir(canary) == ["kept"]


@image_case("a damaged layer is told by its digest, however it is packed and wherever the damage is noticed")
def damaged(i):
    content = tar(("d", None), ("d/f", os.urandom(30000)), ("d/g", "x"))
    for kind, pack in (("", lambda data: data), ("+gzip", gzip.compress), ("+zstd", zstd)):
        layer = i.layout.layer(content, kind, pack)
        i.layout.write(tagged(i.layout.manifest(layer)))
        blob = i.layout.path / "blobs" / layer[0]["digest"].replace(":", "/")
        whole = blob.read_bytes()
        for place in (0, 5, 200, 600, 20000, len(whole) - 1):
            blob.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1:])
            i.refused("the blob does not have its digest: expected " + layer[0]["digest"])
    # where the digest is right, the damage itself is told
    i.layout.write(tagged(i.layout.manifest(i.layout.layer(content[:512] + b"\x55" + content[513:]))))
    i.refused("checksum")
