"""config-linux.md, but for namespaces and cgroups."""
import json
import os
import pathlib
import shutil

from support import TIMEOUT, case, listener, mount_line, receive_descriptor, status_field


@case("the default devices are there", "RT-config-linux-033")
def default_devices(c):
    out = c.shell("for d in null zero full random urandom tty; do test -c /dev/$d || echo missing $d; done; stat -c '%t:%T %a' /dev/null").run().ok().out
    assert out == "1:3 666\n", out


@case("the default links are there", "RT-runtime-linux-003")
def default_links(c):
    c.shell("for l in fd stdin stdout stderr ptmx; do readlink /dev/$l; done").run().prints(
        "/proc/self/fd\n/proc/self/fd/0\n/proc/self/fd/1\n/proc/self/fd/2\npts/ptmx")


@case("devices: a character device with mode and owner", "RT-config-linux-027", "RT-config-linux-028", "RT-config-linux-029", "RT-config-linux-030")
def devices(c):
    c.linux["devices"] = [{"path": "/dev/mine", "type": "c", "major": 1, "minor": 5, "fileMode": 0o644, "uid": 5, "gid": 6}]
    c.linux["resources"]["devices"].append({"allow": True, "type": "c", "major": 1, "minor": 5, "access": "rwm"})
    c.shell("stat -c '%F %t:%T %a %u:%g' /dev/mine; head -c 3 /dev/mine | wc -c").run().prints("character special file 1:5 644 5:6\n3")


@case("devices: a fifo", "RT-config-linux-023")
def fifo(c):
    c.linux["devices"] = [{"path": "/dev/pipe", "type": "p", "fileMode": 0o600}]
    c.shell("stat -c '%F %a' /dev/pipe").run().prints("fifo 600")


@case("maskedPaths cannot be read", "RT-config-linux-193")
def masked(c):
    (c.rootfs / "secret").write_text("x\n")
    (c.rootfs / "vault").mkdir()
    (c.rootfs / "vault/f").write_text("x\n")
    c.linux["maskedPaths"] += ["/secret", "/vault", "/not/there"]
    c.shell("cat /secret | wc -c; ls /vault | wc -l; cat /proc/kcore | wc -c").run().prints("0\n0\n0")


@case("readonlyPaths cannot be written", "RT-config-linux-195")
def readonly(c):
    (c.rootfs / "fixed").mkdir()
    c.linux["readonlyPaths"] += ["/fixed", "/not/there"]
    result = c.shell("echo x > /fixed/f; echo 1 > /proc/sys/kernel/hostname; true").run()
    assert result.err.count("Read-only") == 2, str(result)


@case("sysctl", "RT-config-linux-157")
def sysctl(c):
    c.linux["sysctl"] = {"net.ipv4.ip_forward": "1", "kernel.shm_rmid_forced": "1"}
    c.shell("cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shm_rmid_forced").run().prints("1\n1")


@case("a sysctl outside of the container's namespaces is refused")
def sysctl_host(c):
    # its present value: a runtime that does not refuse changes nothing
    c.linux["sysctl"] = {"kernel.pid_max": pathlib.Path("/proc/sys/kernel/pid_max").read_text().strip()}
    c.run().failed("pid_max")


@case("a sysctl of the host's network is refused")
def sysctl_network(c):
    c.without_namespace("network")
    c.linux["sysctl"] = {"net.ipv4.ip_forward": "1"}
    c.run().failed("net")


@case("rootfsPropagation: private, shared", "RT-config-linux-192")
def root_propagation(c):
    out = c.args("cat", "/proc/self/mountinfo").run().ok().out
    assert not any(word.startswith("shared:") for word in mount_line(out, "/")["propagation"])
    c.linux["rootfsPropagation"] = "shared"
    out = c.args("cat", "/proc/self/mountinfo").run().ok().out
    assert any(word.startswith("shared:") for word in mount_line(out, "/")["propagation"]), out


@case("seccomp: an errno", "RT-config-linux-158", "RT-config-linux-176", "RT-config-linux-177")
def seccomp_errno(c):
    c.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]}
    result = c.args("mkdir", "/x").run()
    assert result.status == 1 and "No space left" in result.err, str(result)


@case("seccomp: architectures", "RT-config-linux-162")
def seccomp_default(c):
    c.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"], "syscalls": [
        {"names": ["getcwd"], "action": "SCMP_ACT_ERRNO"}]}
    out = c.args("cat", "/proc/self/status").run().ok().out
    assert status_field(out, "Seccomp") == "2"


@case("seccomp: a kill ends the process with SIGSYS")
def seccomp_kill(c):
    c.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_KILL_PROCESS"}]}
    result = c.args("mkdir", "/x").run()
    assert result.status == 128 + 31, str(result)


@case("seccomp: arguments are compared", "RT-config-linux-172", "RT-config-linux-174", "RT-config-linux-179", "RT-config-linux-180",
      "RT-config-linux-181", "RT-config-linux-183")
def seccomp_arguments(c):
    c.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["kill"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 1, "value": 10, "op": "SCMP_CMP_EQ"}]}]}
    c.shell("kill -0 $$ && echo zero; kill -USR1 $$ 2>/dev/null || echo refused").run().prints("zero\nrefused")


@case("seccomp without noNewPrivileges and without capabilities")
def seccomp_privileged_load(c):
    c.process["noNewPrivileges"] = False
    c.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}
    out = c.args("cat", "/proc/self/status").run().ok().out
    assert status_field(out, "Seccomp") == "2" and status_field(out, "NoNewPrivs") == "0"
    assert int(status_field(out, "CapEff"), 16) == 0x20000420, out


@case("seccomp: unknown system calls are passed over")
def seccomp_unknown(c):
    c.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["no_such_call", "mkdir"], "action": "SCMP_ACT_ERRNO"}]}
    c.args("true").run().ok()


@case("personality", "RT-config-linux-198", "RT-config-linux-199")
def personality(c):
    c.linux["personality"] = {"domain": "LINUX32"}
    c.args("uname", "-m").run().prints("i686")


@case("personality: what is no flag of it is refused", "RT-config-linux-200")
def personality_flags(c):
    c.config["ociVersion"] = "1.1.0"
    c.linux["personality"] = {"domain": "LINUX", "flags": []}
    assert c.probe()["personality"] == 0
    c.linux["personality"]["flags"] = ["ADDR_NO_RANDOMIZE"]
    c.run().failed("flags|ADDR_NO_RANDOMIZE")


@case("seccomp: the default action, with and without an errno", "RT-config-linux-159", "RT-config-linux-160", "RT-config-linux-173")
def seccomp_default_action(c):
    profile = json.loads((pathlib.Path(__file__).resolve().parents[1] / "bench/docker-seccomp.json").read_text())
    allowed = [name for rule in profile["syscalls"] if rule["action"] == "SCMP_ACT_ALLOW" for name in rule["names"]]
    rules = [{"names": [name for name in allowed if name not in ("mkdir", "mkdirat")], "action": "SCMP_ACT_ALLOW"}]
    for errno, text in ((None, "Operation not permitted"), (28, "No space left"), (38, "Function not implemented")):
        c.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": rules} | ({} if errno is None else {"defaultErrnoRet": errno})
        result = c.args("mkdir", "/x").run()
        assert result.status == 1 and text in result.err, str(result)


@case("seccomp: comparisons", "RT-config-linux-182", "RT-config-linux-183")
def seccomp_operators(c):
    # the signal of kill(2): refused where the comparison holds
    for op, value, two, refused in (("SCMP_CMP_NE", 10, 0, {0, 12}), ("SCMP_CMP_LT", 10, 0, {0}), ("SCMP_CMP_LE", 10, 0, {0, 10}), ("SCMP_CMP_EQ", 10, 0, {10}),
                                    ("SCMP_CMP_GE", 10, 0, {10, 12}), ("SCMP_CMP_GT", 10, 0, {12}), ("SCMP_CMP_MASKED_EQ", 0xE, 0xC, {12})):
        c.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["kill"], "action": "SCMP_ACT_ERRNO", "args": [
            {"index": 1, "value": value, "valueTwo": two, "op": op}]}]}
        out = c.shell("trap : USR1 USR2; for s in 0 10 12; do kill -$s $$ 2>/dev/null || echo $s; done").run().ok().out
        assert set(map(int, out.split())) == refused, (op, out)


@case("seccomp: flags", "RT-config-linux-163")
def seccomp_flags(c):
    c.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "flags": ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"], "syscalls": [
        {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}
    result = c.shell("mkdir /x; grep -i speculation_store /proc/self/status").run()
    assert "not permitted" in result.err and "force mitigated" not in result.out, str(result)
    c.linux["seccomp"]["flags"] = ["SECCOMP_FILTER_FLAG_NOPE"]
    c.run().failed("SECCOMP_FILTER_FLAG_NOPE")


def agent(c, **section):
    """What an agent gets: its message, whether more came before the end of the connection, and the handle."""
    path = c.directory / "agent"
    c.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": str(path), **section, "syscalls": [
        {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_NOTIFY"}]}
    with listener(path) as server:
        c.args("sleep", "60").write()
        c.create().ok()
        server.settimeout(TIMEOUT)
        connection, _ = server.accept()
        with connection:
            connection.settimeout(TIMEOUT)
            text, handle = receive_descriptor(connection)
            rest = b""
            while part := connection.recv(4096):
                rest += part
        server.settimeout(0.3)
        try:
            server.accept()
            raise AssertionError("a second connection came")
        except TimeoutError:
            pass
    return text, rest, handle


@case("seccomp: the agent gets one process state and the listener, by one connection", "RT-config-linux-164", "RT-config-linux-165", "RT-config-linux-166",
      "RT-config-linux-167", "RT-config-linux-169", "RT-config-linux-170", "RT-config-linux-184", "RT-config-linux-185", "RT-config-linux-186",
      "RT-config-linux-187", "RT-config-linux-188", "RT-config-linux-189", "RT-config-linux-190", "RT-config-linux-191")
def seccomp_agent(c):
    c.config["annotations"] = {"a": "b"}
    text, rest, handle = agent(c, listenerMetadata="a word")
    try:
        assert "seccomp" in os.readlink(f"/proc/self/fd/{handle}"), os.readlink(f"/proc/self/fd/{handle}")
    finally:
        os.close(handle)
    found = json.loads(text + rest)
    assert found["ociVersion"].startswith("1.") and found["fds"] == ["seccompFd"] and found["metadata"] == "a word", found
    state = c.state()
    assert found["pid"] == state["pid"] == found["state"]["pid"] and found["state"]["id"] == c.id and found["state"]["bundle"] == str(c.bundle), found
    assert found["state"]["status"] in ("creating", "created") and found["state"]["annotations"] == {"a": "b"}, found


@case("seccomp: an agent that is gone is an error", "RT-config-linux-168")
def seccomp_agent_gone(c):
    path = c.directory / "agent"
    with listener(path):
        pass  # the socket stays, and nobody listens
    c.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": str(path), "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}]}
    c.create().failed("refused|agent|listener")
    c.call("state", c.id).failed("does not exist|no such file")


@case("rootfsPropagation: each word", "RT-config-linux-192")
def root_propagations(c):
    c.wrapper = ["unshare", "--mount", "--propagation", "shared"]
    # a peer group of its own: it does not receive what the host mounts
    for word, kinds in (("private", set()), ("rprivate", set()), ("slave", {"master"}), ("rslave", {"master"}), ("unbindable", {"unbindable"}),
                        ("runbindable", {"unbindable"}), ("shared", {"shared"}), ("rshared", {"shared"})):
        c.linux["rootfsPropagation"] = word
        found = {text.split(":")[0] for text in mount_line(c.probe()["mountinfo"], "/")["propagation"]}
        assert found == kinds or word.endswith("slave") and not found, (word, found)


@case("rootfsPropagation: without r it is for the root alone")
def root_propagation_alone(c):
    shared = c.directory / "shared"
    shared.mkdir()
    c.wrapper = ["unshare", "--mount", "--propagation", "private", "sh", "-c", f'mount -t tmpfs host {shared} && mount --make-shared {shared} && exec "$@"', "sh"]
    c.mount("/srv/peer", "bind", shared, ["bind", "rshared"])
    c.mount("/srv/alone", "tmpfs", "tmpfs", ["rprivate"])
    for word, shared in (("shared", ["/srv/peer"]), ("private", ["/srv/peer"]), ("rprivate", []), ("rshared", ["/srv/peer", "/srv/alone"])):
        c.linux["rootfsPropagation"] = word
        text = c.probe()["mountinfo"]
        found = [place for place in ("/srv/peer", "/srv/alone") if any(part.startswith("shared:") for part in mount_line(text, place)["propagation"])]
        assert found == shared, (word, found)


@case("devices: block, unbuffered, fifo, below a directory of their own", "RT-config-linux-021", "RT-config-linux-023", "RT-config-linux-024",
      "RT-config-linux-026", "RT-config-linux-027")
def device_kinds(c):
    c.linux["devices"] = [{"path": "/dev/b", "type": "b", "major": 7, "minor": 3, "fileMode": 0o640}, {"path": "/dev/u", "type": "u", "major": 1, "minor": 3},
                          {"path": "/srv/deep/f", "type": "p"}]
    c.shell("stat -c '%F %t:%T %a' /dev/b; stat -c '%F %t:%T' /dev/u; stat -c %F /srv/deep/f").run().prints(
        "block special file 7:3 640\ncharacter special file 1:3\nfifo")


@case("devices: something else that stands there is an error", "RT-config-linux-025")
def device_occupied(c):
    (c.rootfs / "node").write_text("a file\n")
    c.linux["devices"] = [{"path": "/node", "type": "c", "major": 1, "minor": 3}]
    c.run().failed("/node")
    (c.rootfs / "node").unlink()
    os.mknod(c.rootfs / "node", 0o020666, os.makedev(1, 5))
    c.run().failed("/node")
    (c.rootfs / "node").unlink()
    os.mknod(c.rootfs / "node", 0o020666, os.makedev(1, 3))
    c.run().ok()


@case("devices: one number under two names", "RT-config-linux-031")
def device_twice(c):
    c.linux["devices"] = [{"path": f"/dev/{name}", "type": "c", "major": 1, "minor": 3} for name in ("one", "two")]
    c.shell("stat -c %t:%T /dev/one /dev/two").run().prints("1:3\n1:3")


@case("no device nodes but the default ones and those that are listed", "RT-config-linux-022", "RT-config-linux-032", "RT-config-linux-033")
def device_list(c):
    c.linux["devices"] = [{"path": "/dev/mine", "type": "c", "major": 1, "minor": 5}]
    out = c.shell("cd /dev; for f in *; do test ! -L $f && { test -c $f || test -b $f; } && echo $f; done; true").run().ok().out.split()
    assert set(out) - {"console"} == {"null", "zero", "full", "random", "urandom", "tty", "mine"}, out


@case("/dev/ptmx opens a terminal of the container's own instance, /dev/console is there with a terminal", "RT-config-linux-033")
def ptmx(c):
    c.process["terminal"] = True
    text = c.shell("test -c /dev/console && test -c /dev/ptmx && readlink /dev/ptmx; ls /dev/pts; echo done").terminal_output()
    assert text.split() == [b"pts/ptmx", b"0", b"ptmx", b"done"], text


@case("the links of /dev are made when what they lead to is there", "RT-runtime-linux-003")
def links(c):
    expected = {"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"}
    out = c.shell("for l in fd stdin stdout stderr; do echo $l $(readlink /dev/$l); done; (echo through > /dev/stdout) | cat").run().ok().out.splitlines()
    assert dict(line.split() for line in out[:4]) == expected and out[4] == "through", out


@case("standard descriptors may be /dev/null", "RT-runtime-linux-002")
def null_stdin(c):
    found = c.probe()["descriptors"]
    # the null device of the caller, or a pipe of a runtime that copies
    assert set(found) == {"0", "1", "2"}, found


@case("masked paths: files are empty, directories are empty and read-only, what is not there is passed over", "RT-config-linux-193")
def masked_kinds(c):
    (c.rootfs / "file").write_text("secret\n")
    (c.rootfs / "dir").mkdir()
    (c.rootfs / "dir/f").write_text("secret\n")
    c.linux["maskedPaths"] = ["/file", "/dir", "/nothing"]
    c.capabilities("CAP_DAC_OVERRIDE", "CAP_SYS_ADMIN")
    out = c.shell("cat /file; ls -A /dir; echo x > /dir/new; echo x > /dir/f; test -e /nothing || echo gone").run()
    assert out.out == "gone\n", str(out)
    assert not (c.rootfs / "dir/new").exists() and (c.rootfs / "file").read_text() == "secret\n"


@case("read-only paths: files, directories, mounts, and nothing else", "RT-config-linux-195")
def readonly_kinds(c):
    (c.rootfs / "file").write_text("fixed\n")
    c.mount("/tree", "tmpfs", "tmpfs")
    c.linux["readonlyPaths"] = ["/file", "/tree", "/nothing"]
    result = c.shell("echo x >> /file; echo x > /tree/f; echo x > /elsewhere && echo wrote").run()
    assert result.out == "wrote\n" and result.err.count("Read-only") == 2, str(result)


@case("sysctls of every namespace of the container", "RT-config-linux-157")
def sysctls(c):
    wanted = {"kernel.msgmax": "9000", "kernel.sem": "250\t32000\t100\t200", "fs.mqueue.msg_max": "20", "net.ipv4.ip_unprivileged_port_start": "80",
              "net/ipv4/conf/lo/rp_filter": "1"}
    c.linux["sysctl"] = wanted
    out = c.shell("; ".join(f"cat /proc/sys/{name.replace('.', '/') if '/' not in name else name}" for name in wanted)).run().ok().out
    assert out.splitlines() == list(wanted.values()), out


@case("a masked directory is empty, and can be listed by everybody")
def masked_directory(c):
    (c.rootfs / "vault").mkdir()
    (c.rootfs / "vault/f").write_text("x\n")
    c.linux["maskedPaths"] += ["/vault"]
    c.process["user"] = {"uid": 7, "gid": 7}
    c.shell("ls /vault | wc -l; (: > /vault/new) 2>/dev/null; echo $?").run().prints("0\n1")


@case("the sysctl of the host name is refused: hostname is for this")
def sysctl_hostname(c):
    c.linux["sysctl"] = {"kernel.hostname": "x"}
    c.run().failed("kernel.hostname", "hostname")
