"""Layers that a store has already: flat bundles are copied from it, and are what unpacking makes."""
import os
import shutil
import subprocess
import tarfile
import time

from cases.image_repack import BASE, listing
from images import image_case, tagged, tar
from support import Result, Skip

CAPABILITY = bytes.fromhex("0100000200040000000000000000000000000000").decode("latin-1")
LAYERS = (
    BASE + (("dir/c", {"data": b"x", "mode": 0o755, "pax_headers": {"SCHILY.xattr.security.capability": CAPABILITY, "SCHILY.xattr.user.note": "n"}}),
            ("null", {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3, "uid": 5}), ("holes", {"data": b"begin" + b"\0" * 3000000 + b"end"}), ("opaque", None), ("opaque/a", "x")),
    (("opaque", None), ("opaque/.wh..wh..opq", ""), ("opaque/b", "y"), ("etc", {"type": tarfile.DIRTYPE, "mode": 0o700, "mtime": 1600000000.5}), ("etc/.wh.gone", ""), ("etc/new", "n"),
     ("p", {"type": tarfile.FIFOTYPE, "mode": 0o600})),
    (("three", {"type": tarfile.LNKTYPE, "linkname": "two"}), (".wh.kind", "")),
)


def layers():
    return [tar(*[(name, dict(content) if isinstance(content, dict) else content) for name, content in layer]) for layer in LAYERS]


@image_case("a flat bundle from the store is the same tree, without a look at the layers")
def warm(i):
    i.layout.write(tagged(i.layout.manifest(*layers())))
    store = i.layout.path.parent / "store"
    i.unpack().ok()
    wanted = listing(i.bundle / "rootfs")
    # a store that lacks them has no part in it
    i.unpack("--store", str(store)).ok()
    assert not store.exists() and listing(i.bundle / "rootfs") == wanted
    i.unpack("--mode", "overlay", "--store", str(store)).ok()
    for blob in (i.layout.path / "blobs/sha256").iterdir():
        if blob.stat().st_size > 4000:
            blob.unlink()
    i.unpack("--store", str(store)).ok()
    found = listing(i.bundle / "rootfs")
    assert found == wanted, {k: (wanted.get(k), found.get(k)) for k in {*wanted, *found} if wanted.get(k) != found.get(k)}
    assert (i.bundle / "rootfs/holes").stat().st_blocks * 512 < 100000
    i.unpack().failed("No such file or directory")
    # what is changed in the bundle is not changed in the store
    i.unpack("--store", str(store)).ok()
    (i.bundle / "rootfs/etc/kept").write_text("changed")
    assert subprocess.run([i.program, "verify", "--store", store], capture_output=True).returncode == 0


@image_case("a store that is not there is an error for who looks into it, and none is made")
def missing(i):
    i.layout.write(tagged(i.layout.manifest(*layers())))
    store = i.layout.path.parent / "store"
    for command in ("verify", "gc", "list"):
        Result([command], subprocess.run([i.program, command, "--store", store], capture_output=True)).failed("No such file or directory.*--store names")
        assert not store.exists()
    for command in ("verify", "delete"):
        Result([command], subprocess.run([i.program, command, store], capture_output=True)).failed("open bundle .*No such file or directory")


@image_case("an archive that ends in the middle of a file is told so; only its closing blocks may be missing")
def cut(i):
    i.layout.write(tagged(i.layout.manifest(*layers())))
    path = i.layout.path.parent / "image.tar"
    with tarfile.open(path, "w") as out:
        out.add(i.layout.path, ".")
    with tarfile.open(path) as archive:
        last = max(archive.getmembers(), key=lambda member: member.offset_data)
    content = path.read_bytes()
    i.layout.path = path
    path.write_bytes(content[:last.offset_data + last.size - 1])
    i.unpack().failed("image.tar.*it ends in the middle of a file")
    path.write_bytes(content[:last.offset_data + last.size])
    i.unpack().ok()


@image_case("where the file system can, the files of a flat bundle from the store share its blocks")
def reflinks(i):
    if not shutil.which("mkfs.btrfs") or "btrfs" not in open("/proc/filesystems").read():
        raise Skip("needs btrfs")
    content = os.urandom(40 << 20)
    i.layout.write(tagged(i.layout.manifest(tar(("big", content)))))
    work = i.layout.path.parent
    with open(work / "disk", "wb") as disk:
        disk.truncate(300 << 20)
    subprocess.run(["mkfs.btrfs", "-q", work / "disk"], check=True)
    (work / "mnt").mkdir()
    # the mount is seen by nobody else and goes with its namespace
    script = """set -e
mount -o loop "$1/disk" "$1/mnt"
"$2" unpack --mode overlay --store "$1/mnt/store" --image "$1/image" "$1/mnt/first"
sync -f "$1/mnt"; before=$(stat -f -c %f "$1/mnt")
"$2" unpack --store "$1/mnt/store" --image "$1/image" "$1/mnt/flat"
sync -f "$1/mnt"; after=$(stat -f -c %f "$1/mnt")
cmp "$1/mnt/flat/rootfs/big" "$1/mnt/store/links/1/big"
echo $(( (before - after) * $(stat -f -c %S "$1/mnt") ))
umount "$1/mnt"
"""
    done = subprocess.run(["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", work, i.program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[-1]) < 4 << 20, done.stdout


@image_case("a bundle whose layers are mounted is not deleted, nor is anything in it")
def mounted(i):
    work = i.layout.path.parent
    i.layout.write(tagged(i.layout.manifest(*layers())))
    # the mount is seen by nobody else and goes with its namespace
    script = """set -e
"$2" unpack --quiet --mode overlay --mount-by hand --store "$1/store" --image "$1/image" "$1/b"
"$2" mount "$1/b"
echo mine > "$1/b/rootfs/mine"
! "$2" delete "$1/b" || exit 7
cat "$1/b/overlay/upper/mine" "$1/b/rootfs/mine"; ls "$1/b/rootfs/etc" > /dev/null
"$2" umount "$1/b"
"$2" delete "$1/b"
test ! -e "$1/b"
"""
    done = subprocess.run(["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", work, i.program], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout == "mine\nmine\n", done
    assert done.stderr.strip() == f'calque: delete "{work}/b": Device or resource busy (EBUSY); hint: calque umount first', done.stderr


@image_case("what was left by a run that was killed goes with gc, and with the next run of that name; what is in use or kept stays")
def runs(i):
    work = i.layout.path.parent
    i.layout.write(tagged(i.layout.manifest(*layers(), config={"Cmd": ["x"]})))
    runtime = work / "runtime"
    runtime.write_text('#!/bin/sh\necho started > "$FLAG"\nwhile test -e "$FLAG"; do sleep 0.02; done\n')
    runtime.chmod(0o755)

    def start(name, *options):
        flag = work / f"flag-{name}"
        process = subprocess.Popen([i.program, "run", "--quiet", "--store", work / "store", "--runtime", runtime, "--name", name, *options, i.layout.path],
                                   env={**os.environ, "FLAG": str(flag)}, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not flag.exists():
            assert process.poll() is None, "run ends at once"
            time.sleep(0.01)
        return process, flag

    def names():
        return sorted(os.listdir(work / "store/runs"))

    for after in ("gc", "run"):
        killed, flag = start("killed")
        used, other = start("used")
        killed.kill()
        killed.wait()
        flag.unlink()
        assert names() == ["killed", "used"]
        if after == "gc":
            subprocess.run([i.program, "gc", "--store", work / "store"], check=True, stdout=subprocess.DEVNULL)
            assert names() == ["used"]
        else:
            again, flag = start("killed")
            flag.unlink()
            assert again.wait() == 0
        other.unlink()
        assert used.wait() == 0 and names() == []
    kept, flag = start("kept", "--keep")
    flag.unlink()
    assert kept.wait() == 0
    subprocess.run([i.program, "gc", "--store", work / "store"], check=True, stdout=subprocess.DEVNULL)
    assert names() == ["kept"]
