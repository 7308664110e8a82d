"""With what a system call is made to fail, and which failures need not be told by their errno's name."""
import errno
import re
import subprocess

# What the kernel may answer to a call that is right: limits, media, policies, filters and races. ENOSYS and the like stand where cale goes
# another way. In the order of how telling they are: the short form takes the first.
PLAUSIBLE = {
    "open": ["EMFILE", "EACCES", "ENOENT", "EIO"],
    "openat": ["EMFILE", "EACCES", "ENOENT", "EIO"],
    "openat2": ["EMFILE", "ENOSYS", "EAGAIN", "EPERM", "EACCES"],
    "read": ["EIO", "EINTR"],
    "pread64": ["EIO"],
    "readv": ["EIO", "EINTR"],
    "write": ["ENOSPC", "EIO", "EINTR"],
    "writev": ["ENOSPC", "EIO", "EINTR"],
    "pwrite64": ["ENOSPC", "EIO"],
    "sendfile": ["ENOSPC", "EIO"],
    "copy_file_range": ["ENOSPC", "EIO", "EXDEV"],
    "close": ["EIO", "EINTR"],
    "fstat": ["EIO"],
    "newfstatat": ["EIO", "EACCES", "ENOENT"],
    "statx": ["EIO", "EACCES", "ENOSYS"],
    "statfs": ["EIO", "EACCES"],
    "fstatfs": ["EIO"],
    "getdents64": ["EIO"],
    "readlink": ["EIO", "EACCES"],
    "readlinkat": ["EIO", "EACCES"],
    "mkdir": ["ENOSPC", "EACCES", "EROFS"],
    "mkdirat": ["ENOSPC", "EACCES", "EROFS"],
    "mknodat": ["ENOSPC", "EPERM"],
    "symlinkat": ["ENOSPC", "EACCES"],
    "linkat": ["ENOSPC", "EXDEV"],
    "unlinkat": ["EBUSY", "EIO", "EACCES"],
    "renameat": ["ENOSPC", "EIO"],
    "renameat2": ["ENOSPC", "EIO"],
    "ftruncate": ["ENOSPC", "EIO"],
    "fallocate": ["ENOSPC", "EOPNOTSUPP"],
    "fchmod": ["EPERM", "EIO"],
    "fchmodat": ["EPERM", "EIO"],
    "fchown": ["EPERM", "EIO"],
    "fchownat": ["EPERM", "EIO"],
    "utimensat": ["EPERM", "EIO"],
    "faccessat2": ["EACCES", "ENOSYS"],
    "flock": ["ENOLCK", "EINTR"],
    "fcntl": ["EMFILE"],
    "dup3": ["EMFILE", "EBUSY"],
    "fsync": ["EIO"],
    "syncfs": ["EIO"],
    "mount": ["EPERM", "EINVAL", "ENOMEM"],
    "umount2": ["EBUSY", "EPERM"],
    "open_tree": ["EPERM", "ENOSYS", "EMFILE"],
    "move_mount": ["EPERM", "EINVAL", "EBUSY"],
    "fsopen": ["EPERM", "ENOSYS", "ENODEV"],
    "fsconfig": ["EPERM", "EINVAL", "ENOMEM"],
    "fsmount": ["EPERM", "EMFILE"],
    "mount_setattr": ["EPERM", "EINVAL", "ENOSYS"],
    "pivot_root": ["EPERM", "EINVAL", "EBUSY"],
    "chroot": ["EPERM"],
    "chdir": ["EACCES", "ENOENT"],
    "fchdir": ["EACCES"],
    "unshare": ["EPERM", "ENOSPC"],
    "setns": ["EPERM", "EINVAL"],
    "clone3": ["EAGAIN", "ENOSPC", "EPERM", "EBUSY"],
    "clone": ["EAGAIN", "ENOMEM"],
    "fork": ["EAGAIN"],
    "vfork": ["EAGAIN"],
    "execve": ["ENOMEM", "EACCES", "ENOENT", "ENOEXEC"],
    "execveat": ["ENOMEM", "EACCES"],
    "wait4": ["EINTR"],
    "kill": ["EPERM", "ESRCH"],
    "pidfd_open": ["EMFILE", "EPERM", "ESRCH"],
    "pidfd_send_signal": ["EPERM", "ESRCH"],
    "ppoll": ["EINTR", "ENOMEM"],
    "poll": ["EINTR", "ENOMEM"],
    "socket": ["EMFILE", "EACCES"],
    "socketpair": ["EMFILE"],
    "bind": ["ENOSPC", "EACCES"],
    "listen": ["ENOBUFS"],
    "connect": ["ECONNREFUSED", "EAGAIN", "EACCES"],
    "accept": ["EMFILE", "EINTR"],
    "accept4": ["EMFILE", "EINTR"],
    "sendto": ["EPIPE", "ENOBUFS", "EINTR"],
    "sendmsg": ["EPIPE", "ENOBUFS", "EINTR"],
    "recvfrom": ["ECONNRESET", "EINTR"],
    "recvmsg": ["ECONNRESET", "EINTR"],
    "ioctl": ["EIO", "ENOTTY"],
    "setsid": ["EPERM"],
    "setuid": ["EAGAIN", "EPERM"],
    "setresuid": ["EAGAIN", "EPERM"],
    "setgid": ["EPERM"],
    "setresgid": ["EPERM"],
    "setgroups": ["EPERM", "EINVAL"],
    "capset": ["EPERM"],
    "capget": ["EPERM"],
    "prctl": ["EPERM"],
    "seccomp": ["EACCES", "ENOSYS", "ENOMEM"],
    "bpf": ["EPERM", "ENOMEM"],
    "prlimit64": ["EPERM"],
    "setpriority": ["EACCES"],
    "sched_setattr": ["EPERM"],
    "sched_setaffinity": ["EINVAL"],
    "ioprio_set": ["EPERM"],
    "personality": ["EINVAL"],
    "sethostname": ["EPERM"],
    "setdomainname": ["EPERM"],
    "keyctl": ["EDQUOT", "EACCES", "ENOSYS", "ENOMEM"],
    "add_key": ["EDQUOT"],
    "memfd_create": ["EMFILE", "ENOSYS"],
    "pipe2": ["EMFILE"],
    "eventfd2": ["EMFILE"],
    "signalfd4": ["EMFILE"],
    "inotify_init1": ["EMFILE"],
    "close_range": ["ENOSYS", "EMFILE"],
    "getcwd": ["ENOENT"],
    "setsockopt": ["ENOBUFS"],
    "getsockopt": ["ENOBUFS"],
    "lsetxattr": ["ENOSPC", "EPERM", "EOPNOTSUPP"],
    "fsetxattr": ["ENOSPC", "EPERM", "EOPNOTSUPP"],
    "getxattr": ["EIO"],
    "fgetxattr": ["EIO"],
    "futex": [],  # the C library aborts a program whose locks do not work
    "madvise": ["EINVAL", "ENOMEM"],
}
# Without these a program of the C library or of Swift ends by a signal, and may: nothing must be left, and no more is asked.
MEMORY = {"mmap": ["ENOMEM"], "mprotect": ["ENOMEM"], "brk": ["ENOMEM"], "mremap": ["ENOMEM"], "munmap": ["ENOMEM"]}
# They cannot fail, or not so that anybody sees it.
UNFAILING = {"exit", "exit_group", "rt_sigreturn", "getpid", "getppid", "gettid", "getuid", "geteuid", "getgid", "getegid", "umask", "arch_prctl",
             "set_tid_address", "set_robust_list", "rseq", "uname", "clock_gettime", "clock_nanosleep", "nanosleep", "sched_yield", "restart_syscall", "waitid",
             "rt_sigtimedwait", "rt_sigprocmask", "rt_sigaction", "getrandom", "sched_getaffinity", "getresuid", "getresgid", "getgroups", "lseek"}


def system_calls():
    """The names of the system calls of this machine by their numbers."""
    source = "#include <sys/syscall.h>\n"
    text = subprocess.run(["cc", "-E", "-dM", "-"], input=source, capture_output=True, text=True, check=True).stdout
    return {int(number): name for name, number in re.findall(r"^#define __NR_(\w+) (\d+)$", text, re.MULTILINE)}


def plausible(call):
    """The errnos with which a call is made to fail."""
    name = call.name
    if name in UNFAILING:
        return []
    if name == "unlinkat" and call.text.startswith("/sys/fs/cgroup/") and not call.text.endswith("/box"):  # EBUSY: another container is in it
        return ["EIO", "EACCES"]
    if name == "mkdirat" and call.text.startswith("/sys/fs/cgroup/"):  # where no cgroup may be made, and none is needed: cases/faults.py
        return ["ENOSPC"]
    if name == "newfstatat" and call.text == "-":  # an open file
        return ["EIO"]
    if name in ("open", "openat", "newfstatat") and ("/" not in call.text or call.text.startswith("layers/") or call.text.endswith(("/overlay/about", "/overlay/id"))):  # a name in a directory of the runtime's own does not vanish
        return [code for code in PLAUSIBLE[name] if code != "ENOENT"]
    # a state root or a process that is there does not vanish for a moment, and come back
    if name == "openat" and re.search(r"/plain/root$|/user/root$|^/proc/\d+/stat$", call.text):
        return [code for code in PLAUSIBLE[name] if code != "ENOENT"]
    return PLAUSIBLE.get(name, MEMORY.get(name, ["EPERM", "ENOMEM"]))


def number(name):
    return getattr(errno, name)


# What there is to say when a process of the command is killed.
KILLED = r"it was killed|a process that helps was killed|its init was ended|killed by signal 9|ended without a word|/proc/\d+/.*ENOENT"

# Errors that another word explains better than the errno would: role, system call, errno, what the message has.
EXCUSED = [
    # the init cannot say that it cannot say anything, and nobody hears an init that is gone
    (r"0\.[13].*", "sendmsg|read|write", "ENOBUFS|EPIPE|EIO|ENOSPC", "ended without a word|killed before its program ran"),
    ("0", "sendmsg|recvmsg|read", "EPIPE|ECONNRESET", "ended without a word"),
    # nor that its hooks have passed; its program has run, and has ended by the time that `start` looks
    ("j", "write", "ENOSPC|EIO", "its init was ended while a startContainer hook ran"),
    ("0", "open|openat|newfstatat", "ENOENT", "a limit by a cgroup controller that this host does not offer"),
    ("0", "pidfd_open", "ESRCH", "it was killed before its program ran|ended without a word|its init has ended"),
    # an init that cannot wait for start has stopped; while it ends it has let go of the gate already, as a program that runs has
    ("0|j", "accept4?|openat|read", "EMFILE|ENOENT|EIO|", "it is stopped, not created|it is running, not created|its init has ended"),
    ("0", "pidfd_open|pidfd_send_signal", "ESRCH", "no such process"),
    # a host without cgroups, and a cgroup that has gone with the container
    ("0", "openat", "ENOENT", "in whose hierarchy the container has no cgroup|container not paused"),
    # what is not there is not there
    ("0", "newfstatat", "ENOENT", "EEXIST"),
    ("0", "openat|newfstatat", "ENOENT", r"has no layer|differ$|it is no bundle|it does not say which image|it has no index.json|no oci-layout|an index.json, but no file"),
    ("0", "openat|newfstatat", "ENOENT", "No such process|does not exist|container not running|deleted the container meanwhile|it is stopped"),
]


def excused(call, code, message):
    """Whether `message` may do without the name of `code`."""
    return any(re.fullmatch(role, call.role) and re.fullmatch(name, call.name) and re.fullmatch(codes, code or "") and re.search(text, message)
               for role, name, codes, text in EXCUSED)
