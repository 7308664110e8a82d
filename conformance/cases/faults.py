"""System calls that fail or are never made: what the runtime says, and what it leaves. conformance/faults/run tries every call of every command;
the cases here are those in which it once did wrong."""
import json
import pathlib
import re

from faults import errors
from support import Skip, case, until


def calls(c, words):
    """The system calls of a command that works: role, name, number, count, text."""
    names = errors.system_calls()
    log = c.directory / "log"
    c.wrapper = [c.program("fault"), "-o", str(log), "--"]
    c.call(*words).ok()
    c.wrapper = []
    found = []
    for line in log.read_text().splitlines():
        role, number, count, _, text = line.split(" ", 4)
        found.append((role, names.get(int(number)), int(number), int(count), text))
    c.delete("--force").ok()
    return found


def fault(c, words, role, name, text, code=None, which=0):
    """Runs the command once more: the call `name` on the path `text` of the process `role` fails with `code`, or the process is killed there."""
    c.write()
    matching = [call for call in calls(c, words) if call[0] == role and call[1] == name and re.search(text, call[4])]
    if not matching:
        raise Skip(f"this runtime does not call {name} on {text}")
    _, _, number, count, _ = matching[which]
    goal = ["-k", f"{role}:{number}:{count}"] if code is None else ["-f", f"{role}:{number}:{count}:{errors.number(code)}"]
    c.wrapper = [c.program("fault"), *goal, "--"]
    result = c.call(*words)
    c.wrapper = []
    return result


def create(c):
    return ["create", "--bundle", c.bundle, "--pid-file", c.directory / "pid", c.id]


def gone(c):
    assert c.call("state", c.id).failed("does not exist")
    assert not [name for name in c.directory.iterdir() if name.name.startswith(".")], list(c.directory.iterdir())


@case("create is killed while it makes cgroups: delete removes those above too")
def killed_in_cgroups(c):
    c.linux["cgroupsPath"] = f"/{c.id}/inner/box"
    result = fault(c, create(c), "0", "mkdirat", f"{c.id}/inner/box", which=-1)
    assert result.status == 137, str(result)
    c.delete("--force").ok()
    left = list(pathlib.Path("/sys/fs/cgroup").glob(f"*/{c.id}"))
    assert not left, left


@case("a rootfs, or the source of a bind mount, that cannot be looked at is not said to be missing")
def denied_paths(c):
    source = c.directory / "source"
    source.mkdir()
    c.mount("/mnt", "bind", source, ["bind"])
    for path, field in ((c.rootfs, r"root\.path"), (source, r"mounts\[\d+\]\.source")):
        result = fault(c, create(c), "0", "newfstatat", f"^{re.escape(str(path))}$", "EACCES").failed(field, "EACCES")
        assert "ENOENT" not in result.err, result.err
        gone(c)


@case("the directory of the state cannot be opened or locked: create undoes it")
def state_directory(c):
    for name, text in (("openat", f"^{c.id}$"), ("flock", "")):
        fault(c, create(c), "0", name, text, "EMFILE" if name == "openat" else "ENOLCK").failed("lock state directory", "EMFILE|ENOLCK")
        gone(c)


@case("a path that may not be opened, and so not masked, is an error for root")
def denied_mask(c):
    for text in ("proc/keys", "proc/sys"):
        fault(c, create(c), "0.1", "openat2", f"^{text}$", "EACCES").failed("mask|make read-only", "EACCES")
        gone(c)


@case("a pid file that cannot be written leaves no other file")
def pid_file(c):
    for name, which in (("linkat", -1), ("write", -2)):  # the last write is the answer to the init
        fault(c, create(c), "0", name, "", "ENOSPC", which=which).failed("pid file", "ENOSPC")
        gone(c)


@case("a cgroup that is removed before the init gets into it is named")
def cgroup_gone(c):
    fault(c, create(c), "0", "openat", "/tasks$", "ENOENT").failed("open cgroup", "ENOENT")
    gone(c)


@case("an init that cannot be answered is not said to have died")
def no_answer(c):
    fault(c, create(c), "0", "sendmsg", "", "ENOBUFS", which=-1).failed("ENOBUFS")
    gone(c)


@case("a hook that cannot be started says why in the error, and nowhere else")
def hook_streams(c):
    c.config["hooks"] = {"prestart": [{"path": "/bin/true"}]}
    result = fault(c, create(c), "0.2", "dup3", "", "EMFILE").failed("hooks.prestart")
    assert result.err.startswith(pathlib.Path(c.runtime).name + ": "), result.err
    gone(c)


@case("a cgroup above the container's own that cannot be removed is an error of delete, and the next one removes it")
def parent_stays(c):
    c.linux["cgroupsPath"] = f"/{c.id}/box"
    c.write()
    words = create(c)
    c.call(*words).ok()
    c.kill("KILL").ok()
    c.wait("stopped")
    log = c.directory / "log"
    c.wrapper = [c.program("fault"), "-o", str(log), "--"]
    c.delete().ok()
    names = errors.system_calls()
    lines = [line.split(" ", 4) for line in log.read_text().splitlines()]
    parents = [line for line in lines if names[int(line[1])] == "unlinkat" and line[4].endswith(f"/{c.id}")]
    if not parents:
        raise Skip("this runtime removes no cgroup above the container's own")
    c.wrapper = []
    c.call(*words).ok()
    c.kill("KILL").ok()
    c.wait("stopped")
    c.wrapper = [c.program("fault"), "-f", f"0:{parents[0][1]}:{parents[0][2]}:{errors.number('EIO')}", "--"]
    c.delete().failed("remove cgroup", "EIO")
    c.wrapper = []
    assert c.state()["status"] == "stopped"
    c.delete().ok()


@case("a state that cannot be read for the moment is an error of delete --force, and not the end of what it tells of")
def unreadable_state(c):
    c.shell("sleep 60").write()
    words = ["run", "--detach", "--bundle", c.bundle, c.id]
    c.call(*words).ok()
    log, names = c.directory / "log", errors.system_calls()
    c.wrapper = [c.program("fault"), "-o", str(log), "--"]
    c.delete("--force").ok()
    c.wrapper = []
    call = next(line.split(" ") for line in log.read_text().splitlines() if line.endswith(" state.json") and names[int(line.split(" ")[1])] == "openat")
    c.call(*words).ok()
    c.wrapper = [c.program("fault"), "-f", f"0:{call[1]}:{call[2]}:{errors.number('EMFILE')}", "--"]
    c.delete("--force").failed("EMFILE")
    c.wrapper = []
    assert c.state()["status"] == "running"


@case("sysctls are set before /proc/sys is read-only, where the kernel gives no procfs of one's own")
def sysctl_without_procfs(c):
    c.linux["sysctl"] = {"net.ipv4.ip_forward": "1"}
    c.args("cat", "/proc/sys/net/ipv4/ip_forward").write()
    c.call("run", "--bundle", c.bundle, c.id).prints("1")
    words = ["run", "--bundle", c.bundle, c.id]
    fault(c, words, "0.1", "fsopen", "^proc$", "EPERM", which=-1).prints("1")


@case("the first of exec's two processes is killed before it tells of the second: exec ends, and so does the second")
def first_of_two(c):
    c.shell("sleep 60").write()
    c.call("run", "--detach", "--bundle", c.bundle, c.id).ok()
    words, log, names = ["exec", c.id, "true"], c.directory / "log", errors.system_calls()
    c.wrapper = [c.program("fault"), "-o", str(log), "--"]
    c.call(*words).ok()
    lines = [line.split(" ") for line in log.read_text().splitlines()]
    if not any(line[0] == "0.1.1" for line in lines):
        raise Skip("this runtime's exec has one process")
    # the last thing that it says
    said = [line[1:3] for line in lines if line[0] == "0.1" and names.get(int(line[1])) in ("write", "sendmsg", "sendto")]
    if not said:
        raise Skip("this runtime's first process tells nothing")
    number, count = said[-1]
    c.wrapper = [c.program("fault"), "-k", f"0.1:{number}:{count}", "--"]
    c.call(*words).failed("ended without a word|killed before its program ran")
    c.wrapper = []
    until(lambda: len(json.loads(c.call("ps", "--format", "json", c.id).ok().out)) == 1, "the second process is left")


@case("start is killed after it has rung: the container runs, and says so")
def start_after_ringing(c):
    c.shell("echo > /ran; sleep 60").write()
    c.call("create", "--bundle", c.bundle, c.id).ok()
    number = next(number for number, name in errors.system_calls().items() if name == "unlinkat")
    c.wrapper = [c.program("fault"), "-k", f"0:{number}:1", "--"]
    c.call("start", c.id)
    c.wrapper = []
    until((c.rootfs / "ran").exists, "the program does not run")
    assert c.state()["status"] == "running", c.state()
    c.call("start", c.id).failed("running")
    c.delete("--force").ok()


@case("a version 1 hierarchy in which no cgroup may be made, and none is needed, is left out of the container's cgroup mount")
def denied_hierarchy(c):
    c.mount("/sys/fs/cgroup", "cgroup", "cgroup", ["ro", "nosuid", "nodev", "noexec"])
    c.shell("ls /sys/fs/cgroup; grep -c . /proc/self/cgroup")
    result = fault(c, ["run", "--bundle", c.bundle, c.id], "0", "mkdirat", f"^/sys/fs/cgroup/freezer/.*{c.id}$", "EACCES").ok()
    assert "memory" in result.out and "freezer" not in result.out, result.out
