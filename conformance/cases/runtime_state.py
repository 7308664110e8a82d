"""runtime.md: the state in every phase, and what operations leave as it was."""
import json
import os
import pathlib

from support import alive, case, cgroup1, holder, mount_line, until

HOOK_PHASES = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")
STATES = {"prestart": ("creating", "created"), "createRuntime": ("creating", "created"), "createContainer": ("creating", "created"),
          "startContainer": ("created",), "poststart": ("running",), "poststop": ("stopped",)}


def check(state, *statuses):
    """By schema/state-schema.json: the members, their types, and what is required in which status."""
    types = {"ociVersion": str, "id": str, "status": str, "pid": int, "bundle": str}
    for name, kind in types.items():
        if name != "pid" or state.get("status") in ("created", "running"):
            assert name in state, f"{name} is missing: {state}"
        if name in state:
            assert type(state[name]) is kind, (name, state)
    assert state["status"] in statuses, (statuses, state)
    assert state["bundle"].startswith("/"), state
    assert state.get("pid", 0) >= 0
    assert all(type(key) is str and type(value) is str for key, value in (state.get("annotations") or {}).items()), state
    return state


@case("the state in every phase has what the schema wants", "RT-runtime-006", "RT-runtime-013", "RT-config-203")
def phases(c):
    c.config["annotations"] = {"org.example.empty": "", "a": "b"}
    log = c.directory / "states"
    log.mkdir(mode=0o777), log.chmod(0o777)
    (c.rootfs / "states").mkdir()
    c.mount("/states", "bind", log, ["bind"])
    c.config["hooks"] = {phase: [{"path": "/bin/sh", "args": ["sh", "-c", f"cat > {'/states' if phase == 'startContainer' else log}/{phase}"]}]
                         for phase in HOOK_PHASES}
    c.args("sleep", "60")
    c.create().ok()
    check(c.state(), "created")
    c.start().ok()
    pid = check(c.state(), "running")["pid"]
    c.kill("KILL").ok()
    c.wait("stopped")
    check(c.state(), "stopped")
    c.delete().ok()
    for phase, statuses in STATES.items():
        state = check(json.loads((log / phase).read_text()), *statuses)
        assert state["id"] == c.id and state["bundle"] == str(c.bundle) and state["annotations"] == c.config["annotations"], (phase, state)
        if phase in ("prestart", "createRuntime", "poststart"):
            assert state["pid"] == pid, (phase, pid, state)


@case("the pid is that of the container's process", "RT-runtime-008")
def pid(c):
    c.args("sleep", "4321")
    c.create().ok()
    pid = c.state()["pid"]
    c.start().ok()
    assert c.state()["pid"] == pid and alive(pid)
    until(lambda: b"4321" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes(), "it does not execute the program")


@case("without annotations the state has none", "RT-runtime-011")
def no_annotations(c):
    c.args("sleep", "60")
    for value in (None, {}):
        if value is not None:
            c.config["annotations"] = value
        c.create().ok()
        assert not c.state().get("annotations")
        c.delete("--force").ok()


@case("create makes everything but the program: mounts, name, cgroup, limits", "RT-runtime-014", "RT-runtime-042", "RT-runtime-044")
def applied(c):
    c.mount("/mnt", "tmpfs", "tmpfs", ["size=1m"])
    c.linux["cgroupsPath"] = f"/{c.id}"
    c.linux["resources"]["pids"] = {"limit": 20}
    c.config["root"]["readonly"] = True
    c.shell("echo ran > /mnt/ran; sleep 60")
    c.create().ok()
    pid = c.state()["pid"]
    info = pathlib.Path(f"/proc/{pid}/mountinfo").read_text()
    assert mount_line(info, "/mnt")["type"] == "tmpfs" and "ro" in mount_line(info, "/")["options"], info
    assert (cgroup1("pids") / c.id / "pids.max").read_text() == "20\n"
    assert not pathlib.Path(f"/proc/{pid}/root/mnt/ran").exists()
    assert os.readlink(f"/proc/{pid}/ns/uts") != os.readlink("/proc/self/ns/uts")


@case("delete takes away what create made, and nothing else", "RT-runtime-030", "RT-runtime-056", "RT-runtime-057")
def deleted(c):
    (c.directory / "data").mkdir()
    (c.directory / "data/f").write_text("stays\n")
    c.mount("/data", "bind", c.directory / "data", ["bind"])
    c.linux["cgroupsPath"] = f"/{c.id}"
    with holder("--net") as other:
        path = f"/proc/{other}/ns/net"
        c.namespace("network", path)
        c.args("sleep", "60")
        c.create().ok()
        pid = c.state()["pid"]
        assert (cgroup1("pids") / c.id).is_dir()
        c.kill("KILL").ok()
        c.wait("stopped")
        c.delete().ok()
        assert alive(other) and os.readlink(path)
    assert not alive(pid) and not (cgroup1("pids") / c.id).exists()
    assert (c.directory / "data/f").read_text() == "stays\n" and (c.bundle / "config.json").exists() and (c.rootfs / "bin/busybox").exists()


@case("a cgroup that was there before stays when the container goes")
def foreign_cgroup(c):
    mount = cgroup1("pids")
    parent = mount / f"{c.id}-before"
    parent.mkdir()
    try:
        c.linux["cgroupsPath"] = f"/{c.id}-before/inner"
        c.args("true").run().ok()
        assert parent.is_dir() and not (parent / "inner").exists()
    finally:
        for hierarchy in pathlib.Path("/sys/fs/cgroup").iterdir():
            for path in (hierarchy / f"{c.id}-before/inner", hierarchy / f"{c.id}-before"):
                if path.is_dir():
                    path.rmdir()


@case("an id can be used again when its container is deleted", "RT-runtime-058")
def used_again(c):
    for turn in range(2):
        c.shell(f"echo {turn} > /mark")
        c.create().ok()
        c.start().ok()
        c.wait("stopped")
        c.delete().ok()
    assert c.file("mark") == "1"


@case("without a process there is a container, and start is an error", "RT-config-099", "RT-config-100", "RT-runtime-050")
def no_process(c):
    c.config.pop("process")
    c.create().ok()
    assert c.state()["status"] == "created"
    c.start().failed("process")
    assert c.state()["status"] == "created"
    c.delete("--force").ok()


@case("start of what runs or has ended changes nothing", "RT-runtime-048")
def start_again(c):
    c.shell("echo ran >> /mark; sleep 60")
    c.create().ok()
    c.start().ok()
    c.file("mark")
    before = c.state()
    c.start().failed()
    assert c.state() == before
    c.kill("KILL").ok()
    c.wait("stopped")
    c.start().failed()
    assert c.state()["status"] == "stopped" and (c.rootfs / "mark").read_text() == "ran\n"


@case("delete of what is created or runs changes nothing", "RT-runtime-055")
def delete_too_early(c):
    c.args("sleep", "60")
    c.create().ok()
    c.start().ok()
    before = c.state()
    c.delete().failed()
    assert c.state() == before and alive(before["pid"])


@case("kill reaches the container's process and no other", "RT-runtime-053")
def kill_one(c):
    c.shell("trap 'echo shell > /mark; exit 0' USR1; sh -c \"trap 'echo child > /child' USR1; echo up > /ready; while :; do sleep 0.05; done\" & "
            "while :; do sleep 0.05; done")
    c.create().ok()
    c.start().ok()
    c.file("ready")
    c.kill("USR1").ok()
    assert c.file("mark") == "shell" and not (c.rootfs / "child").exists()


@case("what cannot be made is an error, and there is no container", "RT-runtime-015", "RT-runtime-045")
def impossible(c):
    c.linux["cgroupsPath"] = f"/{c.id}"
    for change in (lambda: c.mount("/mnt", "nosuchfs", "x"), lambda: c.linux["namespaces"].append({"type": "ipc", "path": "/etc/passwd"}),
                   lambda: c.linux.__setitem__("sysctl", {"net.no.such": "1"})):
        saved = json.loads(json.dumps(c.config))
        change()
        c.create().failed()
        c.call("state", c.id).failed("does not exist|no such file")
        assert not (cgroup1("pids") / c.id).exists(), "the cgroup is left"
        c.config = saved


@case("a warning changes nothing else", "RT-runtime-034", "RT-config-124", "RT-config-125")
def warning(c):
    c.process["capabilities"]["effective"].append("CAP_NOPE")
    for name in ("bounding", "permitted"):
        c.process["capabilities"][name].append("CAP_NOPE")
    result = c.args("echo", "ok").run().prints("ok")
    assert "CAP_NOPE" in result.err, result
