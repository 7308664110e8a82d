"""config-linux.md, "Control groups", on version 1 hierarchies."""
import pathlib

from support import case, cgroup1


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


def remove_parents(name):
    """Directories above the container's own may stay: runc leaves them."""
    for hierarchy in pathlib.Path("/sys/fs/cgroup").iterdir():
        for path in sorted((hierarchy / name).rglob("*"), reverse=True) if (hierarchy / name).is_dir() else []:
            if path.is_dir():
                path.rmdir()
        if (hierarchy / name).is_dir():
            (hierarchy / name).rmdir()


@case("memory.limit", "RT-config-linux-068")
def memory(c):
    c.linux["resources"]["memory"] = {"limit": 64 << 20}
    assert value(c, "memory", "memory.limit_in_bytes") == str(64 << 20)


@case("pids.limit", "RT-config-linux-111")
def pids(c):
    c.linux["resources"]["pids"] = {"limit": 17}
    assert value(c, "pids", "pids.max") == "17"


@case("a pids limit holds", "RT-config-linux-111")
def pids_hold(c):
    c.linux["resources"]["pids"] = {"limit": 3}
    c.linux["cgroupsPath"] = f"/{c.id}"
    result = c.shell("sleep 1 & sleep 1 & sleep 1 & sleep 1 & wait").run()
    assert "fork" in result.err, str(result)


@case("cpu.shares", "RT-config-linux-079")
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


@case("devices: what is allowed can be opened", "RT-config-linux-062")
def devices_allowed(c):
    c.linux["devices"] = [{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 0o666}]
    c.linux["resources"]["devices"].append({"allow": True, "type": "c", "major": 10, "minor": 229, "access": "rw"})
    c.shell("exec 3<>/dev/fuse && echo open").run().prints("open")


@case("an absolute cgroupsPath with several levels", "RT-config-linux-046")
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
