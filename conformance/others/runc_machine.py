"""runc's tests in the project's virtual machine (../vm): cgroup version 2, systemd, AppArmor, criu, and a user with a session.

The machine has neither bats nor jq nor gawk nor a compiler, and shall not have them, since everybody prepares it: this machine's go there, with the images,
the suite, and what the suite would compile. The machine is thrown away: the suite needs no namespaces of its own there.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
MACHINE = HERE.parent / "vm/machine"
USER = "tester"
HOME = "/srv/runc"  # what the guest does not read from the share
PROGRAMS = ("bats", "jq", "gawk")
FOLDERS = ("/usr/lib/bats-core", "/usr/libexec/bats-core")
TEST_DATA = "tests/integration/testdata"
# what its tests compile beside the programs of TEST_DATA, by the name that they give it
LIBRARIES = {
    "librunc-hooks-create-runtime.so.1.0.0": ["-shared", "-Wl,-soname,librunc-hooks-create-runtime.so.1"],
    "librunc-hooks-create-container.so.1.0.0": ["-shared", "-Wl,-soname,librunc-hooks-create-container.so.1"],
}
COMPILER = '#!/bin/sh\nwhile [ "$1" != -o ]; do shift; done\nname=${3:-$2}\nname=${name##*/}\nexec cp "/usr/local/lib/compiled/${name%.c}" "$2"\n'


def copy_programs(target, suite):
    """A tree to be copied over the guest's: programs with their libraries, and what they would compile."""
    local = target / "usr/local"
    for name in ("bin", "lib/compiled"):
        (local / name).mkdir(parents=True)
    for folder in FOLDERS:
        shutil.copytree(folder, target / folder[1:], symlinks=True)
    for name in PROGRAMS:
        program = shutil.which(name) or sys.exit(f"{name} is not installed")
        # bats looks for its folders beside itself
        shutil.copy(program, target / "usr/bin" if name == "bats" and (target / "usr/bin").mkdir() is None else local / "bin")
        for library in re.findall(r"=> (\S+)", subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout):
            if not re.match(r"lib(c|m)\.so", os.path.basename(library)):
                shutil.copy(library, local / "lib")
    programs = {path.stem: ["-static", path] for path in (suite / TEST_DATA).glob("*.c")}
    for name, arguments in (LIBRARIES | programs).items():
        subprocess.run(["cc", "-o", local / "lib/compiled" / name, *arguments], cwd=suite, check=True)
    (local / "bin/gcc").write_text(COMPILER)
    (local / "bin/gcc").chmod(0o755)


def prepare(share, systemd):
    """What root does in the machine before a user's tests, as tests/rootless.sh of runc does it; gives the variables that tell the tests of it."""
    return f"""
set -e
cp -a {share}/programs/. /
ldconfig
mkdir {HOME}
cp -a {share}/suite {share}/bin {HOME}/
aux=/srv/auxiliary
install -d -o $((100000 - 1000 + 1024)) $aux
""" + ("" if systemd else f"""
cd /sys/fs/cgroup
for name in $(cat cgroup.controllers); do echo +$name >cgroup.subtree_control || true; done
group=runc-cgroups-integration-test
mkdir $group
chown root:{USER} $group $group/cgroup.subtree_control $group/cgroup.procs cgroup.procs
chmod g+rwx $group
chmod g+rw $group/cgroup.subtree_control $group/cgroup.procs cgroup.procs
""")


def features(options):
    """The variables that tell the tests what a user without root has there."""
    wanted = [name for name in ("idmap", "cgroup") if name not in options.without and not (name == "cgroup" and options.systemd)]
    told = {"ROOTLESS_FEATURES": "+".join(wanted)}
    if "idmap" in wanted:
        for kind in ("UID", "GID"):
            told |= {f"ROOTLESS_{kind}MAP_START": "100000", f"ROOTLESS_{kind}MAP_LENGTH": "65536"}
        told |= {"ROOTLESS_AUX_DIR": "/srv/auxiliary", "ROOTLESS_AUX_UID": "1024"}
    return told


def perform(runtime, make_suite, images, options):
    """Does it all in a machine; gives the exit status of the run there."""
    with tempfile.TemporaryDirectory(prefix="cale-others-") as directory:
        share = pathlib.Path(directory)
        share.chmod(0o755)
        suite = share / "suite"
        suite.mkdir()
        shutil.copytree(HERE.parent, share / "conformance", symlinks=True)
        (share / "bin").mkdir()
        shutil.copy(runtime, share / "bin")
        (share / "images").mkdir()
        for path in images.values():
            shutil.copy(path, share / "images")
        make_suite(suite, share / "conformance/others", {name: share / "images" / path.name for name, path in images.items()})
        copy_programs(share / "programs", suite)
        os.environ.setdefault("CALE_VM_NAME", f"runc-{os.getpid()}")
        words = ["--inside", f"{HOME}/suite", *(["--show"] if options.show else []), *(["--filter", options.filter] if options.filter else [])]
        words += [*(["--systemd"] if options.systemd else []), *(["--rootless"] if options.rootless else []), *(f"--without={name}" for name in options.without)]
        told = features(options) if options.rootless else {}
        subprocess.run([MACHINE, "up", "-r", share], check=True)
        try:
            subprocess.run([MACHINE, "exec", prepare(share, options.systemd or not options.rootless)], check=True)
            if "idmap" in options.without:
                subprocess.run([MACHINE, "exec", "rm /usr/bin/newuidmap /usr/bin/newgidmap /etc/subuid /etc/subgid"], check=True)
            command = ["env", f"RUNTIME={HOME}/bin/{os.path.basename(runtime)}", *(f"{name}={value}" for name, value in told.items()),
                       share / "conformance/others/runc", *words, *options.files]
            return subprocess.run([MACHINE, "exec", "-t", "86400", *(["-u", USER] if options.rootless else []), "-d", "/", *command], check=False).returncode
        finally:
            subprocess.run([MACHINE, "down"], check=False)
