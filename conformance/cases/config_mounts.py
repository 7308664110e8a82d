"""config.md, "Mounts"."""
import contextlib
import os
import pathlib
import subprocess

from support import case, holder, mount_line


def mountinfo(c):
    return c.args("cat", "/proc/self/mountinfo").run().ok().out


@case("a tmpfs with size and mode", "RT-config-022", "RT-config-090")
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


@case("a relative source counts from the bundle", "RT-config-021", "RT-bundle-002")
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


@case("tmpcopyup keeps what the image has there", "RT-config-082")
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


def idmap(containers, hosts, size=1):
    return [{"containerID": containers, "hostID": hosts, "size": size}]


def owned_file(c, name, uid, gid):
    directory = c.directory / name
    directory.mkdir()
    (directory / "file").write_text("x\n")
    os.chown(directory / "file", uid, gid)
    return directory


def add_idmapped(c, destination, source, options, uids=None, gids=None):
    c.mount(destination, "bind", source, options)
    if uids:
        c.config["mounts"][-1]["uidMappings"] = uids
    if gids:
        c.config["mounts"][-1]["gidMappings"] = gids


@case("an idmapped mount has the owners of its mappings, in both directions", "RT-config-084", "RT-config-091", "RT-config-092", "RT-config-095",
      "RT-config-096")
def idmapped(c):
    source = owned_file(c, "data", 0, 5)
    add_idmapped(c, "/data", source, ["bind", "idmap"], idmap(0, 1000, 10), idmap(5, 2000, 10))
    c.process["user"] = {"uid": 1003, "gid": 2001}
    os.chown(source, 3, 5)
    c.shell("stat -c '%u:%g' /data/file; echo y > /data/new").run().prints("1000:2000")
    made = (source / "new").stat()
    assert (made.st_uid, made.st_gid) == (3, 6), made


@case("two idmapped mounts of one source, each with mappings of its own", "RT-config-084")
def idmapped_twice(c):
    source = owned_file(c, "data", 0, 0)
    add_idmapped(c, "/one", source, ["bind", "idmap"], idmap(0, 1000), idmap(0, 1001))
    add_idmapped(c, "/two", source, ["bind", "idmap"], idmap(0, 2000), idmap(0, 2001))
    add_idmapped(c, "/three", source, ["bind"])
    c.shell("stat -c '%u:%g' /one/file /two/file /three/file").run().prints("1000:1001\n2000:2001\n0:0")


@case("the source of an idmapped mount is relative to the bundle", "RT-config-021", "RT-config-084")
def idmapped_relative(c):
    owned_file(c, "bundle/data", 0, 0)
    add_idmapped(c, "/data", "data", ["bind", "idmap"], idmap(0, 77), idmap(0, 78))
    c.shell("stat -c '%u:%g' /data/file").run().prints("77:78")


@case("mappings without idmap or ridmap are used all the same", "RT-config-093", "RT-config-097")
def idmapped_by_mappings(c):
    add_idmapped(c, "/data", owned_file(c, "data", 0, 0), ["bind"], idmap(0, 77), idmap(0, 78))
    c.shell("stat -c '%u:%g' /data/file").run().prints("77:78")


def user_namespace(c, first=100000):
    (c.rootfs / "data").mkdir()  # the container's root may not make it
    c.namespace("user")
    c.linux["uidMappings"] = idmap(0, first, 65536)
    c.linux["gidMappings"] = idmap(0, first, 65536)


@case("idmap without mappings takes those of the container", "RT-config-084")
def idmapped_by_container(c):
    user_namespace(c)
    source = owned_file(c, "data", 12, 13)
    source.chmod(0o777)
    add_idmapped(c, "/data", source, ["bind", "idmap"])
    c.shell("stat -c '%u:%g' /data/file; echo y > /data/new").run().prints("12:13")
    made = (source / "new").stat()
    assert (made.st_uid, made.st_gid) == (0, 0), made


@case("mappings of a mount differ from those of the container", "RT-config-084")
def idmapped_against_container(c):
    user_namespace(c)
    add_idmapped(c, "/data", owned_file(c, "data", 0, 0), ["bind", "idmap"], idmap(0, 100007), idmap(0, 100008))
    c.shell("stat -c '%u:%g' /data/file").run().prints("7:8")


@case("idmap without mappings takes those of the user namespace that is joined", "RT-config-084")
def idmapped_by_joined(c):
    (c.rootfs / "data").mkdir()
    with holder("--user") as pid:
        for name in ("uid_map", "gid_map"):
            pathlib.Path(f"/proc/{pid}/{name}").write_text("0 300000 65536")
        c.namespace("user", f"/proc/{pid}/ns/user")
        add_idmapped(c, "/data", owned_file(c, "data", 12, 13), ["bind", "idmap"])
        c.shell("stat -c '%u:%g' /data/file").run().prints("12:13")


@contextlib.contextmanager
def mounted(path):
    """A tmpfs of the case's own."""
    path.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "case", path], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", path], check=True)


@case("idmap maps the mount alone, ridmap those below it too", "RT-config-084", "RT-config-085")
def idmapped_recursively(c):
    source = owned_file(c, "data", 0, 0)
    with mounted(source / "below") as below:
        (below / "file").write_text("x\n")
        add_idmapped(c, "/one", source, ["rbind", "idmap"], idmap(0, 1000), idmap(0, 1000))
        add_idmapped(c, "/all", source, ["rbind", "ridmap"], idmap(0, 1000), idmap(0, 1000))
        c.shell("stat -c %u /one/file /one/below/file /all/file /all/below/file").run().prints("1000\n0\n1000\n1000")


@case("an idmapped mount of a file system without them is refused, and the file system named", "RT-config-084")
def idmapped_unsupported(c):
    add_idmapped(c, "/data", "/proc/self", ["bind", "idmap"], idmap(0, 1000), idmap(0, 1000))
    c.run().failed("/proc/self")
    if pathlib.Path(c.runtime).name.startswith("cale"):
        c.run().failed(r'map owners of "/proc/self" \(mounts\[6\]\): an idmapped mount of "proc" is not supported')


@case("ridmap names the file system below that has no idmapped mounts", "RT-config-085")
def idmapped_recursively_unsupported(c):
    source = owned_file(c, "data", 0, 0)
    (source / "below").mkdir()
    subprocess.run(["mount", "--bind", "/proc/self/fdinfo", source / "below"], check=True)
    try:
        add_idmapped(c, "/data", source, ["rbind", "ridmap"], idmap(0, 1000), idmap(0, 1000))
        c.run().failed("data")
        if pathlib.Path(c.runtime).name.startswith("cale"):
            c.run().failed('"proc" is not supported')
    finally:
        subprocess.run(["umount", source / "below"], check=True)


@case("mappings for users without such for groups are refused, and the other way round", "RT-config-094", "RT-config-098")
def idmapped_one_side(c):
    source = owned_file(c, "data", 0, 0)
    add_idmapped(c, "/data", source, ["bind", "idmap"], idmap(0, 1000))
    c.run().failed("mapping")
    del c.config["mounts"][-1]
    add_idmapped(c, "/data", source, ["bind", "idmap"], None, idmap(0, 1000))
    c.run().failed("mapping")


@case("idmap without mappings and without a user namespace is refused", "RT-config-084", "RT-config-085")
def idmapped_by_nothing(c):
    source = owned_file(c, "data", 0, 0)
    for option in ("idmap", "ridmap"):
        add_idmapped(c, "/data", source, ["rbind", option])
        c.run().failed("map|user namespace|mount_setattr")
        del c.config["mounts"][-1]


@case("an idmapped mount is read-only and noexec when its options say so", "RT-config-084")
def idmapped_attributes(c):
    add_idmapped(c, "/data", owned_file(c, "data", 0, 0), ["bind", "idmap", "ro", "noexec"], idmap(0, 1000), idmap(0, 1000))
    result = c.shell("cat /proc/self/mountinfo; echo x > /data/new").run()
    line = mount_line(result.out, "/data")
    assert {"ro", "noexec"} <= set(line["options"]) and result.status != 0, str(result)


@case("without mounts there are none but the root", "RT-config-012")
def no_mounts(c):
    c.config.pop("mounts")
    for name in ("maskedPaths", "readonlyPaths"):
        c.linux.pop(name)
    c.args("ls", "/proc", "/sys").run().prints("/proc:\n\n/sys:")


@case("a relative destination counts from /", "RT-config-016")
def relative_destination(c):
    c.mount("mnt/deep", "tmpfs", "tmpfs")
    assert mount_line(mountinfo(c), "/mnt/deep")


@case("a destination is made where nothing is", "RT-config-014")
def made_destination(c):
    c.mount("/not/there/yet", "tmpfs", "tmpfs")
    assert mount_line(mountinfo(c), "/not/there/yet")


@case("a later mount on the same destination covers the earlier one")
def twice(c):
    c.mount("/mnt", "tmpfs", "one", ["mode=700"])
    c.mount("/mnt", "tmpfs", "two", ["mode=701"])
    c.args("stat", "-c", "%a", "/mnt").run().prints("701")


@case("a bind mount of what appears to be a type of file system is a bind mount")
def bind_wins(c):
    (c.directory / "data").mkdir()
    (c.directory / "data/f").write_text("here\n")
    c.mount("/data", "tmpfs", c.directory / "data", ["bind"])
    c.args("cat", "/data/f").run().prints("here")


@case("a tmpfs without a mode has that of the directory that it covers")
def inherited_mode(c):
    (c.rootfs / "closed").mkdir(mode=0o710)
    os.chmod(c.rootfs / "closed", 0o710)
    c.mount("/closed", "tmpfs", "tmpfs", ["nosuid"])
    c.mount("/open", "tmpfs", "tmpfs", ["mode=1777"])
    c.shell("stat -c %a /closed /open").run().prints("710\n1777")


@case("a read-only tmpfs has what is mounted in it, /dev its devices")
def readonly_with_content(c):
    for mount in c.config["mounts"]:
        if mount["destination"] == "/dev":
            mount["options"].append("ro")
    (c.directory / "file").write_text("content\n")
    c.mount("/sealed", "tmpfs", "tmpfs", ["ro"])
    c.mount("/sealed/in/file", "bind", c.directory / "file", ["bind"])
    c.shell("cat /sealed/in/file; echo x > /dev/null && ls -d /dev/pts; (: > /sealed/new) 2>/dev/null; echo $?; (: > /dev/new) 2>/dev/null; echo $?").run() \
        .prints("content\n/dev/pts\n1\n1")


@case("a link to nothing is a place for a bind mount: what it names is made, inside of the root")
def dangling_target(c):
    (c.directory / "file").write_text("content\n")
    (c.rootfs / "leads").symlink_to("../../etc/made/there")
    c.mount("/leads", "bind", c.directory / "file", ["bind"])
    c.args("cat", "/etc/made/there").run().prints("content")


@case("the source of a bind mount may be in an earlier mount of the root")
def source_in_earlier_mount(c):
    (c.directory / "data/below").mkdir(parents=True)
    (c.directory / "data/below/f").write_text("content\n")
    c.mount("/first", "bind", c.directory / "data", ["bind"])
    c.mount("/second", "bind", c.rootfs / "first/below", ["bind"])
    c.args("cat", "/second/f").run().prints("content")
