#!/usr/bin/env bash
# Measures background tasks: what a start costs over the sandbox's own, what a supervisor at rest needs, how fast output is kept,
# and how fast many records are listed. With pueue beside it, where it is installed.
#
# Builds a static release binary, or takes the one that `REMIT` names, and prints a table. Run it on a machine that does nothing else.
set -euo pipefail
cd "$(dirname "$0")/.."

runs=${RUNS:-50}
at_rest=${AT_REST:-500}
records=${RECORDS:-10000}
megabytes=${MEGABYTES:-2048}
target=x86_64-unknown-linux-gnu
[ -n "${REMIT:-}" ] || RUSTFLAGS="-C target-feature=+crt-static" cargo build --quiet --release --package remit --target "$target"
directory=$(cargo metadata --format-version 1 --no-deps | python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')

# Not below /tmp, which a task has of its own.
mkdir -p "$directory"
scratch=$(mktemp -d "$directory/bench-tasks.XXXXXX")
mkdir "$scratch/workspace"
export XDG_STATE_HOME=$scratch/state XDG_CONFIG_HOME=$scratch/config
cp "${REMIT:-$directory/$target/release/remit}" "$scratch/remit"
clear_up() {
  # Every task of this run, by its own store; nobody else's.
  "$scratch/remit" tasks --all --json 2>/dev/null |
    python3 -c 'import json, sys; print("\n".join(t["id"] for t in json.load(sys.stdin)["tasks"] if not t["ended_at"]))' |
    xargs -r -n 50 "$scratch/remit" cancel --grace 0s 2>/dev/null || true
  [ -z "${pueued:-}" ] || kill "$pueued" 2>/dev/null || true
  # A supervisor that is just ending may write once more.
  rm -rf "$scratch" 2>/dev/null || { sleep 1; rm -rf "$scratch"; }
}
trap clear_up EXIT

python3 - "$scratch" "$runs" "$at_rest" "$records" "$megabytes" <<'END'
import glob, json, os, sqlite3, statistics, subprocess, sys, time
scratch, runs, at_rest, records, megabytes = sys.argv[1], *map(int, sys.argv[2:])
remit, workspace, state = f"{scratch}/remit", f"{scratch}/workspace", f"{scratch}/state/remit"
rows = []

def run(*arguments, check=True):
    return subprocess.run([remit, *arguments], cwd=workspace, check=check, capture_output=True, text=True).stdout

def row(what, measured, wanted):
    rows.append((what, measured, wanted))
    print(f"  {what}: {measured}", file=sys.stderr)

# The agent: the shipped test-runner with the commands of this script.
agent = json.load(open("policies/agents/test-runner.json"))
agent["toolsSettings"]["execute_bash"]["allowedCommands"] += ["sleep *", "/usr/bin/date *", "head *", "true"]
agent_file = f"{scratch}/agent.json"
json.dump(agent, open(agent_file, "w"))
run("run", "--yes", "--agent", agent_file, "--", "true")

# 1. From the call to the first instruction of the task, in the foreground and in the background: the task says when it runs.
def foreground():
    before = time.time()
    return float(run("run", "--agent", agent_file, "--", "/usr/bin/date", "+%s.%N")) - before
def background():
    before = time.time()
    id = run("run", "--background", "--agent", agent_file, "--", "/usr/bin/date", "+%s.%N").strip()
    returned = time.time() - before
    run("wait", id)
    return float(run("logs", id)) - before, returned
fore = statistics.median(foreground() for _ in range(runs))
back = [background() for _ in range(runs)]
start, returned = statistics.median(b[0] for b in back), statistics.median(b[1] for b in back)
row("start to running, in the foreground (the sandbox's own cost)", f"{fore * 1000:.1f} ms", "")
row("start to running, in the background", f"{start * 1000:.1f} ms", "")
row("the difference", f"{(start - fore) * 1000:.1f} ms", "10 ms or less")
row("`remit run --background` returns after", f"{returned * 1000:.1f} ms", "")

# 2. A supervisor at rest.
def supervisors(id=""):
    found = []
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            words = open(path, "rb").read().split(b"\0")
            environment = open(path.replace("cmdline", "environ"), "rb").read()
        except OSError:
            continue
        if b"supervise" in words and scratch.encode() in environment and id.encode() in b" ".join(words):
            found.append(int(path.split("/")[2]))
    # The init of a task's pid namespace is a fork of its supervisor, and looks like one.
    parent = lambda pid: int(open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[1])
    return [pid for pid in found if parent(pid) not in found]
def private(pid):
    lines = open(f"/proc/{pid}/smaps_rollup").read().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(("Private_Clean", "Private_Dirty")))
def dirty(pid):
    lines = open(f"/proc/{pid}/smaps_rollup").read().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_Dirty"))
def woken(pid):
    lines = open(f"/proc/{pid}/status").read().splitlines()
    return sum(int(line.split()[1]) for line in lines if "ctxt_switches" in line)
def cpu(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])
id = run("run", "--background", "--agent", agent_file, "--", "sleep", "100000").strip()
while json.loads(run("status", id, "--json"))["state"] != "running":
    time.sleep(0.05)
time.sleep(0.5)
[pid] = supervisors(id)
before = woken(pid)
row("private memory of a supervisor at rest, of it written to", f"{private(pid)} KiB, {dirty(pid)} KiB", "4 MiB or less")
time.sleep(10)
row("wake-ups of it in 10 s", str(woken(pid) - before), "0")
run("cancel", id, "--grace", "0s")

# 3. Many at rest: half running, half queued.
run("settings", "tasks.maxConcurrent", str(at_rest // 2))
before = time.time()
for _ in range(at_rest):
    run("run", "--background", "--agent", agent_file, "--", "sleep", "100000")
row(f"{at_rest} tasks are started in", f"{time.time() - before:.1f} s", "")
while True:
    states = [t["state"] for t in json.loads(run("tasks", "--json"))["tasks"] if not t["ended_at"]]
    if states.count("running") == at_rest // 2:
        break
    time.sleep(0.2)
time.sleep(2)
pids = supervisors()
ticks, wakes = sum(map(cpu, pids)), sum(map(woken, pids))
time.sleep(10)
row(f"CPU time of the {len(pids)} supervisors in 10 s", f"{(sum(map(cpu, pids)) - ticks) * 10} ms", "not measurable")
row("their wake-ups in 10 s", str(sum(map(woken, pids)) - wakes), "0")
ids = [t["id"] for t in json.loads(run("tasks", "--json"))["tasks"] if not t["ended_at"]]
before = time.time()
run("cancel", "--grace", "0s", *ids)
run("wait", *ids, check=False)
row(f"all {at_rest} are cancelled in", f"{time.time() - before:.1f} s", "")
run("settings", "tasks.maxConcurrent", "--unset")

# 4. Output through to disk, against `cat > file`, three times in turn. All of it is kept in the first two.
agent["toolsSettings"]["sandbox"] = {"limits": {"output": "16G"}}
json.dump(agent, open(f"{scratch}/all.json", "w"))
run("run", "--yes", "--agent", f"{scratch}/all.json", "--", "true")
size = megabytes << 20
def output(agent):
    id = run("run", "--background", "--agent", agent, "--", "head", "-c", str(size), "/dev/zero").strip()
    run("wait", id)
    task = json.loads(run("status", id, "--json"))
    from datetime import datetime
    at = lambda key: datetime.fromisoformat(task[key][:26].rstrip("Z") + "+00:00").timestamp()
    run("delete", id)
    return size / (at("ended_at") - at("started_at")) / 1e6
def cat():
    before = time.time()
    subprocess.run(f"head -c {size} /dev/zero | cat > {scratch}/cat", shell=True, check=True)
    speed = size / (time.time() - before) / 1e6
    os.remove(f"{scratch}/cat")
    return speed
speeds = [(cat(), output(f"{scratch}/all.json"), output(agent_file)) for _ in range(3)]
row("`head -c … /dev/zero | cat > file`", f"{statistics.median(s[0] for s in speeds):.0f} MB/s", "")
row("the same as a task, all of it kept", f"{statistics.median(s[1] for s in speeds):.0f} MB/s", "500 MB/s or more")
row("the same as a task, the first and the last of it kept (64 MiB)", f"{statistics.median(s[2] for s in speeds):.0f} MB/s", "500 MB/s or more")

# 5. Many records: one that is there, many times.
run("run", "--agent", agent_file, "--", "true")
# Whoever looks takes it in.
run("tasks")
store = sqlite3.connect(f"{state}/tasks.db", isolation_level=None)
row_ = store.execute("SELECT id, name, created, position, over, told, state, record FROM tasks WHERE over = 1 ORDER BY created DESC LIMIT 1").fetchone()
events = store.execute("SELECT seq, at, event FROM events WHERE task = ?", (row_[0],)).fetchall()
letters = "0123456789abcdefghjkmnpqrstvwxyz"
store.execute("BEGIN IMMEDIATE")
for number in range(records):
    id = "task-" + "".join(letters[number >> (5 * place) & 31] for place in range(6))
    record = json.loads(row_[7]) | {"id": id, "name": f"bench-{number}"}
    store.execute("INSERT OR IGNORE INTO tasks VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (id, f"bench-{number}", row_[2] + number, *row_[3:7], json.dumps(record)))
    store.executemany("INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?)", [(id, *event) for event in events])
store.execute("COMMIT")
store.close()
def timed(*arguments):
    before = time.time()
    run(*arguments)
    return time.time() - before
count = len(run("tasks", "--all").splitlines()) - 1
for arguments in (["tasks"], ["tasks", "--all"], ["tasks", "--all", "--json"]):
    timed(*arguments)
    row(f"`remit {' '.join(arguments)}` over {count} records", f"{statistics.median(timed(*arguments) for _ in range(9)) * 1000:.1f} ms", "50 ms or less" if len(arguments) < 3 else "")

print("| | measured | wanted |\n| --- | --- | --- |")
for what, measured, wanted in rows:
    print(f"| {what} | {measured} | {wanted} |")
END

# pueue, where it does the same: adding a task until it runs, its daemon's memory, its status.
if command -v pueued >/dev/null && command -v pueue >/dev/null; then
  mkdir "$scratch/pueue" "$scratch/pueue/run"
  printf 'shared:\n  pueue_directory: %s\n  runtime_directory: %s\n  use_unix_socket: true\n  unix_socket_path: %s\ndaemon: {}\nclient: {}\n' \
    "$scratch/pueue" "$scratch/pueue/run" "$scratch/pueue/run/socket" > "$scratch/pueue.yml"
  pueued --config "$scratch/pueue.yml" > /dev/null 2>&1 &
  pueued=$!
  python3 - "$scratch" "$runs" "$pueued" <<'END'
import re, statistics, subprocess, sys, time
scratch, runs, daemon = sys.argv[1], int(sys.argv[2]), sys.argv[3]
def pueue(*arguments, check=True):
    return subprocess.run(["pueue", "--config", f"{scratch}/pueue.yml", *arguments], check=check, capture_output=True, text=True).stdout
while subprocess.run(["pueue", "--config", f"{scratch}/pueue.yml", "status"], capture_output=True).returncode:
    time.sleep(0.05)
def begin():
    before = time.time()
    id = pueue("add", "--print-task-id", "--", "/usr/bin/date +%s.%N").strip()
    pueue("wait", id)
    return float(re.search(r"\d{9,}\.\d+", pueue("log", id)).group()) - before
print(f"| pueue: add to running, without a sandbox | {statistics.median(begin() for _ in range(runs)) * 1000:.1f} ms | |")
memory = sum(int(line.split()[1]) for line in open(f"/proc/{daemon}/smaps_rollup") if line.startswith("Private"))
def woken():
    total = 0
    import glob
    for path in glob.glob(f"/proc/{daemon}/task/*/status"):
        total += sum(int(line.split()[1]) for line in open(path) if "ctxt_switches" in line)
    return total
before = woken()
time.sleep(10)
print(f"| pueue: private memory of its daemon | {memory} KiB | |")
print(f"| pueue: wake-ups of its daemon at rest in 10 s | {woken() - before} | |")
END
fi
