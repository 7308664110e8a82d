"""What a row of the table says: one command line, given to runc and to a runtime in the same situation, and what is compared."""
import dataclasses

ROWS = []
STATES = ("none", "created", "running", "paused", "stopped")


@dataclasses.dataclass(frozen=True)
class Row:
    """One invocation. Words in braces are filled in: {id}, {bundle}, {dir} (a directory of the row's own), {root}, {pid}, {other} (a second id)."""
    name: str
    # as in a shell; "--root DIR" goes in front of it unless `root` is False
    command: str
    # what runc answers: if it does not, the row is not about what it says
    exits: object = 0
    # the state of the container {id} before, and afterwards (None: the same)
    state: str = "none"
    after: str = None
    # properties of config.json by their path, Ellipsis to leave one out; or the whole text
    config: object = dataclasses.field(default_factory=dict)
    stdin: str = None
    env: dict = dataclasses.field(default_factory=dict)
    # a script that the shell runs in {dir} before, with the names above and $RUNTIME
    before: str = None
    # how stdout is compared: "text", "sorted" (lines in any order), "json" (with values), "state" (the same, one or an array, but for
    # ociVersion and owner), "shape" (keys and types), "lines" (of JSON, by shape), "table" (header and cells), "header" (the columns alone),
    # "labels" (what stands before a colon), "some" (there is something), None (not at all)
    out: str = "text"
    # a regular expression that is found in what both say on stderr, whatever the letters' case
    says: str = None
    # files in {dir} and how they are compared: "pid" (that of {id}'s first process, or of another process), "log" (lines by level and
    # form), "mode", "exists", or as stdout
    files: dict = dataclasses.field(default_factory=dict)
    root: bool = True
    # somebody else than root gives the command
    user: int = None
    # "console": a socket {dir}/console takes a terminal; "stdio": the standard streams are a terminal; "closed": stdin and stdout are closed;
    # "third": there is a descriptor 3
    streams: str = None
    # what the container's cgroups have afterwards is compared
    limits: bool = False
    # there is a program besides, its pid in {dir}/pid, that ends by itself: what it has written is looked at afterwards
    ends: bool = False
    # no container of the row before will do, and none is kept
    fresh: bool = False


def row(name, command, exits=0, **rest):
    """Puts a row into the table."""
    made = Row(name, command, exits, **rest)
    assert made.state in STATES and made.after in (None, *STATES), name
    assert all(other.name != name for other in ROWS), f"two rows are called {name}"
    ROWS.append(made)
