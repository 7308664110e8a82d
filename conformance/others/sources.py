"""Sources of other projects' suites: a Debian source package of a fixed version, its sum checked, unpacked in a cache outside of the tree."""
import contextlib
import hashlib
import os
import pathlib
import subprocess
import sys
import tempfile
import urllib.request



def cache():
    """Where sources and images are kept: $CALE_OTHERS_DIR, or a directory of the user's cache."""
    base = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    return pathlib.Path(os.environ.get("CALE_OTHERS_DIR") or base / "cale-others")


def mirrors():
    """The Debian mirrors that apt uses on this machine."""
    told = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"], capture_output=True, text=True, check=True).stdout
    return [address.rstrip("/") + "/" for address in dict.fromkeys(told.split()) if address.startswith("http")] or sys.exit("apt's sources name no mirror")


def fetch(path, variable):
    """The bytes of a file of the mirrors' pool. A version leaves the mirrors some time after Debian has a newer one."""
    for mirror in mirrors():
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{mirror}pool/main/{path}", timeout=60) as answer:
            return answer.read()
    sys.exit(f"{path} is on none of apt's mirrors: {variable}=DIRECTORY names an unpacked one")


def source(path, sha256, variable):
    """The directory of an unpacked package; one that `variable` names is taken as it is."""
    if os.environ.get(variable):
        return pathlib.Path(os.environ[variable]).resolve()
    target = cache() / sha256[:16]
    if not target.exists():
        cache().mkdir(parents=True, exist_ok=True)
        data = fetch(path, variable)
        found = hashlib.sha256(data).hexdigest()
        if found != sha256:
            sys.exit(f"{path} has the SHA-256 {found}, not {sha256}")
        # complete or not there: the name comes last
        with tempfile.TemporaryDirectory(dir=cache()) as directory:
            unpacked = pathlib.Path(directory) / "unpacked"
            unpacked.mkdir()
            archive = pathlib.Path(directory) / os.path.basename(path)
            archive.write_bytes(data)
            subprocess.run(["tar", "-xf", archive, "-C", unpacked, "--strip-components=1"], check=True)
            unpacked.rename(target)
    return target
