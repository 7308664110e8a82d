"""config.md, "process.apparmorProfile", where the kernel enforces AppArmor."""
import contextlib
import pathlib
import shutil
import subprocess

from support import Skip, case


@contextlib.contextmanager
def profile(c, rules):
    """A profile of the case's own in the kernel; gives its name."""
    enabled = pathlib.Path("/sys/module/apparmor/parameters/enabled")
    if not enabled.exists() or enabled.read_text().strip() != "Y" or not shutil.which("apparmor_parser"):
        raise Skip("AppArmor is not active")
    name = f"{c.id}-profile"
    text = f"profile {name} flags=(attach_disconnected,mediate_deleted) {{\n  file,\n  capability,\n  network,\n  signal,\n  {rules}\n}}\n"
    subprocess.run(["apparmor_parser", "--replace", "--skip-cache"], input=text, text=True, check=True)
    try:
        yield name
    finally:
        subprocess.run(["apparmor_parser", "--remove"], input=text, text=True, check=True)


@case("the program runs under the profile, and what it denies is denied", "RT-config-122")
def enforced(c):
    with profile(c, "deny /secret rw,") as name:
        c.process["apparmorProfile"] = name
        (c.rootfs / "secret").write_text("x\n")
        result = c.shell("cat /proc/self/attr/current; cat /secret; echo $?; echo open > /other; cat /other").run().ok()
        assert result.out.split("\n")[:3] == [f"{name} (enforce)", "1", "open"], str(result)
        c.delete("--force")


@case("children of the program are confined as well; a write is denied")
def children(c):
    with profile(c, "deny /kept/** w,") as name:
        c.process["apparmorProfile"] = name
        (c.rootfs / "kept").mkdir()
        result = c.shell("sh -c 'echo x > /kept/f'; echo $?; ls /kept | wc -l").run().ok()
        assert result.out.split() == ["1", "0"], str(result)


@case("with a user namespace too")
def user_namespace(c):
    with profile(c, "deny /secret rw,") as name:
        c.process["apparmorProfile"] = name
        c.namespace("user")
        c.linux["uidMappings"] = c.linux["gidMappings"] = [{"containerID": 0, "hostID": 0, "size": 65536}]
        c.shell("cat /proc/self/attr/current").run().prints(f"{name} (enforce)")


@case("a profile that is not loaded is an error that names it")
def missing(c):
    with profile(c, ""):
        c.process["apparmorProfile"] = "no-such-profile"
        c.run().failed("no-such-profile|apparmor")
