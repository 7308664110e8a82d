"""Kubernetes' side of containerd: pods and their containers over the Container Runtime Interface, as the kubelet asks for them.

The messages are CRI's v1 (runtime.v1 in k8s.io/cri-api), written by their field numbers: cri_messages.py.
"""
import contextlib
import itertools
import json
import os
import pathlib
import subprocess

from cri_messages import Client, Failure
from engine import busybox_tree, case, wait_for

PACKAGES = ["containerd", "containernetworking-plugins", "umoci", "busybox-static", "iproute2", "util-linux", "python3-grpcio"]
POD, CONTAINER, NODE = 0, 1, 2  # whose namespace
PRIVATE, HOST_TO_CONTAINER, BIDIRECTIONAL = 0, 1, 2
EXITED = 2
IMAGE, PAUSE = "example.test/box:latest", "example.test/pause:latest"
CRI = 'plugins."io.containerd.grpc.v1.cri"'


class Engine:
    """A containerd of our own with the runtime under test behind its CRI plugin."""

    def __init__(self, place, runtime):
        self.place, self.runtime = place, runtime
        self.cgroup = f"cale-cri-{os.getpid()}"
        self.socket = place.directory / "containerd.sock"
        self.numbers = itertools.count(1)
        self.pods = []

    def start(self):
        directory = self.place.directory
        (directory / "cni").mkdir()
        (directory / "cni/10-pods.conflist").write_text(json.dumps({"cniVersion": "0.4.0", "name": "pods", "plugins": [
            {"type": "bridge", "bridge": "cri0", "isGateway": True,
             "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.99.0.0/24"}]], "dataDir": str(directory / "addresses")}}]}))
        (directory / "config.toml").write_text(
            f'version = 2\nroot = "{directory}/root"\nstate = "{directory}/state"\ndisabled_plugins = ["io.containerd.internal.v1.opt"]\n'
            f'[grpc]\naddress = "{self.socket}"\n[ttrpc]\naddress = "{self.socket}.ttrpc"\n'
            f'[{CRI}]\nsandbox_image = "{PAUSE}"\nnetns_mounts_under_state_dir = true\nrestrict_oom_score_adj = true\nstream_server_address = "127.0.0.1"\n'
            f'[{CRI}.cni]\nbin_dir = "/usr/lib/cni"\nconf_dir = "{directory}/cni"\n[{CRI}.containerd]\ndefault_runtime_name = "tested"\n'
            f'[{CRI}.containerd.runtimes.tested]\nruntime_type = "io.containerd.runc.v2"\n'
            f'[{CRI}.containerd.runtimes.tested.options]\nBinaryName = "{self.runtime}"\nSystemdCgroup = false\n')
        self.daemon = self.place.start("containerd", "--config", directory / "config.toml", log=directory / "containerd.log")
        busybox_tree(directory)
        for name, command in ((IMAGE, "sh"), (PAUSE, "/bin/sleep 1000000")):
            self.make_image(name, command.split())
        self.client = Client(self.socket)
        try:
            wait_for(self.is_ready, "the runtime and its network are ready", 120)
        except AssertionError:
            raise AssertionError((directory / "containerd.log").read_text()[-3000:]) from None

    def make_image(self, name, command):
        layout = name.rsplit("/", 1)[-1].split(":")[0]
        words = [word for part in command for word in ("--config.cmd", part)]
        for step in (["init", "--layout", layout], ["new", "--image", f"{layout}:latest"], ["insert", "--image", f"{layout}:latest", "tree", "/"],
                     ["config", "--image", f"{layout}:latest", *words]):
            subprocess.run(["umoci", *step], cwd=self.place.directory, check=True, capture_output=True)
        archive = self.place.directory / f"{layout}.tar"
        subprocess.run(["tar", "-C", self.place.directory / layout, "-cf", archive, "."], check=True)
        wait_for(lambda: self.place.run("ctr", "--address", self.socket, "--namespace", "k8s.io", "image", "import", "--base-name", name.removesuffix(":latest"), archive).status == 0,
                 "the image is imported", 120)

    def is_ready(self):
        try:
            return all(self.client.status().values()) and all(self.client.has_image(name) for name in (IMAGE, PAUSE))
        except Failure:
            return False

    def has_open(self, path):
        """Whether containerd has the file open."""
        for descriptor in pathlib.Path(f"/proc/{self.daemon.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # it was closed meanwhile
                if os.readlink(descriptor) == str(path):
                    return True
        return False

    def pod(self, network=POD, pid=CONTAINER, ipc=POD, sysctls=(), privileged=False):
        """A pod that runs; removed after the case."""
        number = next(self.numbers)
        logs = self.place.directory / f"logs{number}"
        logs.mkdir()
        config = {
            "metadata": {"name": f"pod{number}", "uid": f"uid{number}", "namespace": "default"}, "hostname": "" if network == NODE else f"pod{number}", "log_directory": logs,
            "linux": {"cgroup_parent": f"/{self.cgroup}/pod{number}", "sysctls": dict(sysctls), "security_context": {
                "namespace_options": {"network": network, "pid": pid, "ipc": ipc}, "privileged": privileged}}}
        pod = Pod(self, config, self.client.run_pod(config), {"network": network, "pid": pid, "ipc": ipc})
        self.pods.append(pod)
        return pod

    def clean(self):
        for pod in self.pods:
            self.client.stop_pod(pod.id)
            self.client.remove_pod(pod.id)
        self.pods = []

    def stop(self):
        self.daemon.terminate()
        self.daemon.wait(120)


class Pod:
    def __init__(self, engine, config, identifier, namespaces):
        self.engine, self.client, self.config, self.id, self.namespaces = engine, engine.client, config, identifier, namespaces
        self.numbers = itertools.count(1)

    def create(self, *command, security=(), resources=(), mounts=(), **more):
        number = next(self.numbers)
        config = {"metadata": {"name": f"box{number}"}, "image": {"image": IMAGE}, "command": list(command), "log_path": f"{number}.log", "mounts": list(mounts), **more,
                  "linux": {"resources": dict(resources), "security_context": {"namespace_options": self.namespaces, **dict(security)}}}
        return Container(self, self.client.create(self.id, config, self.config), f"{self.config['log_directory']}/{number}.log")

    def start(self, *command, **options):
        container = self.create(*command, **options)
        self.client.start(container.id)
        return container

    def run(self, *command, **options):
        """What a container has printed, and its exit status."""
        container = self.start(*command, **options)
        return container.end(), container.log()

    def says(self, text, *command, **options):
        code, out = self.run(*command, **options)
        assert (code, out.strip()) == (0, text), (code, out)


class Container:
    def __init__(self, pod, identifier, log_path):
        self.pod, self.client, self.id, self.log_path = pod, pod.client, identifier, log_path

    def end(self):
        return wait_for(lambda: (status := self.client.container(self.id))["state"] == EXITED and (status,), "the container ends")[0]["exit_code"]

    def log(self):
        """The lines of the log, of a container that has ended, without the time, the stream and the tag in front. containerd closes it when it has
        written everything, which may be later than it tells of the end."""
        wait_for(lambda: not self.pod.engine.has_open(self.log_path), "the log is whole")
        with open(self.log_path, encoding="utf-8") as log:
            return "".join(line.split(" ", 3)[3] for line in log)

    def execute(self, *command, timeout=60):
        return self.client.execute(self.id, command, timeout)

    def says(self, text, *command):
        code, out, err = self.execute(*command)
        assert (code, out.strip()) == (0, text), (code, out, err)


@case("a container of a pod prints; its status is the program's")
def echo(k):
    pod = k.pod()
    pod.says("hello", "echo", "hello")
    code, _ = pod.run("sh", "-c", "exit 7")
    assert code == 7, code


@case("environment, directory, and a program that is not there")
def settings(k):
    pod = k.pod()
    pod.says("one /tmp", "sh", "-c", "echo $A $(pwd)", envs=[{"key": "A", "value": "one"}], working_dir="/tmp")
    container = pod.create("nothing-of-the-kind")
    try:
        k.client.start(container.id)
    except Failure as failure:
        assert "executable file not found in $PATH" in str(failure), failure
    else:
        raise AssertionError("it was started")


@case("the containers of a pod share its network, its host name and its IPC; each has its own processes")
def shared(k):
    pod = k.pod()
    first, second = (pod.start("sleep", "1000") for _ in range(2))
    for kind, is_shared in (("net", True), ("ipc", True), ("uts", True), ("pid", False), ("mnt", False)):
        links = [container.execute("readlink", f"/proc/self/ns/{kind}")[1] for container in (first, second)]
        assert (links[0] == links[1]) == is_shared, (kind, links)
    first.says(pod.config["hostname"], "hostname")
    assert "10.99.0." in first.execute("ip", "address", "show", "eth0")[1]
    assert first.execute("sh", "-c", "echo shared > /dev/shm/f")[0] == 0
    second.says("shared", "cat", "/dev/shm/f")


@case("pods reach each other by their addresses")
def pods(k):
    server, client = k.pod(), k.pod()
    address = server.start("nc", "-l", "-p", "80", "-e", "echo", "served").execute("hostname", "-i")[1].split()
    address = address or server.start("sleep", "1000").execute("sh", "-c", "ip -4 -o address show eth0 | grep -o '10[.]99[.]0[.][0-9]*' | head -n 1")[1].split()
    # nobody knows when the server listens
    client.says("served", "sh", "-c", f"for try in $(seq 600); do nc -w 5 {address[0]} 80 && exit; sleep 0.1; done; exit 1")


@case("one pid namespace for a pod; the namespaces of the node")
def namespaces(k):
    pod = k.pod(pid=POD)
    pod.start("sleep", "1234")
    wait_for(lambda: "sleep 1234" in pod.run("ps")[1], "the other container's process is seen")
    pod = k.pod(network=NODE, pid=NODE, ipc=NODE)
    own = {kind: k.place.run("readlink", f"/proc/self/ns/{kind}").out.strip() for kind in ("net", "pid", "ipc")}
    for kind, link in own.items():
        pod.says(link, "readlink", f"/proc/self/ns/{kind}")


@case("ExecSync: output, errors and status; a command that takes too long is ended")
def execute(k):
    container = k.pod().start("sleep", "1000")
    assert container.execute("sh", "-c", "echo out; echo err >&2; exit 3") == (3, "out\n", "err\n")
    try:
        container.execute("sleep", "1000", timeout=1)
    except Failure as failure:
        assert "timeout" in str(failure) or "deadline" in str(failure).lower(), failure
    else:
        raise AssertionError("it was not ended")
    wait_for(lambda: "sleep 1000\nsleep 1000" not in container.execute("sh", "-c", "ps -o args | sort")[1], "the command is gone")


@case("user, groups, capabilities, a read-only root, no new privileges, masked paths")
def security(k):
    pod = k.pod()
    pod.says("1000 1000 1000 5 6", "sh", "-c", "echo $(id -u) $(id -g) $(id -G)",
             security={"run_as_user": {"value": 1000}, "run_as_group": {"value": 1000}, "supplemental_groups": [5, 6]})
    status = ("sh", "-c", "grep -E 'CapEff|NoNewPrivs|^Seccomp:' /proc/self/status | tr -d '\\t' | tr '\\n' ' '")
    pod.says("CapEff:0000000000000001 NoNewPrivs:1 Seccomp:2", *status,
             security={"capabilities": {"drop_capabilities": ["ALL"], "add_capabilities": ["CHOWN"]}, "no_new_privs": True, "seccomp": {"profile_type": 0}})
    assert "Seccomp:0" in pod.run(*status, security={"seccomp": {"profile_type": 1}})[1]
    code, _ = pod.run("touch", "/f", security={"readonly_rootfs": True})
    assert code == 1
    pod.says("0", "sh", "-c", "wc -c < /proc/keys", security={"masked_paths": ["/proc/keys"]})
    code, _ = pod.run("sh", "-c", "echo 1 > /proc/sys/vm/swappiness", security={"readonly_paths": ["/proc/sys"]})
    assert code == 1


@case("a privileged container has all capabilities and the node's devices; sysctls of a pod")
def privileged(k):
    pod = k.pod(privileged=True, sysctls={"net.ipv4.ip_unprivileged_port_start": "80"})
    pod.says("80", "cat", "/proc/sys/net/ipv4/ip_unprivileged_port_start")
    code, out = pod.run("sh", "-c", "mount -t tmpfs x /tmp && test -e /dev/kmsg && grep CapEff /proc/self/status", security={"privileged": True})
    own = int(next(line for line in open("/proc/self/status", encoding="ascii") if line.startswith("CapEff")).split()[1], 16)
    assert code == 0 and int(out.split()[1], 16) == own, (code, out)


@case("volumes: read only, and mounts that are seen on the other side as the propagation says")
def volumes(k):
    shared = k.place.directory / "peer"
    k.place.run("sh", "-c", f"mkdir {shared} && mount -t tmpfs peer {shared} && mount --make-rshared {shared} && mkdir {shared}/in {shared}/out").ok()
    pod = k.pod(privileged=True)

    def volume(propagation, readonly=False):
        return [{"container_path": "/data", "host_path": shared, "propagation": propagation, "readonly": readonly}]

    code, _ = pod.run("touch", "/data/f", mounts=volume(PRIVATE, True))
    assert code == 1
    for propagation, is_seen in ((BIDIRECTIONAL, True), (HOST_TO_CONTAINER, False), (PRIVATE, False)):
        code, out = pod.run("sh", "-c", "mount -t tmpfs x /data/in && touch /data/in/here", mounts=volume(propagation), security={"privileged": True})
        assert code == 0, out
        assert (k.place.run("test", "-e", shared / "in/here").status == 0) == is_seen, propagation
        if is_seen:
            k.place.run("umount", shared / "in").ok()
    watching = {propagation: pod.start("sleep", "1000", mounts=volume(propagation), security={"privileged": True}) for propagation in (BIDIRECTIONAL, HOST_TO_CONTAINER, PRIVATE)}
    k.place.run("sh", "-c", f"mount -t tmpfs y {shared}/out && touch {shared}/out/here").ok()
    for propagation, container in watching.items():
        assert (container.execute("test", "-e", "/data/out/here")[0] == 0) == (propagation != PRIVATE), propagation
    k.clean()
    k.place.run("umount", "--recursive", shared).ok()


@case("limits are in force, UpdateContainerResources changes them, and the stats are the cgroup's")
def resources(k):
    limits = {"memory_limit_in_bytes": 64 << 20, "cpu_period": 100000, "cpu_quota": 50000, "cpu_shares": 512, "oom_score_adj": 500}
    container = k.pod().start("sleep", "1000", resources=limits)
    container.says("500", "cat", "/proc/1/oom_score_adj")

    def limit():
        return container.execute("sh", "-c", "cat /sys/fs/cgroup/memory/memory.limit_in_bytes || cat /sys/fs/cgroup/memory.max")[1].strip()

    assert limit() == str(64 << 20), limit()
    k.client.update(container.id, {"memory_limit_in_bytes": 96 << 20, "cpu_quota": 40000, "cpu_period": 100000})
    assert limit() == str(96 << 20), limit()
    assert 0 < k.client.memory(container.id) < 64 << 20


@case("a container that takes more memory than it may is OOMKilled")
def out_of_memory(k):
    container = k.pod().start("sh", "-c", "x=x; while :; do x=$x$x; done", resources={"memory_limit_in_bytes": 16 << 20})
    assert container.end() == 137
    assert wait_for(lambda: k.client.container(container.id)["reason"] == "OOMKilled", "containerd hears of it")


@case("a container is stopped with TERM, with KILL after the time; it is removed, and made again")
def stop(k):
    pod = k.pod()
    container = pod.start("sh", "-c", "trap 'exit 5' TERM; : > /up; while :; do sleep 0.1; done")
    wait_for(lambda: container.execute("test", "-e", "/up")[0] == 0, "the program has set its trap")
    k.client.stop(container.id, 60)
    assert container.end() == 5
    container = pod.start("sleep", "1000")
    k.client.stop(container.id, 1)
    assert container.end() == 137
    k.client.remove(container.id)
    pod.says("again", "echo", "again")


@case("twenty pods with two containers each, and nothing of them stays")
def many(k):
    pods = [k.pod() for _ in range(20)]
    containers = [pod.start("sleep", "1000") for pod in pods for _ in range(2)]
    for container in containers:
        container.says("1", "sh", "-c", "echo 1")
    k.clean()
    listed = k.place.run("ctr", "--address", k.socket, "--namespace", "k8s.io", "task", "ls", "-q").ok().out
    assert not listed, listed
