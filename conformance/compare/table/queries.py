"""state, list, ps, events, features and spec: what callers parse."""
from row import row

for state in ("created", "running", "paused", "stopped"):
    row(f"state, {state}", "state {id}", state=state, out="state")
row("version and owner in the state", "state {id}", state="running", out="json")
row("state of what is not there", "state {id}", exits=1, says="container does not exist")
row("state as containerd", "--root {root} --log {dir}/log --log-format json state {id}", state="running", out="state", root=False, files={"log": "log"})
row("text of the state", "state {id}", state="running")

for state in ("none", "created", "running", "paused", "stopped"):
    row(f"list, {state}", "list", state=state, out="table")
    row(f"list in JSON, {state}", "list --format json", state=state, out="state")
row("list of ids", "list -q", state="running")
row("list of ids, long", "list --quiet", state="stopped")
row("list of ids in JSON", "list --quiet --format json", state="running")
row("list as a table", "list --format table", state="running", out="table")
row("list in JSON, short", "list -f json", state="running", out="state")
row("list in JSON by =", "list --format=json", state="running", out="state")
row("list in another format", "list --format yaml", exits=1, state="running", out=None)
row("list with what is no container", "list", state="running", out="table", before="mkdir -p $root/stray", fresh=True)
row("list of several", "list -q", state="running", before="$RUNTIME --root $root create --bundle $bundle $other </dev/null >/dev/null 2>&1", fresh=True)

row("ps", "ps {id}", state="running", out="header")
row("ps as a table", "ps --format table {id}", state="running", out="header")
row("ps in JSON", "ps --format json {id}", state="running", out="shape", fresh=True)
row("ps in JSON, short", "ps -f json {id}", state="running", out="shape")
row("ps in JSON by =", "ps --format=json {id}", state="running", out="shape")
row("ps in another format", "ps --format yaml {id}", exits=1, state="running", out=None)
row("ps with arguments", "ps {id} -o pid,comm", state="running", out="table")
row("ps with a letter", "ps {id} -ef", state="running", out="header")
row("ps with arguments without a dash", "ps {id} aux", state="running", out="header")
row("ps with -- before its arguments", "ps {id} -- -o pid,comm", exits=1, state="running", out="table")
row("ps with wrong arguments", "ps {id} --bogus", exits=1, state="running", out=None)
row("ps without pids", "ps {id} -o comm", exits=1, state="running", says="pid", out=None)
row("ps of what was created", "ps --format json {id}", state="created", out="shape")
row("ps of what is paused", "ps --format json {id}", state="paused", out="shape")
row("ps of what has ended", "ps --format json {id}", state="stopped", out="shape")
row("ps table of what has ended", "ps {id}", state="stopped", out="header")
row("ps of what is not there", "ps {id}", exits=1, says="container does not exist")
row("ps as containerd", "--log {dir}/log --log-format json ps --format json {id}", state="running", out="shape", files={"log": "log"})

row("events once", "events --stats {id}", state="running", out="lines")
row("events once with what limits", "events --stats {id}", state="running", out="lines", config={
    "linux.resources.memory": {"limit": 67108864}, "linux.resources.pids": {"limit": 50},
    "linux.resources.cpu": {"shares": 512, "quota": 50000, "period": 100000}})
row("events of what was created", "events --stats {id}", state="created", out=None)
row("events of what is paused", "events --stats {id}", state="paused", out="lines")
row("events of what has ended", "events --stats {id}", exits=1, state="stopped", says="not running|stopped")
row("events of what is not there", "events --stats {id}", exits=1, says="container does not exist")
row("events without an interval", "events --interval 0s {id}", exits=1, state="running", says="interval")
row("events with a wrong interval", "events --interval often {id}", exits=1, state="running", out=None)
row("events with an interval of no unit", "events --interval 5 {id}", exits=1, state="running", out=None)

row("features", "features", out="shape")

row("spec", "spec", exits=1, says="config.json|exist")
row("values of spec", "spec --bundle {dir}", files={"config.json": "json"})
row("spec with a bundle, short", "spec -b {dir}", files={"config.json": "exists"})
row("mode of spec", "spec --bundle {dir}", files={"config.json": "mode"})
row("values of spec without root", "spec --rootless --bundle {dir}", files={"config.json": "json"})
row("spec again", "spec --bundle {dir}", exits=1, before="echo x > $dir/config.json", files={"config.json": "text"}, says="config.json|exist")
row("spec in no directory", "spec --bundle {dir}/nothing", exits=1, says="no such file or directory")
row("spec and run", "run --bundle {dir} {id}", before="$RUNTIME spec --bundle $dir && mkdir $dir/rootfs && cp -a $bundle/rootfs/. $dir/rootfs/ "
    "&& sed -i 's/\"terminal\": true/\"terminal\": false/; s/\"sh\"/\"pwd\"/' $dir/config.json")
