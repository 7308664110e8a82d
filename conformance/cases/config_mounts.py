"""config.md, "Mounts"."""
from support import case, mount_line


def mountinfo(c):
    return c.args("cat", "/proc/self/mountinfo").run().ok().out


@case("a tmpfs with size and mode", "RT-config-022")
def tmpfs(c):
    c.mount("/mnt", "tmpfs", "tmpfs", ["nosuid", "nodev", "noexec", "size=1m", "mode=0710"])
    line = mount_line(mountinfo(c), "/mnt")
    assert line["type"] == "tmpfs" and {"nosuid", "nodev", "noexec"} <= set(line["options"]), line
    assert "size=1024k" in line["super"] and "mode=710" in line["super"], line


@case("a bind mount of a directory, writable", "RT-config-027")
def bind(c):
    (c.directory / "data").mkdir()
    c.mount("/data", "bind", c.directory / "data", ["bind", "rw"])
    c.shell("echo x > /data/f").run().ok()
    assert (c.directory / "data/f").read_text() == "x\n"


@case("a read-only bind mount")
def bind_readonly(c):
    (c.directory / "data").mkdir()
    c.mount("/data", "bind", c.directory / "data", ["bind", "ro"])
    result = c.shell("echo x > /data/f").run()
    assert result.status != 0 and "Read-only" in result.err, str(result)


@case("bind options nosuid, nodev, noexec")
def bind_flags(c):
    (c.directory / "data").mkdir()
    c.mount("/data", "bind", c.directory / "data", ["bind", "nosuid", "nodev", "noexec"])
    assert {"nosuid", "nodev", "noexec"} <= set(mount_line(mountinfo(c), "/data")["options"])


@case("a bind mount of a file makes its target")
def bind_file(c):
    (c.directory / "file").write_text("content\n")
    c.mount("/etc/made/file", "bind", c.directory / "file", ["bind", "ro"])
    c.args("cat", "/etc/made/file").run().prints("content")


@case("a relative source counts from the bundle", "RT-config-021")
def relative_source(c):
    (c.bundle / "data").mkdir()
    (c.bundle / "data/f").write_text("here\n")
    c.mount("/data", "bind", "data", ["bind"])
    c.args("cat", "/data/f").run().prints("here")


@case("mounts are made in their order", "RT-config-013")
def order(c):
    (c.directory / "data").mkdir()
    (c.directory / "data/f").write_text("below\n")
    c.mount("/mnt", "tmpfs", "tmpfs")
    c.mount("/mnt/inner", "bind", c.directory / "data", ["bind"])
    c.args("cat", "/mnt/inner/f").run().prints("below")


@case("a destination that is a link stays inside of the root")
def linked_destination(c):
    outside = c.directory / "outside"
    outside.mkdir()
    (c.rootfs / "link").symlink_to(outside)
    c.mount("/link", "tmpfs", "tmpfs")
    assert mount_line(mountinfo(c), str(outside)), "mounted below the root, at the link's target there"
    assert not list(outside.iterdir())


@case("a destination with .. stays inside of the root")
def dotdot(c):
    c.mount("/tmp/../../mnt", "tmpfs", "tmpfs")
    assert mount_line(mountinfo(c), "/mnt")


@case("rbind takes submounts along, bind does not")
def recursive(c):
    c.mount("/a", "tmpfs", "tmpfs")
    c.namespace("mount")
    c.capabilities("CAP_SYS_ADMIN")
    result = c.shell("mkdir -p /a/s /b /c && mount -t tmpfs x /a/s && touch /a/s/f && mount --bind /a /b && mount --rbind /a /c;"
                     "test ! -e /b/s/f && test -e /c/s/f && echo ok").run()
    result.prints("ok")


@case("propagation: private by default, shared and slave when asked")
def propagation(c):
    for name, option in (("p", "rprivate"), ("s", "rshared"), ("v", "rslave")):
        (c.directory / name).mkdir()
        c.mount(f"/{name}", "bind", c.directory / name, ["bind", option])
    text = mountinfo(c)
    assert not mount_line(text, "/p")["propagation"], text
    assert any(word.startswith("shared:") for word in mount_line(text, "/s")["propagation"]), text


@case("proc, with the container's processes alone")
def proc(c):
    c.shell("ls /proc | grep -c '^[0-9]'").run().ok()
    assert mount_line(mountinfo(c), "/proc")["type"] == "proc"


@case("sysfs, read-only")
def sysfs(c):
    line = mount_line(mountinfo(c), "/sys")
    assert line["type"] == "sysfs" and "ro" in line["options"], line


@case("devpts with its own instance")
def devpts(c):
    line = mount_line(mountinfo(c), "/dev/pts")
    assert line["type"] == "devpts" and "gid=5" in line["super"] and "mode=620" in line["super"], line


@case("mqueue")
def mqueue(c):
    assert mount_line(mountinfo(c), "/dev/mqueue")["type"] == "mqueue"


@case("cgroup shows the container's own groups")
def cgroup(c):
    c.mount("/sys/fs/cgroup", "cgroup", "cgroup", ["nosuid", "noexec", "nodev", "relatime", "ro"])
    out = c.shell("ls /sys/fs/cgroup; cat /sys/fs/cgroup/pids/cgroup.procs /sys/fs/cgroup/cgroup.procs 2>/dev/null; true").run().ok().out
    assert "1" in out.split(), out


@case("tmpcopyup keeps what the image has there")
def tmpcopyup(c):
    (c.rootfs / "seed").mkdir()
    (c.rootfs / "seed/f").write_text("seeded\n")
    c.mount("/seed", "tmpfs", "tmpfs", ["tmpcopyup"])
    out = c.shell("cat /seed/f; echo new > /seed/g").run().ok().out
    assert out == "seeded\n" and not (c.rootfs / "seed/g").exists()


@case("remount options of a bind are kept when others are added")
def keep_flags(c):
    c.mount("/a", "tmpfs", "tmpfs", ["nosuid", "nodev"])
    text = mountinfo(c)
    assert {"nosuid", "nodev"} <= set(mount_line(text, "/a")["options"])


@case("strictatime, relatime and noatime")
def access_times(c):
    c.mount("/n", "tmpfs", "tmpfs", ["noatime"])
    c.mount("/r", "tmpfs", "tmpfs", ["relatime"])
    c.mount("/s", "tmpfs", "tmpfs", ["strictatime"])
    text = mountinfo(c)
    assert "noatime" in mount_line(text, "/n")["options"] and "relatime" in mount_line(text, "/r")["options"]
    assert not {"noatime", "relatime"} & set(mount_line(text, "/s")["options"]), text


@case("an unknown file system type is refused by name")
def unknown_type(c):
    c.mount("/mnt", "nosuchfs", "x")
    c.run().failed("nosuchfs|/mnt")


@case("a missing bind source is refused by name")
def missing_source(c):
    c.mount("/mnt", "bind", "/no/such/source", ["bind"])
    c.run().failed("no such file")


@case("a proc mount over a link is refused or lands at /proc")
def proc_link(c):
    (c.rootfs / "proc").rmdir()
    (c.rootfs / "proc").symlink_to("/tmp")
    result = c.args("true").run()
    assert result.status != 0, str(result)
