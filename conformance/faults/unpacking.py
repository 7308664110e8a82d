"""The commands of calque that are disturbed: what there must be before each, what comes of it, and what must be gone when it fails."""
import hashlib
import json
import os
import pathlib
import re
import shutil
import stat
import subprocess

import images
from faults.experiment import Failure, observe

TIMEOUT = 60  # what takes so long does not come
USER = 65534
# what an overlay notes of inodes and mounts: numbers of the moment
NUMBERS = r"^(trusted|user)\.overlay\.(origin|uuid|impure)$"


def make_image(directory, for_engines=False):
    """Three layers with something of everything: kinds of files, attributes, a hole, whiteouts, and a layer that has its meaning on top of others only.

    Not all engines know zstd, nor hard links to files of lower layers.
    """
    layout = images.Layout(directory)
    noise = hashlib.shake_256(b"calque").digest(40000)
    plain = dict(mode=0o644)
    lowest = images.tar(
        ("etc", None), ("etc/passwd", "root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/home:/bin/sh\n"), ("etc/group", "root:x:0:\nextra:x:77:user\n"),
        ("bin", None), ("bin/noise", noise), ("bin/again", {"type": images.tarfile.LNKTYPE, "linkname": "bin/noise"}),
        ("bin/link", {"type": images.tarfile.SYMTYPE, "linkname": "noise"}), ("bin/setuid", {"mode": 0o4755, "data": b"x" * 5000}),
        ("attributes", {"data": b"a", "uid": 7, "gid": 8, "pax_headers": {"SCHILY.xattr.user.name": "value"}, **plain}),
        ("hole", {"data": b"begin" + bytes(300000) + b"end", **plain}), ("fifo", {"type": images.tarfile.FIFOTYPE}),
        ("null", {"type": images.tarfile.CHRTYPE, "devmajor": 1, "devminor": 3}),
        ("closed", {"type": images.tarfile.DIRTYPE, "mode": 0o555}), ("closed/file", "in it"),
        ("old", None), ("old/one", "1"), ("old/two", "2"), ("whole", None), ("whole/of", "it"))
    middle = images.tar(("etc", None), ("etc/passwd", "root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n"), ("old", None), ("old/.wh.one", ""),
                        ("whole", None), ("whole/.wh..wh..opq", ""), ("whole/new", "new"))
    top = images.tar(("deep/er/file", "no entry tells of its directories"), *(() if for_engines else [("bin/third", {"type": images.tarfile.LNKTYPE, "linkname": "bin/noise"})]))
    layers = layout.layer(lowest, "+gzip", images.gzip.compress), layout.layer(middle, *(() if for_engines else ("+zstd", images.zstd))), layout.layer(top)
    config = {"User": "user", "Cmd": ["/bin/noise"], "Env": ["A=b"], "Volumes": {"/data": {}}, "Labels": {"name": "value"}}
    layout.write(images.tagged(layout.manifest(*layers, config=config)))


def tree(root):
    """Every name below `root` with what can be seen of it, but for the times of `root` itself."""
    found = {}
    for directory, names, files in os.walk(root):
        for name in (*names, *files, *([""] if directory == str(root) else [])):
            path = os.path.join(directory, name) if name else directory
            status = os.lstat(path)
            kind = stat.S_IFMT(status.st_mode)
            content = ""
            if kind == stat.S_IFREG:
                content = hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()
            elif kind == stat.S_IFLNK:
                content = os.readlink(path)
            attributes = {key: os.getxattr(path, key, follow_symlinks=False) for key in os.listxattr(path, follow_symlinks=False) if not re.search(NUMBERS, key)}
            entry = [oct(status.st_mode), status.st_uid, status.st_gid, status.st_rdev, content, attributes]
            entry.append(status.st_nlink if kind != stat.S_IFDIR else None)
            if name and not (kind == stat.S_IFCHR and status.st_rdev == 0):  # a whiteout has the time at which it was made
                entry.append(status.st_mtime_ns)
            found[os.path.relpath(path, root)] = entry
    return found


def give(path):
    """To the user."""
    for directory, names, files in os.walk(path):
        for name in ("", *names, *files):
            os.chown(os.path.join(directory, name) if name else directory, USER, USER, follow_symlinks=False)


class Place:
    """A file system of its own in memory: an image, a store, and bundles beside one another. As root, or as a user with one id."""

    def __init__(self, calque, directory, programs, variant):
        self.calque, self.programs, self.is_user = calque, programs, variant == "user"
        self.top = pathlib.Path(directory)
        self.top.mkdir()
        self.files, self.disk, self.pristine = self.top / "files", self.top / "disk", self.top / "pristine"
        for path in (self.files, self.disk):
            path.mkdir()
        make_image(self.pristine)
        self.image, self.store, self.bundle = self.disk / "image", self.disk / "store", self.disk / "bundle"
        owner = f",uid={USER},gid={USER}" if self.is_user else ""
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"mode=755,size=1g,nr_inodes=100000{owner}", "none", self.disk], check=True)
        if self.is_user:
            give(self.files)
        self.clear()

    def clear(self):
        """As it is before a command: the image alone."""
        for line in reversed(self.mounts()):
            subprocess.run(["umount", line], check=True)
        for path in self.disk.iterdir():
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        shutil.copytree(self.pristine, self.image)
        if self.is_user:
            give(self.image)

    def limit(self, **options):
        subprocess.run(["mount", "-o", "remount," + ",".join(f"{key}={value}" for key, value in options.items()), self.disk], check=True)

    def mounts(self):
        return [line.split()[4] for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines() if line.split()[4].startswith(f"{self.disk}/")]

    def call(self, command):
        """The exit status (None: it hangs), and what it wrote to stdout and stderr."""
        if self.is_user:
            command = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--inh-caps=-all", *map(str, command)]
        return observe(command, self.files / "out", self.files / "err", self.disk, TIMEOUT, SOURCE_DATE_EPOCH="1700000000")

    def must(self, *words):
        status, out, err = self.call([self.calque, *map(str, words)])
        if status != 0:
            raise Failure(f"{' '.join(map(str, words))}: status {status}: {err.strip()}")
        return out

    def unpack(self, *options, bundle=None):
        self.must("unpack", "--quiet", "--store", self.store, *options, "--image", self.image, bundle or self.bundle)

    def stored(self):
        """The layers of the store, without their order in it."""
        return {layer.name: tree(layer / "tree") for layer in (self.store / "layers").iterdir()} if self.store.exists() else {}

    def made(self):
        """A bundle, or why it is not whole. The store's short names for layers are numbers of the moment."""
        found = {"names": sorted(os.listdir(self.bundle)), "rootfs": tree(self.bundle / "rootfs")}
        text = (self.bundle / "config.json").read_text()
        for link in sorted((self.store / "links").iterdir(), key=lambda link: -len(link.name)) if self.store.exists() else []:
            text = text.replace(f"{link}\"", f"{os.readlink(link)}\"").replace(f"{link}:", f"{os.readlink(link)}:")
        found["config"] = text
        if (self.bundle / "overlay").exists():
            found["upper"] = tree(self.bundle / "overlay/upper")
            found["keys"] = (self.bundle / "overlay/about").read_text()
            found["layers"] = self.stored()
        return found

    def unfinished(self):
        """Directories and files with temporary names; layers in the making."""
        found = [str(path.relative_to(self.disk)) for path in self.disk.rglob(".calque-*")]
        return found + [f"store/temporary/{path.name}" for path in self.store.glob("temporary/*")]

    def age(self):
        """What a killed process left is old now: the next command may take it for abandoned."""
        for path in self.disk.rglob(".calque-*"):
            os.utime(path, (1, 1), follow_symlinks=False)

    def left(self):
        """What is there beside the image and an empty store after all bundles were deleted and gc; None for nothing."""
        for path in (self.bundle, self.disk / "other"):
            if path.exists():
                self.must("delete", path)
        found = []
        if self.store.exists():
            self.must("gc", "--store", self.store)
            found = [f"store/{path.relative_to(self.store)}" for name in ("temporary", "layers", "links", "bundles", "runs") for path in self.store.glob(f"{name}/*")]
        found += self.unfinished() + sorted(name for name in os.listdir(self.disk) if name not in ("image", "store", "new", "new.tar"))
        found += [f"mount {place}" for place in self.mounts()]
        return ", ".join(found) or None


class Command:
    """`again` is what is done after a failure or a kill: it succeeds, and `worked` gives the same as without a fault."""
    is_for_users = True

    def __init__(self, name, words):
        self.name, self.line = name, words

    def words(self, place):
        return [word.format(disk=place.disk) for word in self.line]

    def before(self, place):
        """Makes what the command needs."""

    def worked(self, place, out):
        raise NotImplementedError

    def failed(self, place):
        """After another status, without a kill."""
        if found := place.unfinished():
            raise Failure(f"{self.name} fails and leaves {', '.join(found)}")

    def again(self, place):
        return place.must(*self.words(place))


class Unpack(Command):
    def __init__(self, name, *options, warm=False):
        super().__init__(name, ["unpack", "--quiet", "--store", "{disk}/store", *options, "--image", "{disk}/image", "{disk}/bundle"])
        self.warm = warm

    def before(self, place):
        if self.warm:
            place.unpack("--mode", "overlay", bundle=place.disk / "other")

    def worked(self, place, out):
        return place.made()

    def failed(self, place):
        super().failed(place)
        if place.bundle.exists():
            raise Failure("unpack fails, and there is a bundle")

    def again(self, place):
        if place.bundle.exists():  # it was killed when everything was done
            return ""
        return super().again(place)


class OnBundle(Command):
    """A command on a bundle that is there; `options` make it."""

    def __init__(self, name, words, *options, changes=False):
        super().__init__(name, words)
        self.options, self.changes = options, changes

    def before(self, place):
        place.unpack(*self.options)
        if self.changes:
            root = place.bundle / ("overlay/upper" if "overlay" in self.options else "rootfs")
            (root / "added").mkdir()
            (root / "added/file").write_bytes(hashlib.shake_256(b"added").digest(9000))
            os.utime(root / "added/file", (1700000000, 1700000000))
            os.utime(root / "added", (1700000000, 1700000000))
            if place.is_user:
                give(root / "added")


class Mount(OnBundle):
    is_for_users = False

    def worked(self, place, out):
        return {"mounts": len(place.mounts()), "rootfs": sorted(tree(place.bundle / "rootfs"))}

    def again(self, place):
        if len(place.mounts()) == 1:
            return ""
        return super().again(place)

    def failed(self, place):
        super().failed(place)
        if place.mounts():
            raise Failure("mount fails, and something is mounted")


class Unmount(Mount):
    def before(self, place):
        super().before(place)
        place.must("mount", place.bundle)

    def again(self, place):
        return "" if not place.mounts() else Command.again(self, place)

    def failed(self, place):
        """It is mounted still, or it is not."""


class Delete(OnBundle):
    def worked(self, place, out):
        if place.bundle.exists() or place.unfinished():
            raise Failure(f"delete answers 0, and there is {place.unfinished() or 'the bundle'}")
        return {}

    def failed(self, place):
        """Part of it may be gone: `again` takes the rest."""

    def again(self, place):
        if place.bundle.exists():
            return super().again(place)
        # its name is gone; the rest goes with the next command in this directory
        place.unpack()
        return place.must("delete", place.bundle)


class Collect(Command):
    def before(self, place):
        place.unpack("--mode", "overlay")
        place.unpack("--mode", "overlay", bundle=place.disk / "other")
        place.must("delete", place.bundle)
        shutil.rmtree(place.disk / "other")

    def worked(self, place, out):
        return {"store": [str(path) for path in place.store.glob("*/*")]}

    def failed(self, place):
        """Another one goes on with it."""


class CollectBeside(Collect):
    """There is a bundle whose layers must stay."""
    def before(self, place):
        place.unpack("--mode", "overlay")
        place.unpack("--mode", "overlay", bundle=place.disk / "other")
        shutil.rmtree(place.disk / "other")

    def worked(self, place, out):
        place.must("verify", place.bundle)
        return {"bundle": place.made(), "registered": len(list(place.store.glob("bundles/*")))}

    def failed(self, place):
        place.must("verify", place.bundle)


class Query(OnBundle):
    def worked(self, place, out):
        if found := place.unfinished():
            raise Failure(f"{self.name} leaves {', '.join(found)}")
        return {"out": out}


class Repack(OnBundle):
    """The target has the old images, or the new one as well."""
    def __init__(self, name, target, *options):
        super().__init__(name, ["repack", "--quiet", "{disk}/bundle", "{disk}/" + target], *options, changes=True)
        self.target = target

    def worked(self, place, out):
        path = place.disk / self.target.partition(":")[0]
        place.must("verify", "--image", place.disk / self.target)
        found = json.loads(place.must("inspect", "--format", "json", "--image", place.disk / self.target))
        if self.target.startswith("image"):
            place.must("verify", "--image", place.image)  # the old one is still there
        return {"image": found, "mode": oct(path.stat().st_mode)}

    def failed(self, place):
        super().failed(place)
        place.must("verify", "--image", place.image)
        # nothing, or all of it: what fails last is telling of it, and waiting for the disk after the rename
        if self.target.startswith("new") and (place.disk / self.target.partition(":")[0]).exists():
            place.must("verify", "--image", place.disk / self.target)


class Run(Command):
    def worked(self, place, out):
        return {"bundles": [path.name for path in place.store.glob("runs/*")], "layers": place.stored()}

    def failed(self, place):
        if re.search(r"\bdelete |\bremove ", place.said):
            place.must("gc", "--store", place.store)  # what it could not remove goes with the next command
        super().failed(place)
        if found := [path.name for path in place.store.glob("runs/*")]:
            raise Failure(f"run fails and leaves bundles: {found}")


OVERLAY = ["--mode", "overlay"]
BY_HAND = [*OVERLAY, "--mount-by", "hand"]
COMMANDS = [
    Unpack("unpack"), Unpack("unpack --mode overlay", *OVERLAY), Unpack("unpack, warm", warm=True), Unpack("unpack --mode overlay, warm", *OVERLAY, warm=True),
    Mount("mount", ["mount", "{disk}/bundle"], *BY_HAND), Unmount("umount", ["umount", "{disk}/bundle"], *BY_HAND),
    Repack("repack", "image:new"), Repack("repack to a new layout", "new:tag"), Repack("repack to an archive", "new.tar:tag", *OVERLAY),
    Delete("delete", ["delete", "{disk}/bundle"]), Delete("delete, overlay", ["delete", "{disk}/bundle"], *OVERLAY), Collect("gc", ["gc", "--store", "{disk}/store"]),
    CollectBeside("gc beside a bundle", ["gc", "--store", "{disk}/store"]),
    Query("verify", ["verify", "{disk}/bundle"]), Query("verify, overlay", ["verify", "{disk}/bundle"], *OVERLAY),
    Query("inspect", ["inspect", "--image", "{disk}/image"]), Query("list", ["list", "--store", "{disk}/store"], *OVERLAY),
    Run("run", ["run", "--quiet", "--store", "{disk}/store", "--runtime", "/bin/true", "--name", "box", "{disk}/image"]),
]
