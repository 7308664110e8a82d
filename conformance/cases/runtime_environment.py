"""What the environment of the runtime has to do with the container: service managers, sockets that they pass on, XDG_RUNTIME_DIR, orphans.

Nothing of it is in the specification: it is what runc does, and what podman, systemd and scripts count on.
"""
import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import threading
import time

from support import TIMEOUT, case, until


@contextlib.contextmanager
def manager(c, address=None):
    """A service manager: gives the list of the messages that it has got."""
    path = address or str(c.directory / "manager")
    got = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind("\0" + path[1:] if path.startswith("@") else path)
        server.settimeout(0.1)
        stop = threading.Event()

        def listen():
            while not stop.is_set():
                try:
                    message, ancillary, _, _ = server.recvmsg(4096, 256)
                    for _, _, data in ancillary:  # a barrier: closed as soon as it is read
                        for index in range(0, len(data), 4):
                            os.close(int.from_bytes(data[index:index + 4], "little"))
                    got.append(message.decode())
                except TimeoutError:
                    continue

        thread = threading.Thread(target=listen)
        thread.start()
        c.environment["NOTIFY_SOCKET"] = path
        try:
            yield got
        finally:
            stop.set()
            thread.join()
            c.environment.pop("NOTIFY_SOCKET", None)


def notifier(c, *messages, then="exec sleep 60"):
    """A program that sends messages to its service manager."""
    shutil.copy(c.program("notify"), c.rootfs / "notify")
    quoted = " && ".join(f"/notify '{message}'" for message in messages)
    return c.shell(f"echo $NOTIFY_SOCKET >/address; {quoted + ' && ' if messages else ''}{then}")


def lines(got):
    return [line for message in got for line in message.splitlines() if not line.startswith("BARRIER")]


@case("a detached container is awaited until it says that it is ready, and the manager learns its pid")
def notify_detached(c):
    notifier(c, "STATUS=one", "READY=1")
    c.shell("sleep 0.7; " + c.process["args"][2])
    with manager(c) as got:
        start = time.monotonic()
        c.run("--detach").ok()
        assert time.monotonic() - start > 0.6, "it did not wait"
        pid = c.state()["pid"]
        until(lambda: {f"MAINPID={pid}", "READY=1"} <= set(lines(got)), lambda: f"no MAINPID={pid} and READY=1 in {got}")
        assert c.file("address") == "/run/notify/notify.sock"


@case("start waits until the container says that it is ready; create does not")
def notify_start(c):
    notifier(c, "READY=1")
    with manager(c) as got:
        c.create().ok()
        assert not got, got
        c.start().ok()
        pid = c.state()["pid"]
        until(lambda: {f"MAINPID={pid}", "READY=1"} <= set(lines(got)), lambda: f"the manager heard {got}")


@case("run, which waits itself, tells the manager its own pid, and passes on what is said later")
def notify_attached(c):
    notifier(c, "READY=1", "STATUS=working", "STOPPING=1", then="exit 7")
    with manager(c) as got:
        assert c.run().status == 7
        until(lambda: {"READY=1", "STATUS=working", "STOPPING=1"} <= set(lines(got)), lambda: f"the manager heard {got}")
        assert any(line.startswith("MAINPID=") for line in lines(got)), got


@case("a container chooses no main process for its manager, and stores no descriptors there")
def notify_hostile(c):
    notifier(c, "MAINPID=1\nFDSTORE=1\nREADY=1\nNOTIFYACCESS=all\nWATCHDOG_USEC=1\nBUSERROR=x")
    with manager(c) as got:
        c.run("--detach").ok()
        pid = c.state()["pid"]
        until(lambda: {f"MAINPID={pid}", "READY=1"} <= set(lines(got)), lambda: f"the manager heard {got}")
        assert set(lines(got)) <= {f"MAINPID={pid}", "READY=1"}, got


@case("a container that ends without a word of being ready is not awaited any longer")
def notify_never(c):
    notifier(c, then="sleep 0.3")
    with manager(c) as got:
        c.run("--detach").ok()
        assert "READY=1" not in lines(got), got


@case("a container that is not ready yet can be looked at, and killed")
def notify_kill(c):
    notifier(c)
    with manager(c):
        c.create().ok()
        command = [c.runtime, "--root", str(c.state_root), "start", c.id]
        starting = subprocess.Popen(command, env=c.environment, stdin=subprocess.DEVNULL)
        try:
            c.wait("running")
            time.sleep(0.1)
            assert starting.poll() is None, "start did not wait"
            c.kill("KILL").ok()
            assert starting.wait(TIMEOUT) == 0
        finally:
            starting.kill()
            starting.wait()


@case("a manager with a name in the abstract namespace")
def notify_abstract(c):
    notifier(c, "READY=1")
    with manager(c, f"@cale-conformance-{os.getpid()}") as got:
        c.run("--detach").ok()
        until(lambda: "READY=1" in lines(got), lambda: f"the manager heard {got}")


@case("a manager that is gone is no reason not to run a container")
def notify_gone(c):
    c.environment["NOTIFY_SOCKET"] = str(c.directory / "nobody")
    c.args("true").run().ok()


@case("a user of the container who is not root may notify; the socket's directory is read-only there")
def notify_user(c):
    notifier(c, "READY=1", then="touch /run/notify/x 2>/dev/null && exit 1; exit 0")
    (c.rootfs / "address").write_text("")
    os.chmod(c.rootfs / "address", 0o666)
    c.process["user"] = {"uid": 1000, "gid": 1000}
    with manager(c) as got:
        c.run().ok()
        until(lambda: "READY=1" in lines(got), lambda: f"the manager heard {got}")


@case("with a user namespace a container can notify as well")
def notify_user_namespace(c):
    notifier(c, "READY=1", then="exit 0")
    if {"type": "user"} not in c.linux["namespaces"]:
        c.add_user_namespace()
    with manager(c) as got:
        c.run().ok()
        until(lambda: "READY=1" in lines(got), lambda: f"the manager heard {got}")


def listening(c, script, *, pid="$$", count=1, options=()):
    """Runs a shell script in a container of a runtime that has sockets of its service manager: descriptors 3 and 4 are files here."""
    for number in (3, 4, 5):
        (c.directory / f"fd{number}").write_text(f"descriptor {number}\n")
    opened = " ".join(f'{number}<"$0/fd{number}"' for number in (3, 4, 5))
    c.wrapper = ["/bin/sh", "-c", f'exec {opened}; export LISTEN_PID={pid} LISTEN_FDS={count}; exec "$@"', str(c.directory)]
    return c.shell(script).run(*options)


SEEN = "echo $LISTEN_FDS $LISTEN_PID; for n in 3 4 5; do cat <&$n || echo closed; done 2>/dev/null"


@case("sockets of a service manager are handed on, and the program learns of them")
def listen_descriptors(c):
    result = listening(c, SEEN)
    assert result.lines == ["1 1", "descriptor 3", "closed", "closed"]


@case("descriptors of --preserve-fds come after those")
def listen_and_preserve(c):
    assert listening(c, SEEN, options=("--preserve-fds", "1")).lines == ["1 1", "descriptor 3", "descriptor 4", "closed"]


@case("sockets for another process are not handed on")
def listen_other(c):
    assert listening(c, SEEN, pid="1").lines == ["", "closed", "closed", "closed"]


@case("a user's containers are below XDG_RUNTIME_DIR", root=False)
def runtime_directory(c):
    place = c.directory / "xdg"
    place.mkdir(mode=0o700)
    c.environment["XDG_RUNTIME_DIR"] = str(place)
    c.args("sleep", "60").write()
    name = pathlib.Path(c.runtime).name
    command = [c.runtime, "run", "--detach", "--bundle", str(c.bundle), c.id]
    if os.geteuid() == 0:
        command = ["setpriv", f"--reuid={c.uid}", f"--regid={c.uid}", "--clear-groups", *command]
        os.chown(place, c.uid, c.uid)
    with open(c.directory / "errors", "w+b") as errors:
        done = subprocess.run(command, env=c.environment, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors, check=False)
        errors.seek(0)
        assert done.returncode == 0, errors.read()
    try:
        assert (place / name / c.id).is_dir(), list(place.rglob("*"))
    finally:
        subprocess.run([*command[:-len(command) + command.index(c.runtime)], c.runtime, "delete", "--force", c.id], env=c.environment, check=True)


# a process whose parent has ended when /left is there; it ends with /end, and the program with /go
ORPHAN = "(while [ ! -e /end ]; do sleep 0.05; done & echo $! > /orphan); echo left > /left; while [ ! -e /go ]; do sleep 0.05; done"


@case("run adopts what the container leaves behind in the runtime's pid namespace, and reaps it")
def subreaper(c):
    c.without_namespace("pid")
    # an orphan that ends while the program still runs
    c.shell(ORPHAN).write()
    command = [c.runtime, "--root", str(c.state_root), "run", "--bundle", str(c.bundle), c.id]
    running = subprocess.Popen(command, env=c.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        c.file("left")
        orphan = int(c.file("orphan"))
        assert f"PPid:\t{running.pid}\n" in pathlib.Path(f"/proc/{orphan}/status").read_text(), "somebody else has adopted it"
        (c.rootfs / "end").touch()
        until(lambda: not pathlib.Path(f"/proc/{orphan}").exists(), "it is a zombie")
        assert running.poll() is None
        (c.rootfs / "go").touch()
        assert running.wait(TIMEOUT) == 0
    finally:
        running.kill()
        running.wait()


@case("--no-subreaper leaves them to others")
def no_subreaper(c):
    c.without_namespace("pid")
    c.shell(ORPHAN).write()
    command = [c.runtime, "--root", str(c.state_root), "run", "--no-subreaper", "--bundle", str(c.bundle), c.id]
    running = subprocess.Popen(command, env=c.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        c.file("left")
        orphan = int(c.file("orphan"))
        assert f"PPid:\t{running.pid}\n" not in pathlib.Path(f"/proc/{orphan}/status").read_text(), "run has adopted it"
        (c.rootfs / "end").touch()
        (c.rootfs / "go").touch()
        assert running.wait(TIMEOUT) == 0
    finally:
        running.kill()
        running.wait()


@case("a terminal that nobody would receive, and a receiver without a terminal, are refused")
def terminal_receivers(c):
    c.process["terminal"] = True
    c.args("true")
    c.create().failed("terminal|tty")
    c.run("--detach").failed("terminal|tty")
    c.process["terminal"] = False
    c.create("--console-socket", c.directory / "console").failed("terminal|tty|socket")
    c.run("--detach", "--console-socket", c.directory / "console").failed("terminal|tty|socket")
