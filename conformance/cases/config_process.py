"""config.md, "Process"."""
import os
import re

from support import case, status_field


@case("args are passed as they are", "RT-config-109")
def args(c):
    c.args("echo", "a  b", "$HOME", "*")
    c.run().prints("a  b $HOME *")


@case("env is the whole environment", "RT-config-108")
def env(c):
    c.process["env"] = ["PATH=/bin", "A=1", "B=x y=z"]
    lines = c.args("/bin/env").run().lines
    assert {"A=1", "B=x y=z", "PATH=/bin"} <= set(lines), lines
    assert not any(line.startswith(("TERM=", "USER=", "LANG=")) for line in lines), lines


@case("of two entries of env with one name the last counts", "RT-config-108")
def env_twice(c):
    c.process["env"] = ["PATH=/nowhere", "A=1", "B=2", "A=3", "HOME=/", "PATH=/bin"]
    assert sorted(c.args("env").run().lines) == ["A=3", "B=2", "HOME=/", "PATH=/bin"]


@case("HOME comes from the rootfs' passwd file when env has none")
def home(c):
    c.process["user"] = {"uid": 1000, "gid": 1000}
    c.shell("echo $HOME").run().prints("/home")
    c.process["env"].append("HOME=/own")
    c.shell("echo $HOME").run().prints("/own")


@case("cwd is the working directory", "RT-config-106")
def cwd(c):
    c.process["cwd"] = "/tmp"
    c.args("pwd").run().prints("/tmp")


@case("a program without a slash is searched in the PATH of env")
def search(c):
    (c.rootfs / "opt").mkdir()
    (c.rootfs / "opt/tool").symlink_to("/bin/busybox")
    (c.rootfs / "opt/tool").unlink()
    (c.rootfs / "opt/tool").write_text("#!/bin/sh\necho found\n")
    (c.rootfs / "opt/tool").chmod(0o755)
    c.process["env"] = ["PATH=/bin:/opt"]
    c.args("tool").run().prints("found")


@case("uid and gid", "RT-config-152", "RT-config-153")
def user(c):
    c.process["user"] = {"uid": 1000, "gid": 2000}
    c.shell("id -u; id -g").run().prints("1000\n2000")


@case("additionalGids", "RT-config-155")
def additional_gids(c):
    c.process["user"] = {"uid": 1000, "gid": 2000, "additionalGids": [5, 77]}
    out = c.shell("cat /proc/self/status").run().ok().out
    assert set(status_field(out, "Groups").split()) >= {"5", "77"}, status_field(out, "Groups")


@case("umask", "RT-config-154")
def umask(c):
    c.process["user"]["umask"] = 0o027
    c.shell("umask").run().prints("0027")


@case("each set of capabilities is as configured", "RT-config-123", "RT-config-126", "RT-config-127", "RT-config-129")
def capabilities(c):
    c.capabilities("CAP_CHOWN", "CAP_KILL")
    out = c.shell("cat /proc/self/status").run().ok().out
    for name in ("CapBnd", "CapEff", "CapPrm"):
        assert int(status_field(out, name), 16) == 0x21, (name, status_field(out, name))
    assert int(status_field(out, "CapInh"), 16) == 0


@case("no capabilities at all")
def no_capabilities(c):
    c.capabilities()
    out = c.shell("cat /proc/self/status").run().ok().out
    assert {int(status_field(out, name), 16) for name in ("CapBnd", "CapEff", "CapPrm", "CapInh", "CapAmb")} == {0}


@case("ambient capabilities reach a user that is not root", "RT-config-128", "RT-config-130")
def ambient(c):
    c.process["user"] = {"uid": 1000, "gid": 1000}
    c.capabilities("CAP_KILL", ambient=["CAP_KILL"], inheritable=["CAP_KILL"])
    out = c.shell("cat /proc/self/status").run().ok().out
    assert int(status_field(out, "CapAmb"), 16) == 0x20 and int(status_field(out, "CapEff"), 16) == 0x20


@case("a user that is not root has no effective capabilities without ambient ones")
def unprivileged_user(c):
    c.process["user"] = {"uid": 1000, "gid": 1000}
    out = c.shell("cat /proc/self/status").run().ok().out
    assert int(status_field(out, "CapEff"), 16) == 0, out


@case("rlimits, soft and hard", "RT-config-113", "RT-config-118", "RT-config-120")
def rlimits(c):
    c.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200}, {"type": "RLIMIT_CORE", "soft": 0, "hard": 0}]
    out = c.args("cat", "/proc/self/limits").run().ok().out
    assert re.search(r"Max open files\s+100\s+200\s", out), out
    assert re.search(r"Max core file size\s+0\s+0\s", out), out


@case("noNewPrivileges on and off", "RT-config-131", "RT-config-151")
def no_new_privileges(c):
    assert status_field(c.shell("cat /proc/self/status").run().ok().out, "NoNewPrivs") == "1"
    c.process["noNewPrivileges"] = False
    assert status_field(c.shell("cat /proc/self/status").run().ok().out, "NoNewPrivs") == "0"


@case("oomScoreAdj", "RT-config-132", "RT-config-133")
def oom_score(c):
    c.process["oomScoreAdj"] = 500
    c.args("cat", "/proc/self/oom_score_adj").run().prints("500")


@case("a terminal goes to the console socket", "RT-config-101")
def terminal(c):
    c.process["terminal"] = True
    text = c.shell("tty; echo done").terminal_output()
    assert text.startswith(b"/dev/pts/0\r\n"), text


@case("consoleSize is the size of the terminal", "RT-config-102")
def console_size(c):
    c.process["terminal"] = True
    c.process["consoleSize"] = {"height": 33, "width": 111}
    text = c.shell("stty size; echo done").terminal_output()
    assert b"33 111" in text, text


@case("stdin, stdout and stderr are the caller's")
def streams(c):
    read, write = os.pipe()
    os.write(write, b"hello\n")
    os.close(write)
    c.input = read
    result = c.shell("cat; echo oops >&2").run().ok()
    os.close(read)
    assert result.out == "hello\n" and "oops" in result.err, str(result)


@case("only the three standard descriptors are there")
def descriptors(c):
    read, write = os.pipe()
    os.set_inheritable(write, True)
    try:
        c.write()
        c.args("ls", "/proc/self/fd").write()
        # ls has its directory open itself
        result = c.call("run", "--bundle", c.bundle, c.id, pass_fds=(write,)).ok()
        assert set(result.out.split()) == {"0", "1", "2", "3"}, result.out
    finally:
        os.close(read), os.close(write)


@case("--preserve-fds hands on that many descriptors", "RT-runtime-linux-001")
def preserve_fds(c):
    read, write = os.pipe()
    c.shell("echo through >&3").write()

    def as_third():
        os.dup2(write, 3)

    # Popen closes what it was not told to keep; the descriptor becomes number 3 after that
    c.call("run", "--preserve-fds", "1", "--bundle", c.bundle, c.id, close_fds=False, preexec_fn=as_third).ok()
    os.close(write)
    assert os.read(read, 100) == b"through\n"
    os.close(read)


@case("scheduler: nice value", "RT-config-135", "RT-config-136", "RT-config-137")
def scheduler(c):
    c.process["scheduler"] = {"policy": "SCHED_BATCH", "nice": 5}
    c.config["ociVersion"] = "1.1.0"
    out = c.args("cat", "/proc/self/stat").run().ok().out
    fields = out.rsplit(")", 1)[1].split()
    assert fields[16] == "5" and fields[38] == "3", out


@case("ioPriority", "RT-config-144", "RT-config-145", "RT-config-146")
def io_priority(c):
    c.process["ioPriority"] = {"class": "IOPRIO_CLASS_BE", "priority": 7}
    c.config["ociVersion"] = "1.1.0"
    c.args("ionice").run().prints("best-effort: prio 7")


@case("the session keyring and the process group are the container's own")
def session(c):
    out = c.args("cat", "/proc/self/stat").run().ok().out
    fields = out.rsplit(")", 1)[1].split()
    assert fields[2] == "1" and fields[3] == "1", out


@case("a signal that the caller ignores is not ignored in the container")
def ignored_signals(c):
    import signal
    c.write()
    c.args("cat", "/proc/self/status").write()
    result = c.call("run", "--bundle", c.bundle, c.id, preexec_fn=lambda: signal.signal(signal.SIGUSR1, signal.SIG_IGN))
    assert int(status_field(result.ok().out, "SigIgn"), 16) & (1 << 9) == 0 or "runc" in c.runtime
    assert int(status_field(result.out, "SigBlk"), 16) == 0


@case("every kind of rlimit", "RT-config-115", "RT-config-116")
def all_rlimits(c):
    before = {name: tuple(pair) for name, pair in c.probe()["rlimits"].items()}
    hard = {name: min(pair[1], 1 << 40) for name, pair in before.items()}  # raising one may take a privilege
    wanted = {name: (limit - limit // 4, limit - limit // 8) for name, limit in hard.items()}
    wanted |= {"RLIMIT_NOFILE": (200, 300), "RLIMIT_NICE": (0, 0), "RLIMIT_RTPRIO": (0, 0)}
    c.process["rlimits"] = [{"type": name, "soft": soft, "hard": hard} for name, (soft, hard) in wanted.items()]
    after = {name: tuple(pair) for name, pair in c.probe()["rlimits"].items()}
    assert after == wanted, {name: (after[name], wanted[name]) for name in wanted if after[name] != wanted[name]}


@case("a limit beyond what a signed number holds is no limit")
def unlimited(c):
    infinity = (1 << 64) - 1
    c.process["rlimits"] = [{"type": "RLIMIT_CPU", "soft": infinity, "hard": infinity}]
    assert c.probe()["rlimits"]["RLIMIT_CPU"] == [infinity, infinity]


@case("consoleSize without a terminal is ignored", "RT-config-103")
def console_size_ignored(c):
    c.process["consoleSize"] = {"height": 0, "width": 70000}
    assert c.probe()["terminal"] is None


@case("without oomScoreAdj the value stays", "RT-config-134")
def oom_score_kept(c):
    own = open("/proc/self/oom_score_adj").read()
    c.wrapper = ["choom", "-n", str(int(own) + 7), "--"]
    assert c.probe()["oomScoreAdj"] == f"{int(own) + 7}\n"


@case("scheduling policies", "RT-config-135", "RT-config-136")
def policies(c):
    c.config["ociVersion"] = "1.1.0"
    for name, number in (("SCHED_OTHER", 0), ("SCHED_BATCH", 3), ("SCHED_IDLE", 5)):
        c.process["scheduler"] = {"policy": name}
        assert c.probe()["scheduler"]["policy"] == number, name


@case("realtime policies and their priority", "RT-config-138")
def realtime(c):
    c.config["ociVersion"] = "1.1.0"
    c.linux["cgroupsPath"] = f"/{c.id}"
    for name, number in (("SCHED_FIFO", 1), ("SCHED_RR", 2)):
        c.process["scheduler"] = {"policy": name, "priority": 10}
        result = c.args("true").run()
        if "EPERM" in result.err or "not permitted" in result.err:
            # a cgroup without time for realtime processes refuses them (CONFIG_RT_GROUP_SCHED)
            c.linux["resources"]["cpu"] = {"realtimePeriod": 1000000, "realtimeRuntime": 1000}
        found = c.probe()["scheduler"]
        assert found["policy"] == number and found["priority"] == 10, found


@case("the deadline policy and its three times", "RT-config-140", "RT-config-141", "RT-config-142")
def deadline(c):
    c.config["ociVersion"] = "1.1.0"
    c.process["scheduler"] = {"policy": "SCHED_DEADLINE", "runtime": 1000000, "deadline": 50000000, "period": 100000000}
    found = c.probe()["scheduler"]
    assert (found["policy"], found["runtime"], found["deadline"], found["period"]) == (6, 1000000, 50000000, 100000000), found


@case("scheduling flags", "RT-config-139")
def scheduling_flags(c):
    c.config["ociVersion"] = "1.1.0"
    c.process["scheduler"] = {"policy": "SCHED_BATCH", "flags": ["SCHED_FLAG_RESET_ON_FORK"]}
    assert c.probe()["scheduler"]["flags"] & 1
    c.process["scheduler"]["flags"] = ["SCHED_FLAG_NOPE"]
    c.run().failed("SCHED_FLAG_NOPE")


@case("classes and levels of ioPriority", "RT-config-145", "RT-config-146")
def io_classes(c):
    c.config["ociVersion"] = "1.1.0"
    for name, level, number in (("IOPRIO_CLASS_BE", 0, 2 << 13), ("IOPRIO_CLASS_RT", 3, 1 << 13 | 3), ("IOPRIO_CLASS_IDLE", 0, 3 << 13)):
        c.process["ioPriority"] = {"class": name, "priority": level}
        assert c.probe()["ioprio"] == number, name


@case("without scheduler and ioPriority those of the caller stay")
def scheduling_kept(c):
    c.wrapper = ["nice", "-n", "3"]
    found = c.probe()
    assert found["scheduler"]["nice"] == min(os.nice(0) + 3, 19) and found["scheduler"]["policy"] == 0 and found["ioprio"] == 0, found


@case("an AppArmor profile where there is no AppArmor is an error", "RT-config-122")
def apparmor(c):
    import pathlib
    from support import Skip
    if "apparmor" in pathlib.Path("/sys/kernel/security/lsm").read_text() if pathlib.Path("/sys/kernel/security/lsm").exists() else False:
        raise Skip("AppArmor is active here")
    c.process["apparmorProfile"] = "docker-default"
    c.run().failed("apparmor")


@case("a SELinux label where there is no SELinux is an error", "RT-config-143")
def selinux(c):
    import pathlib
    from support import Skip
    if pathlib.Path("/sys/fs/selinux/enforce").exists():
        raise Skip("SELinux is active here")
    c.process["selinuxLabel"] = "system_u:system_r:container_t:s0"
    c.run().failed("selinux|label")


@case("identity: real, effective and saved ids, groups, and what root may do alone", "RT-config-152", "RT-config-153", "RT-config-155")
def identity(c):
    c.process["user"] = {"uid": 12, "gid": 34, "additionalGids": [56, 78], "umask": 0o077}
    found = c.probe()
    assert found["uids"] == [12] * 3 and found["gids"] == [34] * 3 and set(found["groups"]) - {34} == {56, 78}, found
    assert found["umask"] == 0o077 and found["dumpable"] == 1 and found["securebits"] == 0, found


@case("args and env as they are, also with bytes that are special to shells and JSON", "RT-config-108", "RT-config-109")
def exact(c):
    c.process["env"] = ["A=", "B=x=y", "C= \t\n\"\\"]
    found = c.probe()
    assert [entry for entry in found["env"] if not entry.startswith("HOME=")] == c.process["env"], found["env"]
    c.args("/probe", "", " ", "\n", "\\", '"').write()
    import json
    assert json.loads(c.run().ok().out)["args"] == ["/probe", "", " ", "\n", "\\", '"']


@case("the program is searched as execvp(3) does", "RT-config-110")
def search_order(c):
    for name in ("one", "two"):
        (c.rootfs / name).mkdir()
        (c.rootfs / name / "tool").write_text(f"#!/bin/sh\necho {name}\n")
    (c.rootfs / "two/tool").chmod(0o755)
    c.process["env"] = ["PATH=/none:/one:/two:/bin"]
    c.args("tool").run().prints("two")
    (c.rootfs / "one/tool").chmod(0o755)
    c.run().prints("one")
    c.process["cwd"] = "/two"
    c.args("./tool").run().prints("two")


@case("the caller's CPU affinity is not the container's")
def caller_affinity(c):
    if len(os.sched_getaffinity(0)) < 2:
        raise Skip("one processor")
    c.wrapper = ["taskset", "-c", str(min(os.sched_getaffinity(0)))]
    found = c.shell("grep Cpus_allowed_list /proc/self/status").run().ok().out.split()[1]
    c.wrapper = []
    assert c.run().ok().out.split()[1] == found, found
