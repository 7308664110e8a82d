"""What the suites of the engines share: cases, a place of their own on the host, and commands in it.

An engine runs in a mount and a network namespace of the suite's own, with its own data, sockets and parent cgroup: nothing that
the host's engines have is seen or touched, no rule of a firewall is changed, and all is gone at the end.
"""
import ctypes
import os
import pathlib
import shutil
import subprocess
import threading
import time

from template import busybox_root

CASES = []
TIMEOUT = 180


def case(title):
    """Makes a function a case of the engine whose module it is in."""
    def register(function):
        CASES.append({"engine": function.__module__.rsplit(".", 1)[-1], "name": function.__name__.replace("_", "-"),
                      "title": title, "function": function})
        return function
    return register


class Skip(Exception):
    """The machine cannot run the case; the text says why."""


class Result:
    def __init__(self, command, status, out, err):
        self.command, self.status, self.out, self.err = command, status, out, err

    def __str__(self):
        return f"{' '.join(map(str, self.command))}: status {self.status}\nstdout: {self.out}\nstderr: {self.err}"

    def ok(self):
        assert self.status == 0, str(self)
        return self

    def failed(self, status, *texts):
        """`status` is a number, or a tuple of those that will do."""
        assert self.status in (status if isinstance(status, tuple) else (status,)), f"status {status} expected: {self}"
        for text in texts:
            assert text.lower() in (self.out + self.err).lower(), f"{text!r} expected: {self}"
        return self

    def says(self, text):
        assert self.ok().out.strip() == text, f"{text!r} expected: {self}"
        return self


class Reaper:
    """Takes in the orphans of the engines: podman waits until its conmon is gone completely, and not every machine's first
    process reaps as soon as that."""

    def __init__(self):
        self.ours = set()  # whom somebody waits for
        self.lock = threading.Lock()
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
        threading.Thread(target=self.reap, daemon=True).start()

    def reap(self):
        while True:
            time.sleep(0.02)
            for name in os.listdir("/proc"):
                if not name.isdigit():
                    continue
                try:
                    state, parent = pathlib.Path("/proc", name, "stat").read_text().rsplit(") ", 1)[1].split()[:2]
                    pid = int(name)
                    with self.lock:
                        if state == "Z" and int(parent) == os.getpid() and pid not in self.ours:
                            os.waitpid(pid, os.WNOHANG)
                except (OSError, IndexError):
                    continue  # it is gone already


class Place:
    """Namespaces and a directory in which one engine lives."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.reaper = Reaper()
        self.holder = self.spawn(
            ["unshare", "--mount", "--propagation", "slave", "--net", "sh", "-c", "ip link set lo up && echo ready && exec sleep 3600"],
            stdout=subprocess.PIPE, text=True)
        assert self.holder.stdout.readline() == "ready\n", "no namespaces"

    def spawn(self, *words, **options):
        with self.reaper.lock:  # no child is reaped under the hands of whoever waits for it
            process = subprocess.Popen(*words, **options)
            self.reaper.ours.add(process.pid)
        return process

    def inside(self, command):
        return ["nsenter", "--target", str(self.holder.pid), "--mount", "--net", "--", *map(str, command)]

    def run(self, *command, stdin=None, timeout=TIMEOUT, env=None):
        """Runs a command in the place; what it leaves running may keep its output open."""
        out, err = self.directory / "out", self.directory / "err"
        for path in (out, err):  # whom the command before left may still write to his own
            path.unlink(missing_ok=True)
        with open(out, "w+b") as out_file, open(err, "w+b") as err_file:
            process = self.spawn(
                self.inside(command), stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE, stdout=out_file, stderr=err_file,
                env={**os.environ, **(env or {})})
            try:
                process.communicate(stdin, timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise
            finally:
                self.reaper.ours.discard(process.pid)
        return Result(command, process.returncode, out.read_text(errors="replace"), err.read_text(errors="replace"))

    def start(self, *command, log):
        return self.spawn(self.inside(command), stdin=subprocess.DEVNULL, stdout=open(log, "wb"), stderr=subprocess.STDOUT)

    def close(self):
        self.holder.kill()
        self.holder.wait()


def busybox_tree(directory):
    """A root filesystem of Debian's static busybox."""
    root = busybox_root(pathlib.Path(directory) / "tree", "var")
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/tmp:/bin/sh\n")
    (root / "etc/group").write_text("root:x:0:\nuser:x:1000:\n")
    (root / "bin/not-a-program").write_text("#!/bin/sh\n")
    return root


def wait_for(question, what, seconds=90):
    """Asks until the answer is true: only a failure takes as long as that."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = question()
        if answer:
            return answer
        time.sleep(0.1)
    raise AssertionError(f"{what}: not within {seconds} s")


def settles(check, seconds=60):
    """Checks until nothing is wrong: what two ask one after the other is the same only when all stands still."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return check()
        except AssertionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def remove_cgroups(name):
    """Removes the suite's parent cgroup in every hierarchy. Only empty ones go."""
    for top in pathlib.Path("/sys/fs/cgroup").glob(f"*/{name}"):
        for directory, _, _ in os.walk(top, topdown=False):
            try:
                os.rmdir(directory)
            except OSError:
                pass
