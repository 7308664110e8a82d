"""checkpoint and restore, with the real criu where the kernel lets it, and with a made-up one for what goes wrong.

Containers get /dev/null as their standard streams, unless a case is about those: runc can restore nothing else but pipes.
"""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time

from support import Skip, TIMEOUT, alive, case, cgroups_called, holder, listener, receive_descriptor, until

COUNT = "i=0; while :; do i=$((i+1)); echo $i > /data/n.new; mv /data/n.new /data/n; sleep 0.05; done"


def needs_criu(c):
    """criu's own check says whether it can work on this kernel."""
    criu = shutil.which("criu", path=c.environment["PATH"])
    if not criu:
        raise Skip("criu is not installed")
    check = subprocess.run([criu, "check"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if check.returncode != 0:
        said = re.sub(r"^Error \(.*?\): ", "", (check.stderr.splitlines() or [f"status {check.returncode}"])[-1])
        raise Skip(f"criu does not work on this kernel: {said}")
    needs_commands(c)


def needs_commands(c):
    if "crun" in os.path.basename(c.runtime) and "checkpoint" not in subprocess.run([c.runtime, "--help"], capture_output=True, text=True).stdout:
        raise Skip("this crun was built without criu")


def quiet(c, *words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL):
    """A command whose container has these streams; what the runtime itself says comes by its log."""
    log = c.directory / "log"
    log.unlink(missing_ok=True)
    command = [c.runtime, "--root", str(c.state_root), "--log", str(log), *c.global_options, *map(str, words)]
    status = subprocess.run(command, stdin=stdin, stdout=stdout, stderr=stdout, timeout=3 * TIMEOUT, cwd=c.bundle, env=c.environment).returncode
    assert status == 0, f"{' '.join(command)}: status {status}: {log.read_text() if log.exists() else ''}"


def begin(c, script=COUNT, **streams):
    """A container that runs `script`, and has a bind mount /data."""
    needs_criu(c)
    (c.bundle / "data").mkdir()
    c.mount("/data", "bind", c.bundle / "data", ["rbind", "rw"])
    c.shell(script)
    c.write()
    quiet(c, "run", "--detach", "--bundle", c.bundle, c.id, **streams)


@contextlib.contextmanager
def tmpfs(place):
    """A file system of the case's own on the host."""
    subprocess.run(["mount", "-t", "tmpfs", "submount", place], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def number(c):
    """What the program has counted to."""
    until((c.bundle / "data/n").exists, "the program does not count")
    return int((c.bundle / "data/n").read_text())


def counts_on(c, beyond):
    until(lambda: number(c) > beyond, f"the program does not count beyond {beyond}")


def pid_in(path):
    """The number in a file that a shell or a program writes: it is there before the number is."""
    until(lambda: path.exists() and path.read_text(), f"{path} is not written")
    return int(path.read_text())


def checkpoint(c, *options):
    return c.call("checkpoint", "--image-path", c.directory / "images", "--work-path", c.directory / "work", *options, c.id, timeout=3 * TIMEOUT)


def restore(c, *options, **streams):
    quiet(c, "restore", "--detach", "--bundle", c.bundle, "--image-path", c.directory / "images", "--work-path", c.directory / "work", *options, c.id, **streams)


def mounts(c):
    """The options of every mount of the container, by where it is."""
    found = {}
    for line in pathlib.Path(f"/proc/{c.state()['pid']}/mountinfo").read_text().splitlines():
        fields = line.split()
        found.setdefault(fields[4], []).append((fields[fields.index("-") + 1], sorted(fields[5].split(","))))
    return found


@case("a program that counts goes on where it was, in a container that is deleted and made again")
def counting(c):
    begin(c)
    counts_on(c, 3)
    checkpoint(c).ok()
    c.call("state", c.id).failed("does not exist")
    before = number(c)
    time.sleep(0.3)
    assert number(c) == before, "the program still runs"
    pid_file = c.directory / "pid"
    restore(c, "--pid-file", pid_file)
    state = c.state()
    assert state["status"] == "running" and state["pid"] == int(pid_file.read_text()) and alive(state["pid"]), state
    counts_on(c, before)
    assert number(c) < before + 200, "it began anew, or did not stand still"
    assert c.call("exec", c.id, "cat", "/data/n").ok().out.strip().isdigit()
    c.kill("KILL").ok()
    c.wait("stopped")
    c.delete().ok()


@case("a bind mount with a relative source comes back without --bundle; who came by exec is written down and comes back as well")
def again(c):
    needs_criu(c)
    (c.bundle / "data").mkdir()
    c.mount("/data", "bind", "./data", ["rbind", "rw"])
    c.shell(COUNT)
    c.write()
    quiet(c, "run", "--detach", c.id)
    counts_on(c, 1)
    for executed in (0, 1):
        checkpoint(c).ok()
        quiet(c, "restore", "--detach", "--image-path", c.directory / "images", "--work-path", c.directory / "work", c.id)
        counts_on(c, number(c))
        lines = c.call("exec", c.id, "/bin/sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '").ok().out
        # not one long sleep: criu 4 interrupts it
        assert lines.count("tail -f") == executed, lines
        c.call("exec", c.id, "/bin/sh", "-c", "tail -f /dev/null </dev/null >/dev/null 2>&1 &").ok()


@case("--leave-running lets the container go on; the images are good all the same")
def leave_running(c):
    begin(c)
    counts_on(c, 3)
    checkpoint(c, "--leave-running").ok()
    at = number(c)
    assert c.state()["status"] == "running"
    counts_on(c, at + 3)
    c.delete("--force").ok()
    (c.bundle / "data/n").write_text("0")
    restore(c)
    counts_on(c, 0)
    assert number(c) >= 3, "it began anew"


@case("--pre-dump writes memory that the checkpoint with --parent-path need not write again")
def pre_dump(c):
    begin(c, "x=$(head -c 3000000 /dev/zero | tr '\\0' x); " + COUNT)
    counts_on(c, 3)
    c.call("checkpoint", "--pre-dump", "--image-path", c.directory / "first", c.id, timeout=3 * TIMEOUT).ok()
    at = number(c)
    assert c.state()["status"] == "running"
    counts_on(c, at)
    checkpoint(c, "--parent-path", "../first").ok()

    def size(name):
        return sum(path.stat().st_size for path in (c.directory / name).glob("pages-*.img"))
    assert size("images") < size("first") - 2_000_000, (size("first"), size("images"))
    at = number(c)
    restore(c)
    counts_on(c, at)


@case("every mount comes back with its options: read-only stays read-only")
def mount_options(c):
    c.config["root"]["readonly"] = True
    (c.bundle / "more").mkdir()
    c.mount("/data/ro", "bind", c.bundle / "more", ["bind", "ro", "nosuid", "nodev", "noexec"])
    c.mount("/sys/fs/cgroup", "cgroup", "cgroup", ["nosuid", "noexec", "nodev", "relatime", "ro"])
    (c.bundle / "data/ro").mkdir(parents=True)
    (c.bundle / "data").rename(c.bundle / "later")
    c.config["mounts"].sort(key=lambda mount: mount["destination"] == "/data/ro")
    needs_criu(c)
    (c.bundle / "later").rename(c.bundle / "data")
    c.config["mounts"].insert(-1, {"destination": "/data", "type": "bind", "source": str(c.bundle / "data"), "options": ["rbind", "rw"]})
    (c.rootfs / "data").mkdir()
    c.shell(COUNT).write()
    quiet(c, "run", "--detach", "--bundle", c.bundle, c.id)
    counts_on(c, 3)
    before = mounts(c)
    checkpoint(c).ok()
    at = number(c)
    restore(c)
    counts_on(c, at)
    after = mounts(c)
    assert set(before) == set(after), set(before) ^ set(after)
    for place, entries in before.items():
        for (kind, options), (kind_after, options_after) in zip(entries, after[place]):
            lost = {"ro", "nosuid", "nodev", "noexec"} & set(options) - set(options_after)
            assert kind == kind_after and not lost, f"{place}: {options} became {options_after}"


@case("mount points that a new rootfs lacks are made again")
def new_rootfs(c):
    begin(c)
    counts_on(c, 3)
    checkpoint(c).ok()
    at = number(c)
    for name in ("data", "proc", "sys", "dev"):
        (c.rootfs / name).rmdir()
    restore(c)
    counts_on(c, at)


@case("a container finds its network as after create: loopback is up, hooks run in time, and its new limits hold")
def network_and_hooks(c):
    hook = "cat > %s; cat /proc/net/dev > %s" % (c.directory / "hook", c.directory / "devices")
    c.config["hooks"] = {
        "createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", hook]}],
        "poststop": [{"path": "/bin/sh", "args": ["sh", "-c", "cat > %s" % (c.directory / "poststop")]}],
    }
    c.linux["resources"]["pids"] = {"limit": 77}
    begin(c)
    counts_on(c, 3)
    checkpoint(c).ok()
    assert json.loads((c.directory / "poststop").read_text())["status"] == "stopped"
    at = number(c)
    (c.directory / "hook").unlink()
    restore(c)
    counts_on(c, at)
    told = json.loads((c.directory / "hook").read_text())
    assert told["id"] == c.id and told["pid"] == c.state()["pid"] and told["status"] in ("creating", "created"), told
    out = c.call("exec", c.id, "/bin/sh", "-c", "ip link show lo; cat /proc/self/cgroup").ok().out
    assert "LOOPBACK,UP" in out, out
    limits = [pathlib.Path(group, "pids.max") for group in cgroups_called(c.id)]
    assert {path.read_text().strip() for path in limits if path.exists()} == {"77"}, limits


@case("a network namespace that was joined by its path is joined again")
def joined_network(c):
    with holder("--net") as pid:
        path = f"/proc/{pid}/ns/net"
        c.namespace("network", path)
        begin(c)
        counts_on(c, 3)
        wanted = os.readlink(path)
        checkpoint(c).ok()
        at = number(c)
        restore(c)
        counts_on(c, at)
        assert os.readlink(f"/proc/{c.state()['pid']}/ns/net") == wanted
        c.delete("--force").ok()


def received_terminal(c, path, command):
    """The terminal that comes over a console socket while `command` runs."""
    with listener(path) as server:
        command()
        connection, _ = server.accept()
        connection.settimeout(TIMEOUT)
        with connection:
            return receive_descriptor(connection)[1]


def read_terminal(master, wanted):
    text, deadline = b"", time.monotonic() + TIMEOUT
    while wanted not in text:
        assert time.monotonic() < deadline, text
        text += os.read(master, 1024)
    return text


@case("a terminal comes over --console-socket again, and the program talks on it")
def terminal(c):
    needs_criu(c)
    c.process["terminal"] = True
    c.shell("stty -echo; echo ready; while read line; do echo \"got $line\"; done")
    c.write()
    master = received_terminal(
        c, c.directory / "console1", lambda: quiet(c, "run", "--detach", "--bundle", c.bundle, "--console-socket", c.directory / "console1", c.id))
    read_terminal(master, b"ready")
    checkpoint(c).ok()
    os.close(master)
    master = received_terminal(c, c.directory / "console2", lambda: restore(c, "--console-socket", c.directory / "console2"))
    os.write(master, b"hello\n")
    read_terminal(master, b"got hello")
    os.close(master)


@case("pipes that were the standard streams become the caller's")
def pipes(c):
    reading, writing = os.pipe()
    begin(c, "i=0; while :; do i=$((i+1)); echo line $i; sleep 0.05; done", stdout=writing)
    os.close(writing)
    assert b"line 1\n" in os.read(reading, 4096)
    time.sleep(0.3)
    checkpoint(c).ok()
    while os.read(reading, 4096):
        pass
    os.close(reading)
    assert any(name.startswith("pipe:[") for name in json.loads((c.directory / "images/descriptors.json").read_text()))
    reading, writing = os.pipe()
    restore(c, stdout=writing)
    os.close(writing)
    text = os.read(reading, 4096).decode()
    os.close(reading)
    assert re.match(r"line ([2-9]|[0-9]{2,})\n", text), text


@case("a file that is a standard stream and that no path in the container leads to is the caller's again")
def host_file(c):
    def lines():
        return (c.directory / "out").read_text().splitlines()

    with open(c.directory / "out", "ab") as out:
        begin(c, "i=0; while :; do i=$((i+1)); echo line $i; sleep 0.05; done", stdout=out)
    until(lambda: len(lines()) > 3, "the program writes nothing")
    checkpoint(c).ok()
    before = len(lines())
    with open(c.directory / "out", "ab") as out:
        restore(c, stdout=out)
    until(lambda: len(lines()) > before, "the program does not go on")
    now = lines()
    assert now == [f"line {index + 1}" for index in range(len(now))], now


@case("without --detach, restore waits for the container and ends with its status")
def attached(c):
    begin(c, "while [ ! -e /data/go ]; do sleep 0.05; done; exit 7")
    checkpoint(c).ok()
    (c.bundle / "data/go").touch()
    done = subprocess.run(
        [c.runtime, "--root", str(c.state_root), "restore", "--bundle", str(c.bundle), "--image-path", str(c.directory / "images"), c.id],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=3 * TIMEOUT, cwd=c.bundle, env=c.environment)
    assert done.returncode == 7, done.returncode
    c.call("state", c.id).failed("does not exist")


def bring(c, name):
    """A program of the host with its libraries, as /NAME."""
    program = shutil.which(name)
    for library in re.findall(r"(/\S+) \(0x", subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout):
        place = c.rootfs / library.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, place)
    shutil.copy(program, c.rootfs / name)


@case("file locks are refused with the option that allows them, and come back with it")
def file_locks(c):
    bring(c, "flock")
    begin(c, "/flock /data/lock sh -c '" + COUNT + "'")
    counts_on(c, 3)
    result = checkpoint(c).failed()
    if "cale" in c.runtime:
        result.failed("file-locks", "dump.log")
    at = number(c)
    assert c.state()["status"] == "running"
    counts_on(c, at)
    checkpoint(c, "--file-locks").ok()
    at = number(c)
    restore(c, "--file-locks")
    counts_on(c, at)
    assert subprocess.run(["flock", "--nonblock", c.bundle / "data/lock", "true"]).returncode == 1, "nobody has the lock"


@case("TCP connections are refused with the option that allows them, and come back with it")
def tcp_established(c):
    begin(c, "(while :; do echo tick; sleep 0.05; done) | nc -l -p 5000 > /dev/null & while :; do nc 127.0.0.1 5000 < /dev/zero; sleep 0.1; done 2> /dev/null | while read line; do "
             "i=$((i+1)); echo $i > /data/n.new; mv /data/n.new /data/n; done")
    counts_on(c, 3)
    result = checkpoint(c).failed()
    if "cale" in c.runtime:
        result.failed("tcp-established", "dump.log")
    counts_on(c, number(c))
    checkpoint(c, "--tcp-established").ok()
    at = number(c)
    restore(c, "--tcp-established")
    counts_on(c, at)


@case("a paused container is written down, and runs when it is made again")
def paused(c):
    begin(c)
    counts_on(c, 3)
    c.call("pause", c.id).ok()
    at = number(c)
    checkpoint(c).ok()
    restore(c)
    counts_on(c, at)


def shifted(c):
    """A user namespace whose root is user 100000 on the host."""
    c.namespace("user")
    c.linux["uidMappings"] = c.linux["gidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 65536}]
    (c.bundle / "data").mkdir()
    for path in [c.bundle / "data", c.rootfs, *c.rootfs.rglob("*")]:
        os.chown(path, 100000, 100000, follow_symlinks=False)
    c.directory.chmod(0o755), c.bundle.chmod(0o755)
    c.mount("/data", "bind", c.bundle / "data", ["rbind", "rw"])
    needs_criu(c)


def give(c, *names):
    """runc leaves it to its caller that the container's root can read the images."""
    for name in names if "cale" not in c.runtime else ():
        for path in [c.directory / name, *(c.directory / name).iterdir()]:
            os.chown(path, 100000, 100000, follow_symlinks=False)


@case("a container in a user namespace is written down and made again; the images are for its root's group besides, and for nobody else")
def user_namespace(c):
    shifted(c)
    c.mount("/sys/fs/cgroup", "cgroup", "cgroup", ["nosuid", "noexec", "nodev", "relatime", "ro"])
    c.linux["maskedPaths"] = ["/proc/kcore", "/proc/keys", "/sys/firmware"]
    c.linux["readonlyPaths"] = ["/proc/bus", "/proc/sys"]
    c.shell(COUNT).write()
    quiet(c, "run", "--detach", "--bundle", c.bundle, c.id)
    for _ in range(2):
        counts_on(c, 3)
        before = set(mounts(c))
        checkpoint(c).ok()
        give(c, "images")
        at = number(c)
        restore(c)
        counts_on(c, at)
        assert set(mounts(c)) == before, set(mounts(c)) ^ before
        assert c.call("exec", c.id, "/bin/sh", "-c", "cat /proc/self/uid_map; echo x > /dev/null").ok().out.split() == ["0", "100000", "65536"]
    if "cale" in c.runtime:
        status = (c.directory / "images").stat()
        assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (0, 100000, 0o750), status


@case("in a user namespace, images that build on others come back, with a terminal and clocks of its own")
def user_namespace_parent(c):
    shifted(c)
    if os.path.exists("/proc/self/ns/time") and "cale" in c.runtime:
        c.namespace("time")
        c.linux["timeOffsets"] = {"monotonic": {"secs": 100000}}
    c.process["terminal"] = True
    c.shell(COUNT).write()
    master = received_terminal(
        c, c.directory / "console1", lambda: quiet(c, "run", "--detach", "--bundle", c.bundle, "--console-socket", c.directory / "console1", c.id))
    counts_on(c, 3)
    c.call("checkpoint", "--pre-dump", "--image-path", c.directory / "first", c.id, timeout=3 * TIMEOUT).ok()
    checkpoint(c, "--parent-path", "../first").ok()
    os.close(master)
    give(c, "first", "images")
    at = number(c)
    os.close(received_terminal(c, c.directory / "console2", lambda: restore(c, "--console-socket", c.directory / "console2")))
    counts_on(c, at)
    if "timeOffsets" in c.linux:
        assert float(c.call("exec", c.id, "cat", "/proc/uptime").ok().out.split()[0]) < 100000, "boottime was not moved"


def begin_large(c):
    """A container whose program has three megabytes, and says with each number how much of it is there."""
    begin(c, "x=$(head -c 3000000 /dev/zero | tr '\\0' x); i=0; while :; do i=$((i+1)); echo $i > /data/n.new; mv /data/n.new /data/n; "
             "echo ${#x} > /data/size; sleep 0.05; done")
    counts_on(c, 2)


def is_whole(c, at):
    counts_on(c, at + 1)
    assert (c.bundle / "data/size").read_text() == "3000000\n"


def pages(c, name):
    """What the memory in the images takes on the disk."""
    return sum(path.stat().st_blocks * 512 for path in (c.directory / name).glob("pages-*.img"))


@contextlib.contextmanager
def beside(c, *words, ready, descriptors=()):
    """A program that runs while the case does; it is used when `ready` says so."""
    process = subprocess.Popen([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               pass_fds=descriptors, cwd=c.bundle, env=c.environment)
    try:
        deadline = time.monotonic() + 3 * TIMEOUT
        while not ready():
            assert process.poll() is None and time.monotonic() < deadline, f"{words}: {process.poll()}"
            time.sleep(0.05)
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listens(port):
    return lambda: any(line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A" for line in open("/proc/net/tcp"))


def listens_at(name):
    """A unix socket of that name: with the flag of one that accepts connections (linux/net.h, __SO_ACCEPTCON)."""
    return lambda: any(line.split()[3] == "00010000" and line.rstrip().endswith(name) for line in open("/proc/net/unix"))


@case("memory that is served lazily is fetched by criu lazy-pages for a container that runs already; then the first one is gone")
def lazy_pages(c):
    begin_large(c)
    images, work, other, port = c.directory / "images", c.directory / "work2", c.id + "-2", free_port()
    work.mkdir()
    reading, writing = os.pipe()
    dump = [c.runtime, "--root", c.state_root, "checkpoint", "--image-path", images, "--work-path", c.directory / "work", "--lazy-pages",
            "--page-server", f"127.0.0.1:{port}", "--status-fd", writing, c.id]
    with beside(c, *dump, ready=lambda: os.read(reading, 1) == b"\0", descriptors=[writing]) as source:
        os.close(writing)
        assert os.read(reading, 1) == b"", "the descriptor stays open"
        os.close(reading)
        at = number(c)
        assert c.state()["status"] == "running" and pages(c, "images") < 1_000_000, pages(c, "images")
        daemon = ["criu", "lazy-pages", "--page-server", "--address", "127.0.0.1", "--port", port, "-D", images, "-W", work]
        with beside(c, *daemon, ready=listens_at("lazy-pages.socket")) as target:
            try:
                quiet(c, "restore", "--detach", "--bundle", c.bundle, "--image-path", images, "--work-path", work, "--lazy-pages", other)
                is_whole(c, at)
                assert target.wait(3 * TIMEOUT) == 0 and source.wait(3 * TIMEOUT) == 0
                c.call("state", c.id).failed("does not exist")
            finally:
                c.call("delete", "--force", other)


@case("without its daemon, restore --lazy-pages says what to start")
def no_lazy_daemon(c):
    begin(c)
    checkpoint(c).ok()
    result = c.call("restore", "--detach", "--lazy-pages", "--bundle", c.bundle, "--image-path", c.directory / "images", c.id, timeout=3 * TIMEOUT).failed()
    if "cale" in c.runtime:
        result.failed("connect to lazy-pages.socket failed", 'start "criu lazy-pages" first')


@case("a page server takes the memory; one that does not answer is told, and the container goes on")
def page_server(c):
    begin_large(c)
    images, port = c.directory / "images", free_port()
    images.mkdir()
    result = checkpoint(c, "--page-server", "127.0.0.1:9").failed()
    if "cale" in c.runtime:
        result.failed("Can't connect to server 127.0.0.1:9")
    counts_on(c, number(c))
    with beside(c, "criu", "page-server", "--address", "127.0.0.1", "--port", port, "-D", images, ready=listens(port)) as server:
        checkpoint(c, "--page-server", f"127.0.0.1:{port}").ok()
        assert server.wait(3 * TIMEOUT) == 0
    assert pages(c, "images") > 3_000_000
    at = number(c)
    restore(c)
    is_whole(c, at)


@case("images build on others that build on others; --auto-dedup takes from the earlier what the later have")
def parent_chain(c):
    begin_large(c)
    for name, options in (("one", []), ("two", ["--parent-path", "../one"])):
        c.call("checkpoint", "--pre-dump", "--image-path", c.directory / name, *options, c.id, timeout=3 * TIMEOUT).ok()
        counts_on(c, number(c) + 1)
    before = pages(c, "one") + pages(c, "two")
    checkpoint(c, "--parent-path", "../two", "--auto-dedup").ok()
    assert pages(c, "one") + pages(c, "two") < before, (pages(c, "one"), pages(c, "two"), before)
    at = number(c)
    restore(c, "--auto-dedup")
    is_whole(c, at)
    assert pages(c, "images") < 100_000, pages(c, "images")


@case("an open file whose name is gone is refused with the option that gives it one, and comes back with it")
def link_remap(c):
    if "runc" in os.path.basename(c.runtime):
        raise Skip("runc 1.1 has no --link-remap")
    begin(c, "exec 5>/data/open; ln /data/open /data/other; rm /data/open; " + COUNT.replace("echo $i", "echo $i >&5; echo $i"))
    counts_on(c, 2)
    checkpoint(c).failed("link-remap", "dump.log")
    checkpoint(c, "--link-remap").ok()
    at = number(c)
    restore(c)
    counts_on(c, at + 1)
    assert sorted(os.listdir(c.bundle / "data"))[-1] == "other", os.listdir(c.bundle / "data")
    lines = [int(line) for line in (c.bundle / "data/other").read_text().split()]
    assert lines == list(range(1, len(lines) + 1)) and lines[-1] > at, lines


@case("the cgroup is taken as the mode says: soft, full and ignore take the one of config.json, strict refuses one that is there")
def cgroups_mode(c):
    if "cale" not in c.runtime:
        raise Skip("runc 1.1 has no mode ignore, and restores into the cgroup of the checkpoint")
    begin(c)
    for mode in ("soft", "full", "ignore"):
        counts_on(c, number(c))
        checkpoint(c, "--manage-cgroups-mode", mode).ok()
        c.linux["cgroupsPath"] = f"/conf-{os.getpid()}-{mode}"
        c.write()
        at = number(c)
        restore(c, "--manage-cgroups-mode", mode)
        counts_on(c, at)
        groups = pathlib.Path(f"/proc/{c.state()['pid']}/cgroup").read_text().split()
        assert all(group.endswith(f"-{mode}") for group in groups if group.split(":")[1] in ("", "memory")), groups
    checkpoint(c).ok()
    c.call("restore", "--detach", "--manage-cgroups-mode", "strict", "--bundle", c.bundle, "--image-path", c.directory / "images", c.id, timeout=3 * TIMEOUT).failed(
        "existing cgroups", "soft or full")


@case("a terminal of the host's as a standard stream becomes the caller's")
def host_terminal(c):
    if "cale" not in c.runtime:
        raise Skip("runc leaves it to criu, which refuses it")
    master, slave = os.openpty()
    begin(c, "i=0; while :; do i=$((i+1)); echo line $i; echo $i > /data/n.new; mv /data/n.new /data/n; sleep 0.05; done", stdin=slave, stdout=slave)
    read_terminal(master, b"line 2")
    os.close(slave)
    checkpoint(c, "--shell-job").ok()
    os.close(master)
    at = number(c)
    master, slave = os.openpty()
    restore(c, "--shell-job", stdin=slave, stdout=slave)
    wanted = os.ttyname(slave)
    os.close(slave)
    read_terminal(master, b"line %d" % (at + 2))
    assert os.readlink(f"/proc/{c.state()['pid']}/fd/1") == wanted
    c.delete("--force").ok()
    os.close(master)


@case("a TCP connection to the outside goes on in a network namespace that was joined by its path")
def tcp_outside(c):
    with holder("--net") as pid:
        network = f"/proc/{pid}/ns/net"
        subprocess.run(["nsenter", "--net=" + network, "ip", "link", "set", "lo", "up"], check=True)
        c.namespace("network", network)
        begin(c, "sleep 1000 | nc -l -p 5000 | while read line; do i=$((i+1)); echo $i $line > /data/n.new; cut -d' ' -f1 /data/n.new > /data/m; "
                 "mv /data/m /data/n; [ $i = $line ] || echo lost > /data/lost; done")
        client = ("import socket, time\nwhile True:\n try: s = socket.create_connection(('127.0.0.1', 5000)); break\n except OSError: time.sleep(.1)\n"
                  "i = 0\nwhile True: i += 1; s.sendall(b'%d\\n' % i); time.sleep(.05)")
        with beside(c, "nsenter", "--net=" + network, "python3", "-c", client, ready=(c.bundle / "data/n").exists):
            counts_on(c, 3)
            checkpoint(c, "--tcp-established").ok()
            at = number(c)
            restore(c, "--tcp-established")
            counts_on(c, at + 3)
            assert not (c.bundle / "data/lost").exists(), "something was lost"
            for program in ("iptables-save", "ip6tables-save"):
                rules = subprocess.run(["nsenter", "--net=" + network, program], capture_output=True, text=True, check=True).stdout
                assert "CRIU" not in rules, rules
        c.delete("--force").ok()


@case("what is mounted below the source of a recursive bind mount is the host's: it comes back with the mount")
def submounts(c):
    needs_criu(c)
    source = c.bundle / "data"
    (source / "sub").mkdir(parents=True)
    with tmpfs(source / "sub"):
        (source / "sub/deep").mkdir()
        (source / "sub/f").write_text("outside\n")
        c.mount("/data", "bind", source, ["rbind", "rw"])
        c.mount("/data/sub/deep", "tmpfs", "tmpfs", [])
        c.shell("echo inside > /data/sub/deep/g; " + COUNT).write()
        try:
            quiet(c, "run", "--detach", "--bundle", c.bundle, c.id)
            counts_on(c, 3)
            before = mounts(c)
            checkpoint(c).ok()
            (source / "sub/f").write_text("changed\n")
            restore(c)
            assert mounts(c) == before, (before, mounts(c))
            assert c.call("exec", c.id, "cat", "/data/sub/f", "/data/sub/deep/g").ok().out == "changed\ninside\n"
        finally:
            c.delete("--force")


@case("a container that was made under a service manager is made again under one; else the hint tells what is missing")
def notify_socket(c):
    with tempfile.TemporaryDirectory(dir=c.directory) as directory, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(directory + "/notify")
        c.environment["NOTIFY_SOCKET"] = directory + "/notify"
        needs_criu(c)
        (c.bundle / "data").mkdir()
        c.mount("/data", "bind", c.bundle / "data", ["rbind", "rw"])
        c.shell(COUNT).write()
        try:
            quiet(c, "create", "--bundle", c.bundle, c.id)
            del c.environment["NOTIFY_SOCKET"]
            quiet(c, "start", c.id)
            counts_on(c, 3)
            checkpoint(c).ok()
            at = number(c)
            c.call("restore", "--detach", "--bundle", c.bundle, "--image-path", c.directory / "images", c.id, timeout=3 * TIMEOUT).failed("No mapping for", "set .NOTIFY_SOCKET")
            c.environment["NOTIFY_SOCKET"] = directory + "/notify"
            restore(c)
            counts_on(c, at)
            assert "/run/notify" in mounts(c)
            c.delete("--force").ok()
        finally:
            c.environment.pop("NOTIFY_SOCKET", None)


@case("org.criu.config names a file whose options overrule")
def criu_config(c):
    bring(c, "flock")
    (c.directory / "criu.conf").write_text("file-locks\n")
    c.config["annotations"] = {"org.criu.config": str(c.directory / "criu.conf")}
    begin(c, "/flock /data/lock sh -c '" + COUNT + "'")
    counts_on(c, 3)
    checkpoint(c).ok()


@case("killed in the middle of a restore, the container can be deleted, and nothing is left")
def killed_restore(c):
    begin(c)
    counts_on(c, 3)
    checkpoint(c).ok()
    c.config["hooks"] = {"createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", "echo $$ > %s; exec sleep 60" % (c.directory / "hook")]}]}
    c.write()
    process = subprocess.Popen(
        [c.runtime, "--root", str(c.state_root), "restore", "--detach", "--bundle", str(c.bundle), "--image-path", str(c.directory / "images"), c.id],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=c.bundle, env=c.environment)
    hook = pid_in(c.directory / "hook")
    process.kill()
    process.wait()
    with contextlib.suppress(ProcessLookupError):
        os.kill(hook, signal.SIGKILL)
    c.delete("--force").ok()
    c.config.pop("hooks")
    c.write()
    at = number(c)
    restore(c)
    counts_on(c, at)


@case("a hook that fails ends the restoration, its words are told, and nothing is left")
def failing_hook(c):
    begin(c)
    counts_on(c, 3)
    checkpoint(c).ok()
    c.config["hooks"] = {"createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", "echo no network today >&2; exit 3"]}]}
    c.write()
    c.call("restore", "--detach", "--bundle", c.bundle, "--image-path", c.directory / "images", c.id, timeout=3 * TIMEOUT).failed("no network today")
    c.call("state", c.id).failed("does not exist")


# What goes wrong: with a program that speaks as criu does, no kernel is too new.

CRIU = '''#!/usr/bin/python3
"""Answers as criu would: the version, and what the test says to anything else."""
import os, pathlib, socket, sys
here = pathlib.Path(sys.argv[0]).parent
sock = socket.socket(fileno=int(sys.argv[2]))
data = sock.recv(65536)
if data == bytes([8, 10]):
    version = [int(word) for word in (here / "version").read_text().split()]
    sock.send(bytes([8, 10, 16, 1, 0x52, 4, 8, version[0], 16, version[1]]))
    sys.exit(0)
(here / "request").write_bytes(data)
exec((here / "answer").read_text())
'''


def made_up_criu(c, answer, version="3 17"):
    """`answer`: what the program does with the request; it has `sock`."""
    if "cale" not in c.runtime:
        raise Skip("runc and crun find criu by themselves")
    directory = c.directory / "criu"
    directory.mkdir()
    (directory / "version").write_text(version)
    (directory / "answer").write_text(answer)
    (directory / "criu").write_text(CRIU)
    (directory / "criu").chmod(0o755)
    c.global_options = ["--criu", str(directory / "criu")]


def sleeping(c):
    c.args("sleep", "60")
    c.write()
    c.call("run", "--detach", "--bundle", c.bundle, c.id).ok()


def images(c):
    """A directory that looks like that of a checkpoint."""
    (c.directory / "images").mkdir(exist_ok=True)
    (c.directory / "images/descriptors.json").write_text('["/dev/null","/dev/null","/dev/null"]')


@case("without criu, the error says what to install")
def no_criu(c):
    sleeping(c)
    if "cale" in c.runtime:
        c.environment["PATH"] = str(c.directory)
        checkpoint(c).failed('run "criu"', "ENOENT", "install the package criu")
        c.global_options = ["--criu", "/nonexistent/criu"]
    else:
        c.environment["PATH"] = str(c.directory)
    checkpoint(c).failed()
    assert c.state()["status"] == "running"


@case("a criu that is too old is refused")
def old_criu(c):
    made_up_criu(c, "", version="3 14")
    sleeping(c)
    checkpoint(c).failed("version 3.14 of criu is not supported", "3.15 or later")


@case("what criu writes before it has a log is told, and the container goes on")
def early_failure(c):
    made_up_criu(c, "print('Error (criu/kerndat.c:1615): the kernel is too new', file=sys.stderr); sys.exit(1)")
    sleeping(c)
    checkpoint(c).failed('it says "the kernel is too new"')
    assert c.state()["status"] == "running"
    images(c)
    c.call("delete", "--force", c.id).ok()
    c.call("restore", "--detach", "--bundle", c.bundle, "--image-path", c.directory / "images", c.id).failed('it says "the kernel is too new"')
    c.call("state", c.id).failed("does not exist")


@case("a criu that is killed leaves no container frozen behind")
def killed_criu(c):
    freeze = ("import re; path = re.search(rb'/sys/fs/cgroup/[^\\x90]*', data).group().decode(); v2 = os.path.exists(path + '/cgroup.freeze')\n"
              "open(path + ('/cgroup.freeze' if v2 else '/freezer.state'), 'w').write('1' if v2 else 'FROZEN'); os.kill(os.getpid(), 9)")
    made_up_criu(c, freeze)
    sleeping(c)
    checkpoint(c).failed("killed by signal 9")
    assert c.state()["status"] == "running"


@case("an answer that is no message is told")
def nonsense(c):
    made_up_criu(c, "sock.send(b'\\xff\\xff\\xff')")
    sleeping(c)
    checkpoint(c).failed("it sent something unknown")


@case("a restoration that was killed with the runtime is found by delete --force")
def killed_runtime(c):
    made_up_criu(c, "import time; (here / 'pid').write_text(str(os.getpid())); time.sleep(60)")
    images(c)
    c.args("sleep", "60").write()
    process = subprocess.Popen(
        [c.runtime, "--root", str(c.state_root), *c.global_options, "restore", "--detach", "--bundle", str(c.bundle), "--image-path", str(c.directory / "images"), c.id],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=c.bundle, env=c.environment)
    pid = pid_in(c.directory / "criu/pid")
    process.kill()
    process.wait()
    assert alive(pid)
    c.delete("--force").ok()
    assert not alive(pid)
    assert (c.rootfs / "bin").exists(), "the rootfs was deleted through its mount"


@case("only what runs can be checkpointed; the images must be there, the id free")
def wrong_state(c):
    needs_commands(c)
    if shutil.which("criu") is None and "cale" not in c.runtime:
        raise Skip("criu is not installed")
    checkpoint(c).failed("does not exist")
    c.args("sleep", "60")
    c.create().ok()
    checkpoint(c).failed("not running|cannot be checkpointed")
    c.delete("--force").ok()
    if "cale" not in c.runtime:
        return
    made_up_criu(c, "")
    c.call("restore", "--bundle", c.bundle, "--image-path", c.directory / "nothing", c.id).failed("nothing", "ENOENT", "--image-path")
    (c.directory / "empty").mkdir()
    c.call("restore", "--bundle", c.bundle, "--image-path", c.directory / "empty", c.id).failed("descriptors.json", "ENOENT")
    (c.directory / "empty/descriptors.json").write_text('{"a": 1}')
    c.call("restore", "--bundle", c.bundle, "--image-path", c.directory / "empty", c.id).failed("descriptors.json")
    images(c)
    sleeping(c)
    c.call("restore", "--bundle", c.bundle, "--image-path", c.directory / "images", c.id).failed("container with id exists")


@case("options that make no sense are refused with their names")
def wrong_options(c):
    made_up_criu(c, "")
    sleeping(c)
    for words, texts in (
        (["--parent-path", "/a"], ["--parent-path", "not relative"]),
        (["--parent-path", "../nothing"], ["--parent-path", "ENOENT"]),
        (["--page-server", "1.2.3.4"], ["--page-server", "ADDRESS:PORT"]),
        (["--page-server", ":1"], ["--page-server", "ADDRESS:PORT"]),
        (["--page-server", "a:b"], ["--page-server", "ADDRESS:PORT"]),
        (["--status-fd", "1"], ["--status-fd", "--lazy-pages"]),
        (["--manage-cgroups-mode", "loose"], ["manage-cgroups-mode", "soft"]),
        (["--empty-ns", "pid"], ["empty-ns", "network"]),
    ):
        checkpoint(c, *words).failed(*texts)
    assert c.state()["status"] == "running"


@case("a tree that cannot be joined again is refused before anything is written")
def refused_namespaces(c):
    with holder("--cgroup") as pid:
        c.namespace("cgroup", f"/proc/{pid}/ns/cgroup")
        made_up_criu(c, "")
        sleeping(c)
        checkpoint(c).failed("joins a cgroup namespace", r"linux\.namespaces")
        c.delete("--force").ok()


@case("what engines look for in the help and in the refusal of a missing value is there")
def engines(c):
    needs_commands(c)
    assert "--pre-dump" in c.call("checkpoint", "--help").ok().out
    c.call("restore", "--lsm-mount-context").failed("requires an argument|flag needs an argument")
