"""config.md, "POSIX-platform Hooks"."""
import json
import os
import shutil
import signal
import subprocess
import time

from support import TIMEOUT, case, until

PHASES = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")


def hook(script, **more):
    return {"path": "/bin/sh", "args": ["sh", "-c", script], **more}


@case("all six kinds run, each once, in their order", "RT-config-171", "RT-config-172", "RT-config-181", "RT-config-190", "RT-config-193", "RT-config-196",
      "RT-config-199", "RT-config-205", "RT-config-212", "RT-config-215", "RT-config-218", "RT-config-221", "RT-runtime-018", "RT-runtime-020",
      "RT-runtime-022", "RT-runtime-024", "RT-runtime-027", "RT-runtime-031", "RT-features-011", "RT-features-012")
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


@case("args and env", "RT-config-175", "RT-config-176", "RT-config-184", "RT-config-185")
def environment(c):
    log = c.directory / "log"
    c.config["hooks"] = {phase: [{"path": "/bin/sh", "args": ["name", "-c", f'echo "$0 $1 $A" >> {log}; env | grep -c HOME >> {log}; true', "zero", "one"],
                                  "env": ["A=b"]}] for phase in ("prestart", "createRuntime", "createContainer")}
    c.environment["HOME"] = "/root"
    c.run().ok()
    assert log.read_text() == "zero one b\n0\n" * 3, log.read_text()


# what a hook of a phase sees: the runtime's namespaces or the container's
INSIDE = ("createContainer", "startContainer")


@case("each kind runs in its namespaces: of the runtime, or of the container", "RT-config-180", "RT-config-189", "RT-config-192", "RT-config-195",
      "RT-config-198", "RT-config-201", "RT-config-207", "RT-config-210", "RT-config-214", "RT-config-217", "RT-config-220", "RT-config-223")
def namespaces(c):
    log = c.directory / "log"
    log.touch(), (c.rootfs / "log").touch()
    c.mount("/log", "bind", log, ["bind"])
    kinds = ("mnt", "uts", "ipc", "net", "pid_for_children")
    script = "; ".join(f"readlink /proc/self/ns/{kind}" for kind in kinds)
    c.config["hooks"] = {phase: [hook(f"(echo {phase}; {script}) >> {'/log' if phase == 'startContainer' else log}")] for phase in PHASES}
    c.args("sleep", "60")
    c.create().ok()
    pid = c.state()["pid"]
    container = [os.readlink(f"/proc/{pid}/ns/{kind}") for kind in kinds]
    c.start().ok()
    c.kill("KILL").ok()
    c.wait("stopped")
    c.delete().ok()
    words = log.read_text().split()
    width = len(kinds) + 1
    seen = {words[n]: words[n + 1:n + width] for n in range(0, len(words), width)}
    assert set(seen) == set(PHASES), seen
    runtime = [os.readlink(f"/proc/self/ns/{kind}") for kind in kinds]
    for phase in PHASES:
        assert seen[phase] == (container if phase in INSIDE else runtime), (phase, seen[phase])


@case("the paths of all but startContainer hooks are the runtime's", "RT-config-179", "RT-config-188", "RT-config-191", "RT-config-197", "RT-config-200",
      "RT-config-206", "RT-config-209", "RT-config-213", "RT-config-219", "RT-config-222")
def host_paths(c):
    tool, log = c.directory / "tool", c.directory / "log"
    tool.write_text(f"#!/bin/sh\necho $1 >> {log}\n")
    tool.chmod(0o755)
    phases = [phase for phase in PHASES if phase != "startContainer"]
    c.config["hooks"] = {phase: [{"path": str(tool), "args": ["tool", phase]}] for phase in phases}
    c.args("true")
    c.create().ok()
    c.start().ok()
    c.wait("stopped")
    c.delete().ok()
    assert log.read_text().split() == phases, log.read_text()


@case("the paths of startContainer hooks are the container's", "RT-config-194", "RT-config-216")
def container_path(c):
    (c.rootfs / "tool").write_text("#!/bin/sh\necho here > /mark\n")
    (c.rootfs / "tool").chmod(0o755)
    c.config["hooks"] = {"startContainer": [{"path": "/tool"}]}
    c.run().ok()
    assert (c.rootfs / "mark").read_text() == "here\n"


@case("prestart, createRuntime and createContainer hooks find the container's mounts, and the old root", "RT-config-204", "RT-config-208", "RT-config-211")
def before_pivot(c):
    log = c.directory / "log"
    c.mount("/mnt", "tmpfs", "tmpfs", ["mode=700"])
    look = f"grep -c ' {c.rootfs}/mnt ' "
    c.config["hooks"] = {
        "prestart": [hook(f"pid=$(sed 's/.*\"pid\": *\\([0-9]*\\).*/\\1/' | head -n 1); {look} /proc/$pid/mountinfo >> {log}")],
        "createRuntime": [hook(f"pid=$(sed 's/.*\"pid\": *\\([0-9]*\\).*/\\1/' | head -n 1); {look} /proc/$pid/mountinfo >> {log}")],
        "createContainer": [hook(f"{look} /proc/self/mountinfo >> {log}; test -e {c.rootfs}/bin/busybox && echo old >> {log}")]}
    c.run().ok()
    assert log.read_text().split() == ["1", "1", "1", "old"], log.read_text()


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


@case("a container that is killed while a startContainer hook runs was not started: start says so, and runs no poststart hooks")
def killed_in_hook(c):
    c.config["hooks"] = {"startContainer": [hook("echo > /began; exec sleep 60")], "poststart": [hook(f"echo ran > {c.directory}/log")]}
    c.args("sleep", "60").create().ok()
    starting = subprocess.Popen([c.runtime, "--root", c.state_root, "start", c.id], stdin=c.input, stderr=subprocess.PIPE, env=c.environment)
    until((c.rootfs / "began").exists, "the hook does not run")
    c.kill("KILL").ok()
    said = starting.communicate(timeout=TIMEOUT)[1].decode()
    if "cale" in c.runtime:
        assert said == f'cale: start "{c.id}": start container "{c.id}": its init was ended while a startContainer hook ran\n', said
    assert starting.returncode != 0 and not (c.directory / "log").exists(), said
    c.wait("stopped")


@case("startContainer hooks that pass do not keep start from telling what is wrong with the program, or that it ran and ended")
def hooks_then_program(c):
    c.config["hooks"] = {"startContainer": [hook("true"), hook("rm -f /bin/gone; echo hook >> /log")]}
    shutil.copy(c.rootfs / "bin/busybox", c.rootfs / "bin/gone")
    c.args("/bin/gone", "true").create().ok()
    c.start().failed("gone|no such file")
    c.delete("--force").ok()
    c.args("true").create().ok()
    c.start().ok()
    c.wait("stopped")
    assert (c.rootfs / "log").read_text() == "hook\nhook\n"


@case("a poststop hook that fails is no error of the container, and the hooks after it run", "RT-runtime-032")
def failing_post(c):
    c.config["hooks"] = {"poststop": [hook("exit 3"), hook(f"echo second > {c.directory}/log")]}
    c.args("true")
    c.create().ok()
    c.start().ok()
    c.wait("stopped")
    c.delete()
    assert (c.directory / "log").read_text() == "second\n", "the hooks after it still run"


@case("a hook that takes longer than its timeout is ended", "RT-config-177", "RT-config-186")
def timeout(c):
    for phase in ("prestart", "createRuntime", "createContainer"):
        c.config["hooks"] = {phase: [hook("exec sleep 30", timeout=1)]}
        before = time.monotonic()
        c.run().failed(phase + "|hook")
        assert 0.9 < time.monotonic() - before < 10


@case("a startContainer hook runs under a filter that denies handles of processes, and its errors and timeout are told", "RT-config-186", "RT-runtime-045")
def filtered(c):
    c.process["noNewPrivileges"] = False  # the filter is there before the hook
    c.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["pidfd_open", "pidfd_send_signal"], "action": "SCMP_ACT_ERRNO", "errnoRet": 13}]}
    c.config["hooks"] = {"startContainer": [hook("cat > /state; echo >> /state; head -c 300000 /dev/zero >&2"), hook("exec 2>&-; sleep 0.1; echo second >> /state")]}
    c.shell("tail -n 1 /state; grep -c ociVersion /state")
    assert c.run().lines == ["second", "1"]
    c.config["hooks"] = {"startContainer": [hook("echo sorry >&2; exit 3")]}
    result = c.run()
    assert result.status != 0 and "sorry" in result.err, result
    before = time.monotonic()
    c.config["hooks"] = {"startContainer": [hook("exec sleep 30", timeout=1)]}
    c.run().failed("startContainer|hook")
    assert 0.9 < time.monotonic() - before < 10


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


@case("run can be interrupted while a hook in the container goes on, and leaves nothing")
def interrupted(c):
    c.config["hooks"] = {"createContainer": [hook(f"echo > {c.directory}/began; exec sleep 60")]}
    c.args("true").write()
    command = [c.runtime, "--root", c.state_root, "run", "--bundle", c.bundle, c.id]
    process = subprocess.Popen(command, stdin=c.input, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=c.environment)
    until((c.directory / "began").exists, "the hook does not run")
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=TIMEOUT)  # the hook has the same output, and has ended with it
    assert process.returncode != 0 and b"SIGTERM" in out, (process.returncode, out)
    c.call("state", c.id).failed("does not exist")


@case("startContainer hooks without env have the environment of the program")
def environment_of_the_program(c):
    c.config["process"]["env"].append("MARK=program")
    c.config["hooks"] = {"startContainer": [{"path": "/bin/sh", "args": ["sh", "-c", "echo $MARK > /log"]}]}
    c.args("cat", "/log").run().prints("program")


@case("createContainer hooks begin in the root that the container is going to have")
def directory_of_hooks(c):
    log = c.directory / "log"
    c.config["hooks"] = {"createContainer": [{"path": "/bin/sh", "args": ["sh", "-c", f"pwd > {log}"]}]}
    c.args("true").run().ok()
    assert log.read_text().strip() == str(c.rootfs), log.read_text()
