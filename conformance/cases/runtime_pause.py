"""pause and resume, which the command line of runc has beside the operations of runtime.md."""
import contextlib
import os
import pathlib
import subprocess
import time

from support import TIMEOUT, alive, case, cgroup1, until

UNIFIED = pathlib.Path("/sys/fs/cgroup/cgroup.controllers").exists()


def cgroup(c, controller):
    """The container's directory of a controller."""
    return (pathlib.Path("/sys/fs/cgroup") if UNIFIED else cgroup1(controller)) / c.id


def is_frozen(c):
    if UNIFIED:
        return "frozen 1" in (cgroup(c, "freezer") / "cgroup.events").read_text()
    return (cgroup(c, "freezer") / "freezer.state").read_text().strip() == "FROZEN"


def freeze(directory, on=True):
    """From outside, as the container itself may do below its own cgroup."""
    if UNIFIED:
        (directory / "cgroup.freeze").write_text("1" if on else "0")
    else:
        (directory / "freezer.state").write_text("FROZEN" if on else "THAWED")


def left(c):
    """Directories of the container that are still there."""
    return [*pathlib.Path("/sys/fs/cgroup").glob(f"*/{c.id}"), *pathlib.Path("/sys/fs/cgroup").glob(c.id)]


def counting(c):
    """A container that appends to /count all the time."""
    c.linux["cgroupsPath"] = f"/{c.id}"
    c.shell("trap 'echo got > /mark; exit 0' TERM; echo up > /ready; while :; do echo x >> /count; sleep 0.01; done")
    c.create().ok()
    c.start().ok()
    c.file("ready")


def counted(c):
    return (c.rootfs / "count").stat().st_size if (c.rootfs / "count").exists() else 0


def goes_on(c):
    """Waits until the container's program has gone on."""
    before = counted(c)
    until(lambda: counted(c) > before, "the program stands still")


def stands_still(c):
    before = counted(c)
    time.sleep(0.2)
    return counted(c) == before


@case("a paused container stands still, and goes on when it is resumed")
def pause(c):
    counting(c)
    goes_on(c)
    c.call("pause", c.id).ok()
    assert c.state()["status"] == "paused" and stands_still(c)
    assert is_frozen(c)
    c.call("resume", c.id).ok()
    assert c.state()["status"] == "running"
    goes_on(c)


@case("a created container can be paused; start waits for resume")
def created(c):
    c.shell("echo up > /ready; sleep 60")
    c.create().ok()
    c.call("pause", c.id).ok()
    assert c.state()["status"] == "paused"
    c.start().failed("paused")
    c.call("resume", c.id).ok()
    assert c.state()["status"] == "created"
    c.start().ok()
    assert c.file("ready") == "up"


@case("pause of a stopped container is refused")
def stopped(c):
    c.args("true")
    c.create().ok()
    c.start().ok()
    c.wait("stopped")
    c.call("pause", c.id).failed("not running")
    c.call("resume", c.id).failed("not paused|not running")


@case("pause of a paused and resume of a running container are refused")
def twice(c):
    counting(c)
    c.call("resume", c.id).failed("not paused")
    c.call("pause", c.id).ok()
    c.call("pause", c.id).failed("not running")
    assert c.state()["status"] == "paused"


@case("pause and resume of what does not exist are refused")
def missing(c):
    c.call("pause", c.id).failed("does not exist|no such file")
    c.call("resume", c.id).failed("does not exist|no such file")


@case("KILL ends a paused container at once")
def kill(c):
    counting(c)
    pid = c.state()["pid"]
    c.call("pause", c.id).ok()
    c.kill("KILL").ok()
    until(lambda: not alive(pid), "it lives on")
    assert c.state()["status"] == "stopped"


@case("TERM reaches a paused container when it is resumed")
def term(c):
    counting(c)
    c.call("pause", c.id).ok()
    c.kill("TERM").ok()
    time.sleep(0.2)
    assert c.state()["status"] == "paused" and not (c.rootfs / "mark").exists()
    c.call("resume", c.id).ok()
    assert c.file("mark") == "got"


@case("TERM ends a created container that is paused, at the latest when it is resumed; other signals do not")
def term_created(c):
    for options in ((), ("--all",)):
        c.shell("echo ran > /mark").create().ok()
        pid = c.state()["pid"]
        c.call("pause", c.id).ok()
        c.call("kill", *options, c.id, "WINCH").ok()
        c.call("kill", *options, c.id, "TERM").ok()
        c.call("resume", c.id)  # on version 2 it has ended already
        until(lambda: not alive(pid), f"it lives on: {options}")
        assert c.state()["status"] == "stopped", options
        c.call("start", c.id).failed("stopped")
        assert not (c.rootfs / "mark").exists()
        c.delete().ok()


@case("delete --force ends a paused container without letting it run")
def delete(c):
    counting(c)
    pid = c.state()["pid"]
    c.call("pause", c.id).ok()
    size = counted(c)
    c.delete().failed()
    c.delete("--force").ok()
    assert not alive(pid) and counted(c) == size


@case("a container that froze a cgroup of its own can be deleted")
def nested(c):
    counting(c)
    pid = c.state()["pid"]
    freezer = cgroup(c, "freezer") / "own"
    freezer.mkdir()
    (freezer / "cgroup.procs").write_text(str(pid))
    freeze(freezer)
    try:
        c.delete("--force").ok()
        assert not alive(pid) and not freezer.exists()
    finally:
        end(c, pid, freezer)


def end(c, pid, freezer):
    """What a runtime leaves that does not thaw the cgroup `freezer`."""
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline and left(c):
        with contextlib.suppress(OSError):
            os.kill(pid, 9)
        with contextlib.suppress(OSError):
            freeze(freezer, on=False)
        for directory in left(c):
            for path in (directory / "own", directory):
                with contextlib.suppress(OSError):
                    path.rmdir()
        time.sleep(0.02)


@case("what a killed pause leaves frozen can be resumed and deleted")
def interrupted(c):
    counting(c)
    freeze(cgroup(c, "freezer"))
    assert c.state()["status"] == "paused"
    c.call("resume", c.id).ok()
    assert not is_frozen(c)
    freeze(cgroup(c, "freezer"))
    c.delete("--force").ok()


@case("kill KILL and delete --force end a fork bomb, in the host's pid namespace too")
def fork_bomb(c):
    for own in (True, False):
        if not own:
            c.without_namespace("pid")
        c.linux["cgroupsPath"] = f"/{c.id}"
        c.linux["resources"]["pids"] = {"limit": 150}
        c.shell("echo up > /ready; bomb() { bomb | bomb & }; bomb 2>/dev/null; while :; do sleep 0.01; bomb 2>/dev/null; done")
        c.create().ok()
        c.start().ok()
        c.file("ready")
        time.sleep(0.3)
        begun = time.monotonic()
        c.call("kill", "--all", c.id, "KILL").ok()
        c.delete("--force").ok()
        assert time.monotonic() - begun < 9, time.monotonic() - begun
        assert not left(c)
        (c.rootfs / "ready").unlink()


@case("delete removes cgroups that the container nested and processes that it left", "RT-runtime-056")
def leftovers(c):
    c.without_namespace("pid")
    c.linux["cgroupsPath"] = f"/{c.id}"
    c.shell("trap '' TERM HUP; (trap '' TERM HUP; sleep 300) & echo up > /ready")
    c.create().ok()
    c.start().ok()
    c.file("ready")
    c.wait("stopped")
    remaining = (cgroup(c, "pids") / "cgroup.procs").read_text().split()
    for controller in ("pids",) if UNIFIED else ("pids", "memory", "cpu"):
        deep = cgroup(c, controller) / "1/2/3/4/5"
        deep.mkdir(parents=True)
        for pid in remaining:
            (deep / "cgroup.procs").write_text(pid)
    c.delete().ok()
    assert not any(alive(int(pid)) for pid in remaining)
    assert not left(c)


@case("pause and update that are killed at any moment leave a container that can be resumed and deleted")
def killed_commands(c):
    counting(c)
    for number in range(60):
        words = ["pause", c.id] if number % 2 else ["update", "--pids-limit", str(100 + number), c.id]
        with subprocess.Popen([c.runtime, "--root", str(c.state_root), *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              stdin=subprocess.DEVNULL, cwd=c.bundle) as process:
            time.sleep(number * 0.0003)
            process.kill()
        if c.state()["status"] == "paused":
            c.call("resume", c.id).ok()
        assert c.state()["status"] == "running"
    goes_on(c)
    c.delete("--force").ok()
    assert not left(c)
