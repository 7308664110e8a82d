"""manifest.md and config.md of the image specification."""
import gzip
import json
import re

from images import CONFIG, HOST, INDEX, LAYER, MANIFEST, digest, image_case, tagged, tar, zstd

FILE = tar(("f", "content\n"))


@image_case("layers lie on each other in their order", "IM-manifest-017", "IM-manifest-019", "IM-manifest-020", "IM-manifest-021")
def order(i):
    root = i.image(tar(("a", "1\n"), ("b", "1\n"), ("c", "1\n")), tar(("b", "2\n"), ("c", "2\n")), tar(("c", "3\n")))
    assert [(root / name).read_text() for name in "abc"] == ["1\n", "2\n", "3\n"]


@image_case("an image without layers has an empty root", "IM-manifest-018", "IM-manifest-021")
def no_layers(i):
    assert not list(i.image().iterdir())


@image_case("the media types of layers: plain, gzip, zstd", "IM-manifest-022", "IM-manifest-024", "IM-layer-001")
def layer_types(i):
    for kind, pack in (("", bytes), ("+gzip", gzip.compress), ("+zstd", zstd)):
        assert (i.image(i.layout.layer(FILE, kind, pack)) / "f").read_text() == "content\n", kind


@image_case("layers that may not be handed on, and docker's names for layers", "IM-layer-015", "IM-layer-016", "IM-layer-017", "IM-manifest-024")
def other_layer_types(i):
    base = "application/vnd.oci.image.layer.nondistributable.v1.tar"
    for kind, pack in ((base, bytes), (base + "+gzip", gzip.compress), (base + "+zstd", zstd),
                       ("application/vnd.docker.image.rootfs.diff.tar.gzip", gzip.compress)):
        layer, diff = i.layout.layer(FILE, pack=pack, media_type=kind)
        assert (i.image(({**layer, "urls": ["https://example.org/x"]}, diff)) / "f").read_text() == "content\n", kind


@image_case("a layer of a media type that is not known is refused by its name", "IM-manifest-026")
def unknown_layer(i):
    i.layout.write(tagged(i.layout.manifest(i.layout.layer(FILE, media_type="application/vnd.example.layer.v9"))))
    i.refused("vnd.example.layer.v9")


@image_case("a configuration of a media type that is not known is not read", "IM-manifest-011", "IM-manifest-013", "IM-manifest-031")
def unknown_config(i):
    i.layout.write(tagged(i.layout.manifest(FILE, config_type="application/vnd.example.config.v1+json")))
    i.refused("vnd.example.config")
    for kind in ("application/vnd.oci.empty.v1+json", "text/plain"):
        config = i.layout.blob(b"\x00 no JSON", kind)
        manifest = i.layout.blob({"schemaVersion": 2, "config": config, "layers": [], "artifactType": "a/b"}, MANIFEST)
        i.layout.write(tagged(manifest))
        i.refused(re.escape(kind))  # and not: that it is no JSON


@image_case("what a manifest must have", "IM-manifest-001", "IM-manifest-010", "IM-manifest-017")
def required(i):
    layer, diff = i.layout.layer(FILE)
    config = i.layout.blob({"architecture": HOST, "os": "linux", "rootfs": {"type": "layers", "diff_ids": [diff]}}, CONFIG)
    good = {"schemaVersion": 2, "config": config, "layers": [layer]}
    for name in ("schemaVersion", "config"):
        i.layout.write(tagged(i.layout.blob({key: value for key, value in good.items() if key != name}, MANIFEST)))
        i.refused(name)
    for layers in (["x"], [{"mediaType": LAYER, "size": 1}], {}):
        i.layout.write(tagged(i.layout.blob({**good, "layers": layers}, MANIFEST)))
        i.refused("layers|digest")


@image_case("what a configuration must have", "IM-config-005", "IM-config-007", "IM-config-035", "IM-config-036", "IM-config-039")
def required_config(i):
    layer, diff = i.layout.layer(FILE)
    good = {"architecture": HOST, "os": "linux", "rootfs": {"type": "layers", "diff_ids": [diff]}}
    wrong = [{key: value for key, value in good.items() if key != name} for name in good]
    wrong += [{**good, "rootfs": {"diff_ids": [diff]}}, {**good, "rootfs": {"type": "layers"}}, {**good, "rootfs": {"type": "layers", "diff_ids": []}}]
    for document, word in zip(wrong, ("architecture", "os", "rootfs", "type", "diff.ids|layers", "diff.ids|layers")):
        i.layout.write(tagged(i.layout.blob({"schemaVersion": 2, "config": i.layout.blob(document, CONFIG), "layers": [layer]}, MANIFEST)))
        i.refused(word)


@image_case("an unknown type of rootfs is an error", "IM-config-037", "IM-config-038")
def rootfs_type(i):
    layer, diff = i.layout.layer(FILE)
    document = {"architecture": HOST, "os": "linux", "rootfs": {"type": "trees", "diff_ids": [diff]}}
    i.layout.write(tagged(i.layout.blob({"schemaVersion": 2, "config": i.layout.blob(document, CONFIG), "layers": [layer]}, MANIFEST)))
    i.refused("trees|rootfs.type")


@image_case("the digest of the unpacked layer is compared", "IM-config-039")
def diff_id(i):
    layer, _ = i.layout.layer(FILE, "+gzip", gzip.compress)
    i.layout.write(tagged(i.layout.manifest((layer, digest(b"another")))))
    i.refused("digest|diff")


@image_case("null is as absent", "IM-config-002")
def nulls(i):
    members = {name: None for name in ("created", "author", "os.version", "os.features", "variant", "history")}
    config = {name: None for name in ("User", "ExposedPorts", "Env", "Entrypoint", "Cmd", "Volumes", "WorkingDir", "Labels", "StopSignal", "Memory",
                                      "Healthcheck", "ArgsEscaped")}
    found = i.config(config, members=members)
    assert found["process"]["user"] == {"uid": 0, "gid": 0} and found["process"]["cwd"] == "/", found["process"]
    found = i.config(None, members={"config": None})
    assert found["process"]["cwd"] == "/"


@image_case("fields that are not known do no harm", "IM-config-046", "IM-config-030", "IM-config-031", "IM-config-032", "IM-config-033", "IM-config-034",
            "IM-considerations-002")
def unknown_fields(i):
    config = {"Domainname": "x", "Healthcheck": {"Test": ["NONE"]}, "Memory": 1, "MemorySwap": 2, "CpuShares": 3, "ArgsEscaped": True, "OnBuild": []}
    i.config(config, members={"docker_version": "1", "container": "abc", "moby.buildkit.buildinfo.v1": "x"})


@image_case("JSON with white space and without", "IM-config-047")
def white_space(i):
    layer, diff = i.layout.layer(FILE)
    document = {"architecture": HOST, "os": "linux", "rootfs": {"type": "layers", "diff_ids": [diff]}}
    for text in (json.dumps(document, separators=(",", ":")), "\n\t " + json.dumps(document, indent=8) + "\r\n "):
        i.layout.write(tagged(i.layout.blob({"schemaVersion": 2, "config": i.layout.blob(text.encode(), CONFIG), "layers": [layer]}, MANIFEST)))
        i.unpack().ok()


@image_case("history is shown, with layers that are empty", "IM-config-003", "IM-config-004", "IM-config-040", "IM-config-041", "IM-config-042",
            "IM-config-043", "IM-config-044", "IM-config-045")
def history(i):
    entries = [{"created": "2024-01-02T03:04:05Z", "author": "A", "created_by": "COPY x", "comment": "c"}, {"created_by": "ENV y", "empty_layer": True}]
    i.layout.write(tagged(i.layout.manifest(FILE, members={"history": entries, "created": "2024-01-02T03:04:05Z", "author": "Somebody"})))
    text = i.inspect().ok().out
    assert "COPY x" in text and "ENV y" in text and "Somebody" in text and "2024-01-02T03:04:05Z" in text, text
