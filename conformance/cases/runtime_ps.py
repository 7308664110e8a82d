"""ps, which the command line of runc has beside the operations of runtime.md."""
import json
import pathlib

from support import alive, case, cgroup1


def started(c, script):
    c.linux["cgroupsPath"] = f"/{c.id}"
    c.shell(script)
    c.create().ok()
    c.start().ok()
    c.file("ready")


@case("ps prints the pids of all processes as JSON on one line")
def json_pids(c):
    started(c, "sleep 61 & sleep 62 & echo up > /ready; wait")
    result = c.call("ps", "--format", "json", c.id).ok()
    pids = json.loads(result.out)
    assert len(result.lines) == 1 and len(pids) == 3 and c.state()["pid"] in pids and all(alive(pid) for pid in pids), str(result)


@case("ps prints a table with the lines of the container's processes alone")
def table(c):
    started(c, "sleep 4711 & echo up > /ready; wait")
    lines = c.call("ps", c.id).lines
    pids = json.loads(c.call("ps", "--format", "json", c.id).ok().out)
    assert "PID" in lines[0].split() and "UID" in lines[0].split(), lines
    assert len(lines) == 3 and any("sleep 4711" in line for line in lines), lines
    assert sorted(int(line.split()[1]) for line in lines[1:]) == sorted(pids), lines


@case("ps hands its further arguments to ps(1)")
def arguments(c):
    started(c, "echo up > /ready; sleep 4712")
    result = c.call("ps", c.id, "-e", "-o", "args,pid").ok()
    assert result.lines[0].split() == ["COMMAND", "PID"], str(result)
    assert len(c.call("ps", c.id, "-e", "-o", "pid,args").lines) >= 2


@case("ps of a created container has its first process")
def created(c):
    c.args("sleep", "60")
    c.create().ok()
    assert json.loads(c.call("ps", "-f", "json", c.id).ok().out) == [c.state()["pid"]]


@case("ps sees processes in cgroups that the container made, five deep")
def nested(c):
    unified = pathlib.Path("/sys/fs/cgroup/cgroup.controllers").exists()
    directories = [pathlib.Path("/sys/fs/cgroup")] if unified else [cgroup1(controller) for controller in ("pids", "freezer", "memory", "devices")]
    started(c, "sleep 63 & echo up > /ready; wait")
    pid = next(pid for pid in json.loads(c.call("ps", "--format", "json", c.id).ok().out) if pid != c.state()["pid"])
    for directory in directories:
        deep = directory / c.id / "1/2/3/4/5"
        deep.mkdir(parents=True)
        (deep / "cgroup.procs").write_text(str(pid))
    assert str(pid) not in (directories[0] / c.id / "cgroup.procs").read_text().split()
    assert sorted(json.loads(c.call("ps", "--format", "json", c.id).ok().out)) == sorted([pid, c.state()["pid"]])
    c.delete("--force").ok()
    assert not (directories[0] / c.id).exists() and not alive(pid)


@case("ps without ps(1) says so, and JSON does not need it")
def no_program(c):
    started(c, "echo up > /ready; sleep 60")
    c.environment = {"PATH": str(c.directory)}
    c.call("ps", c.id).failed("ps")
    c.call("ps", "--format", "json", c.id).ok()


@case("ps refuses output of ps(1) without pids, and passes on its failure")
def bad_output(c):
    started(c, "echo up > /ready; sleep 60")
    c.call("ps", c.id, "-e", "-o", "args").failed("PID")
    c.call("ps", c.id, "--no-such-option").failed()


@case("ps of what does not exist is refused")
def missing(c):
    c.call("ps", c.id).failed("does not exist|no such file")
