"""Attacks that must fail: hostile root filesystems, procfs tricks, descriptors of the runtime.

A canary outside of every rootfs stays as it was. The cases are run on other runtimes too, and some of those fall for them:
whatever an attack aims at must be the case's own, never a file, a directory or a setting of the host.
"""
import hashlib
import os
import pathlib
import shutil
import subprocess

from support import case


class Canary:
    """A directory outside of the rootfs, and its listing before."""

    def __init__(self, c):
        self.path = c.directory / "canary"
        (self.path / "d").mkdir(parents=True)
        (self.path / "f").write_text("untouched\n")
        (self.path / "ptmx").write_text("untouched\n")
        self.before = self.listing()

    def listing(self):
        return sorted((str(path), path.lstat().st_mode, path.lstat().st_uid,
                       hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() and not path.is_symlink() else "")
                      for path in self.path.rglob("*"))

    def check(self):
        assert self.listing() == self.before, f"the canary changed: {self.before} -> {self.listing()}"


def replace(c, name, target):
    """Puts a link in the place of a directory of the rootfs."""
    path = c.rootfs / name
    if path.is_dir():
        path.rmdir()
    path.symlink_to(target)


def only_proc(c):
    c.config["mounts"] = [mount for mount in c.config["mounts"] if mount["destination"] == "/proc"]


@case("/dev is a link to the host (A01)")
def dev_link(c):
    canary = Canary(c)
    replace(c, "dev", canary.path)
    only_proc(c)
    c.run()
    canary.check()


@case("/dev is a chain of relative links (A02)")
def dev_chain(c):
    canary = Canary(c)
    replace(c, "dev", "x")
    (c.rootfs / "x").symlink_to("../../../../../../.." + str(canary.path))
    c.run()
    canary.check()


@case("/proc and /sys are links, files or fifos: refused, no hang (A03, A04)")
def proc_and_sys(c):
    for name in ("proc", "sys"):
        for make in (lambda p: p.symlink_to("/tmp"), lambda p: p.write_text(""), lambda p: os.mkfifo(p)):
            path = c.rootfs / name
            path.rmdir()
            make(path)
            c.run().failed(name)
            path.unlink()
            path.mkdir()


@case("the parent of a bind's target is an absolute link (A06)")
def bind_through_link(c):
    canary = Canary(c)
    (c.rootfs / "data").symlink_to(canary.path)
    source = c.directory / "source"
    source.write_text("x\n")
    c.mount("/data/new", "bind", source, ["bind"])
    c.run()
    canary.check()


@case(".. in a destination stays inside (A07)")
def dotdot(c):
    canary = Canary(c)
    c.mount("/../../../.." + str(canary.path) + "/x", "tmpfs", "tmpfs")
    c.mount("/a/../../b", "tmpfs", "tmpfs")
    c.mount("//x//./y/", "tmpfs", "tmpfs")
    c.run()
    canary.check()


@case("a loop of links, and a chain of 41 (A10)")
def loops(c):
    (c.rootfs / "a").symlink_to("b")
    (c.rootfs / "b").symlink_to("a")
    c.mount("/a/x", "tmpfs", "tmpfs")
    c.run().failed()


@case("a device below a linked directory (A12)")
def device_link(c):
    canary = Canary(c)
    (c.rootfs / "nodes").symlink_to(canary.path)
    c.linux["devices"] = [{"path": "/nodes/tun", "type": "c", "major": 10, "minor": 200}]
    c.run()
    canary.check()


@case("/dev/null is a link, and stdio is the host's /dev/null (A15)")
def null_link(c):
    canary = Canary(c)
    only_proc(c)
    (c.rootfs / "dev/null").symlink_to(canary.path / "f")
    before = os.stat("/dev/null")
    c.process["user"] = {"uid": 1000, "gid": 1000}
    c.run()
    canary.check()
    after = os.stat("/dev/null")
    assert (before.st_uid, before.st_gid, before.st_mode) == (after.st_uid, after.st_gid, after.st_mode)


@case("a masked file with a forged /dev/null (A17)")
def forged_null(c):
    fake = c.directory / "fake"
    fake.mkdir()
    (fake / "null").symlink_to("/proc/version")
    (c.rootfs / "secret").write_text("x\n")
    c.config["mounts"] = [mount for mount in c.config["mounts"] if not mount["destination"].startswith("/dev")]
    c.mount("/dev", "bind", fake, ["bind"])
    c.linux["maskedPaths"] = ["/secret"]
    result = c.shell("cat /secret").run()
    assert result.status != 0 or result.out == "", f"the mask shows something else: {result}"


@case("masked paths: links, twice, with a slash, missing (A19)")
def masked_oddities(c):
    (c.rootfs / "m").symlink_to("/etc")
    c.linux["maskedPaths"] = ["/m", "/etc/", "/etc", "/nope"]
    c.shell("ls /etc | wc -l").run().prints("0")


@case("devpts is not devpts: refused (A22, A23)")
def forged_ptmx(c):
    fake = c.directory / "fake"
    fake.mkdir()
    os.mkfifo(fake / "ptmx")
    c.config["mounts"] = [mount for mount in c.config["mounts"] if mount["destination"] != "/dev/pts"]
    c.mount("/dev/pts", "bind", fake, ["bind"])
    c.process["terminal"] = True
    from support import listener
    with listener(c.directory / "console"):
        c.create("--console-socket", c.directory / "console").failed()


@case("tmpcopyup copies links as links and does not block on a fifo (A25)")
def copy_up(c):
    canary = Canary(c)
    (c.rootfs / "t").mkdir()
    (c.rootfs / "t/l").symlink_to(canary.path / "f")
    os.mkfifo(c.rootfs / "t/p")
    c.mount("/t", "tmpfs", "tmpfs", ["tmpcopyup"])
    result = c.shell("test -L /t/l && ! cat /t/l 2>/dev/null && echo ok").run()
    assert result.status != 0 or result.out == "ok\n", str(result)
    assert "untouched" not in result.out
    canary.check()


@case("the working directory is made through a link (A26)")
def cwd_link(c):
    canary = Canary(c)
    (c.rootfs / "w").symlink_to("../../../../../../.." + str(canary.path))
    c.process["cwd"] = "/w/new"
    c.run()
    canary.check()


@case("/etc/passwd is a fifo, a link to the kernel's log, or huge: no hang (A27)")
def passwd(c):
    path = c.rootfs / "etc/passwd"
    path.unlink()
    os.mkfifo(path)
    c.args("true").run().ok()
    path.unlink()
    path.symlink_to("/proc/kmsg")
    c.args("true").run().ok()
    path.unlink()
    path.touch()
    os.truncate(path, 2 << 30)
    c.args("true").run().ok()


@case("a volume on /proc, and a file over a file of /proc (B01, B02)")
def over_proc(c):
    c.mount("/proc", "tmpfs", "tmpfs")
    c.run().failed("/proc")
    c.config["mounts"].pop()
    (c.directory / "f").write_text("x\n")
    c.mount("/proc/self/attr/exec", "bind", c.directory / "f", ["bind"])
    c.run().failed("/proc")


@case("names of sysctls that are paths (B05)")
def sysctl_names(c):
    canary = Canary(c)
    unchanged = pathlib.Path("/proc/sys/kernel/pid_max").read_text().strip()
    for name in ("../.." + str(canary.path) + "/f", "net/../kernel/hostname", "net..ipv4", "net.ipv4/../../kernel.pid_max"):
        c.linux["sysctl"] = {name: unchanged}  # a runtime that falls for it changes nothing of the host
        c.run().failed()
    canary.check()


@case("cwd through a descriptor of the runtime (C01, CVE-2024-21626)")
def cwd_descriptor(c):
    for number in range(3, 24):
        for tail in ("", "/../..", "/../../../.."):
            c.process["cwd"] = f"/proc/self/fd/{number}{tail}"
            result = c.shell("ls / | sort | tr '\\n' ' '; pwd; ls -d .").run()
            assert result.status != 0 or " proc " in " " + result.out, str(result)
            assert str(c.directory) not in result.out, str(result)


@case("the program through a descriptor of the runtime (C03)")
def program_descriptor(c):
    for number in range(3, 24):
        for tail in ("", "/bin/sh", "/../../../../bin/sh"):
            c.args(f"/proc/self/fd/{number}{tail}", "-c", "echo out").run().failed()


@case("a standard stream that the caller has closed is no descriptor of the runtime's")
def closed_streams(c):
    for stream in (0, 1, 2):
        c.args("sh", "-c", f"seen=$(readlink /proc/$$/fd/{stream}); echo $seen > /seen")
        c.write()
        command = f'exec "$@" {stream}<&-'
        subprocess.run(["sh", "-c", command, "sh", c.runtime, "--root", str(c.state_root), "run", "--bundle", str(c.bundle), f"{c.id}-{stream}"],
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=20, check=False)
        seen = (c.rootfs / "seen").read_text().strip() if (c.rootfs / "seen").exists() else ""
        assert seen in ("", "/dev/null"), f"descriptor {stream} is {seen}"


@case("descriptors that a careless caller leaks (C04)")
def leaked(c):
    canary = Canary(c)
    handles = [os.open(canary.path, os.O_RDONLY) for _ in range(8)]
    c.args("ls", "/proc/self/fd").write()
    result = c.call("run", "--bundle", c.bundle, c.id, pass_fds=handles).ok()
    for handle in handles:
        os.close(handle)
    assert set(result.out.split()) == {"0", "1", "2", "3"}, result.out


@case("the runtime's binary cannot be written through /proc/PID/exe (C06, CVE-2019-5736)")
def own_binary(c):
    path = c.directory / "runtime"  # a copy: a runtime that falls for it loses no more than that
    shutil.copy2(c.runtime, path)
    c.runtime = str(path)
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    status = path.stat()
    # the interpreter is the runtime itself; whoever holds its file tries to write when it has ended
    (c.rootfs / "evil").write_text("#!/proc/self/exe\n")
    (c.rootfs / "evil").chmod(0o755)
    c.shell("for n in 1 2 3 4 5 6 7 8 9 10; do /evil >/dev/null 2>&1 & p=$!; exec 5</proc/$p/exe 2>/dev/null; wait $p;"
            " echo x 2>/dev/null >/proc/self/fd/5; done; true").run()
    c.args("/proc/self/exe", "--version").run()
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before, "the runtime was overwritten"
    assert path.stat().st_mtime_ns == status.st_mtime_ns


@case("the process has no controlling terminal of the caller (C16)")
def no_terminal(c):
    result = c.args("cat", "/proc/self/stat").run()
    assert result.lines[0].rsplit(")", 1)[1].split()[4] == "0", result.out


@case("hooks do not get the container's environment (C20)")
def hook_environment(c):
    c.process["env"].append("LD_PRELOAD=/x")
    log = c.directory / "log"
    c.config["hooks"] = {phase: [{"path": "/bin/sh", "args": ["sh", "-c", f"env >> {log}"]}] for phase in ("prestart", "createRuntime", "createContainer")}
    c.run().ok()
    assert "LD_PRELOAD" not in log.read_text(), log.read_text()


@case("an id that is a path is refused, and what is there is not touched")
def id_path(c):
    # Only paths of the case's own: there are runtimes that take an absolute id for a directory of the host, and delete it.
    canary = Canary(c)
    (c.state_root / "own").mkdir()
    for name in (str(canary.path), "../canary", "own/../../canary"):
        assert c.call("create", "--bundle", c.bundle, name).status != 0
        c.call("delete", "--force", name)
        canary.check()


@case("capabilities that nobody asked for are not inheritable (C11)")
def inheritable(c):
    from support import status_field
    out = c.args("cat", "/proc/self/status").run().ok().out
    assert int(status_field(out, "CapInh"), 16) == 0 and int(status_field(out, "CapAmb"), 16) == 0
