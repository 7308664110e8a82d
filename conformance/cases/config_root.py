"""config.md, "Root", and the place of the bundle."""
from support import case


@case("the root is writable unless it is said otherwise", "RT-config-010")
def writable(c):
    c.shell("echo x > /new && cat /new").run().prints("x")
    assert (c.rootfs / "new").read_text() == "x\n"


@case("readonly makes the root read-only", "RT-config-010")
def readonly(c):
    c.config["root"]["readonly"] = True
    result = c.shell("echo x > /new").run()
    assert result.status != 0 and "Read-only file system" in result.err, str(result)


@case("an absolute path", "RT-config-006", "RT-config-002")
def absolute(c):
    c.config["root"]["path"] = str(c.rootfs)
    c.args("cat", "/etc/passwd").run().ok()


@case("another directory than rootfs", "RT-config-006")
def another_name(c):
    c.rootfs.rename(c.bundle / "tree")
    c.config["root"]["path"] = "tree"
    c.args("true").run().ok()


@case("nothing of the host's tree is seen")
def isolated(c):
    secret = c.directory / "secret"
    secret.write_text("x")
    c.shell(f"test ! -e {secret} && test ! -e /../{secret} && ls / | wc -l").run().ok()


@case("the rootfs' mounts do not come back to the host")
def no_leak(c):
    c.mount("/mnt", "tmpfs", "tmpfs")
    c.args("true").run().ok()


@case("--no-pivot")
def no_pivot(c):
    c.shell("echo x > /new; ls /").run("--no-pivot").ok()
    assert (c.rootfs / "new").exists()


@case("a symlink in the bundle's path")
def linked_bundle(c):
    (c.directory / "link").symlink_to(c.bundle)
    c.args("echo", "ok").write()
    c.call("run", "--bundle", c.directory / "link", c.id).prints("ok")


@case("the bundle is the current directory when nothing is said")
def default_bundle(c):
    c.args("echo", "ok").write()
    c.call("run", c.id).prints("ok")
