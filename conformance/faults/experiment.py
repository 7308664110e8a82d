"""One command of the runtime on a container of its own, and a look at what is left: the bench of conformance/faults/run.

All of it happens in namespaces of the bench's own (processes, mounts, network, names), so that a step which a fault sends astray meets nothing of the
host's; cgroups, which have no such border, carry the bench's name.
"""
import contextlib
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import threading
import time

import support
from isolation import processes, reap

TIMEOUT = 40  # what takes so long does not come
UNSTABLE = ("monotonic", "boottime", "pid", "pgid", "sid", "namespaces", "cgroup")


class Failure(Exception):
    """What a fault left behind, or made wrong."""


def observe(command, out, err, directory, seconds, **environment):
    """The exit status (None: it hangs), what it wrote to the files `out` and `err` as its standard streams."""
    with open(out, "wb") as out_file, open(err, "wb") as err_file:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out_file, stderr=err_file, cwd=directory,
                                   env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"} | environment)
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            status = None
    return status, out.read_text(errors="replace"), err.read_text(errors="replace")


class Bench:
    """A bundle, a state root, and the host around them."""

    def __init__(self, runtime, directory, template, programs, variant):
        self.runtime, self.programs = runtime, programs
        self.directory = pathlib.Path(directory) / variant.name
        self.bundle, self.state_root, self.files = (self.directory / name for name in ("bundle", "root", "files"))
        for path in (self.bundle, self.state_root, self.files):
            path.mkdir(parents=True)
        self.state_root.chmod(0o700)
        shutil.copytree(template, self.bundle / "rootfs", symlinks=True)
        shutil.copy(programs / "probe", self.bundle / "rootfs/probe")
        self.cgroup = f"faults-{os.getpid()}-{variant.name}-{int(time.time())}"
        self.log = self.directory / "hooks"
        self.id = "box"
        self.variant = variant
        variant.prepare(self)
        (self.bundle / "config.json").write_text(json.dumps(variant.config(self)))
        self.before = None
        self.listing = sorted(os.listdir(self.bundle))

    # commands

    def command(self, *words):
        return [self.runtime, "--root", str(self.state_root), *map(str, words)]

    def call(self, command, output="out", errors="err"):
        """The exit status (None: it hangs), what it wrote to stdout and to stderr."""
        return observe(command, self.files / output, self.files / errors, self.bundle, TIMEOUT)

    def must(self, *words):
        status, out, err = self.call(self.command(*words), "out-aside", "err-aside")
        if status != 0:
            raise Failure(f"{' '.join(words)}: status {status}: {err.strip()}")
        return out

    def status(self):
        """What `state` says; None when there is no container."""
        status, out, err = self.call(self.command("state", self.id), "out-aside", "err-aside")
        if status == 0:
            return json.loads(out)["status"]
        if status == 1 and "container does not exist" in err:
            return None
        if status == 1 and "its creation or deletion was interrupted" in err:  # killed before it had made anything, or when nothing was left but the name
            return "interrupted"
        raise Failure(f"state: status {status}: {err.strip()}")

    def await_status(self, wanted):
        deadline = time.monotonic() + TIMEOUT
        while (now := self.status()) != wanted:
            if time.monotonic() > deadline:
                raise Failure(f"the container is {now}, not {wanted}")
            time.sleep(0.005)

    def init(self):
        return json.loads(self.must("state", self.id))["pid"]

    # the host

    def groups(self):
        root = pathlib.Path("/sys/fs/cgroup")
        return sorted(str(path) for pattern in (f"*/{self.cgroup}", self.cgroup) for path in root.glob(pattern))

    def host(self):
        null = os.stat("/dev/null")
        return {
            "mounts": pathlib.Path("/proc/self/mountinfo").read_text().splitlines(),
            "names": (socket.gethostname(), pathlib.Path("/proc/sys/kernel/domainname").read_text()),
            "/dev/null": (null.st_uid, null.st_gid, null.st_mode, null.st_rdev),
            "bundle": sorted(os.listdir(self.bundle)),
        }

    def left(self):
        """What is left on the host, in words; None for nothing."""
        deadline = time.monotonic() + 10
        while True:
            reap()
            found = {"processes": processes(), "cgroups": self.groups(),
                     "state": sorted(name for name in os.listdir(self.state_root) if name != "@seccomp")}
            if not any(found.values()) or time.monotonic() > deadline:
                break
            time.sleep(0.005)
        cache = self.state_root / "@seccomp"
        found["seccomp cache"] = [name for name in os.listdir(cache) if not re.fullmatch("[0-9a-f]{16}", name)] if cache.exists() else []
        found["files"] = sorted(name for name in os.listdir(self.directory) if name not in ("bundle", "root", "files", "hooks", "pid", "console", "source"))
        text = [f"{key}: {value}" for key, value in found.items() if value]
        now = self.host()
        text += [f"{key}: {self.before[key]} before, {value} now" for key, value in now.items() if value != self.before[key]]
        return "; ".join(text) or None

    def sweep(self):
        """Ends what a failed experiment left, so that the next one begins on a clean host."""
        for state in pathlib.Path("/sys/fs/cgroup/freezer").glob(f"{self.cgroup}/**/freezer.state"):
            state.write_text("THAWED")
        for pid in processes():
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                continue
        deadline = time.monotonic() + TIMEOUT
        while processes() and time.monotonic() < deadline:
            reap()
            time.sleep(0.005)
        shutil.rmtree(self.state_root / self.id, ignore_errors=True)
        for group in self.groups():
            for path in [*sorted(pathlib.Path(group).rglob("*/"), reverse=True), pathlib.Path(group)]:
                try:
                    path.rmdir()
                except OSError:
                    continue
        self.remove_files()

    def remove_files(self):
        for path in self.directory.iterdir():
            if path.name not in ("bundle", "root", "files", "source"):
                path.unlink()

    # an experiment

    def fresh(self):
        """The host as it is before a command."""
        self.remove_files()
        self.variant.renew(self)
        self.log.touch()
        self.log.chmod(0o666)
        self.before = self.host()


def seen(text):
    """What probe.c saw, without what differs from one container to the next."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        return {"text": text}
    for key in UNSTABLE:
        value.pop(key, None)
    lines = []
    for line in (value.pop("mountinfo") or "").splitlines():
        fields = line.split()
        split = fields.index("-")
        # ids, devices and peer groups are numbers of the moment
        rest = [re.sub(r":\d+", "", field) for field in fields[6:split]]
        lines.append(" ".join([re.sub(r".*/bundle", "bundle", fields[3]), *fields[4:6], *rest, *fields[split + 1:]]))
    value["mounts"] = sorted(lines)
    for descriptor in value.get("descriptors", {}).values():
        descriptor.pop("rdev", None)
    return value


def difference(a, b):
    """What is not the same, by its path: both values, of lists what only one of them has."""
    found = {}
    for key in sorted({*a, *b}):
        one, other = a.get(key), b.get(key)
        if isinstance(one, dict) and isinstance(other, dict):
            found |= {f"{key}.{name}": values for name, values in difference(one, other).items()}
        elif isinstance(one, list) and isinstance(other, list) and one != other:
            found[key] = ([item for item in one if item not in other], [item for item in other if item not in one])
        elif one != other:
            found[key] = (one, other)
    return found


def base_config(bench):
    """A container with a bit of everything."""
    config = support.default_config()
    config["process"] |= {"args": ["/probe"], "oomScoreAdj": 500, "user": {"uid": 1000, "gid": 1000, "additionalGids": [5]}, "cwd": "/work"}
    config["process"]["env"].append("HOME=/home")
    config["process"]["capabilities"] |= {"ambient": ["CAP_NET_BIND_SERVICE"], "inheritable": ["CAP_NET_BIND_SERVICE"]}
    config["mounts"] += [
        {"destination": "/data", "type": "bind", "source": str(bench.directory / "source"), "options": ["rbind", "ro", "rprivate"]},
        {"destination": "/etc/group", "type": "bind", "source": str(bench.directory / "source/f"), "options": ["bind"]},
        {"destination": "/etc", "type": "tmpfs", "source": "tmpfs", "options": ["tmpcopyup", "nodev"]},
    ]
    linux = config["linux"]
    linux["cgroupsPath"] = f"/{bench.cgroup}/inner/box"
    linux["resources"] |= {"memory": {"limit": 256 << 20}, "pids": {"limit": 50}, "cpu": {"shares": 512}}
    linux["sysctl"] = {"net.ipv4.ip_forward": "1"}
    linux["devices"] = [{"path": "/dev/urandom", "type": "c", "major": 1, "minor": 9, "fileMode": 0o600, "uid": 7, "gid": 8}]
    linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["swapon"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1}]}
    linux["maskedPaths"].append("/data/f")
    config["hooks"] = {phase: [{"path": "/bin/sh", "args": ["sh", "-c", f"echo {phase} >> {bench.log}"]}]
                       for phase in ("prestart", "createRuntime", "createContainer", "poststart", "poststop")}
    config["hooks"]["startContainer"] = [{"path": "/bin/true"}]
    return config


class Console:
    """Takes the terminal of a container over a console socket, and reads it to its end."""

    def __init__(self, path):
        self.server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.server.bind(str(path))
        self.server.listen(1)
        self.text = b""
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        try:
            connection, _ = self.server.accept()
            with connection:
                _, master = support.receive_descriptor(connection)
        except (OSError, AssertionError) as error:
            self.text = f"[no terminal: {error!r}]".encode()
            return
        finally:
            # not by anybody else: a thread that is on its way into accept(2) would wait at the next console, which has the number then
            self.server.close()
        try:
            while part := os.read(master, 65536):
                self.text += part
        except OSError:  # EIO: nobody has the other end any more
            pass
        os.close(master)

    def give_up(self):
        """Nobody is waited for any more who has not come."""
        with contextlib.suppress(OSError):  # somebody has come
            self.server.shutdown(socket.SHUT_RDWR)

    def close(self):
        """What was written, once everybody has closed it."""
        self.thread.join(TIMEOUT)
        self.give_up()
        return self.text.decode(errors="replace").replace("\r\n", "\n")


class Plain:
    """Root of the host, with every kind of thing that a runtime makes on the host for a container."""
    name = "plain"
    terminal = False
    pairs = 0

    def prepare(self, bench):
        (bench.directory / "source").mkdir()
        (bench.directory / "source/f").write_text("root:x:0:\n")

    def config(self, bench):
        config = base_config(bench)
        config["linux"]["netDevices"] = {"fault0": {"name": "eth0"}}
        return config

    def renew(self, bench):
        # the kernel removes a pair some time after the namespace of one of them
        if not self.has_device():
            self.pairs += 1
            subprocess.run(["ip", "link", "add", "fault0", "type", "veth", "peer", "name", f"peer{self.pairs}"], check=True)

    def has_device(self):
        return "fault0" in {name for _, name in socket.if_nameindex()}

    def check_undone(self, bench):
        """After a failure: the device is here again."""
        if not self.has_device():
            raise Failure("the network device is not given back")


class User(Plain):
    """Root with a user namespace, a time namespace and a terminal."""
    name = "user"
    terminal = True

    def config(self, bench):
        config = base_config(bench)
        linux = config["linux"]
        linux["namespaces"] += [{"type": "user"}, {"type": "cgroup"}, {"type": "time"}]
        linux["uidMappings"] = linux["gidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 65536}]
        linux["timeOffsets"] = {"monotonic": {"secs": 1000}, "boottime": {"secs": 1000}}
        config["process"]["terminal"] = True
        config["mounts"].append({"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro", "nosuid", "noexec", "nodev"]})
        config["root"]["readonly"] = True
        # the bundle is seen by the user who is root there
        for path in [bench.directory, *bench.directory.parents]:
            if path.is_relative_to("/tmp") and path != pathlib.Path("/tmp"):
                path.chmod(path.stat().st_mode | 0o011)
        rootfs = bench.bundle / "rootfs"
        for path in [rootfs, *rootfs.rglob("*")]:
            os.chown(path, 100000, 100000, follow_symlinks=False)
        return config

    def renew(self, bench):
        """Nothing of it is used up."""

    def check_undone(self, bench):
        """Nothing is moved."""


VARIANTS = (Plain, User)
