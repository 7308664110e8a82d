"""containerd: what people do with `ctr`, from Debian's containerd."""
import json
import os
import pathlib
import re
import subprocess

from engine import Skip, busybox_tree, case, settles, wait_for

PACKAGES = ["containerd", "criu", "umoci", "busybox-static", "iproute2", "util-linux", "bsdutils"]


class Engine:
    """A containerd of our own; the shim is told to use the runtime under test."""

    def __init__(self, place, runtime):
        self.place, self.runtime = place, runtime
        self.cgroup = f"cale-containerd-{os.getpid()}"
        self.socket = place.directory / "containerd.sock"
        self.count = 0
        self.prefix = f"box{os.getpid()}x"

    def start(self):
        directory = self.place.directory
        config = directory / "config.toml"
        config.write_text(
            f'version = 2\nroot = "{directory}/root"\nstate = "{directory}/state"\n'
            'disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]\n'
            f'[grpc]\naddress = "{self.socket}"\n[ttrpc]\naddress = "{self.socket}.ttrpc"\n')
        self.daemon = self.place.start("containerd", "--config", config, log=directory / "containerd.log")
        wait_for(lambda: self.ctr("version").status == 0, "containerd starts", 120)
        busybox_tree(directory)
        for words in (["init", "--layout", "image"], ["new", "--image", "image:latest"],
                      ["insert", "--image", "image:latest", "tree", "/"], ["config", "--image", "image:latest", "--config.cmd", "sh"]):
            subprocess.run(["umoci", *words], cwd=directory, check=True, capture_output=True)
        subprocess.run(["tar", "-C", directory / "image", "-cf", directory / "image.tar", "."], check=True)
        self.ctr("image", "import", "--index-name", "example.test/box", directory / "image.tar").ok()
        self.image = self.ctr("image", "ls", "-q").ok().out.split()[0]

    def ctr(self, *words, **options):
        return self.place.run("ctr", "--address", self.socket, *words, **options)

    def name(self):
        self.count += 1
        return f"{self.prefix}{self.count}"

    def run(self, *words, options=(), **rest):
        name = self.name()
        return self.ctr("run", "--rm", "--runc-binary", self.runtime, "--cgroup", f"/{self.cgroup}/{name}", *options, self.image, name, *words, **rest)

    def background(self, *words, options=()):
        name = self.name()
        self.ctr("run", "-d", "--runc-binary", self.runtime, "--cgroup", f"/{self.cgroup}/{name}", *options, self.image, name, *words).ok()
        return name

    def status(self, name):
        for line in self.ctr("task", "ls").ok().out.splitlines():
            if line.split()[0] == name:
                return line.split()[2]
        return None

    def clean(self):
        for name in self.ctr("task", "ls", "-q").out.split():
            self.ctr("task", "kill", "--all", "--signal", "KILL", name)
            self.ctr("task", "rm", "--force", name)
        for name in self.ctr("container", "ls", "-q").out.split():
            self.ctr("container", "rm", name)

    def stop(self):
        self.clean()
        self.daemon.terminate()
        self.daemon.wait(120)


@case("a container prints; its status is the program's")
def echo(c):
    c.run("echo", "hello").says("hello")
    c.run("sh", "-c", "exit 7").failed(7)


@case("a program that is not there")
def no_program(c):
    c.run("nothing-of-the-kind").failed(1, "executable file not found in $path")


@case("a terminal")
def terminal(c):
    words = f"ctr --address {c.socket} run --rm -t --runc-binary {c.runtime} --cgroup /{c.cgroup}/tty {c.image} tty sh -c 'test -t 0 && tty'"
    assert "/dev/" in c.place.run("script", "-qec", words, "/dev/null").ok().out


@case("exec: output, status, errors")
def execute(c):
    name = c.background("sleep", "1000")
    c.ctr("task", "exec", "--exec-id", "one", name, "echo", "hello").says("hello")
    c.ctr("task", "exec", "--exec-id", "two", name, "sh", "-c", "exit 9").failed(9)
    c.ctr("task", "exec", "--exec-id", "three", "--cwd", "/tmp", name, "pwd").says("/tmp")
    c.ctr("task", "exec", "--exec-id", "four", name, "nothing-of-the-kind").failed(1, "executable file not found in $path")


@case("tasks are listed, paused, resumed, killed and removed")
def tasks(c):
    name = c.background("sleep", "1000")
    assert c.status(name) == "RUNNING"
    c.ctr("task", "pause", name).ok()
    assert c.status(name) == "PAUSED"
    c.ctr("task", "resume", name).ok()
    assert c.status(name) == "RUNNING"
    assert len(c.ctr("task", "ps", name).ok().out.strip().splitlines()) == 2
    c.ctr("task", "kill", "--signal", "KILL", name).ok()
    wait_for(lambda: c.status(name) == "STOPPED", "the task stops")
    c.ctr("task", "rm", name).failed((0, 137))
    assert c.status(name) is None


def files(c, name, controller, file1, file2):
    """A file of a container's cgroup: of version 1 where that is mounted, else of version 2."""
    place = pathlib.Path(f"/sys/fs/cgroup/{controller}/{c.cgroup}/{name}/{file1}")
    return (place if place.exists() else pathlib.Path(f"/sys/fs/cgroup/{c.cgroup}/{name}/{file2}")).read_text()


@case("metrics show memory, processor time and processes as the cgroup's files have them")
def metrics(c):
    name = c.background("sh", "-c", "x=$(head -c 4000000 /dev/zero | tr '\\0' x); sleep 1000; echo $x", options=("--memory-limit", str(64 << 20)))
    wait_for(lambda: re.search(r" sleep 1000$", c.ctr("task", "exec", "--exec-id", "look", name, "ps").ok().out, re.MULTILINE), "the variable is set")
    settles(lambda: check_metrics(c, name))  # what the other processes had is given back later


def check_metrics(c, name):
    found = json.loads(c.ctr("task", "metrics", "--format", "json", name).ok().out)
    assert found["pids"]["current"] == int(files(c, name, "pids", "pids.current", "pids.current")) == 2, found["pids"]
    memory = found["memory"]
    used = memory["usage"]["usage"] if isinstance(memory["usage"], dict) else memory["usage"]
    limit = memory["usage"]["limit"] if isinstance(memory["usage"], dict) else memory["usage_limit"]
    present = int(files(c, name, "memory", "memory.usage_in_bytes", "memory.current"))
    assert limit == 64 << 20 and present > 4000000 and abs(used - present) < 512 << 10, (present, memory)
    time_used = files(c, name, "cpuacct", "cpuacct.usage", "cpu.stat").split()
    nanoseconds = int(time_used[0]) if len(time_used) == 1 else int(time_used[time_used.index("usage_usec") + 1]) * 1000
    shown = found["cpu"]["usage"]["total"] if "usage" in found["cpu"] else found["cpu"]["usage_usec"] * 1000
    assert 0 <= nanoseconds - shown < 1_000_000, (nanoseconds, shown)  # it sleeps


@case("the memory that a container may take")
def memory(c):
    c.run("sh", "-c", "x=$(head -c 64000000 /dev/zero | tr '\\0' x); echo $x | wc -c", options=("--memory-limit", "16777216")).failed((1, 2, 137))


@case("a mount, an environment, a read-only root, the host's network")
def settings(c):
    shared = c.place.directory / "shared"
    shared.mkdir(exist_ok=True)
    c.run("sh", "-c", "echo $A > /data/f", options=("--env", "A=b", "--mount", f"type=bind,src={shared},dst=/data,options=rbind:rw")).ok()
    assert (shared / "f").read_text() == "b\n"
    c.run("sh", "-c", "! echo x 2>/dev/null > /f", options=("--read-only",)).ok()
    host = c.place.run("readlink", "/proc/self/ns/net").ok().out.strip()
    c.run("readlink", "/proc/self/ns/net", options=("--net-host",)).says(host)


@case("a user namespace")
def user_namespace(c):
    for path in (c.place.directory, *c.place.directory.glob("state/**/")):
        path.chmod(path.stat().st_mode | 0o711)  # the namespace's root must reach its bundle
    out = c.run("cat", "/proc/self/uid_map", options=("--uidmap", "0:100000:65536", "--gidmap", "0:100000:65536", "--snapshotter", "native")).ok().out
    assert out.split() == ["0", "100000", "65536"], out


@case("a task is written down and goes on from there; where criu cannot, the error is criu's and the task runs on")
def checkpoint(c):
    name = c.background("sh", "-c", "i=0; while :; do i=$((i+1)); echo $i > /count; sleep 0.1; done")
    able = c.place.run("criu", "check").status == 0
    reference = f"example.test/checkpoint/{name}"
    done = c.ctr("container", "checkpoint", "--rw", "--image", "--task", name, reference)
    if not able:
        done.failed(1, "criu")
        assert c.status(name) == "RUNNING"
        raise Skip("criu does not run on this kernel")
    done.ok()
    c.ctr("task", "kill", "--signal", "KILL", name).ok()
    wait_for(lambda: c.status(name) == "STOPPED", "the task stops")
    c.ctr("task", "rm", name)
    c.ctr("container", "rm", name).ok()
    c.ctr("container", "restore", "--rw", "--live", name, reference).ok()
    assert c.status(name) == "RUNNING"


@case("thirty containers at once")
def many(c):
    before = c.ctr("container", "ls", "-q").out
    script = (f"fail=0; pids=; for i in $(seq 30); do ctr --address {c.socket} run --rm --runc-binary {c.runtime} --cgroup /{c.cgroup}/m$i "
              f"{c.image} m$i true & pids=\"$pids $!\"; done; for p in $pids; do wait $p || fail=1; done; exit $fail")
    c.place.run("bash", "-c", script, timeout=300).ok()
    assert c.ctr("container", "ls", "-q").out == before
