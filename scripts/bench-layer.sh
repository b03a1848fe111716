#!/usr/bin/env bash
# Measures the private layer: what a start costs on a large workspace against a small one, and work inside a task against the same
# work outside, by turns in one run. Prints a table of medians and ratios.
#
# Builds a static release binary, or takes the one that `REMIT` names. Needs cargo, python3, and some 3 GB on the disk. SIZE is the size of
# the large workspace in GB (sparse files), FILES how many small files it has besides. On a machine that is not quiet the ratios are
# what can be compared.
set -euo pipefail
cd "$(dirname "$0")/.."

runs=${RUNS:-15}
size=${SIZE:-10}
files=${FILES:-20000}
target=x86_64-unknown-linux-gnu
[ -n "${REMIT:-}" ] || RUSTFLAGS="-C target-feature=+crt-static" cargo build --quiet --release --package remit --target "$target"
directory=$(cargo metadata --format-version 1 --no-deps | python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')

# Not below /tmp, which a task has of its own.
mkdir -p "${SCRATCH:-$directory}"
scratch=$(mktemp -d "${SCRATCH:-$directory}/bench-layer.XXXXXX")
trap 'chmod -R u+rwX "$scratch"; rm -rf "$scratch"' EXIT
export XDG_STATE_HOME=$scratch/state XDG_CONFIG_HOME=$scratch/config
cp "${REMIT:-$directory/$target/release/remit}" "$scratch/remit"
mkdir "$scratch/small" "$scratch/large" "$scratch/work"
cp -r tests/fixtures/cargo "$scratch/work/crate"
rm -rf "$scratch/work/crate/target"

# Outside and inside build in the same place.
unset CARGO_TARGET_DIR
python3 - "$scratch" "$runs" "$size" "$files" <<'END'
import json, os, statistics, subprocess, sys, time
scratch, runs, size, files = sys.argv[1], *map(int, sys.argv[2:])
remit = f"{scratch}/remit"

def tree(root, count):
    for number in range(count):
        at = f"{root}/d{number // 200}"
        os.makedirs(at, exist_ok=True)
        with open(f"{at}/f{number}", "w") as file:
            file.write(f"{number}\n" * 20)
tree(f"{scratch}/large", files)
for number in range(size * 10):
    with open(f"{scratch}/large/big{number}", "wb") as file:
        file.truncate(100 << 20)
tree(f"{scratch}/work", files)
open(f"{scratch}/small/one", "w").write("1\n")

agent = json.load(open("policies/agents/test-runner.json"))
agent["toolsSettings"]["execute_bash"]["allowedCommands"] += ["true", "sh work.sh", "sh work.sh *"]
agent_file = f"{scratch}/agent.json"
json.dump(agent, open(agent_file, "w"))

def task(workspace, *command, approve=False):
    arguments = [remit, "run", *(["--yes"] if approve else []), "--agent", agent_file, "--cwd", f"{scratch}/{workspace}", "--", *command]
    return subprocess.run(arguments, check=True, capture_output=True, text=True)
rows = []
def row(what, first, second, unit, note=""):
    rows.append(f"| {what} | {first:.1f} {unit} | {second:.1f} {unit} | {second / first:.2f} | {note} |")
    print(f"  {rows[-1]}", file=sys.stderr)

# 1. The start, on a small workspace and on a large one.
def started(workspace):
    before = time.perf_counter()
    task(workspace, "true")
    return (time.perf_counter() - before) * 1000
for workspace in ("small", "large", "work"):
    task(workspace, "true", approve=True)
pairs = [(started("small"), started("large")) for _ in range(max(runs, 5) * 4)]
row(f"start on 1 file; on {size} GB in {files} files", statistics.median(p[0] for p in pairs), statistics.median(p[1] for p in pairs), "ms", "wanted: about 1")

# 2. Work outside and inside, by turns: the script times itself, so the start is not in it.
open(f"{scratch}/work/work.sh", "w").write("""
timed() { name=$1; shift; a=$(date +%s%N); "$@" > /dev/null 2>&1 || echo "failed $name" >&2; b=$(date +%s%N); echo "$name $(( (b - a) / 1000 ))"; }
timed find find . -name nothing
timed stat ls -lR .
timed grep grep -r 77 d0 d1 d2 d3 d4
timed write dd if=/dev/zero of=new-file bs=1M count=256
timed read dd if=new-file of=/dev/null bs=1M
timed rewrite dd if=/dev/zero of=new-file bs=1M count=256 conv=notrunc
timed create sh -c 'mkdir -p made; i=0; while [ $i -lt 2000 ]; do : > made/$i; i=$((i + 1)); done'
timed remove rm -r made new-file
timed copy-up sh -c 'for i in $(seq 0 400); do echo x >> d9/f$((1800 + i % 200)); done'
timed build sh -c 'cd crate && cargo build --offline'
timed rebuild sh -c 'cd crate && touch src/lib.rs && cargo build --offline'
rm -rf crate/target
""")
def parse(out):
    return {line.split()[0]: int(line.split()[1]) / 1000 for line in out.splitlines() if len(line.split()) == 2}
def outside():
    return parse(subprocess.run(["sh", "work.sh"], cwd=f"{scratch}/work", check=True, capture_output=True, text=True).stdout)
def inside():
    done = task("work", "sh", "work.sh")
    if "failed" in done.stderr:
        print(done.stderr, file=sys.stderr)
    for line in done.stderr.splitlines():
        if "remit diff " in line:
            subprocess.run([remit, "discard", line.split("remit diff ")[1].split()[0]], check=True, capture_output=True)
    return parse(done.stdout)
outside(), inside()
turns = [(outside(), inside()) for _ in range(max(runs // 3, 3))]
names = {
    "find": "find over the tree", "stat": "ls -lR", "grep": "grep -r through 1000 files", "write": "dd: 256 MiB into a new file",
    "read": "dd: reading them", "rewrite": "dd: writing them anew", "create": "2000 new files", "remove": "removing them",
    "copy-up": "401 appends to 200 old files", "build": "cargo build", "rebuild": "cargo build after a change",
}
for key, name in names.items():
    row(name, statistics.median(t[0][key] for t in turns), statistics.median(t[1][key] for t in turns), "ms", "")

print("| | outside, or small | inside, or large | ratio | |\n| --- | --- | --- | --- | --- |")
print("\n".join(rows))
END
