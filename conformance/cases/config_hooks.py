"""config.md, "POSIX-platform Hooks"."""
import json

from support import case

PHASES = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")


def hook(script, **more):
    return {"path": "/bin/sh", "args": ["sh", "-c", script], **more}


@case("all six kinds run, each once, in their order", "RT-config-205", "RT-config-212", "RT-config-215", "RT-config-218")
def order(c):
    log = c.directory / "log"
    log.touch()
    (c.rootfs / "log").touch()
    c.mount("/log", "bind", log, ["bind"])
    c.config["hooks"] = {phase: [hook(f"echo {phase} >> {'/log' if phase == 'startContainer' else log}")] for phase in PHASES}
    c.shell("echo process >> /log")
    c.create().ok()
    assert log.read_text().split() == ["prestart", "createRuntime", "createContainer"], log.read_text()
    c.start().ok()
    c.wait("stopped")
    c.delete().ok()
    words = log.read_text().split()
    assert words[:4] == ["prestart", "createRuntime", "createContainer", "startContainer"], words
    assert sorted(words[4:6]) == ["poststart", "process"] and words[6:] == ["poststop"], words


@case("several hooks of a kind run in the order of the list", "RT-config-202")
def list_order(c):
    log = c.directory / "log"
    c.config["hooks"] = {"createRuntime": [hook(f"echo {n} >> {log}") for n in (1, 2, 3)]}
    c.run().ok()
    assert log.read_text().split() == ["1", "2", "3"]


@case("the state comes on stdin", "RT-config-203")
def state(c):
    c.config["hooks"] = {"prestart": [hook(f"cat > {c.directory}/pre")], "poststop": [hook(f"cat > {c.directory}/post")]}
    c.config["annotations"] = {"a.b": "c"}
    c.run().ok()
    pre, post = (json.loads((c.directory / name).read_text()) for name in ("pre", "post"))
    assert pre["id"] == c.id and pre["bundle"] == str(c.bundle) and pre["pid"] > 0, pre
    assert pre["status"] in ("creating", "created") and pre["annotations"] == {"a.b": "c"}, pre
    assert post["status"] == "stopped" and post["id"] == c.id, post


@case("args and env", "RT-config-184", "RT-config-185")
def environment(c):
    c.config["hooks"] = {"createRuntime": [{"path": "/bin/sh", "args": ["name", "-c", f'echo "$0 $1 $A" > {c.directory}/log', "zero", "one"],
                                            "env": ["A=b"]}]}
    c.run().ok()
    assert (c.directory / "log").read_text() == "zero one b\n"


@case("createRuntime hooks run outside, createContainer hooks in the container's namespaces", "RT-config-210", "RT-config-214")
def namespaces(c):
    log = c.directory / "log"
    c.config["hooks"] = {"createRuntime": [hook(f"readlink /proc/self/ns/mnt >> {log}")],
                         "createContainer": [hook(f"readlink /proc/self/ns/mnt >> {log}")]}
    c.run().ok()
    import os
    runtime, container = log.read_text().split()
    assert runtime == os.readlink("/proc/self/ns/mnt") and container != runtime


@case("startContainer hooks see the container's root", "RT-config-217")
def start_container(c):
    c.config["hooks"] = {"startContainer": [hook("echo here > /mark")]}
    c.run().ok()
    assert (c.rootfs / "mark").read_text() == "here\n"


def failing(phase):
    def run(c):
        mark = c.directory / "mark"
        c.config["hooks"] = {phase: [hook("echo sorry >&2; exit 3")], "poststop": [hook(f"echo gone > {mark}")]}
        c.shell("echo ran > /ran").run().failed()
        assert not (c.rootfs / "ran").exists(), "the program ran"
        c.delete("--force")
    return run


for _phase, _statement in (("prestart", "RT-runtime-019"), ("createRuntime", "RT-runtime-021"), ("createContainer", "RT-runtime-023"),
                           ("startContainer", "RT-runtime-025")):
    _run = failing(_phase)
    _run.__name__ = f"failing_{_phase}"
    case(f"a {_phase} hook that fails ends the container", _statement)(_run)


@case("a poststart hook that fails is an error of start, and stops the container", "RT-runtime-028")
def failing_poststart(c):
    c.config["hooks"] = {"poststart": [hook("exit 3")], "poststop": [hook(f"echo gone > {c.directory}/log")]}
    c.args("sleep", "60")
    c.create().ok()
    c.start().failed("poststart|hook")
    c.wait("stopped")
    c.delete().ok()
    assert (c.directory / "log").read_text() == "gone\n"


@case("a poststop hook that fails is no error of the container, and the hooks after it run", "RT-runtime-032")
def failing_post(c):
    c.config["hooks"] = {"poststop": [hook("exit 3"), hook(f"echo second > {c.directory}/log")]}
    c.args("true")
    c.create().ok()
    c.start().ok()
    c.wait("stopped")
    c.delete()
    assert (c.directory / "log").read_text() == "second\n", "the hooks after it still run"


@case("a hook that takes longer than its timeout is ended", "RT-config-186")
def timeout(c):
    c.config["hooks"] = {"createRuntime": [hook("sleep 30", timeout=1)]}
    c.run().failed()


@case("a hook that does not read its state does no harm, however long the state is")
def unread_state(c):
    c.config["annotations"] = {"org.example.long": "x" * 100000}
    c.config["hooks"] = {phase: [{"path": "/bin/true"}] for phase in PHASES}
    c.args("true")
    c.create().ok()
    c.start().ok()
    c.wait("stopped")
    c.delete().ok()


@case("a hook that is not there")
def missing(c):
    c.config["hooks"] = {"createRuntime": [{"path": "/no/such/hook"}]}
    c.run().failed("/no/such/hook|no such file")
