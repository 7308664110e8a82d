"""fs-verity for the layers of a store: the kernel keeps them as they are, and `calque verify` asks it. The machine of `conformance/vm` has it."""
import errno
import fcntl
import hashlib
import json
import os
import pathlib
import shutil
import signal
import struct
import subprocess
import tarfile
import time

from cases.image_rootless import USER, User
from images import image_case, tagged, tar
from support import Result, Skip

FS_IOC_ENABLE_VERITY, FS_IOC_MEASURE_VERITY, FIBMAP = 0x40806685, 0xC0046686, 1
BLOCK = 4096
FEATURES = pathlib.Path("/sys/fs/ext4/features")
CONTENTS = {"etc/conf": b"one\n", "etc/empty": b"", "etc/secret": b"s", "lib/block": b"b" * BLOCK, "lib/more": b"m" * (BLOCK + 1), "lib/code": bytes(range(256)) * 2500}


def layers():
    """Regular files of all sizes, one with a second name, modes that nobody may write, and what is no regular file."""
    data = CONTENTS
    return (tar(("etc", None), ("etc/conf", data["etc/conf"]), ("etc/empty", ""), ("etc/secret", {"data": b"s", "mode": 0}), ("link", {"type": tarfile.SYMTYPE, "linkname": "etc"}),
                ("null", {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3}), ("fifo", {"type": tarfile.FIFOTYPE})),
            tar(("lib", None), ("lib/block", data["lib/block"]), ("lib/code", {"data": data["lib/code"], "mode": 0o4555, "uid": 5, "mtime": 1600000000.25}),
                ("lib/more", data["lib/more"]), ("lib/again", {"type": tarfile.LNKTYPE, "linkname": "lib/more"})))


def verity_digest(data):
    """What the kernel's Documentation/filesystems/fsverity.rst says of SHA-256, blocks of 4 KiB and no salt."""
    level = [data[at:at + BLOCK] for at in range(0, len(data), BLOCK)]
    while len(level) > 1:
        hashes = b"".join(hashlib.sha256(block.ljust(BLOCK, b"\0")).digest() for block in level)
        level = [hashes[at:at + BLOCK] for at in range(0, len(hashes), BLOCK)]
    root = hashlib.sha256(level[0].ljust(BLOCK, b"\0")).digest() if level else bytes(32)
    return hashlib.sha256(struct.pack("<BBBBIQ64s32s144s", 1, 1, 12, 0, 0, len(data), root, b"", b"")).digest()


def measure(path):
    """The kernel's digest of a file, without reading it; None when it does not protect it."""
    answer = bytearray(struct.pack("<HH32s", 0, 32, b""))
    with open(path, "rb") as file:
        try:
            fcntl.ioctl(file, FS_IOC_MEASURE_VERITY, answer)
        except OSError as error:
            assert error.errno in (errno.ENODATA, errno.EOPNOTSUPP, errno.ENOTTY), error
            return None
    return bytes(answer[4:])


class Disk:
    """A file system of the case's own, in a mount namespace that a process holds open: nobody else sees it, and it goes with that process."""
    def __init__(self, i, *make, kind="ext4"):
        self.i, self.work, self.kind = i, i.layout.path.parent, kind
        if os.geteuid() != 0:
            raise Skip("needs root, to mount")
        if kind != "tmpfs":
            if not shutil.which(f"mkfs.{kind}") or kind not in open("/proc/filesystems").read():
                raise Skip(f"needs {kind}")
            with open(self.work / "disk", "wb") as disk:
                disk.truncate(200 << 20)
            subprocess.run([f"mkfs.{kind}", "-q", *make, self.work / "disk"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.mount_point = self.work / "mnt"
        self.mount_point.mkdir(exist_ok=True)
        self.holder = subprocess.Popen(["unshare", "--mount", "--propagation", "private", "sh", "-c", "echo; exec cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.holder.stdout.readline()
        # the same directory, from outside
        self.path = pathlib.Path(f"/proc/{self.holder.pid}/root{self.mount_point}")
        self.store = self.mount_point / "store"

    def __enter__(self):
        try:
            self.mount()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.holder.stdin.close()
        self.holder.wait()
        self.holder.stdout.close()

    def mount(self):
        self.run("mount", "-t", self.kind, *(("-o", "loop", self.work / "disk") if self.kind != "tmpfs" else ("none",)), self.mount_point).ok()

    def unmount(self):
        self.run("umount", self.mount_point).ok()

    def inside(self, *command):
        return ["nsenter", f"--mount=/proc/{self.holder.pid}/ns/mnt", "--", *map(str, command)]

    def run(self, *command, **more):
        return Result([str(word) for word in command], subprocess.run(self.inside(*command), capture_output=True, stdin=subprocess.DEVNULL, timeout=120, **more))

    def calque(self, *command):
        return self.run(self.i.program, *command)

    def unpack(self, *options, bundle="bundle"):
        return self.calque("unpack", "--mode", "overlay", "--store", self.store, *options, "--image", self.i.layout.path, self.mount_point / bundle)

    def verify(self, *options):
        result = self.calque("verify", "--store", self.store, "--format", "json", *options)
        return result, json.loads(result.out)

    def faults(self, *options):
        """{path: words} of all that differs."""
        return {fault.get("path"): fault["what"] for entry in self.verify(*options)[1] for fault in entry["faults"]}

    def protected(self):
        """How many files of how many."""
        results = self.verify()[1]
        return sum(entry["protectedFiles"] for entry in results), sum(entry["files"] for entry in results)

    def trees(self):
        """Of the layers that only begin with `layers()`: by a directory that they have."""
        return {name: tree for tree in (self.path / "store/layers").glob("*/tree") for name in ("etc", "lib") if (tree / name).is_dir()}

    def file(self, name):
        return self.trees()[name.split("/")[0]] / name


def verity(i, *make, kind="ext4", content=None):
    """An image, and a file system with fs-verity."""
    if not (FEATURES / "verity").exists():
        raise Skip("needs ext4, and a kernel with fs-verity (CONFIG_FS_VERITY), such as that of conformance/vm")
    i.layout.write(tagged(i.layout.manifest(*(content or layers()))))
    return Disk(i, *(make or ("-b", "4096", "-O", "verity") if kind == "ext4" else make), kind=kind)


@image_case("with --verity on, no file of a layer can be written to, by root neither, and each has the digest of its content")
def protected(i):
    with verity(i) as disk:
        disk.unpack("--verity", "on").ok()
        for name, content in CONTENTS.items():
            path = disk.file(name)
            assert measure(path) == verity_digest(content), name
            for change in (lambda: open(path, "r+b"), lambda: os.truncate(path, 0)):
                try:
                    change()
                    raise AssertionError(f"{name} can be written to")
                except OSError as error:
                    assert error.errno == errno.EPERM, error
            assert path.read_bytes() == content
        code = os.stat(disk.file("lib/code"))
        assert (code.st_mtime_ns, code.st_mode & 0o7777, code.st_uid) == (1600000000250000000, 0o4555, 5), code
        # a file with two names counts as two
        assert disk.protected() == (7, 7), disk.verify()[0]
        out = disk.calque("verify", disk.mount_point / "bundle").ok().out
        assert "entries, 3 of 3 files protected by fs-verity\n" in out and "nothing differs" in out, out
        # gc takes them away like others
        disk.calque("delete", disk.mount_point / "bundle").ok()
        assert "removed: 2 layers" in disk.calque("gc", "--store", disk.store).ok().out
        assert os.listdir(disk.path / "store/layers") == []


@image_case("verify finds a protected file that was replaced, also by one with the same content, or by one that is protected as well")
def replaced(i):
    with verity(i) as disk:
        disk.unpack("--verity", "on").ok()
        path, other = disk.file("etc/conf"), disk.file("etc/secret")
        directory, times = os.stat(path.parent), os.stat(path)

        def replace(content, of=path):
            status = os.stat(of)
            new = of.parent / "new"
            new.write_bytes(content)
            os.chmod(new, status.st_mode & 0o7777)
            os.utime(new, ns=(status.st_atime_ns, status.st_mtime_ns))
            new.rename(of)
            os.utime(of.parent, ns=(directory.st_atime_ns, directory.st_mtime_ns))
        replace(b"one\n")
        assert disk.faults() == {"/etc/conf": ["fs-verity"]}, disk.verify()[0]
        disk.verify()[0].failed("calque: verify: 1 of 2 differ")
        replace(b"onE\n")
        with open(path, "rb") as file:
            fcntl.ioctl(file, FS_IOC_ENABLE_VERITY, struct.pack("<IIIIQIIQ88s", 1, 1, BLOCK, 0, 0, 0, 0, 0, b""))
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        assert measure(path) == verity_digest(b"onE\n")
        assert disk.faults() == {"/etc/conf": ["content", "fs-verity"]}
        # a layer with a list that is not its own
        replace(b"one\n")
        listed = path.parents[2] / "verity"
        listed.write_bytes(listed.read_bytes()[:-1])
        assert disk.faults().keys() == {None}
        listed.unlink()
        assert disk.faults().keys() == {None}
        assert measure(other) == verity_digest(b"s")


@image_case("damage of the disk below a protected file is never read as content; verify --read-all tells where it is")
def damaged(i):
    with verity(i) as disk:
        disk.unpack("--verity", "on").ok()
        with open(disk.file("lib/code"), "rb") as file:
            number = bytearray(struct.pack("I", 3))
            fcntl.ioctl(file, FIBMAP, number)
            number = struct.unpack("I", number)[0]
        disk.unmount()
        with open(disk.work / "disk", "r+b") as image:
            image.seek(number * BLOCK + 100)
            old = image.read(1)
            image.seek(number * BLOCK + 100)
            image.write(bytes([old[0] ^ 1]))
        disk.mount()
        try:
            content = disk.file("lib/code").read_bytes()
            raise AssertionError("the damage was read, " + ("as other content" if content != CONTENTS["lib/code"] else "and not seen"))
        except OSError as error:
            assert error.errno == errno.EIO, error
        # the file is the one that it was: nothing is read for that
        assert disk.faults() == {}
        assert disk.faults("--read-all") == {"/lib/code": ["unreadable (EIO or EUCLEAN)"]}
        disk.verify("--read-all")[0].failed("1 of 2 differ")


@image_case("layers that a store has already are protected when that is asked for; also after somebody was killed while he did it, and by two at once")
def later(i):
    many = tar(("etc", None), *((f"etc/{number}", f"{number}\n") for number in range(150)))
    with verity(i, content=(many, layers()[1])) as disk:
        disk.unpack("--verity", "off").ok()
        assert disk.protected() == (0, 154)
        for number in range(4):
            process = subprocess.Popen(disk.inside("setpriv", "--pdeathsig", "KILL", i.program, "unpack", "--quiet", "--mode", "overlay", "--verity", "on", "--store", disk.store,
                                                   "--image", i.layout.path, disk.mount_point / f"killed{number}"), stderr=subprocess.DEVNULL)
            time.sleep(0.05 + 0.1 * number)
            process.send_signal(signal.SIGKILL)
            process.wait()
            # what was done by then is as it was
            result = disk.verify()[0]
            assert all(set(words) <= {"time"} for words in disk.faults().values()), result
        both = [subprocess.Popen(disk.inside(i.program, "unpack", "--quiet", "--mode", "overlay", "--verity", kind, "--store", disk.store, "--image", i.layout.path,
                                             disk.mount_point / kind)) for kind in ("on", "auto")]
        assert [process.wait() for process in both] == [0, 0]
        # a time that somebody had no time to set again is that of the record
        assert disk.faults() == {} and disk.protected() == (154, 154), disk.verify()[0]
        assert not list((disk.path / "store/layers").glob("*/.*"))
        # another one does nothing, and "off" takes nothing away
        before = {path: path.stat().st_ino for path in (disk.path / "store/layers").glob("*/*")}
        disk.unpack("--verity", "on", bundle="third").ok()
        disk.unpack(bundle="fourth").ok()
        assert before == {path: path.stat().st_ino for path in (disk.path / "store/layers").glob("*/*")}


@image_case("a container on protected layers runs, and what it writes is copied up; the image made of it has the change")
def running(i):
    busybox = shutil.which("busybox")
    if not busybox:
        raise Skip("busybox is not installed")
    program = {"data": open(busybox, "rb").read(), "mode": 0o755}
    content = (tar(("bin", None), ("bin/busybox", program), ("bin/sh", {"type": tarfile.SYMTYPE, "linkname": "busybox"})), *layers())
    with verity(i, content=content) as disk:
        runtime = i.c.runtime if "/" in i.c.runtime else shutil.which(i.c.runtime)
        script = "echo more >> /etc/conf && cat /etc/conf && : > /lib/code && wc -c < /lib/code"
        command = ["run", "--quiet", "--verity", "on", "--store", disk.store, "--runtime", runtime, "--name", i.c.id, i.layout.path, "--", "/bin/busybox", "sh", "-c", script]
        assert disk.calque(*command).ok().out.split() == ["one", "more", "0"]
        assert disk.protected() == (8, 8) and disk.file("etc/conf").read_bytes() == b"one\n"
        disk.unpack("--verity", "on", "--mount-by", "hand").ok()
        bundle = disk.mount_point / "bundle"
        disk.calque("mount", bundle).ok()
        disk.run("sh", "-c", f"echo changed > {bundle}/rootfs/etc/conf").ok()
        disk.calque("umount", bundle).ok()
        disk.calque("repack", bundle, f"{i.layout.path}:new").ok()
        # a flat one from the store is its container's: nothing in it is protected
        disk.calque("unpack", "--store", disk.store, "--verity", "auto", "--image", i.layout.path, disk.mount_point / "flat").ok()
        flat = disk.path / "flat/rootfs/etc/conf"
        assert measure(flat) is None and flat.read_bytes() == b"one\n"
        flat.write_bytes(b"mine\n")
        disk.calque("unpack", "--image", f"{i.layout.path}:new", disk.mount_point / "new").ok()
        assert (disk.path / "new/rootfs/etc/conf").read_bytes() == b"changed\n"
        assert disk.faults() == {}


@image_case("btrfs: files of a flat bundle share the blocks of protected ones, and can be written to")
def btrfs(i):
    if shutil.which("modprobe"):
        subprocess.run(["modprobe", "-q", "btrfs"], stderr=subprocess.DEVNULL)
    with verity(i, kind="btrfs") as disk:
        if not pathlib.Path("/sys/fs/btrfs/features/verity").exists():
            raise Skip("needs btrfs with fs-verity (5.15)")
        disk.unpack("--verity", "on").ok()
        assert disk.protected() == (7, 7) and measure(disk.file("lib/code")) == verity_digest(CONTENTS["lib/code"])
        disk.calque("unpack", "--store", disk.store, "--image", i.layout.path, disk.mount_point / "flat").ok()
        code = disk.path / "flat/rootfs/lib/code"
        assert measure(code) is None and code.read_bytes() == CONTENTS["lib/code"]
        code.write_bytes(b"x")
        assert disk.faults("--read-all") == {}


@image_case("without root: a user's layers are protected from himself; a file that is mostly a hole is not, and takes no time")
def rootless(i):
    with verity(i) as disk:
        user = User(i)
        # an image of his own, in which a file of a tebibyte holds nothing
        sparse = {"data": b"1\n1099511627775\n1\n".ljust(512, b"\0") + b"x", "pax_headers": {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "holes", "GNU.sparse.realsize": str(1 << 40)}}
        i.layout.write(tagged(i.layout.manifest(tar(("f", {"data": b"x\n", "uid": 7, "mode": 0o444}), ("null", {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3}), ("holes", sparse)))))
        for path in i.layout.path.rglob("*"):
            os.chown(path, USER, USER)
        os.chown(disk.path, USER, USER)
        os.chmod(disk.path, 0o700)

        def calque(*command):
            return disk.run("setpriv", "--reuid", USER, "--regid", USER, "--clear-groups", "--inh-caps=-all", user.program, *command,
                            env={"PATH": os.environ["PATH"], "HOME": str(user.home), "XDG_RUNTIME_DIR": str(user.home)})
        calque("unpack", "--mode", "overlay", "--verity", "on", "--owners", "recorded", "--store", disk.store, "--image", i.layout.path, disk.mount_point / "bundle").ok()
        tree = next((disk.path / "store/layers").glob("*/tree"))
        assert measure(tree / "f") == verity_digest(b"x\n") and measure(tree / "null") == verity_digest(b"") and measure(tree / "holes") is None
        assert (tree / "holes").stat().st_size == 1 << 40
        result = json.loads(calque("verify", "--store", disk.store, "--format", "json").ok().out)
        assert [(entry["protectedFiles"], entry["files"]) for entry in result] == [(2, 3)], result


@image_case("where the file system has none: --verity on is refused at once with one hint, auto goes on without a word, and a flat bundle has nothing to protect")
def refused(i):
    i.layout.write(tagged(i.layout.manifest(*layers(), config={"Cmd": ["x"]})))
    for kind, make in (("tmpfs", ()), ("ext4", ("-b", "4096"))):
        with Disk(i, *make, kind=kind) as disk:
            result = disk.unpack("--verity", "on").failed()
            assert result.err == (f'calque: protect layers in "{disk.store}": fs-verity is not supported; hint: ext4 needs its feature (tune2fs -O verity DEVICE), so does '
                                  "f2fs, btrfs only a kernel that has it; --verity auto goes on without\n"), result
            assert "bundle" not in os.listdir(disk.path) and not os.listdir(disk.path / "store/layers"), os.listdir(disk.path)
            result = disk.unpack("--verity", "auto").ok()
            assert result.err == "", result
            assert disk.protected() == (0, 7), disk.verify()[0]
            assert "fs-verity" not in disk.calque("verify", "--store", disk.store).ok().out
            # what is there already is no reason to be content
            disk.unpack("--verity", "on", bundle="second").failed("fs-verity is not supported")
    i.unpack("--verity", "on").failed("the tree of a flat bundle is its container's, and is written to; hint: --mode overlay")
    assert not i.bundle.exists()
    assert i.unpack("--verity", "auto", "--store", str(i.layout.path.parent / "none")).ok().err == ""
    assert i.unpack("--verity", "maybe").failed("verity").err
