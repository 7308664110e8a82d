"""A user without privileges, with a session: delegated cgroups of version 2, and what can be done without."""
import os
import pathlib

from support import Skip, case, cgroup2, own_cgroup2


def delegated(c):
    """The cgroup above this process' own, which must belong to the user."""
    cgroup2()
    parent = own_cgroup2().parent
    if not os.access(parent / "cgroup.procs", os.W_OK) or os.geteuid() == 0:
        raise Skip("needs a user with a delegated cgroup: a session of systemd's")
    return parent


@case("limits in the delegated cgroup: written, read inside, and gone with the container", root=False)
def limits(c):
    parent = delegated(c)
    c.linux["resources"] = {"memory": {"limit": 32 << 20}, "pids": {"limit": 20}, "cpu": {"quota": 50000, "period": 100000}}
    c.shell("cat /proc/self/cgroup > /mark; sleep 60")
    c.create().ok()
    found = [path for path in parent.iterdir() if c.id in path.name]
    assert len(found) == 1, found
    assert [(found[0] / file).read_text().strip() for file in ("memory.max", "pids.max", "cpu.max")] == [str(32 << 20), "20", "50000 100000"]
    c.start().ok()
    assert c.id in c.file("mark")
    c.delete("--force").ok()
    assert not found[0].exists()


@case("a limit of processes holds", root=False)
def pids_hold(c):
    delegated(c)
    c.linux["resources"] = {"pids": {"limit": 3}}
    result = c.shell("sleep 30 & sleep 30 & sleep 30 & sleep 30 & wait").run()
    assert "fork" in result.err, str(result)


@case("a cgroupsPath that is not delegated: the limit is refused with a word about what to do", root=False)
def refused(c):
    cgroup2()
    if os.geteuid() == 0:
        raise Skip("needs to be run by a user")
    c.linux["cgroupsPath"] = f"/{c.id}"
    c.linux["resources"] = {"memory": {"limit": 32 << 20}}
    c.run().failed("delegated")


@case("the same without a limit starts", root=False)
def unlimited(c):
    cgroup2()
    c.linux["cgroupsPath"] = f"/{c.id}"
    c.shell("echo up").run().prints("up")


@case("the cgroup mount shows the container's own cgroup; where it has none, the host's, which cannot be written", root=False)
def mount(c):
    delegated(c)
    c.config["mounts"] = [mount for mount in c.config["mounts"] if mount["destination"] != "/sys/fs/cgroup"]
    c.mount("/sys/fs/cgroup", "cgroup", "cgroup", ["nosuid", "noexec", "nodev"])
    c.shell("test -e /sys/fs/cgroup/memory.max && find /sys/fs/cgroup -type d").run().prints("/sys/fs/cgroup")
    c.linux["cgroupsPath"] = f"/{c.id}"
    c.shell("test ! -e /sys/fs/cgroup/memory.max && grep /sys/fs/cgroup /proc/self/mounts | tail -n 1 | grep -o ' ro,'").run().prints("ro,")


@case("kill, pause and delete reach all processes", root=False)
def killed(c):
    parent = delegated(c)
    c.linux["namespaces"] = [entry for entry in c.linux["namespaces"] if entry["type"] != "pid"]
    c.config["mounts"] = [mount for mount in c.config["mounts"] if mount["destination"] != "/proc"]
    c.linux["maskedPaths"] = c.linux["readonlyPaths"] = []
    c.shell("sleep 300 & sleep 300 & echo up > /mark; wait")
    c.create().ok()
    c.start().ok()
    c.file("mark")
    directory = next(path for path in parent.iterdir() if c.id in path.name)
    pids = (directory / "cgroup.procs").read_text().split()
    assert len(pids) == 3, pids
    c.delete("--force").ok()
    assert not directory.exists() and not any(os.path.exists(f"/proc/{pid}") for pid in pids)


@case("devices need no rule: the user's rights are what counts", root=False)
def devices(c):
    cgroup2()
    c.linux["resources"] = {"devices": [{"allow": False, "access": "rwm"}]}
    c.shell("head -c 1 /dev/zero | wc -c").run().prints("1")
