"""config.md, "Annotations" and "Extensibility"."""
import json
import os
import pathlib

from support import TIMEOUT, case, listener, receive_descriptor, status_field


@case("annotations are handed on as they are, with empty values and any keys", "RT-config-224", "RT-config-225", "RT-config-228", "RT-config-230",
      "RT-config-242", "RT-config-244")
def handed_on(c):
    c.config["annotations"] = {"com.example.gpu-cores": "2", "empty": "", "a b/ü\n": "x\ty\"z", "org.example.unknown": json.dumps({"structured": [1]})}
    c.args("sleep", "60")
    c.create().ok()
    assert c.state()["annotations"] == c.config["annotations"]


@case("annotations of images are handed on", "RT-config-232")
def image_annotations(c):
    names = ("os", "os.version", "os.features", "architecture", "variant", "author", "created", "stopSignal")
    c.config["annotations"] = {f"org.opencontainers.image.{name}": "x" for name in names}
    c.args("sleep", "60")
    c.create().ok()
    assert c.state()["annotations"] == c.config["annotations"]


@case("an empty map of annotations is as none", "RT-config-227")
def none(c):
    c.config["annotations"] = {}
    c.args("true").run().ok()


@case("sections for other platforms are ignored", "RT-config-161", "RT-config-162")
def other_platforms(c):
    c.config["ociVersion"] = "1.2.0"
    for name in ("solaris", "windows", "vm", "zos", "freebsd"):
        c.config[name] = {}
    c.args("echo", "ok").run().prints("ok")


@case("without the section linux a container shares the runtime's namespaces", "RT-config-161")
def no_linux(c):
    # a runtime that works on the mounts that it shares works on those of a namespace of the case's own
    c.wrapper = ["unshare", "--mount", "--uts", "--ipc", "--net"]
    c.config.pop("linux"), c.config.pop("mounts"), c.config.pop("hostname")
    result = c.args("echo", "ok").run()
    # a root without a mount namespace of its own may also be refused: then by name
    assert result.out == "ok\n" or "namespace" in result.err, str(result)


@case("a value that is valid and not supported, or not valid, is an error: by its name", "RT-config-246", "RT-config-247")
def unsupported(c):
    for section, value, word in (("linux", {**c.linux, "rootfsPropagation": "nope"}, "rootfsPropagation|propagation"),
                                 ("process", {**c.process, "rlimits": [{"type": "RLIMIT_X", "soft": 0, "hard": 0}]}, "RLIMIT_X")):
        saved = c.config[section]
        c.config[section] = value
        c.run().failed(word)
        c.config[section] = saved


@case("run.oci.keep_original_groups keeps the caller's groups, for exec as well")
def keep_groups(c):
    c.config["annotations"] = {"run.oci.keep_original_groups": "1"}
    # the groups of whoever calls the runtime, not of the suite
    c.wrapper = ["setpriv", "--groups", "77,78"]
    c.shell("grep Groups /proc/self/status >/groups; exec sleep 60")
    c.run("--detach").ok()
    assert set(status_field(c.file("groups"), "Groups").split()) >= {"77", "78"}, c.file("groups")
    out = c.call("exec", c.id, "grep", "Groups", "/proc/self/status").ok().out
    assert set(status_field(out, "Groups").split()) >= {"77", "78"}, out


@case("run.oci.pidfd_receiver gets a pidfd of the first process")
def pidfd_receiver(c):
    path = c.directory / "receiver"
    c.config["annotations"] = {"run.oci.pidfd_receiver": str(path)}
    c.args("sleep", "60")
    with listener(path) as server:
        c.create().ok()
        connection, _ = server.accept()
        connection.settimeout(TIMEOUT)
        with connection:
            _, descriptor = receive_descriptor(connection)
    try:
        facts = pathlib.Path(f"/proc/self/fdinfo/{descriptor}").read_text()
        assert status_field(facts, "Pid") == str(c.state()["pid"]), facts
    finally:
        os.close(descriptor)


@case("an annotation that asks for what the container would not be itself without is refused, one that has a property now is not")
def unsafe_annotations(c):
    for key, value in (("run.oci.handler", "nosuch"), ("run.oci.seccomp_bpf_data", "AAAA")):
        c.config["annotations"] = {key: value}
        c.args("true").run().failed("handler|seccomp")
    for key in ("run.oci.timens_offset", "run.oci.delegate-cgroup", "run.oci.systemd.subgroup"):
        c.config["annotations"] = {key: ""}
        result = c.args("true").run().ok()
        assert key in result.err, str(result)
