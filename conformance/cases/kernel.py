"""spec-notes/kernel.md: kernels that lack a system call, and filters that refuse one (threats F18).

Each case denies a call for the runtime and for everything that it starts: probe/deny.c. Where there is a fallback, all goes on as
ever; where there is none, the error names the operation and the errno, and nothing is left.
"""
import fcntl
import os
import pathlib
import resource
import shutil
import struct
import subprocess
import sys

from support import TIMEOUT, alive, case, mount_line


def prepare(c):
    """A container with something of everything."""
    (c.directory / "data").mkdir()
    (c.directory / "data/f").write_text("bound\n")
    (c.rootfs / "link").symlink_to("/etc")
    (c.rootfs / "secret").write_text("x\n")
    (c.rootfs / "fixed").mkdir()
    c.mount("/data", "bind", c.directory / "data", ["bind", "ro", "nosuid"])
    c.mount("/link/below", "tmpfs", "tmpfs", ["size=1m"])
    c.linux["devices"] = [{"path": "/dev/mine", "type": "c", "major": 1, "minor": 5, "fileMode": 0o644}]
    c.linux["maskedPaths"] += ["/secret"]
    c.linux["readonlyPaths"] += ["/fixed"]
    c.linux["sysctl"] = {"net.ipv4.ip_forward": "1"}
    c.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]}
    c.process["user"] = {"uid": 1000, "gid": 1000, "additionalGids": [7]}
    c.process["cwd"] = "/made/here"
    c.config["hooks"] = {"createRuntime": [{"path": "/bin/true"}], "poststart": [{"path": "/bin/true"}]}
    c.shell("pwd; cat /data/f; cat /secret; test -c /dev/mine && test -d /etc/below && stat -c %U:%G /etc/below; cat /proc/sys/net/ipv4/ip_forward; "
            "(echo x > /fixed/f) 2>&1 | grep -o -m 1 -e Read-only -e denied; mkdir /tmp/x 2>&1 | grep -o 'No space'; ls /proc/self/fd | wc -l; id -G")


EXPECTED = ["/made/here", "bound", "root:root", "1", "Read-only", "No space", "4", "1000 7"]


def works(c):
    assert c.run().lines == EXPECTED
    cycle(c)


def cycle(c):
    c.config["hooks"] = {}
    c.args("sleep", "60")
    c.create().ok()
    assert c.state()["status"] == "created"
    c.start().ok()
    pid = c.state()["pid"]
    c.kill("KILL").ok()
    c.wait("stopped")
    c.delete().ok()
    assert not alive(pid)


def denied(name, *calls, title=None):
    """With a fallback."""
    def run(c):
        prepare(c)
        c.deny(*calls)
        works(c)
    run.__name__, run.__module__ = name, __name__
    case(title or "goes on without " + ", ".join(call.replace("=", ": ") for call in calls))(run)


def wanted(name, *calls):
    """Without a fallback that every runtime must have: it works, or says what is missing."""
    def run(c):
        prepare(c)
        c.deny(*calls)
        c.linux["cgroupsPath"] = f"/{c.id}"
        result = c.run()
        if result.status == 0:
            assert result.lines == EXPECTED
            return
        result.failed("ENOSYS|not implemented|EPERM|not permitted")
        if not calls[0].startswith("seccomp="):  # the filter is loaded by start
            c.create().failed("ENOSYS|not implemented|EPERM|not permitted")
        c.delete("--force")
        c.call("state", c.id).failed("does not exist|no such file")
        assert not list(pathlib.Path("/sys/fs/cgroup").glob(f"*/{c.id}")), "a cgroup is left"
    run.__name__, run.__module__ = name, __name__
    case("goes on, or says what is missing, without " + ", ".join(call.replace("=", ": ") for call in calls))(run)


case("nothing is denied")(lambda c: (prepare(c), works(c)))
from support import CASES  # noqa: E402
CASES[-1]["name"] = "nothing"

denied("openat2", "openat2=ENOSYS")
denied("openat2_refused", "openat2=EPERM")
denied("close_range", "close_range=ENOSYS")
denied("close_range_refused", "close_range=EPERM")
denied("keyrings", "add_key=ENOSYS", "keyctl=ENOSYS")
denied("keyrings_refused", "add_key=EPERM", "keyctl=EPERM")
denied("old_files", "openat2=ENOSYS", "close_range=ENOSYS", "add_key=ENOSYS", title="goes on without what came with Linux 5.6 and later for files")
denied("bpf_refused", "bpf=EPERM")
denied("madvise", "madvise=EINVAL")
for _call in ("clone3", "fsopen", "fsconfig", "fsmount", "open_tree", "move_mount", "mount_setattr", "pidfd_open", "pidfd_send_signal", "memfd_create", "seccomp",
              "execveat", "pivot_root"):
    for _errno in ("ENOSYS", "EPERM"):
        wanted(_call + ("" if _errno == "ENOSYS" else "_refused"), f"{_call}={_errno}")


@case("without openat2, links of the rootfs still lead inside")
def openat2_links(c):
    outside = c.directory / "outside"
    outside.mkdir()
    (c.rootfs / "a").symlink_to(outside)
    (c.rootfs / "b").symlink_to("../../../../../../../.." + str(outside))
    (c.rootfs / "c").symlink_to("a/../b")
    c.deny("openat2=ENOSYS")
    for name in ("a", "b", "c"):
        c.config["mounts"] = [mount for mount in c.config["mounts"] if mount["destination"] != "/mnt"]
        c.mount(f"/{name}/deep/er", "tmpfs", "tmpfs")
        c.linux["devices"] = [{"path": f"/{name}/node", "type": "p"}]
        c.args("true").run()
        assert not list(outside.iterdir()), name


@case("without openat2, a loop of links is an error and no hang")
def openat2_loop(c):
    (c.rootfs / "x").symlink_to("y")
    (c.rootfs / "y").symlink_to("x")
    c.mount("/x/z", "tmpfs", "tmpfs")
    c.deny("openat2=ENOSYS")
    c.run().failed("too many|loop|symbolic")


@case("without close_range, nothing of the caller stays open")
def close_range_leak(c):
    handles = [os.open(c.directory, os.O_RDONLY) for _ in range(8)]
    handles.append(fcntl.fcntl(handles[0], fcntl.F_DUPFD, 300))
    c.deny("close_range=ENOSYS")
    c.args("ls", "/proc/self/fd").write()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))  # a limit that was lowered leaves open what is above
    try:
        result = c.call("run", "--bundle", c.bundle, c.id, pass_fds=handles).ok()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for handle in handles:
            os.close(handle)
    assert set(result.out.split()) == {"0", "1", "2", "3"}, result.out


def init_is_no_way_to_the_binary(c):
    c.args("sleep", "60")
    c.create().ok()
    status = os.stat(f"/proc/{c.state()['pid']}/exe")
    own = os.stat(c.runtime)
    assert (status.st_dev, status.st_ino) != (own.st_dev, own.st_ino), "the init executes the runtime's own file"
    c.delete("--force").ok()


@case("the init runs from an overlay of the binary, or a copy")
def sealed(c):
    init_is_no_way_to_the_binary(c)


@case("where no overlay of the binary can be had, the init runs from a sealed copy in memory")
def sealed_copy(c):
    place = c.directory / "a:b"  # a colon separates the layers of an overlay
    place.mkdir()
    shutil.copy2(c.runtime, place / "runtime")
    c.runtime = str(place / "runtime")
    init_is_no_way_to_the_binary(c)


@case("executed by its descriptor, as fexecve(3) does, the program is sealed all the same")
def sealed_by_descriptor(c):
    runtime = shutil.which(c.runtime)
    c.wrapper = [sys.executable, "-c", "import os, sys; os.execve(os.open(sys.argv[1], os.O_RDONLY), [sys.argv[1], *sys.argv[2:]], os.environ)"]
    c.runtime = runtime
    init_is_no_way_to_the_binary(c)


@case("the rights of another user are refused: with a set-user-ID bit everybody would be root of the host", root=True)
def set_user_id(c):
    own = c.directory / "runtime"
    shutil.copy2(c.runtime, own)
    own.chmod(0o4755)
    done = subprocess.run([str(own), "--version"], user=1000, group=1000, extra_groups=[], capture_output=True, text=True, cwd="/")
    assert done.returncode != 0 and "set-user-ID" in done.stderr, (done.returncode, done.stdout, done.stderr)


@case("capabilities of the runtime's file are refused as well", root=True)
def file_capabilities(c):
    own = c.directory / "runtime"
    shutil.copy2(c.runtime, own)
    # cap_chown+ep, version 2 (linux/capability.h)
    os.setxattr(own, "security.capability", struct.pack("<5I", 0x02000001, 1, 0, 0, 0))
    c.directory.chmod(0o755)
    done = subprocess.run([str(own), "--version"], user=1000, group=1000, extra_groups=[], capture_output=True, text=True, cwd="/")
    assert done.returncode != 0 and "capabilities" in done.stderr, (done.returncode, done.stdout, done.stderr)


@case("a read-only overlay whose upper layer can be written is no seal")
def writable_overlay(c):
    lower, upper, work, merged = (c.directory / name for name in ("lower", "upper", "work", "merged"))
    for directory in (lower, upper, work, merged):
        directory.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "none", upper], check=True)
    (upper / "u").mkdir(), (upper / "w").mkdir()
    try:
        options = f"lowerdir={lower},upperdir={upper}/u,workdir={upper}/w,nosuid,nodev"
        subprocess.run(["mount", "-t", "overlay", "-o", options, "none", merged], check=True)
        try:
            shutil.copy2(c.runtime, merged / "runtime")
            subprocess.run(["mount", "-o", "remount,bind,ro,nosuid,nodev", merged], check=True)
            runtime, c.runtime = c.runtime, str(merged / "runtime")
            try:
                init_is_no_way_to_the_binary(c)
            finally:
                c.delete("--force")
                c.runtime = runtime
        finally:
            subprocess.run(["umount", merged], check=True)
    finally:
        subprocess.run(["umount", upper], check=True)


@case("where something else than procfs is on /proc, no container is started")
def no_procfs(c):
    c.args("sleep", "60")
    c.wrapper = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /proc && exec "$@"', "sh"]
    c.create().failed("/proc")
    c.wrapper = []
    assert not any(c.state_root.iterdir()), list(c.state_root.iterdir())


@case("where there is neither, no container is started")
def not_sealed(c):
    place = c.directory / "a:b"
    place.mkdir()
    shutil.copy2(c.runtime, place / "runtime")
    c.runtime = str(place / "runtime")
    c.deny("memfd_create=ENOSYS")
    c.args("sleep", "60")
    if c.create().status == 0:
        c.delete("--force").ok()
        init_is_no_way_to_the_binary(c)


@case("an unprivileged user's container without openat2 and close_range", root=False)
def rootless(c):
    c.deny("openat2=ENOSYS", "close_range=ENOSYS")
    c.shell("id -u; echo x > /new").run().prints("0")


@case("what a container wants of a call that is missing is an error by its name: ioPriority, scheduler")
def scheduling(c):
    c.config["ociVersion"] = "1.1.0"
    for call, name, value in (("ioprio_set", "ioPriority", {"class": "IOPRIO_CLASS_BE", "priority": 4}), ("sched_setattr", "scheduler", {"policy": "SCHED_BATCH"})):
        c.deny(f"{call}=ENOSYS")
        c.process[name] = value
        c.run().failed("ENOSYS|not implemented")
        c.process.pop(name)
        c.args("true").run().ok()
