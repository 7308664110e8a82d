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
refuse("no_args", "process.args is empty", edit(["process", "args"], []))
refuse("relative_cwd", "cwd is relative", edit(["process", "cwd"], "tmp"), "cwd", statements=["RT-config-107"])
refuse("unknown_namespace", "an unknown type of namespace", lambda c: c.linux["namespaces"].append({"type": "nope"}), "nope|namespace")
refuse("unknown_version", "a version of the specification that is none", edit(["ociVersion"], "x.y"))
refuse("missing_rootfs", "the rootfs is not there", edit(["root", "path"], "nowhere"), "nowhere")
refuse("rootfs_file", "the rootfs is a file", edit(["root", "path"], "config.json"))
refuse("missing_program", "the program is not there", lambda c: c.args("no-such-program"), "no-such-program", "not found|no such file")
refuse("missing_absolute", "the program's path is not there", lambda c: c.args("/no/such/program"), "/no/such/program", "no such file")
refuse("not_executable", "the program is not executable", lambda c: c.args("/etc/passwd"), "permission denied")
refuse("directory_program", "the program is a directory", lambda c: c.args("/etc"), "permission denied|directory")
refuse("unknown_rlimit", "an unknown rlimit", lambda c: c.process["rlimits"].append({"type": "RLIMIT_NOPE", "soft": 1, "hard": 1}), "RLIMIT_NOPE")
refuse("uid_mapping_without_namespace", "mappings without a user namespace", edit(["linux", "uidMappings"], [{"containerID": 0, "hostID": 0, "size": 1}]))
refuse("device_type", "a device of an unknown type", edit(["linux", "devices"], [{"path": "/dev/x", "type": "q", "major": 1, "minor": 1}]))
refuse("seccomp_action", "an unknown seccomp action", edit(["linux", "seccomp"], {"defaultAction": "SCMP_ACT_NOPE"}), "SCMP_ACT_NOPE|seccomp")
refuse("sysctl_unknown", "a sysctl that does not exist", edit(["linux", "sysctl"], {"net.no.such": "1"}), "net.no.such|no/such")


@case("unknown properties are ignored", "RT-config-245")
def unknown_properties(c):
    c.config["org.example.extension"] = {"a": 1}
    c.process["nope"] = True
    c.linux["nope"] = []
    c.args("echo", "ok").run().prints("ok")


@case("a bundle that is not there")
def no_bundle(c):
    c.call("create", "--bundle", c.directory / "nowhere", c.id).failed("nowhere")


@case("too few arguments")
def no_id(c):
    c.write()
    assert c.call("create", "--bundle", c.bundle).status != 0


@case("an unknown command and an unknown option")
def unknown_command(c):
    assert c.call("nonsense").status != 0
    assert c.call("create", "--nonsense", c.id).status != 0


@case("a terminal without anybody to receive it")
def nobody_for_terminal(c):
    c.process["terminal"] = True
    c.create().failed()
