"""Bad input: one error with something to read, a status that is not 0, and the host as it was."""

from support import case


def refuse(name, title, change, *texts, statements=()):
    def run(c):
        change(c)
        c.run().failed(*texts)
        c.create().failed(*texts)
        c.call("state", c.id).failed("does not exist|no such file")
    run.__name__ = name
    run.__module__ = __name__
    case(title, *statements)(run)


def raw(text):
    """A config.json of this text."""
    def change(c):
        c.write = lambda: (c.bundle / "config.json").write_text(text)
    return change


def edit(path, value):
    def change(c):
        place = c.config
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value
    return change


refuse("no_config", "no config.json", lambda c: setattr(c, "write", lambda: None), "config.json", statements=["RT-bundle-001"])
refuse("empty_config", "an empty config.json", raw(""))
refuse("truncated_config", "a truncated config.json", raw('{"ociVersion": "1.0.2", "process": {'))
refuse("not_json", "a config.json that is no JSON", raw("hello"))
refuse("args_type", "process.args is no array", edit(["process", "args"], "sh"), "args")
refuse("uid_type", "uid is a string", edit(["process", "user", "uid"], "0"), "uid")
refuse("terminal_type", "terminal is a string", edit(["process", "terminal"], "no"), "terminal")
refuse("no_args", "process.args is empty", edit(["process", "args"], []), statements=["RT-config-110"])
refuse("relative_cwd", "cwd is relative", edit(["process", "cwd"], "tmp"), "cwd", statements=["RT-config-107"])
refuse("unknown_namespace", "an unknown type of namespace", lambda c: c.linux["namespaces"].append({"type": "nope"}), "nope|namespace", statements=["RT-config-linux-002"])
refuse("unknown_version", "a version of the specification that is none", edit(["ociVersion"], "x.y"), statements=["RT-config-001", "RT-config-246"])
refuse("missing_rootfs", "the rootfs is not there", edit(["root", "path"], "nowhere"), "nowhere",
       statements=["RT-config-009", "RT-runtime-015", "RT-runtime-033", "RT-runtime-045"])
refuse("rootfs_file", "the rootfs is a file", edit(["root", "path"], "config.json"), statements=["RT-config-009"])
refuse("missing_program", "the program is not there", lambda c: c.args("no-such-program"), "no-such-program", "not found|no such file")
refuse("missing_absolute", "the program's path is not there", lambda c: c.args("/no/such/program"), "/no/such/program", "no such file")
refuse("not_executable", "the program is not executable", lambda c: c.args("/etc/passwd"), "permission denied")
refuse("directory_program", "the program is a directory", lambda c: c.args("/etc"), "permission denied|directory")
refuse("unknown_rlimit", "an unknown rlimit", lambda c: c.process["rlimits"].append({"type": "RLIMIT_NOPE", "soft": 1, "hard": 1}), "RLIMIT_NOPE", statements=["RT-config-115"])
refuse("uid_mapping_without_namespace", "mappings without a user namespace", edit(["linux", "uidMappings"], [{"containerID": 0, "hostID": 0, "size": 1}]))
refuse("device_type", "a device of an unknown type", edit(["linux", "devices"], [{"path": "/dev/x", "type": "q", "major": 1, "minor": 1}]), statements=["RT-config-linux-023"])
refuse("seccomp_action", "an unknown seccomp action", edit(["linux", "seccomp"], {"defaultAction": "SCMP_ACT_NOPE"}), "SCMP_ACT_NOPE|seccomp")
refuse("sysctl_unknown", "a sysctl that does not exist", edit(["linux", "sysctl"], {"net.no.such": "1"}), "net.no.such|no/such")


@case("a file that is mounted on a directory")
def file_on_directory(c):
    (c.directory / "file").write_text("")
    c.config["mounts"].append({"destination": "/tmp", "source": str(c.directory / "file"), "options": ["bind"]})
    c.run().failed("/tmp|directory")


@case("unknown properties are ignored", "RT-config-245")
def unknown_properties(c):
    c.config["org.example.extension"] = {"a": 1}
    c.process["nope"] = True
    c.linux["nope"] = []
    c.args("echo", "ok").run().prints("ok")


@case("a bundle that is not there")
def no_bundle(c):
    c.call("create", "--bundle", c.directory / "nowhere", c.id).failed("nowhere")


@case("too few arguments", "RT-runtime-036", "RT-runtime-039", "RT-runtime-047", "RT-runtime-051", "RT-runtime-054")
def no_id(c):
    c.write()
    c.call("create", "--bundle", c.bundle).failed()
    for command in ("state", "start", "kill", "delete"):
        c.call(command).failed()
    # without a bundle it is the current directory: see default_bundle
    (c.bundle / "config.json").unlink()
    c.call("create", c.id).failed("config.json")


@case("an unknown command and an unknown option")
def unknown_command(c):
    assert c.call("nonsense").status != 0
    assert c.call("create", "--nonsense", c.id).status != 0


@case("a terminal without anybody to receive it")
def nobody_for_terminal(c):
    c.process["terminal"] = True
    c.create().failed()


refuse("rlimit_twice", "an rlimit that is there twice", lambda c: c.process["rlimits"].append({"type": "RLIMIT_NOFILE", "soft": 1, "hard": 1}),
       "RLIMIT_NOFILE|rlimits", statements=["RT-config-121"])
refuse("relative_hook", "a hook with a relative path", edit(["hooks"], {"prestart": [{"path": "bin/true"}]}), "path|hook",
       statements=["RT-config-174", "RT-config-183"])
refuse("hook_timeout", "a timeout of zero", edit(["hooks"], {"createRuntime": [{"path": "/bin/true", "timeout": 0}]}), "timeout",
       statements=["RT-config-178", "RT-config-187"])
refuse("annotation_key", "an annotation without a name", edit(["annotations"], {"": "x"}), "annotations", statements=["RT-config-229"])
refuse("annotation_value", "an annotation that is no text", edit(["annotations"], {"a": 1}), "annotations", statements=["RT-config-226", "RT-config-243"])
refuse("namespace_path", "a relative path of a namespace", lambda c: c.namespace("network", "proc/self/ns/net"), "path|namespace",
       statements=["RT-config-linux-005"])
refuse("masked_path", "a relative masked path", edit(["linux", "maskedPaths"], ["etc"]), "maskedPaths", statements=["RT-config-linux-194"])
refuse("readonly_path", "a relative read-only path", edit(["linux", "readonlyPaths"], ["etc"]), "readonlyPaths", statements=["RT-config-linux-196"])
refuse("program_changed_by_mount", "the program is covered by a mount", lambda c: c.mount("/bin", "tmpfs", "tmpfs"), "not found|no such file")
refuse("cgroups_path", "a path of cgroups with ..", edit(["linux", "cgroupsPath"], "/../../x/.."), "cgroupsPath|cgroup", statements=["RT-config-linux-050"])
refuse("root_propagation", "an unknown propagation of the root", edit(["linux", "rootfsPropagation"], "sideways"), "rootfsPropagation|propagation")
refuse("personality_domain", "an unknown execution domain", edit(["linux", "personality"], {"domain": "LINUX64"}), "personality|domain|LINUX64")
refuse("seccomp_errno", "an errno of an action that has none", edit(["linux", "seccomp"], {"defaultAction": "SCMP_ACT_ALLOW", "defaultErrnoRet": 5}),
       "errno", statements=["RT-config-linux-161"])
refuse("seccomp_rule_errno", "an errno of a rule whose action has none", edit(["linux", "seccomp"], {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
    {"names": ["mkdir"], "action": "SCMP_ACT_KILL", "errnoRet": 5}]}), "errno", statements=["RT-config-linux-178"])
refuse("seccomp_no_names", "a rule without names", edit(["linux", "seccomp"], {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
    {"names": [], "action": "SCMP_ACT_ERRNO"}]}), "names|syscall", statements=["RT-config-linux-175"])
refuse("seccomp_metadata", "metadata for an agent that is none", edit(["linux", "seccomp"], {
    "defaultAction": "SCMP_ACT_ALLOW", "listenerMetadata": "x"}), "listener", statements=["RT-config-linux-171"])
refuse("seccomp_agent", "an agent that does not listen", edit(["linux", "seccomp"], {
    "defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/no/such/socket", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}]}),
       "no such file|/no/such/socket", statements=["RT-config-linux-168"])
refuse("weight_device", "a weight of a device that is none", edit(["linux", "resources", "blockIO"], {"weightDevice": [{"major": 1, "minor": 1}]}), "weight",
       statements=["RT-config-linux-095"])
refuse("rdma_nothing", "a limit of RDMA that limits nothing", edit(["linux", "resources", "rdma"], {"mlx5_1": {}}), "rdma|mlx5_1",
       statements=["RT-config-linux-116"])
