"""update, which the command line of runc has beside the operations of runtime.md: limits of config-linux.md "Control groups"
written, read back, and exceeded."""
import json
import math
import pathlib
import subprocess
import time

from support import Skip, case, cgroup1, until

MB = 1 << 20
UNIFIED = pathlib.Path("/sys/fs/cgroup/cgroup.controllers").exists()


def started(c, script="echo up > /ready; sleep 60", **resources):
    c.linux["cgroupsPath"] = f"/{c.id}"
    c.linux["resources"].update(resources)
    c.shell(script)
    c.create().ok()
    c.start().ok()
    c.file("ready")


def cgroup(c, controller):
    """The container's directory of a controller."""
    return (pathlib.Path("/sys/fs/cgroup") if UNIFIED else cgroup1(controller)) / c.id


def read(c, controller, file):
    return (cgroup(c, controller) / file).read_text().strip()


VERSION1 = {
    "memory": ("memory", "memory.limit_in_bytes"), "swap": ("memory", "memory.memsw.limit_in_bytes"),
    "reservation": ("memory", "memory.soft_limit_in_bytes"), "quota": ("cpu", "cpu.cfs_quota_us"), "period": ("cpu", "cpu.cfs_period_us"),
    "burst": ("cpu", "cpu.cfs_burst_us"), "idle": ("cpu", "cpu.idle"), "cpus": ("cpuset", "cpuset.cpus"), "mems": ("cpuset", "cpuset.mems"),
    "pids": ("pids", "pids.max"), "shares": ("cpu", "cpu.shares"),
}
VERSION2 = {"memory": "memory.max", "reservation": "memory.low", "burst": "cpu.max.burst", "idle": "cpu.idle", "cpus": "cpuset.cpus", "mems": "cpuset.mems",
            "pids": "pids.max", "shares": "cpu.weight"}


def limit(c, name):
    """What the kernel says of a limit, in the words of version 1; -1 and "max" are no limit."""
    if not UNIFIED:
        text = read(c, *VERSION1[name])
        return "-1" if name in ("memory", "swap") and int(text) > 1 << 60 else text
    if name in ("quota", "period"):
        return read(c, "cpu", "cpu.max").replace("max", "-1").split()[name == "period"]
    if name == "swap":
        file = cgroup(c, "memory") / "memory.swap.max"
        if not file.exists():
            raise Skip("the kernel has no swap")
        both = file.read_text().strip(), read(c, "memory", "memory.max")
        return "-1" if "max" in both else str(sum(map(int, both)))
    text = read(c, name, VERSION2[name])
    return "-1" if name == "memory" and text == "max" else text


def shares(count):
    """Shares as `limit` says them."""
    if not UNIFIED:
        return str(count)
    logarithm = math.log2(count)
    return str(math.ceil(10 ** ((logarithm * logarithm + 125 * logarithm) / 612 - 7 / 34) - 1e-6))


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
        assert limit(c, "memory") == limit(c, "swap") == str(megabytes * MB)
    update(c, "--memory", "50M", "--memory-swap", "100M", "--memory-reservation", "20m").ok()
    assert limit(c, "memory") == str(50 * MB)
    assert limit(c, "swap") == str(100 * MB)
    assert limit(c, "reservation") == str(20 * MB)
    file = c.directory / "limits.json"
    file.write_text(json.dumps({"memory": {"limit": 60 * MB}}))
    c.call("update", "-r", file, c.id).ok()
    assert limit(c, "memory") == str(60 * MB)
    assert limit(c, "swap") == str(100 * MB)


@case("update lifts a limit of memory")
def memory_unlimited(c):
    started(c, memory={"limit": 64 * MB, "swap": 96 * MB})
    update(c, "--memory", "-1").ok()
    assert limit(c, "memory") == "-1" and limit(c, "swap") == "-1"


@case("a limit of memory that an update has set holds")
def memory_holds(c):
    # What a victim leaves is not free at once: meanwhile the kernel takes whoever asks for memory. So both ends of the pipe are
    # victims, and the shell asks for nothing for a while.
    started(
        c, "echo up > /ready; while [ ! -e /go ]; do sleep 0.05; done; "
        "sh -c 'echo 1000 > /proc/self/oom_score_adj; head -c 100000000 /dev/zero | tail -c 99000000 > /dev/null'; "
        "s=$?; i=0; while [ $i -lt 100000 ]; do i=$((i + 1)); done; echo status $s > /mark; sleep 60", memory={"limit": 512 * MB, "swap": 512 * MB})
    update(c, "--memory", "16M", "--memory-swap", "16M").ok()
    (c.rootfs / "go").touch()
    assert c.file("mark") == "status 137", c.file("mark")
    assert "oom_kill 0" not in read(c, "memory", "memory.events" if UNIFIED else "memory.oom_control")


@case("update of cpu: quota, period and shares, also one without the others", "RT-config-linux-079", "RT-config-linux-080", "RT-config-linux-082")
def cpu(c):
    started(c, cpu={"quota": 50000, "period": 100000, "shares": 512})
    update(c, "--cpu-quota", "80000", "--cpu-period", "200000", "--cpu-share", "256").ok()
    assert [limit(c, name) for name in ("quota", "period", "shares")] == ["80000", "200000", shares(256)]
    update(c, "--cpu-quota", "90000").ok()
    assert [limit(c, name) for name in ("quota", "period", "shares")] == ["90000", "200000", shares(256)]
    update(c, "--cpu-period", "100000").ok()
    assert [limit(c, name) for name in ("quota", "period", "shares")] == ["90000", "100000", shares(256)]
    update(c, resources={"cpu": {"shares": 0, "quota": -1, "period": 0, "realtimePeriod": 0, "realtimeRuntime": 0, "cpus": "", "mems": ""}}).ok()
    assert [limit(c, name) for name in ("quota", "period", "shares")] == ["-1", "100000", shares(256)]


@case("update of burst and idle")
def burst_and_idle(c):
    started(c, cpu={"quota": 50000, "period": 100000})
    update(c, "--cpu-burst", "40000").ok()
    assert limit(c, "burst") == "40000"
    update(c, "--cpu-idle", "1").ok()
    assert limit(c, "idle") == "1"
    update(c, "--cpu-idle", "0", "--cpu-share", "600").ok()
    assert limit(c, "idle") == "0" and limit(c, "shares") == shares(600)


@case("a quota that an update has set holds")
def quota_holds(c):
    started(c, "echo up > /ready; while :; do :; done")
    def used():
        if UNIFIED:
            return int(dict(line.split() for line in read(c, "cpu", "cpu.stat").splitlines())["usage_usec"]) / 1e6
        return int(read(c, "cpuacct", "cpuacct.usage")) / 1e9
    update(c, "--cpu-period", "100000", "--cpu-quota", "10000").ok()
    def throttled():
        return int(dict(line.split() for line in read(c, "cpu", "cpu.stat").splitlines())["nr_throttled"])
    until(lambda: throttled() > 0, "it is never throttled")
    begun, before = time.monotonic(), used()  # in this order: whoever measures may be interrupted too
    time.sleep(1)
    now = used()
    share = (now - before) / (time.monotonic() - begun)
    assert share < 0.2, share


@case("update of cpuset", "RT-config-linux-085", "RT-config-linux-086")
def cpuset(c):
    started(c, cpu={"cpus": "0-1"})
    update(c, "--cpuset-cpus", "0", "--cpuset-mems", "0").ok()
    assert limit(c, "cpus") == "0" and limit(c, "mems") == "0"
    status = pathlib.Path(f"/proc/{c.state()['pid']}/status").read_text()
    assert "Cpus_allowed_list:\t0\n" in status, status


@case("update of pids, which holds", "RT-config-linux-111")
def pids(c):
    started(c, "echo up > /ready; while [ ! -e /go ]; do sleep 0.05; done; (sleep 60 & sleep 60 & sleep 60 & sleep 60 & sleep 60) 2> /mark; sleep 60",
            pids={"limit": 100})
    update(c, "--pids-limit", "3").ok()
    assert limit(c, "pids") == "3"
    (c.rootfs / "go").touch()
    assert "fork" in c.file("mark")
    update(c, "--pids-limit", "-1").ok()
    assert limit(c, "pids") == "max"


@case("update of weights of block devices", "RT-config-linux-088")
def blkio(c):
    started(c)
    if not any((cgroup(c, "blkio") / name).exists() for name in ("blkio.weight", "blkio.bfq.weight", "io.weight", "io.bfq.weight")):
        update(c, "--blkio-weight", "300").failed("weight")
        return
    update(c, "--blkio-weight", "300").ok()


@case("update of a rate of a block device, for one device only", "RT-config-linux-099")
def throttle(c):
    started(c)
    device = next((path for path in pathlib.Path("/sys/block").iterdir() if not path.name.startswith(("ram", "zram"))), None)
    major, minor = map(int, (device / "dev").read_text().split(":"))
    update(c, resources={"blockIO": {"throttleReadBpsDevice": [{"major": major, "minor": minor, "rate": 1048576}]}}).ok()
    if UNIFIED:
        assert f"{major}:{minor} rbps=1048576 " in read(c, "io", "io.max")
    else:
        assert read(c, "blkio", "blkio.throttle.read_bps_device") == f"{major}:{minor} 1048576"
    update(c, resources={"blockIO": {"throttleReadBpsDevice": [{"major": major, "minor": minor, "rate": 0}]}}).ok()
    assert read(c, "blkio", "io.max" if UNIFIED else "blkio.throttle.read_bps_device") == ""


@case("an update without device rules leaves them alone", "RT-config-linux-061")
def devices(c):
    c.linux["devices"] = [{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 0o666}]
    started(c, "echo up > /ready; while [ ! -e /go ]; do sleep 0.05; done; (exec 3< /dev/fuse) 2> /mark; echo >> /mark; sleep 60")
    before = None if UNIFIED else read(c, "devices", "devices.list")
    for rounds in range(5):
        update(c, "--pids-limit", str(50 + rounds)).ok()
    update(c, resources={"memory": {"limit": 64 * MB}, "devices": [{"allow": True, "access": "rwm"}]}).ok()
    assert UNIFIED or read(c, "devices", "devices.list") == before
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
    assert limit(c, "pids") == "30" and c.state()["status"] == "paused"
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
        assert limit(c, "pids") == "40" and limit(c, "memory") == str(64 * MB)
    for options, text in [(("--memory", "5X"), "memory"), (("--pids-limit", "many"), "pids-limit"), (("--cpu-period", "1e5"), "cpu-period")]:
        update(c, *options).failed(text)
    (c.directory / "bad").write_text("{")
    c.call("update", "--resources", c.directory / "bad", c.id).failed()
    c.call("update", "--resources", c.directory / "none", c.id).failed("no such file")


@case("when the kernel refuses one limit of several, the others are as before")
def rollback(c):
    started(c, memory={"limit": 64 * MB, "swap": 128 * MB}, cpu={"shares": 300}, pids={"limit": 40})
    update(c, resources={"memory": {"limit": 32 * MB, "swap": 48 * MB}, "cpu": {"shares": 700, "cpus": "4000"}}).failed("cpus")
    assert limit(c, "memory") == str(64 * MB) and limit(c, "swap") == str(128 * MB)
    assert limit(c, "shares") == shares(300)


@case("a limit of memory below what is used is refused or made room for, not forgotten")
def memory_in_use(c):
    started(c, "head -c 40000000 /dev/zero > /dev/shm/data; echo up > /ready; sleep 60", memory={"limit": 256 * MB, "swap": 256 * MB})
    result = update(c, "--memory", "4M", "--memory-swap", "4M")
    if result.status == 0:
        assert limit(c, "memory") == str(4 * MB)
    else:
        result.failed("memory")
        assert limit(c, "memory") == str(256 * MB)


@case("update of what does not exist is refused")
def missing(c):
    update(c, "--pids-limit", "3").failed("does not exist|no such file")


@case("options of update may stand after the id")
def options_behind(c):
    started(c)
    c.call("update", c.id, "--pids-limit", "33", "--memory=7M").ok()
    assert limit(c, "pids") == "33" and limit(c, "memory") == str(7 * MB)


@case("updates add up: a later one knows what an earlier one has set")
def later(c):
    started(c, memory={"limit": 64 * MB, "swap": 96 * MB})
    update(c, "--memory", "32M", "--memory-swap", "48M").ok()
    update(c, "--memory", "64M").failed("memory|invalid")
    assert limit(c, "memory") == str(32 * MB)
    update(c, "--memory", "40M").ok()
    assert limit(c, "swap") == str(48 * MB)
