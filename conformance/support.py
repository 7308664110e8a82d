"""What conformance cases are written with: a bundle of their own, a runtime, and a look at the host before and after.

A case is a function with the decorator `@case(title, statement ids…)` in a file of conformance/cases, which is its section.
It gets a `Case`, changes `config`, runs the container, and checks what came out; a wrong result is an AssertionError.
"""
import array
import contextlib
import ctypes
import json
import os
import pathlib
import re
import shutil
import stat
import signal
import socket
import subprocess
import tempfile
import time

CASES = []
# How long something is waited for that is sure to come: only a failure takes so long, and a machine that has other things to do must not cause one.
TIMEOUT = 40
NAMESPACES = {"mount": "mnt", "pid": "pid", "network": "net", "ipc": "ipc", "uts": "uts", "cgroup": "cgroup", "user": "user", "time": "time"}
CAPABILITIES = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]


class Skip(Exception):
    """The machine cannot run the case; the text says why."""


def case(title, *statements, root=True):
    """Makes a function a case. `root=False`: it is run by an unprivileged user; `root=None`: by whoever runs the suite."""
    def register(function):
        CASES.append({"section": function.__module__.rsplit(".", 1)[-1].replace("_", "-"), "name": function.__name__.replace("_", "-"),
                      "title": title, "statements": statements, "function": function, "root": root})
        return function
    return register


def default_config():
    """What `runc spec` prints, with a terminal turned off."""
    return {
        "ociVersion": "1.0.2",
        "process": {
            "terminal": False, "user": {"uid": 0, "gid": 0}, "args": ["true"], "cwd": "/",
            "env": ["PATH=/usr/bin:/bin", "TERM=xterm"],
            "capabilities": {key: list(CAPABILITIES) for key in ("bounding", "effective", "permitted")},
            "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}], "noNewPrivileges": True,
        },
        "root": {"path": "rootfs", "readonly": False},
        "hostname": "box",
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
            {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
             "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]},
            {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]},
            {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue", "options": ["nosuid", "noexec", "nodev"]},
            {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]},
        ],
        "linux": {
            "resources": {"devices": [{"allow": False, "access": "rwm"}]},
            "namespaces": [{"type": kind} for kind in ("pid", "network", "ipc", "uts", "mount")],
            "maskedPaths": ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware", "/proc/scsi"],
            "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
        },
    }


class Result:
    def __init__(self, command, done):
        self.command, self.status = command, done.returncode
        self.out, self.err = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")

    def __str__(self):
        return f"{' '.join(self.command)}: status {self.status}\nstdout: {self.out}\nstderr: {self.err}"

    def ok(self):
        assert self.status == 0, str(self)
        return self

    def failed(self, *texts):
        """Not 0, not a crash, and with something to read on stderr that holds each of `texts`, in any case."""
        assert self.status not in (0, 124) and (self.status < 128 or self.status == 255), str(self)
        assert self.err.strip(), "nothing on stderr: " + str(self)
        for text in texts:
            assert re.search(text, self.err, re.IGNORECASE), f"no {text!r} in: {self}"
        return self

    def prints(self, text):
        self.ok()
        assert self.out.strip() == text, f"expected {text!r}: {self}"
        return self

    @property
    def lines(self):
        return self.ok().out.splitlines()


class Case:
    """One bundle and one container on one runtime."""

    def __init__(self, runtime, directory, template, programs, number, uid):
        self.runtime, self.programs, self.uid = runtime, programs, uid
        self.id = f"conf-{os.getpid()}-{number}"
        self.directory = pathlib.Path(directory)
        self.bundle, self.state_root = self.directory / "bundle", self.directory / "root"
        self.rootfs = self.bundle / "rootfs"
        shutil.copytree(template, self.rootfs, symlinks=True)
        self.state_root.mkdir(mode=0o700)
        self.config = default_config()
        self.input = self.null_device()
        self.wrapper = []  # a program and its arguments that start the runtime
        self.environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
        self.global_options = []
        mode = os.environ.get("CONFORMANCE_MODE", "root")
        if mode == "userns" and not uid:
            self.add_user_namespace()
        if uid:
            self.become_rootless()
        if os.environ.get("CONFORMANCE_DENY"):
            self.deny(*os.environ["CONFORMANCE_DENY"].split())

    def add_user_namespace(self):
        """Root of the container is somebody else on the host, who owns the rootfs."""
        self.linux["namespaces"].append({"type": "user"})
        self.linux["uidMappings"] = self.linux["gidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 65536}]
        for path in [self.rootfs, *self.rootfs.rglob("*")]:
            os.chown(path, 100000, 100000, follow_symlinks=False)

    def null_device(self):
        """A null device of the case's own: some runtimes give standard input to the container's user, and the host's must stay root's."""
        path = self.directory / "null"
        try:
            os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
            os.chmod(path, 0o666)
            return open(path, "r+b", buffering=0)
        except OSError:  # without root, and where the file system has no devices
            return subprocess.DEVNULL

    def become_rootless(self):
        linux = self.config["linux"]
        linux["namespaces"] = [{"type": kind} for kind in ("pid", "ipc", "uts", "mount", "user")]
        linux["uidMappings"] = [{"containerID": 0, "hostID": self.uid, "size": 1}]
        linux["gidMappings"] = [{"containerID": 0, "hostID": self.uid, "size": 1}]
        linux.pop("resources")
        for mount in self.config["mounts"]:
            mount["options"] = [option for option in mount.get("options", []) if option != "gid=5"]
        self.config["mounts"] = [mount for mount in self.config["mounts"] if mount["destination"] != "/sys"]
        for path in [self.directory] + list(self.directory.rglob("*")):
            os.chown(path, self.uid, self.uid, follow_symlinks=False)

    # configuration

    @property
    def process(self):
        return self.config["process"]

    @property
    def linux(self):
        return self.config["linux"]

    def args(self, *args):
        self.process["args"] = list(args)
        return self

    def shell(self, script):
        return self.args("/bin/sh", "-c", script)

    def namespace(self, kind, path=None):
        """Makes the container have a namespace of `kind`, at `path` one to join."""
        entry = {"type": kind, "path": path} if path else {"type": kind}
        self.linux["namespaces"] = [n for n in self.linux["namespaces"] if n["type"] != kind] + [entry]

    def without_namespace(self, kind):
        self.linux["namespaces"] = [n for n in self.linux["namespaces"] if n["type"] != kind]

    def mount(self, destination, kind=None, source=None, options=()):
        entry = {"destination": destination, "options": list(options)}
        if kind:
            entry["type"] = kind
        if source:
            entry["source"] = str(source)
        self.config["mounts"].append(entry)

    def capabilities(self, *names, ambient=(), inheritable=()):
        sets = {key: list(names) for key in ("bounding", "effective", "permitted")}
        if ambient:
            sets["ambient"] = list(ambient)
        if inheritable:
            sets["inheritable"] = list(inheritable)
        self.process["capabilities"] = sets

    # commands

    def write(self):
        (self.bundle / "config.json").write_text(json.dumps(self.config))

    def call(self, *words, timeout=TIMEOUT, pass_fds=(), **options):
        command = [self.runtime, "--root", str(self.state_root), *self.global_options, *map(str, words)]
        command = [*self.wrapper, *command]
        if self.uid and os.geteuid() == 0:
            command = ["setpriv", f"--reuid={self.uid}", f"--regid={self.uid}", "--clear-groups", *command]
        # files instead of pipes: a container that lives on keeps a pipe open
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            try:
                done = subprocess.run(command, stdin=self.input, stdout=out, stderr=err, timeout=timeout, cwd=self.bundle,
                                      env=self.environment, pass_fds=pass_fds, **options)
                status = done.returncode
            except subprocess.TimeoutExpired:
                status = 124
            out.seek(0), err.seek(0)
            return Result(command, subprocess.CompletedProcess(command, status, out.read(), err.read()))

    def run(self, *options):
        self.write()
        return self.call("run", *options, "--bundle", self.bundle, self.id)

    def create(self, *options):
        self.write()
        return self.call("create", *options, "--bundle", self.bundle, self.id)

    def probe(self, *options):
        """What probe/probe.c sees in the container."""
        shutil.copy(self.program("probe"), self.rootfs / "probe")
        return json.loads(self.args("/probe").run(*options).ok().out)

    def deny(self, *calls):
        """Makes system calls fail for the runtime and for everything that it starts: "openat2=ENOSYS"."""
        self.wrapper = [self.program("deny"), *calls, "--"]

    def program(self, name):
        """A program of conformance/probe."""
        if not (self.programs / name).exists():
            raise Skip("no C compiler is here for conformance/probe")
        return str(self.programs / name)

    def start(self):
        return self.call("start", self.id)

    def kill(self, *words):
        return self.call("kill", self.id, *words)

    def delete(self, *options):
        return self.call("delete", *options, self.id)

    def state(self):
        return json.loads(self.call("state", self.id).ok().out)

    def wait(self, status):
        deadline = time.monotonic() + TIMEOUT
        while time.monotonic() < deadline:
            if self.state()["status"] == status:
                return
            time.sleep(0.02)
        raise AssertionError(f"the status did not become {status}: {self.state()}")

    def file(self, name):
        """What the container wrote to /NAME of its rootfs, once it is there."""
        path = self.rootfs / name
        deadline = time.monotonic() + TIMEOUT
        while time.monotonic() < deadline:
            if path.exists() and path.read_text().endswith("\n"):
                return path.read_text().strip()
            time.sleep(0.02)
        raise AssertionError(f"the container did not write /{name}")

    def terminal_output(self):
        """What the program writes to its terminal, up to "done". The master comes over a console socket."""
        path = self.directory / "console"
        with listener(path) as server:
            self.create("--console-socket", path).ok()
            connection, _ = server.accept()
            connection.settimeout(TIMEOUT)
            with connection:
                _, master = receive_descriptor(connection)
        try:
            self.start().ok()
            text = b""
            while b"done" not in text:
                text += os.read(master, 1024)
            return text
        finally:
            os.close(master)

    def clean(self):
        # what a case made under another name, where a runtime took that for an id
        names = {entry.name for entry in self.state_root.iterdir() if not entry.name.startswith("@")} | {self.id}
        for name in sorted(names):
            self.call("delete", "--force", name)


def until(condition, otherwise):
    """Waits for `condition`; `otherwise` is the error when it does not come true, text or what makes it."""
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < deadline, otherwise() if callable(otherwise) else otherwise
        time.sleep(0.001)


def waits(pid, where):
    """Whether a process sleeps in a function of the kernel that has `where` in its name, as "poll"; one of its threads is enough."""
    try:
        return any(where in path.read_text() for path in pathlib.Path(f"/proc/{pid}/task").glob("*/wchan"))
    except (FileNotFoundError, ProcessLookupError):
        return False


def executes(pid, name):
    """Whether a process has executed the program `name`, or a child of it has."""
    try:
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return any(pathlib.Path(f"/proc/{one}/comm").read_text() == name + "\n" for one in (pid, *children))
    except (FileNotFoundError, ProcessLookupError):
        return False


@contextlib.contextmanager
def subreaper():
    """Orphans are this process' children meanwhile, who can be waited for: afterwards they are the parent's again (`orphans`)."""
    set_child_subreaper = 36  # linux/prctl.h
    prctl = ctypes.CDLL(None).prctl
    prctl(set_child_subreaper, 1, 0, 0, 0)
    try:
        yield
    finally:
        prctl(set_child_subreaper, 0, 0, 0, 0)


def status_field(text, name):
    """A line of /proc/PID/status."""
    return re.search(rf"^{name}:\s*(.*)$", text, re.MULTILINE).group(1)


def mount_line(text, destination):
    """Options, propagation and file system of the last mount on `destination` in a mountinfo, or None."""
    found = None
    for line in text.splitlines():
        fields = line.split()
        if len(fields) > 6 and fields[4] == destination:
            split = fields.index("-")
            found = {"options": fields[5].split(","), "propagation": fields[6:split], "type": fields[split + 1],
                     "source": fields[split + 2], "super": fields[split + 3].split(",")}
    return found


@contextlib.contextmanager
def holder(*flags):
    """A process in namespaces of its own, made with unshare(1); gives its pid."""
    process = subprocess.Popen(["unshare", *flags, "sleep", "60"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        until(lambda: executes(process.pid, "sleep"), lambda: f"unshare {' '.join(flags)}: no namespaces, status {process.poll()}")
        yield process.pid
    finally:
        process.kill()
        process.wait()


def cgroup2():
    """The root of version 2, where it is the only version."""
    root = pathlib.Path("/sys/fs/cgroup")
    if not (root / "cgroup.controllers").exists():
        raise Skip("the cgroups are not version 2 alone")
    return root


def own_cgroup2(pid="self"):
    """The version 2 cgroup of a process."""
    line = next(line for line in pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines() if line.startswith("0::"))
    return cgroup2() / line[3:].lstrip("/")


def _hidden_unified():
    return any(" /sys/fs/cgroup/unified " in line and " - tmpfs " in line for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines())


def orphans():
    """Processes whose parents have ended: see `adopt_orphans` of the runner, and `subreaper`. Those that have ended too do not count, nor does
    the one with which podman keeps a user's namespace for all its containers."""
    return {pid for parent in (os.getppid(), os.getpid()) for pid in map(int, pathlib.Path(f"/proc/{parent}/task/{parent}/children").read_text().split())
            if pid != os.getpid() and alive(pid) and not _is_podmans_pause(pid)}


def _is_podmans_pause(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/comm").read_text().strip() in ("podman pause", "catatonit")
    except OSError:
        return False


def cgroups_called(part):
    """All cgroups with `part` in their names. Others' vanish meanwhile, which Path.glob takes for an error of its own."""
    return {os.path.join(place, name) for place, names, _ in os.walk("/sys/fs/cgroup") for name in names if part in name}


def host_snapshot():
    """Mounts, processes, and cgroups of this run's containers: what a container must not leave behind."""
    mounts = {line.split(" ", 2)[2] for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()
              if "/containers/storage/" not in line}  # podman's own, which come and go
    groups = {str(path) for path in pathlib.Path("/sys/fs/cgroup").glob(f"*/*conf-{os.getpid()}-*")}
    groups |= {str(path) for path in pathlib.Path("/sys/fs/cgroup").glob(f"conf-{os.getpid()}-*")}
    if pathlib.Path("/sys/fs/cgroup/cgroup.controllers").exists():
        groups |= cgroups_called(f"conf-{os.getpid()}-")
    # where crun thinks there is a version 2 tree, it makes directories in what hides it
    groups = {path for path in groups if not path.startswith("/sys/fs/cgroup/unified/") or not _hidden_unified()}
    return {"mounts": mounts, "cgroups": groups, "processes": orphans(), "hostname": {socket.gethostname()}}


def host_changes(before, directory):
    """What is otherwise than `before`, in words; None for nothing. What is just about to end gets ten seconds for it: no case has a program
    that ends by itself in that time, but for those that it waits for.

    Mounts of other runs on the same machine do not count; `directory` is this case's own.
    """
    deadline = time.monotonic() + 10
    while True:
        after = host_snapshot()
        changes = {key: after[key] ^ before[key] for key in before}
        changes["processes"] = after["processes"] - before["processes"]
        changes["mounts"] = {line for line in changes["mounts"] if "cale-conformance-" not in line or directory in line}
        changed = {key: value for key, value in changes.items() if value}
        if not changed:
            return None
        if time.monotonic() > deadline:
            return "; ".join(f"the host has other {key} than before: {value}" for key, value in changed.items())
        time.sleep(0.02)


def receive_descriptor(connection):
    """A message with one descriptor from a unix socket."""
    data, ancillary, _, _ = connection.recvmsg(4096, socket.CMSG_LEN(4))
    for level, kind, payload in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            return data, array.array("i", payload)[0]
    raise AssertionError("no descriptor came")


@contextlib.contextmanager
def listener(path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(str(path))
        server.listen(1)
        server.settimeout(TIMEOUT)
        yield server


def cgroup1(controller):
    """The mount of a version 1 controller."""
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        fields = line.split()
        if "cgroup" in fields[fields.index("-") + 1:] and controller in fields[-1].split(","):
            return pathlib.Path(fields[4])
    raise Skip(f"no version 1 hierarchy has the controller {controller}")


def alive(pid):
    try:
        os.kill(pid, 0)
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


SIGNALS = {name: int(getattr(signal, name)) for name in ("SIGTERM", "SIGKILL", "SIGUSR1")}
