"""update, which the command line of runc has beside the operations of runtime.md: limits of config-linux.md "Control groups"
on version 1 hierarchies, written, read back, and exceeded."""
import json
import pathlib
import subprocess
import time

from support import case, cgroup1

MB = 1 << 20


def started(c, script="echo up > /ready; sleep 60", **resources):
    c.linux["cgroupsPath"] = f"/{c.id}"
    c.linux["resources"].update(resources)
    c.shell(script)
    c.create().ok()
    c.start().ok()
    c.file("ready")


def read(c, controller, file):
    return (cgroup1(controller) / c.id / file).read_text().strip()


def update(c, *options, resources=None):
    """`update` with options, or with limits as JSON on stdin."""
    if resources is None:
        return c.call("update", *options, c.id)
    with open(c.directory / "resources", "w") as file:
        json.dump(resources, file)
    with open(c.directory / "resources") as file:
        c.input = file
        try:
            return c.call("update", *options, "--resources", "-", c.id)
        finally:
            c.input = subprocess.DEVNULL


@case("update of memory, in either direction, from a file, stdin and options", "RT-config-linux-068", "RT-config-linux-070")
def memory(c):
    started(c, memory={"limit": 64 * MB, "swap": 64 * MB})
    for megabytes in (128, 32, 256, 16):
        update(c, resources={"memory": {"limit": megabytes * MB, "swap": megabytes * MB}}).ok()
        assert read(c, "memory", "memory.limit_in_bytes") == read(c, "memory", "memory.memsw.limit_in_bytes") == str(megabytes * MB)
    update(c, "--memory", "50M", "--memory-swap", "100M", "--memory-reservation", "20m").ok()
    assert read(c, "memory", "memory.limit_in_bytes") == str(50 * MB)
    assert read(c, "memory", "memory.memsw.limit_in_bytes") == str(100 * MB)
    assert read(c, "memory", "memory.soft_limit_in_bytes") == str(20 * MB)
    file = c.directory / "limits.json"
    file.write_text(json.dumps({"memory": {"limit": 60 * MB}}))
    c.call("update", "-r", file, c.id).ok()
    assert read(c, "memory", "memory.limit_in_bytes") == str(60 * MB)
    assert read(c, "memory", "memory.memsw.limit_in_bytes") == str(100 * MB)


@case("update lifts a limit of memory")
def memory_unlimited(c):
    started(c, memory={"limit": 64 * MB, "swap": 96 * MB})
    update(c, "--memory", "-1").ok()
    assert int(read(c, "memory", "memory.limit_in_bytes")) > 1 << 60 and int(read(c, "memory", "memory.memsw.limit_in_bytes")) > 1 << 60


@case("a limit of memory that an update has set holds")
def memory_holds(c):
    started(
        c, "echo up > /ready; while [ ! -e /go ]; do sleep 0.05; done; head -c 100000000 /dev/zero | tail -c 99000000 > /dev/null; "
        "echo status $? > /mark; sleep 60", memory={"limit": 512 * MB, "swap": 512 * MB})
    update(c, "--memory", "16M", "--memory-swap", "16M").ok()
    (c.rootfs / "go").touch()
    assert c.file("mark") == "status 137", c.file("mark")
    assert "oom_kill 0" not in read(c, "memory", "memory.oom_control")


@case("update of cpu: quota, period and shares, also one without the others", "RT-config-linux-079", "RT-config-linux-080", "RT-config-linux-082")
def cpu(c):
    started(c, cpu={"quota": 50000, "period": 100000, "shares": 512})
    update(c, "--cpu-quota", "80000", "--cpu-period", "200000", "--cpu-share", "256").ok()
    assert [read(c, "cpu", f"cpu.{name}") for name in ("cfs_quota_us", "cfs_period_us", "shares")] == ["80000", "200000", "256"]
    update(c, "--cpu-quota", "90000").ok()
    assert [read(c, "cpu", f"cpu.{name}") for name in ("cfs_quota_us", "cfs_period_us", "shares")] == ["90000", "200000", "256"]
    update(c, "--cpu-period", "100000").ok()
    assert [read(c, "cpu", f"cpu.{name}") for name in ("cfs_quota_us", "cfs_period_us", "shares")] == ["90000", "100000", "256"]
    update(c, resources={"cpu": {"shares": 0, "quota": -1, "period": 0, "realtimePeriod": 0, "realtimeRuntime": 0, "cpus": "", "mems": ""}}).ok()
    assert [read(c, "cpu", f"cpu.{name}") for name in ("cfs_quota_us", "cfs_period_us", "shares")] == ["-1", "100000", "256"]


@case("update of burst and idle")
def burst_and_idle(c):
    started(c, cpu={"quota": 50000, "period": 100000})
    update(c, "--cpu-burst", "40000").ok()
    assert read(c, "cpu", "cpu.cfs_burst_us") == "40000"
    update(c, "--cpu-idle", "1").ok()
    assert read(c, "cpu", "cpu.idle") == "1"
    update(c, "--cpu-idle", "0", "--cpu-share", "600").ok()
    assert read(c, "cpu", "cpu.idle") == "0" and read(c, "cpu", "cpu.shares") == "600"


@case("a quota that an update has set holds")
def quota_holds(c):
    started(c, "echo up > /ready; while :; do :; done")
    stat = cgroup1("cpuacct") / c.id / "cpuacct.usage"
    update(c, "--cpu-period", "100000", "--cpu-quota", "10000").ok()
    time.sleep(0.3)
    before, begun = int(stat.read_text()), time.monotonic()
    time.sleep(1)
    used = (int(stat.read_text()) - before) / 1e9 / (time.monotonic() - begun)
    assert used < 0.2, used
    assert int(dict(line.split() for line in read(c, "cpu", "cpu.stat").splitlines())["nr_throttled"]) > 0


@case("update of cpuset", "RT-config-linux-085", "RT-config-linux-086")
def cpuset(c):
    started(c, cpu={"cpus": "0-1"})
    update(c, "--cpuset-cpus", "0", "--cpuset-mems", "0").ok()
    assert read(c, "cpuset", "cpuset.cpus") == "0" and read(c, "cpuset", "cpuset.mems") == "0"
    status = pathlib.Path(f"/proc/{c.state()['pid']}/status").read_text()
    assert "Cpus_allowed_list:\t0\n" in status, status


@case("update of pids, which holds", "RT-config-linux-111")
def pids(c):
    started(c, "echo up > /ready; while [ ! -e /go ]; do sleep 0.05; done; (sleep 9 & sleep 9 & sleep 9 & sleep 9 & sleep 9) 2> /mark; sleep 60",
            pids={"limit": 100})
    update(c, "--pids-limit", "3").ok()
    assert read(c, "pids", "pids.max") == "3"
    (c.rootfs / "go").touch()
    assert "fork" in c.file("mark")
    update(c, "--pids-limit", "-1").ok()
    assert read(c, "pids", "pids.max") == "max"


@case("update of weights of block devices", "RT-config-linux-088")
def blkio(c):
    mount = cgroup1("blkio")
    started(c)
    if not any((mount / c.id / name).exists() for name in ("blkio.weight", "blkio.bfq.weight")):
        update(c, "--blkio-weight", "300").failed("weight")
        return
    update(c, "--blkio-weight", "300").ok()


@case("update of a rate of a block device, for one device only", "RT-config-linux-099")
def throttle(c):
    started(c)
    device = next((path for path in pathlib.Path("/sys/block").iterdir() if not path.name.startswith(("ram", "zram"))), None)
    major, minor = map(int, (device / "dev").read_text().split(":"))
    update(c, resources={"blockIO": {"throttleReadBpsDevice": [{"major": major, "minor": minor, "rate": 1048576}]}}).ok()
    assert read(c, "blkio", "blkio.throttle.read_bps_device") == f"{major}:{minor} 1048576"
    update(c, resources={"blockIO": {"throttleReadBpsDevice": [{"major": major, "minor": minor, "rate": 0}]}}).ok()
    assert read(c, "blkio", "blkio.throttle.read_bps_device") == ""


@case("an update without device rules leaves them alone", "RT-config-linux-061")
def devices(c):
    c.linux["devices"] = [{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 0o666}]
    started(c, "echo up > /ready; while [ ! -e /go ]; do sleep 0.05; done; (exec 3< /dev/fuse) 2> /mark; echo >> /mark; sleep 60")
    before = read(c, "devices", "devices.list")
    for rounds in range(5):
        update(c, "--pids-limit", str(50 + rounds)).ok()
    update(c, resources={"memory": {"limit": 64 * MB}, "devices": [{"allow": True, "access": "rwm"}]}).ok()
    assert read(c, "devices", "devices.list") == before
    (c.rootfs / "go").touch()
    assert "not permitted" in c.file("mark"), c.file("mark")


@case("update of a paused and of a created container")
def paused(c):
    c.linux["cgroupsPath"] = f"/{c.id}"
    c.shell("echo up > /ready; sleep 60")
    c.create().ok()
    update(c, "--pids-limit", "20").ok()
    c.start().ok()
    c.file("ready")
    c.call("pause", c.id).ok()
    update(c, "--pids-limit", "30").ok()
    assert read(c, "pids", "pids.max") == "30" and c.state()["status"] == "paused"
    c.call("resume", c.id).ok()


@case("update of a stopped container is refused")
def stopped(c):
    c.args("true")
    c.create().ok()
    c.start().ok()
    c.wait("stopped")
    update(c, "--pids-limit", "30").failed("not running|no such file")


@case("what is wrong is refused by name, and nothing is changed")
def wrong(c):
    started(c, memory={"limit": 64 * MB, "swap": 64 * MB}, pids={"limit": 40})
    for resources, text in [
        ({"pids": {"limit": 50}, "memory": {"limit": 64 * MB, "swap": 32 * MB}}, "swap"),
        ({"pids": {"limit": 50}, "cpu": {"quota": 5}}, "quota"),
        ({"pids": {"limit": "x"}}, "pids"),
        ({"pids": {"limit": 50}, "cpu": {"cpus": "4000"}}, "cpus"),
        ({"pids": {"limit": 50}, "cpu": {"period": 5}}, "period"),
    ]:
        update(c, resources=resources).failed(text)
        assert read(c, "pids", "pids.max") == "40" and read(c, "memory", "memory.limit_in_bytes") == str(64 * MB)
    for options, text in [(("--memory", "5X"), "memory"), (("--pids-limit", "many"), "pids-limit"), (("--cpu-period", "1e5"), "cpu-period")]:
        update(c, *options).failed(text)
    (c.directory / "bad").write_text("{")
    c.call("update", "--resources", c.directory / "bad", c.id).failed()
    c.call("update", "--resources", c.directory / "none", c.id).failed("no such file")


@case("when the kernel refuses one limit of several, the others are as before")
def rollback(c):
    started(c, memory={"limit": 64 * MB, "swap": 128 * MB}, cpu={"shares": 300}, pids={"limit": 40})
    update(c, resources={"memory": {"limit": 32 * MB, "swap": 48 * MB}, "cpu": {"shares": 700, "cpus": "4000"}}).failed("cpus")
    assert read(c, "memory", "memory.limit_in_bytes") == str(64 * MB) and read(c, "memory", "memory.memsw.limit_in_bytes") == str(128 * MB)
    assert read(c, "cpu", "cpu.shares") == "300"


@case("a limit of memory below what is used is refused or made room for, not forgotten")
def memory_in_use(c):
    started(c, "head -c 40000000 /dev/zero > /dev/shm/data; echo up > /ready; sleep 60", memory={"limit": 256 * MB, "swap": 256 * MB})
    result = update(c, "--memory", "4M", "--memory-swap", "4M")
    if result.status == 0:
        assert read(c, "memory", "memory.limit_in_bytes") == str(4 * MB)
    else:
        result.failed("memory")
        assert read(c, "memory", "memory.limit_in_bytes") == str(256 * MB)


@case("update of what does not exist is refused")
def missing(c):
    update(c, "--pids-limit", "3").failed("does not exist|no such file")


@case("options of update may stand after the id")
def options_behind(c):
    started(c)
    c.call("update", c.id, "--pids-limit", "33", "--memory=7M").ok()
    assert read(c, "pids", "pids.max") == "33" and read(c, "memory", "memory.limit_in_bytes") == str(7 * MB)


@case("updates add up: a later one knows what an earlier one has set")
def later(c):
    started(c, memory={"limit": 64 * MB, "swap": 96 * MB})
    update(c, "--memory", "32M", "--memory-swap", "48M").ok()
    update(c, "--memory", "64M").failed("memory|invalid")
    assert read(c, "memory", "memory.limit_in_bytes") == str(32 * MB)
    update(c, "--memory", "40M").ok()
    assert read(c, "memory", "memory.memsw.limit_in_bytes") == str(48 * MB)
