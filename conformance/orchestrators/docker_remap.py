"""The docker engine with a user namespace for every container: the same as docker.py, and that root is nobody on the host."""
import os
import pathlib

import docker
from engine import case

PACKAGES = docker.PACKAGES
# what needs the host's or another container's namespaces, which a daemon with remapped users refuses; what says nothing more with them
# (a device under another name and the host's directories of root's fail with runc as well)
WITHOUT = {"details", "volumes", "shared-network", "shared-namespaces", "privileged", "compose", "many", "networks", "published", "restart", "health", "update", "stats",
           "propagation"}  # in a user namespace the kernel lets a mount be a slave of the host's, and no more


class Engine(docker.Engine):
    """A dockerd that gives the containers' root the first subordinate id of a user."""

    settings = {"userns-remap": "daemon"}

    def start(self):
        directory = self.place.directory
        directory.chmod(0o711)
        for name in ("subuid", "subgid"):
            (directory / name).write_text("daemon:200000:65536\n")
            self.place.run("mount", "--bind", directory / name, f"/etc/{name}").ok()
        super().start()


@case("root of a container is nobody on the host; exec and files are its own")
def remapped(d):
    name = d.background("box", "sh", "-c", "echo x > /made; cat /proc/self/uid_map; exec sleep 1000")
    d.await_log(name, "65536")
    pid = d.inspect(name, "{{.State.Pid}}")
    assert pathlib.Path("/proc", pid).stat().st_uid == 200000
    assert d.docker("logs", name).ok().out.split() == ["0", "200000", "65536"]
    assert d.docker("exec", name, "sh", "-c", "id -u; stat -c %u:%g /made").ok().out.split() == ["0", "0:0"]
    volume = d.docker("volume", "create").ok().out.strip()
    d.run("-v", f"{volume}:/data", "box", "touch", "/data/f").ok()
    assert os.stat(d.inspect(volume, "{{.Mountpoint}}") + "/f").st_uid == 200000
    assert "user" in d.docker("info", "--format", "{{.SecurityOptions}}").ok().out


@case("the host's user namespace for one container")
def host_users(d):
    d.run("--userns", "host", "box", "readlink", "/proc/self/ns/user").says(os.readlink("/proc/self/ns/user"))
