"""Many containers, one after another, with each driver of cgroups: not one cgroup, scope, mount or BPF program is left.

ROUNDS=500 in the environment makes that many.
"""
import ctypes
import os
import pathlib
import random
import struct
import subprocess
import time

from support import TIMEOUT, Skip, case, cgroups_called

ROUNDS = int(os.environ.get("ROUNDS") or 12)


def bpf_programs():
    """The ids of the device programs in the kernel. Other programs come and go with systemd's units."""
    bpf, libc, found, last = 321 if os.uname().machine == "x86_64" else 280, ctypes.CDLL(None, use_errno=True), set(), 0
    while True:
        attributes = ctypes.create_string_buffer(struct.pack("=II", last, 0), 144)
        if libc.syscall(bpf, 11, attributes, 144) < 0:  # BPF_PROG_GET_NEXT_ID
            return found
        last = struct.unpack_from("=I", attributes, 4)[0]
        attributes = ctypes.create_string_buffer(struct.pack("=I", last), 144)
        descriptor = libc.syscall(bpf, 13, attributes, 144)  # BPF_PROG_GET_FD_BY_ID
        if descriptor >= 0:
            # BPF_PROG_TYPE_CGROUP_DEVICE
            if "prog_type:\t15\n" in pathlib.Path(f"/proc/self/fdinfo/{descriptor}").read_text():
                found.add(last)
            os.close(descriptor)


def snapshot(c):
    """What the case's containers could leave."""
    cgroups = cgroups_called(c.id)
    units = ""
    if os.path.isdir("/run/systemd/system"):
        list_units = ["systemctl", "list-units", "--all", "--plain", "--no-legend", f"*{c.id}*"]
        units = subprocess.run(list_units, capture_output=True, text=True, check=False).stdout
    return {"cgroups": cgroups, "units": units, "programs": bpf_programs(), "state": set(os.listdir(c.state_root))}


def settled(c, before):
    deadline = time.monotonic() + TIMEOUT
    while True:
        after = snapshot(c)
        # programs of others may go meanwhile
        other = [key for key, value in before.items() if (after[key] - value if key == "programs" else after[key] != value)]
        if not other or time.monotonic() > deadline:
            break
        time.sleep(0.1)
    assert not other, "; ".join(f"{key}: {before[key]} before, {after[key]} after" for key in other)


def driver(c, systemd):
    if systemd:
        if not os.path.isdir("/run/systemd/system"):
            raise Skip("systemd is not pid 1")
        c.global_options = ["--systemd-cgroup"]
    c.linux["cgroupsPath"] = f"system.slice:box:{c.id}" if systemd else f"/{c.id}"
    c.linux["resources"] |= {"memory": {"limit": 64 << 20}, "pids": {"limit": 30}}


def rounds(c, systemd):
    driver(c, systemd)
    c.shell("sleep 60")
    c.run("--detach").ok()  # what is made once and stays, such as the seccomp cache
    c.delete("--force").ok()
    before = snapshot(c)
    for _ in range(ROUNDS):
        c.create().ok()
        c.start().ok()
        c.kill("KILL").ok()
        c.wait("stopped")
        c.delete().ok()
    settled(c, before)


def killed(c, systemd):
    driver(c, systemd)
    c.shell("sleep 60")
    c.run("--detach").ok()
    c.delete("--force").ok()
    before = snapshot(c)
    c.write()
    chance = random.Random(4)  # the same moments in every run
    for _ in range(max(ROUNDS // 5, 8)):
        options = [c.runtime, "--root", str(c.state_root), *c.global_options]
        commands = [[*options, "create", "--bundle", str(c.bundle), c.id], [*options, "start", c.id], [*options, "delete", "--force", c.id]]
        for command in commands:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=c.environment)
            try:
                process.wait(timeout=chance.uniform(0, 0.4))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                break
        c.delete("--force").ok()
    settled(c, before)


@case("rounds of create, start, kill, delete without systemd")
def cgroupfs(c):
    rounds(c, systemd=False)


@case("rounds of create, start, kill, delete with systemd")
def systemd(c):
    rounds(c, systemd=True)


@case("commands killed at random moments, then delete --force, without systemd")
def killed_cgroupfs(c):
    killed(c, systemd=False)


@case("commands killed at random moments, then delete --force, with systemd")
def killed_systemd(c):
    killed(c, systemd=True)
