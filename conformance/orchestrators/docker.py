"""The docker engine: what people do with `docker`, from Debian's docker.io."""
import json
import os
import pathlib
import re
import signal
import subprocess
import time

from engine import Skip, busybox_tree, case, settles, wait_for

PACKAGES = ["docker.io", "docker-compose", "iptables", "busybox-static", "iproute2", "util-linux", "bsdutils"]


class Engine:
    """A dockerd of our own with the runtime under test as its default."""

    settings = {}

    def __init__(self, place, runtime):
        self.place, self.runtime = place, runtime
        self.cgroup = f"cale-docker-{os.getpid()}"
        self.socket = place.directory / "docker.sock"

    def start(self):
        directory = self.place.directory
        config = directory / "daemon.json"
        config.write_text(json.dumps({
            "data-root": str(directory / "data"), "exec-root": str(directory / "exec"), "pidfile": str(directory / "dockerd.pid"),
            "hosts": [f"unix://{self.socket}"], "runtimes": {"tested": {"path": self.runtime}}, "default-runtime": "tested",
            "exec-opts": ["native.cgroupdriver=cgroupfs"], "cgroup-parent": "/" + self.cgroup, "storage-driver": "overlay2", **self.settings,
        }))
        self.daemon = self.place.start("dockerd", "--config-file", config, log=directory / "dockerd.log")
        try:
            wait_for(lambda: self.docker("version").status == 0, "dockerd starts", 120)
        except AssertionError:
            raise AssertionError((directory / "dockerd.log").read_text()[-3000:]) from None
        busybox_tree(directory)
        subprocess.run(["tar", "-C", directory / "tree", "-cf", directory / "box.tar", "."], check=True)
        self.docker("import", directory / "box.tar", "box").ok()

    def docker(self, *words, **options):
        return self.place.run("docker", "--host", f"unix://{self.socket}", *words, **options)

    def run(self, *words, **options):
        """`docker run` of the image, removed afterwards."""
        return self.docker("run", "--rm", *words, **options)

    def background(self, *words):
        """A container that goes on: its id."""
        return self.docker("run", "-d", *words).ok().out.strip()

    def await_log(self, name, text="up"):
        """Waits until a container has said that it has come so far."""
        wait_for(lambda: text in self.docker("logs", name).ok().out, f"the container says {text!r}")

    def inspect(self, name, template):
        return self.docker("inspect", "--format", template, name).ok().out.strip()

    def clean(self):
        names = self.docker("ps", "-aq").out.split()
        if names:
            self.docker("rm", "-f", "-v", *names)

    def stop(self):
        pid = self.place.directory / "dockerd.pid"
        if pid.exists():
            os.kill(int(pid.read_text()), signal.SIGTERM)
        self.daemon.wait(120)


@case("a container prints")
def echo(d):
    d.run("box", "echo", "hello").says("hello")


@case("the exit status of the program, and 128 + the signal's number")
def exit_status(d):
    d.run("box", "sh", "-c", "exit 7").failed(7)
    name = d.background("box", "sleep", "1000")
    d.docker("kill", name).ok()
    d.docker("wait", name).says("137")


@case("a program that is not there: 127; one that may not be executed: 126")
def no_program(d):
    d.run("box", "nothing-of-the-kind").failed(127, "executable file not found in $path")
    d.run("box", "/bin/not-a-program").failed(126, "permission denied")


@case("stdin, stdout and stderr are the caller's")
def streams(d):
    result = d.run("-i", "box", "sh", "-c", "cat; echo err >&2", stdin=b"in\n").ok()
    assert (result.out, result.err) == ("in\n", "err\n"), str(result)


@case("a terminal")
def terminal(d):
    command = ["docker", "--host", f"unix://{d.socket}", "run", "--rm", "-it", "box", "sh", "-c", "tty; test -t 0 && stty size"]
    out = d.place.run("script", "-qec", " ".join(f"'{word}'" for word in command), "/dev/null").ok().out
    assert "/dev/pts/0" in out or "/dev/console" in out, out


@case("environment, directory, user, groups, host name")
def settings(d):
    out = d.run("-e", "A=b", "-w", "/var/made", "-u", "1000:5", "--group-add", "77", "--hostname", "web", "box",
                "sh", "-c", "echo $A; pwd; id -u; id -g; id -G; hostname").ok().out.split("\n")
    assert out[:4] == ["b", "/var/made", "1000", "5"] and "77" in out[4].split() and out[5] == "web", out


@case("logs")
def logs(d):
    name = d.background("box", "sh", "-c", "echo one; echo two >&2")
    d.docker("wait", name).says("0")

    def check():  # the engine waits no longer than some seconds for the output
        result = d.docker("logs", name).ok()
        assert (result.out, result.err) == ("one\n", "two\n"), str(result)
    settles(check)


@case("exec: output, status, user, directory, environment")
def execute(d):
    name = d.background("box", "sleep", "1000")
    d.docker("exec", name, "echo", "hello").says("hello")
    d.docker("exec", name, "sh", "-c", "exit 9").failed(9)
    out = d.docker("exec", "-u", "user", "-w", "/tmp", "-e", "A=b", name, "sh", "-c", "id -u; pwd; echo $A").ok().out
    assert out == "1000\n/tmp\nb\n", out
    d.docker("exec", "-i", name, "cat", stdin=b"through\n").says("through")


@case("exec: what is not there and what may not be executed")
def execute_errors(d):
    name = d.background("box", "sleep", "1000")
    d.docker("exec", name, "nothing-of-the-kind").failed((126, 127), "executable file not found in $path")
    d.docker("exec", name, "/bin/not-a-program").failed(126, "permission denied")
    d.docker("kill", name).ok()
    d.docker("exec", name, "true").failed(1, "is not running")


@case("exec on a terminal, and detached")
def execute_terminal(d):
    name = d.background("box", "sleep", "1000")
    out = d.place.run("script", "-qec", f"docker --host unix://{d.socket} exec -it {name} sh -c 'tty; id -u'", "/dev/null").ok().out
    assert "/dev/pts/" in out, out
    d.docker("exec", "-d", name, "touch", "/tmp/made").ok()
    wait_for(lambda: d.docker("exec", name, "test", "-e", "/tmp/made").status == 0, "the detached program has run")


@case("stop sends TERM and then KILL; kill sends what it is told")
def stop(d):
    name = d.background("box", "sh", "-c", "trap 'exit 5' TERM; echo up; while :; do sleep 0.1; done")
    d.await_log(name)
    d.docker("stop", "-t", "60", name).ok()
    assert d.inspect(name, "{{.State.ExitCode}}") == "5"
    name = d.background("box", "sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.1; done")
    d.await_log(name)
    d.docker("stop", "-t", "1", name).ok()
    assert d.inspect(name, "{{.State.ExitCode}}") == "137"
    name = d.background("box", "sh", "-c", "trap 'exit 6' USR1; echo up; while :; do sleep 0.1; done")
    d.await_log(name)
    d.docker("kill", "-s", "USR1", name).ok()
    d.docker("wait", name).says("6")


@case("pause stands still, unpause goes on; exec into a paused container is refused")
def pause(d):
    name = d.background("box", "sh", "-c", "while :; do echo x; sleep 0.05; done")
    d.await_log(name, "x")
    d.docker("pause", name).ok()
    assert d.inspect(name, "{{.State.Status}}") == "paused"

    def stands_still():  # what it has written before may come late
        before = len(d.docker("logs", name).out)
        time.sleep(0.4)
        return len(d.docker("logs", name).out) == before and before
    before = wait_for(stands_still, "it stands still")
    d.docker("exec", name, "true").failed(1, "paused")
    d.docker("unpause", name).ok()
    wait_for(lambda: len(d.docker("logs", name).out) > before, "it goes on")
    d.docker("pause", name).ok()
    d.docker("rm", "-f", name).ok()


@case("limits of memory, cpu and processes are in force, and update changes them")
def limits(d):
    name = d.background("-m", "64m", "--cpus", "0.5", "--pids-limit", "50", "box", "sleep", "1000")
    assert limit_of(d, name, "memory", "memory.limit_in_bytes", "memory.max") == str(64 << 20)
    assert limit_of(d, name, "pids", "pids.max", "pids.max") == "50"
    d.docker("update", "-m", "128m", "--memory-swap", "128m", "--pids-limit", "70", "--cpus", "0.75", name).ok()
    assert limit_of(d, name, "memory", "memory.limit_in_bytes", "memory.max") == str(128 << 20)
    assert limit_of(d, name, "pids", "pids.max", "pids.max") == "70"
    cpu = limit_of(d, name, "cpu", "cpu.cfs_quota_us", "cpu.max")
    assert cpu.split()[0] == "75000", cpu


def limit_of(d, name, controller, file1, file2):
    """A limit of a container, as the host has it."""
    full = d.inspect(name, "{{.Id}}")
    place = pathlib.Path(f"/sys/fs/cgroup/{controller}/{d.cgroup}/{full}/{file1}")
    return (place if place.exists() else pathlib.Path(f"/sys/fs/cgroup/{d.cgroup}/{full}/{file2}")).read_text().strip()


@case("a container that takes more memory than it may is killed, and docker says so")
def out_of_memory(d):
    name = d.background("-m", "16m", "--memory-swap", "16m", "box", "sh", "-c", "x=$(head -c 64000000 /dev/zero | tr '\\0' x); echo $x | wc -c")
    d.docker("wait", name).ok()
    assert d.inspect(name, "{{.State.OOMKilled}} {{.State.ExitCode}}").split()[0] == "true", d.inspect(name, "{{json .State}}")


@case("stats shows memory and processes as the cgroup's files have them")
def stats(d):
    name = d.background("-m", "64m", "box", "sh", "-c", "sleep 1000 & x=$(head -c 4000000 /dev/zero | tr '\\0' x); echo up; wait")
    d.await_log(name)
    settles(lambda: check_stats(d, name))


def check_stats(d, name):
    out = json.loads(d.docker("stats", "--no-stream", "--format", "{{json .}}", name).ok().out)
    used, limit = out["MemUsage"].split(" / ")
    assert limit == "64MiB" and int(out["PIDs"]) == int(limit_of(d, name, "pids", "pids.current", "pids.current")), out
    # docker does not count the part of the cache that is not in use
    present = int(limit_of(d, name, "memory", "memory.usage_in_bytes", "memory.current"))
    table = dict(line.split() for line in limit_of(d, name, "memory", "memory.stat", "memory.stat").splitlines())
    present -= int(table.get("total_inactive_file") or table.get("inactive_file") or 0)
    number, unit = re.match(r"([\d.]+)(\w+)", used).groups()
    shown = float(number) * {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}[unit]
    assert present > 4000000 and abs(shown - present) < 512 << 10, (used, present)


@case("stats shows the share of processor time that a quota leaves")
def stats_of_cpu(d):
    name = d.background("--cpus", "0.3", "box", "sh", "-c", "while :; do :; done")

    def check():
        share = float(json.loads(d.docker("stats", "--no-stream", "--format", "{{json .}}", name).ok().out)["CPUPerc"].rstrip("%"))
        assert 15 < share < 45, share
    settles(check)


@case("top lists the processes")
def top(d):
    name = d.background("box", "sh", "-c", "sleep 1000 & wait")
    wait_for(lambda: d.docker("top", name).ok().out.count("sleep 1000") == 2, "both processes are listed")


@case("files are copied in and out, running and stopped")
def copy(d):
    name = d.background("box", "sleep", "1000")
    source = d.place.directory / "copied"
    source.write_text("content\n")
    d.docker("cp", source, f"{name}:/tmp/in").ok()
    d.docker("exec", name, "cat", "/tmp/in").says("content")
    d.docker("kill", name).ok()
    d.docker("cp", f"{name}:/tmp/in", d.place.directory / "back").ok()
    assert (d.place.directory / "back").read_text() == "content\n"


@case("containers of one network reach each other by name, those of another do not")
def networks(d):
    for network in ("one", "two"):
        d.docker("network", "create", network).ok()
    try:
        d.background("--name", "server", "--network", "one", "box", "sh", "-c", "while :; do echo served | nc -l -p 80; done")
        assert wait_for(lambda: "served" in d.run("--network", "one", "box", "nc", "-w", "2", "server", "80").out, "served by name")
        address = d.inspect("server", "{{.NetworkSettings.Networks.one.IPAddress}}")
        assert "served" not in d.run("--network", "two", "box", "nc", "-w", "1", address, "80").out
        assert d.run("--network", "none", "box", "ls", "/sys/class/net").says("lo")
    finally:
        d.clean()
        d.docker("network", "rm", "one", "two")


@case("a published port is reached from the host, another is not")
def published(d):
    d.background("-p", "127.0.0.1:8081:80", "box", "sh", "-c", "while :; do echo served | nc -l -p 80; done")
    wait_for(lambda: "served" in d.place.run("busybox", "nc", "-w", "2", "127.0.0.1", "8081").out, "served on the published port")
    assert d.place.run("busybox", "nc", "-w", "1", "127.0.0.1", "8082").status != 0


@case("the host's network, and that of another container")
def shared_network(d):
    host = d.place.run("readlink", "/proc/self/ns/net").ok().out.strip()
    d.run("--network", "host", "box", "readlink", "/proc/self/ns/net").says(host)
    name = d.background("box", "sleep", "1000")
    theirs = d.docker("exec", name, "readlink", "/proc/self/ns/net").ok().out.strip()
    d.run("--network", f"container:{name}", "box", "readlink", "/proc/self/ns/net").says(theirs)


@case("a volume outlives its containers; a directory of the host is shared, or read only")
def volumes(d):
    d.run("-v", "kept:/data", "box", "sh", "-c", "echo one > /data/f").ok()
    d.run("-v", "kept:/data", "box", "cat", "/data/f").says("one")
    d.docker("volume", "rm", "kept").ok()
    shared = d.place.directory / "shared"
    shared.mkdir(exist_ok=True)
    d.run("-v", f"{shared}:/data", "box", "sh", "-c", "echo two > /data/f").ok()
    assert (shared / "f").read_text() == "two\n"
    d.run("-v", f"{shared}:/data:ro", "box", "sh", "-c", "echo three > /data/f").failed(1, "read-only")


@case("mounts in a directory of the host are seen on the other side, as its propagation says")
def propagation(d):
    shared = d.place.directory / "peer"
    d.place.run("sh", "-c", f"mkdir {shared} && mount -t tmpfs peer {shared} && mount --make-rshared {shared} && mkdir {shared}/in {shared}/out").ok()
    privileges = "--cap-add", "SYS_ADMIN", "--security-opt", "apparmor=unconfined"
    for word, is_seen in (("rshared", True), ("rslave", False), ("rprivate", False)):
        d.run(*privileges, "-v", f"{shared}:/data:{word}", "box", "sh", "-c", "mount -t tmpfs x /data/in && touch /data/in/here").ok()
        assert (d.place.run("test", "-e", shared / "in/here").status == 0) == is_seen, word
        if is_seen:
            d.place.run("umount", shared / "in").ok()
    names = {word: d.background("-v", f"{shared}:/data:{word}", "box", "sleep", "1000") for word in ("rshared", "rslave", "rprivate")}
    d.place.run("sh", "-c", f"mount -t tmpfs y {shared}/out && touch {shared}/out/here").ok()
    for word, name in names.items():
        assert (d.docker("exec", name, "test", "-e", "/data/out/here").status == 0) == (word != "rprivate"), word
    d.place.run("umount", "--recursive", shared).ok()


@case("a read-only root with a tmpfs; the size of /dev/shm")
def read_only(d):
    d.run("--read-only", "--tmpfs", "/scratch:size=1m", "box", "sh", "-c", "echo x > /scratch/f && cat /scratch/f && ! echo x 2>/dev/null > /f").says("x")
    assert "8.0M" in d.run("--shm-size", "8m", "box", "df", "-h", "/dev/shm").ok().out


@case("capabilities, privileges and the seccomp profile")
def privileges(d):
    status = "sh", "-c", "grep -E 'CapEff|NoNewPrivs|^Seccomp:' /proc/self/status | tr -d '\\t' | tr '\\n' ' '"
    d.run("--cap-drop", "ALL", "--cap-add", "CHOWN", "--security-opt", "no-new-privileges", "box", *status).says(
        "CapEff:0000000000000001 NoNewPrivs:1 Seccomp:2")
    assert "Seccomp:0" in d.run("--security-opt", "seccomp=unconfined", "box", *status).ok().out
    d.run("box", "unshare", "-m", "true").failed(1, "not permitted")
    d.run("box", "mount", "-t", "tmpfs", "x", "/tmp").failed(1)
    d.run("--cap-add", "SYS_ADMIN", "--security-opt", "apparmor=unconfined", "box", "mount", "-t", "tmpfs", "x", "/tmp").ok()


@case("a privileged container")
def privileged(d):
    result = d.run("--privileged", "box", "sh", "-c", "mount -t tmpfs x /tmp && test -e /dev/kmsg && test -w /proc/sys/kernel/domainname")
    if "unable to apply caps" in result.err:
        raise Skip("the runtime insists on capabilities that this host does not have")
    result.ok()


@case("limits of resources, sysctls, devices, a cgroup's parent")
def details(d):
    d.run("--ulimit", "nofile=100:200", "box", "sh", "-c", "ulimit -n; ulimit -Hn").says("100\n200")
    d.run("--sysctl", "net.ipv4.ip_unprivileged_port_start=1", "box", "cat", "/proc/sys/net/ipv4/ip_unprivileged_port_start").says("1")
    d.run("--device", "/dev/null:/dev/other", "box", "sh", "-c", "echo x > /dev/other && test -c /dev/other").ok()
    d.run("--init", "box", "sh", "-c", "cat /proc/1/comm").ok()


@case("the pid and ipc namespaces of the host and of another container")
def shared_namespaces(d):
    name = d.background("--ipc", "shareable", "box", "sleep", "1000")
    for kind, option in (("pid", "--pid"), ("ipc", "--ipc")):
        theirs = d.docker("exec", name, "readlink", f"/proc/self/ns/{kind}").ok().out.strip()
        d.run(option, f"container:{name}", "box", "readlink", f"/proc/self/ns/{kind}").says(theirs)
        d.run(option, "host", "box", "readlink", f"/proc/self/ns/{kind}").says(os.readlink(f"/proc/self/ns/{kind}"))


@case("a container is restarted by its policy and by hand")
def restart(d):
    name = d.background("--restart", "on-failure:2", "box", "false")
    wait_for(lambda: d.inspect(name, "{{.RestartCount}} {{.State.Status}}") == "2 exited", "restarted twice")
    name = d.background("box", "sleep", "1000")
    first = d.inspect(name, "{{.State.Pid}}")
    d.docker("restart", "-t", "0", name).ok()
    assert d.inspect(name, "{{.State.Pid}}") != first and d.inspect(name, "{{.State.Running}}") == "true"


@case("a health check that passes, and one that fails")
def health(d):
    options = "--health-interval", "0.3s", "--health-retries", "1", "--health-timeout", "5s"
    good = d.background("--health-cmd", "true", *options, "box", "sleep", "1000")
    bad = d.background("--health-cmd", "exit 1", *options, "box", "sleep", "1000")
    wait_for(lambda: d.inspect(good, "{{.State.Health.Status}}") == "healthy", "healthy")
    wait_for(lambda: d.inspect(bad, "{{.State.Health.Status}}") == "unhealthy", "unhealthy")


@case("an image is built, and its container runs")
def build(d):
    context = d.place.directory / "context"
    context.mkdir(exist_ok=True)
    (context / "Dockerfile").write_text("FROM box\nRUN echo built > /built\nUSER 1234\nCMD [\"sh\", \"-c\", \"cat /built; id -u\"]\n")
    d.docker("build", "-t", "built", context, env={"DOCKER_BUILDKIT": "0"}).ok()
    d.run("built").says("built\n1234")


@case("compose: services with a network, a volume and limits; exec, logs, one more of a service, and all of it goes")
def compose(d):
    directory = d.place.directory / "composed"
    directory.mkdir(exist_ok=True)
    (directory / "docker-compose.yml").write_text("""
version: "2.4"
services:
  server:
    image: box
    command: sh -c 'echo started; while :; do cat /data/page | nc -l -p 80; done'
    volumes: ["pages:/data"]
    depends_on: {writer: {condition: service_healthy}}
    mem_limit: 64m
    pids_limit: 30
    read_only: true
  writer:
    image: box
    command: sh -c 'echo composed > /data/page; sleep 1000'
    volumes: ["pages:/data"]
    environment: {A: b}
    healthcheck: {test: ["CMD", "test", "-e", "/data/page"], interval: 0.3s, timeout: 30s, retries: 300}
volumes: {pages: {}}
""")
    def composed(*words):
        return d.place.run("docker-compose", "--no-ansi", "--project-name", "things", "--file", directory / "docker-compose.yml", *words,
                           env={"DOCKER_HOST": f"unix://{d.socket}"}, timeout=400)
    try:
        composed("up", "-d").ok()
        wait_for(lambda: "composed" in composed("exec", "-T", "writer", "nc", "-w", "2", "server", "80").out, "served by the service's name")
        composed("exec", "-T", "writer", "sh", "-c", "echo $A").says("b")
        wait_for(lambda: "started" in composed("logs", "server").ok().out, "what the service has said is in its log")
        composed("up", "-d", "--scale", "writer=2").ok()
        assert len(composed("ps", "-q", "writer").ok().out.split()) == 2
        composed("stop", "-t", "0").ok()
    finally:
        composed("down", "-v", "-t", "0").ok()
    d.docker("ps", "-aq").says("")
    d.docker("volume", "ls", "-q").says("")


@case("commit, diff, rename, attach to the end of a container")
def changes(d):
    name = d.background("box", "sh", "-c", "echo x > /new; sleep 0.5; exit 3")
    d.docker("wait", name).says("3")
    assert "A /new" in d.docker("diff", name).ok().out
    d.docker("commit", name, "committed").ok()
    d.run("committed", "cat", "/new").says("x")


@case("fifty containers at once")
def many(d):
    result = d.place.run("bash", "-c", "set -m; fail=0; pids=; for i in $(seq 50); do docker --host unix://" + str(d.socket)
                         + " run --rm box true & pids=\"$pids $!\"; done; for p in $pids; do wait $p || fail=1; done; exit $fail", timeout=300)
    result.ok()
    d.docker("ps", "-aq").says("")


@case("the engine knows what the runtime can do")
def version(d):
    info = json.loads(d.docker("info", "--format", "{{json .}}").ok().out)
    assert info["DefaultRuntime"] == "tested", info
