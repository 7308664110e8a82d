"""layer.md "Creating a layer": what was changed in a bundle becomes a layer, and the image with it the tree that was changed."""
import json
import os
import pathlib
import shutil
import subprocess
import tarfile
import tempfile

from images import HOST, TIME, Layout, digest, image_case, tagged, tar
from support import Skip

BASE = (("etc", None), ("etc/conf", "one\n"), ("etc/kept", "kept\n"), ("etc/gone", "x"), ("dir", None), ("dir/a", "a\n"), ("dir/sub", None), ("dir/sub/b", "b\n"),
        ("new-over-old", None), ("new-over-old/old", "x"), ("link", {"type": tarfile.SYMTYPE, "linkname": "etc"}), ("one", "linked\n"),
        ("two", {"type": tarfile.LNKTYPE, "linkname": "one"}), ("owned", {"data": b"x", "uid": 7, "gid": 8, "mode": 0o4750}), ("kind", "file\n"), ("time", "t\n"))
# what a container might do: with the tree as working directory
EDITS = r"""
set -e
echo two > etc/conf
rm etc/gone
mkdir -m 1770 fresh fresh/deep && echo new > fresh/deep/file && chown -R 4000000:5 fresh
rm -r dir/sub
rm -r new-over-old && mkdir new-over-old && echo n > new-over-old/new
rm kind && mkdir kind && echo in > kind/in
ln -sfn dir link
echo three >> one && ln one fresh/three
touch -d @1600000000.123456789 time
chmod 0700 owned
setfattr -n user.note -v hello etc/kept 2>/dev/null || python3 -c 'import os; os.setxattr("etc/kept", "user.note", b"hello")'
mkfifo pipe && mknod null c 1 3 && chown 3:4 null
n=$(printf 'x%.0s' $(seq 150)) && mkdir $n && echo long > $n/$n && ln -s $n/$n $n/l
printf 'bytes' > "$(printf 'na\377me')"
truncate -s 300000 hole
"""


def listing(root):
    """A tree as values: everything that a layer can say."""
    found, names = {}, {}
    for path in sorted([b"."] + [os.path.relpath(os.path.join(at, name), os.fsencode(root)) for at, directories, files in os.walk(os.fsencode(root))
                                 for name in directories + files]):
        full = os.path.join(os.fsencode(root), path)
        status = os.lstat(full)
        content = b""
        if os.path.islink(full):
            content = os.readlink(full)
        elif os.path.isfile(full):
            content = open(full, "rb").read()
        first = names.setdefault((status.st_dev, status.st_ino), path) if os.path.isfile(full) and not os.path.islink(full) else path
        attributes = {name: os.getxattr(full, name, follow_symlinks=False).hex() for name in os.listxattr(full, follow_symlinks=False)}
        found[repr(path)] = [oct(status.st_mode), status.st_uid, status.st_gid, status.st_mtime_ns, status.st_rdev, digest(content), repr(first), attributes]
    return found


def edited(i, mode, script, tag="latest"):
    """Unpacks, edits, and gives the tree as it is then."""
    i.unpack(*({"flat": (), "overlay": ("--mode", "overlay", "--mount-by", "hand", "--store", str(i.layout.path.parent / "store"))}[mode]), tag=tag).ok()
    root = i.bundle / "rootfs"
    if mode == "flat":
        subprocess.run(["sh", "-c", script], cwd=root, check=True)
        return listing(root)
    # the mount is seen by nobody else and goes with the namespace
    body = (f"import json, subprocess, sys; sys.path.insert(0, {str(pathlib.Path(__file__).parent.parent)!r}); from cases.image_repack import listing\n"
            f"subprocess.run([{i.program!r}, 'mount', {str(i.bundle)!r}], check=True)\n"
            f"subprocess.run(['sh', '-c', sys.argv[1]], cwd={str(root)!r}, check=True)\n"
            f"print(json.dumps(listing({str(root)!r})))")
    done = subprocess.run(["unshare", "--mount", "--propagation", "slave", "python3", "-c", body, script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def repack(i, *options, target="", tag="new", epoch=None):
    if "umoci" in i.program:
        raise Skip("umoci's repack has another command line")
    environment = {**os.environ, **({"SOURCE_DATE_EPOCH": str(epoch)} if epoch is not None else {})}
    command = [i.program, "repack", "--format", "json", *options, str(i.bundle), f"{target or i.layout.path}:{tag}"]
    from support import Result
    return Result(command, subprocess.run(command, capture_output=True, env=environment, timeout=60))


def image(layout, tag):
    """Manifest and configuration of a tag."""
    def blob(descriptor):
        return json.loads((layout / "blobs" / descriptor["digest"].replace(":", "/")).read_text())
    index = json.loads((layout / "index.json").read_text())
    found = [entry for entry in index["manifests"] if entry["annotations"]["org.opencontainers.image.ref.name"] == tag]
    assert len(found) == 1, index
    manifest = blob(found[0])
    return manifest, blob(manifest["config"])


def members(layout, layer, pack="r:gz"):
    with tarfile.open(layout / "blobs" / layer["digest"].replace(":", "/"), pack) as archive:
        return archive.getmembers()


@image_case("a changed bundle becomes an image that unpacks to the changed tree, in both modes and all packings", "IM-layer-001", "IM-layer-003", "IM-layer-006", "IM-layer-010")
def round_trip(i):
    i.layout.write(tagged(i.layout.manifest(tar(*[(n, dict(c) if isinstance(c, dict) else c) for n, c in BASE]), tar(("etc/second", "layer\n")))))
    blobs = {path: path.read_bytes() for path in i.layout.path.rglob("sha256/*")}
    for mode in ("flat", "overlay"):
        wanted = edited(i, mode, EDITS)
        for packing in ("gzip", "zstd", "none"):
            repack(i, "--compression", packing).ok()
            for again in ("flat", "overlay"):
                held = i.bundle
                i.bundle = held.parent / "again"
                found = edited(i, again, "true", tag="new")
                assert found == wanted, (mode, packing, again, {k: (wanted.get(k), found.get(k)) for k in {*wanted, *found} if wanted.get(k) != found.get(k)})
                i.bundle = held
    assert all(path.read_bytes() == content for path, content in blobs.items())


@image_case("a layer has each name once, sorted, hides names explicitly, and before their neighbours", "IM-layer-002", "IM-layer-004", "IM-layer-011",
            "IM-layer-012", "IM-layer-013", "IM-layer-014")
def entries(i):
    i.layout.write(tagged(i.layout.manifest(tar(*[(n, dict(c) if isinstance(c, dict) else c) for n, c in BASE]))))
    for mode in ("flat", "overlay"):
        edited(i, mode, EDITS)
        repack(i).ok()
        manifest, _ = image(i.layout.path, "new")
        assert manifest["layers"][-1]["mediaType"] == "application/vnd.oci.image.layer.v1.tar+gzip"
        found = members(i.layout.path, manifest["layers"][-1])
        names = [member.name for member in found]
        assert len(names) == len(set(names)), names
        for hidden in ("etc/.wh.gone", "dir/.wh.sub", "new-over-old/.wh.old"):
            assert hidden in names, (mode, names)
        assert not any(".wh..wh." in name for name in names) and not any(member.issparse() for member in found)
        for name in names:
            if name != "." and "/" in name:
                parent = name.rsplit("/", 1)[0]
                assert names.index(parent) < names.index(name), (name, names)
            if "/.wh." in name:
                at = name.rsplit("/", 1)[0]
                others = [n for n in names if n.rsplit("/", 1)[0] == at and "/" in n and "/.wh." not in n]
                assert all(names.index(name) < names.index(other) for other in others), names
        assert "etc/kept" in names and "dir/a" not in names and "time" in names
        # two names of one file are one file in the layer as well
        links = [member for member in found if member.islnk()]
        assert [(m.name, m.linkname) for m in links] == [("one", "fresh/three"), ("two", "fresh/three")] or mode == "overlay" and len(links) == 1, [(m.name, m.linkname) for m in links]


@image_case("the same changes give the same layer, and with SOURCE_DATE_EPOCH the same image", "IM-config-001")
def reproducible(i):
    i.layout.write(tagged(i.layout.manifest(tar(*[(n, dict(c) if isinstance(c, dict) else c) for n, c in BASE]))))
    seen = set()
    for mode in ("flat", "overlay"):
        for _ in range(2):
            edited(i, mode, "echo changed > etc/conf; rm etc/gone; mkdir -p d/e; echo 1 > d/e/f")
            made = json.loads(repack(i, epoch=TIME + 5).ok().out)
            seen.add((made["digest"], made["layer"]["digest"]))
    assert len(seen) == 1, seen
    manifest, config = image(i.layout.path, "new")
    assert config["created"] == "2023-11-14T22:13:25Z" and config["history"][-1]["created"] == config["created"]
    assert max(member.mtime for member in members(i.layout.path, manifest["layers"][-1])) == TIME + 5


@image_case("configuration, history and diff ids of the new image; what nobody asks for stays", "IM-config-039", "IM-config-040", "IM-config-043", "IM-config-046")
def configuration(i):
    config = {"Env": ["PATH=/bin", "A=1"], "Cmd": ["old"], "Labels": {"a": "1", "b": "2"}, "ExposedPorts": {"1/tcp": {}}, "Unknown": [1.50, None]}
    members = {"history": [{"created_by": "first"}], "x-unknown": {"n": 12345678901234567890}}
    i.layout.write(tagged(i.layout.manifest(tar(("f", "x\n")), config=config, members=members, extra={"annotations": {"k": "v"}})))
    edited(i, "flat", "echo y > f")
    repack(i, "--entrypoint", "/bin/e", "--entrypoint", "x y", "--cmd", "", "--env", "A=2", "--env", "B=3=4", "--user", "1:2", "--workdir", "/w", "--label", "b=3",
           "--label", "c=", "--port", "80", "--port", "53/udp", "--stop-signal", "SIGINT", "--author", "me", "--created-by", "by hand", "--comment", "why").ok()
    manifest, made = image(i.layout.path, "new")
    assert made["config"] == {"Env": ["PATH=/bin", "A=2", "B=3=4"], "Cmd": [], "Labels": {"a": "1", "b": "3", "c": ""}, "Unknown": [1.5, None], "User": "1:2",
                              "ExposedPorts": {"1/tcp": {}, "80/tcp": {}, "53/udp": {}}, "Entrypoint": ["/bin/e", "x y"], "WorkingDir": "/w", "StopSignal": "SIGINT"}, made
    assert made["x-unknown"] == {"n": 12345678901234567890} and made["author"] == "me" and manifest["annotations"] == {"k": "v"}
    assert len(made["rootfs"]["diff_ids"]) == 2 == len(manifest["layers"])
    assert made["history"][0] == {"created_by": "first"}
    assert made["history"][1] == {"created": made["created"], "created_by": "by hand", "author": "me", "comment": "why"}


@image_case("without a change there is no new layer, and the history says so")
def unchanged(i):
    i.layout.write(tagged(i.layout.manifest(tar(*[(n, dict(c) if isinstance(c, dict) else c) for n, c in BASE]), tar(("etc/second", "layer\n")))))
    for mode in ("flat", "overlay"):
        edited(i, mode, "cat etc/conf > /dev/null; : >> etc/conf")
        made = json.loads(repack(i, "--label", "a=b").ok().out)
        assert "layer" not in made, (mode, made)
        manifest, config = image(i.layout.path, "new")
        assert len(manifest["layers"]) == 2 == len(config["rootfs"]["diff_ids"]) and config["history"][-1]["empty_layer"] is True


@image_case("a new layout and a new archive get all layers; a tag moves, and other tags stay")
def targets(i):
    i.layout.write(tagged(i.layout.manifest(tar(("f", "x\n")), tar(("g", "x\n")))))
    wanted = edited(i, "flat", "echo y > f")
    layout, archive = i.layout.path.parent / "other", i.layout.path.parent / "other.tar"
    for target in (layout, archive):
        for tag in ("one", "two", "one"):
            repack(i, "--label", f"tag={tag}", target=target, tag=tag).ok()
        listed = json.loads(subprocess.run([i.program, "list", "--format", "json", target], capture_output=True, check=True).stdout)
        assert [entry["tag"] for entry in listed] == ["two", "one"], listed
        held, i.bundle, i.layout.path = (i.bundle, i.layout.path), i.layout.path.parent / "again", target
        assert edited(i, "flat", "true", tag="two") == wanted
        i.bundle, i.layout.path = held
    names = sorted(path.name for path in i.layout.path.parent.iterdir())
    assert not [name for name in names if name.startswith(".")], names
    assert not [path for path in layout.rglob(".*")]


@image_case("what docker save wrote can be changed as well")
def docker_archive(i):
    first, second = tar(("f", "x\n")), tar(("g", "x\n"))
    config = json.dumps({"architecture": HOST, "os": "linux", "rootfs": {"type": "layers", "diff_ids": [digest(first), digest(second)]}}).encode()
    manifest = json.dumps([{"Config": "config.json", "RepoTags": ["a:latest"], "Layers": ["one/layer.tar", "two/layer.tar"]}]).encode()
    held = i.layout.path
    i.layout.path = held.parent / "saved.tar"
    i.layout.path.write_bytes(tar(("manifest.json", manifest), ("config.json", config), ("one/layer.tar", first), ("two/layer.tar", second)))
    wanted = edited(i, "flat", "echo y > f; rm g")
    repack(i).failed("it is no OCI archive", "only an OCI layout or an OCI archive can take a new image")
    repack(i, target=held.parent / "oci").ok()
    i.layout.path, i.bundle = held.parent / "oci", held.parent / "again"
    assert edited(i, "flat", "true", tag="new") == wanted


@image_case("skopeo, umoci and podman take the new image, and see the same tree")
def others(i):
    for program in ("skopeo", "umoci", "podman"):
        if not shutil.which(program):
            raise Skip(f"{program} is not installed")
    i.layout.write(tagged(i.layout.manifest(tar(*[(n, dict(c) if isinstance(c, dict) else c) for n, c in BASE]), config={"Cmd": ["x"]})))
    work = i.layout.path.parent
    for mode in ("flat", "overlay"):
        # umoci 0.4 sets no time of a device, and its tar reader knows names as text only
        wanted = edited(i, mode, EDITS.replace("mkfifo pipe && mknod null c 1 3 && chown 3:4 null", "mkfifo pipe").replace("printf 'bytes'", ": printf"))
        target = work / f"{mode}-layout"
        repack(i, "--port", "80", target=target).ok()
        subprocess.run(["skopeo", "--insecure-policy", "copy", "-q", f"oci:{target}:new", f"oci:{work}/{mode}-copy:new"], check=True)
        held, i.bundle, i.layout.path = (i.bundle, i.layout.path), work / "again", work / f"{mode}-copy"
        assert edited(i, "flat", "true", tag="new") == wanted
        i.bundle, i.layout.path = held
        shutil.rmtree(work / "umoci", ignore_errors=True)
        subprocess.run(["umoci", "unpack", "--image", f"{target}:new", work / "umoci"], check=True, capture_output=True)
        found = listing(work / "umoci/rootfs")
        different = {k: (wanted.get(k), found.get(k)) for k in {*wanted, *found} if wanted.get(k) != found.get(k) and k != "b'.'"}
        assert not different, different
        storage = ["podman", "--root", f"{work}/{mode}-storage", "--runroot", f"{work}/{mode}-run", "--storage-driver", "vfs"]
        done = subprocess.run([*storage, "pull", "-q", f"oci:{target}:new"], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        place = subprocess.run([*storage, "image", "mount", done.stdout.strip()], capture_output=True, text=True, check=True).stdout.strip()
        found = listing(place)
        subprocess.run([*storage, "image", "unmount", "-f", done.stdout.strip()], capture_output=True, check=True)
        # the storage keeps its own times of directories that hold new names
        different = {k: (wanted.get(k), found.get(k)) for k in {*wanted, *found} if k != "b'.'" and (wanted.get(k) or [])[:3] != (found.get(k) or [])[:3]}
        assert not different, different
        subprocess.run([*storage, "rmi", "-f", done.stdout.strip()], capture_output=True)


@image_case("a bundle that does not say what it was made of, a tag that is none, a name that would hide: refused, and nothing changes")
def refused(i):
    i.layout.write(tagged(i.layout.manifest(tar(("f", "x\n")))))
    edited(i, "flat", "true")
    before = (i.layout.path / "index.json").read_bytes()
    repack(i, tag="").failed("\"\" is not a tag")
    repack(i, tag="a..b").failed("\"a..b\" is not a tag")
    repack(i, "--port", "0").failed("\"0\" is not PORT")
    repack(i, "--label", "=x").failed("\"=x\" is not NAME=VALUE")
    repack(i, "--workdir", "w").failed("\"w\" is not an absolute path")
    repack(i, epoch="x").failed("\"x\" is no number of seconds since 1970")
    (i.bundle / "rootfs/.wh.f").write_text("x")
    repack(i).failed("pack \"/.wh.f\": its name begins with \".wh.\"")
    (i.bundle / "rootfs/.wh.f").unlink()
    shutil.rmtree(i.bundle / "image")
    repack(i).failed("it does not say which image it was made of")
    assert (i.layout.path / "index.json").read_bytes() == before
    assert not [path for path in i.bundle.iterdir() if path.name.startswith(".")]


@image_case("layers that are gone are named, and may be elsewhere")
def moved(i):
    i.layout.write(tagged(i.layout.manifest(tar(("f", "x\n")))))
    edited(i, "flat", "echo y > f")
    other = i.layout.path.parent / "moved"
    i.layout.path.rename(other)
    target = i.layout.path.parent / "target"
    repack(i, target=target).failed("No such file or directory", "--source names where its layers are now")
    assert not target.exists()
    repack(i, "--source", str(other), target=target).ok()
    # a damaged layer is not copied
    shutil.rmtree(target)
    layer = image(other, "latest")[0]["layers"][0]
    blob = other / "blobs" / layer["digest"].replace(":", "/")
    blob.write_bytes(blob.read_bytes().replace(b"x\n", b"z\n"))
    repack(i, "--source", str(other), target=target).failed("does not have its digest")
    assert not target.exists() and not [name for name in os.listdir(target.parent) if name.startswith(".")]
