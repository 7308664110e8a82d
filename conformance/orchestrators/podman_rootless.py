"""podman as a user without privileges: the same as podman.py, and what is for users alone."""
import os
import pathlib
import re
import signal

import podman
from engine import case

PACKAGES = [*podman.PACKAGES, "uidmap", "slirp4netns"]
# containers of a user's are not reached by an address, and have no cgroup on version 1
WITHOUT = {"networks", "limits", "pause"}
USER = 4321


class Engine(podman.Engine):
    """podman of a user who exists in the place alone, with subordinate ids."""

    # in the user's own namespace: 0 is the user
    first_id = 1
    # netavark may not enter the namespace that buildah makes
    build_options = ["--network", "host"]

    def __init__(self, place, runtime):
        super().__init__(place, runtime)
        home = self.home = place.directory / "user"
        self.command = ["podman", "--root", home / "storage", "--runroot", home / "runroot", "--tmpdir", home / "tmp",
                        "--network-config-dir", home / "networks", "--runtime", runtime, "--cgroup-manager", "cgroupfs", "--events-backend", "file"]
        self.options = []
        self.pod = ["--infra-image", "localhost/box", "--infra-command", "/bin/sleep 1000"]

    def start(self):
        directory = self.place.directory
        directory.chmod(0o711)
        for path in (self.home, self.home / "run"):
            path.mkdir()
            os.chown(path, USER, USER)
        for name, text in (("passwd", f"tester:x:{USER}:{USER}::{self.home}:/bin/sh\n"), ("group", f"tester:x:{USER}:\n"),
                           ("subuid", "tester:2000000:100000\n"), ("subgid", "tester:2000000:100000\n")):
            before = pathlib.Path("/etc", name).read_text() if name in ("passwd", "group") else ""
            (directory / name).write_text(before + text)
            self.place.run("mount", "--bind", directory / name, f"/etc/{name}").ok()
        for name in ("net/tun", "fuse"):  # whose permissions are for everybody where udev runs
            device, node = os.stat(f"/dev/{name}").st_rdev, directory / name.rsplit("/", 1)[-1]
            os.mknod(node, 0o20666, device)
            os.chmod(node, 0o666)
            self.place.run("mount", "--bind", node, f"/dev/{name}").ok()
        super().start()

    def as_user(self, words):
        return ["setpriv", "--reuid", str(USER), "--regid", str(USER), "--clear-groups", "--inh-caps=-all", "--", "env",
                f"HOME={self.home}", f"XDG_RUNTIME_DIR={self.home}/run", f"--chdir={self.home}", *words]

    def usernamespace(self):
        return self.podman("unshare", "readlink", "/proc/self/ns/user").ok().out.strip()

    def choose_ids(self):
        """A user's are in /etc/subuid already."""

    def stop(self):
        super().stop()
        for path in self.home.glob("**/pause.pid"):  # it holds the user's namespaces
            try:
                os.kill(int(path.read_text()), signal.SIGKILL)
            except (ProcessLookupError, ValueError):
                continue


@case("nobody but the user is root, and files of the container's are the user's")
def owners(p):
    shared = p.home / "shared"
    shared.mkdir()
    os.chown(shared, USER, USER)
    p.run("-v", f"{shared}:/data", "box", "sh", "-c", "echo x > /data/f; chown 1000 /data; grep CapEff /proc/self/status").ok()
    assert (shared / "f").stat().st_uid == USER and shared.stat().st_uid == 2000999, (shared / "f").stat()


@case("a user namespace in which the user keeps his number, and one in which he has none")
def kept_ids(p):
    out = p.run("--userns", "keep-id", "box", "sh", "-c", "id -u; id -g; cat /proc/self/uid_map").ok().out.split()
    assert out[:2] == [str(USER), str(USER)], out
    out = p.run("--userns", "keep-id:uid=200,gid=300", "box", "sh", "-c", "id -u; id -g").ok().out.split()
    assert out == ["200", "300"], out
    out = p.run("--userns", "nomap", "box", "sh", "-c", "id -u; cat /proc/self/uid_map").ok().out.split()
    assert out[0] == "0" and out[1:3] == ["0", "1"], out


@case("groups of the user's are kept")
def groups(p):
    assert re.search(r"Groups:\s*$", p.run("--group-add", "keep-groups", "box", "grep", "Groups", "/proc/self/status").ok().out.rstrip("\n"))
