"""buildah as root: images that are built step by step and from files, from Debian's buildah."""
import os
import re

from engine import busybox_tree, case

PACKAGES = ["buildah", "conmon", "netavark", "iptables", "busybox-static", "iproute2", "util-linux", "bsdutils"]


class Engine:
    """buildah with storage of our own and the runtime under test."""

    def __init__(self, place, runtime):
        self.place, self.runtime = place, runtime
        self.cgroup = f"cale-buildah-{os.getpid()}"
        self.command = ["buildah", "--root", place.directory / "storage", "--runroot", place.directory / "runroot"]
        # root is not allowed to raise limits everywhere
        self.options = ["--cgroup-parent", "/" + self.cgroup, "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1000:1000"]

    def start(self):
        directory = self.place.directory
        tree = busybox_tree(directory)
        name = self.buildah("from", *self.options, "scratch").ok().out.strip()
        self.buildah("add", name, tree, "/").ok()
        self.buildah("config", "--cmd", "sh", name).ok()
        self.buildah("commit", "--rm", name, "localhost/box").ok()

    def buildah(self, *words, **options):
        return self.place.run(*self.command, *words, **{"env": {"BUILDAH_ISOLATION": "oci"}, **options})

    def working(self, *options):
        """A working container: its name."""
        return self.buildah("from", *self.options, *options, "localhost/box").ok().out.strip()

    def run(self, *words, **options):
        """`buildah run` with the runtime under test: options, a working container, a command."""
        return self.buildah("run", "--runtime", self.runtime, *words, **options)

    def build(self, name, text, *options):
        """`buildah bud` of a file of this text."""
        context = self.place.directory / "context"
        context.mkdir(exist_ok=True)
        (context / "Dockerfile").write_text(text)
        return self.buildah("bud", "--runtime", self.runtime, *self.options, *options, "-t", name, context)

    def clean(self):
        self.buildah("rm", "--all")

    def stop(self):
        self.clean()
        self.buildah("rmi", "--all", "--force")


@case("run: output, exit status, and what it changed is in the next one")
def run(b):
    name = b.working()
    b.run(name, "echo", "hello").says("hello")
    b.run(name, "--", "sh", "-c", "echo one > /made; exit 7").failed(7, "exit status 7")
    b.run(name, "cat", "/made").says("one")


@case("run: a program that is not there, and one that may not be executed")
def no_program(b):
    name = b.working()
    b.run(name, "nothing-of-the-kind").failed(1, "executable file not found in $path")
    b.run(name, "/bin/not-a-program").failed(1, "permission denied")


@case("run: stdin, and a terminal")
def streams(b):
    name = b.working()
    b.run(name, "cat", stdin=b"in\n").says("in")
    words = " ".join(map(str, [*b.command, "run", "-t", "--runtime", b.runtime, name, "sh", "-c", "'test -t 0 && tty'"]))
    assert "/dev/" in b.place.run("script", "-qec", words, "/dev/null", env={"BUILDAH_ISOLATION": "oci"}).ok().out


@case("run: environment, directory, user, host name, a directory of the host's")
def settings(b):
    name = b.working()
    shared = b.place.directory / "shared"
    shared.mkdir(exist_ok=True)
    b.run("--env", "A=b", "--workingdir", "/tmp", "--user", "1000:5", "--hostname", "web", name,
          "--", "sh", "-c", "echo $A; pwd; id -u; id -g; hostname").says("b\n/tmp\n1000\n5\nweb")
    b.run("--volume", f"{shared}:/data:rw", name, "--", "sh", "-c", "echo x > /data/f").ok()
    assert (shared / "f").read_text() == "x\n"


@case("run: capabilities, the seccomp profile, namespaces of the host's")
def privileges(b):
    name = b.working()
    status = "sh", "-c", "grep -E 'CapEff|^Seccomp:' /proc/self/status | tr -d '\\t' | tr '\\n' ' '"
    before = re.match("CapEff:([0-9a-f]+) Seccomp:2", b.run(name, "--", *status).ok().out)
    after = re.match("CapEff:([0-9a-f]+) Seccomp:2", b.run("--cap-drop", "CAP_CHOWN", name, "--", *status).ok().out)
    assert before and after and int(before[1], 16) == int(after[1], 16) | 1 and not int(after[1], 16) & 1, (before, after)
    host = b.place.run("readlink", "/proc/self/ns/net").ok().out.strip()
    b.run("--network", "host", name, "readlink", "/proc/self/ns/net").says(host)
    assert b.run("--network", "none", name, "ls", "/sys/class/net").says("lo")


@case("bud: an image from a file, and a file whose step fails")
def build(b):
    b.build("built", 'FROM localhost/box\nRUN echo built > /built\nUSER 1234\nRUN id -u > /tmp/user\n').ok()
    name = b.buildah("from", *b.options, "built").ok().out.strip()
    b.run(name, "cat", "/built", "/tmp/user").says("built\n1234")
    b.build("broken", "FROM localhost/box\nRUN exit 9\n").failed((1, 9), "exit status 9")
    b.build("missing", "FROM localhost/box\nRUN [\"nothing-of-the-kind\"]\n").failed((1, 127), "executable file not found in $path")


@case("bud: stages, arguments, a secret, a cache, a limit of memory")
def build_options(b):
    secret = b.place.directory / "secret"
    secret.write_text("hidden\n")
    b.build("staged", "FROM localhost/box AS first\nARG WHAT\nRUN --mount=type=secret,id=key cp /run/secrets/key /got && echo $WHAT >> /got\n"
            "RUN --mount=type=cache,target=/cache echo kept > /cache/f\n"
            "FROM localhost/box\nCOPY --from=first /got /got\nRUN cat /sys/fs/cgroup/memory/memory.limit_in_bytes >> /got 2>/dev/null || true\n",
            "--build-arg", "WHAT=argument", "--secret", f"id=key,src={secret}", "--memory", "64m").ok()
    name = b.buildah("from", *b.options, "staged").ok().out.strip()
    assert b.run(name, "cat", "/got").ok().out.startswith("hidden\nargument\n")
