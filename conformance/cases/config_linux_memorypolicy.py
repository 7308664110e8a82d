"""config-linux.md, "Memory policy", as the kernel tells of it in /proc/self/numa_maps."""
import pathlib

from support import Skip, case


def policy(c, mode, nodes=None, flags=None):
    """The policy of the memory of the container's process."""
    if not pathlib.Path("/proc/self/numa_maps").exists():
        raise Skip("the kernel was built without NUMA")
    c.linux["memoryPolicy"] = {"mode": mode, **({"nodes": nodes} if nodes is not None else {}), **({"flags": flags} if flags else {})}
    out = c.args("cat", "/proc/self/numa_maps").run().ok().out
    return {line.split()[1] for line in out.splitlines()}


@case("memory policies with nodes", "RT-config-linux-153", "RT-config-linux-154", "RT-config-linux-155")
def nodes(c):
    for mode, word in (("MPOL_BIND", "bind"), ("MPOL_INTERLEAVE", "interleave"), ("MPOL_PREFERRED", "prefer"), ("MPOL_WEIGHTED_INTERLEAVE", "weighted")):
        found = policy(c, mode, "0")
        assert any(entry.startswith(word) for entry in found), (mode, found)


@case("memory policies without nodes", "RT-config-linux-153", "RT-config-linux-154", "RT-config-linux-155")
def no_nodes(c):
    assert policy(c, "MPOL_LOCAL") == {"local"}
    assert policy(c, "MPOL_DEFAULT") == {"default"}
    assert policy(c, "MPOL_PREFERRED") <= {"local", "prefer"}


@case("flags of a memory policy", "RT-config-linux-156")
def flags(c):
    assert policy(c, "MPOL_INTERLEAVE", "0", ["MPOL_F_STATIC_NODES"]) == {"interleave=static:0"}
    assert policy(c, "MPOL_BIND", "0", ["MPOL_F_RELATIVE_NODES"]) == {"bind=relative:0"}


@case("a policy is inherited by what the program starts", "RT-config-linux-153")
def inherited(c):
    c.linux["memoryPolicy"] = {"mode": "MPOL_BIND", "nodes": "0"}
    out = c.shell("sh -c 'cat /proc/self/numa_maps'").run().ok().out
    assert {line.split()[1] for line in out.splitlines()} == {"bind:0"}, out


@case("policies that no kernel takes are refused by their property", "RT-config-linux-154", "RT-config-linux-155", "RT-config-linux-156")
def refused(c):
    for section, text in (
        ({"mode": "MPOL_FASTEST", "nodes": "0"}, "memoryPolicy.mode"), ({"nodes": "0"}, "memoryPolicy.mode"), ({"mode": 2, "nodes": "0"}, "memoryPolicy.mode"),
        ({"mode": "MPOL_BIND"}, "memoryPolicy.nodes"), ({"mode": "MPOL_DEFAULT", "nodes": "0"}, "memoryPolicy.nodes"),
        ({"mode": "MPOL_BIND", "nodes": "0-"}, "memoryPolicy.nodes"), ({"mode": "MPOL_BIND", "nodes": "-1"}, "memoryPolicy.nodes"),
        ({"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_ODD"]}, r"memoryPolicy.flags\[0\]"),
        ({"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES", "MPOL_F_RELATIVE_NODES"]}, "memoryPolicy.flags"),
    ):
        c.linux["memoryPolicy"] = section
        c.run().failed(text)


@case("a node that is not there is refused with the property", "RT-config-linux-155")
def missing_node(c):
    c.linux["memoryPolicy"] = {"mode": "MPOL_BIND", "nodes": "1000"}
    c.run().failed("memory policy", "memoryPolicy", "EINVAL|Invalid")
