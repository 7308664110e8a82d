"""events, which the command line of runc has beside the operations of runtime.md; and the lack of memory."""
import contextlib
import json
import pathlib
import subprocess
import threading
import time

from support import TIMEOUT, case, cgroup1, until, waits

MB = 1 << 20
UNIFIED = pathlib.Path("/sys/fs/cgroup/cgroup.controllers").exists()


def cgroup(c, controller):
    """The container's directory of a controller."""
    return (pathlib.Path("/sys/fs/cgroup") if UNIFIED else cgroup1(controller)) / c.id


def started(c, script="echo up > /ready; sleep 60", **resources):
    c.linux["cgroupsPath"] = f"/{c.id}"
    c.linux["resources"].update(resources)
    c.shell(script)
    c.create().ok()
    c.start().ok()
    c.file("ready")


def statistics(c):
    result = c.call("events", "--stats", c.id).ok()
    assert len(result.lines) == 1, str(result)
    event = json.loads(result.out)
    assert event["type"] == "stats" and event["id"] == c.id, event
    return event["data"]


@contextlib.contextmanager
def stream(c, *options):
    """`events` as it runs, from when it waits for what happens."""
    with subprocess.Popen([c.runtime, "--root", str(c.state_root), "events", *options, c.id], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          stdin=subprocess.DEVNULL, cwd=c.bundle, text=True) as process:
        try:
            until(lambda: waits(process.pid, "poll") or process.poll() is not None, "events does not wait")
            yield process
        finally:
            process.kill()


@contextlib.contextmanager
def alarm(process):
    """Ends `process` when it takes too long: whoever reads from it gets no more. A machine that is emulated and has no processor to itself waits
    for other things."""
    timer = threading.Timer(3 * TIMEOUT, process.kill)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def notices(text):
    """What the lines are that are not about pressure, which comes before a lack of memory or with it."""
    return [event for event in map(json.loads, text.splitlines()) if event["type"] != "pressure"]


def ends(process):
    try:
        return process.communicate(timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        raise AssertionError("events does not end with the container")


@case("events --stats prints one line with what the container uses and may use")
def usage(c):
    started(c, "head -c 20000000 /dev/zero > /dev/shm/data; sleep 61 & i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo up > /ready; wait",
            memory={"limit": 128 * MB, "swap": 160 * MB}, pids={"limit": 40}, cpu={"cpus": "0"})
    data = statistics(c)
    memory = data["memory"]
    assert memory["usage"]["limit"] == 128 * MB and memory["swap"]["limit"] == 160 * MB, memory
    assert 20000000 <= memory["usage"]["usage"] <= memory["usage"]["max"] < 128 * MB, memory
    assert memory["cache"] >= 20000000 and memory["raw"]["file" if UNIFIED else "cache"] == memory["cache"] and memory["usage"]["failcnt"] == 0, memory
    assert data["pids"] == {"current": 2, "limit": 40}, data["pids"]
    assert data["cpuset"]["cpus"] == [0] and data["cpuset"]["mems"] == [0] and (UNIFIED or data["cpuset"]["sched_load_balance"] == 1), data["cpuset"]
    cpu = data["cpu"]["usage"]
    assert cpu["total"] > 10000000 and cpu["user"] + cpu["kernel"] > 10000000, cpu
    assert UNIFIED or (sum(cpu["percpu"]) >= cpu["total"] // 2 and len(cpu["percpu"]) == len(cpu["percpu_user"])), cpu
    assert "hugetlb" in data and "blkio" in data and "intel_rdt" in data and "network_interfaces" in data, data.keys()


@case("events --stats: what nobody limits is not left out")
def unlimited(c):
    started(c)
    data = statistics(c)
    assert data["memory"]["usage"]["limit"] > 1 << 60 and data["memory"]["kernel"]["usage"] > 0 and "limit" not in data["pids"], data


@case("events --stats: throttling")
def throttling(c):
    started(c, "echo up > /ready; while :; do :; done", cpu={"quota": 5000, "period": 100000})
    def throttling():
        return statistics(c)["cpu"]["throttling"]

    def enough():
        found = {"periods": 0, "throttledPeriods": 0, "throttledTime": 0} | throttling()
        return found["periods"] > 1 and found["throttledPeriods"] > 0 and found["throttledTime"] > 10000000
    until(enough, lambda: f"it is not throttled: {throttling()}")


@case("events --stats of a paused and of a created container")
def paused(c):
    c.args("sleep", "60")
    c.create().ok()
    assert statistics(c)["pids"]["current"] == 1
    c.start().ok()
    c.call("pause", c.id).ok()
    assert statistics(c)["pids"]["current"] == 1
    c.call("resume", c.id).ok()


@case("events prints a line each interval, and ends with the container")
def interval(c):
    started(c)
    begun = time.monotonic()
    with stream(c, "--interval", "200ms") as process, alarm(process):
        lines = [process.stdout.readline() for _ in range(6)]
        # without the option it takes half a minute
        assert time.monotonic() - begun < 20, f"{len(lines)} lines take {time.monotonic() - begun} s"
        assert process.poll() is None
        c.kill("KILL").ok()
        out, _ = ends(process)
        lines = [json.loads(line) for line in [*lines, *out.splitlines()]]
        assert len(lines) <= (time.monotonic() - begun) / 0.2 + 1 and all(line["type"] == "stats" and line["id"] == c.id for line in lines), lines
        assert process.returncode == 0, process.returncode


@case("events tells of a lack of memory, and does not hold the container's lock")
def out_of_memory(c):
    # What a victim leaves is not free at once: meanwhile the kernel takes whoever asks for memory. So both ends of the pipe are
    # victims, and the shell asks for nothing for a while.
    started(c, "echo up > /ready; while [ ! -e /go ]; do sleep 0.05; done; "
            "sh -c 'echo 1000 > /proc/self/oom_score_adj; head -c 100000000 /dev/zero | tail -c 99000000 > /dev/null'; "
            "i=0; while [ $i -lt 100000 ]; do i=$((i + 1)); done; echo up > /mark; sleep 60", memory={"limit": 16 * MB, "swap": 16 * MB})
    with stream(c, "--interval", "600s") as process, alarm(process):
        c.call("update", "--pids-limit", "50", c.id).ok()
        (c.rootfs / "go").touch()
        told = []
        while not told and (line := process.stdout.readline()):
            told = notices(line)
        assert told == [{"type": "oom", "id": c.id}], told
        c.file("mark")
        c.kill("KILL").ok()
        ends(process)


@case("events tells of the lack of memory that ends the container")
def last_event(c):
    started(c, "echo up > /ready; while [ ! -e /go ]; do sleep 0.05; done; exec tail -c 99000000 /dev/zero", memory={"limit": 16 * MB, "swap": 16 * MB})
    with stream(c, "--interval", "600s") as process:
        (c.rootfs / "go").touch()
        out, _ = ends(process)
        assert [event["type"] for event in notices(out)] == ["oom"], out


@case("events tells that a container begins to be short of memory, and not all the time")
def pressure(c):
    # version 1 counts what cannot be reclaimed, version 2 the time for reading again what was reclaimed too early
    started(c, "head -c 30000000 /dev/zero > /data; echo up > /ready; "
            "while :; do sh -c 'echo 1000 > /proc/self/oom_score_adj; exec tail -c 99000000 /dev/zero'; cat /data /data > /dev/null; done",
            memory={"limit": 16 * MB, "swap": 16 * MB})
    with stream(c, "--interval", "600s") as process, alarm(process):
        lines = []
        while len(lines) < 4 and (line := process.stdout.readline()):
            event = json.loads(line)
            if event["type"] == "pressure":
                lines.append((time.monotonic(), event))
        assert len(lines) == 4, lines
        c.kill("KILL").ok()
        ends(process)
    for _, event in lines:
        assert event["id"] == c.id and event["data"]["resource"] == "memory", event
        assert event["data"].get("level") == "medium" or event["data"]["psi"]["some"]["total"] > 0, event
    # one in two seconds at most; the first may have been read late
    assert lines[-1][0] - lines[0][0] > 4, lines


@case("events of a stopped container is refused")
def stopped(c):
    c.args("true")
    c.create().ok()
    c.start().ok()
    c.wait("stopped")
    c.call("events", "--stats", c.id).failed("not running")
    c.call("events", c.id).failed("not running")


@case("events refuses an interval that is none, and what does not exist")
def wrong(c):
    c.call("events", "--stats", c.id).failed("does not exist|no such file")
    started(c)
    for interval in ("0s", "-1s", "soon"):
        c.call("events", "--interval", interval, c.id).failed("interval")


@case("a container starts under a tiny limit of memory, or the error says that it is too low", "RT-config-linux-068")
def tiny_limits(c):
    for kilobytes in (128, 256, 512, 1024, 2048, 4096, 6144):
        c.linux["cgroupsPath"] = f"/{c.id}"
        c.linux["resources"]["memory"] = {"limit": kilobytes << 10, "swap": kilobytes << 10}
        c.args("sleep", "60")
        begun = time.monotonic()
        result = c.create()
        assert time.monotonic() - begun < 9, f"{kilobytes} KiB: {time.monotonic() - begun} s"
        if result.status == 0:
            assert (cgroup(c, "memory") / ("memory.max" if UNIFIED else "memory.limit_in_bytes")).read_text().strip() == str(kilobytes << 10)
            c.start()
            c.delete("--force").ok()
        else:
            result.failed("memory limit|memory")
            assert str(kilobytes << 10) in result.err, str(result)
        assert not cgroup(c, "memory").exists(), f"{kilobytes} KiB: the cgroup is left"


@case("a container starts under a limit of 256 KiB of memory", "RT-config-linux-068")
def least(c):
    c.linux["cgroupsPath"] = f"/{c.id}"
    c.linux["resources"]["memory"] = {"limit": 256 << 10, "swap": 256 << 10}
    c.args("sleep", "60")
    refused = 0
    for _ in range(10):
        made = c.create()
        if made.status and UNIFIED and refused < 3:
            # One CPU may have taken all of it at once, since the kernel charges 256 KiB at a time, when another one asks. With less
            # than that, and with more, it does not happen.
            made.failed("memory limit too low")
            refused += 1
            continue
        made.ok()
        c.start().ok()
        time.sleep(0.1)
        assert c.state()["status"] == "running"
        assert (cgroup(c, "memory") / ("memory.max" if UNIFIED else "memory.limit_in_bytes")).read_text().strip() == str(256 << 10)
        c.delete("--force").ok()


@case("a program that cannot be executed for lack of memory: start, run and exec say so, with usage and limit", "RT-config-linux-068")
def executed_without_memory(c):
    words = r"it was killed: memory limit too low \(used \d+ bytes, limit 65536 bytes\)"
    c.linux["cgroupsPath"] = f"/{c.id}"
    c.linux["resources"]["memory"] = {"limit": 64 << 10, "swap": 64 << 10}
    c.args("sleep", "60")
    made = c.create()
    if made.status == 0:
        c.start().failed(words, f'start container "{c.id}"')
        assert c.state()["status"] == "stopped"
        c.delete().ok()
    else:
        made.failed("65536")
    c.run("--detach").failed("limit 65536 bytes")
    c.call("state", c.id).failed("does not exist")
    # the first process has what it needs, and leaves the others next to nothing
    c.linux["resources"]["memory"] = {"limit": 512 << 10, "swap": 512 << 10}
    c.create().ok()
    c.start().ok()
    limit = cgroup(c, "memory") / ("memory.max" if UNIFIED else "memory.limit_in_bytes")
    if not UNIFIED:
        (limit.parent / "memory.memsw.limit_in_bytes").write_text("-1")
    c.call("exec", "--detach", c.id, "true").ok()
    (c.rootfs / "hog").write_text("x=1; while :; do x=$x$x; done\n")
    result = c.call("exec", c.id, "sh", "/hog")
    assert result.status == 137 and "memory limit too low" in result.err and "limit 524288 bytes" in result.err, str(result)


@case("a created container needs less than 2 MiB", "RT-config-linux-068")
def small(c):
    c.linux["resources"]["memory"] = {"limit": 2 * MB, "swap": 2 * MB}
    c.args("true")
    c.create().ok()
    c.start().ok()
    c.wait("stopped")
    c.delete().ok()


@case("run says when the kernel killed for lack of memory")
def run_killed(c):
    c.linux["resources"]["memory"] = {"limit": 16 * MB, "swap": 16 * MB}
    result = c.args("tail", "-c", "99000000", "/dev/zero").run()
    assert result.status == 137 and "memory limit too low" in result.err and str(16 * MB) in result.err, str(result)
