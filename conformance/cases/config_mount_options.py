"""config.md, "Linux mount options": every row of the table.

What an option did is read in the container's mountinfo: proc_pid_mountinfo(5). Options of a bind mount are looked at on a source
that is itself a mount with a submount, made in a mount namespace that the runtime is started in.
"""
from support import case, mount_line


def line(c, destination="/mnt"):
    found = mount_line(c.probe()["mountinfo"], destination)
    assert found, f"nothing is mounted on {destination}"
    return found


def tmpfs(c, *options):
    """The line of a new tmpfs with these options."""
    c.config["mounts"] = [mount for mount in c.config["mounts"] if mount["destination"] != "/mnt"]
    c.mount("/mnt", "tmpfs", "tmpfs", options)
    return line(c)


def has(found, *words):
    assert set(words) <= set(found["options"]), found


def lacks(found, *words):
    assert not set(words) & set(found["options"]), found


def prepared(c, options="rw", propagation="private", mark="rshared"):
    """Starts the runtime where DIRECTORY/source is a mount, and DIRECTORY/source/sub one more, both with `options`."""
    source = c.directory / "source"
    source.mkdir()
    script = (f"mount -t tmpfs -o {options.replace('ro', 'rw', 1) if options.startswith('ro') else options} outer {source} && mkdir {source}/sub && "
              f"mount -t tmpfs -o {options} inner {source}/sub && "
              + (f"mount -o remount,bind,{options} {source} && " if options.startswith("ro") else "")
              + f'mount --make-{mark} {source} && exec "$@"')
    c.wrapper = ["unshare", "--mount", "--propagation", propagation, "sh", "-c", script, "sh"]
    return source


def has_user_namespace(c):
    return any(namespace["type"] == "user" for namespace in c.linux["namespaces"])


def bind(c, *options, kind="rbind", source="rw", mark="rprivate"):
    c.mount("/mnt", "bind", prepared(c, source, mark=mark), [kind, *options])


def bound(c, *options, **how):
    """The lines of a bind mount and of the mount below it."""
    bind(c, *options, **how)
    text = c.probe()["mountinfo"]
    return mount_line(text, "/mnt"), mount_line(text, "/mnt/sub")


@case("nosuid, nodev, noexec, ro are set", "RT-config-038", "RT-config-040", "RT-config-046", "RT-config-063")
def restrictions(c):
    for option in ("nosuid", "nodev", "noexec", "ro"):
        found = tmpfs(c, option)
        has(found, option)
        lacks(found, *{"nosuid", "nodev", "noexec", "ro"} - {option})


@case("suid, dev, exec, rw take back what stands before them", "RT-config-029", "RT-config-032", "RT-config-074", "RT-config-079")
def permissions(c):
    found = tmpfs(c, "nosuid", "nodev", "noexec", "ro", "suid", "dev", "exec", "rw")
    lacks(found, "nosuid", "nodev", "noexec", "ro")
    has(found, "rw")


@case("suid, dev, exec, rw on a bind mount take back what the source has", "RT-config-086")
def bind_permissions(c):
    if has_user_namespace(c):
        bind(c, "suid", "dev", "exec", "rw", source="ro,nosuid,nodev,noexec")
        c.run().failed("/mnt", "operation not permitted")
        return
    outer, inner = bound(c, "suid", "dev", "exec", "rw", source="ro,nosuid,nodev,noexec")
    lacks(outer, "nosuid", "nodev", "noexec", "ro")
    has(inner, "nosuid", "nodev", "noexec")


@case("a bind mount without such options has what the source has")
def bind_keeps(c):
    outer, inner = bound(c, source="ro,nosuid,noexec")
    has(outer, "ro", "nosuid", "noexec")
    has(inner, "ro", "nosuid", "noexec")


@case("a bind mount with some has these alone; a user namespace of its own keeps those of the source")
def bind_replaces(c):
    outer, inner = bound(c, "nodev", source="ro,nosuid,noexec")
    has(outer, "nodev")
    if has_user_namespace(c):
        has(outer, "ro", "nosuid", "noexec")
    else:
        has(outer, "rw")
        lacks(outer, "nosuid", "noexec")
    has(inner, "ro", "nosuid", "noexec")


@case("access times of a bind mount: those of the source, or as the options say")
def bind_access_times(c):
    if has_user_namespace(c):
        outer, _ = bound(c, "nodev", source="noatime,nodiratime")
        has(outer, "noatime", "nodiratime", "nodev")
        return
    source = prepared(c, "noatime,nodiratime", mark="rprivate")
    options = [], ["nodev"], ["relatime"], ["nodiratime"], ["strictatime"], ["diratime"]
    for index, given in enumerate(options):
        c.mount(f"/{index}", "bind", source, ["bind", *given])
    text = c.probe()["mountinfo"]
    found = [{"noatime", "nodiratime", "relatime"} & set(mount_line(text, f"/{index}")["options"]) for index in range(len(options))]
    assert found == [{"noatime", "nodiratime"}, {"noatime", "nodiratime"}, {"relatime"}, {"nodiratime", "relatime"}, set(), {"noatime"}], found


@case("noatime, relatime, strictatime", "RT-config-037", "RT-config-053", "RT-config-078")
def access_times(c):
    has(tmpfs(c, "noatime"), "noatime")
    has(tmpfs(c, "noatime", "relatime"), "relatime")
    lacks(tmpfs(c, "strictatime"), "noatime", "relatime")


@case("atime, norelatime, nostrictatime: the kernel's default", "RT-config-026", "RT-config-044", "RT-config-045")
def default_access_times(c):
    has(tmpfs(c, "noatime", "atime"), "relatime")
    lacks(tmpfs(c, "norelatime"), "noatime")
    has(tmpfs(c, "strictatime", "nostrictatime"), "relatime")


@case("nodiratime, diratime", "RT-config-030", "RT-config-039")
def directory_times(c):
    has(tmpfs(c, "nodiratime"), "nodiratime")
    lacks(tmpfs(c, "nodiratime", "diratime"), "nodiratime")


@case("nosymfollow, symfollow", "RT-config-047", "RT-config-080")
def links(c):
    has(tmpfs(c, "nosymfollow"), "nosymfollow")
    lacks(tmpfs(c, "nosymfollow", "symfollow"), "nosymfollow")


@case("sync, dirsync, lazytime are the file system's", "RT-config-031", "RT-config-034", "RT-config-081")
def superblock(c):
    for option in ("sync", "dirsync", "lazytime"):
        found = tmpfs(c, option)
        assert option in found["super"], found


@case("async, nolazytime take them back", "RT-config-025", "RT-config-042")
def superblock_cleared(c):
    found = tmpfs(c, "sync", "lazytime", "async", "nolazytime")
    assert not {"sync", "lazytime"} & set(found["super"]), found


@case("options that change nothing that can be seen are taken: defaults, silent, loud, iversion, noiversion, mand, nomand",
      "RT-config-028", "RT-config-033", "RT-config-035", "RT-config-036", "RT-config-041", "RT-config-043", "RT-config-076")
def invisible(c):
    for option in ("defaults", "silent", "loud", "iversion", "noiversion", "mand", "nomand"):
        found = tmpfs(c, option, "nodev")
        has(found, "rw", "nodev", "relatime")


@case("options of the file system do no harm to a bind mount", "RT-config-089")
def bind_superblock(c):
    outer, _ = bound(c, "defaults", "sync", "async", "dirsync", "lazytime", "nolazytime", "iversion", "noiversion", "mand", "nomand", "silent", "loud",
                     "mode=755", "size=1k", "nodev")
    has(outer, "nodev")


@case("what is no mount option goes to the file system, in its words", "RT-config-089")
def data(c):
    found = tmpfs(c, "size=2m", "mode=0711", "nr_inodes=100")
    assert {"size=2048k", "mode=711", "nr_inodes=100"} <= set(found["super"]), found


@case("what the file system does not know is its error")
def unknown_data(c):
    c.mount("/mnt", "tmpfs", "tmpfs", ["nosuchoption"])
    c.run().failed("/mnt|tmpfs", "invalid argument|nosuchoption")


@case("bind takes one mount, rbind those below it as well", "RT-config-027", "RT-config-050")
def binds(c):
    source = prepared(c, mark="rprivate")
    c.mount("/one", "bind", source, ["bind"])
    c.mount("/all", "bind", source, ["rbind"])
    text = c.probe()["mountinfo"]
    assert mount_line(text, "/one") and not mount_line(text, "/one/sub"), text
    assert mount_line(text, "/all") and mount_line(text, "/all/sub"), text


@case("remount changes a mount that is there", "RT-config-054")
def remount(c):
    c.mount("/mnt", "tmpfs", "tmpfs", ["nosuid", "size=1m"])
    c.mount("/mnt", "tmpfs", "tmpfs", ["remount", "nosuid", "nodev", "ro"])
    text = c.probe()["mountinfo"]
    has(mount_line(text, "/mnt"), "nosuid", "nodev", "ro")
    assert sum(row.split()[4] == "/mnt" for row in text.splitlines()) == 1, "a second mount was made"


@case("remount changes options of the file system")
def remount_data(c):
    c.mount("/mnt", "tmpfs", "tmpfs", ["size=1m"])
    c.mount("/mnt", "tmpfs", "tmpfs", ["remount", "size=2m"])
    found = line(c)
    assert "size=2048k" in found["super"], found


def kinds(found):
    """The words of the propagation, without the numbers of peer groups."""
    return {word.split(":")[0] for word in found["propagation"]}


@case("private, slave, shared, unbindable are for the mount alone", "RT-config-048", "RT-config-075", "RT-config-077", "RT-config-083")
def propagation(c):
    source = prepared(c, propagation="shared", mark="rshared")
    for name in ("private", "slave", "shared", "unbindable"):
        c.mount("/" + name, "bind", source, ["rbind", name])
    text = c.probe()["mountinfo"]
    assert kinds(mount_line(text, "/private")) == set(), text
    assert "master" in kinds(mount_line(text, "/slave")) and "shared" not in kinds(mount_line(text, "/slave")), text
    assert "shared" in kinds(mount_line(text, "/shared")), text
    assert kinds(mount_line(text, "/unbindable")) == {"unbindable"}, text
    for name in ("private", "unbindable"):
        assert kinds(mount_line(text, f"/{name}/sub")) != kinds(mount_line(text, "/" + name)), text


@case("shared with the host, both ways, when rootfsPropagation says so too", "RT-config-073", "RT-config-077")
def bidirectional(c):
    source = c.directory / "source"
    (source / "from-host").mkdir(parents=True)
    (source / "from-container").mkdir()
    script = (f'mount -t tmpfs host {source} && mount --make-shared {source} && mkdir {source}/from-host {source}/from-container && "$@"; code=$?; '
              f'if [ -e {source}/from-container/here ]; then echo host sees it; fi; exit $code')
    c.wrapper = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"]
    c.capabilities("CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE")
    c.shell("mount -t tmpfs inner /mnt/from-container && touch /mnt/from-container/here")
    for word in ("shared", "rshared"):
        for root, seen in ((None, ""), ("rslave", ""), ("shared", "host sees it"), ("rshared", "host sees it")):
            c.config["mounts"] = [mount for mount in c.config["mounts"] if mount["destination"] != "/mnt"]
            c.mount("/mnt", "bind", source, ["rbind", word])
            c.linux.pop("rootfsPropagation", None)
            if root:
                c.linux["rootfsPropagation"] = root
            assert c.run().ok().out.strip() == seen, (word, root)


@case("rprivate, rslave, rshared, runbindable are for those below it as well", "RT-config-064", "RT-config-068", "RT-config-069", "RT-config-073")
def recursive_propagation(c):
    source = prepared(c, propagation="shared", mark="rshared")
    for name in ("rprivate", "rslave", "rshared", "runbindable"):
        c.mount("/" + name, "bind", source, ["rbind", name])
    text = c.probe()["mountinfo"]
    for below in ("", "/sub"):
        assert kinds(mount_line(text, "/rprivate" + below)) == set(), text
        assert "master" in kinds(mount_line(text, "/rslave" + below)), text
        assert "shared" not in kinds(mount_line(text, "/rslave" + below)), text
        assert "shared" in kinds(mount_line(text, "/rshared" + below)), text
        assert kinds(mount_line(text, "/runbindable" + below)) == {"unbindable"}, text


def recursive(name, option, statement, word, source="rw", present=True):
    def run(c):
        for found in bound(c, option, source=source):
            (has if present else lacks)(found, word)
    run.__name__, run.__module__ = name, __name__
    case(f"{option} reaches the mounts below", statement)(run)


recursive("rro", "rro", "RT-config-066", "ro")
recursive("rrw", "rrw", "RT-config-067", "rw", source="ro")
recursive("rnosuid", "rnosuid", "RT-config-061", "nosuid")
recursive("rsuid", "rsuid", "RT-config-071", "nosuid", source="nosuid", present=False)
recursive("rdev", "rdev", "RT-config-051", "nodev", source="nodev", present=False)
recursive("rnoexec", "rnoexec", "RT-config-058", "noexec")
recursive("rexec", "rexec", "RT-config-055", "noexec", source="noexec", present=False)
recursive("rnoatime", "rnoatime", "RT-config-056", "noatime")
recursive("ratime", "ratime", "RT-config-049", "noatime", source="noatime", present=False)
recursive("rrelatime", "rrelatime", "RT-config-065", "relatime", source="noatime")
recursive("rnorelatime", "rnorelatime", "RT-config-059", "noatime", present=False)
recursive("rstrictatime", "rstrictatime", "RT-config-070", "relatime", present=False)
recursive("rnostrictatime", "rnostrictatime", "RT-config-060", "relatime", source="strictatime")
recursive("rnodiratime", "rnodiratime", "RT-config-057", "nodiratime")
recursive("rdiratime", "rdiratime", "RT-config-052", "nodiratime", source="nodiratime", present=False)
recursive("rnosymfollow", "rnosymfollow", "RT-config-062", "nosymfollow")
recursive("rsymfollow", "rsymfollow", "RT-config-072", "nosymfollow", source="nosymfollow", present=False)


@case("rnodev reaches the mounts below")
def rnodev(c):
    for found in bound(c, "rnodev"):
        has(found, "nodev")


@case("ro is for the mount alone")
def not_recursive(c):
    outer, inner = bound(c, "ro")
    has(outer, "ro")
    lacks(inner, "ro")


@case("each option of the table is in features", "RT-config-024", "RT-features-013", "RT-features-014")
def listed(c):
    import json
    import pathlib
    table = pathlib.Path(__file__).resolve().parents[2] / "spec-notes/statements.tsv"
    rows = [row.split("\t")[4] for row in table.read_text().splitlines() if row.startswith("RT-config-0")]
    wanted = {row.split("`")[1].strip() for row in rows if row.startswith("`") and " | " in row and not row.startswith("`org.")}
    assert len(wanted) > 55, wanted
    options = json.loads(c.call("features").ok().out)["mountOptions"]
    assert wanted - {"idmap", "ridmap"} <= set(options), wanted - set(options)  # these are in mountExtensions as well
    for option in sorted(set(options) - {"idmap", "ridmap", "remount", "bind", "rbind", "tmpcopyup"}):
        c.config["mounts"] = [mount for mount in c.config["mounts"] if mount["destination"] != "/mnt"]
        c.mount("/mnt", "tmpfs", "tmpfs", [option])
        c.args("true").run().ok()
