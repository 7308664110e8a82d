"""config-linux.md, "Control groups", on version 1 hierarchies."""
import os
import pathlib

from support import Skip, case, cgroup1


def value(c, controller, file, script="sleep 60"):
    """What stands in a file of the container's cgroup."""
    mount = cgroup1(controller)
    c.linux["cgroupsPath"] = f"/{c.id}"
    c.shell(script)
    c.create().ok()
    try:
        return (mount / c.id / file).read_text().strip()
    finally:
        c.delete("--force").ok()
        assert not (mount / c.id).exists(), "the cgroup is left"


def values(c, controller, *files):
    """What stands in several files of the container's cgroup."""
    mount = cgroup1(controller)
    c.linux["cgroupsPath"] = f"/{c.id}"
    c.args("sleep", "60")
    c.create().ok()
    try:
        return [(mount / c.id / file).read_text().strip() for file in files]
    finally:
        c.delete("--force").ok()


def remove_parents(name):
    """Directories above the container's own may stay: runc leaves them."""
    for hierarchy in pathlib.Path("/sys/fs/cgroup").iterdir():
        for path in sorted((hierarchy / name).rglob("*"), reverse=True) if (hierarchy / name).is_dir() else []:
            if path.is_dir():
                path.rmdir()
        if (hierarchy / name).is_dir():
            (hierarchy / name).rmdir()


@case("memory.limit", "RT-config-linux-067", "RT-config-linux-068")
def memory(c):
    c.linux["resources"]["memory"] = {"limit": 64 << 20}
    assert value(c, "memory", "memory.limit_in_bytes") == str(64 << 20)


@case("pids.limit", "RT-config-linux-110", "RT-config-linux-111")
def pids(c):
    c.linux["resources"]["pids"] = {"limit": 17}
    assert value(c, "pids", "pids.max") == "17"


@case("a pids limit holds", "RT-config-linux-111")
def pids_hold(c):
    c.linux["resources"]["pids"] = {"limit": 3}
    c.linux["cgroupsPath"] = f"/{c.id}"
    result = c.shell("sleep 30 & sleep 30 & sleep 30 & sleep 30 & wait").run()
    assert "fork" in result.err, str(result)


@case("cpu.shares", "RT-config-linux-078", "RT-config-linux-079")
def cpu_shares(c):
    c.linux["resources"]["cpu"] = {"shares": 512}
    assert value(c, "cpu", "cpu.shares") == "512"


@case("cpu.quota and cpu.period", "RT-config-linux-080", "RT-config-linux-082")
def cpu_quota(c):
    c.linux["resources"]["cpu"] = {"quota": 50000, "period": 200000}
    assert value(c, "cpu", "cpu.cfs_quota_us") == "50000"
    assert value(c, "cpu", "cpu.cfs_period_us") == "200000"


@case("cpu.cpus and cpu.mems", "RT-config-linux-085", "RT-config-linux-086")
def cpuset(c):
    c.linux["resources"]["cpu"] = {"cpus": "0", "mems": "0"}
    assert value(c, "cpuset", "cpuset.cpus") == "0"


@case("devices: what is not allowed cannot be opened", "RT-config-linux-061")
def devices(c):
    c.linux["devices"] = [{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 0o666}]
    result = c.shell("head -c 1 /dev/null && head -c 0 /dev/zero && exec 3</dev/fuse").run()
    assert result.status != 0 and "Operation not permitted" in result.err, str(result)


@case("devices: what is allowed can be opened", "RT-config-linux-064", "RT-config-linux-065")
def devices_allowed(c):
    c.linux["devices"] = [{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 0o666}]
    c.linux["resources"]["devices"].append({"allow": True, "type": "c", "major": 10, "minor": 229, "access": "rw"})
    c.shell("exec 3<>/dev/fuse && echo open").run().prints("open")


@case("an absolute cgroupsPath with several levels", "RT-config-linux-044", "RT-config-linux-045", "RT-config-linux-046")
def nested_path(c):
    cgroup1("pids")
    c.linux["cgroupsPath"] = f"/{c.id}/a/b"
    out = c.args("cat", "/proc/self/cgroup").run().ok().out
    assert f"pids:/{c.id}/a/b" in out, out
    c.delete("--force")
    remove_parents(c.id)


@case("all processes of the container are in its cgroup", "RT-config-linux-048")
def members(c):
    mount = cgroup1("pids")
    c.linux["cgroupsPath"] = f"/{c.id}"
    c.shell("sleep 60 & echo up > /mark; wait")
    c.create().ok()
    c.start().ok()
    c.file("mark")
    assert len((mount / c.id / "cgroup.procs").read_text().split()) == 2


@case("memory: reservation, swap, swappiness", "RT-config-linux-069", "RT-config-linux-070", "RT-config-linux-073")
def memory_more(c):
    c.linux["resources"]["memory"] = {"limit": 64 << 20, "reservation": 32 << 20, "swap": 96 << 20, "swappiness": 7}
    found = values(c, "memory", "memory.limit_in_bytes", "memory.soft_limit_in_bytes", "memory.memsw.limit_in_bytes", "memory.swappiness")
    assert found == [str(64 << 20), str(32 << 20), str(96 << 20), "7"], found


@case("memory: a limit of -1 is none", "RT-config-linux-068")
def memory_unlimited(c):
    c.linux["resources"]["memory"] = {"limit": -1}
    assert int(values(c, "memory", "memory.limit_in_bytes")[0]) > 1 << 60


@case("memory: a limit holds", "RT-config-linux-068")
def memory_holds(c):
    c.linux["resources"]["memory"] = {"limit": 16 << 20, "swap": 16 << 20}
    c.linux["cgroupsPath"] = f"/{c.id}"
    result = c.shell("head -c 100000000 /dev/zero | tail >/dev/null; echo $?").run()
    assert result.out.strip() == "137" or result.status == 137, str(result)


@case("memory: the OOM killer is disabled", "RT-config-linux-074")
def oom_killer(c):
    c.linux["resources"]["memory"] = {"limit": 64 << 20, "disableOOMKiller": True}
    assert "oom_kill_disable 1" in values(c, "memory", "memory.oom_control")[0]


@case("memory: buffers of TCP, and hierarchical accounting", "RT-config-linux-072", "RT-config-linux-075")
def memory_tcp(c):
    c.linux["resources"]["memory"] = {"kernelTCP": 8 << 20, "useHierarchy": True}
    found = values(c, "memory", "memory.kmem.tcp.limit_in_bytes", "memory.use_hierarchy")
    assert found == [str(8 << 20), "1"], found


@case("memory: a limit of kernel memory has no effect, and does no harm", "RT-config-linux-071")
def kernel_memory(c):
    # the kernel knows none since 5.16 (the file is inert)
    c.linux["resources"]["memory"] = {"limit": 64 << 20, "kernel": 32 << 20}
    assert values(c, "memory", "memory.limit_in_bytes") == [str(64 << 20)]


@case("cpu: burst, and idle", "RT-config-linux-081", "RT-config-linux-087")
def cpu_more(c):
    c.config["ociVersion"] = "1.1.0"
    c.linux["resources"]["cpu"] = {"quota": 50000, "period": 100000, "burst": 20000}
    assert values(c, "cpu", "cpu.cfs_quota_us", "cpu.cfs_burst_us") == ["50000", "20000"]
    c.linux["resources"]["cpu"] = {"idle": 1}
    assert values(c, "cpu", "cpu.idle") == ["1"]


@case("cpu: a burst above the quota is refused", "RT-config-linux-080", "RT-config-linux-081")
def cpu_burst(c):
    c.config["ociVersion"] = "1.1.0"
    c.linux["resources"]["cpu"] = {"quota": 50000, "period": 100000, "burst": 60000}
    c.create().failed("burst")


@case("cpu: time for realtime processes", "RT-config-linux-083", "RT-config-linux-084")
def cpu_realtime(c):
    cgroup1("cpu")
    c.linux["resources"]["cpu"] = {"realtimePeriod": 500000, "realtimeRuntime": 1000}
    assert values(c, "cpu", "cpu.rt_period_us", "cpu.rt_runtime_us") == ["500000", "1000"]


@case("cpuset: memory nodes", "RT-config-linux-085", "RT-config-linux-086")
def memory_nodes(c):
    c.linux["resources"]["cpu"] = {"cpus": "0", "mems": "0"}
    assert values(c, "cpuset", "cpuset.cpus", "cpuset.mems") == ["0", "0"]
    assert c.probe()["cpus"] == [0]


def block_device():
    """Numbers of a whole disk of this machine."""
    for path in sorted(pathlib.Path("/sys/block").iterdir()):
        if not path.name.startswith(("loop", "zram", "ram")):
            return tuple(map(int, (path / "dev").read_text().split(":")))
    raise Skip("no disk here")


@case("blockIO: rates of bytes and operations", "RT-config-linux-088", "RT-config-linux-096", "RT-config-linux-097", "RT-config-linux-098",
      "RT-config-linux-099", "RT-config-linux-100", "RT-config-linux-101")
def block_io(c):
    major, minor = block_device()
    names = {"throttleReadBpsDevice": "read_bps", "throttleWriteBpsDevice": "write_bps", "throttleReadIOPSDevice": "read_iops",
             "throttleWriteIOPSDevice": "write_iops"}
    c.linux["resources"]["blockIO"] = {key: [{"major": major, "minor": minor, "rate": 1000 + n}] for n, key in enumerate(names)}
    found = values(c, "blkio", *(f"blkio.throttle.{name}_device" for name in names.values()))
    assert found == [f"{major}:{minor} {1000 + n}" for n in range(4)], found


@case("blockIO: weights, where the kernel has them", "RT-config-linux-089", "RT-config-linux-090", "RT-config-linux-091", "RT-config-linux-093",
      "RT-config-linux-094")
def weights(c):
    mount = cgroup1("blkio")
    major, minor = block_device()
    probes = {"weight": {"weight": 300}, "leafWeight": {"leafWeight": 300}, "weightDevice": {"weightDevice": [{"major": major, "minor": minor, "weight": 300}]},
              "leafWeightDevice": {"weightDevice": [{"major": major, "minor": minor, "leafWeight": 300}]}}
    files = {"weight": ("blkio.weight", "blkio.bfq.weight"), "leafWeight": ("blkio.leaf_weight",),
             "weightDevice": ("blkio.weight_device", "blkio.bfq.weight_device"), "leafWeightDevice": ("blkio.leaf_weight_device",)}
    c.linux["cgroupsPath"] = f"/{c.id}"
    for name, section in probes.items():
        c.linux["resources"]["blockIO"] = section
        c.args("sleep", "60")
        result = c.create()
        there = [mount / c.id / file for file in files[name] if (mount / c.id / file).exists()]
        if result.status == 0:
            assert there and "300" in there[0].read_text(), (name, there)
        else:
            result.failed("weight")  # a scheduler that knows none: an error, by its name
        c.delete("--force")


@case("pids: zero is a limit, and lets nothing be started", "RT-config-linux-112")
def pids_zero(c):
    c.linux["resources"]["pids"] = {"limit": 0}
    c.linux["cgroupsPath"] = f"/{c.id}"
    result = c.shell("true & wait; sleep 0; echo forked").run()
    assert "forked" not in result.out, str(result)


@case("pids: -1 is no limit", "RT-config-linux-111")
def pids_unlimited(c):
    c.linux["resources"]["pids"] = {"limit": -1}
    assert values(c, "pids", "pids.max") == ["max"]


@case("huge pages", "RT-config-linux-102")
def huge_pages(c):
    c.linux["resources"]["hugepageLimits"] = [{"pageSize": "2MB", "limit": 4 << 20}]
    for mount, file in ((pathlib.Path("/sys/fs/cgroup/hugetlb"), "hugetlb.2MB.limit_in_bytes"), (pathlib.Path("/sys/fs/cgroup/unified"), "hugetlb.2MB.max")):
        if "hugetlb" in mount.name and mount.is_dir() or (mount / "cgroup.controllers").exists() and "hugetlb" in (mount / "cgroup.controllers").read_text():
            break
    else:
        raise Skip("no hierarchy has the controller hugetlb")
    c.linux["cgroupsPath"] = f"/{c.id}"
    c.args("sleep", "60")
    c.create().ok()
    assert (mount / c.id / file).read_text().strip() == str(4 << 20)


@case("a controller that the host does not have is an error, by its name", "RT-config-linux-105", "RT-config-linux-106", "RT-config-linux-107",
      "RT-config-linux-113", "RT-config-linux-114", "RT-config-linux-115", "RT-config-linux-120")
def absent_controllers(c):
    mounted = pathlib.Path("/proc/self/mountinfo").read_text()
    for name, section, controller in (("network", {"classID": 0x100001}, "net_cls"), ("network", {"priorities": [{"name": "lo", "priority": 5}]}, "net_prio"),
                                      ("rdma", {"mlx5_1": {"hcaHandles": 3, "hcaObjects": 4}}, "rdma")):
        if controller in mounted:
            continue
        c.linux["resources"] = {"devices": [{"allow": False, "access": "rwm"}], name: section}
        c.create().failed(f"{name}|{controller}")
        assert not (cgroup1("pids") / c.id).exists()


@case("unified: a file of version 2, also one that the runtime does not know", "RT-config-linux-117", "RT-config-linux-119")
def unified(c):
    mount = pathlib.Path("/sys/fs/cgroup/unified")
    if not (mount / "cgroup.controllers").exists() or "hugetlb" not in (mount / "cgroup.controllers").read_text():
        raise Skip("no version 2 hierarchy with a controller")
    c.linux["cgroupsPath"] = f"/{c.id}"
    c.linux["resources"]["unified"] = {"hugetlb.2MB.rsvd.max": str(2 << 20), "cgroup.max.depth": "3"}
    c.args("sleep", "60")
    c.create().ok()
    assert (mount / c.id / "hugetlb.2MB.rsvd.max").read_text() == f"{2 << 20}\n" and (mount / c.id / "cgroup.max.depth").read_text() == "3\n"


@case("unified: a file that is not there is an error", "RT-config-linux-120")
def unified_missing(c):
    c.linux["resources"]["unified"] = {"nosuch.limit": "1"}
    c.create().failed("nosuch")


@case("a relative cgroupsPath always means the same place", "RT-config-linux-047", "RT-config-linux-048")
def relative_path(c):
    c.linux["cgroupsPath"] = c.id
    places = []
    for _ in range(2):
        out = c.args("cat", "/proc/self/cgroup").run().ok().out
        places.append(next(line for line in out.splitlines() if ":pids:" in line).split(":", 1)[1])
    assert places[0] == places[1] and places[0].endswith(f"/{c.id}"), places


@case("without a cgroupsPath each container has a cgroup of its own", "RT-config-linux-049", "RT-config-linux-051")
def default_path(c):
    out = c.args("cat", "/proc/self/cgroup").run().ok().out
    own = {line.split(":")[1]: line.split(":", 2)[2] for line in out.splitlines()}
    for controller in ("pids", "memory", "freezer", "devices", "cpu", "cpuset", "blkio"):
        place = next((path for names, path in own.items() if controller in names.split(",")), None)
        assert place is None or c.id in place, (controller, out)


@case("a cgroup with processes of somebody else is refused", "RT-config-linux-043")
def occupied(c):
    import subprocess
    group = cgroup1("pids") / c.id
    group.mkdir()
    other = subprocess.Popen(["sleep", "60"])
    try:
        (group / "cgroup.procs").write_text(str(other.pid))
        c.linux["cgroupsPath"] = f"/{c.id}"
        c.create().failed("cgroup")
        assert (group / "cgroup.procs").read_text().split() == [str(other.pid)]
    finally:
        c.delete("--force")
        other.kill()
        other.wait()
        if group.exists():
            group.rmdir()


@case("owners of version 1 cgroups stay as they are", "RT-config-linux-052", "RT-config-linux-053")
def owners(c):
    c.namespace("user"), c.namespace("cgroup")
    c.linux["uidMappings"] = c.linux["gidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 1000}]
    c.directory.chmod(0o755), c.bundle.chmod(0o755)
    for path in [c.rootfs, *c.rootfs.rglob("*")]:
        os.chown(path, 100000, 100000, follow_symlinks=False)
    c.mount("/sys/fs/cgroup", "cgroup", "cgroup", ["rw"])
    c.linux["cgroupsPath"] = f"/{c.id}"
    c.args("sleep", "60")
    c.create().ok()
    group = cgroup1("pids") / c.id
    assert {path.stat().st_uid for path in [group, *group.iterdir()]} == {0}


@case("devices: rules in their order, the last that fits decides", "RT-config-linux-062", "RT-config-linux-063", "RT-config-linux-066")
def device_order(c):
    c.linux["devices"] = [{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 0o666},
                          {"path": "/dev/b", "type": "b", "major": 7, "minor": 100, "fileMode": 0o666}]
    allow = {"allow": True, "type": "c", "major": 10, "minor": 229, "access": "rw"}
    look = "(exec 3</dev/fuse) 2>/dev/null && echo read; (exec 3>/dev/fuse) 2>/dev/null && echo write; true"
    for rules, expected in (([allow], ["read", "write"]), ([allow, {**allow, "allow": False}], []), ([{**allow, "access": "r"}], ["read"]),
                            ([allow, {**allow, "allow": False, "access": "w"}], ["read"]),
                            ([{"allow": True, "type": "c", "major": 10, "access": "rw"}], ["read", "write"]),
                            ([{**allow, "minor": 230}], []), ([{**allow, "type": "b"}], [])):
        c.linux["resources"]["devices"] = [{"allow": False, "access": "rwm"}, *rules]
        assert c.shell(look).run().ok().out.split() == expected, rules
