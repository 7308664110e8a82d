"""Where the suites of others run: namespaces of this program's own, with a /run of its own, and what there is to clear away after each of their programs."""
import contextlib
import glob
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import sources
from isolation import isolate, processes


def surround(runtime):
    """Goes on in namespaces of its own, beside a reaper, with an empty /run and a loopback device that is up."""
    isolate()
    go_on_beside_a_reaper()
    subprocess.run(["mount", "-t", "tmpfs", "none", "/run"], check=True)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    # crun refuses a hybrid hierarchy whose version 2 tree has controllers
    unified = pathlib.Path("/sys/fs/cgroup/unified")
    if os.path.basename(runtime) == "crun" and (unified / "cgroup.controllers").exists():
        subprocess.run(["mount", "-t", "tmpfs", "none", unified], check=True)


def go_on_beside_a_reaper():
    """Goes on in a child: the first process gives an end to whatever has lost its parent."""
    runner = os.fork()
    if runner == 0:
        return
    while True:
        pid, status = os.wait()
        if pid == runner:
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def end_what_is_left():
    """Ends the processes that tests have left: there is nobody else in this pid namespace but the reaper."""
    for pid, command in processes().items():
        if pid not in (1, os.getpid()):
            print(f"# left: {command}")
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while any(pid not in (1, os.getpid()) for pid in processes()) and time.monotonic() < deadline:
        time.sleep(0.02)


def remove_cgroups(pattern):
    """Removes cgroups of tests. Tests make directories for hierarchies that are not mounted, too."""
    for root in sorted(glob.glob(f"/sys/fs/cgroup/*/{pattern}") + glob.glob(f"/sys/fs/cgroup/{pattern}")):
        for directory, _, _ in os.walk(root, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(directory)
        if not os.path.ismount(os.path.dirname(root)):
            with contextlib.suppress(OSError):
                os.rmdir(os.path.dirname(root))


def busybox_image():
    """A root file system of Debian's busybox-static, as that image has it."""
    path = sources.cache() / "busybox.tar"
    if path.exists():
        return path
    program = shutil.which("busybox") or sys.exit("busybox-static is not installed")
    with tempfile.TemporaryDirectory() as name:
        root = pathlib.Path(name)
        for directory in ("bin", "dev", "etc", "home", "lib", "root", "tmp", "usr/bin", "usr/sbin", "var/spool/mail", "var/www"):
            (root / directory).mkdir(parents=True)
        root.chmod(0o755)
        (root / "tmp").chmod(0o1777)
        (root / "root").chmod(0o700)
        shutil.copy(program, root / "bin/busybox")
        for applet in subprocess.run([program, "--list"], capture_output=True, text=True, check=True).stdout.split():
            if applet != "busybox":
                os.link(root / "bin/busybox", root / "bin" / applet)
        (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/usr/sbin:/bin/false\n"
                                         "www-data:x:33:33:www-data:/var/www:/bin/false\nnobody:x:65534:65534:nobody:/home:/bin/false\n")
        (root / "etc/group").write_text("root:x:0:\ndaemon:x:1:\nusers:x:100:\nnogroup:x:65534:\n")
        subprocess.run(["tar", "-C", root, "--owner=0", "--group=0", "-cf", f"{path}.part", "."], check=True)
    os.replace(f"{path}.part", path)
    return path
