"""runtime.md: state, lifecycle, operations."""
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import time

from support import TIMEOUT, alive, case, listener, receive_descriptor


@case("create does not run the program, start does", "RT-runtime-016", "RT-runtime-026", "RT-runtime-035", "RT-runtime-041", "RT-runtime-043", "RT-runtime-049")
def create_start(c):
    c.shell("echo ran > /mark; sleep 60")
    c.create().ok()
    assert c.state()["status"] == "created" and not (c.rootfs / "mark").exists()
    c.start().ok()
    assert c.file("mark") == "ran" and c.state()["status"] == "running"


@case("the state has its members", "RT-runtime-002", "RT-runtime-003", "RT-runtime-005", "RT-runtime-008", "RT-runtime-009", "RT-runtime-010", "RT-runtime-038")
def state(c):
    c.config["annotations"] = {"org.example": "x"}
    c.args("sleep", "60")
    c.create().ok()
    state = c.state()
    assert state["id"] == c.id and state["bundle"] == str(c.bundle) and state["annotations"] == {"org.example": "x"}, state
    assert alive(state["pid"]) and state["ociVersion"].startswith("1."), state


@case("stopped after the end of the program; then delete removes it")
def stopped(c):
    c.args("true")
    c.create().ok()
    c.start().ok()
    c.wait("stopped")
    c.delete().ok()
    c.call("state", c.id).failed("does not exist|no such file")


@case("start of a started container is refused", "RT-runtime-048")
def start_twice(c):
    c.args("sleep", "60")
    c.create().ok()
    c.start().ok()
    c.start().failed()
    assert c.state()["status"] == "running"


@case("kill by name, with SIG and by number", "RT-runtime-053")
def kill(c):
    for word in ("TERM", "SIGTERM", "15"):
        c.shell("trap 'echo got > /mark; exit 0' TERM; echo ready > /ready; while :; do sleep 0.05; done")
        c.create().ok()
        c.start().ok()
        c.file("ready")
        c.kill(word).ok()
        assert c.file("mark") == "got"
        c.wait("stopped")
        c.delete().ok()
        (c.rootfs / "mark").unlink(), (c.rootfs / "ready").unlink()


@case("kill without a signal is TERM")
def kill_default(c):
    c.shell("trap 'echo got > /mark; exit 0' TERM; echo ready > /ready; while :; do sleep 0.05; done")
    c.create().ok()
    c.start().ok()
    c.file("ready")
    c.kill().ok()
    assert c.file("mark") == "got"


@case("kill of a created container")
def kill_created(c):
    c.args("sleep", "60")
    c.create().ok()
    c.kill("KILL").ok()
    c.wait("stopped")


@case("what asks for the end ends a created container, whose program cannot handle it yet; what does not is lost", "RT-runtime-053")
def kill_created_politely(c):
    c.args("sleep", "60")
    for word in ("TERM", "INT", "HUP", "QUIT"):
        c.create().ok()
        c.kill("USR1").ok()
        assert c.state()["status"] == "created"
        c.kill(word).ok()
        c.wait("stopped")
        c.delete().ok()
    c.create().ok()
    c.call("kill", "--all", c.id, "TERM").ok()
    c.wait("stopped")


@case("kill of a stopped container is refused", "RT-runtime-052")
def kill_stopped(c):
    c.args("true")
    c.create().ok()
    c.start().ok()
    c.wait("stopped")
    c.kill("KILL").failed("not running|no such process|stopped")


@case("an unknown signal is refused")
def unknown_signal(c):
    c.args("sleep", "60")
    c.create().ok()
    c.kill("NOSUCH").failed("NOSUCH")
    assert c.state()["status"] == "created"


@case("delete of a running container is refused", "RT-runtime-055")
def delete_running(c):
    c.args("sleep", "60")
    c.create().ok()
    c.start().ok()
    c.delete().failed()
    assert c.state()["status"] == "running"


@case("delete --force ends a running container")
def delete_force(c):
    c.args("sleep", "60")
    c.create().ok()
    c.start().ok()
    pid = c.state()["pid"]
    c.delete("--force").ok()
    assert not alive(pid)
    c.call("state", c.id).failed("does not exist|no such file")


@case("delete --force of what does not exist is no error")
def delete_force_missing(c):
    c.delete("--force").ok()


@case("state, start, kill and delete of what does not exist are refused", "RT-runtime-037")
def missing(c):
    c.call("state", c.id).failed("does not exist|no such file")
    c.start().failed("does not exist|no such file")
    c.kill("TERM").failed("does not exist|no such file")
    c.delete().failed("does not exist|no such file")


@case("an id that is in use is refused", "RT-runtime-004", "RT-runtime-040")
def same_id(c):
    c.args("sleep", "60")
    c.create().ok()
    before = c.state()
    c.create().failed("exists")
    assert c.state() == before


@case("ids with other characters than letters, digits and _+-. are refused", "RT-runtime-040")
def wrong_ids(c):
    c.write()
    for name in ("a/b", "..", ".", "a b", "", "a\nb"):
        result = c.call("create", "--bundle", c.bundle, name)
        assert result.status != 0, str(result)


@case("run gives the program's exit status")
def exit_status(c):
    for status in (0, 1, 7, 255):
        assert c.shell(f"exit {status}").run().status == status


@case("run gives 128 and the signal's number")
def exit_signal(c):
    for number in (signal.SIGKILL, signal.SIGTERM):
        c.shell(f"kill -{int(number)} $$")
        # the first process of a pid namespace gets no signal from itself: a child does, and the shell tells
        result = c.shell(f"sh -c 'kill -{int(number)} $$'; exit $?").run()
        assert result.status == 128 + number, str(result)


@case("run leaves nothing behind")
def run_clean(c):
    c.run().ok()
    c.call("state", c.id).failed("does not exist|no such file")


@case("--pid-file has the pid that state tells")
def pid_file(c):
    c.args("sleep", "60")
    path = c.directory / "pid"
    c.create("--pid-file", path).ok()
    assert int(path.read_text()) == c.state()["pid"]


@case("--pidfd-socket gets a handle of the container's process")
def pidfd_socket(c):
    c.args("sleep", "60")
    path = c.directory / "pidfd"
    with listener(path) as server:
        c.create("--pidfd-socket", path).ok()
        connection, _ = server.accept()
        connection.settimeout(TIMEOUT)
        with connection:
            _, handle = receive_descriptor(connection)
    text = pathlib.Path(f"/proc/self/fdinfo/{handle}").read_text()
    os.close(handle)
    assert f"Pid:\t{c.state()['pid']}\n" in text, text


@case("run --detach comes back while the program runs")
def detach(c):
    c.args("sleep", "60")
    c.run("--detach").ok()
    assert c.state()["status"] == "running"


@case("list shows the container, as a table, as JSON and as ids")
def list_containers(c):
    c.args("sleep", "60")
    c.create().ok()
    lines = c.call("list").ok().out.splitlines()
    assert lines[0].split()[:3] == ["ID", "PID", "STATUS"] and any(line.split()[0] == c.id and "created" in line for line in lines[1:])
    entry = next(entry for entry in json.loads(c.call("list", "--format", "json").ok().out) if entry["id"] == c.id)
    assert entry["status"] == "created" and entry["bundle"] == str(c.bundle) and entry["pid"] > 0, entry
    assert c.id in c.call("list", "--quiet").ok().out.split()


@case("all processes end with the first one")
def children_end(c):
    c.shell("sleep 77 & echo up > /mark; exec sleep 0.2")
    c.create().ok()
    c.start().ok()
    c.file("mark")
    c.wait("stopped")
    c.delete().ok()


@case("a container whose init was killed from outside is stopped, and delete cleans up")
def killed_outside(c):
    c.args("sleep", "60")
    c.create().ok()
    c.start().ok()
    os.kill(c.state()["pid"], signal.SIGKILL)
    c.wait("stopped")
    c.delete().ok()


@case("killed at any moment of create, it leaves nothing that delete --force does not remove")
def killed_creator(c):
    c.args("sleep", "60").write()
    for turn in range(40):
        process = subprocess.Popen([c.runtime, "--root", str(c.state_root), "create", "--bundle", str(c.bundle), f"{c.id}-{turn}"],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(turn * 0.0004)
        process.kill()
        process.wait()
        c.call("delete", "--force", f"{c.id}-{turn}").ok()
    assert not [name for name in os.listdir(c.state_root) if name.startswith(c.id)]
    left = list(pathlib.Path("/sys/fs/cgroup").glob(f"*/{c.id}-*"))
    for path in left:  # the host gets rid of them, and the runtime does not get away with them
        with contextlib.suppress(OSError):
            for pid in (path / "cgroup.procs").read_text().split():
                os.kill(int(pid), signal.SIGKILL)
    for path in left:
        with contextlib.suppress(OSError):
            path.rmdir()
    assert not left, f"cgroups are left: {left}"


@case("config.json may change after create without effect", "RT-runtime-017")
def config_changes(c):
    c.shell("echo first > /mark")
    c.create().ok()
    c.shell("echo second > /mark").write()
    c.start().ok()
    assert c.file("mark") == "first"


@case("a config.json that is gone after create does no harm")
def config_gone(c):
    c.shell("echo here > /mark")
    c.create().ok()
    (c.bundle / "config.json").unlink()
    c.start().ok()
    assert c.file("mark") == "here"
    c.wait("stopped")
    c.delete().ok()


@case("spec writes a configuration that runs, with what a container should have", "RT-config-008", "RT-config-linux-001")
def spec(c):
    c.call("spec", "--bundle", c.bundle).ok()
    config = json.loads((c.bundle / "config.json").read_text())
    config["process"]["terminal"] = False
    assert config["root"]["path"] == "rootfs", config["root"]
    kinds = {mount["destination"]: mount["type"] for mount in config["mounts"]}
    assert {"/proc": "proc", "/sys": "sysfs", "/dev/pts": "devpts", "/dev/shm": "tmpfs"}.items() <= kinds.items(), kinds
    config["process"]["args"] = ["echo", "ok"]
    (c.bundle / "config.json").write_text(json.dumps(config))
    c.call("run", "--bundle", c.bundle, c.id).prints("ok")


@case("--version begins with a name and a version")
def version(c):
    lines = c.call("--version").lines
    assert " version " in lines[0] and any(line.startswith("spec:") for line in lines), lines


@case("features is JSON with its required members")
def features(c):
    features = json.loads(c.call("features").ok().out)
    assert features["ociVersionMin"] and features["ociVersionMax"] and "linux" in features
    assert "bind" in features["mountOptions"] and "prestart" in features["hooks"]
    assert "SCMP_ACT_ERRNO" in features["linux"]["seccomp"]["actions"]


@case("an error goes to the log as JSON")
def log(c):
    path = c.directory / "log.json"
    c.call("--log", path, "--log-format", "json", "start", c.id).failed()
    last = json.loads(path.read_text().splitlines()[-1])
    assert last["level"] == "error" and ("does not exist" in last["msg"] or "No such file" in last["msg"]) and last["time"], last


@case("with --log, warnings are told in the log alone: stderr is the program's")
def warnings(c):
    c.capabilities("CAP_KILL", "CAP_NO_SUCH")
    log = c.directory / "log.json"
    c.write()
    result = c.call("--log", log, "--log-format", "json", "run", "--bundle", c.bundle, c.id).ok()
    assert result.err == "" and "CAP_NO_SUCH" in log.read_text(), f"{result}\nlog: {log.read_text()}"
