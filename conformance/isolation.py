"""Namespaces of a program's own, for what disturbs a runtime: a step that goes astray meets nothing of the host's, and all processes end with it."""
import os
import signal
import stat
import subprocess
import sys
import tempfile


def isolate():
    """Goes on as the first process of pid, mount, network, ipc and uts namespaces of its own."""
    if os.environ.get("CONFORMANCE_ISOLATED") != "1":
        os.environ["CONFORMANCE_ISOLATED"] = "1"
        os.execvp("unshare", ["unshare", "--mount", "--net", "--uts", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc",
                              sys.executable, *sys.argv])
    if os.getpid() != 1:
        sys.exit("CONFORMANCE_ISOLATED is set, and this is not the first process of a pid namespace")
    own_null()
    # the first process ignores what it does not handle
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))


def own_null():
    """A null device of this program's own: whose owner changes is neither the host's business, nor changed by others.

    On a file system of its own, where it keeps its name: what has none cannot be bind mounted again.
    """
    with tempfile.TemporaryDirectory(prefix="cale-null-") as directory:
        subprocess.run(["mount", "-t", "tmpfs", "none", directory], check=True)
        node = os.path.join(directory, "null")
        os.mknod(node, stat.S_IFCHR | 0o666, os.makedev(1, 3))
        os.chmod(node, 0o666)
        subprocess.run(["mount", "--bind", node, "/dev/null"], check=True)
        subprocess.run(["umount", directory], check=True)


def reap():
    """Orphans are children of the first process: those that have ended go."""
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                return
        except ChildProcessError:
            return


def processes():
    """Everybody here but this program, by pid: its pid namespace has nobody else."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            try:
                with open(f"/proc/{name}/cmdline", encoding="utf-8", errors="replace") as file:
                    found[int(name)] = file.read().replace("\0", " ").strip()
            except OSError:
                continue
    return found
