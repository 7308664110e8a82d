"""The JSON schemas of the specification (conformance/schema) and `cale plan` on a large set of made-up configurations.

A complete configuration is taken, and each of its values is replaced by each of a list of others, or left out. What the schema
refuses must be refused, naming the value by its path, and what it takes must be taken. Where we differ, `LOOSER` and `STRICTER` say
why. A number beyond 64 bits is refused where the text is read, by its place in the file.
Source: schema/config-schema.json; config.md "Extensibility" (RT-config-245, RT-config-246).
"""
import copy
import json
import pathlib
import re
import warnings

from support import Skip, case

SCHEMAS = pathlib.Path(__file__).parent.parent / "schema"
LEFT_OUT = object()
MISSING = "does not offer is not supported|no resctrl is mounted is not supported|without SELinux is not supported"
OTHERS = [None, True, 0, -1, 1.5, "", "x", [], {}, ["x"], [7], {"x": "y"}, LEFT_OUT]
NUMBERS = [1, 7, 1e3, 2 ** 31, 2 ** 32, 2 ** 53 + 1, 2 ** 63 - 1, 2 ** 63, 2 ** 64 - 1, 2 ** 64, -(2 ** 63), -(2 ** 63) - 1]
# Of places that the specification describes together, one stands for all.
ALIKE = [r"hooks\.\w+", r"capabilities\.\w+", r"throttle\w+", r"\[\d+\]", r"gidMappings|uidMappings", r"monotonic|boottime"]

# What the schema refuses and we take: the path, a test of the value, why.
LOOSER = [
    (r".*", lambda v: v is None, "null is the same as absent: programs in Go write it for what is not set, and runc takes it so"),
    (r"linux\.(rootfsPropagation|intelRdt\.memBwSchema)", lambda v: v == "", "the empty string is the same as absent: as above"),
    (r"linux\.resources\.pids(\.limit)?", lambda v: v is LEFT_OUT or isinstance(v, dict), "the text has pids.limit optional, the schema does not"),
]
# What the schema takes and we refuse, by its path: why.
STRICTER = [
    (r"ociVersion", "a version is SemVer (RT-config-001), and only 1.x.y is known"),
    (r"root|root\.path", "required on Linux (RT-config-006, RT-config-007); the empty path names nothing"),
    (r"process", "required to start the container (RT-runtime-050)"),
    (r"process\.consoleSize\.\w+", "struct winsize has 16 bits"),
    (r"process\.cwd|linux\.(maskedPaths|readonlyPaths)(\[0\])?|hooks\.prestart\[0\]\.path|linux\.devices\[\d\]\.path", "the text wants an absolute path"),
    (r"process\.env(\[0\])?", "the text wants the form of environ: NAME=value"),
    (r"process\.args(\[0\])?", "there must be a program to plan"),
    (r"process\.rlimits\[0\]\.\w+", "a soft limit above the hard one"),
    (r"process\.oomScoreAdj", "the kernel has -1000 to 1000"),
    (r"process\.scheduler(\.\w+)?", "what sched_setattr(2) refuses everywhere"),
    (r"process\.ioPriority(\.\w+)?", "the text has class and priority required; ioprio_set(2) has levels 0 to 7"),
    (r"process\.execCPUAffinity\.\w+", "the text wants a list of numbers and ranges"),
    (r"process\.user(\.\w+)?(\[0\])?", "the text has uid and gid required; 4294967295 is no id; a umask has nine bits"),
    (r"mounts\[\d\]\.(destination|type|source|options)(\[0\])?", "a path that is not there, an unknown file system, a type or source that is missing"),
    (r"mounts\[1\]\.[ug]idMappings.*", "both or none (RT-config-094, RT-config-098); ranges that the kernel refuses"),
    (r"mounts|mounts\[\d\]", "the text has the destination required; a mount needs a type and a source"),
    (r"hooks\.prestart\[0\]\.timeout", "above zero (RT-config-178), and in 63 bits"),
    (r"linux|linux\.namespaces(\[0\].*)?", "other properties need namespaces of the container's own"),
    (r"linux\.[ug]idMappings.*", "a new user namespace needs mappings that the kernel takes, and one of id 0"),
    (r"linux\.timeOffsets.*", "nanoseconds are less than a second; the clocks are objects"),
    (r"linux\.devices\[\d\](\.\w+)?", "the text has numbers required for all but fifos; the kernel has 12 and 20 bits for them; a mode has 12"),
    (r"linux\.netDevices.*", "names that no device can have"),
    (r"linux\.memoryPolicy(\.\w+)?", "the text has the mode required; set_mempolicy(2) wants nodes with some modes and none with others"),
    (r"linux\.personality(\.\w+)?", "the text has the domain required and no flags that it knows"),
    (r"linux\.sysctl(\..*|\[.*)?", "only parameters of the container's own namespaces"),
    (r"linux\.cgroupsPath", "a path that leads out of the hierarchy"),
    (r"linux\.mountLabel|linux\.intelRdt(\.\w+)?(\[0\])?", "the text has prefixes required, forbids line breaks, and closID is a directory's name"),
    (r"linux\.resources\..*", "what every kernel refuses: numbers out of range, lists and words of another form, contradictions with what stands beside"),
    (r"linux\.seccomp(\..*)?", "the text has names and actions required; an errno has an upper limit; metadata and notifications need a listener"),
]


def validator():
    try:
        import jsonschema
    except ImportError:
        raise Skip("the Python package jsonschema is missing") from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        top = json.loads((SCHEMAS / "config-schema.json").read_text())
        documents = {path.name: json.loads(path.read_text()) for path in SCHEMAS.glob("*.json")}
        resolver = jsonschema.RefResolver("file:///config-schema.json", top, store={f"file:///{name}": text for name, text in documents.items()})
        return jsonschema.Draft4Validator(top, resolver=resolver)


def rare():
    """What needs hardware or controllers that are seldom there: each property in a configuration of its own."""
    for linux in (
        {"intelRdt": {"closID": "guaranteed", "l3CacheSchema": "L3:0=7f0;1=1f", "memBwSchema": "MB:0=20;1=70", "schemata": ["L2:0=f"],
                      "enableMonitoring": True}},
        {"mountLabel": "system_u:y"},
        {"resources": {"network": {"classID": 1048577, "priorities": [{"name": "lo", "priority": 500}]}}},
        {"resources": {"rdma": {"mlx5_1": {"hcaHandles": 3, "hcaObjects": 10000}}}},
    ):
        yield {"ociVersion": "1.3.0", "root": {"path": "rootfs"}, "process": {"cwd": "/", "args": ["sh"]},
               "linux": {"namespaces": [{"type": "mount"}], **linux}}


def complete(c):
    """Every property of the specification for Linux but the rare ones."""
    (c.directory / "data").mkdir(exist_ok=True)
    hook = {"path": "/bin/true", "args": ["true", "x"], "env": ["a=b"], "timeout": 5}
    mapping = lambda: [{"containerID": 0, "hostID": 1000, "size": 10}]  # noqa: E731: each place has a list of its own
    return {
        "ociVersion": "1.3.0",
        "root": {"path": "rootfs", "readonly": True},
        "process": {
            "terminal": True, "consoleSize": {"height": 25, "width": 80}, "cwd": "/tmp", "env": ["PATH=/bin", "TERM=xterm"], "args": ["sh", "-c"],
            "rlimits": [{"type": "RLIMIT_CORE", "hard": 18446744073709551615, "soft": 1024}, {"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}],
            "apparmorProfile": "acme", "selinuxLabel": "system_u:x", "noNewPrivileges": True, "oomScoreAdj": 100,
            "capabilities": {key: ["CAP_KILL"] for key in ("bounding", "permitted", "inheritable", "effective", "ambient")},
            "scheduler": {"policy": "SCHED_DEADLINE", "nice": 1, "priority": 0, "flags": ["SCHED_FLAG_RECLAIM", "SCHED_FLAG_DL_OVERRUN"], "runtime": 1024,
                          "deadline": 2048, "period": 4096},
            "ioPriority": {"class": "IOPRIO_CLASS_BE", "priority": 4}, "execCPUAffinity": {"initial": "0", "final": "0-1"},
            "user": {"uid": 1, "gid": 2, "umask": 63, "additionalGids": [5, 6]},
        },
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec"]},
            {"destination": "/data", "type": "none", "source": str(c.directory / "data"), "options": ["rbind", "idmap"],
             "uidMappings": mapping(), "gidMappings": mapping()},
        ],
        "hostname": "slartibartfast", "domainname": "foobarbaz.test",
        "hooks": {key: [copy.deepcopy(hook)] for key in ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")},
        "annotations": {"com.example.key": "value", "plain": ""},
        "linux": {
            "namespaces": [{"type": kind} for kind in ("pid", "network", "ipc", "uts", "mount", "user", "cgroup", "time")],
            "uidMappings": mapping(), "gidMappings": mapping(),
            "timeOffsets": {"monotonic": {"secs": -1, "nanosecs": 999999999}, "boottime": {"secs": 604800, "nanosecs": 0}},
            "devices": [{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 438, "uid": 0, "gid": 0}, {"path": "/dev/p", "type": "p"}],
            "netDevices": {"eth0": {"name": "container_eth0"}},
            "cgroupsPath": "/conf/schema",
            "memoryPolicy": {"mode": "MPOL_INTERLEAVE", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]},
            "sysctl": {"net.ipv4.ip_forward": "1", "net.core.somaxconn": "256"},
            "rootfsPropagation": "slave", "maskedPaths": ["/proc/kcore", "/proc/keys"], "readonlyPaths": ["/proc/sys"],
            "personality": {"domain": "LINUX32", "flags": []},
            "resources": {
                "devices": [{"allow": False, "access": "rwm"}, {"allow": True, "type": "c", "major": 10, "minor": 229, "access": "rw"}],
                "pids": {"limit": 32771},
                "memory": {"limit": 536870912, "reservation": 268435456, "swap": 1073741824, "swappiness": 50, "disableOOMKiller": False,
                           "useHierarchy": True, "checkBeforeUpdate": True},
                "cpu": {"shares": 1024, "quota": 50000, "period": 100000, "cpus": "0-1", "mems": "0", "burst": 1000},
                "hugepageLimits": [{"pageSize": "2MB", "limit": 209715200}],
                "blockIO": {"weight": 100, "leafWeight": 100, "weightDevice": [{"major": 8, "minor": 0, "weight": 500, "leafWeight": 300}],
                            **{key: [{"major": 8, "minor": 0, "rate": 600}]
                               for key in ("throttleReadBpsDevice", "throttleWriteBpsDevice", "throttleReadIOPSDevice", "throttleWriteIOPSDevice")}},
                "unified": {"memory.high": "1000000"},
            },
            "seccomp": {
                "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "architectures": ["SCMP_ARCH_X86_64"], "flags": ["SECCOMP_FILTER_FLAG_LOG"],
                "listenerPath": "/run/agent.sock", "listenerMetadata": "x",
                "syscalls": [{"names": ["getcwd", "chmod"], "action": "SCMP_ACT_TRACE", "errnoRet": 5},
                             {"names": ["personality"], "action": "SCMP_ACT_ALLOW",
                              "args": [{"index": 0, "value": 2114060288, "valueTwo": 18446744073709551615, "op": "SCMP_CMP_MASKED_EQ"}]}],
            },
        },
    }


def places(tree, path=()):
    """Every place in the tree, the top excepted."""
    if path:
        yield path
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ():
        yield from places(value, path + (key,))


def representatives(tree):
    seen = set()
    for path in places(tree):
        shape = written(path)
        for pattern in ALIKE:
            shape = re.sub(pattern, "*", shape)
        shape += type(at(tree, path)).__name__
        if shape not in seen:
            seen.add(shape)
            yield path


def at(tree, path):
    for key in path:
        tree = tree[key]
    return tree


def changed(tree, path, value):
    new = copy.deepcopy(tree)
    if value is LEFT_OUT:
        del at(new, path[:-1])[path[-1]]
    else:
        at(new, path[:-1])[path[-1]] = value
    return new


def written(path):
    """The path as messages have it: linux.sysctl["net.ipv4.ip_forward"]."""
    text = ""
    for key in path:
        text += f"[{key}]" if isinstance(key, int) else f'["{key}"]' if "." in key or not key else ("." if text else "") + key
    return text


def verdict(c, config):
    """None when it is taken, or what is said."""
    (c.bundle / "config.json").write_text(json.dumps(config))
    result = c.call("plan", "--bundle", c.bundle)
    assert result.status in (0, 1), str(result)
    # what this machine lacks was read and understood all the same
    return None if result.status == 0 or re.search(MISSING, result.err) else result.err.strip()


def explained(path, value, taken):
    if taken:
        return any(re.fullmatch(pattern, path) for pattern, _ in STRICTER)
    return any(re.fullmatch(pattern, path) and test(value) for pattern, test, _ in LOOSER)


@case("the schema and the runtime agree on every property", "RT-config-245", "RT-config-246")
def verdicts(c):
    if not pathlib.Path(c.runtime).name.startswith("cale"):
        raise Skip("only cale has plan")
    schema, odd, count = validator(), [], 0
    for base in (complete(c), *rare()):
        assert schema.is_valid(base), [error.message for error in schema.iter_errors(base)]
        assert verdict(c, base) is None, verdict(c, base)
        for path in representatives(base):
            for value in OTHERS + (NUMBERS if type(at(base, path)) is int else []):
                if isinstance(path[-1], int) and value is LEFT_OUT:
                    continue
                config = changed(base, path, value)
                said, taken = verdict(c, config), schema.is_valid(config)
                count += 1
                shown = f"{written(path)} = {'(left out)' if value is LEFT_OUT else json.dumps(value)}"
                if (said is None) != taken:
                    if not explained(written(path), value, taken):
                        odd.append(f"{shown}: the schema {'takes' if taken else 'refuses'} it; cale: {said or 'taken'}")
                # what is missing may be told with another property's name
                elif said and value is not LEFT_OUT and value is not None and written(path) not in said and "does not fit into 64 bits" not in said:
                    odd.append(f"{shown}: the path is not in: {said}")
    assert not odd, f"{len(odd)} of {count}:\n" + "\n".join(odd)
