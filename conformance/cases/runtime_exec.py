"""exec: one more process in a container. Not in the specification; runc-exec(8) is what callers know."""
import concurrent.futures
import fcntl
import hashlib
import json
import os
import pathlib
import pty
import re
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time

from support import NAMESPACES, Skip, TIMEOUT, alive, case, cgroup1, listener, receive_descriptor, status_field, subreaper, until

NOT_RUNNING = "not running|stopped|does not exist"


def running(c, *words):
    """Starts the container with a program that stays, and gives the pid of its first process."""
    c.args(*(words or ("sleep", "60")))
    c.run("--detach").ok()
    return c.state()["pid"]


def run_in(c, *words, **options):
    """exec with options first, then the container's id where "@" stands, else before the first word that is no option."""
    words = list(map(str, words))
    place = words.index("@") if "@" in words else 0
    return c.call("exec", *words[:place], c.id, *words[place + ("@" in words):], **options)


def shell_in(c, script, *flags, **options):
    return run_in(c, *flags, "@", "/bin/sh", "-c", script, **options)


def process_file(c, **members):
    """A file with a process object."""
    path = c.directory / "process.json"
    path.write_text(json.dumps({"cwd": "/", "args": ["true"], "env": ["PATH=/usr/bin:/bin"], "user": {"uid": 0, "gid": 0}, **members}))
    return path


def detached(c, *flags, script="sleep 60"):
    """A process of `exec --detach`, which is there until the container ends unless the script says otherwise; gives its pid."""
    path = c.directory / "exec.pid"
    shell_in(c, script, "--detach", "--pid-file", path, *flags).ok()
    return int(path.read_text())


def members(c, pid):
    """The processes of the container's cgroup."""
    for line in pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if "pids" in controllers.split(","):
            return {int(word) for word in (cgroup1("pids") / path.strip("/") / "cgroup.procs").read_text().split()}
    raise Skip("no version 1 hierarchy of pids")


def await_members(c, init, others):
    """Waits until there are others in the container than its first process, or none."""
    until(lambda: (members(c, init) != {init}) == others, lambda: f"in the cgroup there are {members(c, init)}")


# status and streams

@case("the status is that of the program")
def status(c):
    running(c)
    for number in (0, 1, 7, 255):
        assert shell_in(c, f"exit {number}").status == number


@case("the status is 128 and the signal's number when a signal ended the program")
def status_signal(c):
    running(c)
    for number in (9, 15):
        assert shell_in(c, f"kill -{number} $$").status == 128 + number


@case("standard streams are the caller's")
def streams(c):
    running(c)
    with open(c.directory / "input", "w+") as text:
        text.write("hello\n")
        text.flush(), text.seek(0)
        c.input = text
        result = shell_in(c, "cat; echo oops >&2").ok()
        c.input = subprocess.DEVNULL
    assert result.out == "hello\n" and result.err == "oops\n", str(result)


@case("what follows the container's name belongs to the command")
def command_words(c):
    running(c)
    run_in(c, "echo", "-e", "--tty", "-u").prints("--tty -u")


@case("signals are forwarded to the program")
def forwarded(c):
    running(c)
    command = [c.runtime, "--root", str(c.state_root), "exec", c.id, "/bin/sh", "-c",
               "trap 'echo got; exit 5' TERM; echo ready; while :; do sleep 0.05; done"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, cwd=c.bundle)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=TIMEOUT)
    assert out == "got\n" and process.returncode == 5, (out, process.returncode)


@case("a program that outlives the container ends with it")
def container_ends(c):
    running(c)
    process = subprocess.Popen([c.runtime, "--root", str(c.state_root), "exec", c.id, "/bin/sh", "-c", "echo ready; sleep 60"],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, cwd=c.bundle)
    assert process.stdout.readline() == "ready\n"
    c.kill("KILL").ok()
    process.communicate(timeout=TIMEOUT)
    assert process.returncode == 137, process.returncode


# what is joined

@case("the process is in the namespaces of the container")
def namespaces(c):
    c.namespace("cgroup")
    init = running(c)
    pid = detached(c)
    for name in NAMESPACES.values():
        assert os.readlink(f"/proc/{pid}/ns/{name}") == os.readlink(f"/proc/{init}/ns/{name}"), name
    assert os.stat(f"/proc/{pid}/root").st_ino == os.stat(f"/proc/{init}/root").st_ino


@case("the process is in the cgroups of the container")
def cgroups(c):
    init = running(c)
    pid = detached(c)
    assert pathlib.Path(f"/proc/{pid}/cgroup").read_text() == pathlib.Path(f"/proc/{init}/cgroup").read_text()


@case("the container's first process sees it, and it sees the container's processes")
def processes(c):
    running(c)
    out = shell_in(c, "echo $$; cat /proc/1/cmdline | tr '\\0' ' '").lines
    assert int(out[0]) > 1 and out[1].strip() == "sleep 60", out


@case("into a user namespace")
def user_namespace(c):
    c.namespace("user")
    c.linux["uidMappings"] = c.linux["gidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 65536}]
    c.directory.chmod(0o755)
    for path in [c.bundle, c.rootfs, *c.rootfs.rglob("*")]:
        os.chown(path, 100000, 100000, follow_symlinks=False)
    init = running(c)
    assert shell_in(c, "id -u; cat /proc/self/uid_map").lines[0] == "0"
    pid = detached(c, "--user", "5:6")
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    assert status_field(text, "Uid").split()[0] == "100005" and status_field(text, "Gid").split()[0] == "100006", text
    assert os.readlink(f"/proc/{pid}/ns/user") == os.readlink(f"/proc/{init}/ns/user")


@case("without root", root=False)
def rootless(c):
    running(c)
    run_in(c, "id", "-u").prints("0")
    assert shell_in(c, "exit 7").status == 7
    run_in(c, "nosuch").failed("executable file not found|no such file")


@case("into a time namespace", "RT-config-linux-019")
def time_namespace(c):
    c.namespace("time")
    c.linux["timeOffsets"] = {"boottime": {"secs": 864000, "nanosecs": 0}}
    running(c)
    assert float(run_in(c, "cat", "/proc/uptime").ok().out.split()[0]) > 864000


@case("into a container without a mount namespace")
def no_mount_namespace(c):
    if os.path.basename(c.runtime) in ("runc", "crun"):
        raise Skip("it would mount on the host")
    c.without_namespace("mount")
    c.config["mounts"] = []
    for key in ("maskedPaths", "readonlyPaths"):
        c.linux.pop(key)
    (c.rootfs / "mark").write_text("inside\n")
    running(c)
    run_in(c, "cat", "/mark").prints("inside")


@case("into a created container")
def created(c):
    c.args("sleep", "60")
    c.create().ok()
    run_in(c, "echo", "hello").prints("hello")
    assert c.state()["status"] == "created"
    c.start().ok()


@case("into a stopped container: refused")
def stopped(c):
    c.args("true")
    c.create().ok()
    c.start().ok()
    c.wait("stopped")
    result = run_in(c, "true").failed(NOT_RUNNING)
    assert result.status in (1, 255), str(result)


@case("into a container that does not exist: refused")
def missing(c):
    result = run_in(c, "true").failed("does not exist|no such file")
    assert result.status in (1, 255), str(result)


def freezer(c):
    return cgroup1("freezer") / c.linux["cgroupsPath"].strip("/") / "freezer.state"


@case("into a paused container: refused")
def paused(c):
    c.linux["cgroupsPath"] = f"/{c.id}"
    running(c)
    freezer(c).write_text("FROZEN")
    try:
        run_in(c, "true").failed("paused")
    finally:
        freezer(c).write_text("THAWED")
    run_in(c, "true").ok()


@case("--ignore-paused: the process waits until the container is resumed")
def ignore_paused(c):
    c.linux["cgroupsPath"] = f"/{c.id}"
    init = running(c)
    freezer(c).write_text("FROZEN")
    try:
        process = subprocess.Popen([c.runtime, "--root", str(c.state_root), "exec", "--ignore-paused", c.id, "echo", "hello"],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, cwd=c.bundle)
        await_members(c, init, others=True)
        time.sleep(0.3)
        assert process.poll() is None, f"it ended with {process.returncode}"
        assert c.state()["status"] == "paused"  # nobody is in the way of other commands
    finally:
        freezer(c).write_text("THAWED")
    out, _ = process.communicate(timeout=TIMEOUT)
    assert out == "hello\n" and process.returncode == 0, (out, process.returncode)


@case("an exec into a paused container ends when it is interrupted, and leaves nothing")
def ignore_paused_interrupted(c):
    c.linux["cgroupsPath"] = f"/{c.id}"
    init = running(c)
    freezer(c).write_text("FROZEN")
    try:
        process = subprocess.Popen([c.runtime, "--root", str(c.state_root), "exec", "--ignore-paused", c.id, "sleep", "60"],
                                   stdin=subprocess.DEVNULL, cwd=c.bundle)
        await_members(c, init, others=True)
        assert process.poll() is None, f"it ended with {process.returncode}"
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=TIMEOUT) != 0
    finally:
        freezer(c).write_text("THAWED")
    await_members(c, init, others=False)


# --cgroup

@case("--cgroup: below the container's cgroup")
def cgroup(c):
    c.linux["cgroupsPath"] = f"/{c.id}"
    init = running(c)
    directory = cgroup1("memory") / c.id / "sub"
    directory.mkdir()
    try:
        for flag, place in (("memory:sub", "/sub"), ("memory:/sub", "/sub"), ("memory:/", "")):
            out = run_in(c, "--cgroup", flag, "@", "cat", "/proc/self/cgroup").lines
            assert any(line.endswith(f":memory:/{c.id}{place}") for line in out), (flag, out)
            assert any(line.endswith(f":pids:/{c.id}") for line in out), (flag, out)
        out = run_in(c, "--cgroup", "/", "@", "cat", "/proc/self/cgroup").lines
        assert any(line.endswith(f":memory:/{c.id}") for line in out), out
        assert members(c, init) == {init}
    finally:
        directory.rmdir()


@case("--cgroup: one that is not there is refused")
def cgroup_missing(c):
    running(c)
    run_in(c, "--cgroup", "nosuch", "@", "true").failed("nosuch")


@case("--cgroup that leads out of the container's cgroup is refused (D04)")
def cgroup_escape(c):
    c.linux["cgroupsPath"] = f"/{c.id}"
    running(c)
    beside = cgroup1("memory") / f"{c.id}2"
    beside.mkdir()
    try:
        for flag in (f"memory:../{c.id}2", f"memory:/../{c.id}2", f"memory:x/../../{c.id}2", f"../{c.id}2", f"/../{c.id}2", ".."):
            result = run_in(c, "--cgroup", flag, "@", "true")
            assert result.status != 0, flag
        assert not (beside / "tasks").read_text()
    finally:
        beside.rmdir()


@case("--cgroup: contradictions are refused")
def cgroup_contradiction(c):
    running(c)
    for flags in (["--cgroup", "a", "--cgroup", "b"], ["--cgroup", ":a"], ["--cgroup", "memory:a", "--cgroup", "memory:b"], ["--cgroup", "nosuch:a"]):
        run_in(c, *flags, "@", "true").failed("cgroup")


# options of the process

@case("--cwd; without it the one of the configuration")
def cwd(c):
    c.process["cwd"] = "/etc"
    running(c)
    shell_in(c, "pwd").prints("/etc")
    shell_in(c, "pwd", "--cwd", "/tmp").prints("/tmp")


@case("--cwd that is not there or relative is refused")
def cwd_wrong(c):
    running(c)
    run_in(c, "--cwd", "/nosuch", "@", "true").failed("nosuch")
    run_in(c, "--cwd", "tmp", "@", "true").failed("absolute")


@case("--cwd and the program cannot be the host's by a descriptor (C01, C03)")
def cwd_descriptor(c):
    running(c)
    # a directory of the case's own: there are runtimes that let the container in
    opened = [os.open(c.directory, os.O_RDONLY) for _ in range(8)]
    try:
        for number in range(3, 20):
            for path in (f"/proc/self/fd/{number}", f"/proc/self/fd/{number}/../..", f"/proc/thread-self/fd/{number}/etc"):
                result = run_in(c, "--cwd", path, "@", "/bin/ls", pass_fds=opened)
                # ".." is taken away from the text: what is left may be there, in the container
            assert result.status != 0 or "bundle" not in result.out, f"{path}: {result}"
            result = run_in(c, f"/proc/self/fd/{number}/bundle/rootfs/bin/true", pass_fds=opened)
            assert result.status != 0, f"{number}: {result}"
    finally:
        for number in opened:
            os.close(number)


@case("--env adds and replaces")
def env(c):
    c.process["env"] += ["ONE=1", "TWO=2"]
    running(c)
    out = run_in(c, "-e", "TWO=zwei", "-e", "THREE=a=b", "-e", "TWO=due", "@", "/bin/env").lines
    assert [line for line in out if line.split("=")[0] in ("ONE", "TWO", "THREE")] and "ONE=1" in out and "THREE=a=b" in out, out
    assert [line for line in out if line.startswith("TWO=")] == ["TWO=due"], out


@case("--env without a name or a value is refused")
def env_wrong(c):
    running(c)
    for word in ("NAME", "=x", ""):
        assert run_in(c, "--env", word, "@", "/bin/true").status != 0, word


@case("HOME comes from the container's passwd file")
def home(c):
    running(c)
    shell_in(c, "echo $HOME").prints("/root")
    shell_in(c, "echo $HOME", "--user", "1000:1000").prints("/home")
    shell_in(c, "echo $HOME", "--env", "HOME=/x").prints("/x")


@case("--user by number; the group is 0 unless one is given (C09)")
def user(c):
    running(c)
    for word, uid, gid in (("1", "1", "0"), ("1:5", "1", "5"), ("0", "0", "0"), ("2147483648:7", "2147483648", "7")):
        out = run_in(c, "--user", word, "@", "cat", "/proc/self/status").ok().out
        assert set(status_field(out, "Uid").split()) == {uid} and set(status_field(out, "Gid").split()) == {gid}, (word, out)


@case("--user that is no user is refused, and never root (C09)")
def user_wrong(c):
    running(c)
    for word in ("1:", ":5", "+1", "-1", "4294967295", "4294967296", "18446744073709551616", "1x", "1:1x", "1:4294967296", " 1", "nosuch", "root:nosuch"):
        result = run_in(c, f"--user={word}", "@", "id")
        assert result.status != 0 and "uid=" not in result.out, f"{word!r}: {result}"


@case("--user by name, with the groups of the container's group file")
def user_name(c):
    (c.rootfs / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\nwww:x:33:34::/srv:/bin/sh\n12:x:0:0::/:/bin/sh\n")
    (c.rootfs / "etc/group").write_text("root:x:0:\nweb:x:34:\nlog:x:4:adm,www\nother:x:9:wwww\n")
    running(c)
    script = "echo $(id -u) $(id -g) $(grep Groups /proc/self/status) $HOME"
    shell_in(c, script, "--user", "www").prints("33 34 Groups: 4 /srv")
    shell_in(c, script, "--user", "www:log").prints("33 4 Groups: /srv")
    shell_in(c, script, "--user", "7:log").prints("7 4 Groups: /")
    shell_in(c, script, "--user", "12").prints("12 0 Groups: /")


@case("a passwd file that is none stops nobody (A27)")
def user_files(c):
    running(c)
    passwd = c.rootfs / "etc/passwd"
    passwd.unlink()
    for make in (lambda: os.mkfifo(passwd), lambda: passwd.symlink_to("/proc/kmsg"), lambda: open(passwd, "w").truncate(2 << 30), lambda: passwd.mkdir()):
        make()
        assert status_field(run_in(c, "--user", "1000", "@", "cat", "/proc/self/status").ok().out, "Uid").split()[0] == "1000"
        result = run_in(c, "--user", "www", "@", "id")
        assert result.status not in (0, 124) and "uid=" not in result.out, str(result)
        passwd.rmdir() if passwd.is_dir() else passwd.unlink()


@case("a first process that has changed its root cannot say which number a user's name has")
def user_files_of_another_root(c):
    other = c.rootfs / "other"
    shutil.copytree(c.rootfs / "bin", other / "bin", symlinks=True)
    (other / "etc").mkdir()
    (other / "etc/passwd").write_text("www:x:0:0::/:/bin/sh\n")
    (c.rootfs / "etc/passwd").write_text("www:x:33:33::/:/bin/sh\n")
    c.capabilities("CAP_SYS_CHROOT")
    running(c, "/bin/sh", "-c", "exec chroot /other /bin/sh -c ': > /ready; exec sleep 60'")
    until((other / "ready").exists, "the first process does not change its root")
    result = run_in(c, "--user", "www", "@", "/bin/id")
    assert result.status != 0 and "uid=0" not in result.out and "changed its root" in result.err, str(result)
    shell_in(c, "id -u", "--user", "33").prints("33")


@case("a user by number has no groups of somebody else's")
def number_without_groups(c):
    c.process["user"] = {"uid": 0, "gid": 0, "additionalGids": [4, 27]}
    running(c)
    shell_in(c, "echo $(grep Groups /proc/self/status)", "--user", "1000").prints("Groups:")
    shell_in(c, "echo $(grep Groups /proc/self/status)", "--user", "1000", "-g", "9").prints("Groups: 9")


@case("--additional-gids")
def additional_gids(c):
    running(c)
    out = run_in(c, "-g", "7", "-g", "8", "@", "cat", "/proc/self/status").ok().out
    assert {"7", "8"} <= set(status_field(out, "Groups").split()), out
    run_in(c, "--additional-gids", "x", "@", "true").failed("additional-gids")


@case("capabilities are the container's; none is inheritable (C11)")
def capabilities(c):
    running(c)
    out = run_in(c, "cat", "/proc/self/status").ok().out
    for name in ("CapPrm", "CapEff", "CapBnd"):
        assert int(status_field(out, name), 16) == 1 << 29 | 1 << 5 | 1 << 10, (name, out)
    assert int(status_field(out, "CapInh"), 16) == 0 and int(status_field(out, "CapAmb"), 16) == 0, out


@case("--cap adds one, and makes none inheritable or ambient (C11)")
def cap(c):
    running(c)
    out = run_in(c, "-c", "CAP_CHOWN", "-c", "CAP_SYS_CHROOT", "@", "cat", "/proc/self/status").ok().out
    for name in ("CapPrm", "CapEff", "CapBnd"):
        assert int(status_field(out, name), 16) == 1 << 29 | 1 << 5 | 1 << 10 | 1 << 0 | 1 << 18, (name, out)
    assert int(status_field(out, "CapInh"), 16) == 0 and int(status_field(out, "CapAmb"), 16) == 0, out


@case("--cap is ambient where the container has the capability inheritable")
def cap_ambient(c):
    c.capabilities("CAP_CHOWN", "CAP_KILL", inheritable=["CAP_CHOWN"])
    running(c)
    out = run_in(c, "--cap", "CAP_CHOWN", "--user", "1000:1000", "@", "cat", "/proc/self/status").ok().out
    assert int(status_field(out, "CapInh"), 16) == 1 and int(status_field(out, "CapAmb"), 16) == 1, out


@case("--no-new-privs")
def no_new_privs(c):
    c.process["noNewPrivileges"] = False
    running(c)
    assert status_field(run_in(c, "cat", "/proc/self/status").ok().out, "NoNewPrivs") == "0"
    assert status_field(run_in(c, "--no-new-privs", "@", "cat", "/proc/self/status").ok().out, "NoNewPrivs") == "1"


@case("limits and umask are the container's")
def limits(c):
    c.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200}]
    c.process["user"]["umask"] = 0o27
    running(c)
    out = shell_in(c, "ulimit -n; ulimit -Hn; umask").lines
    assert out == ["100", "200", "0027"], out


@case("the container's seccomp filter is in force")
def seccomp(c):
    c.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}
    running(c)
    out = shell_in(c, "mkdir /x 2>/dev/null || echo refused; cat /proc/self/status").ok().out
    assert out.startswith("refused\n") and status_field(out, "Seccomp") == "2", out


@case("the container's seccomp filter is in force without no_new_privs, for root and for others")
def seccomp_privileged(c):
    c.process["noNewPrivileges"] = False
    c.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}
    running(c)
    for user in ("0:0", "1000:1000"):
        out = run_in(c, "--user", user, "@", "cat", "/proc/self/status").ok().out
        assert status_field(out, "Seccomp") == "2" and status_field(out, "NoNewPrivs") == "0", out


@case("--apparmor and --process-label of what the host does not have are refused")
def labels(c):
    if pathlib.Path("/sys/kernel/security/apparmor").exists() or pathlib.Path("/sys/fs/selinux").exists():
        raise Skip("the host has a security module")
    running(c)
    run_in(c, "--apparmor", "nosuch", "@", "true").failed("apparmor|nosuch")
    run_in(c, "--process-label", "system_u:system_r:container_t:s0", "@", "true").failed("label|selinux")


# descriptors

@case("no descriptor but 0, 1 and 2; with --preserve-fds those that were asked for (C04)")
def descriptors(c):
    running(c)
    source, target = os.pipe()
    os.write(target, b"hello\n"), os.close(target)
    opened = [os.open("/", os.O_RDONLY) for _ in range(4)]
    count = 0
    try:
        out = run_in(c, "ls", "/proc/self/fd", pass_fds=[source, *opened]).ok().out
        assert set(out.split()) <= {"0", "1", "2", "3"}, out  # ls itself opens the directory
        os.dup2(source, 3)
        os.set_inheritable(3, True)
        count = 1
        shell_in(c, "cat <&3; ls /proc/self/fd", "--preserve-fds", "1", pass_fds=[3, *opened]).ok()
        assert run_in(c, "--preserve-fds", "1", "@", "ls", "/proc/self/fd", pass_fds=[3, *opened]).ok().out.split() == ["0", "1", "2", "3", "4"]
    finally:
        for number in {source, *opened, *([3] if count else [])}:
            os.close(number)


@case("--preserve-fds of descriptors that are not open is refused")
def descriptors_missing(c):
    running(c)
    result = run_in(c, "--preserve-fds", "50", "@", "true")
    assert result.status != 0, str(result)


# terminals

class Terminal:
    """A runtime on a terminal of its own."""

    def __init__(self, c, *words, rows=24, columns=80):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        self.process = subprocess.Popen([c.runtime, "--root", str(c.state_root), "exec", *words], stdin=slave, stdout=slave, stderr=slave,
                                        cwd=c.bundle, start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))

    def read(self, wanted):
        text = b""
        os.set_blocking(self.master, False)
        deadline = time.monotonic() + TIMEOUT
        while wanted not in text and time.monotonic() < deadline:
            try:
                text += os.read(self.master, 4096)
            except BlockingIOError:
                time.sleep(0.01)
            except OSError:
                break
        assert wanted in text, text
        return text.decode()

    def end(self):
        status = self.process.wait(timeout=TIMEOUT)
        after = termios.tcgetattr(self.slave)
        os.close(self.slave), os.close(self.master)
        assert after == self.before, "the caller's terminal has other settings than before"
        return status


@case("--tty: a terminal of the container, in the size of the caller's; typing and the status come through")
def tty(c):
    running(c)
    terminal = Terminal(c, "--tty", c.id, "/bin/sh", "-c", "stty size; tty; read line; echo got $line; exit 5", rows=31, columns=93)
    out = terminal.read(b"/dev/pts/")
    assert "31 93" in out, out
    os.write(terminal.master, b"hello\n")
    terminal.read(b"got hello")
    assert terminal.end() == 5


@case("--tty: ^C and a new size reach the program")
def tty_signals(c):
    running(c)
    script = "trap 'echo interrupted' INT; trap 'stty size' WINCH; echo ready; read a; read a; echo end"
    terminal = Terminal(c, "-t", c.id, "/bin/sh", "-c", script)
    terminal.read(b"ready")
    fcntl.ioctl(terminal.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 10, 20, 0, 0))
    terminal.process.send_signal(signal.SIGWINCH)
    terminal.read(b"10 20")
    os.write(terminal.master, b"\x03")
    terminal.read(b"interrupted")
    os.write(terminal.master, b"\n\n\n")
    terminal.end()


@case("--tty: what the program writes at once has the line ends of all the rest")
def tty_lines(c):
    running(c)
    for _ in range(20):
        terminal = Terminal(c, "-t", c.id, "/bin/sh", "-c", "echo first; echo last")
        assert "first\r\nlast" in terminal.read(b"last"), "the terminal and the caller's have both translated a line end"
        terminal.end()


@case("without --tty there is no terminal, whatever the container has")
def no_tty(c):
    running(c)
    stat = run_in(c, "cat", "/proc/self/stat").ok().out
    assert stat.rsplit(")", 1)[1].split()[4] == "0", stat


@case("--console-socket gets the terminal")
def console_socket(c):
    running(c)
    path = c.directory / "console"
    with listener(path) as server:
        run_in(c, "--tty", "--detach", "--console-socket", path, "@", "/bin/sh", "-c", "tty; echo done").ok()
        connection, _ = server.accept()
        connection.settimeout(TIMEOUT)
        with connection:
            _, master = receive_descriptor(connection)
    text = b""
    try:
        while b"done" not in text:
            text += os.read(master, 1024)
    finally:
        os.close(master)
    assert b"/dev/pts/" in text, text


@case("--tty in a container that has forged the multiplexer: refused, at once (A22, A23, CVE-2025-52565)")
def tty_forged(c):
    c.config["mounts"] = [mount for mount in c.config["mounts"] if mount["destination"] != "/dev/pts"]
    c.mount("/p", "devpts", "devpts", ["newinstance", "ptmxmode=0666"])
    running(c)
    run_in(c, "@", "mkdir", "/dev/pts").ok()
    for forge in ("mkfifo /dev/pts/ptmx", "echo x > /dev/pts/ptmx", "mkdir /dev/pts/ptmx", "ln -s /proc/version /dev/pts/ptmx", "ln -s /p/ptmx /dev/pts/ptmx",
                  "ln -s /dev/null /dev/pts/ptmx; ln -s /proc/version /dev/pts/0"):
        run_in(c, "@", "/bin/sh", "-c", "rm -rf /dev/pts/ptmx; " + forge).ok()
        path = c.directory / "console"
        with listener(path) as server:
            run_in(c, "--tty", "--detach", "--console-socket", path, "@", "true").failed("/dev/pts|devpts|terminal")
            connection, _ = server.accept()
            with connection:
                assert not connection.recvmsg(64, 64)[0], "somebody got a terminal"
        path.unlink(missing_ok=True)


@case("a terminal that nobody would receive is refused")
def tty_nobody(c):
    running(c)
    run_in(c, "--tty", "--detach", "@", "true").failed("console|terminal|tty")
    result = run_in(c, "--tty", "--detach", "--console-socket", c.directory / "nosuch", "@", "true")
    assert result.status != 0, str(result)


# detached processes

@case("--detach comes back at once; the process is left to the caller's subreaper, with its status")
def detach(c):
    with subreaper():
        running(c)
        pid = detached(c, script="while [ ! -e /go ]; do sleep 0.05; done; exit 9")
        assert alive(pid)
        (c.rootfs / "go").touch()
        found, status = os.waitpid(pid, 0)
    assert found == pid and os.waitstatus_to_exitcode(status) == 9, status


@case("--pid-file has the pid of the process on the host, also for a relative path")
def pid_file(c):
    running(c)
    shell_in(c, "sleep 60", "--detach", "--pid-file", "relative.pid").ok()
    pid = int((c.bundle / "relative.pid").read_text())
    assert "sleep 60" in pathlib.Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")


@case("a program that cannot be executed leaves no pid file")
def pid_file_failed(c):
    running(c)
    path = c.directory / "exec.pid"
    run_in(c, "--detach", "--pid-file", path, "@", "nosuch").failed("nosuch")
    assert not path.exists()


@case("--pidfd-socket gets a handle of the process")
def pidfd_socket(c):
    running(c)
    path = c.directory / "pidfd"
    with listener(path) as server:
        pid = detached(c, "--pidfd-socket", path)
        connection, _ = server.accept()
        connection.settimeout(TIMEOUT)
        with connection:
            _, handle = receive_descriptor(connection)
    text = pathlib.Path(f"/proc/self/fdinfo/{handle}").read_text()
    os.close(handle)
    assert f"Pid:\t{pid}\n" in text, text


# --process

@case("--process: everything of the file")
def process(c):
    running(c)
    path = process_file(c, cwd="/tmp", env=["PATH=/bin", "X=y"], user={"uid": 7, "gid": 8, "additionalGids": [9]}, noNewPrivileges=False,
                        args=["/bin/sh", "-c", "pwd; echo $X; cat /proc/self/status"],
                        capabilities={key: ["CAP_KILL"] for key in ("bounding", "permitted", "effective")},
                        rlimits=[{"type": "RLIMIT_NOFILE", "soft": 64, "hard": 64}])
    out = run_in(c, "--process", path, "@").ok().out
    assert out.startswith("/tmp\ny\n"), out
    assert status_field(out, "Uid").split()[0] == "7" and status_field(out, "Gid").split()[0] == "8", out
    assert status_field(out, "Groups").split() == ["9"] and status_field(out, "NoNewPrivs") == "0", out
    assert int(status_field(out, "CapBnd"), 16) == 1 << 5, out


@case("--process: what the file leaves open is as in the configuration")
def process_defaults(c):
    running(c)
    out = run_in(c, "-p", process_file(c, args=["cat", "/proc/self/status"]), "@").ok().out
    assert int(status_field(out, "CapBnd"), 16) == 1 << 29 | 1 << 5 | 1 << 10, out


@case("--process: CPU affinity after the cgroup was joined", "RT-config-147", "RT-config-149")
def process_affinity(c):
    running(c)
    path = process_file(c, args=["cat", "/proc/self/status"], execCPUAffinity={"initial": "0", "final": "0"})
    allowed = status_field(run_in(c, "--process", path, "@").ok().out, "Cpus_allowed_list")
    assert allowed == "0", allowed


@case("--process: CPUs that are not there are refused", "RT-config-148")
def process_affinity_wrong(c):
    running(c)
    path = process_file(c, execCPUAffinity={"initial": "4000"})
    run_in(c, "--process", path, "@").failed("affinity|cpu")


@case("--process: without a final affinity the process has what the container has", "RT-config-150")
def process_affinity_kept(c):
    running(c)
    own = status_field(pathlib.Path(f"/proc/{c.state()['pid']}/status").read_text(), "Cpus_allowed_list")
    for affinity in ({}, {"final": ""}):
        path = process_file(c, args=["cat", "/proc/self/status"], execCPUAffinity=affinity)
        assert status_field(run_in(c, "--process", path, "@").ok().out, "Cpus_allowed_list") == own


@case("--process: scheduler, I/O priority and oom_score_adj")
def process_scheduling(c):
    running(c)
    path = process_file(c, args=["/bin/sh", "-c", "cat /proc/self/oom_score_adj; cat /proc/self/stat"], oomScoreAdj=777,
                        scheduler={"policy": "SCHED_BATCH", "nice": 5}, ioPriority={"class": "IOPRIO_CLASS_IDLE", "priority": 0})
    out = run_in(c, "--process", path, "@").lines
    fields = out[1].rsplit(")", 1)[1].split()
    assert out[0] == "777" and fields[16] == "5" and fields[38] == "3", out


@case("--process: files that are missing or wrong are refused with their name")
def process_wrong(c):
    running(c)
    run_in(c, "--process", c.directory / "nosuch.json", "@").failed("nosuch.json")
    path = c.directory / "process.json"
    for text in ("", "{", "[]", '{"cwd": "/", "args": "true"}', '{"args": ["true"]}', '{"cwd": "/"}'):
        path.write_text(text)
        result = run_in(c, "--process", path, "@")
        assert result.status not in (0, 124, 139) and result.err.strip(), f"{text}: {result}"


@case("as orchestrators call it: JSON log, process file, detached, pid file")
def orchestrated(c):
    running(c)
    log, pid_path = c.directory / "log.json", c.directory / "exec.pid"
    words = ["--log", log, "--log-format", "json", "exec", "--process", process_file(c, args=["/bin/sh", "-c", "exit 3"]), "--detach",
             "--pid-file", pid_path, c.id]
    with subreaper():
        c.call(*words).ok()
        _, status = os.waitpid(int(pid_path.read_text()), 0)
    assert os.waitstatus_to_exitcode(status) == 3
    process_file(c, args=["nosuch"])
    assert c.call(*words).status != 0
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    last = [line for line in lines if line["level"] == "error"][-1]
    assert re.search(r"executable file .*not found in \$PATH", last["msg"]) and "nosuch" in last["msg"] and last["time"], last


# errors

@case("a program that is not in $PATH: its name, the text that callers look for, 127 or 255")
def not_found(c):
    running(c)
    result = run_in(c, "nosuch").failed("nosuch", "executable file .*not found")
    assert result.status in (127, 255), str(result)


@case("a path that is not there: \"no such file or directory\"")
def no_such_path(c):
    running(c)
    result = run_in(c, "/nosuch").failed("/nosuch", "no such file or directory")
    assert result.status in (127, 255), str(result)


@case("a file that is not executable: \"permission denied\", 126 or 255")
def not_executable(c):
    running(c)
    result = run_in(c, "/etc/passwd").failed("permission denied")
    assert result.status in (126, 255), str(result)


@case("a script without its interpreter, and a file that is no program")
def not_a_program(c):
    for name, text in (("script", "#!/nosuch\n"), ("junk", "\x01\x02junk\n")):
        (c.rootfs / name).write_text(text)
        (c.rootfs / name).chmod(0o755)
    running(c)
    run_in(c, "/script").failed("no such file")
    run_in(c, "/junk").failed("format")


@case("no command: refused")
def no_command(c):
    running(c)
    run_in(c).failed()
    c.call("exec").failed()


@case("an unknown option is refused")
def unknown_option(c):
    running(c)
    run_in(c, "--nosuch", "@", "true").failed("nosuch")


# many, and attacks

def stress_count():
    return int(os.environ.get("EXEC_STRESS", "200"))


@case("many short execs at once (EXEC_STRESS: how many): none fails, none stays")
def stress(c):
    c.linux["cgroupsPath"] = f"/{c.id}"
    init = running(c)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        results = list(pool.map(lambda number: run_in(c, "/bin/sh", "-c", f"exit {number % 5}"), range(stress_count())))
    wrong = [str(result) for number, result in enumerate(results) if result.status != number % 5]
    assert not wrong, wrong[0]
    assert members(c, init) == {init}, members(c, init)


@case("an exec that is killed at any moment leaves no process that was not started")
def killed(c):
    c.linux["cgroupsPath"] = f"/{c.id}"
    init = running(c)
    for round in range(60):
        process = subprocess.Popen([c.runtime, "--root", str(c.state_root), "exec", c.id, "true"], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=c.bundle)
        time.sleep(round * 0.0002)
        process.kill()
        process.wait()
    await_members(c, init, others=False)
    run_in(c, "true").ok()


@case("delete --force while execs come in: no process and no cgroup is left (F08)")
def deleted(c):
    c.linux["cgroupsPath"] = f"/{c.id}"
    for _ in range(5):
        running(c)
        processes = [subprocess.Popen([c.runtime, "--root", str(c.state_root), "exec", c.id, "sleep", "60"], stdin=subprocess.DEVNULL,
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=c.bundle) for _ in range(8)]
        time.sleep(0.005)
        c.delete("--force").ok()
        for process in processes:
            assert process.wait(timeout=TIMEOUT) != 0
        assert not (cgroup1("pids") / c.id).exists()


@case("no mount event of the host for an exec")
def mount_events(c):
    running(c)
    script = """
import select, subprocess, sys
info = open("/proc/self/mountinfo")
poll = select.poll()
poll.register(info, select.POLLERR | select.POLLPRI)
poll.poll(0)
for _ in range(5):
    subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL, check=True)
assert not [events for _, events in poll.poll(0) if events & (select.POLLERR | select.POLLPRI)], "the table of mounts has changed"
"""
    command = ["unshare", "--mount", "--propagation", "private", sys.executable, "-c", script,
               c.runtime, "--root", str(c.state_root), "exec", c.id, "true"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@case("the container cannot overwrite the runtime through a process that joins it (C06)")
def overwrite(c):
    path = pathlib.Path(shutil.which(c.runtime))
    status, before = path.stat(), hashlib.sha256(path.read_bytes()).hexdigest()
    (c.rootfs / "evil").write_text("#!/proc/self/exe\n")
    (c.rootfs / "evil").chmod(0o755)
    # tries to open for writing whatever binary a process of the container runs, but for busybox
    running(c, "/bin/sh", "-c", "while :; do for p in /proc/[0-9]*; do [ $p = /proc/1 ] || (exec 5<$p/exe && echo x >/proc/self/fd/5) 2>/dev/null; done; done")
    for _ in range(20):
        run_in(c, "/evil", "--version")
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before, "the runtime was overwritten"
    assert path.stat().st_mtime_ns == status.st_mtime_ns


@case("the container cannot look into a process that joins it (C08)")
def peek(c):
    c.environment["CANARY_OF_THE_CALLER"] = "seen"
    running(c, "/bin/sh", "-c", "while :; do grep -l CANARY_OF /proc/[0-9]*/environ >> /found 2>/dev/null; ls -l /proc/[0-9]*/cwd /proc/[0-9]*/fd 2>/dev/null"
                                f" | grep -e {c.directory.name} >> /found; done")
    for _ in range(60):
        run_in(c, "true").ok()
    found = (c.rootfs / "found").read_text() if (c.rootfs / "found").exists() else ""
    assert not [line for line in found.splitlines() if "/proc/1/" not in line and "console" not in line and "/null" not in line], found


@case("--process may be a descriptor of the caller's, which no process of the container gets")
def process_by_descriptor(c):
    c.args("sleep", "60").create().ok()
    c.start().ok()
    with open(process_file(c, args=["sh", "-c", "ls /proc/self/fd | wc -l"]), encoding="utf-8") as file:
        # 0, 1, 2 and that of ls itself
        c.call("exec", "--process", f"/dev/fd/{file.fileno()}", c.id, pass_fds=(file.fileno(),)).prints("4")
