"""`calque run`: from an image to a container that has ended, and nothing left; images on standard input; what `list` and `inspect` show."""
import gzip
import json
import os
import pty
import shutil
import subprocess
import tarfile

from cases.image_rootless import User
from images import image_case, tagged, tar
from support import Result, Skip


def image(i, **config):
    """busybox, a directory with a file for a volume, and a user."""
    busybox = shutil.which("busybox")
    if not busybox:
        raise Skip("busybox is not installed")
    with open(busybox, "rb") as file:
        program = {"data": file.read(), "mode": 0o755}
    i.layout.write(tagged(i.layout.manifest(
        tar(("bin", None), ("bin/busybox", program), *((f"bin/{name}", {"type": tarfile.SYMTYPE, "linkname": "busybox"}) for name in ("sh", "cat", "ls", "tty", "readlink", "id"))),
        tar(("data", None), ("data/seed", "from the image\n"), ("etc", None), ("etc/passwd", "root:x:0:0::/:/bin/sh\nuser:x:1000:1000::/:/bin/sh\n")),
        config={"Entrypoint": ["/bin/sh", "-c"], "Cmd": ["echo default"], "Env": ["PATH=/bin", "A=image"], **config})))


class Store:
    """A store of the case's own, and `calque run` in it."""
    def __init__(self, i):
        self.i, self.path = i, i.layout.path.parent / "store"

    def command(self, *words):
        runtime = self.i.c.runtime if "/" in self.i.c.runtime else shutil.which(self.i.c.runtime)
        return [self.i.program, "run", "--quiet", "--store", str(self.path), "--runtime", runtime, *map(str, words)]

    def run(self, *options, program=(), **more):
        command = self.command(*options, self.i.layout.path, *(("--", *program) if program else ()))
        result = Result(command, subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=60, **more))
        assert (self.left() == []) == ("--keep" not in options), self.left()
        return result

    def left(self):
        """Bundles, containers, layers in the making."""
        return [str(path) for name in ("runs", "state", "temporary", "bundles") for path in (self.path / name).glob("*") if path.name != "@seccomp"]


@image_case("an image's program runs, or another one in its place, with its status; nothing is left, and layers are there for the next")
def program(i):
    image(i)
    store = Store(i)
    store.run().prints("default")
    layers = sorted(os.listdir(store.path / "layers"))
    store.run("--env", "A=mine", "--env", "B=c d", program=["echo $A $B $PATH"]).prints("mine c d /bin")
    assert store.run(program=["exit 7"]).status == 7
    # what one container writes the next one does not see
    store.run(program=["echo x > /written; ls /written"]).prints("/written")
    assert store.run(program=["ls /written"]).status == 1
    assert sorted(os.listdir(store.path / "layers")) == layers and len(layers) == 2
    subprocess.run([i.program, "gc", "--store", store.path], check=True, stdout=subprocess.DEVNULL)
    assert os.listdir(store.path / "layers") == []


@image_case("volumes with names outlive their container and begin with what the image has there; those of the image do not; a directory of the host is itself")
def volumes(i):
    image(i, Volumes={"/data": {}})
    store = Store(i)
    host = i.layout.path.parent / "host"
    host.mkdir()
    store.run("--volume", "kept:/data", program=["cat /data/seed; echo more >> /data/seed"]).prints("from the image")
    store.run("--volume", "kept:/data:ro", program=["cat /data/seed; echo x > /data/new || echo refused"]).prints("from the image\nmore\nrefused")
    store.run("--volume", f"{host}:/host", program=["cat /data/seed; echo y >> /data/seed; echo z > /host/f"]).prints("from the image")
    store.run(program=["cat /data/seed"]).prints("from the image")
    assert (host / "f").read_text() == "z\n"
    subprocess.run([i.program, "gc", "--store", store.path], check=True, stdout=subprocess.DEVNULL)
    assert (store.path / "volumes/kept/seed").read_text() == "from the image\nmore\n"


@image_case("no network but a loopback device, the host's, or that of a path")
def network(i):
    image(i)
    store = Store(i)
    where = "readlink /proc/self/ns/net; ls /sys/class/net"
    none = store.run(program=[where]).ok().out.split()
    assert none[0] != os.readlink("/proc/self/ns/net") and none[1:] == ["lo"], none
    assert store.run("--network", "none", program=[where]).ok().out.split()[1:] == ["lo"]
    assert store.run("--network", "host", program=["readlink /proc/self/ns/net"]).ok().out.strip() == os.readlink("/proc/self/ns/net")
    other = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo ready; exec cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        other.stdout.readline()
        path = f"/proc/{other.pid}/ns/net"
        assert store.run("--network", path, program=["readlink /proc/self/ns/net"]).ok().out.strip() == os.readlink(path)
    finally:
        other.stdin.close()
        other.wait()
        other.stdout.close()
    store.run("--network", "/nowhere").failed("/nowhere", "ENOENT|no such file")


@image_case("with --tty the program has a terminal")
def terminal(i):
    image(i)
    store = Store(i)
    master, slave = pty.openpty()
    process = subprocess.Popen(store.command("--tty", i.layout.path, "--", "tty; read line; echo got $line; exit 3"), stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
    os.close(slave)
    os.write(master, b"word\n")
    text = b""
    while True:
        try:
            text += os.read(master, 4096)
        except OSError:  # EIO: nobody has the other end any more
            break
    os.close(master)
    assert process.wait(30) == 3 and b"/dev/" in text and b"got word" in text, (process.returncode, text)
    assert store.left() == []


@image_case("with --keep the bundle stays where it is said to be")
def keep(i):
    image(i)
    store = Store(i)
    result = store.run("--keep", "--name", "box", program=["echo x > /written"]).ok()
    bundle = store.path / "runs/box"
    assert str(bundle) in result.err and (bundle / "overlay/upper/written").read_text() == "x\n", result
    store.run("--keep", "--name", "box").failed("box", "EEXIST")
    subprocess.run([i.program, "delete", bundle], check=True)
    assert store.left() == []


@image_case("without root, with one id and with ranges")
def rootless(i):
    user = User(i)
    image(i)
    for path in [i.layout.path, *i.layout.path.rglob("*")]:
        os.chown(path, 65534, 65534)
    runtime = shutil.copy(i.c.runtime if "/" in i.c.runtime else shutil.which(i.c.runtime), user.home.parent)
    for user.ranges in (False, True):
        if user.ranges and not shutil.which("newuidmap"):
            continue
        user.calque("run", "--quiet", "--runtime", runtime, i.layout.path, "--", "id -u; cat /data/seed; echo x > /written").prints("0\nfrom the image")
        store = user.home / ".local/share/calque"
        assert os.listdir(store / "runs") == [] and os.listdir(store / "bundles") == []
        user.calque("run", "--quiet", "--runtime", runtime, "--volume", "v:/data", i.layout.path, "--", "echo more >> /data/seed; cat /data/seed").ok()
        user.calque("gc").ok()
    assert (store / "volumes/v/seed").read_text() == "from the image\n" + "more\n" * (2 if user.ranges else 1)


@image_case("an archive on standard input")
def standard_input(i):
    image(i)
    archive = i.layout.path.parent / "image.tar"
    with tarfile.open(archive, "w") as out:
        out.add(i.layout.path, ".")
    for options in ((), ("--mode", "overlay", "--store", str(i.layout.path.parent / "store"))):
        for reference in ("-", "-:latest"):
            with open(archive, "rb") as file:
                command = [i.program, "unpack", *options, "--image", reference, str(i.bundle)]
                # by a pipe, which cannot be read twice
                feeder = subprocess.Popen(["cat"], stdin=file, stdout=subprocess.PIPE)
                Result(command, subprocess.run(command, stdin=feeder.stdout, capture_output=True, timeout=60)).ok()
                feeder.stdout.close()
                feeder.wait()
            assert (i.bundle / "config.json").exists() and (options or (i.bundle / "rootfs/data/seed").read_text() == "from the image\n")
            subprocess.run([i.program, "delete", i.bundle], check=True)


@image_case("list names the images of a source, inspect layers with sizes and shared ones, history by layer; both as tables and as JSON")
def tables(i):
    shared, own = i.layout.layer(tar(("a", "x" * 5000)), "+gzip", lambda data: gzip.compress(data, mtime=0)), i.layout.layer(tar(("b", "y")))
    history = [{"created": "2024-01-01T00:00:00Z", "created_by": "ADD a"}, {"created_by": "ENV A=b", "empty_layer": True}, {"created_by": "ADD b"}]
    one = i.layout.manifest(shared, own, members={"history": history}, config={"Cmd": ["sh"], "Env": ["A=b"]})
    two = i.layout.manifest(shared, config={"Cmd": ["sh"]})
    i.layout.write(tagged(one, "one"), tagged(two, "two"))

    def say(*words):
        command = [i.program, *map(str, words)]
        return Result(command, subprocess.run(command, capture_output=True, timeout=60)).ok().out
    rows = [line.split() for line in say("list", i.layout.path).splitlines()]
    assert rows[0] == ["TAG", "PLATFORM", "DIGEST"] and [row[0] for row in rows[1:]] == ["one", "two"] and rows[1][2] == one["digest"], rows
    assert [(entry["tag"], entry["digest"]) for entry in json.loads(say("list", "--format", "json", i.layout.path))] == [("one", one["digest"]), ("two", two["digest"])]
    text = say("inspect", "--image", f"{i.layout.path}:one")
    lines = [line.split() for line in text.splitlines()]
    head = lines.index(["LAYER", "SIZE", "TAGS", "MEDIA", "TYPE"])
    layers = lines[head + 1:head + 3]
    # the first is in both images
    assert [row[0] for row in layers] == [shared[0]["digest"], own[0]["digest"]] and [row[-2] for row in layers] == ["2", "1"], layers
    head = lines.index(["CREATED", "LAYER", "SIZE", "BY"])
    assert [row[-2:] for row in lines[head + 1:head + 4]] == [["ADD", "a"], ["ENV", "A=b"], ["ADD", "b"]], text
    assert lines[head + 1][1] == "1" and "-" in lines[head + 2] and lines[head + 3][0] == "2", text
    found = json.loads(say("inspect", "--format", "json", "--image", f"{i.layout.path}:one"))
    assert found["tags"] == ["one", "two"] and [entry["createdBy"] for entry in found["history"]] == ["ADD a", "ENV A=b", "ADD b"]
    assert [layer["size"] for layer in found["layers"]] == [shared[0]["size"], own[0]["size"]], found


@image_case("the rights of another user are refused: with a set-user-ID bit everybody would unpack as root of the host")
def set_user_id(i):
    if os.geteuid():
        raise Skip("it takes root to give rights away")
    own = i.c.directory / "calque"
    shutil.copy2(shutil.which(i.program), own)
    own.chmod(0o4755)
    done = subprocess.run([str(own), "--version"], user=1000, group=1000, extra_groups=[], capture_output=True, text=True, cwd="/")
    assert done.returncode != 0 and "set-user-ID" in done.stderr, (done.returncode, done.stdout, done.stderr)
