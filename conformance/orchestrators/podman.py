"""podman as root: what people do with it, from Debian's podman and conmon."""
import json
import os
import pathlib
import re
import socket
import subprocess

from engine import busybox_tree, case, settles, wait_for

PACKAGES = ["podman", "conmon", "netavark", "iptables", "catatonit", "busybox-static", "iproute2", "util-linux", "bsdutils"]


class Engine:
    """podman with storage of our own and the runtime under test."""

    # the host's, in which podman makes maps
    first_id = 100000
    build_options = []

    def __init__(self, place, runtime):
        self.place, self.runtime = place, runtime
        self.cgroup = f"cale-podman-{os.getpid()}"
        directory = place.directory
        # as options, not in files: what conmon starts at a container's end gets them only so
        self.command = ["podman", "--root", directory / "storage", "--runroot", directory / "runroot", "--tmpdir", directory / "tmp",
                        "--network-config-dir", directory / "networks", "--runtime", runtime, "--cgroup-manager", "cgroupfs", "--events-backend", "file"]
        self.options = ["--cgroup-parent", "/" + self.cgroup]
        self.pod = [*self.options, "--infra-image", "localhost/box", "--infra-command", "/bin/sleep 1000"]

    def start(self):
        directory = self.place.directory
        # root is not allowed to raise limits everywhere; and no image can be fetched for a pod's first container
        (directory / "containers.conf").write_text(
            '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]\n'
            '[engine]\ninfra_image = "localhost/box"\ninfra_command = "/bin/sleep"\n')
        busybox_tree(directory)
        subprocess.run(["tar", "-C", directory / "tree", "-cf", directory / "box.tar", "."], check=True)
        self.podman("import", "--change", "CMD sleep 1000", directory / "box.tar", "localhost/box").ok()

    def as_user(self, words):
        """The words of a command that is podman's user's."""
        return words

    def podman(self, *words, env=None, **options):
        settings = {"CONTAINERS_CONF": str(self.place.directory / "containers.conf"), **(env or {})}
        return self.place.run(*self.as_user([*self.command, *words]), env=settings, **options)

    def run(self, *words, **options):
        return self.podman("run", "--rm", *self.options, *words, **options)

    def background(self, *words):
        return self.podman("run", "-d", *self.options, *words).ok().out.strip()

    def usernamespace(self):
        """The user namespace in which podman makes containers that share it."""
        return os.readlink("/proc/self/ns/user")

    def choose_ids(self):
        """Gives podman ids for `--userns auto`, in the place alone."""
        for name in ("subuid", "subgid"):
            path = self.place.directory / name
            path.write_text("containers:1000000:100000\n")
            self.place.run("mount", "--bind", path, f"/etc/{name}").ok()

    def inspect(self, name, template):
        return self.podman("inspect", "--format", template, name).ok().out.strip()

    def clean(self):
        self.podman("pod", "rm", "--all", "--force", "--time", "0")
        self.podman("rm", "--all", "--force", "--time", "0")

    def stop(self):
        self.clean()


@case("a container prints; its status is the program's")
def echo(p):
    p.run("box", "echo", "hello").says("hello")
    p.run("box", "sh", "-c", "exit 7").failed(7)


@case("a program that is not there: 127; one that may not be executed: 126")
def no_program(p):
    p.run("box", "nothing-of-the-kind").failed(127, "not found")
    p.run("box", "/bin/not-a-program").failed(126, "permission denied")


@case("stdin, and a terminal")
def streams(p):
    p.run("-i", "box", "cat", stdin=b"in\n").says("in")
    words = " ".join(map(str, p.as_user([*p.command, "run", "--rm", "-it", *p.options, "box", "sh -c 'test -t 0 && tty; sleep 0.5'"])))
    environment = {"CONTAINERS_CONF": str(p.place.directory / "containers.conf")}
    assert "/dev/" in p.place.run("script", "-qec", words, "/dev/null", env=environment).ok().out


@case("environment, directory, user, host name, logs")
def settings(p):
    name = p.background("-e", "A=b", "-w", "/tmp", "-u", "1000:5", "--hostname", "web", "box", "sh", "-c", "echo $A; pwd; id -u; id -g; hostname")
    p.podman("wait", name).says("0")
    p.podman("logs", name).says("b\n/tmp\n1000\n5\nweb")


@case("exec: output, status, user; errors")
def execute(p):
    name = p.background("box", "sleep", "1000")
    p.podman("exec", name, "echo", "hello").says("hello")
    p.podman("exec", name, "sh", "-c", "exit 9").failed(9)
    p.podman("exec", "-u", "user", "-w", "/tmp", "-e", "A=b", name, "sh", "-c", "id -u; pwd; echo $A").says("1000\n/tmp\nb")
    p.podman("exec", name, "nothing-of-the-kind").failed(127, "not found")
    p.podman("exec", name, "/bin/not-a-program").failed(126, "permission denied")


@case("stop, kill and wait")
def stop(p):
    name = p.background("box", "sh", "-c", "trap 'exit 5' TERM; echo up; while :; do sleep 0.1; done")
    wait_for(lambda: "up" in p.podman("logs", name).ok().out, "the program has set its trap")
    p.podman("stop", "--time", "60", name).ok()
    assert p.inspect(name, "{{.State.ExitCode}}") == "5"
    name = p.background("box", "sleep", "1000")
    p.podman("kill", name).ok()
    p.podman("wait", name).says("137")


@case("pause, unpause")
def pause(p):
    name = p.background("box", "sleep", "1000")
    p.podman("pause", name).ok()
    assert p.inspect(name, "{{.State.Status}}") == "paused"
    p.podman("unpause", name).ok()
    assert p.inspect(name, "{{.State.Status}}") == "running"


def amount(text):
    """Bytes of "1.5MB"."""
    number, unit = re.fullmatch(r"([\d.]+)(k|M|G)?B", text).groups()
    return float(number) * {None: 1, "k": 1e3, "M": 1e6, "G": 1e9}[unit]


@case("limits and update; stats show what the cgroup's files have; top")
def limits(p):
    name = p.background("-m", "64m", "--pids-limit", "50", "box", "sleep", "1000")
    place = pathlib.Path("/sys/fs/cgroup/memory") / p.inspect(name, "{{.State.CgroupPath}}").lstrip("/") / "memory.limit_in_bytes"
    if place.exists():  # version 1
        assert place.read_text().strip() == str(64 << 20)

        def check():
            used = json.loads(p.podman("stats", "--no-stream", "--format", "json", name).ok().out)[0]
            shown, limit = (amount(text) for text in used["mem_usage"].split(" / "))
            assert abs(limit - (64 << 20)) < 1 << 20 and used["pids"] == "1", used  # podman counts in thousands, with two digits
            assert abs(shown - int((place.parent / "memory.usage_in_bytes").read_text())) < 128 << 10, used
            cpu = pathlib.Path(str(place.parent).replace("/memory/", "/cpuacct/", 1)) / "cpuacct.usage"
            milliseconds = re.fullmatch(r"([\d.]+)ms", used["cpu_time"])
            assert milliseconds and abs(float(milliseconds[1]) - int(cpu.read_text()) / 1e6) < 5, used
        settles(check)
        p.podman("update", "-m", "128m", name).ok()
        assert place.read_text().strip() == str(128 << 20)
    assert p.podman("top", name).ok().out.count("sleep") == 1


@case("containers of one network reach each other; a published port is reached")
def networks(p):
    server = p.background("-p", "127.0.0.1:8083:80", "box", "sh", "-c", "while :; do echo served | nc -l -p 80; done")
    address = p.inspect(server, "{{.NetworkSettings.IPAddress}}")
    wait_for(lambda: "served" in p.run("box", "nc", "-w", "2", address, "80").out, "served")
    wait_for(lambda: "served" in p.place.run("busybox", "nc", "-w", "2", "127.0.0.1", "8083").out, "served on the published port")


@case("a pod: containers share network, ipc and host name")
def pod(p):
    p.podman("pod", "create", "--name", "together", *p.pod).ok()
    spaces = [p.podman("run", "--rm", "--pod", "together", "box", "sh", "-c", "for kind in net ipc uts; do readlink /proc/self/ns/$kind; done").ok().out
              for _ in range(2)]
    assert spaces[0] == spaces[1] and "net:" in spaces[0], spaces


@case("a user namespace with a map of its own")
def user_namespace(p):
    out = p.run("--uidmap", f"0:{p.first_id}:1000", "--gidmap", f"0:{p.first_id}:1000", "box", "sh", "-c", "cat /proc/self/uid_map; id -u; ls -ln / | grep bin").ok().out
    assert re.search(rf"0\s+{p.first_id}\s+1000\n0\n", out) and " 0        0 " in out, out


@case("a user namespace that is the host's, one that podman chooses, one of another container")
def user_namespace_forms(p):
    own = "readlink", "/proc/self/ns/user"
    p.run("--userns", "host", "box", *own).says(p.usernamespace())
    p.choose_ids()
    out = p.run("--userns", "auto:size=2000", "box", "sh", "-c", "cat /proc/self/uid_map; id -u; echo x > /made && ls -n /made").ok().out
    assert sum(int(line.split()[2]) for line in out.splitlines() if re.match(r"\s*\d+\s+\d+\s+\d+$", line)) == 2000, out
    assert re.search(r"^0$", out, re.M) and re.search(r" 0 +0 ", out), out
    name = p.background("--userns", "auto", "box", "sleep", "1000")
    p.run("--userns", f"container:{name}", "box", *own).says(p.podman("exec", name, *own).ok().out.strip())


@case("volumes, a read-only root, a tmpfs")
def volumes(p):
    p.run("-v", "kept:/data", "box", "sh", "-c", "echo one > /data/f").ok()
    p.run("-v", "kept:/data", "box", "cat", "/data/f").says("one")
    p.run("--read-only", "--tmpfs", "/scratch", "box", "sh", "-c", "echo x > /scratch/f && cat /scratch/f && ! echo x 2>/dev/null > /f").says("x")


@case("capabilities, the seccomp profile, no new privileges")
def privileges(p):
    status = "sh", "-c", "grep -E 'CapEff|NoNewPrivs|^Seccomp:' /proc/self/status | tr -d '\\t' | tr '\\n' ' '"
    p.run("--cap-drop", "ALL", "--cap-add", "CHOWN", "--security-opt", "no-new-privileges", "box", *status).says(
        "CapEff:0000000000000001 NoNewPrivs:1 Seccomp:2")


@case("an image is built, and its container runs")
def build(p):
    context = p.place.directory / "context"
    context.mkdir(exist_ok=True)
    (context / "Dockerfile").write_text("FROM localhost/box\nRUN echo built > /built\nUSER 1234\nCMD [\"sh\", \"-c\", \"cat /built; id -u\"]\n")
    p.podman("build", "--isolation", "oci", *p.build_options, "-t", "built", context).ok()
    p.run("built").says("built\n1234")


@case("a Kubernetes description is written and played")
def play(p):
    name = p.background("--name", "web", "box", "/bin/sleep", "1000")
    text = p.podman("generate", "kube", "web").ok().out
    assert "kind: Pod" in text, text
    p.podman("rm", "-f", "-t", "0", name).ok()
    (p.place.directory / "play.yaml").write_text(text)
    p.podman("play", "kube", p.place.directory / "play.yaml").ok()
    wait_for(lambda: "web-pod-web" in p.podman("ps", "--format", "{{.Names}}").ok().out, "the played container runs")


@case("a pod is described for Kubernetes and played again; units are written for systemd, and their command runs")
def generate(p):
    p.podman("pod", "create", "--name", "group", *p.pod).ok()
    p.podman("run", "-d", "--pod", "group", "--name", "first", "box", "/bin/sleep", "1000").ok()
    text = p.podman("generate", "kube", "group").ok().out
    assert "kind: Pod" in text and "name: group" in text and "name: first" in text, text
    units = p.podman("generate", "systemd", "--new", "--name", "first").ok().out
    assert "Type=notify" in units and "--sdnotify=conmon" in units, units
    units = p.podman("generate", "systemd", "--name", "group").ok().out
    assert "Description=Podman pod-group.service" in units and "Description=Podman container-first.service" in units, units
    p.podman("pod", "rm", "--force", "--time", "0", "group").ok()
    (p.place.directory / "pod.yaml").write_text(text)
    p.podman("play", "kube", p.place.directory / "pod.yaml").ok()
    wait_for(lambda: "group-first" in p.podman("ps", "--format", "{{.Names}}").ok().out, "the played pod runs")
    p.podman("play", "kube", "--down", p.place.directory / "pod.yaml").ok()


@case("conmon tells the service manager that the container is ready, and the container has no such socket")
def notify(p):
    path = p.place.directory / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        path.chmod(0o666)
        manager.settimeout(90)
        name = p.podman("run", "-d", "--sdnotify", "conmon", *p.options, "box", "sh", "-c", "test -z \"$NOTIFY_SOCKET\" && sleep 1000",
                        env={"NOTIFY_SOCKET": str(path)}).ok().out.strip()
        said = b""
        while b"READY=1" not in said:
            said += manager.recv(4096) + b"\n"
        assert b"MAINPID=" in said, said
        assert p.inspect(name, "{{.State.Status}}") == "running"
    path.unlink()


@case("a container whose runtime was killed is removed")
def removal(p):
    name = p.background("box", "sleep", "1000")
    os.kill(int(p.inspect(name, "{{.State.Pid}}")), 9)
    wait_for(lambda: p.inspect(name, "{{.State.Status}}") == "exited", "podman sees the end")
    p.podman("rm", name).ok()


@case("the engine shows the runtime")
def info(p):
    shown = json.loads(p.podman("info", "--format", "json").ok().out)["host"]["ociRuntime"]
    assert shown["path"] == p.runtime and "spec" in shown["version"], shown
