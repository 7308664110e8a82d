"""config-linux.md, "Network Devices". The runtime is called in a network namespace of the case's own, which plays the host's."""
import contextlib
import json
import os
import subprocess

from support import case, holder


def ip(pid, *words):
    """What ip(8) says in the network namespace of `pid`."""
    done = subprocess.run(["nsenter", f"--net=/proc/{pid}/ns/net", "--", "ip", "-json", *words], capture_output=True, text=True)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"
    return json.loads(done.stdout) if done.stdout.strip() else None


def device(pid, name):
    """The device with its addresses, or None."""
    found = [link for link in ip(pid, "addr", "show") if link.get("ifname") == name]
    return found[0] if found else None


def addresses(link):
    """Those that the specification wants to be kept."""
    return {f"{a['local']}/{a['prefixlen']}" for a in link["addr_info"] if a["scope"] == "global" and not a.get("dynamic")}


@contextlib.contextmanager
def host(c, *names):
    """A network namespace with a pair of devices for each name, from which the runtime is called; gives the pid of its holder."""
    with holder("--net") as pid:
        for name in names:
            ip(pid, "link", "add", name, "type", "veth", "peer", "name", "p" + name[:10])
        c.wrapper = ["nsenter", f"--net=/proc/{pid}/ns/net", "--"]
        try:
            yield pid
        finally:
            c.clean()
            c.wrapper = []


def configured(pid, name):
    """Gives the device addresses of several kinds and switches it on."""
    ip(pid, "addr", "add", "10.9.8.7/24", "dev", name)
    ip(pid, "addr", "add", "10.9.8.8/24", "dev", name, "label", name + ":two")
    ip(pid, "addr", "add", "169.254.1.2/16", "dev", name, "scope", "link")
    ip(pid, "-6", "addr", "add", "fd00::7/64", "dev", name, "nodad")
    ip(pid, "link", "set", name, "up", "mtu", "1400", "address", "02:00:00:00:00:07")


KEPT = {"10.9.8.7/24", "10.9.8.8/24", "fd00::7/64"}


@case("a device moves into the container under a new name, with its addresses, and is up", "RT-config-linux-034", "RT-config-linux-035",
      "RT-config-linux-039", "RT-config-linux-040")
def moved(c):
    with host(c, "net0") as pid:
        configured(pid, "net0")
        c.linux["netDevices"] = {"net0": {"name": "eth7"}}
        c.create().ok()
        inside = device(c.state()["pid"], "eth7")
        assert inside and "UP" in inside["flags"], inside
        assert addresses(inside) == KEPT, inside
        assert inside["mtu"] == 1400 and inside["address"] == "02:00:00:00:00:07", inside
        labels = {a.get("label") for a in inside["addr_info"] if a["family"] == "inet" and a["scope"] == "global"}
        assert labels == {"eth7", "eth7:two"}, inside
        assert not device(pid, "net0") and not device(pid, "eth7")


@case("a device keeps its name when none is given; several move", "RT-config-linux-034", "RT-config-linux-035")
def several(c):
    with host(c, "net0", "net1") as pid:
        c.linux["netDevices"] = {"net0": {}, "net1": {"name": ""}}
        c.create().ok()
        inside = c.state()["pid"]
        assert device(inside, "net0") and device(inside, "net1") and not device(pid, "net0")
        assert "UP" in device(inside, "net1")["flags"]


@case("two devices can exchange their names", "RT-config-linux-035")
def exchanged(c):
    with host(c, "net0", "net1") as pid:
        ip(pid, "addr", "add", "10.1.0.1/24", "dev", "net0")
        c.linux["netDevices"] = {"net0": {"name": "net1"}, "net1": {"name": "net0"}}
        c.create().ok()
        assert addresses(device(c.state()["pid"], "net1")) == {"10.1.0.1/24"}


@case("a device is up and addressed when createRuntime hooks run", "RT-config-linux-040")
def before_hooks(c):
    with host(c, "net0") as pid:
        configured(pid, "net0")
        out = c.directory / "out"
        script = f"pid=$(sed 's/.*\"pid\": *\\([0-9]*\\).*/\\1/'); nsenter --net=/proc/$pid/ns/net ip -o addr show dev net0 > {out}"
        c.config["hooks"] = {"createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", script], "env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]}]}
        c.linux["netDevices"] = {"net0": {}}
        c.create().ok()
        assert "10.9.8.7/24" in out.read_text(), out.read_text()


@case("a template lets the kernel find a name", "RT-config-linux-037", "RT-config-linux-038")
def template(c):
    with host(c, "net0") as pid, holder("--net") as other:
        configured(pid, "net0")
        ip(other, "link", "add", "eth0", "type", "veth", "peer", "name", "peer")
        c.namespace("network", f"/proc/{other}/ns/net")
        c.linux["netDevices"] = {"net0": {"name": "eth%d"}}
        c.create().ok()
        inside = device(other, "eth1")
        assert inside and addresses(inside) == KEPT and "UP" in inside["flags"], ip(other, "addr", "show")


def unchanged(pid, name):
    """The device is on the host as `configured` left it."""
    link = device(pid, name)
    assert link, f"{name} did not come back: {ip(pid, 'addr', 'show')}"
    assert addresses(link) == KEPT and "UP" in link["flags"], link


@case("a name that is taken in the container is refused, and the device stays on the host", "RT-config-linux-036", "RT-config-linux-037")
def taken(c):
    with host(c, "net0") as pid, holder("--net") as other:
        configured(pid, "net0")
        ip(other, "link", "add", "eth0", "type", "veth", "peer", "name", "net0")
        c.namespace("network", f"/proc/{other}/ns/net")
        for name in ("eth0", "net0"):
            c.linux["netDevices"] = {"net0": {"name": name}}
            c.create().failed("net0", "EEXIST|exists")
            unchanged(pid, "net0")
        assert device(other, "eth0") and device(other, "net0")


@case("a device goes back under its old name, with its addresses, when create fails", "RT-config-linux-034")
def returned(c):
    with host(c, "net0", "net1") as pid:
        configured(pid, "net0")
        c.linux["netDevices"] = {"net0": {"name": "eth7"}, "net1": {"name": "eth%d"}}
        c.config["hooks"] = {"createRuntime": [{"path": "/bin/false"}]}
        c.create().failed("hook")
        unchanged(pid, "net0")
        assert device(pid, "net1") and "UP" not in device(pid, "net1")["flags"], device(pid, "net1")
        del c.config["hooks"]
        c.args("/no/such/program")
        c.run().failed("no such file")
        unchanged(pid, "net0")


@case("a device goes back out of a network namespace that lives on", "RT-config-linux-034")
def returned_from_joined(c):
    with host(c, "net0") as pid, holder("--net") as other:
        configured(pid, "net0")
        c.namespace("network", f"/proc/{other}/ns/net")
        c.linux["netDevices"] = {"net0": {"name": "eth7"}}
        c.args("/no/such/program")
        c.create().failed("no such file")
        unchanged(pid, "net0")
        assert not device(other, "eth7") and not device(other, "net0")


@case("a second device that cannot move sends the first one back", "RT-config-linux-036")
def second_fails(c):
    with host(c, "net0") as pid:
        configured(pid, "net0")
        c.linux["netDevices"] = {"net0": {"name": "eth7"}, "lo": {"name": "lo9"}}
        c.create().failed(r'"lo"', "EINVAL|Invalid")
        unchanged(pid, "net0")


@case("a device that is not there is refused before anything is made", "RT-config-linux-036")
def missing(c):
    with host(c, "net0") as pid:
        configured(pid, "net0")
        c.linux["netDevices"] = {"net0": {"name": "eth7"}, "nothere0": {}}
        c.config["hooks"] = {"createRuntime": [{"path": "/bin/touch", "args": ["touch", str(c.directory / "ran")]}]}
        c.create().failed("nothere0")
        unchanged(pid, "net0")
        assert not (c.directory / "ran").exists() and not list(c.state_root.glob("conf-*"))


@case("names that no device can have, one name for two, and the host's network namespace are refused", "RT-config-linux-034", "RT-config-linux-035")
def bad_names(c):
    with host(c, "net0", "net1") as pid:
        for devices, texts in (
            ({"net0": {"name": "sixteen-letters-"}}, ["netDevices", "15"]), ({"net0": {"name": "a/b"}}, ["netDevices"]),
            ({"sixteen-letters-": {}}, ["netDevices"]), ({"net0": {"name": ".."}}, ["netDevices"]), ({"net0": {"name": "a%sb"}}, ["netDevices"]),
            ({"net0": {"name": "eth0"}, "net1": {"name": "eth0"}}, ["netDevices", "eth0"]),
        ):
            c.linux["netDevices"] = devices
            c.create().failed(*texts)
        c.linux["netDevices"] = {"net0": {}}
        c.without_namespace("network")
        c.create().failed("netDevices", "network namespace")
        c.namespace("network", f"/proc/{pid}/ns/net")  # the caller's own
        c.create().failed("netDevices", "network namespace")
        assert device(pid, "net0") and device(pid, "net1")


@case("a device moves into the network namespace of a user namespace", "RT-config-linux-034")
def user_namespace(c):
    with host(c, "net0") as pid:
        configured(pid, "net0")
        c.namespace("user")
        c.linux["uidMappings"] = c.linux["gidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 65536}]
        c.linux["netDevices"] = {"net0": {"name": "eth7"}}
        c.create().ok()
        inside = device(c.state()["pid"], "eth7")
        assert inside and addresses(inside) == KEPT and "UP" in inside["flags"], inside


@case("a device stays in a network namespace that outlives the container", "RT-config-linux-041", "RT-config-linux-042")
def stays(c):
    with host(c, "net0") as pid, holder("--net") as other:
        c.namespace("network", f"/proc/{other}/ns/net")
        c.linux["netDevices"] = {"net0": {"name": "eth7"}}
        c.run().ok()
        assert device(other, "eth7") and not device(pid, "net0") and not device(pid, "eth7")


@case("a creator that is killed leaves nothing to clean but what delete cleans", "RT-config-linux-034")
def killed(c):
    for milliseconds in range(0, 40, 2):
        with host(c, "net0") as pid:
            c.linux["netDevices"] = {"net0": {}}
            c.write()
            command = [*c.wrapper, c.runtime, "--root", str(c.state_root), "create", "--bundle", str(c.bundle), c.id]
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=c.environment)
            try:
                process.wait(milliseconds / 1000)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            c.delete("--force")
            assert os.path.exists(f"/proc/{pid}") and not list(c.state_root.glob("conf-*"))
