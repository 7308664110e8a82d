"""Without root: owners that are recorded, owners that have ids of ranges, and bundles that a user can run, pack again and remove."""
import json
import os
import pathlib
import shutil
import subprocess
import tarfile

from images import image_case, tagged, tar
from support import Result, Skip

USER = 65534
ENTRIES = (("bin", None), ("f", {"data": b"x\n", "uid": 7, "gid": 300, "mode": 0o444}), ("d", {"type": tarfile.DIRTYPE, "mode": 0o755, "uid": 33, "gid": 0}),
           ("d/mine", "m\n"), ("null", {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3, "mode": 0o666, "uid": 1}), ("secret", {"data": b"s", "mode": 0}),
           ("note", {"data": b"n", "mode": 0o444, "pax_headers": {"SCHILY.xattr.user.note": "x"}}))
RECORD = "user.rootlesscontainers"


class User:
    """Somebody without privileges, with or without ranges of ids of his own."""
    def __init__(self, i, ranges=False):
        if os.geteuid() != 0:
            raise Skip("needs root, to become somebody else")
        self.i, self.ranges = i, ranges
        self.home = i.layout.path.parent / "home"
        self.home.mkdir()
        busybox = open(shutil.which("busybox"), "rb").read()
        i.layout.write(tagged(i.layout.manifest(tar(*[(n, dict(c) if isinstance(c, dict) else c) for n, c in ENTRIES], ("bin/busybox", {"data": busybox, "mode": 0o755}),
                                                    ("bin/sh", {"type": tarfile.SYMTYPE, "linkname": "busybox"})), config={"Cmd": ["/bin/sh"], "User": "33:44" if ranges else ""})))
        for path in [self.home, i.layout.path, *i.layout.path.rglob("*")]:
            os.chown(path, USER, USER)
        os.chmod(i.layout.path.parent, 0o755)
        self.program = shutil.copy(i.program, i.layout.path.parent)
        self.bundle = self.home / "bundle"

    def run(self, *command, **more):
        command = [str(word) for word in command]
        # the files of ranges are those of a mount namespace of this case alone
        ids = self.home.parent / "ranges"
        ids.write_text(f"{USER}:200000:65536\n" if self.ranges else "")
        mounts = "mount --bind $0 /etc/subuid && mount --bind $0 /etc/subgid && " if os.path.exists("/etc/subuid") else ""
        script = mounts + f'exec setpriv --reuid {USER} --regid {USER} --clear-groups --inh-caps=-all "$@"'
        command = ["unshare", "--mount", "--propagation", "slave", "sh", "-c", script, str(ids), *command]
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.home), "XDG_RUNTIME_DIR": str(self.home)}
        return Result(command, subprocess.run(command, capture_output=True, env=environment, cwd=self.home, timeout=60, stdin=subprocess.DEVNULL, **more))

    def calque(self, *command):
        return self.run(self.program, *command)

    def unpack(self, *options, tag="latest", bundle=None):
        return self.calque("unpack", "--image", f"{self.i.layout.path}:{tag}", *options, bundle or self.bundle)

    def run_script(self, config, script):
        """The bundle with this configuration and program, in the runtime."""
        config["process"]["args"] = ["/bin/sh", "-c", script]
        config["process"]["terminal"] = False
        (self.bundle / "config.json").write_text(json.dumps(config))
        cale = shutil.copy(self.i.c.runtime, self.i.layout.path.parent)
        return self.run(cale, "--root", self.home / "state", "run", "--bundle", self.bundle, "box")

    def repack_and_delete(self, tag):
        self.calque("repack", self.bundle, f"{self.i.layout.path}:{tag}").ok()
        self.calque("delete", self.bundle).ok()
        assert not self.bundle.exists()


def xattr(path):
    try:
        return os.getxattr(path, RECORD)
    except OSError:
        return None


@image_case("owners and devices are recorded where one id is all there is, and a new image has them again")
def recorded(i):
    user = User(i)
    for mode in ("flat", "overlay"):
        user.unpack("--mode", mode).ok()
        if mode == "flat":
            root = user.bundle / "rootfs"
        else:
            root = sorted((user.home / ".local/share/calque/layers").iterdir())[0] / "tree"
        assert {(path.lstat().st_uid, path.lstat().st_gid) for path in root.rglob("*")} == {(USER, USER)}
        # protocol buffers: field 1 is the user, field 2 the group, 0 is left out
        assert xattr(root / "f") == bytes([0x08, 7, 0x10, 0xAC, 0x02]) and xattr(root / "d") == bytes([0x08, 33]) and xattr(root / "d/mine") is None
        assert os.getxattr(root / "null", "user.calque.device") == b"c 1 3" and (root / "null").stat().st_size == 0
        assert oct((root / "f").stat().st_mode) == "0o100444" and os.getxattr(root / "note", "user.note") == b"x"
        user.calque("verify", user.bundle).ok()
        if mode == "overlay":
            # all layers, also files that their owner may not read
            user.calque("verify").ok()
        config = json.loads((user.bundle / "config.json").read_text())
        assert config["linux"]["uidMappings"] == [{"containerID": 0, "hostID": USER, "size": 1}]
        user.run_script(config, "busybox cat /f && echo new > /d/mine && echo y > /created && busybox rm /note").prints("x")
        user.repack_and_delete(mode)
        # root sees whose they are
        i.unpack(tag=mode).ok()
        root = i.bundle / "rootfs"
        def owner(name):
            return (root / name).lstat().st_uid, (root / name).lstat().st_gid
        assert (owner("f"), owner("d"), owner("null")) == ((7, 300), (33, 0), (1, 0)), (mode, owner("f"), owner("d"), owner("null"))
        assert (root / "created").read_text() == "y\n" and (root / "d/mine").read_text() == "new\n" and not (root / "note").exists()
        assert os.major((root / "null").stat().st_rdev) == 1 and xattr(root / "f") is None


@image_case("a stand-in that was changed becomes the device again in a new image")
def device(i):
    user = User(i)
    user.unpack().ok()
    os.chmod(user.bundle / "rootfs/null", 0o600)
    user.calque("repack", user.bundle, f"{i.layout.path}:new").ok()
    i.unpack(tag="new").ok()
    status = (i.bundle / "rootfs/null").lstat()
    assert (os.major(status.st_rdev), os.minor(status.st_rdev), oct(status.st_mode), status.st_uid) == (1, 3, "0o20600", 1), status


@image_case("with ranges of ids, files have owners of their own, and the runtime gives the same ids")
def mapped(i):
    if not shutil.which("newuidmap"):
        raise Skip("newuidmap is not installed")
    user = User(i, ranges=True)
    for mode in ("flat", "overlay"):
        user.unpack("--mode", mode).ok()
        root = user.bundle / "rootfs" if mode == "flat" else sorted((user.home / ".local/share/calque/layers").iterdir())[0] / "tree"
        def owner(name):
            return (root / name).lstat().st_uid, (root / name).lstat().st_gid
        assert (owner("f"), owner("d"), owner("d/mine")) == ((200006, 200299), (200032, USER), (USER, USER)), (owner("f"), owner("d"), owner("d/mine"))
        assert xattr(root / "f") is None
        user.calque("verify", user.bundle).ok()
        config = json.loads((user.bundle / "config.json").read_text())
        assert config["linux"]["uidMappings"] == [{"containerID": 0, "hostID": USER, "size": 1}, {"containerID": 1, "hostID": 200000, "size": 65536}], config["linux"]
        assert config["process"]["user"] == {"uid": 33, "gid": 44}
        user.run_script(config, "busybox id -u; busybox id -g; busybox stat -c %u:%g /f /d; echo n > /d/new").prints("33\n44\n7:300\n33:0")
        user.repack_and_delete(mode)
        i.unpack(tag=mode).ok()
        new = (i.bundle / "rootfs/d/new").lstat()
        assert (new.st_uid, new.st_gid) == (33, 44)
    user.calque("gc").ok()
    assert not list((user.home / ".local/share/calque/layers").iterdir())


@image_case("who wants ranges of ids and has none is told what gives them; who does not want those that he has gets records")
def owners(i):
    user = User(i)
    user.unpack("--owners", "mapped").failed("this user has no ranges of ids", "usermod --add-subuids")
    assert not user.bundle.exists()
    user.ranges = True
    user.unpack("--owners", "recorded").ok()
    assert xattr(user.bundle / "rootfs/f") == bytes([0x08, 7, 0x10, 0xAC, 0x02])


@image_case("an owner outside of the ranges is recorded, with a warning")
def outside(i):
    user = User(i, ranges=True)
    i.layout.write(tagged(i.layout.manifest(tar(("f", {"data": b"x", "uid": 70000})))))
    user.unpack().ok()
    assert xattr(user.bundle / "rootfs/f") == bytes([0x08, 0xF0, 0xA2, 0x04])
    user.calque("delete", user.bundle).ok()
