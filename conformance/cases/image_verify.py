"""`calque verify`: layers of a store, bundles and images, as they were or damaged."""
import json
import os
import pathlib
import subprocess
import tarfile

from images import image_case, tagged, tar
from support import Result

LAYERS = (tar(("etc", None), ("etc/conf", "one\n"), ("etc/other", "two\n"), ("a b\\\n", "x"), ("link", {"type": tarfile.SYMTYPE, "linkname": "etc"})),
          tar(("lib", None), ("lib/code", "y" * 100000), ("lib/one", "z"), ("lib/two", {"type": tarfile.LNKTYPE, "linkname": "lib/one"})))


def verify(i, *arguments):
    command = [i.program, "verify", *map(str, arguments)]
    return Result(command, subprocess.run(command, capture_output=True, timeout=60))


def unpacked(i, *options):
    i.layout.write(tagged(i.layout.manifest(*LAYERS)))
    i.unpack(*options).ok()


def overlay(i):
    store = i.layout.path.parent / "store"
    unpacked(i, "--mode", "overlay", "--store", str(store))
    return store


def faults(result):
    """{path: words} of all that differs."""
    return {fault.get("path"): fault["what"] for entry in json.loads(result.out) for fault in entry["faults"]}


@image_case("a store and a bundle that are as they were")
def sound(i):
    store = overlay(i)
    for arguments in (("--store", store), (i.bundle,), ("--image", i.layout.path)):
        result = verify(i, *arguments, "--format", "json").ok()
        assert [entry["ok"] for entry in json.loads(result.out)] == [True, True], result.out
        assert sum(entry["entries"] for entry in json.loads(result.out)) in (11, 9), result.out
        assert "nothing differs" in verify(i, *arguments).ok().out
    unpacked(i)
    assert "nothing differs" in verify(i, i.bundle).ok().out
    # what a container writes into its own layer is none of the store's business
    overlay(i)
    (i.bundle / "overlay/upper/new").write_text("x")
    verify(i, i.bundle).ok()


@image_case("every kind of damage in a store is found, with the layer and the name")
def damaged(i):
    store = overlay(i)
    first, second = sorted((store / "layers").iterdir())[:2]
    assert first.name.startswith("chain-") and second.name.startswith("layer-")
    conf, times = first / "tree/etc/conf", os.stat(first / "tree/etc/conf")
    directory = os.stat(first / "tree/etc")

    def damage(change, wanted, undo):
        change()
        for arguments in (("--store", store), (i.bundle,)):
            result = verify(i, *arguments, "--format", "json").failed()
            assert faults(result) == wanted, (result.out, wanted)
            assert [entry["ok"] for entry in json.loads(result.out)] == [False, True]
        undo()
        os.utime(first / "tree/etc", ns=(directory.st_atime_ns, directory.st_mtime_ns))
        verify(i, "--store", store).ok()

    def write(text):
        conf.write_text(text)
        os.utime(conf, ns=(times.st_atime_ns, times.st_mtime_ns))

    damage(lambda: write("onE\n"), {"/etc/conf": ["content"]}, lambda: write("one\n"))
    damage(lambda: conf.chmod(0o600), {"/etc/conf": ["permissions"]}, lambda: conf.chmod(0o644))
    damage(lambda: os.chown(conf, 1, 2), {"/etc/conf": ["owner"]}, lambda: os.chown(conf, 0, 0))
    damage(lambda: os.utime(conf, ns=(5, 5)), {"/etc/conf": ["time"]}, lambda: write("one\n"))
    damage(lambda: os.setxattr(conf, "user.x", b"y"), {"/etc/conf": ["extended attributes"]}, lambda: os.removexattr(conf, "user.x"))

    def remove():
        conf.unlink()
        os.utime(first / "tree/etc", ns=(directory.st_atime_ns, directory.st_mtime_ns))
    damage(remove, {"/etc/conf": ["missing"]}, lambda: write("one\n"))

    def add():
        (first / "tree/etc/new").write_text("x")
        os.utime(first / "tree/etc", ns=(directory.st_atime_ns, directory.st_mtime_ns))
    damage(add, {"/etc/new": ["added"]}, lambda: (first / "tree/etc/new").unlink())

    def relink(target):
        status = os.lstat(first / "tree/link")
        top = os.stat(first / "tree")
        (first / "tree/link").unlink()
        (first / "tree/link").symlink_to(target)
        os.utime(first / "tree/link", ns=(status.st_atime_ns, status.st_mtime_ns), follow_symlinks=False)
        os.utime(first / "tree", ns=(top.st_atime_ns, top.st_mtime_ns))
    damage(lambda: relink("lib"), {"/link": ["target"]}, lambda: relink("etc"))
    conf.unlink()
    text = verify(i, "--store", store).failed("calque: verify: 1 of 2 differ").out
    assert f"layer {first.name}: 2 faults\n" in text and "  /etc/conf: missing\n" in text and "  /etc: time\n" in text, text


@image_case("a record that is damaged or gone, and a layer that is gone, are told of")
def records(i):
    store = overlay(i)
    first = sorted((store / "layers").iterdir())[0]
    record = (first / "record").read_bytes()
    (first / "record").write_bytes(record[:-5] + bytes([record[-5] ^ 1]) + record[-4:])
    assert "does not have its digest" in verify(i, "--store", store).failed().out or "corrupt" in verify(i, "--store", store).out
    (first / "record").unlink()
    assert "No such file or directory" in verify(i, "--store", store).failed().out
    import shutil
    shutil.rmtree(first)
    assert "the store does not have it" in verify(i, i.bundle).failed().out


@image_case("what was changed in a flat bundle is listed")
def changed(i):
    unpacked(i)
    root = i.bundle / "rootfs"
    (root / "etc/conf").write_text("changed\n")
    (root / "etc/new").write_text("x")
    (root / "lib/code").unlink()
    (root / "lib/two").unlink()
    (root / "lib/two").write_text("z")
    result = verify(i, i.bundle, "--format", "json").failed()
    found = faults(result)
    assert found == {"/etc": ["time"], "/etc/conf": ["content", "time"], "/etc/new": ["added"], "/lib": ["time"], "/lib/code": ["missing"],
                     "/lib/one": ["hard links"], "/lib/two": ["time", "hard links"]}, found
    assert not [path for path in i.bundle.iterdir() if path.name.startswith(".")]


@image_case("an image whose layer is damaged: which one, and in what")
def image(i):
    layer, diff = i.layout.layer(LAYERS[0])
    i.layout.write(tagged(i.layout.manifest((layer, diff), (i.layout.layer(LAYERS[1])[0], diff))))
    assert "diff id" in verify(i, "--image", i.layout.path).failed().out
    i.layout.write(tagged(i.layout.manifest(*LAYERS)))
    blob = i.layout.path / "blobs" / layer["digest"].replace(":", "/")
    blob.write_bytes(blob.read_bytes().replace(b"one\n", b"onE\n"))
    result = verify(i, "--image", i.layout.path, "--format", "json").failed()
    assert [entry["ok"] for entry in json.loads(result.out)] == [False, True] and "does not have its digest" in result.out
    verify(i, "--image", i.layout.path, i.bundle).failed("a bundle and --image are two things to verify")
