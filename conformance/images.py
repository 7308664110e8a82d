"""What cases of images are written with: an OCI layout made by hand, and an unpacker.

The unpacker is CALQUE of the environment: calque, or umoci, which has the same command for the cases that need no more.
"""
import gzip
import hashlib
import io
import json
import os
import pathlib
import shutil
import subprocess
import tarfile
import tempfile

from support import Result, Skip, case

OCI = "application/vnd.oci.image."
INDEX, MANIFEST, CONFIG = OCI + "index.v1+json", OCI + "manifest.v1+json", OCI + "config.v1+json"
LAYER = OCI + "layer.v1.tar"
TIME = 1700000000
HOST = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)


def tar(*entries):
    """An archive of (name, content) or (name, {members of a TarInfo}); content None: a directory, text or bytes: a file."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in entries:
            info = tarfile.TarInfo(name)
            info.mtime, info.mode = TIME, 0o755 if content is None else 0o644
            data = b""
            if content is None:
                info.type = tarfile.DIRTYPE
            elif isinstance(content, dict):
                data = content.pop("data", b"")
                for key, value in content.items():
                    setattr(info, key, value)
            else:
                data = content.encode() if isinstance(content, str) else content
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def zstd(data):
    """Raw blocks in a frame, as the format allows: RFC 8878."""
    frame = bytes.fromhex("28b52ffd") + b"\x00\x58"
    parts = [data[at:at + 100000] for at in range(0, len(data), 100000)] or [b""]
    for number, part in enumerate(parts):
        frame += (len(part) << 3 | (number == len(parts) - 1)).to_bytes(3, "little") + part
    return frame


def digest(data, algorithm="sha256"):
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


class Layout:
    def __init__(self, directory):
        self.path = pathlib.Path(directory)
        self.manifests = []
        for name in ("sha256", "sha512"):
            (self.path / "blobs" / name).mkdir(parents=True)
        (self.path / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')

    def blob(self, data, media_type, algorithm="sha256", **more):
        """Stores `data`, an object as JSON, and gives its descriptor."""
        if not isinstance(data, bytes):
            data = json.dumps(data).encode()
        name = digest(data, algorithm)
        (self.path / "blobs" / name.replace(":", "/")).write_bytes(data)
        return {"mediaType": media_type, "digest": name, "size": len(data), **more}

    def layer(self, archive, kind="", pack=lambda data: data, algorithm="sha256", media_type=None):
        """The descriptor and the diff id."""
        return self.blob(pack(archive), media_type or LAYER + kind, algorithm), digest(archive)

    def manifest(self, *layers, config=None, members=None, extra=None, config_type=CONFIG, **more):
        """Stores an image of layers (archives, or what `layer` gave) and gives its descriptor."""
        pairs = [entry if isinstance(entry, tuple) else self.layer(entry) for entry in layers]
        document = {"architecture": HOST, "os": "linux", "rootfs": {"type": "layers", "diff_ids": [pair[1] for pair in pairs]},
                    **({"config": config} if config is not None else {}), **(members or {})}
        stored = self.blob(document, config_type)
        return self.blob({"schemaVersion": 2, "mediaType": MANIFEST, "config": stored, "layers": [pair[0] for pair in pairs], **(extra or {})}, MANIFEST, **more)

    def index(self, *manifests, **more):
        return self.blob({"schemaVersion": 2, "mediaType": INDEX, "manifests": list(manifests)}, INDEX, **more)

    def write(self, *manifests, **more):
        (self.path / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": list(manifests), **more}))
        return self


def tagged(descriptor, tag="latest"):
    return {**descriptor, "annotations": {**descriptor.get("annotations", {}), "org.opencontainers.image.ref.name": tag}}


class Images:
    """One case of images: a layout, and what the unpacker makes of it."""

    def __init__(self, c):
        program = os.environ.get("CALQUE")
        if not program:
            raise Skip("CALQUE is not set: CALQUE=/path/to/calque")
        self.program = shutil.which(os.path.abspath(program) if "/" in program else program) or program
        self.c = c
        self.layout = Layout(c.directory / "image")
        self.bundle = c.directory / "unpacked"

    def unpack(self, *options, tag="latest", name=""):
        shutil.rmtree(self.bundle, ignore_errors=True)
        command = [self.program, "unpack", *options, "--image", f"{self.layout.path}:{tag}" if not name else f"{self.layout.path}{name}", str(self.bundle)]
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, timeout=60)
            out.seek(0), err.seek(0)
            return Result(command, subprocess.CompletedProcess(command, done.returncode, out.read(), err.read()))

    def inspect(self, *options):
        command = [self.program, "inspect", "--format", "json", "--image", f"{self.layout.path}:latest", *options]
        return Result(command, subprocess.run(command, capture_output=True, timeout=60))

    def image(self, *layers, **more):
        """Unpacks an image of these layers; gives the rootfs."""
        self.layout.write(tagged(self.layout.manifest(*layers, **more)))
        self.unpack().ok()
        return self.bundle / "rootfs"

    def config(self, config=None, *layers, **more):
        """The runtime configuration of an image with this configuration."""
        self.image(*(layers or [tar(("etc", None))]), config=config or {}, **more)
        return json.loads((self.bundle / "config.json").read_text())

    def refused(self, *texts, **more):
        self.unpack(**more).failed(*texts)
        assert not self.bundle.exists(), "something is left of the bundle"


def image_case(title, *statements):
    """A case whose function gets `Images`."""
    def register(function):
        def run(c):
            function(Images(c))
        run.__name__, run.__module__ = function.__name__, function.__module__
        case(title, *statements)(run)
        return function
    return register
