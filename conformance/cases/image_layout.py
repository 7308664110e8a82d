"""image-layout.md, image-index.md, descriptor.md: how an image is found, and that it is what it says."""
import json
import shutil

from images import CONFIG, HOST, INDEX, LAYER, MANIFEST, digest, image_case, tagged, tar

FILE = tar(("f", "content\n"))


def unpacks(i, text="content\n", **more):
    i.unpack(**more).ok()
    assert (i.bundle / "rootfs/f").read_text() == text


@image_case("an image by its tag, and the tag latest when nothing is said", "IM-image-layout-008", "IM-image-layout-009", "IM-image-layout-015",
            "IM-image-layout-018", "IM-annotations-011", "IM-annotations-012")
def tags(i):
    one, two = i.layout.manifest(tar(("f", "one\n"))), i.layout.manifest(tar(("f", "two\n")))
    i.layout.write(tagged(one, "a:b@c/d+e-1._x"), tagged(two))
    unpacks(i, "one\n", tag="a:b@c/d+e-1._x")
    unpacks(i, "two\n", name="")
    i.refused("no image with the tag", tag="three")


@image_case("ref.name counts in index.json alone", "IM-image-layout-018", "IM-annotations-011")
def inner_name(i):
    inner = tagged(i.layout.manifest(tar(("f", "inner\n"))), "wanted")
    i.layout.write(tagged(i.layout.index(inner), "outer"))
    i.refused("no image with the tag", tag="wanted")


@image_case("oci-layout must be there, an object, and of a version that is known; more fields do no harm", "IM-image-layout-004", "IM-image-layout-005",
            "IM-image-layout-006", "IM-image-layout-007")
def layout_file(i):
    i.layout.write(tagged(i.layout.manifest(FILE)))
    marker = i.layout.path / "oci-layout"
    for text in ('[]', '{}', '"1.0.0"', '{"imageLayoutVersion": "9.0.0"}', '{"imageLayoutVersion": 1}', "no json"):
        marker.write_text(text)
        i.refused("oci-layout|imageLayoutVersion|layout")
    marker.write_text('{"imageLayoutVersion": "1.0.0", "more": {"a": 1}}')
    unpacks(i)
    marker.unlink()
    i.refused("oci-layout")


@image_case("without index.json or blobs it is no layout", "IM-image-layout-003", "IM-image-layout-008")
def missing_parts(i):
    i.refused("index.json")
    i.layout.write(tagged(i.layout.manifest(FILE)))
    shutil.rmtree(i.layout.path / "blobs")
    i.refused("blobs|sha256|no such file")


@image_case("blobs that nobody refers to, and what is no blob, do no harm", "IM-image-layout-002", "IM-image-layout-012", "IM-image-layout-013")
def unused_blobs(i):
    i.layout.write(tagged(i.layout.manifest(FILE)))
    (i.layout.path / "blobs/sha256/nonsense").write_text("x")
    (i.layout.path / "blobs/other").mkdir()
    i.layout.blob(b"not even JSON", "x/y")
    unpacks(i)


@image_case("a blob that is missing is named", "IM-image-layout-014")
def missing_blob(i):
    layer, diff = i.layout.layer(FILE)
    i.layout.write(tagged(i.layout.manifest((layer, diff))))
    (i.layout.path / "blobs" / layer["digest"].replace(":", "/")).unlink()
    i.refused(layer["digest"].split(":")[1][:20])


@image_case("each blob has its digest: index, manifest, configuration, layer", "IM-image-layout-010", "IM-image-layout-011", "IM-descriptor-005",
            "IM-descriptor-006", "IM-descriptor-024", "IM-descriptor-030")
def digests(i):
    layer, diff = i.layout.layer(FILE)
    manifest = i.layout.manifest((layer, diff))
    index = i.layout.index(manifest)
    config = json.loads((i.layout.path / "blobs" / manifest["digest"].replace(":", "/")).read_text())["config"]
    i.layout.write(tagged(index))
    unpacks(i)
    for blob in (index, manifest, config, layer):
        path = i.layout.path / "blobs" / blob["digest"].replace(":", "/")
        good = path.read_bytes()
        path.write_bytes(good[:-2] + bytes([good[-2] ^ 1]) + good[-1:])
        i.refused("digest")
        path.write_bytes(good)
    unpacks(i)


@image_case("each blob has its size", "IM-descriptor-007", "IM-descriptor-008", "IM-descriptor-025", "IM-descriptor-026")
def sizes(i):
    layer, diff = i.layout.layer(FILE)
    for change in (1, -1):
        i.layout.write(tagged(i.layout.manifest(({**layer, "size": layer["size"] + change}, diff))))
        i.refused("bytes|size")
    manifest = i.layout.manifest((layer, diff))
    i.layout.write(tagged({**manifest, "size": manifest["size"] + 1}))
    i.refused("bytes|size")


@image_case("a descriptor without media type, digest or size is refused", "IM-descriptor-005", "IM-descriptor-007")
def descriptor_members(i):
    manifest = tagged(i.layout.manifest(FILE))
    for name in ("digest", "size"):
        i.layout.write({key: value for key, value in manifest.items() if key != name})
        i.refused(name)


@image_case("digests in other forms are refused", "IM-descriptor-021", "IM-descriptor-022", "IM-descriptor-031", "IM-descriptor-032", "IM-descriptor-034",
            "IM-descriptor-035")
def digest_forms(i):
    manifest = i.layout.manifest(FILE)
    encoded = manifest["digest"].split(":")[1]
    for wrong in (encoded, "sha256:" + encoded.upper(), "sha256:" + encoded[:-1], "sha256:" + encoded + "0", "sha256:../../" + encoded, "sha512:" + encoded,
                  "sha512:" + "A" * 128, ":" + encoded, "sha256:", "SHA256:" + encoded):
        i.layout.write(tagged({**manifest, "digest": wrong}))
        i.refused("digest")


@image_case("sha512", "IM-descriptor-033", "IM-descriptor-034")
def sha512(i):
    layer = i.layout.layer(FILE, algorithm="sha512")
    i.layout.write(tagged(i.layout.manifest(layer)))
    unpacks(i)
    (i.layout.path / "blobs" / layer[0]["digest"].replace(":", "/")).write_bytes(FILE.replace(b"content", b"CONTENT"))
    i.refused("digest")


@image_case("entries whose digest has an algorithm that is not known are somebody else's", "IM-descriptor-023")
def unknown_algorithm(i):
    foreign = {"mediaType": MANIFEST, "digest": "sha999+b64u:LCa0a2j_xo=", "size": 3}
    i.layout.write(foreign, tagged(foreign, "other"), tagged(i.layout.manifest(FILE)))
    unpacks(i)
    i.layout.write(tagged(i.layout.index(foreign, i.layout.manifest(FILE))))
    unpacks(i)


@image_case("an index of indexes", "IM-image-index-001", "IM-image-index-009", "IM-image-index-011", "IM-image-index-012", "IM-image-index-013")
def nested(i):
    i.layout.write(tagged(i.layout.index(i.layout.index(i.layout.manifest(FILE)))))
    unpacks(i)


@image_case("an index that is empty is one, and has no image", "IM-image-index-010")
def empty(i):
    i.layout.write()
    i.refused("no image")
    i.layout.write(tagged(i.layout.index()))
    i.refused("no image")
    (i.layout.path / "index.json").write_text('{"schemaVersion": 2}')
    i.refused("manifests")


@image_case("the version of the schema is 2", "IM-image-index-002", "IM-image-index-003", "IM-image-index-004", "IM-manifest-002", "IM-manifest-003")
def schema_version(i):
    manifest = i.layout.manifest(FILE)
    for version in (1, 3, "2"):
        i.layout.write(tagged(manifest), schemaVersion=version)
        i.refused("schemaVersion")
        i.layout.write(tagged(i.layout.manifest(FILE, extra={"schemaVersion": version})))
        i.refused("schemaVersion")


@image_case("mediaType of an index and of a manifest, when it is there", "IM-image-index-005", "IM-image-index-006", "IM-manifest-004", "IM-manifest-005")
def media_types(i):
    manifest = i.layout.manifest(FILE)
    i.layout.write(tagged(manifest), mediaType=INDEX)
    unpacks(i)
    i.layout.write(tagged(manifest), mediaType=MANIFEST)
    i.refused("mediaType")
    i.layout.write(tagged(i.layout.manifest(FILE, extra={"mediaType": INDEX})))
    i.refused("mediaType")


@image_case("entries of unknown media types are passed over", "IM-image-index-014", "IM-image-index-015", "IM-image-layout-016", "IM-image-layout-017")
def unknown_entries(i):
    foreign = i.layout.blob({"a": 1}, "application/vnd.example.thing.v2+xml")
    image = i.layout.manifest(FILE)
    i.layout.write(foreign, tagged(image))
    unpacks(i)
    i.layout.write(tagged(foreign), tagged(image))
    unpacks(i)
    i.layout.write(tagged(i.layout.index(foreign, image, foreign)))
    unpacks(i)


@image_case("the platform of this machine, or the one that is asked for", "IM-image-index-016", "IM-image-index-017", "IM-image-index-018",
            "IM-image-index-019", "IM-image-index-020", "IM-image-index-021", "IM-image-index-027", "IM-image-index-028", "IM-image-index-034",
            "IM-config-006", "IM-config-008", "IM-config-016")
def platforms(i):
    def image(text, **platform):
        members = {"architecture": platform["architecture"], "os": platform["os"], **({"variant": platform["variant"]} if "variant" in platform else {})}
        return {**i.layout.manifest(tar(("f", text)), members=members), "platform": platform}
    i.layout.write(tagged(i.layout.index(
        image("s390x\n", os="linux", architecture="s390x"), image("windows\n", os="windows", architecture=HOST), image("host\n", os="linux", architecture=HOST),
        image("v6\n", os="linux", architecture="arm", variant="v6"), image("v7\n", os="linux", architecture="arm", variant="v7"),
        image("riscv\n", os="linux", architecture="riscv64"))))
    unpacks(i, "host\n")
    for platform, text in (("linux/s390x", "s390x\n"), ("linux/arm/v6", "v6\n"), ("linux/arm/v7", "v7\n"), ("linux/riscv64", "riscv\n"),
                           (f"windows/{HOST}", "windows\n")):
        i.unpack("--platform", platform).ok()
        assert (i.bundle / "rootfs/f").read_text() == text, platform
    i.unpack("--platform", "linux/mips64le").failed("mips64le")


@image_case("an image of another machine is unpacked with a word, unless it was asked for", "IM-config-006", "IM-config-008")
def foreign(i):
    for members in ({"os": "windows"}, {"architecture": "mips64le"}):
        i.layout.write(tagged(i.layout.manifest(FILE, members=members)))
        said = i.unpack().ok().err
        assert "the image is for" in said and list(members.values())[0] in said, said
    assert "the image is for" not in i.unpack("--platform", "linux/mips64le").ok().err


@image_case("of several that fit the first is taken", "IM-image-index-029")
def first(i):
    platform = {"os": "linux", "architecture": HOST}
    images = [{**i.layout.manifest(tar(("f", f"{n}\n"))), "platform": platform} for n in range(3)]
    i.layout.write(tagged(i.layout.index(*images)))
    unpacks(i, "0\n")
    i.layout.write(*(tagged(image) for image in images))
    unpacks(i, "0\n")


@image_case("versions and features of an operating system are no reason to refuse", "IM-image-index-022", "IM-image-index-023", "IM-image-index-024",
            "IM-config-011")
def os_version(i):
    platform = {"os": "linux", "architecture": HOST, "os.version": "99", "os.features": ["win32k", "own"], "features": ["x"]}
    i.layout.write(tagged(i.layout.index({**i.layout.manifest(FILE), "platform": platform})))
    unpacks(i)


@image_case("annotations, subject, artifactType, urls and data of descriptors, manifests and indexes do no harm", "IM-descriptor-009", "IM-descriptor-012",
            "IM-descriptor-014", "IM-descriptor-017", "IM-image-index-007", "IM-image-index-030", "IM-image-index-031", "IM-manifest-006",
            "IM-manifest-009", "IM-manifest-027", "IM-manifest-028", "IM-annotations-008", "IM-considerations-002")
def optional_members(i):
    notes = {"org.example.unknown": "x", "empty": ""}
    subject = i.layout.blob({}, MANIFEST)
    layer, diff = i.layout.layer(FILE)
    layer |= {"urls": ["https://example.org/layer"], "annotations": notes, "data": "bm90IHRoZSBjb250ZW50", "unknown": [1]}
    extra = {"annotations": notes, "subject": subject, "artifactType": "application/vnd.example+type", "unknown": {"a": 1}}
    manifest = i.layout.manifest((layer, diff), extra=extra)
    inner = i.layout.blob({"schemaVersion": 2, "manifests": [manifest], "annotations": notes, "subject": subject, "artifactType": "a/b", "x": 1}, INDEX)
    i.layout.write(tagged({**inner, "artifactType": "a/b", "urls": [], "data": "AAAA"}), annotations=notes, unknown=1)
    unpacks(i)


@image_case("annotations are texts by names", "IM-annotations-001", "IM-image-index-032", "IM-manifest-029", "IM-descriptor-013")
def annotations(i):
    for wrong in ({"a": 1}, {"a": None}, ["a"], "a"):
        manifest = i.layout.manifest(FILE)
        i.layout.write({**manifest, "annotations": wrong} if isinstance(wrong, dict) else {**tagged(manifest), "annotations": wrong})
        i.refused("annotations", name="")
        i.layout.write(tagged(i.layout.manifest(FILE, extra={"annotations": wrong})))
        i.refused("annotations")


@image_case("the source stays as it is", "IM-considerations-001")
def untouched(i):
    i.layout.write(tagged(i.layout.manifest(FILE)))
    before = {path: (path.read_bytes() if path.is_file() else b"", path.stat().st_mtime_ns) for path in i.layout.path.rglob("*")}
    unpacks(i)
    assert {path: (path.read_bytes() if path.is_file() else b"", path.stat().st_mtime_ns) for path in i.layout.path.rglob("*")} == before


@image_case("a layout as a tar archive is one", "IM-image-layout-001")
def archive(i):
    import tarfile
    i.layout.write(tagged(i.layout.manifest(FILE)))
    path = i.layout.path.parent / "image.tar"
    with tarfile.open(path, "w") as out:
        out.add(i.layout.path, ".")
    i.layout.path = path
    unpacks(i)
