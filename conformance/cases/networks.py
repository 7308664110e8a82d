"""A network for a container: the recipe of README.md, executed as it stands there, in namespaces of the case's own."""
import pathlib
import re
import shutil
import subprocess

from support import Skip, case

README = pathlib.Path(__file__).resolve().parents[2] / "README.md"

# /run, /etc and /usr/local are the case's own, and its network namespace is the host of the recipe; behind a cable is a world
HOST = """
mount --make-rprivate /
mount -t tmpfs tmpfs /run
mkdir -p /run/netns "$D/layers" && mount -t tmpfs tmpfs "$D/layers"
for place in etc usr/local; do
  mkdir -p "$D/layers/$place/upper" "$D/layers/$place/work"
  mount -t overlay -o "lowerdir=/$place,upperdir=$D/layers/$place/upper,workdir=$D/layers/$place/work" overlay "/$place"
done
ip link set lo up
ip netns add world
ip link add world0 type veth peer name eth0 netns world
ip address add 192.0.2.1/24 dev world0
ip link set world0 up
ip -n world address add 192.0.2.2/24 dev eth0
ip -n world link set eth0 up
ip -n world route add 10.89.0.0/24 via 192.0.2.1   # somebody outside who knows the way
"""

# what the recipe promises; each line prints a word that the case looks for
USE = """
cp -a web web2 && jq '.annotations["network.ports"] = "[]"' web/config.json > web2/config.json
serve() { busybox httpd -f -p "$1" -h "$D/$2" & servers="$servers $!"; }
servers=
trap 'kill $servers; $R delete --force web1; $R delete --force web2' EXIT
mkdir -p "$D/host" "$D/world" && echo host > "$D/host/index.html" && echo world > "$D/world/index.html"
$R run --detach --bundle web web1 >/dev/null
$R run --detach --bundle web2 web2 >/dev/null
serve 8000 host
ip netns exec world busybox httpd -f -p 9000 -h "$D/world" & servers="$servers $!"
# Debian's static busybox cannot resolve a name, not even a number, in wget
fetch="printf 'GET / HTTP/1.0\\r\\n\\r\\n' | busybox nc -w 5 \$0 \$1 | busybox tail -n 1"
get() { for try in $(seq ${TRIES:-100}); do answer=$("$@") && [ -n "$answer" ] && echo "$answer" && return; sleep 0.1; done; echo nothing; }
address=$(ip netns exec web1 ip -4 -o address show eth0 | sed 's|.*inet \\([0-9.]*\\)/.*|\\1|')
echo "address: $address"
echo "container to host: $(get $R exec web2 sh -c "$fetch" 10.89.0.1 8000)"
echo "container to container: $(get $R exec web2 sh -c "$fetch" "$address" 80)"
echo "container to world: $(get $R exec web2 sh -c "$fetch" 192.0.2.2 9000)"
echo "world to published port: $(get ip netns exec world sh -c "$fetch" 192.0.2.1 8080)"
echo "world to container: $(TRIES=1 get ip netns exec world sh -c "$fetch" "$address" 80 2>/dev/null)"
$R delete --force web1
$R delete --force web2
echo "left: $(ls /run/netns | grep -v world) $(iptables-save | grep 10.89.0) $(find /run/cni -name '10.89*' -o -name '*.result') $(ip -o link | grep veth)"
"""


def recipe():
    """The shell blocks of the section, in order."""
    section = re.search(r"^## A network by hand$(.*?)^## ", README.read_text(), re.MULTILINE | re.DOTALL).group(1)
    blocks = re.findall(r"^```sh\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 2, "README.md: the recipe has two blocks"
    return blocks


@case("README's recipe: host, containers and world are seen, nothing from outside but a published port comes in, and nothing is left")
def cni(c):
    for program in ("jq", "ip", "iptables", "/usr/lib/cni/bridge", "/usr/lib/cni/firewall"):
        if not shutil.which(program):
            raise Skip(f"{program} is not installed")
    (c.rootfs / "www").mkdir()
    (c.rootfs / "www/index.html").write_text("web\n")
    c.args("httpd", "-f", "-p", "80", "-h", "/www").write()
    web = c.directory / "web"
    c.bundle.rename(web)
    c.bundle.mkdir()
    script = "\n".join(["set -eu", HOST, *recipe(), USE])
    environment = c.environment | {"D": str(c.directory), "R": f"{c.runtime} --root /run/containers"}
    done = subprocess.run(["unshare", "--mount", "--net", "sh", "-c", script], cwd=c.directory, env=environment, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    said = dict(line.split(": ", 1) for line in done.stdout.splitlines() if ": " in line)
    assert said.pop("address").startswith("10.89.0."), done.stdout
    assert said == {"container to host": "host", "container to container": "web", "container to world": "world", "world to published port": "web",
                    "world to container": "nothing", "left": "   "}, done.stdout + done.stderr
