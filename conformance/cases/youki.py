"""What the tests of youki and the reports of its users want of a runtime, and no other section shows: spec-notes/youki.md."""
import contextlib
import fcntl
import os
import pathlib
import pty
import signal
import stat
import struct
import subprocess
import termios
import threading

from support import TIMEOUT, Skip, case, cgroup1, status_field, until

SECRET = "secret\n"


def running(c):
    c.args("sleep", "60").run("--detach").ok()


def hook(script):
    return {"path": "/bin/sh", "args": ["sh", "-c", script]}


class Terminal:
    """A runtime in the foreground of a terminal of its own; what comes out of it is collected."""

    def __init__(self, c, *words, rows=24, columns=80):
        self.master, self.slave = pty.openpty()
        self.resize(rows, columns)
        self.before, self.out = termios.tcgetattr(self.slave), b""
        self.process = subprocess.Popen([c.runtime, "--root", str(c.state_root), *map(str, words)], stdin=self.slave, stdout=self.slave,
                                        stderr=self.slave, cwd=c.bundle, env=c.environment, start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self.reader = threading.Thread(target=self.collect, daemon=True)
        self.reader.start()

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def collect(self):
        while True:
            try:
                text = os.read(self.master, 65536)
            except OSError:  # the last one who had the terminal has gone
                return
            self.out += text

    def shows(self, text):
        until(lambda: text in self.out, f"the terminal does not show {text}")

    def end(self):
        """The exit status; afterwards the terminal must be as it was."""
        try:
            status = self.process.wait(timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.kill(), self.process.wait()
            status = None
        after = termios.tcgetattr(self.slave)
        os.close(self.slave)
        self.reader.join(5)
        os.close(self.master)
        assert after == self.before, "the terminal has other settings than before"
        return status


# masked and read-only paths

@case("masked paths below masked ones, in either order", "RT-config-linux-193")
def masked_nested(c):
    (c.rootfs / "vault/inner").mkdir(parents=True)
    paths = ["/vault", "/file", "/vault/inner", "/vault/file", "/vault/inner/file"]
    for path in paths:
        if path.endswith("file"):
            (c.rootfs / path[1:]).write_text(SECRET)
    for order in (paths, paths[::-1]):
        c.linux["maskedPaths"] = order
        c.shell("cat /file; ls -A /vault; cat /vault/file /vault/inner/file 2>/dev/null; echo end").run().prints("end")


def make_links(c, text):
    """A link to /file, which holds `text`, one to nothing, and one to itself."""
    (c.rootfs / "file").write_text(text)
    for name, target in (("link", "file"), ("nowhere", "nothing"), ("loop", "../loop")):
        (c.rootfs / name).symlink_to(target)


@case("a masked path that is a link: what it leads to is masked, nothing at its end is passed over, a loop is refused", "RT-config-linux-193")
def masked_links(c):
    make_links(c, SECRET)
    c.linux["maskedPaths"] = ["/link", "/nowhere"]
    c.shell("cat /link /file; echo end").run().prints("end")
    c.linux["maskedPaths"] = ["/loop"]
    c.run().failed("loop|links|ELOOP")


@case("a read-only path that is a link: what it leads to is read-only, nothing at its end is passed over, a loop is refused", "RT-config-linux-195")
def readonly_links(c):
    make_links(c, "fixed\n")
    c.linux["readonlyPaths"] = ["/link", "/nowhere"]
    c.shell("echo x >> /file; cat /file").run().prints("fixed")
    c.linux["readonlyPaths"] = ["/loop"]
    c.run().failed("loop|links|ELOOP")


@case("masked and read-only paths may be fifos and devices", "RT-config-linux-193", "RT-config-linux-195")
def special_files(c):
    names = ["fifo", "character", "block"]
    for name, kind, device in zip(names, (stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK), (0, os.makedev(1, 7), os.makedev(7, 200))):
        os.mknod(c.rootfs / name, 0o666 | kind, device)
    c.linux["maskedPaths"] = ["/" + name for name in names]
    c.shell("cat /fifo /character /block | wc -c").run().prints("0")
    c.linux["maskedPaths"], c.linux["readonlyPaths"] = [], c.linux["maskedPaths"]
    c.shell("grep -c ' /fifo ro\\| /character ro\\| /block ro' /proc/self/mountinfo").run().prints("3")


# exec

@case("a process of exec has the container's personality", "RT-config-linux-198")
def exec_personality(c):
    c.linux["personality"] = {"domain": "LINUX32"}
    running(c)
    out = c.call("exec", c.id, "uname", "-m").ok().out.strip()
    assert out in ("i686", "armv8l", "armv7l"), out


@case("CPU affinity that config.json has for exec is for exec alone", "RT-config-149")
def exec_affinity(c):
    if len(os.sched_getaffinity(0)) < 2:
        raise Skip("one CPU only")
    cpus = sorted(os.sched_getaffinity(0))
    c.process["execCPUAffinity"] = {"initial": str(cpus[0]), "final": str(cpus[1])}
    running(c)
    allowed = status_field(c.call("exec", c.id, "cat", "/proc/self/status").ok().out, "Cpus_allowed_list")
    assert allowed == str(cpus[1]), allowed
    own = os.sched_getaffinity(c.state()["pid"])
    assert own == set(cpus), own


@case("exec mounts nothing")
def exec_mounts(c):
    c.config["root"]["readonly"] = True
    running(c)
    before = pathlib.Path(f"/proc/{c.state()['pid']}/mountinfo").read_text()
    for _ in range(2):
        seen = c.call("exec", c.id, "cat", "/proc/self/mountinfo").ok().out
        assert seen == before, (before, seen)


@case("an exec that cannot find its program leaves the container alone")
def exec_missing(c):
    running(c)
    c.call("exec", c.id, "nosuch").failed()
    assert c.state()["status"] == "running"
    c.call("exec", c.id, "true").ok()


@case("exec on a terminal ends with its program, also when others keep the terminal open")
def exec_background(c):
    running(c)
    terminal = Terminal(c, "exec", "--tty", c.id, "/bin/sh", "-c", "trap '' HUP; sleep 60 & echo done")
    assert terminal.end() == 0 and b"done" in terminal.out, terminal.out


@case("capabilities that the bounding set does not have are not there")
def beyond_bounding(c):
    sets = {"bounding": ["CAP_KILL"], "effective": [], "inheritable": [], "permitted": ["CAP_KILL", "CAP_AUDIT_WRITE", "CAP_NET_BIND_SERVICE"]}
    c.process["capabilities"] = sets
    running(c)
    out = c.call("exec", c.id, "cat", "/proc/self/status").ok().out
    found = [int(status_field(out, name), 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd")]
    assert found == [0, 1 << 5, 1 << 5, 1 << 5], out


# run

@case("run on a terminal: its size and changes of it, all output, the status; the terminal is as before")
def run_on_terminal(c):
    c.process["terminal"] = True
    # some runtimes tell the size when the program runs already
    c.shell("size() { until [ \"$(stty size)\" = \"$1\" ]; do sleep 0.02; done; echo $1; }; size '19 73'; size '31 91'; "
            "awk 'BEGIN { for (i = 0; i < 102400; i++) printf \"x\" }'; echo end; exit 7")
    c.write()
    terminal = Terminal(c, "run", "--bundle", c.bundle, c.id, rows=19, columns=73)
    terminal.shows(b"19 73")
    terminal.resize(31, 91)
    terminal.process.send_signal(signal.SIGWINCH)
    terminal.shows(b"31 91")
    assert terminal.end() == 7
    assert terminal.out.count(b"x") == 102400 and b"end" in terminal.out, terminal.out[-200:]


@case("HOME without a value is that of the passwd file")
def empty_home(c):
    c.process["env"].append("HOME=")
    c.shell("echo $HOME").run().prints("/root")
    running(c)
    c.call("exec", c.id, "/bin/sh", "-c", "echo $HOME").prints("/root")


@case("a group that is there twice does no harm", "RT-config-155")
def groups_twice(c):
    c.process["user"]["additionalGids"] = [33, 34, 34]
    out = c.args("cat", "/proc/self/status").run().ok().out
    assert {"33", "34"} <= set(status_field(out, "Groups").split()), out


@case("a user that is not mapped is refused", root=False)
def unmapped_user(c):
    c.process["user"] = {"uid": 5, "gid": 0}
    c.run().failed("uid|user")


@case("maps of users and of groups may have different sizes", "RT-config-linux-011", "RT-config-linux-012")
def different_maps(c):
    c.namespace("user")
    c.linux["uidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 2000}]
    c.linux["gidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 3000}]
    for path in [c.rootfs, *c.rootfs.rglob("*")]:
        os.chown(path, 100000, 100000, follow_symlinks=False)
    out = c.shell("cat /proc/self/uid_map /proc/self/gid_map").run().ok().out
    assert out.split() == "0 100000 2000 0 100000 3000".split(), out


@case("in a user namespace, the root becomes read-only where its mount has options that nobody there may take away", "RT-config-010")
def readonly_on_locked_mount(c):
    if not any(namespace["type"] == "user" for namespace in c.linux["namespaces"]):
        c.add_user_namespace()
    place = c.directory / "place"
    place.mkdir()
    script = f'mount -t tmpfs -o nosuid,nodev,noatime,mode=755 none {place} && cp -a {c.rootfs} {place}/rootfs && exec "$@"'
    c.wrapper = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"]
    c.config["root"] = {"path": str(place / "rootfs"), "readonly": True}
    c.shell("(: > /new) 2>/dev/null || echo fixed").run().prints("fixed")


@case("a runtime that lacks capabilities which nobody asks for")
def few_capabilities(c):
    c.wrapper = ["setpriv", "--bounding-set", "-syslog,-wake_alarm,-block_suspend,-mac_admin,-mac_override", "--inh-caps", "-all"]
    c.run().ok()


@case("a host name of no letters is none, one that is too long is refused")
def host_names(c):
    c.config["hostname"] = ""
    c.run().ok()
    c.config["hostname"] = "x" * 65
    c.run().failed("hostname")


@case("an annotation without a value")
def empty_annotation(c):
    c.config["annotations"] = {"org.example.unknown": ""}
    c.run().ok()


@case("a NUL character in a mount is refused by the mount's place in the configuration")
def nul_characters(c):
    number = len(c.config["mounts"])
    for member, value in (("destination", "/mnt\0x"), ("source", "a\0b"), ("options", ["size=4k\0"])):
        entry = {"destination": "/mnt", "type": "tmpfs", "source": "tmpfs", "options": []}
        entry[member] = value
        c.config["mounts"][number:] = [entry]
        c.run().failed(rf"mounts\[{number}\]\.{member}")


@case("a device without a mode is everybody's; the default devices may be listed")
def device_modes(c):
    c.linux["devices"] = [{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229}]
    c.linux["devices"] += [{"path": "/dev/" + name, "type": "c", "major": major, "minor": minor, "fileMode": 0o666}
                           for name, major, minor in (("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("tty", 5, 0), ("random", 1, 8), ("urandom", 1, 9))]
    c.shell("stat -c %a /dev/fuse /dev/null; head -c 1 /dev/zero > /dev/null").run().prints("666\n666")


# what contradicts itself, or would change the host

@case("scheduler and ioPriority: what the policy does not have, and numbers that are none, are refused by name")
def contradictions(c):
    for member, value in (("nice", {"policy": "SCHED_OTHER", "nice": 20}), ("nice", {"policy": "SCHED_BATCH", "nice": -21}),
                          ("priority", {"policy": "SCHED_OTHER", "priority": 1}), ("runtime", {"policy": "SCHED_FIFO", "priority": 1, "runtime": 1000000}),
                          ("deadline", {"policy": "SCHED_OTHER", "deadline": 1000000})):
        c.process["scheduler"] = value
        c.run().failed(f"scheduler.{member}")
    del c.process["scheduler"]
    for number in (8, -1):
        c.process["ioPriority"] = {"class": "IOPRIO_CLASS_BE", "priority": number}
        c.run().failed("ioPriority")


@case("sysctls of a user namespace, and the domain name: set where the namespace is the container's, else refused", "RT-config-linux-157")
def namespaced_sysctls(c):
    c.linux["sysctl"] = {"kernel.domainname": "of.a.test"}
    c.args("cat", "/proc/sys/kernel/domainname").run().prints("of.a.test")
    has_user = any(namespace["type"] == "user" for namespace in c.linux["namespaces"])
    c.linux["sysctl"] = {"user.max_net_namespaces": "5"}
    if not has_user:
        c.run().failed("user.max_net_namespaces")
        c.add_user_namespace()
    c.args("cat", "/proc/sys/user/max_net_namespaces").run().prints("5")


@case("a namespace with an empty path is a new one")
def empty_path(c):
    c.without_namespace("network")
    c.linux["namespaces"].append({"type": "network", "path": ""})
    own = os.readlink("/proc/self/ns/net")
    assert c.args("readlink", "/proc/self/ns/net").run().ok().out.strip() != own


@case("a user keeps his number in the middle of the maps, as engines arrange it", "RT-config-linux-011", "RT-config-linux-012")
def keep_id(c):
    c.namespace("user")
    maps = [(0, 100001, 1000), (1000, 100000, 1), (1001, 101001, 64536)]
    c.linux["uidMappings"] = c.linux["gidMappings"] = [dict(zip(("containerID", "hostID", "size"), entry)) for entry in maps]
    for path in [c.rootfs, *c.rootfs.rglob("*")]:
        os.chown(path, 100001, 100001, follow_symlinks=False)
    out = c.shell("cat /proc/self/uid_map /proc/self/gid_map").run().ok().out
    assert list(map(int, out.split())) == [number for entry in maps + maps for number in entry], out


@case("idmapped mounts: shared, of a link, with large ids", "RT-config-093", "RT-config-097")
def idmapped(c):
    source = c.directory / "source"
    source.mkdir()
    (source / "file").write_text("x\n")
    os.chown(source / "file", 5000528, 6000491)
    (c.directory / "link").symlink_to(source)
    for name, path, options in (("plain", source, ["bind", "shared"]), ("by-link", c.directory / "link", ["bind"])):
        c.mount("/" + name, "bind", path, options)
        c.config["mounts"][-1] |= {"uidMappings": [{"containerID": 5000000, "hostID": 3000, "size": 1000}],
                                   "gidMappings": [{"containerID": 6000000, "hostID": 3000, "size": 500}]}
    out = c.shell("stat -c '%u %g' /plain/file /by-link/file; grep -c ' /plain .*shared' /proc/self/mountinfo").run().ok().out
    assert out.split() == ["3528", "3491"] * 2 + ["1"], out


@case("seccomp: of several comparisons of one argument one is enough, those of different arguments must all hold", "RT-config-linux-180")
def seccomp_comparisons(c):
    def refused(*comparisons):
        c.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["kill"], "action": "SCMP_ACT_ERRNO", "args": [
            {"index": index, "value": value, "op": "SCMP_CMP_EQ"} for index, value in comparisons]}]}
        return c.shell("trap : USR1 USR2; for s in 0 10 12; do kill -$s $$ 2>/dev/null || echo $s; done").run().ok().out.split()
    assert refused((1, 10), (1, 12)) == ["10", "12"]
    assert refused((0, 1), (1, 10)) == ["10"]
    assert refused((0, 999), (1, 10)) == []


# the lifecycle

@case("hooks after one that fails do not run: prestart, createRuntime, createContainer, poststart", "RT-runtime-021", "RT-runtime-023", "RT-runtime-028")
def later_hooks(c):
    for kind in ("prestart", "createRuntime", "createContainer", "poststart"):
        log = c.directory / kind
        c.config["hooks"] = {kind: [hook(f"echo {number} >> {log}; exit {int(number == 2)}") for number in (1, 2, 3)]}
        c.shell("echo > /ran")
        if kind == "poststart":
            c.create().ok()
            assert c.start().failed("hook").status == 1
            c.delete("--force").ok()
        else:
            c.create().failed("hook")
            assert not (c.rootfs / "ran").exists()
        assert log.read_text().split() == ["1", "2"], (kind, log.read_text())


@case("an id of no letters is refused by every command, and nothing happens", "RT-runtime-040")
def empty_id(c):
    running(c)
    for words in (("create", "--bundle", c.bundle, ""), ("run", "--bundle", c.bundle, ""), ("start", ""), ("state", ""), ("kill", "", "KILL"), ("delete", "")):
        c.call(*words).failed()
    c.call("delete", "--force", "")
    assert c.state()["status"] == "running"


@case("a pid file that is there already is replaced")
def old_pid_file(c):
    path = c.directory / "pid"
    path.write_text("1234567890 and more\n")
    c.args("sleep", "60").create("--pid-file", path).ok()
    assert int(path.read_text()) == c.state()["pid"]


@case("a state root that is made is its owner's")
def new_state_root(c):
    root = c.state_root = c.state_root / "made"
    c.create().ok()
    assert stat.S_IMODE(root.stat().st_mode) & 0o066 == 0, oct(root.stat().st_mode)


# cgroups

@case("a cgroup that is there keeps the limits of which nothing is said")
def kept_limits(c):
    name = f"{c.id}-kept"
    group = cgroup1("cpu") / name / "inner"
    group.mkdir(parents=True)
    try:
        for file in ("cpu.cfs_period_us", "cpu.cfs_quota_us"):
            (group / file).write_text("250000")
        c.linux["cgroupsPath"], c.linux["resources"]["cpu"] = f"/{name}/inner", {}
        c.create().ok()
        found = [(group / file).read_text().strip() for file in ("cpu.cfs_period_us", "cpu.cfs_quota_us")]
        assert found == ["250000", "250000"], found
        c.delete("--force").ok()
    finally:
        for hierarchy in pathlib.Path("/sys/fs/cgroup").iterdir():
            for path in (hierarchy / name / "inner", hierarchy / name):
                with contextlib.suppress(OSError):
                    path.rmdir()


@case("a CPU quota below 0 is none, and 0 of quota and shares asks for nothing", "RT-config-linux-079", "RT-config-linux-080")
def cpu_nothing(c):
    group = cgroup1("cpu") / c.id
    c.linux["cgroupsPath"] = f"/{c.id}"
    for values in ({"quota": -9999}, {"quota": 0, "shares": 0}):
        c.linux["resources"]["cpu"] = values
        c.create().ok()
        found = [(group / file).read_text().strip() for file in ("cpu.cfs_quota_us", "cpu.shares")]
        assert found == ["-1", "1024"], (values, found)
        c.delete("--force").ok()


@case("unified has the last word about a file that another limit writes", "RT-config-linux-117")
def unified_last(c):
    mount = pathlib.Path("/sys/fs/cgroup/unified")
    if not mount.is_dir():
        mount = pathlib.Path("/sys/fs/cgroup")
    controllers = mount / "cgroup.controllers"
    if not controllers.exists() or "hugetlb" not in controllers.read_text().split():
        raise Skip("the version 2 tree does not have the controller hugetlb")
    c.linux["cgroupsPath"] = f"/{c.id}"
    c.linux["resources"]["hugepageLimits"] = [{"pageSize": "2MB", "limit": 2 << 20}]
    c.linux["resources"]["unified"] = {"hugetlb.2MB.max": str(8 << 20)}
    c.create().ok()
    assert (mount / c.id / "hugetlb.2MB.max").read_text().strip() == str(8 << 20)


@case("huge pages of a size that is none are refused")
def wrong_page_size(c):
    c.linux["resources"]["hugepageLimits"] = [{"pageSize": "3MB", "limit": 300 << 20}]
    c.create().failed("hugetlb|hugepage|page ?size|3MB")
