"""Sources of other projects' suites: a Debian source package of a fixed version, its sum checked, unpacked in a cache outside of the tree."""
import hashlib
import os
import pathlib
import subprocess
import tempfile
import urllib.request

POOL = "http://deb.debian.org/debian/pool/main/"


def cache():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return pathlib.Path(base) / "cale-others"


def source(path, sha256, variable):
    """The directory of an unpacked package; one that `variable` names is taken as it is."""
    if os.environ.get(variable):
        return pathlib.Path(os.environ[variable]).resolve()
    target = cache() / sha256[:16]
    if not target.exists():
        cache().mkdir(parents=True, exist_ok=True)
        with urllib.request.urlopen(POOL + path, timeout=60) as answer:
            data = answer.read()
        found = hashlib.sha256(data).hexdigest()
        if found != sha256:
            raise SystemExit(f"{POOL + path} has the SHA-256 {found}, not {sha256}")
        # complete or not there: the name comes last
        with tempfile.TemporaryDirectory(dir=cache()) as directory:
            unpacked = pathlib.Path(directory) / "unpacked"
            unpacked.mkdir()
            archive = pathlib.Path(directory) / os.path.basename(path)
            archive.write_bytes(data)
            subprocess.run(["tar", "-xf", archive, "-C", unpacked, "--strip-components=1"], check=True)
            unpacked.rename(target)
    return target
