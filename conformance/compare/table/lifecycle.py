"""create, start, kill, delete and run: what comes of them, in every state of the container and with everything that may be wrong."""
import pathlib

from row import row

SHELL = {"process.args": ["sh", "-c", "true"]}


def shell(script, **more):
    """A configuration whose program is a script."""
    return {"process.args": ["sh", "-c", script], **more}


# create

row("create", "create --bundle {bundle} {id}", after="created")
row("create in the bundle", "create {id}", after="created")
row("create with a pid file", "create --bundle {bundle} --pid-file {dir}/pid {id}", after="created", files={"pid": "pid"})
row("mode of the pid file", "create --bundle {bundle} --pid-file {dir}/pid {id}", after="created", files={"pid": "mode"})
row("create replaces a pid file", "create --bundle {bundle} --pid-file {dir}/pid {id}", after="created", files={"pid": "pid"},
    before="echo 123456789 > $dir/pid")
row("create with a relative bundle and pid file", "create --bundle ../bundle --pid-file ../work/pid {id}", after="created", files={"pid": "pid"})
row("create with -b", "create -b {bundle} {id}", after="created")
row("create with options behind the id", "create {id} --bundle {bundle} --pid-file {dir}/pid", after="created", files={"pid": "pid"})
row("create as containerd", "--log {dir}/log --log-format json create --bundle {bundle} --pid-file {dir}/pid --no-pivot --no-new-keyring {id}", after="created",
    files={"pid": "pid", "log": "log"})
row("create as conmon", "--log-format=json --log {dir}/log create --bundle {bundle} --pid-file {dir}/pid {id}", after="created", files={"pid": "pid"},
    env={"_OCI_SYNCPIPE": "3", "_OCI_STARTPIPE": "4"})
row("create what is there", "create --bundle {bundle} {id}", exits=1, state="created", says="container with (given )?id.* (already )?exists")
row("create what runs", "create --bundle {bundle} {id}", exits=1, state="running", says="exists")
row("create what has ended", "create --bundle {bundle} {id}", exits=1, state="stopped", says="exists")
row("pid file in no directory", "create --bundle {bundle} --pid-file {dir}/no/pid {id}", exits=1, says="no such file or directory")
row("pid file that is a directory", "create --bundle {bundle} --pid-file {dir} {id}", exits=1)
row("bundle that is not there", "create --bundle {dir}/nothing {id}", exits=1, says="no such file or directory")
row("bundle that is a file", "create --bundle {dir}/file {id}", exits=1, says="not a directory", before="touch $dir/file")
row("bundle without config.json", "create --bundle {dir} {id}", exits=1, says="config.json")
row("bundle that is empty text", "create --bundle= {id}", after="created")
row("console socket without a terminal", "create --bundle {bundle} --console-socket {dir}/console {id}", exits=1, streams="console")
row("terminal without a console socket", "create --bundle {bundle} {id}", exits=1, config={"process.terminal": True}, says="console.socket")
row("terminal with a console socket", "create --bundle {bundle} --console-socket {dir}/console {id}", config={"process.terminal": True}, streams="console",
    after="created")
row("console socket that is not there", "create --bundle {bundle} --console-socket {dir}/nothing {id}", exits=1, config={"process.terminal": True})
row("console socket that is a file", "create --bundle {bundle} --console-socket {dir}/file {id}", exits=1, config={"process.terminal": True},
    before="touch $dir/file")
row("preserved descriptors that are not open", "create --bundle {bundle} --preserve-fds 5 {id}", exits=1)
row("preserved descriptors that are no number", "create --bundle {bundle} --preserve-fds many {id}", exits=1, out=None)
row("preserved descriptors below 0", "create --bundle {bundle} --preserve-fds -1 {id}", exits=0, after="created")
row("create without pivot", "create --bundle {bundle} --no-pivot {id}", after="created")
row("create without a keyring", "create --bundle {bundle} --no-new-keyring {id}", after="created")

for name, word in (("with a slash", "a/b"), ("that is ..", ".."), ("that is .", "."), ("with a space", '"a b"'), ("with a colon", "a:b"),
                   ("in Greek", "αβγ"), ("with an at sign", "a@b"), ("that is empty", '""'), ("with a newline", '"a\nb"')):
    row(f"id {name}", f"create --bundle {{bundle}} {word}", exits=1, says="invalid|empty|id")
    row(f"state of an id {name}", f"state {word}", exits=1)
row("id with all signs", "create --bundle {bundle} {id}.a_b-c+d", out="text", fresh=True)
row("id that looks like an option", "create --bundle {bundle} -- -x", fresh=True)
row("id of 1024 letters", "create --bundle {bundle} " + "a" * 1024, exits=1)

# what is wrong with the configuration

for name, text in (("empty", ""), ("no JSON", "{"), ("an array", "[]"), ("null", "null"), ("a number", "1"),
                   ("two objects", "{}{}"), ("an object without members", "{}")):
    row(f"config.json is {name}", "create --bundle {bundle} {id}", exits=2 if text == "null" else 1, config=text)
for name, change, says in (
        ("no process", {"process": ...}, "process"),
        ("no args", {"process.args": ...}, "args"),
        ("empty args", {"process.args": []}, "args"),
        ("no cwd", {"process.cwd": ...}, "cwd"),
        ("relative cwd", {"process.cwd": "tmp"}, "cwd"),
        ("no root", {"root": ...}, "root"),
        ("rootfs that is not there", {"root.path": "nothing"}, "no such file or directory|does not exist"),
        ("args that are text", {"process.args": "true"}, "args"),
        ("env that is an object", {"process.env": {}}, "env"),
        ("unknown namespace", {"linux.namespaces": [{"type": "moon"}]}, "namespace"),
        ("namespace twice", {"linux.namespaces": [{"type": "mount"}, {"type": "pid"}, {"type": "pid"}]}, "namespace|duplicate"),
        ("namespace that is not there", {"linux.namespaces": [{"type": "mount"}, {"type": "network", "path": "/proc/1/ns/nothing"}]}, "no such file|namespace"),
        ("hostname without a namespace", {"linux.namespaces": [{"type": "mount"}, {"type": "pid"}]}, "hostname|uts"),
        ("sysctl without a namespace", {"linux.namespaces": [{"type": "mount"}, {"type": "pid"}, {"type": "uts"}], "linux.sysctl": {"net.core.somaxconn": "1"}},
         "sysctl"),
        ("unknown sysctl", {"linux.sysctl": {"kernel.panic": "1"}}, "sysctl"),
        ("unknown rlimit", {"process.rlimits": [{"type": "RLIMIT_FUN", "hard": 1, "soft": 1}]}, "rlimit"),
        ("relative mount destination", {"mounts": [{"destination": "tmp", "type": "tmpfs", "source": "tmpfs"}]}, ""),
        ("mount of a missing source", {"mounts": [{"destination": "/mnt", "type": "bind", "source": "/nonexistent", "options": ["bind"]}]}, "no such file"),
        ("unknown file system", {"mounts": [{"destination": "/mnt", "type": "moonfs", "source": "none"}]}, "no such device|moonfs"),
        ("propagation that is unknown", {"linux.rootfsPropagation": "sideways"}, "propagation"),
        ("seccomp action that is unknown", {"linux.seccomp": {"defaultAction": "SCMP_ACT_HOPE"}}, "SCMP_ACT_HOPE|action"),
        ("device of an unknown type", {"linux.devices": [{"path": "/dev/x", "type": "q", "major": 1, "minor": 3}]}, ""),
        ("hook that is not there", {"hooks": {"createRuntime": [{"path": "/nonexistent"}]}}, "no such file"),
        ("hook with a relative path", {"hooks": {"createRuntime": [{"path": "true"}]}}, ""),
        ("hook that fails", {"hooks": {"createRuntime": [{"path": "/bin/false"}]}}, "hook"),
        ("memory limit that is text", {"linux.resources.memory": {"limit": "many"}}, "memory|limit"),
        ("memory limit of 1", {"linux.resources.memory": {"limit": 1}}, ""),
        ("cpus that are not there", {"linux.resources.cpu": {"cpus": "999"}}, ""),
        ("uid that is text", {"process.user": {"uid": "root"}}, "uid"),
        ("uid below 0", {"process.user": {"uid": -1}}, "uid"),
        ("no linux section", {"linux": ...}, ""),
        ("no mounts", {"mounts": []}, ""),
        ("oom score that is too high", {"process.oomScoreAdj": 100000}, "oom")):
    row(f"config with {name}", "create --bundle {bundle} {id}", exits=1, config=change, says=says)
for name, change in (("unknown member", {"tomorrow": {"x": 1}}), ("old version", {"ociVersion": "1.0.0"}),
                     ("unknown capability", {"process.capabilities.bounding": ["CAP_FLY"]}),
                     ("no hostname", {"hostname": ...}), ("no capabilities", {"process.capabilities": ...}),
                     ("annotations", {"annotations": {"a": "b"}})):
    row(f"config with {name}", "create --bundle {bundle} {id}", config=change, after="created")
row("version of another time", "create --bundle {bundle} {id}", config={"ociVersion": "7.0.0"}, after="created")
row("annotations in the state", "state {id}", config={"annotations": {"a": "b", "org.x": ""}}, state="created", out="state")

# the program

for verb, exits, after in (("create", 1, "none"), ("run", 1, "none")):
    row(f"{verb} a program that is not in the path", f"{verb} --bundle {{bundle}} {{id}}", exits=exits, after=after, config={"process.args": ["nosuch"]},
        says=r'nosuch.*executable file not found in \$PATH')
    row(f"{verb} a program whose path is not there", f"{verb} --bundle {{bundle}} {{id}}", exits=exits, after=after, config={"process.args": ["/bin/nosuch"]},
        says="/bin/nosuch.*no such file or directory")
    row(f"{verb} a program that is not executable", f"{verb} --bundle {{bundle}} {{id}}", exits=exits, after=after,
        config={"process.args": ["/etc/not-executable"]}, says="/etc/not-executable.*permission denied")
    row(f"{verb} a program that is a directory", f"{verb} --bundle {{bundle}} {{id}}", exits=exits, after=after, config={"process.args": ["/etc"]},
        says="/etc.*(is a directory|permission denied)")
row("create without a cwd in the rootfs", "create --bundle {bundle} {id}", config={"process.cwd": "/made/by/runtime"}, after="created")
row("cwd that is a file", "create --bundle {bundle} {id}", config={"process.cwd": "/etc/passwd"}, exits=1, says="not a directory")
row("cwd that the user may not enter", "run --bundle {bundle} {id}", config={"process.cwd": "/root/x", "process.user": {"uid": 1000, "gid": 1000}, **SHELL},
    before="mkdir -p $bundle/rootfs/root/x && chmod 700 $bundle/rootfs/root/x $bundle/rootfs/root")
row("program without a format", "run --bundle {bundle} {id}", config={"process.args": ["/etc/empty"]}, exits=1, says="exec format error",
    before="printf x > $bundle/rootfs/etc/empty && chmod 755 $bundle/rootfs/etc/empty")

# start

row("start", "start {id}", state="created", after="running")
row("start as containerd", "--log {dir}/log --log-format json start {id}", state="created", after="running", files={"log": "log"})
row("start what runs", "start {id}", exits=1, state="running", says="running|not created|cannot start")
row("start what has ended", "start {id}", exits=1, state="stopped", says="stopped|cannot start")
row("start what is paused", "start {id}", exits=1, state="paused", says="paused|cannot start")
row("start what is not there", "start {id}", exits=1, says="container does not exist")
row("start and end", "start {id}", state="created", after="stopped", config={"process.args": ["true"]})

# kill

HANDLER = {"config": shell("trap 'exit 0' TERM; touch /ready; while :; do sleep 0.05; done"), "fresh": True,
           "before": "until rm $bundle/rootfs/ready 2>/dev/null; do sleep 0.01; done"}
for word in ("TERM", "SIGTERM", "15", "KILL", "SIGKILL", "9"):
    row(f"kill with {word}", f"kill {{id}} {word}", state="running", after="stopped", **HANDLER)
row("kill without a signal", "kill {id}", state="running", after="stopped", **HANDLER)
for word in ("0", "CONT", "SIGUSR1", "term", "sigterm", "WINCH", "34", "64"):
    row(f"kill with {word}", f"kill {{id}} {word}", state="running", out=None)
for word in ("SIGRTMIN+3", "RTMIN"):
    row(f"kill with {word}", f"kill {{id}} {word}", exits=1, state="running", out=None)
row("kill with an empty word", "kill {id} ''", state="running")
row("kill with +9", "kill {id} +9", state="running", after="stopped")
for word in ("BOGUS", "SIGBOGUS", "65", "999", "1x", "TERM,KILL", "' 9'"):
    row(f"kill with a wrong signal {word}", f"kill {{id}} {word}", exits=1, state="running", says="unknown signal|signal")
row("kill with a signal below 0", "kill {id} -9", exits=1, state="running", out=None)
row("kill with -KILL", "kill {id} -KILL", exits=1, state="running", out=None)
row("kill what was created", "kill {id} KILL", state="created", after="stopped")
row("term what was created", "kill {id} TERM", state="created", after="stopped")
row("kill what is paused", "kill {id} KILL", state="paused", after="stopped")
row("kill what has ended", "kill {id} KILL", exits=1, state="stopped", says="container not running")
row("kill 0 what has ended", "kill {id} 0", exits=1, state="stopped", says="container not running")
row("kill what is not there", "kill {id} KILL", exits=1, says="container does not exist")
row("kill all", "kill --all {id} KILL", state="running", after="stopped")
row("kill all, short", "kill -a {id} KILL", state="running", after="stopped")
row("kill all, behind", "kill {id} KILL --all", state="running", after="stopped")
row("kill all of what has ended", "kill --all {id} KILL", state="stopped")
row("kill all as containerd", "--log {dir}/log --log-format json kill --all {id} 9", state="running", after="stopped", files={"log": "log"})
row("JSON log of kill of what has ended", "--log {dir}/log --log-format json kill {id} 9", state="stopped", exits=1, files={"log": "log"},
    says="container not running")

# delete

row("delete", "delete {id}", state="stopped", after="none")
row("delete what runs", "delete {id}", exits=1, state="running", says="not stopped|running")
row("delete what is paused", "delete {id}", exits=1, state="paused", says="not stopped|paused")
row("delete what was created", "delete {id}", state="created", after="none")
row("delete what is not there", "delete {id}", exits=1, says="container does not exist")
row("delete with force what is not there", "delete --force {id}")
row("delete with -f what runs", "delete -f {id}", state="running", after="none")
row("delete with force what is paused", "delete --force {id}", state="paused", after="none")
row("delete with force what was created", "delete --force {id}", state="created", after="none")
row("delete with force what has ended", "delete --force {id}", state="stopped", after="none")
row("delete with a poststop hook", "delete {id}", state="stopped", after="none",
    config={"hooks": {"poststop": [{"path": "/bin/sh", "args": ["sh", "-c", "cat >/dev/null"]}]}})

# run

row("run", "run --bundle {bundle} {id}", config=shell("echo out; echo err >&2"))
row("run with options behind the id", "run {id} --bundle {bundle}", config=shell("echo out"))
row("run with stdin", "run --bundle {bundle} {id}", config={"process.args": ["cat"]}, stdin="one\ntwo\n")
for number in (1, 2, 7, 126, 127, 128, 255):
    row(f"run ends with {number}", "run --bundle {bundle} {id}", config=shell(f"exit {number}"), exits=number)
for name, number in (("KILL", 137), ("TERM", 143), ("SEGV", 139), ("HUP", 129)):
    row(f"run ended by {name}", "run --bundle {bundle} {id}", exits=number,
        config={"process.args": ["sh", "-c", f"kill -{name} $$; sleep 5"], "linux.namespaces": [{"type": "mount"}, {"type": "uts"}]})
row("run keeps", "run --keep --bundle {bundle} {id}", config=shell("exit 3"), exits=3, after="stopped")
row("run detached", "run --detach --bundle {bundle} --pid-file {dir}/pid {id}", after="running", files={"pid": "pid"})
row("run with -d", "run -d -b {bundle} {id}", after="running")
row("run detached, program ends", "run --detach --bundle {bundle} {id}", config=shell("exit 3"), after="stopped")
row("run with a pid file", "run --bundle {bundle} --pid-file {dir}/pid {id}", config={"process.args": ["true"]}, files={"pid": "pid"})
row("run what is there", "run --bundle {bundle} {id}", exits=1, state="created", says="exists")
row("run without a subreaper", "run --no-subreaper --bundle {bundle} {id}", config=shell("exit 4"), exits=4)
row("run on a terminal", "run --bundle {bundle} {id}", config={"process.terminal": True, "process.args": ["sh", "-c", "until stty -a 2>/dev/null | grep -q -e -onlcr; do sleep 0.02; done; test -t 0 && test -t 1 && tty; exit 5"]},
    exits=5, streams="stdio")
row("run without a terminal on one", "run --bundle {bundle} {id}", config=shell("test -t 1; exit 6"), exits=6, streams="stdio")
row("run with closed streams", "run --bundle {bundle} {id}", config=shell("exit 3"), exits=3, streams="closed")
row("run detached with a terminal and no socket", "run --detach --bundle {bundle} {id}", config={"process.terminal": True}, exits=1, says="console.socket")
row("run a terminal when stdin is none", "run --bundle {bundle} {id}", config={"process.terminal": True, "process.args": ["sh", "-c", "tty"]}, exits=1)
row("run with environment", "run --bundle {bundle} {id}", config={"process.args": ["env"], "process.env": ["B=2", "A=1", "PATH=/bin", "A=3"]}, out="sorted")
row("run without HOME", "run --bundle {bundle} {id}", config=shell("echo $HOME"))
row("run as a user", "run --bundle {bundle} {id}", config={"process.args": ["sh", "-c", "id; echo $HOME"], "process.user": {"uid": 1000, "gid": 1000}})
row("run as a user that nobody knows", "run --bundle {bundle} {id}",
    config={"process.args": ["sh", "-c", "id; echo $HOME"], "process.user": {"uid": 4711, "gid": 4712}})
row("run shows its status", "run --bundle {bundle} {id}",
    config={"process.args": ["grep", "-E", "^(Cap|NoNew|Seccomp:|Groups|Umask|SigBlk|SigIgn)", "/proc/self/status"]})
row("run shows its mounts", "run --bundle {bundle} {id}", config={"process.args": ["sh", "-c", "cut -d' ' -f5- /proc/self/mountinfo | sort"]})
row("run shows its devices", "run --bundle {bundle} {id}", config=shell("cd /dev; stat -c '%N %F %a %u:%g %t:%T' *"))
row("run shows its descriptors", "run --bundle {bundle} {id}", config={"process.args": ["sh", "-c", "ls /proc/self/fd | wc -l"]})
row("run shows its cgroups", "run --bundle {bundle} {id}", config={"process.args": ["sh", "-c", "cut -d: -f2- /proc/self/cgroup | sort"]})
row("run shows its limits", "run --bundle {bundle} {id}", config={"process.args": ["sh", "-c", "ulimit -a"]})
row("NOTIFY_SOCKET", "run --bundle {bundle} {id}", config=shell("echo ${NOTIFY_SOCKET}"), env={"NOTIFY_SOCKET": "{dir}/notify"},
    before="python3 -c 'import socket, os; socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).bind(os.environ[\"dir\"] + \"/notify\")'")
# somebody who reads what comes there, as a service manager does, and writes down what it is told
LISTENER = f"""cc -O1 -static -o "$bundle/rootfs/notify" {pathlib.Path(__file__).parents[2] / "probe/notify.c"}
python3 -c '
import os, socket, sys
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.bind("notify")
if listener := os.fork():
    open("pid", "w").write(str(listener))
    sys.exit()
null = os.open("/dev/null", os.O_RDWR)
for number in range(3):
    os.dup2(null, number)
manager.settimeout(30)
heard = set()
while "READY=1" not in heard:
    heard |= set(manager.recv(4096).decode().split(chr(10)))
while "MAINPID" not in str(heard) and "mainpid" in sys.argv:
    heard |= set(manager.recv(4096).decode().split(chr(10)))
open("heard", "w").write(" ".join(sorted(line.split("=")[0] for line in heard if line and line != "BARRIER=1")))
' """
row("NOTIFY_SOCKET with a listener", "run --bundle {bundle} {id}", env={"NOTIFY_SOCKET": "{dir}/notify"}, before=LISTENER,
    config=shell("echo $NOTIFY_SOCKET; cut -d' ' -f5,6 /proc/self/mountinfo | grep notify; stat -c '%a %F' $NOTIFY_SOCKET; /notify READY=1; sleep 0.3; exit 4"),
    exits=4, fresh=True)
row("NOTIFY_SOCKET with a listener, detached", "run --detach --bundle {bundle} {id}", env={"NOTIFY_SOCKET": "{dir}/notify"}, before=LISTENER + "mainpid",
    config=shell("/notify READY=1; sleep 1000"), after="running", files={"heard": "text"}, ends=True, fresh=True)
row("LISTEN_FDS", "run --bundle {bundle} {id}", config=shell("echo $LISTEN_FDS $LISTEN_PID"), env={"LISTEN_FDS": "1"}, streams="third")
row("LISTEN_FDS without descriptors", "run --bundle {bundle} {id}", config=shell("echo $LISTEN_FDS"), env={"LISTEN_FDS": "3"})
row("LISTEN_FDS of another process", "run --bundle {bundle} {id}", config=shell("echo $LISTEN_FDS"), env={"LISTEN_FDS": "3", "LISTEN_PID": "1"})
row("preserved descriptors", "run --preserve-fds 1 --bundle {bundle} {id}", config=shell("readlink /proc/self/fd/3 >/dev/null && echo there"), streams="third")
row("run with hooks", "run --bundle {bundle} {id}", config={"process.args": ["sh", "-c", "echo program"], "hooks": {
    when: [{"path": "/bin/sh", "args": ["sh", "-c", f"echo {when} >> /tmp/hooks"]}] for when in ("createContainer",)}})
