"""Podman with systemd's cgroup manager on the runtime: as root, and as a user with a session."""
import json
import os
import pathlib
import shutil
import subprocess

from support import Skip, case, cgroup2, until


class Podman:
    """Podman with storage of its own. Its containers have the case's bundle's rootfs and no network."""

    def __init__(self, c):
        cgroup2()
        if not shutil.which("podman") or not os.path.isdir("/run/systemd/system"):
            raise Skip("needs podman and systemd")
        if os.geteuid() != 0 and "XDG_RUNTIME_DIR" not in os.environ:
            raise Skip("needs a user with a session")
        self.c = c
        for name in ("passwd", "group", "resolv.conf", "hosts", "hostname"):
            (c.rootfs / "etc" / name).touch()
        (c.rootfs / "run").mkdir(exist_ok=True)

    def __call__(self, *words, status=0):
        command = ["podman", "--runtime", self.c.runtime, "--cgroup-manager", "systemd", *words]
        with open(self.c.directory / "out", "w+b") as out, open(self.c.directory / "err", "w+b") as err:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, timeout=180, check=False)
            out.seek(0), err.seek(0)
            text = out.read().decode()
            assert done.returncode == status, f"{' '.join(command)}: status {done.returncode}: {text}{err.read().decode()}"
        return text.strip()

    def run(self, *words, status=0):
        options, program = words[:words.index("--")], words[words.index("--") + 1:]
        return self("run", "--network", "none", *options, "--rootfs", str(self.c.rootfs), *program, status=status)


def amount(text):
    """Bytes of "1.5MB", which podman counts in thousands."""
    number = text.rstrip("kKMGTiB")
    return float(number) * {"": 1, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9}[text[len(number):].removesuffix("B").removesuffix("i")]


@case("run, with limits in a scope of systemd's; stats, exec, stop and rm", root=None)
def life(c):
    podman = Podman(c)
    name = c.id
    try:
        podman.run("--detach", "--name", name, "--memory", "64m", "--pids-limit", "40", "--", "sleep", "100")
        path = podman("inspect", name, "--format", "{{.State.CgroupPath}}")
        directory = pathlib.Path("/sys/fs/cgroup" + path)
        scope = directory if directory.name.endswith(".scope") else directory.parent
        assert scope.name.startswith("libpod-") and scope.name.endswith(".scope"), path
        assert (scope / "memory.max").read_text().strip() == str(64 << 20)
        assert (scope / "pids.max").read_text().strip() == "40"
        stats = json.loads(podman("stats", "--no-stream", "--format", "json", name))[0]
        assert stats["pids"] in ("1", 1), stats
        assert abs(amount(stats["mem_usage"].split(" / ")[1]) - (64 << 20)) < 1 << 20, stats

        def agree():  # once the program has begun and stands still
            used = amount(json.loads(podman("stats", "--no-stream", "--format", "json", name))[0]["mem_usage"].split(" / ")[0])
            return used > 0 and abs(used - int((scope / "memory.current").read_text())) < 256 << 10
        until(agree, "podman and the cgroup do not agree about the memory")
        podman("update", "--memory", "96m", "--cpus", "0.5", name)
        assert (scope / "memory.max").read_text().strip() == str(96 << 20)
        assert (scope / "cpu.max").read_text().strip() == "50000 100000"
        assert podman("exec", name, "cat", "/proc/self/cgroup") == podman("exec", name, "cat", "/proc/1/cgroup")
        podman("stop", "--time", "1", name)
        assert podman("inspect", name, "--format", "{{.State.Status}}") == "exited"
    finally:
        podman("rm", "--force", "--ignore", name)
    until(lambda: not scope.exists(), "the scope is left")


@case("run in the foreground: output, exit status, and nothing left", root=None)
def foreground(c):
    podman = Podman(c)
    assert podman.run("--rm", "--", "echo", "hello") == "hello"
    podman.run("--rm", "--", "sh", "-c", "exit 7", status=7)
    assert podman("ps", "--all", "--quiet") == ""


@case("a program that needs too much memory is told from another that fails", root=None)
def out_of_memory(c):
    podman = Podman(c)
    try:
        podman.run("--name", c.id, "--memory", "16m", "--memory-swap", "16m", "--",
                   "dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=1", status=137)
    finally:
        podman("rm", "--force", "--ignore", c.id)


@case("the profile that podman makes is in force")
def apparmor(c):
    podman = Podman(c)
    if podman("info", "--format", "{{.Host.Security.AppArmorEnabled}}") != "true":
        raise Skip("AppArmor is not active")
    assert podman.run("--rm", "--", "cat", "/proc/self/attr/current").startswith("containers-default-")
