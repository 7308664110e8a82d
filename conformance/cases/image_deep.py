"""Trees that are deeper than a path of the kernel, by way of links, with few descriptors."""
import contextlib
import os
import subprocess
import tarfile

from images import image_case, tagged, tar
from support import Result

STEP = 900  # directories in each other that one name goes through
FILES = 200  # descriptors that may be open


def deep(i, *more):
    """An image whose directories are three times STEP deep."""
    down = "/".join(["d"] * STEP)
    links = [("l1", down), ("l2", "l1/" + down)]
    entries = [(f"{down}/x", "1")]
    for name, target in links:
        entries += [(name, {"type": tarfile.SYMTYPE, "linkname": target}), (f"{name}/{down}/x", name)]
    i.layout.write(tagged(i.layout.manifest(tar(("base", "b")), tar(*entries), *more)))


@contextlib.contextmanager
def nothing_left(i, *more):
    """Beside the bundle there is what was there before, and `more`; in any case nothing that Python cannot remove."""
    before = {*os.listdir(i.bundle.parent), *more}
    try:
        yield
        assert set(os.listdir(i.bundle.parent)) == before, os.listdir(i.bundle.parent)
    finally:
        subprocess.run(["rm", "-rf", i.bundle], check=True)


def calque(i, *arguments):
    command = ["prlimit", f"--nofile={FILES}:{FILES}", i.program, *map(str, arguments)]
    return Result(command, subprocess.run(command, capture_output=True, timeout=60))


@image_case("a tree deeper than there may be open files is made and removed")
def removed(i):
    deep(i)
    with nothing_left(i):
        calque(i, "unpack", "--image", i.layout.path, i.bundle).ok()
        assert os.path.lexists(i.bundle / "rootfs/l2")
        calque(i, "delete", i.bundle).ok()


@image_case("one that is too deep to be walked is refused where it must be, with nothing left")
def refused(i):
    deep(i)
    store = i.layout.path.parent / "store"
    for limit in ((), ("prlimit", f"--nofile={FILES}:{FILES}")):
        command = [*limit, i.program, "unpack", "--mode", "overlay", "--store", str(store), "--image", str(i.layout.path), str(i.bundle)]
        Result(command, subprocess.run(command, capture_output=True, timeout=60)).failed("EMFILE" if limit else "ENAMETOOLONG")
        assert not i.bundle.exists() and not list((store / "temporary").iterdir())
    with nothing_left(i):
        i.unpack().ok()
        for command in (("verify", str(i.bundle)), ("repack", str(i.bundle), f"{i.layout.path}:new")):
            Result(command, subprocess.run([i.program, *command], capture_output=True, timeout=60)).failed("ENAMETOOLONG")
        subprocess.run([i.program, "delete", i.bundle], check=True)
    # what hides it walks it as well
    deep(i, tar((".wh.d", "")))
    with nothing_left(i):
        i.refused("ENAMETOOLONG")


@image_case("a file of a tebibyte that is mostly holes has a checksum, is verified and compared at once")
def holes(i):
    pax = {"GNU.sparse.major": "0", "GNU.sparse.minor": "1", "GNU.sparse.size": str(1 << 40), "GNU.sparse.map": f"{1 << 20},3,{1 << 39},2"}
    i.layout.write(tagged(i.layout.manifest(tar(("f", {"data": b"abcde", "pax_headers": pax})))))
    store = i.layout.path.parent / "store"
    i.unpack("--mode", "overlay", "--store", str(store)).ok()
    file = next((store / "layers").iterdir()) / "tree/f"
    assert file.stat().st_size == 1 << 40 and file.stat().st_blocks < 100
    Result(["verify"], subprocess.run([i.program, "verify", "--store", store], capture_output=True, timeout=60)).ok()
    with open(file, "r+b") as out:
        times = file.stat()
        out.seek(1 << 39)
        out.write(b"x")
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert "f: content" in Result(["verify"], subprocess.run([i.program, "verify", "--store", store], capture_output=True, timeout=60)).failed("1 of 1 differ").out
    i.unpack().ok()
    verify = subprocess.run([i.program, "verify", i.bundle], capture_output=True, timeout=60, text=True)
    assert verify.returncode == 0, verify
    os.utime(i.bundle / "rootfs/f", (1, 1))
    verify = subprocess.run([i.program, "verify", i.bundle], capture_output=True, timeout=60, text=True)
    assert verify.returncode == 1 and "f: time" in verify.stdout, verify
