"""config-linux.md, but for namespaces and cgroups."""
import pathlib

from support import case, mount_line, status_field


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


@case("seccomp: an errno", "RT-config-linux-176", "RT-config-linux-177")
def seccomp_errno(c):
    c.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]}
    result = c.args("mkdir", "/x").run()
    assert result.status == 1 and "No space left" in result.err, str(result)


@case("seccomp: the default action with an errno", "RT-config-linux-159", "RT-config-linux-162")
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


@case("seccomp: arguments are compared", "RT-config-linux-179", "RT-config-linux-180", "RT-config-linux-181", "RT-config-linux-183")
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


@case("personality", "RT-config-linux-199")
def personality(c):
    c.linux["personality"] = {"domain": "LINUX32"}
    c.args("uname", "-m").run().prints("i686")
