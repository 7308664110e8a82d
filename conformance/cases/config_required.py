"""config.md and config-linux.md: what is REQUIRED is missed by name."""
from support import case


def missing(c, *paths):
    """Each of these properties is taken away in turn: the error names it, and there is no container."""
    for path in paths:
        *way, last = path
        place = c.config
        for key in way:
            place = place[key]
        value = place.pop(last)
        for command in (c.run, c.create):
            command().failed(str(last))
        c.call("state", c.id).failed("does not exist|no such file")
        place[last] = value
    c.run().ok()


@case("ociVersion, root and root.path", "RT-config-005", "RT-config-006")
def root(c):
    missing(c, ["ociVersion"], ["root"], ["root", "path"])


@case("a mount's destination", "RT-config-014")
def mounts(c):
    missing(c, ["mounts", 0, "destination"])


@case("cwd, uid and gid", "RT-config-106", "RT-config-152", "RT-config-153")
def process(c):
    missing(c, ["process", "cwd"], ["process", "user", "uid"], ["process", "user", "gid"])


@case("width and height of a terminal", "RT-config-104", "RT-config-105")
def console(c):
    c.process["terminal"] = True
    for name in ("height", "width"):
        c.process["consoleSize"] = {"height": 20, "width": 80}
        c.process["consoleSize"].pop(name)
        c.run().failed(name)


@case("type, soft and hard of an rlimit", "RT-config-114", "RT-config-117", "RT-config-119")
def rlimits(c):
    missing(c, *(["process", "rlimits", 0, name] for name in ("type", "soft", "hard")))


@case("policy of a scheduler, class and priority of ioPriority", "RT-config-136", "RT-config-145", "RT-config-146")
def scheduling(c):
    c.config["ociVersion"] = "1.1.0"
    c.process["scheduler"] = {"policy": "SCHED_OTHER"}
    c.process["ioPriority"] = {"class": "IOPRIO_CLASS_BE", "priority": 4}
    missing(c, ["process", "scheduler", "policy"], ["process", "ioPriority", "class"], ["process", "ioPriority", "priority"])


@case("a hook's path", "RT-config-173", "RT-config-182")
def hooks(c):
    c.config["hooks"] = {name: [{"path": "/bin/true"}] for name in ("prestart", "createRuntime")}
    missing(c, ["hooks", "prestart", 0, "path"], ["hooks", "createRuntime", 0, "path"])


@case("a namespace's type, and the three numbers of a mapping", "RT-config-linux-002", "RT-config-linux-013", "RT-config-linux-014", "RT-config-linux-015")
def namespaces(c):
    c.namespace("user")
    c.directory.chmod(0o755), c.bundle.chmod(0o755)
    for name in ("uidMappings", "gidMappings"):
        c.linux[name] = [{"containerID": 0, "hostID": 0, "size": 65536}]
    missing(c, ["linux", "namespaces", 0, "type"], *(["linux", "uidMappings", 0, name] for name in ("containerID", "hostID", "size")))


@case("a device's type, path and numbers", "RT-config-linux-023", "RT-config-linux-024", "RT-config-linux-027")
def devices(c):
    c.linux["devices"] = [{"path": "/dev/mine", "type": "c", "major": 1, "minor": 5}]
    missing(c, *(["linux", "devices", 0, name] for name in ("path", "type", "major", "minor")))


@case("allow of a device rule", "RT-config-linux-063")
def rules(c):
    missing(c, ["linux", "resources", "devices", 0, "allow"])


@case("numbers and rates of block devices", "RT-config-linux-092", "RT-config-linux-097", "RT-config-linux-098", "RT-config-linux-100", "RT-config-linux-101")
def block_io(c):
    for key, value in (("weightDevice", {"weight": 100}), ("throttleReadBpsDevice", {"rate": 1}), ("throttleWriteIOPSDevice", {"rate": 1})):
        for name in ("major", "minor", *(["rate"] if "rate" in value else [])):
            entry = {"major": 8, "minor": 0, **value}
            entry.pop(name)
            c.linux["resources"]["blockIO"] = {key: [entry]}
            c.run().failed(name)


@case("page size and limit of huge pages, name and priority of a network priority",
      "RT-config-linux-103", "RT-config-linux-104", "RT-config-linux-108", "RT-config-linux-109")
def other_resources(c):
    for name in ("pageSize", "limit"):
        entry = {"pageSize": "2MB", "limit": 0}
        entry.pop(name)
        c.linux["resources"]["hugepageLimits"] = [entry]
        c.run().failed(name)
    c.linux["resources"].pop("hugepageLimits")
    for name in ("name", "priority"):
        entry = {"name": "lo", "priority": 1}
        entry.pop(name)
        c.linux["resources"]["network"] = {"priorities": [entry]}
        c.run().failed(name)


@case("what a seccomp section needs", "RT-config-linux-159", "RT-config-linux-174", "RT-config-linux-176", "RT-config-linux-180", "RT-config-linux-181",
      "RT-config-linux-183")
def seccomp(c):
    c.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]}]}
    rule = ["linux", "seccomp", "syscalls", 0]
    missing(c, ["linux", "seccomp", "defaultAction"], [*rule, "names"], [*rule, "action"], *([*rule, "args", 0, name] for name in ("index", "value", "op")))


@case("the domain of a personality", "RT-config-linux-199")
def personality(c):
    c.linux["personality"] = {"domain": "LINUX"}
    c.config["ociVersion"] = "1.1.0"
    missing(c, ["linux", "personality", "domain"])
