"""conversion.md: an image's configuration becomes a runtime's."""
import json

from images import HOST, image_case, tagged, tar

ACCOUNTS = tar(("etc", None), ("etc/passwd", "root:x:0:0::/root:/bin/sh\nweb:x:101:102::/srv/web:/bin/sh\n"),
               ("etc/group", "root:x:0:\nweb:x:102:\nlogs:x:200:web,root\nadm:x:201:web\nother:x:202:nobody\n"))


@image_case("Env, Entrypoint and WorkingDir verbatim", "IM-conversion-001", "IM-conversion-006", "IM-conversion-018", "IM-config-017", "IM-config-018",
            "IM-config-021", "IM-config-022", "IM-config-026")
def verbatim(i):
    env = ["PATH=/opt:/bin", "A=", "B=x=y \"q\" $HOME", "TERM=dumb"]
    found = i.config({"Env": env, "Entrypoint": ["/bin/prog", "-a b", ""], "WorkingDir": "/srv/deep dir"})["process"]
    assert found["env"][:4] == env and found["args"] == ["/bin/prog", "-a b", ""] and found["cwd"] == "/srv/deep dir", found


@image_case("Cmd follows Entrypoint, and stands alone without one", "IM-conversion-008", "IM-config-023", "IM-config-024")
def command(i):
    assert i.config({"Entrypoint": ["a", "b"], "Cmd": ["c", "d"]})["process"]["args"] == ["a", "b", "c", "d"]
    assert i.config({"Cmd": ["c", "d"]})["process"]["args"] == ["c", "d"]
    assert i.config({"Entrypoint": [], "Cmd": ["c"]})["process"]["args"] == ["c"]


@image_case("what is added to the environment is in no entry of the image", "IM-conversion-002", "IM-conversion-003", "IM-conversion-004",
            "IM-conversion-005", "IM-conversion-007")
def environment(i):
    own = ["PATH=/mine", "HOME=/my/home", "TERM=mine"]
    for env in (own, own[:1], []):
        found = i.config({"Env": env})["process"]["env"]
        names = [entry.split("=")[0] for entry in found]
        assert found[:len(env)] == env and len(names) == len(set(names)), found


@image_case("platform, author, time and stop signal become annotations", "IM-conversion-010", "IM-conversion-011", "IM-conversion-012", "IM-conversion-013",
            "IM-conversion-014", "IM-conversion-015", "IM-conversion-016", "IM-conversion-017", "IM-config-009", "IM-config-010", "IM-config-012",
            "IM-config-013", "IM-config-015", "IM-config-029", "RT-config-231", "RT-config-233", "RT-config-234", "RT-config-235", "RT-config-236",
            "RT-config-237", "RT-config-238", "RT-config-239", "RT-config-240")
def annotations(i):
    members = {"os.version": "6.1", "os.features": ["one", "two"], "variant": "v9", "author": "A <a@example.org>", "created": "2024-01-02T03:04:05.5Z"}
    found = i.config({"StopSignal": "SIGRTMIN+3"}, members=members)["annotations"]
    wanted = {"os": "linux", "architecture": HOST, "variant": "v9", "os.version": "6.1", "os.features": "one,two", "author": "A <a@example.org>",
              "created": "2024-01-02T03:04:05.5Z", "stopSignal": "SIGRTMIN+3"}
    assert {f"org.opencontainers.image.{key}": value for key, value in wanted.items()}.items() <= found.items(), found


@image_case("labels become annotations as they are, and come first", "IM-conversion-009", "IM-conversion-034", "IM-conversion-036", "IM-config-027",
            "IM-annotations-002", "IM-annotations-004")
def labels(i):
    own = {"org.opencontainers.image.author": "label", "org.opencontainers.image.os": "other", "org.example.x": " a\"b\n", "empty": "",
           "org.opencontainers.image.stopSignal": "9", "org.opencontainers.image.exposedPorts": "none"}
    found = i.config({"Labels": own, "StopSignal": "SIGTERM", "ExposedPorts": {"80/tcp": {}}}, members={"author": "field"})["annotations"]
    assert own.items() <= found.items(), found


@image_case("annotations of manifests and indexes are not taken", "IM-conversion-033", "IM-conversion-035")
def other_annotations(i):
    found = i.config({}, extra={"annotations": {"org.example.of-manifest": "x", "org.opencontainers.image.author": "x"}})["annotations"]
    assert not {"org.example.of-manifest", "org.opencontainers.image.author", "org.opencontainers.image.ref.name"} & set(found), found


@image_case("labels are texts by names", "IM-config-028")
def label_types(i):
    for wrong in ({"a": 1}, ["a"], "a"):
        i.layout.write(tagged(i.layout.manifest(tar(("f", "x")), config={"Labels": wrong})))
        i.refused("Labels")


@image_case("exposed ports become an annotation", "IM-conversion-027", "IM-conversion-032", "IM-config-020")
def ports(i):
    found = i.config({"ExposedPorts": {"80/tcp": {}, "53/udp": {}, "8080": {}}})["annotations"]["org.opencontainers.image.exposedPorts"]
    assert set(found.split(",")) == {"80/tcp", "53/udp", "8080"}, found


@image_case("numbers of users and groups verbatim, without further groups", "IM-conversion-019", "IM-conversion-024", "IM-config-019")
def numbers(i):
    for text, uid, gid in (("101:200", 101, 200), ("5000:6000", 5000, 6000), ("0:0", 0, 0)):
        found = i.config({"User": text}, ACCOUNTS)["process"]["user"]
        assert found["uid"] == uid and found["gid"] == gid and not found.get("additionalGids"), found
    assert not i.config({"User": "101"}, ACCOUNTS)["process"]["user"].get("additionalGids")


@image_case("names of users and groups are looked up in the image", "IM-conversion-020", "IM-conversion-021", "IM-conversion-022", "IM-conversion-023",
            "IM-conversion-024")
def names(i):
    found = i.config({"User": "web"}, ACCOUNTS)["process"]["user"]
    assert found["uid"] == 101 and found["gid"] == 102 and set(found["additionalGids"]) - {102} == {200, 201}, found
    found = i.config({"User": "web:logs"}, ACCOUNTS)["process"]["user"]
    assert found["uid"] == 101 and found["gid"] == 200 and not found.get("additionalGids"), found
    assert i.config({"User": "101:logs"}, ACCOUNTS)["process"]["user"]["gid"] == 200


@image_case("a user or group that is not in the image is an error", "IM-conversion-025")
def nobody(i):
    for text in ("nobody", "web:nogroup", "nobody:web"):
        i.layout.write(tagged(i.layout.manifest(ACCOUNTS, config={"User": text})))
        i.refused("nobody|nogroup")


@image_case("volumes are mounts with what the image has there", "IM-conversion-026", "IM-conversion-028", "IM-conversion-029", "IM-conversion-030",
            "IM-conversion-031", "IM-config-025")
def volumes(i):
    found = i.config({"Volumes": {"/data": {}, "/new/place": {}}}, tar(("data", None), ("data/f", "seed\n")))
    mounts = {mount["destination"]: mount for mount in found["mounts"]}
    assert {"/data", "/new/place"} <= set(mounts), mounts
    source = i.bundle / mounts["/data"]["source"]
    assert (source / "f").read_text() == "seed\n" and not str(source).startswith(str(i.bundle / "rootfs")), source


@image_case("the configuration runs", "IM-conversion-001")
def runs(i):
    import shutil
    busybox = open(shutil.which("busybox"), "rb").read()
    layer = tar(("bin", None), ("bin/busybox", {"data": busybox, "mode": 0o755}), ("etc", None), ("etc/passwd", "web:x:101:102::/srv:/bin/sh\n"))
    i.layout.write(tagged(i.layout.manifest(layer, config={"Entrypoint": ["/bin/busybox", "sh", "-c"], "Cmd": ["echo $(/bin/busybox id -u) $PWD $X"], "User": "web",
                                                           "WorkingDir": "/srv", "Env": ["X=y"]})))
    i.unpack().ok()
    config = json.loads((i.bundle / "config.json").read_text())
    config["process"]["terminal"] = False
    (i.bundle / "config.json").write_text(json.dumps(config))
    i.c.bundle = i.bundle
    i.c.call("run", "--bundle", i.bundle, i.c.id).prints("101 /srv y")
