"""What every bundle of the suite is made of: a root filesystem of busybox, and the programs of conformance/probe."""
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent


def busybox_root(root, *directories):
    """A root filesystem of Debian's static busybox in a new directory, with these directories besides its own."""
    for name in ("bin", "etc", "tmp", "root", *directories):
        (root / name).mkdir(parents=True)
    busybox = shutil.which("busybox") or sys.exit("busybox is missing: install busybox-static")
    shutil.copy(busybox, root / "bin/busybox")
    for applet in subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split():
        if applet != "busybox":
            (root / "bin" / applet).symlink_to("busybox")
    (root / "tmp").chmod(0o1777)
    return root


def make_template(directory):
    """The root filesystem of a bundle."""
    root = busybox_root(pathlib.Path(directory) / "template", "dev", "proc", "sys")
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/home:/bin/sh\n")
    (root / "etc/group").write_text("root:x:0:\n")
    return root


def build_programs(directory):
    """The programs of conformance/probe: what a case lets look around in a container, what denies system calls, what makes them fail."""
    programs = pathlib.Path(directory) / "programs"
    programs.mkdir()
    for source in (HERE / "probe").glob("*.c") if shutil.which("cc") else []:
        subprocess.run(["cc", "-O1", "-static", "-o", programs / source.stem, source], check=True)
    return programs
