"""exec: how the process enters. What the container sees of it before its program runs, and what stands in its way."""
import contextlib
import fcntl
import json
import os
import pathlib
import re
import select
import signal
import struct
import subprocess
import sys
import threading

from cases.runtime_exec import process_file, run_in, running
from support import TIMEOUT, case, listener, receive_descriptor, status_field, until

# Each new process is stopped at once, and looked at while it is; what ends before it stops has nothing to look at.
INTRUDER = """while :; do for p in /proc/[0-9]*; do n=${p#/proc/}
  case $n in 1|$$) continue;; esac
  kill -STOP $n 2>/dev/null || continue
  read -r c < $p/comm; echo "comm $c" >> /seen
  [ -e $p/root/@DIRECTORY@ ] && echo "host's root $n" >> /found
  grep -q -e @DIRECTORY@/rootfs -e " /sys/fs/cgroup " $p/mountinfo && echo "host's mounts $n" >> /found
  for f in $p/fd/*; do case $f in */[012]) continue;; esac
    case $(readlink $f) in */null) ;; *@DIRECTORY@*|socket:*) echo "descriptor $f $(readlink $f)" >> /found;; esac; done
  while read -r k v; do case $k in
    CapPrm:|CapEff:|CapBnd:) [ $((0x$v & ~0x@MASK@)) = 0 ] || echo "$k $v" >> /found;;
    Seccomp:) [ $v = 2 ] || echo "$c has no filter" >> /found;; esac; done < $p/status
  read -r l < $p/stat; set -- ${l##*) }; [ ${5:-0} = 0 ] || echo "$c has the terminal $5" >> /found
  if [ $c != true ]; then
    grep -q -e exec -e @DIRECTORY@ $p/cmdline && echo "arguments of $c" >> /found
    grep -q CANARY $p/environ && echo "environment of $c" >> /found
  fi
  kill -CONT $n; done; done"""

# Runs a command with a terminal that is its session's.
ON_A_TERMINAL = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"


def take_over(c, no_new_privileges):
    directory = str(c.directory).lstrip("/")
    c.capabilities("CAP_SYS_PTRACE", "CAP_KILL")
    c.process["noNewPrivileges"] = no_new_privileges
    c.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]}
    running(c, "/bin/sh", "-c", INTRUDER.replace("@DIRECTORY@", directory).replace("@MASK@", f"{1 << 19 | 1 << 5:x}"))
    c.environment["CANARY_OF_THE_CALLER"] = "seen"
    c.wrapper = [sys.executable, "-c", ON_A_TERMINAL]
    for _ in range(100):
        run_in(c, "true").ok()
    seen = (c.rootfs / "seen").read_text()
    assert "comm" in seen, "no process was caught"
    assert not (c.rootfs / "found").exists(), (c.rootfs / "found").read_text()


@case("what a container with CAP_SYS_PTRACE can stop, look into and take over of a process that joins it is what it has itself (C08)")
def taken_over(c):
    take_over(c, no_new_privileges=False)


@case("the same with noNewPrivileges (C08)")
def taken_over_without_new_privileges(c):
    take_over(c, no_new_privileges=True)


@case("no socket of a created container leads a process beside it to the one that starts it (C08)")
def beside_a_created_container(c):
    c.capabilities("CAP_SYS_PTRACE")
    c.args("sleep", "60").create().ok()
    found = run_in(c, "/bin/sh", "-c", "for f in /proc/1/fd/*; do case $f in */[012]) ;; *) readlink $f;; esac; done").ok().out
    assert "socket:" not in found, found
    c.start().ok()
    assert c.state()["status"] == "running"


@case("an init that waits to be started has no capability that was kept for its filter, and the filter; its arguments are blank (C08)")
def waiting_init(c):
    c.process["noNewPrivileges"] = False
    c.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]}
    c.args("sleep", "60").create().ok()
    pid = c.state()["pid"]
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    assert int(status_field(status, "CapPrm"), 16) & 1 << 21 == 0 and status_field(status, "Seccomp") == "2", status
    assert str(c.directory).encode() not in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    c.start().ok()


@case("a start that waits for a hook in the container is not in the way of the others")
def start_that_waits(c):
    c.config["hooks"] = {"startContainer": [{"path": "/bin/sh", "args": ["sh", "-c", "echo > /began; exec sleep 60"]}]}
    c.args("true").create().ok()
    starting = subprocess.Popen([c.runtime, "--root", c.state_root, "start", c.id], stdin=c.input, stderr=subprocess.DEVNULL, env=c.environment)
    until((c.rootfs / "began").exists, "the hook does not run")
    assert c.call("list").ok()
    c.call("delete", "--force", c.id).ok()
    assert starting.wait(timeout=TIMEOUT) != 0, "it says that the container has started"


@case("exec can be interrupted while its process is stopped by the container before its program runs")
def interrupted(c):
    # stopped for ever: nobody lets it go on
    running(c, "/bin/sh", "-c", """while :; do for p in /proc/[0-9]*; do n=${p#/proc/}
      case $n in 1|$$) ;; *) kill -STOP $n 2>/dev/null && echo $n >> /stopped;; esac; done; done""")
    stopped, first = c.rootfs / "stopped", c.state()["pid"]
    members = lambda: [pid for pid in json.loads(c.call("ps", "--format", "json", c.id).ok().out) if pid != first]
    caught = 0
    for _ in range(200):
        stopped.unlink(missing_ok=True)
        command = [c.runtime, "--root", c.state_root, "exec", c.id, "sleep", "60"]
        process = subprocess.Popen(command, stdin=c.input, stderr=subprocess.PIPE, env=c.environment)
        until(stopped.exists, "nothing was stopped")
        entered = members()
        if any(pathlib.Path(f"/proc/{pid}/comm").read_text() == "sleep\n" for pid in entered):
            os.kill(entered[0], signal.SIGKILL)  # caught too late
            process.wait(timeout=TIMEOUT)
            continue
        caught += 1
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=TIMEOUT)
        assert process.returncode != 0
        assert not members(), err
        if caught == 5:
            break
    assert caught, "no process was caught before its program ran"


@case("a limit of processes counts the new process alone")
def limit_of_processes(c):
    running(c)
    path = process_file(c, user={"uid": 54321, "gid": 54321}, args=["cat", "/proc/self/limits"], rlimits=[{"type": "RLIMIT_NPROC", "soft": 1, "hard": 1}])
    found = run_in(c, "--process", path, "@").ok().out
    assert re.search(r"Max processes +1 +1 ", found), found


@case("every scheduler reaches the program, also one that a new process does not inherit")
def schedulers(c):
    running(c)
    for scheduler, nice, policy in (
            ({"policy": "SCHED_BATCH", "nice": 5, "flags": ["SCHED_FLAG_RESET_ON_FORK"]}, 5, 3),
            ({"policy": "SCHED_DEADLINE", "runtime": 1000000, "deadline": 10000000, "period": 10000000}, 0, 6)):
        done = run_in(c, "--process", process_file(c, args=["cat", "/proc/self/stat"], scheduler=scheduler), "@")
        if policy == 6 and re.search("EPERM|EBUSY|not permitted|busy", done.err):
            continue  # the host has no time to give away
        fields = done.ok().out.rsplit(") ", 1)[1].split()
        assert (int(fields[16]), int(fields[38])) == (nice, policy), (scheduler, fields)


@case("a caller that ignores SIGCHLD gets the exit status")
def ignored_children(c):
    c.wrapper = ["/bin/sh", "-c", 'trap "" CHLD; exec "$@"', "sh"]
    assert c.shell("exit 3").run().status == 3
    c.wrapper = []
    running(c)
    c.wrapper = ["/bin/sh", "-c", 'trap "" CHLD; exec "$@"', "sh"]
    assert run_in(c, "/bin/sh", "-c", "exit 4").status == 4


@case("a profile that denies what a new process needs not does not keep it away")
def denied_calls(c):
    for number, (call, privileges) in enumerate((call, privileges) for call in ("clone3", "sendmsg", "setsid") for privileges in (True, False)):
        c.process["noNewPrivileges"] = not privileges
        c.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": [call], "action": "SCMP_ACT_ERRNO"}]}
        running(c)
        run_in(c, "true").ok()
        c.delete("--force").ok()


@case("a profile that denies clone(2) does not keep a program away that makes no process, with noNewPrivileges")
def denied_clone(c):
    c.process["noNewPrivileges"] = True
    c.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["clone", "clone3"], "action": "SCMP_ACT_ERRNO"}]}
    running(c)
    run_in(c, "grep", "Seccomp:", "/proc/self/status").prints("Seccomp:\t2")


@contextlib.contextmanager
def agent(path):
    """A seccomp agent that lets every call go on (seccomp_unotify(2)); gives the list of the calls' numbers."""
    receive, answer = (3 << 30 | size << 16 | ord("!") << 8 | number for number, size in ((0, 80), (1, 24)))
    seen, is_over = [], threading.Event()

    def decide(handle):
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        while not is_over.is_set():
            if not any(events & select.POLLIN for _, events in poll.poll(50)):
                continue
            with contextlib.suppress(FileNotFoundError):  # the process has ended
                notice = fcntl.ioctl(handle, receive, bytes(80))
                seen.append(struct.unpack_from("i", notice, 16)[0])
                fcntl.ioctl(handle, answer, struct.pack("QqiI", struct.unpack_from("Q", notice)[0], 0, 0, 1))
        os.close(handle)

    def accept(server):
        while not is_over.is_set():
            with contextlib.suppress(TimeoutError):
                connection, _ = server.accept()
                with connection:
                    connection.settimeout(TIMEOUT)
                    _, handle = receive_descriptor(connection)
                threads.append(threading.Thread(target=decide, args=(handle,)))
                threads[-1].start()

    with listener(path) as server:
        server.settimeout(0.1)
        threads = [threading.Thread(target=accept, args=(server,))]
        threads[0].start()
        try:
            yield seen
        finally:
            is_over.set()
            for thread in threads:
                thread.join()


@case("an agent decides about the calls that come after it has the listener")
def notified(c):
    path = c.directory / "agent"
    for no_new_privileges in (True, False):
        c.process["noNewPrivileges"] = no_new_privileges
        c.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": str(path), "syscalls": [
            {"names": ["setsid", "exit_group", "prctl", "ioctl", "capset" if no_new_privileges else "getpgrp"], "action": "SCMP_ACT_NOTIFY"}]}
        with agent(path) as seen:
            running(c)
            run_in(c, "true").ok()
            c.delete("--force").ok()
        path.unlink()
        assert 231 in seen or os.uname().machine != "x86_64", seen  # exit_group


@case("a program below /proc/self is that of the new process")
def program_below_self(c):
    c.linux.pop("seccomp", None)
    running(c)
    run_in(c, "/proc/self/root/bin/echo", "here").prints("here")
