"""pause, resume and update."""
from row import row


row("pause", "pause {id}", state="running", after="paused")
row("pause what was created", "pause {id}", state="created", after="paused")
row("pause what is paused", "pause {id}", exits=1, state="paused", says="paused|not running")
row("pause what has ended", "pause {id}", exits=1, state="stopped", says="not running|stopped")
row("pause what is not there", "pause {id}", exits=1, says="container does not exist")
row("resume", "resume {id}", state="paused", after="running")
row("resume what runs", "resume {id}", exits=1, state="running", says="not paused")
row("resume what was created", "resume {id}", exits=1, state="created", says="not paused")
row("resume what has ended", "resume {id}", exits=1, state="stopped", says="not paused|stopped")
row("resume what is not there", "resume {id}", exits=1, says="container does not exist")

def update(name, options, exits=0, says=None, stdin=None, **rest):
    row(f"update {name}", f"update {options}", exits, state=rest.pop("state", "running"), says=says, stdin=stdin, limits=True, **rest)


update("nothing", "{id}")
for option in ("--memory 64M", "--memory 67108864", "--memory=64m", "--memory 64MB", "--memory 1g", "--memory -1", "--memory-reservation 32M",
               "--pids-limit 20", "--pids-limit -1", "--pids-limit 0", "--cpu-share 512", "--cpu-quota 50000", "--cpu-quota -1", "--cpu-period 100000",
               "--cpu-period 100000 --cpu-quota 50000", "--cpuset-cpus 0", "--cpuset-cpus 0-1", "--cpuset-mems 0", "--blkio-weight 0",
               "--kernel-memory 64M", "--kernel-memory-tcp 64M"):
    update(f"with {option}", f"{option} {{id}}", fresh=True)
update("with --memory of nothing", "--memory '' {id}", fresh=True)
update("with --memory 1.5G", "--memory 1.5G {id}", fresh=True)
update("with a low --blkio-weight", "--blkio-weight 5 {id}", fresh=True)
update("with --pids-limit of no number", "--pids-limit many {id}", 1, out=None)
update("with --blkio-weight of no number", "--blkio-weight many {id}", 1, out=None)
update("behind the id", "{id} --memory 64M")
update("with one dash", "-memory 64M {id}")
for option in ("--memory many", "--memory 64X", "--memory -2", "--cpu-share many", "--cpu-quota many", "--cpu-period many",
               "--cpuset-cpus 99", "--cpuset-cpus x", "--cpuset-mems 99", "--cpu-quota 1", "--cpu-period 1",
               "--memory 1", "--cpu-share -1", "--memory 0x100000000"):
    update(f"with a wrong {option}", f"{option} {{id}}", 1)
update("with what is too much", "{id} {other}", 1, out=None)
for word in ("-", "/dev/stdin"):
    update(f"of JSON from {word}", f"--resources {word} {{id}}", stdin='{"memory": {"limit": 67108864}, "pids": {"limit": 30}}')
update("of JSON, short", "-r - {id}", stdin='{"cpu": {"shares": 500, "quota": 40000, "period": 100000}}')
update("of JSON as containerd", "--resources - {id}",
       stdin='{"devices": [{"allow": false, "access": "rwm"}], "memory": {"limit": 67108864}, "cpu": {"shares": 2}}')
update("of an empty object", "--resources - {id}", stdin="{}")
update("of nothing", "--resources - {id}", 1, stdin="")
update("of what is no JSON", "--resources - {id}", 1, stdin="{")
update("of a wrong type", "--resources - {id}", 1, stdin='{"memory": {"limit": "x"}}', says="limit|memory")
update("of a file that is not there", "--resources {dir}/nothing {id}", 1, says="no such file or directory")
update("of a file", "--resources {dir}/limits {id}", before="echo '{\"pids\": {\"limit\": 40}}' > $dir/limits")
update("of what is not there", "--memory 64M {id}", 1, state="none", says="container does not exist")
update("of what was created", "--memory 64M {id}", state="created")
update("of what is paused", "--memory 64M {id}", state="paused")
update("of what has ended", "--memory 64M {id}", 1, state="stopped", says="not running|stopped")
update("of the cache", "--l3-cache-schema L3:0=f {id}", 1)
update("of the bandwidth", "--mem-bw-schema MB:0=20 {id}", 1)
update("of an unknown member", "--resources - {id}", stdin='{"tomorrow": 1}')
