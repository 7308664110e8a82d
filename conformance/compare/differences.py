"""In what cale differs from runc 1.1.5, and why: the reason, the aspects (see side.py), and the rows."""

PROCESS = ("status", "stderr", "state")
DIFFERENCES = [
    # how a command line is read
    ("3 is what runc's library for command lines ends with; cale ends with 1 whenever it refuses", ("status",),
     ["unknown command", "JSON log of an unknown command"]),
    ("cale takes global options after the command too, as crun does", ("status", "stderr"), ["a global option after the command"]),
    ("cale takes short options in a group", ("status", "stderr"), ["exec with switches in a group"]),
    ("cale takes several numbers with commas between them", ("status", "stderr"), ["exec with groups in one value"]),
    ("one `--` between the container and the command belongs to nobody; runc takes it for the program, or hands it to ps(1)", ("status", "out", "stderr"),
     ["exec with -- behind the id", "exec with -- twice", "ps with -- before its arguments"]),
    ("cale refuses a value that means nothing; runc goes on with its default", ("status", "out", "stderr"), ["rootless maybe", "empty log format"]),
    ("an empty value is mostly a variable that is not set: cale refuses it, runc goes on with its default", ("status", "stderr"),
     ["kill with an empty word", "update with --memory of nothing"]),
    ("a command that changes nothing is a mistake", ("status", "stderr"), ["update nothing"]),
    ("cale refuses what is no number of descriptors", PROCESS, ["preserved descriptors below 0"]),
    ("runc has no such option for exec, and cale ignores it", ("status", "stderr"), ["exec without a subreaper"]),
    ("cale has no Go to tell the version of", ("out",), ["version", "short version"]),
    # logs and the state root
    ("cale makes the log when it has something to write there", ("log",), ["log when there is no error"]),
    ("cale opens the log when it has something to write there", ("status", "out", "stderr"), ["log that cannot be opened"]),
    ("messages tell of the host: the log is its owner's alone", ("log",), ["mode of the log"]),
    ("a user has no place in /run: cale tells which variable is missing", ("status", "out", "stderr"), ["a user without XDG_RUNTIME_DIR"]),
    # what is printed
    ("an array with nothing in it is one; runc prints null", ("out",), ["an empty state root list in JSON", "ps of what has ended", "list in JSON, none"]),
    ("the version is that of config.json, and the owner is told by state as by list; there is a newline at the end", ("out",),
     ["version and owner in the state", "text of the state"]),
    ("the network devices are those of the container; runc tells of those that it has made itself, which are none", ("out",),
     ["events once", "events once with what limits", "events of what is paused"]),
    ("newer members of the specification, and annotations of cale's own", ("out",), ["features"]),
    ("a newer version of the specification, and no ambient capabilities, which need inheritable ones to have an effect", ("config.json",),
     ["values of spec", "values of spec without root"]),
    # ids and signals
    ("an id that looks like an option is refused", ("status", "stderr"), ["id that looks like an option"]),
    ("cale knows the names of realtime signals", ("status", "stderr"), ["kill with SIGRTMIN+3", "kill with RTMIN"]),
    ("what is no decimal number is no signal; runc reads it as Go does", PROCESS, ["kill with +9"]),
    # the configuration
    ("runc crashes", ("status",), ["config.json is null"]),
    ("the specification lets create do without a process (RT-runtime-050)", (*PROCESS, "message"), ["config with no process"]),
    ("the specification lets a relative destination count from the root, with a warning (config.md, Mounts)", ("status", "state"),
     ["config with relative mount destination"]),
    ("runc needs /proc in the container", PROCESS, ["config with no mounts"]),
    ("runc 1.1 does not look at ociVersion", PROCESS, ["version of another time"]),
    ("cale names the hook and the errno", ("message",), ["config with hook that is not there"]),
    # what containers are
    ("a created container is not stopped: the specification refuses its deletion (RT-runtime-055)", PROCESS, ["delete what was created"]),
    ("without cgroupsPath the cgroup is /cale-ID in each hierarchy, wherever the caller is, and none in a version 2 tree without limits", ("out",),
     ["exec shows its cgroups", "run shows its cgroups"]),
    ("masks are read-only and take no files, and /sys is read-only as a mount, not as a file system", ("out",), ["run shows its mounts"]),
    ("a terminal needs none of the caller's", ("status", "out", "stderr"), ["run a terminal when stdin is none"]),
    ("a terminal needs none of the caller's", ("status", "stderr"), ["exec with a terminal when stdin is none"]),
    ("nobody listens at the socket any more: cale says so, and hands none on", ("out", "stderr"), ["NOTIFY_SOCKET"]),
    # exec
    ("127 and 126 for a program that is not there or cannot be executed, as a shell and crun answer; the words are runc's", ("status",),
     ["exec with an empty command", "exec of a program that is not in the path", "exec of a program whose path is not there",
      "exec of a program that is not executable", "exec of a directory", "exec with another PATH", "exec detached of a program that is not there",
      "exec of a file with a program that is not there", "exec JSON log of a program that is not there"]),
    ("cale looks names up in the container's files", ("status", "out", "stderr"), ["exec as a user that is a name"]),
    ("255 for whatever keeps exec from running the program", ("status",), ["exec as a user with a wrong group"]),
    ("a descriptor that is not open cannot be handed on", ("status", "stderr"), ["exec with preserved descriptors that are not open"]),
    ("of two commands the file's is executed; runc drops the other one in silence", ("stderr",), ["exec of a file and a command"]),
    ("options beside --process change what the file says; runc ignores them", ("out",), ["exec of a file and an environment"]),
    ("options beside --process change what the file says; runc ignores them", ("status",), ["exec of a file and a terminal"]),
    # limits
    ("a limit of 0 is one (config-linux.md, PIDs); runc 1.1 takes it for none", ("limits",), ["update with --pids-limit 0"]),
    ("the specification's weights are 10 to 1000", ("status", "stderr", "limits"), ["update with a low --blkio-weight"]),
]


def reasons_of(row):
    """Aspects in which the two are known to differ in this row, and why."""
    return {aspect: why for why, aspects, rows in DIFFERENCES if row.name in rows for aspect in aspects}
