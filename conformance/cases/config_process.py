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


@case("each set of capabilities is as configured", "RT-config-126", "RT-config-127", "RT-config-129")
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


@case("rlimits, soft and hard", "RT-config-116", "RT-config-118", "RT-config-120")
def rlimits(c):
    c.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200}, {"type": "RLIMIT_CORE", "soft": 0, "hard": 0}]
    out = c.args("cat", "/proc/self/limits").run().ok().out
    assert re.search(r"Max open files\s+100\s+200\s", out), out
    assert re.search(r"Max core file size\s+0\s+0\s", out), out


@case("noNewPrivileges on and off", "RT-config-131")
def no_new_privileges(c):
    assert status_field(c.shell("cat /proc/self/status").run().ok().out, "NoNewPrivs") == "1"
    c.process["noNewPrivileges"] = False
    assert status_field(c.shell("cat /proc/self/status").run().ok().out, "NoNewPrivs") == "0"


@case("oomScoreAdj", "RT-config-133")
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


@case("scheduler: nice value", "RT-config-136", "RT-config-137")
def scheduler(c):
    c.process["scheduler"] = {"policy": "SCHED_BATCH", "nice": 5}
    c.config["ociVersion"] = "1.1.0"
    out = c.args("cat", "/proc/self/stat").run().ok().out
    fields = out.rsplit(")", 1)[1].split()
    assert fields[16] == "5" and fields[38] == "3", out


@case("ioPriority", "RT-config-145", "RT-config-146")
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
