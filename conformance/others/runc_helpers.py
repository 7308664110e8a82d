"""The programs that runc's integration tests call, written anew with the same command lines (recvtty.c is one more).

usage: runc_helpers.py remap-rootfs|fs-idmap|pidfd-kill|seccompagent|sd-helper ARGUMENT...
"""
import array
import ctypes
import errno
import fcntl
import json
import os
import pathlib
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

LIBC = ctypes.CDLL(None, use_errno=True)


def parse(arguments, options):
    """`--name value`, `--name=value` and one dash, as Go's programs take them: values by name, and the rest."""
    found, rest, arguments = dict(options), [], list(arguments)
    while arguments:
        word = arguments.pop(0)
        if not word.startswith("-"):
            rest.append(word)
            continue
        name, equals, value = word.lstrip("-").partition("=")
        if name not in options:
            sys.exit(f"no such option: {word}")
        found[name] = value if equals else arguments.pop(0)
    return found, rest


def write_pid(path):
    if path:
        with open(path, "w", encoding="ascii") as file:
            file.write(f"{os.getpid()}\n")


def listen(path):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(64)
    return listener


def receive(connection, size=65536):
    """What came, and the descriptors that came with it."""
    data, ancillary, _, _ = connection.recvmsg(size, socket.CMSG_SPACE(16 * 4))
    descriptors = array.array("i")
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(content[:len(content) - len(content) % 4])
    return data, list(descriptors)


def remap_rootfs(arguments):
    """Gives the files of a bundle's rootfs to the owners that its mappings make of them."""
    (bundle,) = arguments
    with open(os.path.join(bundle, "config.json"), encoding="utf-8") as file:
        config = json.load(file)
    users, groups = (config["linux"].get(name) or [] for name in ("uidMappings", "gidMappings"))
    if not users and not groups:
        return

    def host(mappings, number):
        for mapping in mappings:
            if mapping["containerID"] <= number < mapping["containerID"] + mapping["size"]:
                return mapping["hostID"] + number - mapping["containerID"]
        return None

    seen = set()

    def give(path):
        status = os.lstat(path)
        if os.path.islink(path) or (status.st_dev, status.st_ino) in seen:
            return
        seen.add((status.st_dev, status.st_ino))
        user, group = host(users, status.st_uid), host(groups, status.st_gid)
        if user is None or group is None:
            print(f"skipping file {path}: cannot remap user {status.st_uid}:{status.st_gid}")
            return
        os.lchown(path, user, group)
        os.chmod(path, status.st_mode & 0o7777)

    root = os.path.join(bundle, config["root"]["path"])
    give(root)
    for directory, directories, files in os.walk(root):
        for name in directories + files:
            give(os.path.join(directory, name))


def fs_idmap(arguments):
    """Ends with 1 and the kernel's word when the file system of a path takes no mapping."""
    (path,) = arguments
    open_tree, mount_setattr, clone_new_user = 428, 442, 0x10000000
    tree = LIBC.syscall(open_tree, -100, path.encode(), 1 | os.O_CLOEXEC)
    if tree < 0:
        sys.exit(f"fatal error: error calling open_tree: {os.strerror(ctypes.get_errno()).lower()}")
    ready, go = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        LIBC.unshare(clone_new_user)
        os.write(ready[1], b".")
        os.close(go[1])
        os.read(go[0], 1)
        os._exit(0)
    os.read(ready[0], 1)
    for name in ("uid_map", "gid_map"):
        with open(f"/proc/{child}/{name}", "w", encoding="ascii") as file:
            file.write("0 65536 65536\n")
    namespace = os.open(f"/proc/{child}/ns/user", os.O_RDONLY)
    attributes = struct.pack("=QQQQ", 0x100000, 0, 0, namespace)  # MOUNT_ATTR_IDMAP
    failed = LIBC.syscall(mount_setattr, tree, b"", 0x1000, attributes, len(attributes)) != 0
    number = ctypes.get_errno()
    os.close(go[1])
    os.waitpid(child, 0)
    if failed:
        sys.exit(f"fatal error: error calling mount_setattr: {os.strerror(number).lower()}")


def pidfd_kill(arguments):
    """Takes a pidfd from a socket, and sends its process a signal once it gets SIGTERM."""
    options, (path,) = parse(arguments, {"signal": "SIGKILL", "pid-file": ""})
    wanted = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: wanted.set())
    write_pid(options["pid-file"])
    with listen(path) as listener:
        connection, _ = listener.accept()
    with connection:
        _, (descriptor,) = receive(connection)
    os.unlink(path)
    while not wanted.is_set():
        wanted.wait(0.1)
    signal.pidfd_send_signal(descriptor, getattr(signal, options["signal"] or "SIGKILL"))
    if options["pid-file"]:
        os.unlink(options["pid-file"])


RECEIVE, SEND, VALID = 0xC0502100, 0xC0182101, 0x40082102  # linux/seccomp.h: SECCOMP_IOCTL_NOTIF_*
CONTINUE = 1
MKDIR, REFUSED = 83, {90, 91, 268}  # x86_64: chmod, fchmod, fchmodat


def make_directory(pid, address, mode, suffix):
    """In the name of a process: 0, or the error."""
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        name = os.pread(memory.fileno(), 4095, address).split(b"\0")[0].decode()
    start = f"/proc/{pid}/{'root' if name.startswith('/') else 'cwd'}/"
    try:
        os.mkdir(start + os.path.normpath("/" + name).lstrip("/") + "-" + suffix, mode)
    except OSError:
        return -errno.ENOSYS
    return 0


def answer(descriptor, suffix):
    """Every notification of one filter, until nobody has it any more."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    while True:
        if any(event & (select.POLLHUP | select.POLLERR) and not event & select.POLLIN for _, event in poll.poll()):
            break
        request = bytearray(80)
        try:
            fcntl.ioctl(descriptor, RECEIVE, request)
            identity, pid, _, call, _, _, first, second = struct.unpack_from("=QIIiIQQQ", request)
            value, error, flags = 0, 0, CONTINUE
            if call == MKDIR:
                error, flags = make_directory(pid, first, second & 0o7777, suffix), 0
            elif call in REFUSED:
                error, flags = -errno.ENOMEDIUM, 0
            fcntl.ioctl(descriptor, VALID, struct.pack("=Q", identity))
            fcntl.ioctl(descriptor, SEND, bytearray(struct.pack("=QqiI", identity, value, error, flags)))
        except OSError:
            continue
    os.close(descriptor)


def seccompagent(arguments):
    """Takes the descriptors of filters that ask: lets calls go on, makes directories with another name, and refuses chmod."""
    options, _ = parse(arguments, {"socketfile": "/run/seccomp-agent.socket", "pid-file": ""})
    if os.path.lexists(options["socketfile"]):
        os.unlink(options["socketfile"])
    write_pid(options["pid-file"])
    listener = listen(options["socketfile"])
    while True:
        connection, _ = listener.accept()
        with connection:
            data, descriptors = receive(connection)
        state = json.loads(data)
        names = state.get("fds") or []
        if names.count("seccompFd") != 1 or len(names) != len(descriptors):
            print("no descriptor of a filter, or several", file=sys.stderr)
            continue
        suffix = os.path.basename(state.get("metadata", "")) or "."
        threading.Thread(target=answer, args=(descriptors[names.index("seccompFd")], suffix), daemon=True).start()


def slice_directory(name):
    """The cgroup of a slice of systemd: of the user's own, without root."""
    user = [] if os.geteuid() == 0 else ["--user"]
    told = subprocess.run(["systemctl", *user, "show", "--property=ControlGroup", "--value", name], capture_output=True, text=True, check=True).stdout.strip()
    return pathlib.Path(f"/sys/fs/cgroup{told}") if told else None


def sd_helper(arguments):
    """Starts or stops a transient slice of systemd; the containers that come into it find the controllers of the slices above."""
    options, (verb, name) = parse(arguments, {"parent": ""})
    manager = ["busctl", *([] if os.geteuid() == 0 else ["--user"]), "--quiet", "call", "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
               "org.freedesktop.systemd1.Manager"]
    if verb == "stop":
        subprocess.run([*manager, "StopUnit", "ss", name, "replace"], check=True)
        wanted = "inactive"
    else:
        switches = [f"{kind}Accounting" for kind in ("CPU", "Memory", "IO", "Tasks")]
        properties = ["Description", "s", f"slice {name} of a test", "Wants", "as", "1", options["parent"], "DefaultDependencies", "b", "false"]
        for switch in switches:
            properties += [switch, "b", "true"]
        subprocess.run([*manager, "StartTransientUnit", "ssa(sv)a(sa(sv))", name, "replace", str(3 + len(switches)), *properties, "0"], check=True)
        wanted = "active"
    for _ in range(200):
        state = subprocess.run([*(["systemctl"] if os.geteuid() == 0 else ["systemctl", "--user"]), "is-active", name], capture_output=True, text=True, check=False)
        if state.stdout.strip() == wanted:
            break
        time.sleep(0.05)
    else:
        sys.exit(f"{name} is {state.stdout.strip()}, not {wanted}")
    if verb == "start":
        directory = slice_directory(name)
        directory.mkdir(parents=True, exist_ok=True)


PROGRAMS = {"remap-rootfs": remap_rootfs, "fs-idmap": fs_idmap, "pidfd-kill": pidfd_kill, "seccompagent": seccompagent, "sd-helper": sd_helper}

if __name__ == "__main__":
    os.closerange(3, 256)  # bats waits until nobody has its descriptors any more
    PROGRAMS[sys.argv[1]](sys.argv[2:])
