"""Cgroups that systemd makes (--systemd-cgroup): for root by the system's manager, for a user by the user's."""
import contextlib
import os
import pathlib
import socket
import subprocess
import threading
import time

from support import Skip, alive, case, cgroup1, cgroup2, cgroups_called, own_cgroup2, until


def manager(c):
    """Makes the case use systemd; gives the options with which systemctl(1) asks the same manager."""
    cgroup2()
    return _manager(c)


def _manager(c):
    if not os.path.isdir("/run/systemd/system"):
        raise Skip("systemd is not pid 1")
    c.global_options = ["--systemd-cgroup"]
    if os.geteuid() == 0:
        return []
    if "XDG_RUNTIME_DIR" not in os.environ:
        raise Skip("needs a user with a session")
    c.environment |= {key: os.environ[key] for key in ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS") if key in os.environ}
    return ["--user"]


def properties(options, unit, *names):
    """What systemd says of a unit."""
    done = subprocess.run(["systemctl", *options, "show", unit, *(f"--property={name}" for name in names)], capture_output=True, text=True, check=True)
    return dict(line.split("=", 1) for line in done.stdout.splitlines())


def gone(options, unit):
    return properties(options, unit, "LoadState", "ActiveState") == {"LoadState": "not-found", "ActiveState": "inactive"}


def limited(c):
    c.linux["resources"] = {
        "memory": {"limit": 64 << 20, "reservation": 32 << 20}, "pids": {"limit": 30},
        "cpu": {"quota": 25000, "period": 100000, "shares": 1024, "cpus": "0"}, "unified": {"memory.high": str(48 << 20)},
        "devices": [{"allow": False, "access": "rwm"}],
    }


FILES = ("memory.max", "memory.low", "memory.high", "pids.max", "cpu.max", "cpu.weight", "cpuset.cpus")


def check_limits(c, *slice_path):
    """Limits reach the files and systemd, and stay over a reload of systemd."""
    options = manager(c)
    limited(c)
    unit = f"box-{c.id}.scope"
    c.linux["cgroupsPath"] = f"{slice_path[-1]}:box:{c.id}"
    c.shell("cat /proc/self/cgroup > /mark; sleep 60")
    c.create().ok()
    pid = c.state()["pid"]
    directory = own_cgroup2(pid)
    assert directory.name == unit and str(directory).endswith("/".join([*slice_path, unit])), directory
    before = {file: (directory / file).read_text().strip() for file in FILES}
    assert before.pop("cpu.weight") in ("100", "39")
    assert before == {"memory.max": str(64 << 20), "memory.low": str(32 << 20), "memory.high": str(48 << 20), "pids.max": "30",
                      "cpu.max": "25000 100000", "cpuset.cpus": "0"}, before
    told = properties(options, unit, "MemoryMax", "TasksMax", "CPUQuotaPerSecUSec", "AllowedCPUs", "Delegate", "Slice")
    assert told == {"MemoryMax": str(64 << 20), "TasksMax": "30", "CPUQuotaPerSecUSec": "250ms", "AllowedCPUs": "0", "Delegate": "yes",
                    "Slice": slice_path[-1]}, told
    subprocess.run(["systemctl", *options, "daemon-reload"], check=True)
    subprocess.run(["systemctl", *options, "set-property", "--runtime", unit, "IOWeight=50"], check=True)
    after = {file: (directory / file).read_text().strip() for file in FILES if file != "cpu.weight"}
    assert after == before, after
    c.start().ok()
    assert unit in c.file("mark")
    c.delete("--force").ok()
    assert not directory.exists() and not alive(pid) and gone(options, unit)


@case("limits are given to systemd and to the files, and stay after daemon-reload", "RT-config-linux-046")
def limits(c):
    check_limits(c, "machine.slice", "machine-box.slice")


@case("the same in a user's session", root=False)
def user_limits(c):
    if os.geteuid() == 0:
        raise Skip("needs to be run by a user with a session")
    check_limits(c, "user.slice")


@case("device rules stay after daemon-reload", "RT-config-linux-061")
def devices(c):
    manager(c)
    c.linux["devices"] = [{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 0o666}]
    c.shell("while [ ! -e /go ]; do sleep 0.1; done; (exec 3</dev/fuse) 2>/dev/null; echo $? $(head -c 1 /dev/zero | wc -c) > /mark; sleep 60")
    c.create().ok()
    c.start().ok()
    subprocess.run(["systemctl", "daemon-reload"], check=True)
    (c.rootfs / "go").touch()
    assert c.file("mark").split()[1] == "1" and not c.file("mark").startswith("0"), c.file("mark")


@case("without a cgroupsPath the scope has the container's id", root=None)
def default_name(c):
    options = manager(c)
    c.shell("cat /proc/self/cgroup").run().ok()
    result = c.shell("cat /proc/self/cgroup").run().ok()
    assert f"{c.id}.scope" in result.out, result.out
    assert gone(options, result.out.strip().rsplit("/", 1)[-1])


@case("annotations org.systemd.property.* set properties")
def annotations(c):
    options = manager(c)
    c.linux["cgroupsPath"] = f"system.slice:box:{c.id}"
    c.config["annotations"] = {"org.systemd.property.TimeoutStopSec": "7", "org.systemd.property.Description": "'a box'",
                               "org.systemd.property.After": "['dbus.service']"}
    c.shell("sleep 60")
    c.create().ok()
    told = properties(options, f"box-{c.id}.scope", "TimeoutStopUSec", "Description", "After")
    assert told["TimeoutStopUSec"] == "7s" and told["Description"] == "a box" and "dbus.service" in told["After"], told


@case("an annotation that is no property is an error that names it")
def annotation_refused(c):
    manager(c)
    c.config["annotations"] = {"org.systemd.property.Nonsense": "'x'"}
    c.run().failed("Nonsense")


@case("a cgroupsPath of another form is refused", "RT-config-linux-050")
def wrong_path(c):
    manager(c)
    c.linux["cgroupsPath"] = "/a/b"
    c.run().failed("slice:prefix:name")


@case("a pids limit of 1 leaves room for the program alone")
def one_process(c):
    options = manager(c)
    c.linux["cgroupsPath"] = f"system.slice:box:{c.id}"
    c.linux["resources"]["pids"] = {"limit": 1}
    c.shell("sleep 60 & wait")
    c.create().ok()
    assert properties(options, f"box-{c.id}.scope", "TasksMax") == {"TasksMax": "1"}
    assert (own_cgroup2(c.state()["pid"]) / "pids.max").read_text().strip() == "1"


@case("update tells systemd as well, so that a reload keeps the new limit")
def update(c):
    options = manager(c)
    unit = f"box-{c.id}.scope"
    c.linux["cgroupsPath"] = f"system.slice:box:{c.id}"
    c.shell("sleep 60")
    c.create().ok()
    c.call("update", "--pids-limit", "20", c.id).ok()
    subprocess.run(["systemctl", "daemon-reload"], check=True)
    assert properties(options, unit, "TasksMax") == {"TasksMax": "20"}
    assert (own_cgroup2(c.state()["pid"]) / "pids.max").read_text().strip() == "20"


@case("an idle container stays so over a reload, until it is told otherwise; then it has its weight again", "RT-config-linux-087")
def idle(c):
    manager(c)
    c.linux["cgroupsPath"] = f"system.slice:box:{c.id}"
    c.linux["resources"]["cpu"] = {"shares": 200, "idle": 1}
    c.shell("sleep 60")
    c.create().ok()
    directory = own_cgroup2(c.state()["pid"])
    if not (directory / "cpu.idle").exists():
        raise Skip("this kernel knows no idle cgroups")
    weight = (directory / "cpu.weight").read_text()
    subprocess.run(["systemctl", "daemon-reload"], check=True)
    assert (directory / "cpu.idle").read_text() == "1\n"
    c.call("update", "--cpu-idle", "0", c.id).ok()
    subprocess.run(["systemctl", "daemon-reload"], check=True)
    assert (directory / "cpu.idle").read_text() == "0\n"
    assert (directory / "cpu.weight").read_text() != weight


@case("a period without a quota is in the file, although systemd knows none then")
def period_alone(c):
    manager(c)
    c.linux["cgroupsPath"] = f"system.slice:box:{c.id}"
    c.shell("sleep 60")
    c.create().ok()
    c.call("update", "--cpu-period", "50000", c.id).ok()
    assert (own_cgroup2(c.state()["pid"]) / "cpu.max").read_text() == "max 50000\n"


@case("a scope of the same name is an error that names it")
def same_name(c):
    manager(c)
    c.linux["cgroupsPath"] = f"system.slice:box:{c.id}"
    c.shell("sleep 60")
    c.create().ok()
    first, c.id = c.id, c.id + "b"
    try:
        c.create().failed(f"box-{first}.scope", "already|not empty")
    finally:
        c.id = first


@case("a frozen cgroup in the place of the scope's is refused at once, and stays", "RT-config-linux-043")
def frozen(c):
    manager(c)
    if os.geteuid() != 0:
        raise Skip("needs root")
    directory = cgroup2() / f"system.slice/box-{c.id}.scope"
    directory.mkdir()
    try:
        (directory / "cgroup.freeze").write_text("1")
        c.linux["cgroupsPath"] = f"system.slice:box:{c.id}"
        c.create().failed("frozen")
        assert (directory / "cgroup.freeze").read_text() == "1\n"
    finally:
        directory.rmdir()


@case("the kernel's word: a program that needs too much memory is killed, and its scope goes")
def out_of_memory(c):
    options = manager(c)
    c.linux["cgroupsPath"] = f"system.slice:box:{c.id}"
    c.linux["resources"]["memory"] = {"limit": 16 << 20, "swap": 16 << 20}
    c.args("dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=1")
    told = []
    for _ in range(5):
        done = c.run()
        assert done.status == 137, done
        told.append(done.err)
        assert gone(options, f"box-{c.id}.scope")
        if "memory limit too low" in done.err:
            break
    # systemd removes the cgroup with its last process: the runtime nearly always looks before
    assert "memory limit too low" in told[-1] or not c.runtime.endswith("cale"), told


@case("a bus that takes the call and never answers is reported within 5 seconds, and nothing is left", root=None)
def silent_bus(c):
    manager(c)
    path = c.directory / "bus"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        path.chmod(0o666)
        server.listen(4)
        c.environment |= {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={path}", "DBUS_SESSION_BUS_ADDRESS": f"unix:path={path}"}
        started = time.monotonic()
        c.run().failed("StartTransientUnit", "ETIMEDOUT|timed out")
        assert time.monotonic() - started < 9
    del c.environment["DBUS_SYSTEM_BUS_ADDRESS"], c.environment["DBUS_SESSION_BUS_ADDRESS"]
    assert not list(c.state_root.glob(c.id))


@case("a bus that talks nonsense is an error", root=None)
def talkative_bus(c):
    manager(c)
    path = c.directory / "bus"

    def talk(server):
        connection, _ = server.accept()
        with connection:
            connection.sendall(b"DATA\r\nOK 1234\r\n" + b"\xff" * 4096)
            with contextlib.suppress(OSError):
                while connection.recv(4096):
                    pass

    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        path.chmod(0o666)
        server.listen(1)
        threading.Thread(target=talk, args=(server,), daemon=True).start()
        c.environment |= {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={path}", "DBUS_SESSION_BUS_ADDRESS": f"unix:path={path}"}
        c.run().failed("no D-Bus message")
    del c.environment["DBUS_SYSTEM_BUS_ADDRESS"], c.environment["DBUS_SESSION_BUS_ADDRESS"]


@case("without a bus: a limit is refused, no limit is no error for a user", root=None)
def no_bus(c):
    manager(c)
    if os.geteuid() == 0:
        raise Skip("needs to be run by a user")
    c.environment |= {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent/bus"}
    c.shell("echo up").run().prints("up")
    c.linux["resources"] = {"pids": {"limit": 10}}
    c.run().failed("/nonexistent/bus")


@case("killed at random moments of create, it leaves nothing that delete --force does not remove", root=None)
def killed_creator(c):
    options = _manager(c)
    unit = f"box-{c.id}.scope"
    c.linux["cgroupsPath"] = f":box:{c.id}"
    c.shell("sleep 60")
    c.write()
    for milliseconds in range(0, 600, 60):
        command = [c.runtime, "--root", str(c.state_root), "--systemd-cgroup", "create", "--bundle", str(c.bundle), c.id]
        creator = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   env=c.environment, cwd=c.bundle)
        time.sleep(milliseconds / 1000)
        creator.kill()
        creator.wait()
        c.delete("--force").ok()
        until(lambda: gone(options, unit), lambda: f"after {milliseconds} ms: {properties(options, unit, 'ActiveState', 'SubState', 'ControlGroup')}")


def beside_version1(c):
    """The same where systemd has version 1 hierarchies, alone or beside a version 2 tree; gives what finds a directory."""
    if pathlib.Path("/sys/fs/cgroup/cgroup.controllers").exists():
        raise Skip("the cgroups are version 2 alone")
    if os.geteuid() != 0:
        raise Skip("a user's systemd has no version 1 controllers")
    _manager(c)
    c.linux["cgroupsPath"] = f"system.slice:box:{c.id}"
    return lambda controller, file: (cgroup1(controller) / "system.slice" / f"box-{c.id}.scope" / file).read_text().strip()


def hierarchies(pid):
    """Where a process is: a path for each hierarchy that is mounted."""
    paths = {}
    for line in pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, name, path = line.split(":", 2)
        if os.path.isdir(f"/sys/fs/cgroup/{name.removeprefix('name=') or 'unified'}"):
            paths[name] = path
    return paths


VERSION1 = (("memory", "memory.limit_in_bytes", str(64 << 20)), ("pids", "pids.max", "30"), ("cpu", "cpu.shares", "512"), ("cpuset", "cpuset.cpus", "0"),
            ("cpu", "cpu.cfs_quota_us", "25000"), ("cpu", "cpu.cfs_period_us", "100000"))


@case("beside version 1: the scope is in every hierarchy, its limits are given to systemd and to the files, and stay after daemon-reload; exec, kill, delete",
      "RT-config-linux-046")
def version1(c):
    read = beside_version1(c)
    unit = f"box-{c.id}.scope"
    limited(c)
    del c.linux["resources"]["unified"], c.linux["resources"]["memory"]["reservation"]
    c.linux["resources"]["cpu"]["shares"] = 512
    c.shell("echo up > /mark; sleep 60")
    c.create().ok()
    pid = c.state()["pid"]
    paths = hierarchies(pid)
    assert len(paths) > 8 and set(paths.values()) == {f"/system.slice/{unit}"}, paths
    told = properties([], unit, "MemoryLimit", "TasksMax", "CPUQuotaPerSecUSec", "CPUShares", "Slice", "ActiveState")
    assert told == {"MemoryLimit": str(64 << 20), "TasksMax": "30", "CPUQuotaPerSecUSec": "250ms", "CPUShares": "512", "Slice": "system.slice",
                    "ActiveState": "active"}, told
    for reload in (False, True):
        if reload:
            subprocess.run(["systemctl", "daemon-reload"], check=True)
        for controller, file, expected in VERSION1:
            assert read(controller, file) == expected, (reload, file, read(controller, file))
    c.start().ok()
    c.file("mark")
    c.call("exec", "--detach", "--pid-file", c.directory / "pid", c.id, "sleep", "60").ok()
    assert set(hierarchies((c.directory / "pid").read_text()).values()) == {f"/system.slice/{unit}"}
    c.call("update", "--memory", "96M", "--pids-limit", "20", "--cpu-quota", "50000", c.id).ok()
    subprocess.run(["systemctl", "daemon-reload"], check=True)
    assert [read("memory", "memory.limit_in_bytes"), read("pids", "pids.max"), read("cpu", "cpu.cfs_quota_us")] == [str(96 << 20), "20", "50000"]
    c.call("pause", c.id).ok()
    assert c.state()["status"] == "paused"
    c.call("resume", c.id).ok()
    c.kill("KILL").ok()
    c.wait("stopped")
    c.delete().ok()
    assert not alive(pid) and gone([], unit)
    left = cgroups_called(c.id)
    assert not left, left


@case("beside version 1: device rules stay after daemon-reload", "RT-config-linux-061")
def version1_devices(c):
    read = beside_version1(c)
    c.linux["devices"] = [{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 0o666}]
    c.shell("while [ ! -e /go ]; do sleep 0.1; done; (exec 3</dev/fuse) 2>/dev/null; echo $? $(head -c 1 /dev/zero | wc -c) > /mark; sleep 60")
    c.create().ok()
    c.start().ok()
    before = set(read("devices", "devices.list").splitlines())
    assert "c 1:3 rwm" in before and "a *:* rwm" not in before, before
    subprocess.run(["systemctl", "daemon-reload"], check=True)
    assert set(read("devices", "devices.list").splitlines()) == before
    (c.rootfs / "go").touch()
    assert c.file("mark").split()[1] == "1" and not c.file("mark").startswith("0"), c.file("mark")


@case("beside version 1: a program that needs too much memory is killed, and its scope goes")
def version1_out_of_memory(c):
    beside_version1(c)
    c.linux["resources"]["memory"] = {"limit": 16 << 20}
    c.args("dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=1")
    assert c.run().status == 137
    assert gone([], f"box-{c.id}.scope")
