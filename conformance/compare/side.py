"""One of the two runtimes: brings a container into a state, gives a command, and says what came of it.

The aspects of an outcome: "status" (the exit status), "out" (stdout), "stderr" (whether something stands there), "message" (`Row.says`),
"state" (of the container afterwards), "limits" (of its cgroups), "FILE" for each of `Row.files`.
"""
import contextlib
import copy
import json
import os
import pathlib
import pty
import re
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from isolation import reap  # noqa: E402
from support import default_config, receive_descriptor  # noqa: E402
import forms  # noqa: E402

TIMEOUT = 40  # what takes so long does not come
KNOWN = 5  # the same for what is known not to come
LIMITS = ("memory.limit_in_bytes", "memory.soft_limit_in_bytes", "memory.memsw.limit_in_bytes", "pids.max", "cpu.shares", "cpu.cfs_quota_us",
          "cpu.cfs_period_us", "cpuset.cpus", "cpuset.mems", "blkio.bfq.weight")
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


class Side:
    """A runtime with a state root, a bundle and a working directory of its own."""

    def __init__(self, runtime, directory, template, marker):
        self.runtime, self.directory = runtime, pathlib.Path(directory)
        self.name = os.path.basename(runtime)
        self.bundle, self.root, self.work = self.directory / "bundle", self.directory / "root", self.directory / "work"
        self.directory.mkdir()
        shutil.copytree(template, self.bundle / "rootfs", symlinks=True)
        (self.bundle / "rootfs/etc/not-executable").write_text("#!/bin/sh\n")
        self.marker, self.number = marker, 0
        self.kept = None  # what the container of the row before was made for
        self.id = None
        self.pid = 0
        self.ends = False  # `Row.ends` of the row at hand
        self.patience = TIMEOUT
        self.masters = []  # of terminals that came

    # before the command

    def prepare(self, row):
        """A container in the state that the row asks for, the one of the row before if it will do."""
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(mode=0o755)
        wanted = (row.state, repr(row.config))
        if self.kept != wanted or row.fresh:
            self.clean()
            self.number += 1
            self.id = f"{self.marker}-{self.name}-{self.number}"
            self.root.mkdir(mode=0o700, exist_ok=True)
            self.write_config(row)
            self.pid = 0
            if row.state != "none":
                self.make(row.state)
        self.kept = wanted
        if row.before:
            self.must(["sh", "-ec", row.before], cwd=self.work, env={"PATH": PATH, "RUNTIME": self.runtime, **self.words()})

    def write_config(self, row):
        path = self.bundle / "config.json"
        if isinstance(row.config, str):
            path.write_text(row.config)
            return
        config = copy.deepcopy(default_config())
        config["process"]["args"] = ["sleep", "1000"] if row.state != "stopped" else ["true"]
        for name, value in row.config.items():
            *parents, last = name.split(".")
            place = config
            for parent in parents:
                place = place.setdefault(parent, {})
            if value is ...:
                del place[last]
            else:
                place[last] = value
        path.write_text(json.dumps(config))

    def make(self, state):
        base = [self.runtime, "--root", self.root]
        self.must([*base, "create", "--bundle", self.bundle, "--pid-file", self.work / "prepared", self.id])
        self.pid = int((self.work / "prepared").read_text())
        (self.work / "prepared").unlink()
        if state != "created":
            self.must([*base, "start", self.id])
        if state in ("running", "paused"):
            self.await_program()
        if state == "paused":
            self.must([*base, "pause", self.id])
        if state == "stopped" and self.observe("stopped") != "stopped":
            raise AssertionError(f"{self.name}: the container does not end")

    def await_program(self):
        """Until the container's first process has executed its program: `start` of runc comes back before."""
        arguments = json.loads((self.bundle / "config.json").read_text())["process"]["args"]
        deadline = time.monotonic() + TIMEOUT
        while self.arguments() != arguments:
            if time.monotonic() > deadline:
                raise AssertionError(f"{self.name}: the container runs {self.arguments()}")
            time.sleep(0.002)

    def arguments(self):
        with contextlib.suppress(OSError):
            return pathlib.Path(f"/proc/{self.pid}/cmdline").read_text().split("\0")[:-1]
        return None

    def must(self, command, **options):
        with tempfile.TemporaryFile() as output:
            status = subprocess.run(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=output, stderr=output, timeout=TIMEOUT, **options).returncode
            output.seek(0)
            if status:
                raise AssertionError(f"{shlex.join(map(str, command))}: status {status}\n{output.read().decode(errors='replace')}")

    # the command

    def words(self):
        return {"id": self.id, "bundle": str(self.bundle), "dir": str(self.work), "root": str(self.root), "pid": str(self.pid), "other": self.id + "-b"}

    def perform(self, row, differs=()):
        """The aspects of the outcome, and the outcome as it was, for people. `differs`: those that are not what the row says."""
        words, self.ends = self.words(), row.ends
        self.patience = KNOWN if "state" in differs else TIMEOUT
        command = [word.format(**words) for word in shlex.split(row.command)]
        command = [self.runtime, *(["--root", str(self.root)] if row.root else []), *command]
        if row.user:
            command = ["setpriv", f"--reuid={row.user}", f"--regid={row.user}", "--clear-groups", *command]
        environment = {"PATH": PATH, **{key: value.format(**words) for key, value in row.env.items()}}
        call = {None: self.call, "stdio": self.call_on_terminal, "console": self.call_with_console, "closed": self.call_closed,
                "third": self.call_with_third}[row.streams]
        status, out, err = call(command, row.stdin, environment)
        state = self.observe(row.after or row.state)
        names = [(str(self.root), "ROOT"), (str(self.bundle), "BUNDLE"), (str(self.work), "DIR"), (self.id, "ID"), (self.runtime, "RUNTIME"),
                 (self.name, "RUNTIME")]
        found = {"status": status, "out": forms.form(out, row.out, names), "stderr": forms.form(err, "some", names), "state": state}
        if row.says:
            found["message"] = bool(re.search(row.says, err, re.IGNORECASE))
        for name, how in row.files.items():
            found[name] = self.file(name, how, names)
        if row.limits:
            found["limits"] = self.limits()
        raw = f"{shlex.join(command)}\nstatus {status}, state {state}\nstdout: {out}\nstderr: {err}" + \
            "".join(f"\n{name}: {self.read(name)}" for name in row.files)
        if state != row.state or row.fresh:
            self.kept = None
        return found, raw

    def call(self, command, stdin, environment, streams=None):
        # files instead of pipes: a container that lives on keeps a pipe open
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            given.write((stdin or "").encode())
            given.seek(0)
            options = streams or {"stdin": given if stdin is not None else subprocess.DEVNULL, "stdout": out, "stderr": err}
            process = subprocess.Popen(command, cwd=self.bundle, env=environment, start_new_session=True, **options)
            status = self.wait(process)
            if self.ends:
                self.await_end(self.work / "pid")
            out.seek(0), err.seek(0)
            return status, out.read().decode(errors="replace"), err.read().decode(errors="replace")

    @staticmethod
    def wait(process):
        try:
            return process.wait(timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return "none: it did not end"

    def await_end(self, pid_file):
        """Until the process of that number has ended."""
        deadline = time.monotonic() + TIMEOUT
        while pid_file.exists() and os.path.exists(f"/proc/{pid_file.read_text()}"):
            if time.monotonic() > deadline:
                raise AssertionError(f"{self.name}: process {pid_file.read_text()} does not end")
            reap()
            time.sleep(0.005)

    def call_closed(self, command, stdin, environment):
        return self.call(["sh", "-c", 'exec "$@" <&- >&-', "sh", *command], stdin, environment)

    def call_with_third(self, command, stdin, environment):
        return self.call(["sh", "-c", 'LISTEN_PID=$$ exec "$@" 3</etc/hostname', "sh", *command], stdin, environment)

    def call_with_console(self, command, stdin, environment):
        """A terminal comes over {dir}/console; what is written to it counts as stdout."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
            server.bind(str(self.work / "console"))
            server.listen(1)
            server.settimeout(TIMEOUT)
            status, out, err = self.call(command, stdin, environment)
            if not select.select([server], [], [], 0.5)[0]:
                return status, out + "(no terminal came)", err
            connection, _ = server.accept()
            with connection:
                name, master = receive_descriptor(connection)
                answer = f"(a terminal, called {name.decode()!r})" if os.isatty(master) else "(no terminal)"
                self.masters.append(master)
                return status, out + answer, err

    def call_on_terminal(self, command, stdin, environment):
        master, slave = pty.openpty()
        try:
            # a session of its own takes the terminal with the first that it opens
            script = 'exec 0<>"$0" 1>&0 2>&0; exec "$@"'
            process = subprocess.Popen(["sh", "-c", script, os.ttyname(slave), *command], cwd=self.bundle, env=environment, start_new_session=True,
                                       stdin=slave, stdout=slave, stderr=slave)
            os.close(slave)
            text, deadline = b"", time.monotonic() + TIMEOUT
            while time.monotonic() < deadline:
                if select.select([master], [], [], 0.5)[0]:
                    try:
                        text += os.read(master, 4096)
                    except OSError:  # nobody has the other end any more, and everything that was written there has come
                        break
            return self.wait(process), text.decode(errors="replace"), ""
        finally:
            os.close(master)

    # after the command

    def observe(self, expected):
        """The state of the container; `expected` gets some time to come."""
        deadline = time.monotonic() + self.patience
        while True:
            reap()
            state = self.state()["status"]
            if state == expected or time.monotonic() > deadline:
                return state
            time.sleep(0.02)

    def limits(self):
        """What `LIMITS` say for the first process."""
        groups = {}
        with contextlib.suppress(OSError):
            for line in pathlib.Path(f"/proc/{self.pid}/cgroup").read_text().splitlines():
                _, controllers, path = line.split(":", 2)
                groups.update({controller: path for controller in controllers.split(",")})
        found = {}
        for name in LIMITS:
            controller = name.split(".")[0]
            with contextlib.suppress(OSError, KeyError):
                found[name] = pathlib.Path(f"/sys/fs/cgroup/{controller}{groups[controller]}/{name}").read_text().strip()
        return found

    def state(self):
        """What `state` prints; of a container that is not there only this status."""
        if (self.root / self.id).exists():  # else there is no need to ask
            done = subprocess.run([self.runtime, "--root", self.root, "state", self.id], capture_output=True, stdin=subprocess.DEVNULL)
            if done.returncode == 0:
                state = json.loads(done.stdout)
                self.pid = state.get("pid", 0)
                return state
        return {"status": "none"}

    def read(self, name):
        with contextlib.suppress(OSError):
            return (self.work / name).read_text(errors="replace")
        return None

    def file(self, name, how, names):
        text = self.read(name)
        if how == "log":
            return forms.log_form(text or "", names)
        if how == "exists":
            return text is not None
        if text is None:
            return "missing"
        if how == "mode":
            return oct((self.work / name).stat().st_mode)
        if how == "pid":
            if not re.fullmatch(r"[1-9]\d*", text):
                return f"no pid: {text!r}"
            return "first process" if self.state().get("pid") == int(text) else "another process"
        return forms.form(text, how, names)

    def clean(self):
        """Removes every container. runc looks only every tenth of a second whether one that it kills has ended, so its end comes first."""
        if self.pid and self.id and (self.root / self.id).exists():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            deadline = time.monotonic() + 0.2  # what is paused does not end
            while os.path.exists(f"/proc/{self.pid}") and time.monotonic() < deadline:
                reap()
                time.sleep(0.002)
        while self.masters:
            os.close(self.masters.pop())
        for entry in sorted(self.root.iterdir()) if self.root.exists() else []:
            if not entry.name.startswith("@"):
                subprocess.run([self.runtime, "--root", self.root, "delete", "--force", "--", entry.name], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=TIMEOUT)
        reap()
        self.kept = None
