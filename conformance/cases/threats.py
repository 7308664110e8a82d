"""Attacks that must fail: hostile root filesystems, procfs tricks, descriptors of the runtime.

A canary outside of every rootfs stays as it was. The cases are run on other runtimes too, and some of those fall for them:
whatever an attack aims at must be the case's own, never a file, a directory or a setting of the host.
"""
import contextlib
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

from support import TIMEOUT, Skip, case, until

# How often a race is run: `make threats` sets thousands.
ROUNDS = int(os.environ.get("ROUNDS") or 20)
# Exchanges DIRECTORY/real and DIRECTORY/link as fast as the kernel can: renameat2(2) with RENAME_EXCHANGE.
EXCHANGE = """
import ctypes, os, sys
libc = ctypes.CDLL(None)
a, b = (os.path.join(sys.argv[1], name).encode() for name in ("real", "link"))
libc.renameat2(-100, a, -100, b, 2)
print(flush=True)
while True:
    libc.renameat2(-100, a, -100, b, 2)
"""


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
        if not any(mount["destination"] == "/" + name for mount in c.config["mounts"]):
            continue  # without root there is no /sys
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
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=TIMEOUT, check=False)
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
    log.touch()
    log.chmod(0o666)
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


@contextlib.contextmanager
def exchanging(directory, real="real"):
    """`real` and `link` in it change places all the time: renames by hand, since a shell would do it a thousand times slower."""
    exchanger = subprocess.Popen([sys.executable, "-c", EXCHANGE.replace('"real"', repr(real)), str(directory)], stdout=subprocess.PIPE)
    try:
        exchanger.stdout.readline()  # it has begun
        yield
    finally:
        exchanger.kill()
        exchanger.communicate()


@case("a link that another container exchanges all the time on a shared volume, as a mount's target (A08, CVE-2021-30465, CVE-2024-45310)")
def exchanged_link(c):
    canary = Canary(c)
    volume = c.directory / "volume"
    (volume / "real/t").mkdir(parents=True)
    volume.chmod(0o777)
    (volume / "real").chmod(0o777)
    (volume / "link").symlink_to("/../../../../../.." + str(canary.path / "d"))
    with exchanging(volume):
        c.mount("/v", "bind", volume, ["rbind"])
        c.mount("/v/link/t", "tmpfs", "tmpfs")
        c.args("true").write()
        for _ in range(ROUNDS):
            result = c.call("run", "--bundle", c.bundle, c.id)
            assert result.status in (0, 1), str(result)
            assert not any("canary" in line for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()), "a mount went to the host's tree"
    canary.check()


@case("a file of a shared volume that is exchanged for a link, as a bind mount's target (A08)")
def exchanged_file(c):
    canary = Canary(c)
    volume = c.directory / "volume"
    volume.mkdir()
    volume.chmod(0o777)
    (volume / "real").write_text("")
    (volume / "link").symlink_to("/../../../../../.." + str(canary.path / "new"))
    source = c.directory / "source"
    source.write_text("x\n")
    with exchanging(volume):
        c.mount("/v", "bind", volume, ["rbind"])
        c.mount("/v/link", "bind", source, ["bind"])
        c.args("true").write()
        for _ in range(ROUNDS):
            assert c.call("run", "--bundle", c.bundle, c.id).status in (0, 1)
    canary.check()


@case("the rootfs' own directories are exchanged for links while the container is made (A01, A03, A08)")
def exchanged_rootfs(c):
    canary = Canary(c)
    (c.rootfs / "real").mkdir()
    (c.rootfs / "link").symlink_to("/../../../../../.." + str(canary.path))
    with exchanging(c.rootfs):
        c.linux["devices"] = [{"path": "/link/null", "type": "c", "major": 1, "minor": 3}]
        c.linux["maskedPaths"].append("/link/f")
        c.linux["readonlyPaths"].append("/link/d")
        c.process["cwd"] = "/link/new"
        c.args("true").write()
        for _ in range(ROUNDS):
            assert c.call("run", "--bundle", c.bundle, c.id).status in (0, 1)
    canary.check()


@case("a mount on the rootfs itself: what follows goes to the new root (A11)")
def mount_on_root(c):
    c.config["mounts"].insert(0, {"destination": "/", "type": "tmpfs", "source": "tmpfs"})
    before = sorted(os.listdir(c.rootfs))
    c.run()
    assert sorted(os.listdir(c.rootfs)) == before, "steps after the mount went to the old root"


@case("/dev/console is a link, nothing is mounted on /dev, and there is a terminal (A16, CVE-2026-88264)")
def console_link(c):
    from support import listener
    canary = Canary(c)
    only_proc(c)
    (c.rootfs / "dev/console").symlink_to(canary.path / "new")
    c.process["terminal"] = True
    for readonly in (False, True):
        c.config["root"]["readonly"] = readonly
        path = c.directory / f"console-{readonly}"
        with listener(path):
            c.create("--console-socket", path)
        c.delete("--force")
        canary.check()


@case("three hundred masked directories: one file system, nothing to read, nothing to write (A20)")
def many_masks(c):
    for number in range(300):
        (c.rootfs / f"masks/{number}").mkdir(parents=True)
        (c.rootfs / f"masks/{number}/secret").write_text("x\n")
    c.linux["maskedPaths"] = [f"/masks/{number}" for number in range(300)]
    result = c.shell("cat /masks/*/secret 2>/dev/null | wc -l; touch /masks/7/x 2>/dev/null && echo written; "
                     "grep ' /masks/' /proc/self/mountinfo | cut -d' ' -f3 | sort -u | wc -l").run()
    assert result.lines == ["0", "1"], str(result)


@case("a mount over /proc of the runtime's own namespaces: what is no procfs is refused (B08)")
def forged_proc(c):
    if os.geteuid() or c.uid:
        raise Skip("it takes root to forge /proc")
    c.args("true").write()
    forged = c.directory / "forged"
    (forged / "self/fd").mkdir(parents=True)
    (forged / "self/exe").write_text("")
    script = f'mount --bind {forged} /proc && exec "$@"'
    c.wrapper = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", *c.wrapper]
    c.call("run", "--bundle", c.bundle, c.id).failed("proc")
    c.wrapper = []
    assert sorted(os.listdir(forged / "self")) == ["exe", "fd"] and not (forged / "self/exe").read_text()


@case("a set-user-id program with noNewPrivileges and without, with a seccomp filter and without (C15)")
def set_user_id(c):
    if c.uid:
        raise Skip("a user without root has one id to be")
    shutil.copy(c.program("probe"), c.rootfs / "own")
    owner = (c.rootfs / "bin/busybox").stat()
    os.chown(c.rootfs / "own", owner.st_uid, owner.st_gid)
    (c.rootfs / "own").chmod(0o4755)
    c.process["user"] = {"uid": 1000, "gid": 1000}
    for seccomp in (None, {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["swapon"], "action": "SCMP_ACT_ERRNO"}]}):
        c.linux.pop("seccomp", None)
        if seccomp:
            c.linux["seccomp"] = seccomp
        for value, expected in ((True, 1000), (False, 0), (None, 0)):
            c.process.pop("noNewPrivileges", None)
            if value is not None:
                c.process["noNewPrivileges"] = value
            seen = json.loads(c.args("/own").run().ok().out)
            assert seen["uids"][1] == expected, (value, seccomp, seen["uids"])
            assert seen["seccomp"] == 2 or not seccomp, "the filter is not in force"


@case("the host's /dev/null keeps its owner, however often it is a standard stream (C18)")
def null_owner(c):
    before = os.stat("/dev/null")
    c.process["user"] = {"uid": 1000, "gid": 1000}
    c.args("true").write()
    for _ in range(10):
        c.call("run", "--bundle", c.bundle, c.id)
    after = os.stat("/dev/null")
    assert (before.st_uid, before.st_gid, before.st_mode) == (after.st_uid, after.st_gid, after.st_mode)


@case("ids that are no names (D06)")
def odd_ids(c):
    c.write()
    for name in ("..", ".", "a/b", "", "x" * 1025, "a\nb", "ü"):
        c.call("create", "--bundle", c.bundle, "--", name).failed()
    assert not [entry for entry in os.listdir(c.state_root) if not entry.startswith("@")], os.listdir(c.state_root)


@case("cgroup paths that lead elsewhere (D03)")
def cgroup_paths(c):
    for path in ("../../x", f"/../{c.id}-out", f"/{c.id}/../../x", "x\x00y", "x" * 5000):
        c.linux["cgroupsPath"] = path
        assert c.run().status in (0, 1)
    outside = [str(entry) for entry in pathlib.Path("/sys/fs").glob(f"*{c.id}-out*")]
    assert not outside, outside


@case("the init is killed while it waits for start (F03)")
def killed_init(c):
    c.args("true").create().ok()
    os.kill(c.state()["pid"], 9)
    c.wait("stopped")
    c.start().failed("stopped")
    c.call("exec", c.id, "true").failed("not running")
    c.delete().ok()


@case("a state root that is read-only, full, a link, or open to others (F06)")
def bad_state_roots(c):
    if c.uid:
        raise Skip("it takes root to mount them")
    canary = Canary(c)
    root = c.state_root
    for make in ("ro", "size=4k,nr_inodes=4", "mode=777"):
        c.wrapper = ["unshare", "--mount", "--propagation", "private", "sh", "-c",
                     f'mount -t tmpfs -o mode=700,{make} none {root} && {{ test {make[:4]} != size || head -c 100k /dev/zero > {root}/f 2>/dev/null; }}; exec "$@"', "sh"]
        c.run().failed("state")
    c.wrapper = []
    root.rmdir()
    root.symlink_to(canary.path)
    c.run().failed("state root")
    root.unlink()
    root.mkdir(mode=0o700)
    canary.check()


def removed(directory):
    with contextlib.suppress(OSError):
        directory.rmdir()
    return not directory.exists()


@case("a state that is truncated, garbled, a fifo, a directory or a link: list shows the others, delete --force removes it (F07)")
def bad_states(c):
    other = c.id + "-other"
    c.shell("sleep 60").write()
    c.call("run", "--detach", "--bundle", c.bundle, other).ok()
    fifo = os.mkfifo
    for spoil in (lambda p: p.write_bytes(p.read_bytes()[:40]), lambda p: p.write_text("{}"), lambda p: p.write_bytes(b"\x00" * 100),
                  lambda p: (p.unlink(), fifo(p)), lambda p: (p.unlink(), p.mkdir()), lambda p: (p.unlink(), p.symlink_to("/etc/passwd")),
                  lambda p: p.write_text(p.read_text().replace('"version":', '"version":9'))):
        c.args("true").create().ok()
        pid = c.state()["pid"]
        spoil(c.state_root / c.id / "state.json")
        listed = c.call("list", "--quiet").ok()
        assert other in listed.out, str(listed)
        c.call("state", c.id)
        c.delete("--force").ok()
        assert not (c.state_root / c.id).exists()
        try:  # its state was the only thing that told of the process
            os.kill(pid, 9)
        except ProcessLookupError:
            pass
        for group in pathlib.Path("/sys/fs/cgroup").glob(f"*/{c.id}"):
            until(lambda: removed(group), f"{group} is not empty")
    c.call("delete", "--force", other).ok()


@case("configurations that are no configuration: deep, huge, doubled, of wrong types, with numbers that are none (F24)")
def odd_configs(c):
    c.write()
    good = json.dumps(c.config)
    texts = ["[" * 100_000, '{"a":' * 100_000, good.replace('"box"', '"' + "x" * (20 << 20) + '"'), good[:-1] + ',"ociVersion":"1.0.2","ociVersion":7}',
             good.replace('"uid": 0', '"uid": 18446744073709551616'), good.replace('"uid": 0', '"uid": 1e3'), good.replace('"uid": 0', '"uid": -0.0'),
             good.replace("box", "\\ud800"), good + "x", good + " {}", "\ufeff" + good]
    for text in texts:
        (c.bundle / "config.json").write_text(text)
        result = c.call("create", "--bundle", c.bundle, c.id)
        assert result.status in (0, 1), result.err[:500]
        c.delete("--force").ok()
    (c.bundle / "config.json").write_bytes(good.replace("box", "b\x80x").encode("latin-1"))
    assert c.call("create", "--bundle", c.bundle, c.id).status in (0, 1)


@case("every property with a value of every wrong type: refused with its path, or taken where it is right (F24)")
def wrong_types(c):
    def paths(value, path=()):
        yield path
        if isinstance(value, dict):
            for key in value:
                yield from paths(value[key], (*path, key))
        elif isinstance(value, list) and value:
            yield from paths(value[0], (*path, 0))

    c.write()
    for path in list(paths(c.config))[1:]:
        for wrong in (None, True, -1, "x", [], {}, 1.5):
            config = json.loads(json.dumps(c.config))
            place = config
            for key in path[:-1]:
                place = place[key]
            place[path[-1]] = wrong
            (c.bundle / "config.json").write_text(json.dumps(config))
            result = c.call("plan", c.bundle)
            assert result.status in (0, 1), f"{path} {wrong}: {result}"
            if result.status:
                assert len(result.err.strip().splitlines()) == 1, f"{path} {wrong}: {result}"
    c.write()


@case("a console socket that is missing, a file, or never accepts; and a very long path (F14)")
def console_sockets(c):
    import socket
    c.process["terminal"] = True
    c.args("true").create("--console-socket", c.directory / "none").failed("console")
    (c.directory / "file").write_text("")
    c.create("--console-socket", c.directory / "file").failed("console")
    deep = c.directory / ("d" * 120) / ("e" * 80)
    deep.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        handle = os.open(deep, os.O_PATH)
        server.bind(f"/proc/self/fd/{handle}/s")
        os.close(handle)
        server.listen(1)
        if c.uid:
            for path in (deep, deep.parent, deep / "s"):
                os.chown(path, c.uid, c.uid)
        began = time.monotonic()
        made = c.create("--console-socket", deep / "s")  # nobody accepts: the kernel keeps what is sent
        assert time.monotonic() - began < TIMEOUT / 2
        assert made.status == 0 or "cale" not in c.runtime, str(made)
    c.delete("--force").ok()


@case("a container with a user namespace of its own cannot clear what mounts have on the host, nor look below them", root=True)
def locked_sources(c):
    if c.uid:
        raise Skip("only root has mounts to offer")
    if not any(namespace["type"] == "user" for namespace in c.linux["namespaces"]):
        c.add_user_namespace()
    source = c.directory / "source"
    source.mkdir()
    os.chmod(c.directory, 0o755)
    script = (f"mount -t tmpfs outer {source} && mkdir {source}/hidden && echo secret > {source}/hidden/file && chmod 777 {source} && "
              f"mount -t tmpfs inner {source}/hidden && mount -o remount,bind,ro,nosuid,nodev,noexec {source} && " + 'exec "$@"')
    c.wrapper = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"]
    c.mount("/mnt", "bind", source, ["rbind"])
    c.mount("/changed", "bind", source, ["rbind", "nodev"])
    c.capabilities("CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE")
    c.shell("for m in /mnt /changed; do for o in rw suid dev exec; do mount -o remount,bind,$o $m && echo cleared $o of $m; done; "
            "umount $m/hidden && cat $m/hidden/file; touch $m/written && echo written; done; "
            "mount --bind /mnt /tmp && cat /tmp/hidden/file; true").run().prints("")


@case("the directory of /proc is exchanged by another container of the same rootfs: masks and read-only paths stay with procfs (A03, A08)")
def exchanged_proc(c):
    (c.rootfs / "link").mkdir()
    c.linux["maskedPaths"] = ["/proc/keys"]
    c.linux["readonlyPaths"] = ["/proc/sys"]
    # wherever procfs is by now
    c.shell("for p in /proc /link; do test -d $p/self && echo $(grep -cE ' /(proc|link)/(keys|sys) ' $p/self/mountinfo); done; true").write()
    with exchanging(c.rootfs, "proc"):
        for _ in range(max(ROUNDS, 100)):
            result = c.call("run", "--bundle", c.bundle, c.id)
            assert not {"0", "1"} & set(result.lines), f"procfs has lost its masks: {result}"


@case("a link of the image leads a mount into /proc: refused (B01, B02, CVE-2019-16884, CVE-2025-52881)")
def over_proc_by_link(c):
    (c.rootfs / "by").symlink_to("/proc")
    (c.rootfs / "up").symlink_to("../../proc/self")
    (c.directory / "f").write_text("x\n")
    for place, kind, options in (("/by", "tmpfs", []), ("/by/sys", "tmpfs", []), ("/by/self/attr/exec", "bind", ["bind"]), ("/up/attr/current", "bind", ["bind"])):
        c.mount(place, kind, c.directory / "f" if kind == "bind" else "tmpfs", options)
        c.run().failed(place)
        c.config["mounts"].pop()
    # another procfs than the container's is a directory like any other
    c.mount("/host/proc", "bind", "/proc", ["rbind"])
    c.mount("/host/proc", "tmpfs", "tmpfs")
    c.args("stat", "-f", "-c", "%T", "/host/proc").run().prints("tmpfs")
