"""config-linux.md, "IntelRdt", where there is no such hardware. What is done with resctrl is in the unit tests, on a made-up tree."""
import pathlib

from support import Skip, case


@case("intelRdt without a mounted resctrl is refused before anything is made", "RT-config-linux-125")
def no_resctrl(c):
    if " - resctrl " in pathlib.Path("/proc/self/mountinfo").read_text():
        raise Skip("the machine has resctrl")
    for section in ({}, {"closID": "x"}, {"l3CacheSchema": "L3:0=f"}, {"enableMonitoring": True}):
        c.linux["intelRdt"] = section
        c.create().failed("intelRdt|intel|rdt|resctrl")
        assert not list(c.state_root.glob("conf-*"))


@case("schemata and names that cannot be are refused by their property", "RT-config-linux-127", "RT-config-linux-132", "RT-config-linux-134")
def refused(c):
    for section, text in (
        ({"closID": "a/b"}, "closID"), ({"closID": ".."}, "closID"), ({"closID": 3}, "closID"), ({"memBwSchema": "L3:0=f"}, "memBwSchema"),
        ({"memBwSchema": "MB:0=20\nL3:0=f"}, "memBwSchema"), ({"schemata": ["L3:0=f\nMB:0=20"]}, r"schemata\[0\]"), ({"schemata": "L3:0=f"}, "schemata"),
        ({"enableMonitoring": "yes"}, "enableMonitoring"),
    ):
        c.linux["intelRdt"] = section
        c.create().failed(text)


@case("mountLabel without SELinux is refused", "RT-config-linux-197")
def mount_label(c):
    if pathlib.Path("/sys/fs/selinux/enforce").exists():
        raise Skip("SELinux is active")
    c.linux["mountLabel"] = "system_u:object_r:svirt_sandbox_file_t:s0:c715,c811"
    c.create().failed("label|context")
