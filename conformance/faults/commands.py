"""The commands that are disturbed: what there must be before each, and how it is seen to have worked or to have failed rightly."""
import json
import pathlib
import time

from faults.experiment import TIMEOUT, Console, Failure, seen

HOOKS = ["prestart", "createRuntime", "createContainer"]


class Command:
    """`words`: the command line. A command that fails must leave `unharmed` as it is."""
    joins_init = False
    makes_container = False
    listens = False
    # a process that is killed between its release and its program looks like a program that ends at once
    may_miss_death = False
    # the same, of an init that is killed on its way from its last answer to where it waits for `start`
    has_gate = False

    def __init__(self, name):
        self.name = name

    def before(self, bench):
        """Makes what the command needs."""

    def words(self, bench):
        raise NotImplementedError

    def worked(self, bench, out, console):
        """After status 0: a value that must be what it is without a fault."""
        raise NotImplementedError

    def failed(self, bench):
        """After another status, without a kill."""

    def missed(self, bench):
        """After status 0 when another process was killed, if `may_miss_death`."""
        bench.await_status("stopped")

    def create(self, bench, *options):
        if bench.variant.terminal:
            self.console = Console(bench.directory / "console")
            options = (*options, "--console-socket", bench.directory / "console")
        bench.must("create", "--bundle", bench.bundle, *options, bench.id)

    def run_sleeping(self, bench):
        """A running container of a program that waits."""
        config = json.loads((bench.bundle / "config.json").read_text())
        config["process"] |= {"args": ["/bin/sleep", "100"], "terminal": False}
        path = bench.files / "sleeping.json"
        path.write_text(json.dumps(config))
        bench.must("run", "--detach", "--bundle", bench.bundle, "--config", path, bench.id)


class Create(Command):
    makes_container = True
    has_gate = True

    def words(self, bench):
        console = ["--console-socket", bench.directory / "console"] if bench.variant.terminal else []
        return ["create", "--bundle", bench.bundle, "--pid-file", bench.directory / "pid", *console, bench.id]

    @property
    def listens(self):
        return True

    def worked(self, bench, out, console):
        if bench.status() != "created":
            raise Failure(f"create answers 0, and the container is {bench.status()}")
        pid = int((bench.directory / "pid").read_text())
        if pid != bench.init():
            raise Failure(f"the pid file has {pid}, the state {bench.init()}")
        bench.must("start", bench.id)
        bench.await_status("stopped")
        text = console.close() if console else (bench.files / "out").read_text()
        return {"saw": seen(text), "hooks": bench.log.read_text().split()}

    def failed(self, bench):
        if bench.status() is not None:
            raise Failure(f"create fails, and the container is {bench.status()}")
        if (bench.directory / "pid").exists():
            raise Failure("create fails, and there is a pid file")
        bench.variant.check_undone(bench)


class Run(Create):
    has_gate = False

    def __init__(self, name):
        super().__init__(name)
        self.may_miss_death = name == "run --detach"

    def words(self, bench):
        detach = ["--detach"] if self.name == "run --detach" else []
        console = ["--console-socket", bench.directory / "console"] if bench.variant.terminal and detach else []
        return ["run", *detach, *console, "--bundle", bench.bundle, bench.id]

    @property
    def listens(self):
        return self.name == "run --detach"

    def worked(self, bench, out, console):
        if self.name == "run":
            if bench.status() is not None:
                raise Failure("run ends, and the container is still there")
        else:
            bench.await_status("stopped")
        text = console.close() if console else (bench.files / "out").read_text().replace("\r\n", "\n")
        return {"saw": seen(text), "hooks": bench.log.read_text().split()}

    def failed(self, bench):
        # once the program runs, trouble is told and what is there is left to `delete`
        if "poststart" not in bench.log.read_text() and bench.status() is not None:
            raise Failure(f"run fails before the program runs, and the container is {bench.status()}")


class Start(Command):
    joins_init = True
    may_miss_death = True

    def before(self, bench):
        self.create(bench)

    def words(self, bench):
        return ["start", bench.id]

    def worked(self, bench, out, console):
        bench.await_status("stopped")
        text = self.console.close() if bench.variant.terminal else (bench.files / "out-aside-create").read_text()
        return {"saw": seen(text), "hooks": bench.log.read_text().split()}

    def create(self, bench, *options):
        super().create(bench, *options)
        # the container's stdout is the file of `create`
        (bench.files / "out-aside").rename(bench.files / "out-aside-create")

    def failed(self, bench):
        if bench.status() not in ("created", "stopped", "running"):
            raise Failure(f"start fails, and the container is {bench.status()}")


class Exec(Command):
    def __init__(self, name):
        super().__init__(name)
        self.may_miss_death = name == "exec --detach"

    def missed(self, bench):
        self.failed(bench)

    def before(self, bench):
        self.run_sleeping(bench)

    def words(self, bench):
        options = ["--detach", "--pid-file", bench.directory / "pid"] if self.name == "exec --detach" else []
        if self.name == "exec --tty":
            options = ["--tty"]
        return ["exec", *options, bench.id, "/probe"]

    def worked(self, bench, out, console):
        if self.name == "exec --detach":
            deadline = time.monotonic() + TIMEOUT
            while not (out := (bench.files / "out").read_text()).endswith("}\n") and time.monotonic() < deadline:
                time.sleep(0.005)
        self.failed(bench)
        return {"saw": seen(out.replace("\r\n", "\n"))}

    def failed(self, bench):
        deadline = time.monotonic() + TIMEOUT
        while len(bench.must("ps", "--format", "json", bench.id).strip("[] \n").split(",")) != 1:
            if time.monotonic() > deadline:
                raise Failure("a process of exec is left in the container: " + bench.must("ps", bench.id))
            time.sleep(0.005)
        if bench.status() != "running":
            raise Failure(f"after exec the container is {bench.status()}")


class Delete(Command):
    def before(self, bench):
        if self.name == "delete":
            self.create(bench)
            bench.must("kill", bench.id, "KILL")
            bench.await_status("stopped")
        else:
            self.run_sleeping(bench)
            bench.must("pause", bench.id)

    def words(self, bench):
        return [*self.name.split(), bench.id]

    def worked(self, bench, out, console):
        if bench.status() is not None:
            raise Failure("delete answers 0, and the container is still there")
        if left := bench.left():
            raise Failure("delete answers 0 and leaves " + left)
        return {"hooks": bench.log.read_text().split()}


class Running(Command):
    """A command on a running container after which it has a status and some values."""

    def __init__(self, name, words, status="running", values=(), before=()):
        super().__init__(name)
        self.line, self.after, self.values, self.preparation = words, status, values, before

    def before(self, bench):
        self.run_sleeping(bench)
        for words in self.preparation:
            bench.must(*words, bench.id)

    def words(self, bench):
        return [*self.line, bench.id]

    def worked(self, bench, out, console):
        bench.await_status(self.after)
        return {name: self.value(bench, name) for name in self.values} | {"out": self.text(bench, out)}

    def value(self, bench, name):
        controller, file = name.split("/")
        return pathlib.Path(f"/sys/fs/cgroup/{controller}/{bench.cgroup}/inner/box/{file}").read_text()

    def text(self, bench, out):
        return ""

    def failed(self, bench):
        if bench.status() not in ("running", "paused"):
            raise Failure(f"{self.name} fails, and the container is {bench.status()}")


class Kill(Running):
    def failed(self, bench):
        if bench.status() not in ("running", "stopped"):
            raise Failure(f"kill fails, and the container is {bench.status()}")

    def words(self, bench):
        return ["kill", bench.id, "KILL"]


class Query(Running):
    """A command that only tells something: the same, or an error."""
    def text(self, bench, out):
        return str(len(out.splitlines()))


UPDATE = ["update", "--memory", str(128 << 20), "--pids-limit", "40", "--cpu-share", "256"]
VALUES = ["memory/memory.limit_in_bytes", "pids/pids.max", "cpu/cpu.shares"]

COMMANDS = [
    Create("create"), Start("start"), Run("run --detach"), Run("run"), Exec("exec"), Exec("exec --detach"), Exec("exec --tty"),
    Delete("delete"), Delete("delete --force"), Kill("kill", [], "stopped"), Running("update", UPDATE, values=VALUES),
    Running("pause", ["pause"], "paused"), Running("resume", ["resume"], "running", before=[["pause"]]),
    Query("state", ["state"]), Query("ps", ["ps"]), Query("events", ["events", "--stats"]),
]
