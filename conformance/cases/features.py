"""features.md and features-linux.md: what `features` says is so."""
import json
import os

from support import NAMESPACES, Skip, case


def features(c):
    return json.loads(c.call("features").ok().out)


@case("the structure has the members of the specification, and no others", "RT-features-001", "RT-features-010", "RT-features-016", "RT-features-017",
      "RT-features-018", "RT-features-019", "RT-features-020", "RT-features-linux-001", "RT-features-linux-003", "RT-features-linux-005",
      "RT-features-linux-011", "RT-features-linux-023", "RT-features-linux-025", "RT-features-linux-027", "RT-features-linux-032",
      "RT-features-linux-036", "RT-features-linux-040")
def members(c):
    found = features(c)
    text, words, flag = str, [str], bool
    known = {
        "ociVersionMin": text, "ociVersionMax": text, "hooks": words, "mountOptions": words, "annotations": {}, "potentiallyUnsafeConfigAnnotations": words,
        "linux": {
            "namespaces": words, "capabilities": words,
            "cgroup": {"v1": flag, "v2": flag, "systemd": flag, "systemdUser": flag, "rdma": flag},
            "seccomp": {"enabled": flag, "actions": words, "operators": words, "archs": words, "knownFlags": words, "supportedFlags": words},
            "apparmor": {"enabled": flag}, "selinux": {"enabled": flag},
            "intelRdt": {"enabled": flag, "schemata": flag, "monitoring": flag},
            "memoryPolicy": {"modes": words, "flags": words},
            "mountExtensions": {"idmap": {"enabled": flag}}, "netDevices": {"enabled": flag}}}

    def compare(value, shape, path):
        if value is None:
            return
        if isinstance(shape, list):
            assert isinstance(value, list) and all(isinstance(item, shape[0]) for item in value), (path, value)
            assert len(value) == len(set(value)), f"{path} has something twice"
        elif isinstance(shape, dict):
            assert isinstance(value, dict), (path, value)
            for key, inner in value.items():
                if path.endswith("annotations"):
                    assert key and isinstance(inner, str), (path, key)
                else:
                    assert key in shape, f"{path}.{key} is not in the specification"
                    compare(inner, shape[key], f"{path}.{key}")
        else:
            assert type(value) is shape, (path, value)

    compare(found, known, "features")
    wanted = {"namespaces", "capabilities", "cgroup", "seccomp", "apparmor", "selinux"}
    assert wanted <= set(found["linux"]), wanted - set(found["linux"])


@case("the versions are versions, in their order, and both are accepted", "RT-features-005", "RT-features-006", "RT-features-007", "RT-features-008",
      "RT-features-009")
def versions(c):
    found = features(c)
    least, most = (tuple(map(int, found[name].split("-")[0].split("."))) for name in ("ociVersionMin", "ociVersionMax"))
    assert least <= most, found
    for name in ("ociVersionMin", "ociVersionMax"):
        c.config["ociVersion"] = found[name]
        c.args("true").run().ok()


@case("the same everywhere: also without privileges, and without /sys", "RT-features-002")
def constant(c):
    import subprocess
    here = features(c)
    plain = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "unshare", "--user", "--mount", "--map-root-user", "sh", "-c",
                            f'mount -t tmpfs none /sys && exec "{c.runtime}" features'], capture_output=True, text=True, check=True).stdout
    assert json.loads(plain) == here


@case("every namespace that is named is known", "RT-features-linux-002", "RT-config-linux-003")
def namespaces(c):
    named = features(c)["linux"]["namespaces"]
    assert set(named) == set(NAMESPACES), named
    c.linux["namespaces"] = [{"type": kind} for kind in named]
    c.directory.chmod(0o755), c.bundle.chmod(0o755)
    c.linux["uidMappings"] = c.linux["gidMappings"] = [{"containerID": 0, "hostID": 0, "size": 65536}]
    c.args("true").run().ok()


@case("every capability that is named is known", "RT-features-linux-004")
def capabilities(c):
    named = features(c)["linux"]["capabilities"]
    assert {"CAP_CHOWN", "CAP_SYS_ADMIN", "CAP_BPF", "CAP_CHECKPOINT_RESTORE"} <= set(named), named
    c.process["capabilities"] = {"bounding": named, "effective": [], "permitted": []}
    result = c.args("true").run().ok()
    assert "unknown" not in result.err.lower(), result


@case("every seccomp action, operator, architecture and flag that is named is known", "RT-features-linux-012", "RT-features-linux-013",
      "RT-features-linux-014", "RT-features-linux-015", "RT-features-linux-016", "RT-features-linux-017", "RT-features-linux-018",
      "RT-features-linux-019", "RT-features-linux-020", "RT-features-linux-021", "RT-features-linux-022")
def seccomp(c):
    found = features(c)["linux"]["seccomp"]
    assert found["enabled"] and {"SCMP_ACT_ERRNO", "SCMP_ACT_NOTIFY"} <= set(found["actions"]) and len(found["operators"]) == 7, found
    for action in found["actions"]:
        if action != "SCMP_ACT_NOTIFY":  # needs an agent: config-linux/seccomp-agent
            c.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdirat"], "action": action}]}
            c.args("true").run().ok()
    for operator in found["operators"]:
        c.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
            {"names": ["kill"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 1, "value": 1, "valueTwo": 1, "op": operator}]}]}
        c.args("true").run().ok()
    c.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "architectures": found["archs"], "syscalls": [
        {"names": ["mkdirat"], "action": "SCMP_ACT_ERRNO"}]}
    c.args("true").run().ok()
    assert set(found["supportedFlags"]) <= set(found["knownFlags"]), found
    for flag in found["supportedFlags"]:
        if flag != "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV":  # for a listener only
            c.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "flags": [flag], "syscalls": [{"names": ["mkdirat"], "action": "SCMP_ACT_ERRNO"}]}
            c.args("true").run().ok()


@case("booleans of the cgroup drivers and security modules", "RT-features-linux-006", "RT-features-linux-007", "RT-features-linux-008",
      "RT-features-linux-009", "RT-features-linux-010", "RT-features-linux-024", "RT-features-linux-026")
def booleans(c):
    found = features(c)["linux"]
    assert found["cgroup"]["v1"] is True and found["cgroup"]["v2"] is True, found["cgroup"]
    for group, names in (("cgroup", ("systemd", "systemdUser", "rdma")), ("apparmor", ("enabled",)), ("selinux", ("enabled",))):
        assert all(isinstance(found[group].get(name), bool) for name in names), found[group]


@case("file systems' own options are not in the list", "RT-features-015")
def no_data(c):
    assert not {"size", "mode", "uid", "gid", "lowerdir", "nr_inodes", "ptmxmode", "newinstance"} & set(features(c)["mountOptions"])


@case("annotations that change what the runtime does are named", "RT-features-021")
def unsafe_annotations(c):
    found = features(c)["potentiallyUnsafeConfigAnnotations"]
    assert {"org.criu.config", "org.systemd.property."} <= set(found), found


@case("every mode and flag of memoryPolicy that is named is known", "RT-features-linux-028", "RT-features-linux-029", "RT-features-linux-030",
      "RT-features-linux-031")
def memory_policy(c):
    if not os.path.exists("/proc/self/numa_maps"):
        raise Skip("the kernel was built without NUMA")
    found = features(c)["linux"]["memoryPolicy"]
    assert {"MPOL_DEFAULT", "MPOL_BIND", "MPOL_INTERLEAVE", "MPOL_LOCAL", "MPOL_PREFERRED"} <= set(found["modes"]), found
    for mode in found["modes"]:
        c.linux["memoryPolicy"] = {"mode": mode} | ({} if mode in ("MPOL_DEFAULT", "MPOL_LOCAL") else {"nodes": "0"})
        c.args("true").run().ok()
    for flag in found["flags"]:
        c.linux["memoryPolicy"] = {"mode": "MPOL_BIND", "nodes": "0", "flags": [flag]}
        c.args("true").run().ok()


@case("booleans of resctrl, idmapped mounts and network devices", "RT-features-linux-033", "RT-features-linux-034", "RT-features-linux-035",
      "RT-features-linux-037", "RT-features-linux-038", "RT-features-linux-039", "RT-features-linux-041")
def more_booleans(c):
    found = features(c)["linux"]
    assert all(isinstance(found["intelRdt"][name], bool) for name in ("enabled", "schemata", "monitoring")), found["intelRdt"]
    assert found["mountExtensions"]["idmap"]["enabled"] is True and isinstance(found["netDevices"]["enabled"], bool), found
