"""config-linux.md, "Namespaces", and what belongs to one of them."""
import os
import pathlib
import socket

from support import NAMESPACES, case, holder


def inside(c, kind):
    return c.args("readlink", f"/proc/self/ns/{NAMESPACES[kind]}").run().ok().out.strip()


def outside(kind):
    return os.readlink(f"/proc/self/ns/{NAMESPACES[kind]}")


def make_new(kind):
    @case(f"a new {kind} namespace", "RT-config-linux-008")
    def new(c):
        c.namespace(kind)
        assert inside(c, kind) != outside(kind)
    return new


for _kind in ("pid", "network", "ipc", "uts", "mount", "cgroup", "time"):
    _function = make_new(_kind)
    _function.__name__ = f"new_{_kind}"
from support import CASES  # noqa: E402
for _case, _kind in zip([entry for entry in CASES if entry["function"].__name__.startswith("new_")], ("pid", "network", "ipc", "uts", "mount", "cgroup", "time")):
    _case["name"] = f"new-{_kind}"


@case("without a namespace in the list it is the runtime's", "RT-config-linux-009")
def inherited(c):
    for kind in ("ipc", "network", "uts", "pid", "cgroup", "time", "user"):
        c.without_namespace(kind)
    c.config.pop("hostname")
    c.config["mounts"] = [mount for mount in c.config["mounts"] if mount["type"] != "mqueue"]
    c.linux["maskedPaths"] = c.linux["readonlyPaths"] = []
    found = c.probe()["namespaces"]
    for kind in ("ipc", "network", "uts", "pid", "cgroup", "time", "user"):
        assert found[NAMESPACES[kind]] == outside(kind), kind
    assert found["mnt"] != outside("mount")


@case("a network namespace joined by path", "RT-config-linux-004", "RT-config-linux-006")
def join_network(c):
    with holder("--net") as pid:
        path = f"/proc/{pid}/ns/net"
        c.namespace("network", path)
        assert inside(c, "network") == os.readlink(path)


@case("ipc and uts namespaces joined by path; the hostname there is changed")
def join_ipc_uts(c):
    with holder("--ipc", "--uts") as pid:
        c.namespace("ipc", f"/proc/{pid}/ns/ipc")
        c.namespace("uts", f"/proc/{pid}/ns/uts")
        out = c.shell("readlink /proc/self/ns/ipc; readlink /proc/self/ns/uts; hostname").run().ok().out.split()
        assert out[0] == os.readlink(f"/proc/{pid}/ns/ipc") and out[1] == os.readlink(f"/proc/{pid}/ns/uts"), out


@case("a pid namespace joined by path")
def join_pid(c):
    with holder("--pid", "--fork", "--kill-child") as pid:
        child = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        path = f"/proc/{pid}/ns/pid_for_children"
        c.namespace("pid", path)
        assert inside(c, "pid") == os.readlink(path), child


@case("a path that is no namespace is refused", "RT-config-linux-007")
def wrong_path(c):
    c.namespace("network", "/etc/passwd")
    c.run().failed()


@case("a path of another kind of namespace is refused", "RT-config-linux-007")
def wrong_kind(c):
    c.namespace("network", "/proc/self/ns/uts")
    c.run().failed()


@case("a namespace that is there twice is refused", "RT-config-linux-010")
def twice(c):
    c.linux["namespaces"].append({"type": "uts"})
    c.run().failed()


@case("the hostname", "RT-config-157")
def hostname(c):
    c.config["hostname"] = "a-name"
    c.args("hostname").run().prints("a-name")


@case("a hostname without a uts namespace is refused and the host keeps its own")
def hostname_of_host(c):
    c.without_namespace("uts")
    c.config["hostname"] = socket.gethostname()  # a runtime that does not refuse changes nothing
    c.run().failed()


@case("the domainname", "RT-config-158")
def domainname(c):
    c.config["domainname"] = "example.org"
    c.config["ociVersion"] = "1.1.0"
    c.args("cat", "/proc/sys/kernel/domainname").run().prints("example.org")


@case("a user namespace with its maps", "RT-config-linux-011", "RT-config-linux-012", "RT-config-linux-013", "RT-config-linux-014",
      "RT-config-linux-015")
def user(c):
    c.namespace("user")
    c.linux["uidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 1000}]
    c.linux["gidMappings"] = [{"containerID": 0, "hostID": 200000, "size": 1000}]
    for path in [c.rootfs] + list(c.rootfs.rglob("*")):
        os.chown(path, 100000, 200000, follow_symlinks=False)
    c.directory.chmod(0o755), c.bundle.chmod(0o755)
    c.shell("echo $(cat /proc/self/uid_map) $(cat /proc/self/gid_map); id -u; stat -c %u:%g /etc/passwd; echo x > /new").run().prints(
        "0 100000 1000 0 200000 1000\n0\n0:0")
    assert (c.rootfs / "new").stat().st_uid == 100000


@case("root in a user namespace does not reach the host's files")
def user_isolated(c):
    c.namespace("user")
    c.linux["uidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 1000}]
    c.linux["gidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 1000}]
    (c.directory / "data").mkdir()
    c.directory.chmod(0o755), c.bundle.chmod(0o755)
    c.mount("/data", "bind", c.directory / "data", ["bind"])
    result = c.shell("echo x > /data/f").run()
    assert result.status != 0 and "Permission denied" in result.err, str(result)


@case("in a user namespace, a bind mount of what only the caller can reach")
def user_bind(c):
    c.namespace("user")
    c.linux["uidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 1000}]
    c.linux["gidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 1000}]
    closed = c.directory / "closed"
    (closed / "data").mkdir(parents=True)
    (closed / "data/f").write_text("seen\n")
    closed.chmod(0o700)
    (c.rootfs / "data").mkdir()
    c.directory.chmod(0o755), c.bundle.chmod(0o755)
    c.mount("/data", "bind", closed / "data", ["bind", "ro"])
    result = c.shell("cat /data/f; echo x > /data/g").run()
    assert result.out == "seen\n" and result.status != 0 and "Read-only" in result.err, str(result)


@case("a user namespace joined by path")
def join_user(c):
    with holder("--user", "--map-root-user", "--net") as pid:
        c.namespace("user", f"/proc/{pid}/ns/user")
        for mount in c.config["mounts"]:  # group 5 is not mapped there
            mount["options"] = [option for option in mount.get("options", []) if option != "gid=5"]
        c.namespace("network", f"/proc/{pid}/ns/net")
        c.directory.chmod(0o755), c.bundle.chmod(0o755)
        assert inside(c, "user") == os.readlink(f"/proc/{pid}/ns/user")


@case("timeOffsets", "RT-config-linux-018", "RT-config-linux-019")
def time_offsets(c):
    c.namespace("time")
    c.linux["timeOffsets"] = {"boottime": {"secs": 1000000}}
    c.config["ociVersion"] = "1.1.0"
    out = c.args("cat", "/proc/uptime").run().ok().out
    here = float(pathlib.Path("/proc/uptime").read_text().split()[0])
    assert float(out.split()[0]) > here + 900000, out


@case("the loopback interface of a new network namespace is up")
def loopback(c):
    out = c.args("ip", "link", "show", "lo").run().ok().out
    assert "UP" in out, out


@case("an unprivileged user runs a container", root=False)
def rootless(c):
    c.shell("id -u; hostname; echo $(cat /proc/self/uid_map); echo x > /new").run().prints(f"0\nbox\n0 {c.uid} 1")


@case("an unprivileged user creates, starts and deletes", "RT-runtime-001", "RT-runtime-035", root=False)
def rootless_cycle(c):
    c.shell("echo started > /mark; sleep 60")
    c.create().ok()
    assert c.state()["status"] == "created"
    c.start().ok()
    assert c.file("mark") == "started"
    c.kill("KILL").ok()
    c.wait("stopped")
    c.delete().ok()


@case("an unprivileged user sets the clocks", "RT-config-linux-018", "RT-config-linux-019", root=False)
def rootless_clocks(c):
    c.namespace("time")
    c.config["ociVersion"] = "1.1.0"
    c.linux["timeOffsets"] = {"boottime": {"secs": 1000000}}
    out = c.shell("read up rest < /proc/uptime; echo $up").run().ok().out
    assert float(out) > float(pathlib.Path("/proc/uptime").read_text().split()[0]) + 900000, out


@case("a user namespace: /dev/ptmx as a device is the container's own", "RT-config-linux-033")
def own_terminals(c):
    c.namespace("user")
    c.linux["uidMappings"] = c.linux["gidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 1000}]
    c.directory.chmod(0o755), c.bundle.chmod(0o755)
    c.linux["devices"] = [{"path": "/dev/ptmx", "type": "c", "major": 5, "minor": 2}]
    c.args("readlink", "/dev/ptmx").run().prints("pts/ptmx")


@case("every kind of namespace joined by path", "RT-config-linux-006")
def join_all(c):
    with holder("--net", "--ipc", "--uts", "--cgroup") as pid:
        for kind in ("network", "ipc", "uts", "cgroup"):
            c.namespace(kind, f"/proc/{pid}/ns/{NAMESPACES[kind]}")
        found = c.probe()["namespaces"]
        for kind in ("network", "ipc", "uts", "cgroup"):
            assert found[NAMESPACES[kind]] == os.readlink(f"/proc/{pid}/ns/{NAMESPACES[kind]}"), kind


@case("timeOffsets: both clocks, seconds and nanoseconds", "RT-config-linux-018", "RT-config-linux-019", "RT-config-linux-020")
def both_clocks(c):
    import time
    c.namespace("time")
    c.config["ociVersion"] = "1.1.0"
    c.linux["timeOffsets"] = {"monotonic": {"secs": 1000, "nanosecs": 500000000}, "boottime": {"secs": 2000}}
    def clocks():
        return {"monotonic": time.clock_gettime(time.CLOCK_MONOTONIC), "boottime": time.clock_gettime(time.CLOCK_BOOTTIME)}

    before, found, after = clocks(), c.probe(), clocks()
    for name, offset in (("monotonic", 1000.5), ("boottime", 2000)):
        assert before[name] - 0.01 <= found[name] - offset <= after[name] + 0.01, (name, before, found[name], after)
    # and to the nanosecond
    c.args("sleep", "60").create().ok()
    offsets = pathlib.Path(f"/proc/{c.state()['pid']}/timens_offsets").read_text().split()
    assert offsets == ["monotonic", "1000", "500000000", "boottime", "2000", "0"], offsets


@case("owners in the rootfs stay as they are when a user namespace maps others", "RT-config-linux-016")
def owners(c):
    c.namespace("user")
    c.linux["uidMappings"] = c.linux["gidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 1000}]
    before = {path: (path.lstat().st_uid, path.lstat().st_gid) for path in c.rootfs.rglob("*")}
    c.directory.chmod(0o755), c.bundle.chmod(0o755)
    c.args("true").run()
    for path, owner in before.items():
        assert (path.lstat().st_uid, path.lstat().st_gid) == owner, path


@case("as many mappings as the kernel takes, and its refusal of more", "RT-config-linux-017")
def many_mappings(c):
    c.namespace("user")
    c.directory.chmod(0o755), c.bundle.chmod(0o755)
    c.linux["gidMappings"] = [{"containerID": 0, "hostID": 0, "size": 65536}]
    for count in (300, 341):
        c.linux["uidMappings"] = [{"containerID": n * 2, "hostID": n * 2, "size": 1} for n in range(count)] if count == 300 else [
            {"containerID": n * 2, "hostID": n * 2, "size": 1} for n in range(341)]
        result = c.run()
        if count == 300:
            assert len(c.probe()["uidMap"].splitlines()) == 300
        else:
            result.failed("uid|map")
