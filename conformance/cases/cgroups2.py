"""config-linux.md, "Control groups", where all of them are version 2: what is written, and what the kernel makes of it."""
import json
import os
import pathlib
import re

from support import Skip, case, cgroup2, own_cgroup2, until


def created(c, script="sleep 60"):
    """The directory of a created container."""
    directory = cgroup2() / c.id
    c.linux["cgroupsPath"] = f"/{c.id}"
    c.shell(script)
    c.create().ok()
    return directory


def values(c, *files):
    """What stands in files of the container's cgroup."""
    directory = created(c)
    try:
        return [(directory / file).read_text().strip() for file in files]
    finally:
        c.delete("--force").ok()
        assert not directory.exists(), "the cgroup is left"


@case("memory: limit, swap and reservation", "RT-config-linux-068", "RT-config-linux-069", "RT-config-linux-070")
def memory(c):
    c.linux["resources"]["memory"] = {"limit": 64 << 20, "swap": 96 << 20, "reservation": 32 << 20}
    if not any(pathlib.Path("/sys/fs/cgroup").glob("*/memory.swap.max")):
        raise Skip("the kernel does not account swap")
    found = values(c, "memory.max", "memory.swap.max", "memory.low")
    assert found == [str(64 << 20), str(32 << 20), str(32 << 20)], found


@case("a memory limit holds: what uses more is killed", "RT-config-linux-068")
def memory_holds(c):
    c.linux["resources"]["memory"] = {"limit": 16 << 20, "swap": 16 << 20}
    directory = created(c, "dd if=/dev/zero of=/dev/null bs=64M count=1; echo $? > /status; sleep 60")
    c.start().ok()
    assert c.file("status") == "137", "it was not killed"
    assert "oom_kill 1" in (directory / "memory.events").read_text()


@case("pids.limit", "RT-config-linux-111")
def pids(c):
    c.linux["resources"]["pids"] = {"limit": 17}
    assert values(c, "pids.max") == ["17"]


@case("cpu: shares become a weight; quota, period and burst", "RT-config-linux-079", "RT-config-linux-080", "RT-config-linux-082")
def cpu(c):
    c.linux["resources"]["cpu"] = {"shares": 1024, "quota": 50000, "period": 200000}
    weight, limit = values(c, "cpu.weight", "cpu.max")
    # runc before 1.3 and crun before 1.23 converted linearly
    assert weight in ("100", "39") and limit == "50000 200000", (weight, limit)


@case("a CPU quota holds: the container is throttled", "RT-config-linux-080")
def cpu_holds(c):
    c.linux["resources"]["cpu"] = {"quota": 2000, "period": 20000}
    directory = created(c, "i=0; while [ $i -lt 8000 ]; do i=$((i+1)); done; echo done > /mark; sleep 60")
    c.start().ok()
    c.file("mark")
    throttled = re.search(r"nr_throttled (\d+)", (directory / "cpu.stat").read_text()).group(1)
    assert int(throttled) > 0, "never throttled"


@case("cpu.cpus and cpu.mems", "RT-config-linux-085", "RT-config-linux-086")
def cpuset(c):
    c.linux["resources"]["cpu"] = {"cpus": "0", "mems": "0"}
    directory = created(c, "grep _allowed_list /proc/self/status > /mark; echo >> /mark; sleep 60")
    assert (directory / "cpuset.cpus").read_text().strip() == "0"
    c.start().ok()
    assert "Cpus_allowed_list:\t0" in c.file("mark")


@case("unified: files by their name, several lines one by one", "RT-config-linux-117")
def unified(c):
    c.linux["resources"]["unified"] = {"memory.high": str(48 << 20), "pids.max": "9", "cpu.weight": "7"}
    assert values(c, "memory.high", "pids.max", "cpu.weight") == [str(48 << 20), "9", "7"]


@case("unified: an unknown file is an error", "RT-config-linux-120")
def unified_unknown(c):
    cgroup2()
    c.linux["resources"]["unified"] = {"memory.nonsense": "1"}
    c.run().failed("memory.nonsense")


@case("what version 2 does not have is refused", "RT-config-linux-122")
def impossible(c):
    cgroup2()
    c.linux["resources"]["memory"] = {"limit": 64 << 20, "swappiness": 10}
    c.run().failed("swappiness")


@case("devices: the program refuses what no rule allows, also after fork", "RT-config-linux-061")
def devices(c):
    cgroup2()
    c.linux["devices"] = [{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 0o666}]
    result = c.shell("(exec 3</dev/fuse); echo $?; head -c 1 /dev/zero | wc -c").run()
    assert result.out.split()[-1] == "1" and "Operation not permitted" in result.err, str(result)


@case("devices: the last rule that matches decides", "RT-config-linux-062")
def devices_last(c):
    cgroup2()
    c.linux["devices"] = [{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 0o666}]
    c.linux["resources"]["devices"] += [
        {"allow": True, "type": "c", "major": 10, "access": "rwm"}, {"allow": False, "type": "c", "major": 10, "minor": 229, "access": "w"}]
    result = c.shell("(exec 3</dev/fuse) && echo read; (exec 3>/dev/fuse) || echo refused").run().ok()
    assert result.out.split() == ["read", "refused"], str(result)


@case("the cgroup namespace begins at the container's cgroup")
def namespace(c):
    cgroup2()
    c.namespace("cgroup")
    c.mount("/sys/fs/cgroup", "cgroup", "cgroup", ["ro", "nosuid", "noexec", "nodev"])
    c.linux["resources"]["pids"] = {"limit": 33}
    c.shell("cat /proc/self/cgroup /sys/fs/cgroup/pids.max").run().prints("0::/\n33")


@case("without a cgroup namespace the mount shows the container's own cgroup")
def mount(c):
    cgroup2()
    c.linux["cgroupsPath"] = f"/{c.id}"
    c.mount("/sys/fs/cgroup", "cgroup", "cgroup", ["ro", "nosuid", "noexec", "nodev"])
    c.linux["resources"]["pids"] = {"limit": 34}
    out = c.shell("cat /sys/fs/cgroup/pids.max 2>/dev/null || cat /sys/fs/cgroup/$(sed s/0::// /proc/self/cgroup)/pids.max").run().ok().out
    assert out.strip() == "34", out


@case("an init may make cgroups of its own; kill and delete reach into them")
def nested(c):
    directory = cgroup2() / c.id
    c.linux["cgroupsPath"] = f"/{c.id}"
    c.namespace("cgroup")
    c.mount("/sys/fs/cgroup", "cgroup", "cgroup", ["rw", "nosuid", "noexec", "nodev"])
    c.linux["resources"]["pids"] = {"limit": 50}
    c.shell("cd /sys/fs/cgroup && mkdir init deep deep/er && echo 0 > init/cgroup.procs && "
            "sh -c 'echo 0 > deep/er/cgroup.procs; ls -d /sys/fs/cgroup/deep/er > /mark; exec sleep 60' & wait; sleep 60")
    c.create().ok()
    c.start().ok()
    c.file("mark")
    c.kill("--all", "KILL")
    c.kill("KILL")
    c.wait("stopped")
    c.delete().ok()
    assert not directory.exists()


@case("exec into a container that hands controllers down goes where its first process is")
def exec_beside_init(c):
    cgroup2()
    c.linux["cgroupsPath"] = f"/{c.id}"
    c.namespace("cgroup")
    c.mount("/sys/fs/cgroup", "cgroup", "cgroup", ["rw", "nosuid", "noexec", "nodev"])
    c.linux["resources"]["pids"] = {"limit": 50}
    c.shell("cd /sys/fs/cgroup && mkdir init work && echo 0 > init/cgroup.procs && echo +pids > cgroup.subtree_control && echo up > /mark; sleep 60")
    c.create().ok()
    c.start().ok()
    assert c.file("mark") == "up"
    directory = cgroup2() / c.id
    assert "pids" in (directory / "cgroup.subtree_control").read_text().split()
    for options in ([], ["--tty"]):
        c.call("exec", *options, c.id, "cat", "/proc/self/cgroup").prints("0::/init")
    c.call("exec", "--detach", "--pid-file", c.directory / "pid", c.id, "sleep", "60").ok()
    assert own_cgroup2((c.directory / "pid").read_text()) == directory / "init"
    # what was asked for is what counts, and is told when the kernel refuses it
    c.call("exec", "--cgroup", "/work", c.id, "cat", "/proc/self/cgroup").prints("0::/work")
    c.call("exec", "--cgroup", "/", c.id, "true").failed("EBUSY|busy")
    c.delete("--force").ok()
    assert not directory.exists()


@case("without a pid namespace delete ends all processes of the cgroup", "RT-runtime-056")
def orphans(c):
    directory = created(c)
    c.delete("--force").ok()
    c.without_namespace("pid")
    c.shell("sleep 300 & sleep 300 & echo up > /mark; wait")
    c.create().ok()
    c.start().ok()
    c.file("mark")
    pids = [int(pid) for pid in (directory / "cgroup.procs").read_text().split()]
    assert len(pids) == 3, pids
    c.delete("--force").ok()
    assert not directory.exists() and not any(os.path.exists(f"/proc/{pid}") for pid in pids)


@case("without a pid namespace KILL ends what outlives the container's init")
def outlived(c):
    directory = created(c)
    c.delete("--force").ok()
    c.without_namespace("pid")
    c.shell("sleep 300 > /dev/null 2>&1 & echo up > /mark")
    c.create().ok()
    c.start().ok()
    c.file("mark")
    c.wait("stopped")
    pids = (directory / "cgroup.procs").read_text().split()
    assert len(pids) == 1, pids
    c.kill("TERM").failed("not running")
    c.kill("KILL").ok()
    until(lambda: not (directory / "cgroup.procs").read_text(), "a process is left")
    c.kill("KILL").failed("not running")


@case("the cgroup is there for create, all processes are in it, and a second container cannot have it", "RT-config-linux-043")
def members(c):
    directory = created(c, "sleep 60 & echo up > /mark; wait")
    assert len((directory / "cgroup.procs").read_text().split()) == 1
    c.start().ok()
    c.file("mark")
    assert len((directory / "cgroup.procs").read_text().split()) == 2
    first, c.id = c.id, c.id + "b"
    try:
        c.create().failed("not empty|not be|exist")
    finally:
        c.delete("--force")
        c.id = first


@case("a frozen cgroup is refused", "RT-config-linux-043")
def frozen(c):
    directory = cgroup2() / c.id
    c.linux["cgroupsPath"] = f"/{c.id}"
    directory.mkdir()
    try:
        (directory / "cgroup.freeze").write_text("1")
        c.shell("true").run().failed("frozen")
    finally:
        if directory.exists():
            (directory / "cgroup.freeze").write_text("0")
            directory.rmdir()


@case("a relative cgroupsPath and none at all make one directory, which goes with the container", "RT-config-linux-048")
def relative(c):
    root = cgroup2()
    before = set(root.glob("*/"))
    out = c.shell("cat /proc/self/cgroup").run().ok().out
    assert c.id in out, out
    assert set(root.glob("*/")) <= before | {root / "system.slice", root / "user.slice"}, "a directory is left"
    assert own_cgroup2().exists()


DELEGATED = ("cgroup.procs", "cgroup.subtree_control", "cgroup.threads")


def owned(c, options, new_cgroup_namespace=True):
    """Owners on the host of the cgroup and of its files, for a container whose root is the user 100000."""
    c.linux["namespaces"] = [entry for entry in c.linux["namespaces"] if entry["type"] not in ("user", "cgroup")] + [{"type": "user"}]
    if new_cgroup_namespace:
        c.linux["namespaces"].append({"type": "cgroup"})
    c.linux["uidMappings"] = c.linux["gidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 65536}]
    os.chown(c.rootfs, 100000, 100000)
    c.config["mounts"] = [entry for entry in c.config["mounts"] if entry["destination"] != "/sys/fs/cgroup"]
    if options is not None:
        c.mount("/sys/fs/cgroup", "cgroup", "cgroup", options)
    directory = created(c, "mkdir /sys/fs/cgroup/mine && echo 0 > /sys/fs/cgroup/mine/cgroup.procs && echo made > /mark || echo not > /mark; sleep 60")
    return directory, {name: os.stat(directory / name).st_uid for name in [".", *os.listdir(directory)]}


@case("a writable cgroup mount in a new cgroup namespace belongs to the user of the process: the directory and what is delegated, nothing else",
      "RT-config-linux-055", "RT-config-linux-057", "RT-config-linux-058", "RT-config-linux-060")
def ownership(c):
    directory, owners = owned(c, ["nosuid", "noexec", "nodev"])
    listed = set(pathlib.Path("/sys/kernel/cgroup/delegate").read_text().split())
    given = {name for name, uid in owners.items() if uid == 100000}
    assert given == {"."} | (listed & set(owners)), given
    assert set(owners.values()) == {0, 100000} and owners["memory.max"] == 0, owners
    c.start().ok()
    assert c.file("mark") == "made"
    c.delete("--force").ok()
    assert not directory.exists()


@case("without the list of files in /sys/kernel/cgroup/delegate three are given", "RT-config-linux-059")
def ownership_without_list(c):
    delegate = pathlib.Path("/sys/kernel/cgroup/delegate")
    c.wrapper = ["unshare", "--mount", "--propagation", "private", "sh", "-c",
                 "mount -t tmpfs none /sys/kernel/cgroup && exec \"$@\"", "sh"]
    if not delegate.exists():
        raise Skip("the kernel has no such list")
    # a user namespace gets no sysfs where something is mounted over the host's
    c.config["mounts"] = [entry for entry in c.config["mounts"] if entry["destination"] != "/sys"]
    (c.rootfs / "sys/fs/cgroup").mkdir(parents=True, exist_ok=True)
    _, owners = owned(c, ["nosuid", "noexec", "nodev"])
    assert {name for name, uid in owners.items() if uid == 100000} == {".", *DELEGATED}, owners


@case("spec writes a configuration with a cgroup namespace")
def spec(c):
    cgroup2()
    c.call("spec", "--bundle", c.bundle).ok()
    config = json.loads((c.bundle / "config.json").read_text())
    assert {"type": "cgroup"} in config["linux"]["namespaces"], config["linux"]["namespaces"]


@case("the cgroup stays the caller's: without such a mount, with a read-only one, without a new cgroup namespace", "RT-config-linux-054", "RT-config-linux-056")
def ownership_stays(c):
    for options, namespace in ((None, True), (["ro"], True), (["nosuid"], False)):
        _, owners = owned(c, options, namespace)
        assert set(owners.values()) == {0}, (options, namespace, owners)
        c.delete("--force").ok()
