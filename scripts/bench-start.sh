#!/usr/bin/env bash
# Measures what confinement costs, and prints two tables for the README: the start of `/bin/true` under several plans
# against `env /bin/true` and bubblewrap, and what a compile and a walk over `/usr` take in the end. A launcher of some lines of C
# (bare.c), which has one rule of Landlock and a filter of one instruction and allows everything, shows what the kernel itself takes.
#
# Builds a static release binary: against musl where rustup has that target and there is a musl-gcc, because glibc asks the
# processor some seventy questions before `main`, which a virtual machine answers slowly. Needs hyperfine and cc; measures
# bubblewrap where it is installed. Run it on a machine that does nothing else. RUNS and STEADY_RUNS say how often, REMIT
# names a binary that is built already.
set -euo pipefail
cd "$(dirname "$0")/.."

runs=${RUNS:-500} steady_runs=${STEADY_RUNS:-10}
musl=x86_64-unknown-linux-musl
target=x86_64-unknown-linux-gnu
if [ -d "$(rustc --print sysroot)/lib/rustlib/$musl" ] && command -v musl-gcc >/dev/null; then
  target=$musl
fi
directory=$(cargo metadata --format-version 1 --no-deps | python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
remit=${REMIT:-$directory/$target/release/remit}
if [ -z "${REMIT:-}" ]; then
  # For musl that is so anyway.
  RUSTFLAGS="-C target-feature=+crt-static" cargo build --quiet --release --package remit --target "$target"
fi

# Not below /tmp, which a task has of its own.
scratch=$(mktemp -d "$directory/bench.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
workspace=$scratch/workspace
mkdir -p "$workspace/target" "$scratch/config/remit/profiles"
export XDG_STATE_HOME=$scratch/state XDG_CONFIG_HOME=$scratch/config

# Writes an agent that may run what is measured: the shipped test-runner, with settings for the sandbox where they are given.
agent() {
  python3 - "$1" "${2:-}" <<'END'
import json, sys
path, sandbox = sys.argv[1:]
agent = json.load(open("policies/agents/test-runner.json"))
agent["toolsSettings"]["execute_bash"]["allowedCommands"] += ["/bin/true", "sh compile.sh", "sh find.sh"]
if sandbox:
    agent["toolsSettings"]["sandbox"] = json.loads(sandbox)
json.dump(agent, open(path, "w"))
END
}
agent "$scratch/layer.json"
# A write grant takes the layer's place, and without a private loopback no namespace is wanted for the network.
agent "$scratch/direct.json" '{ "files": { "write": ["target/**"] }, "network": { "loopback": false }, "profile": "base" }'
# Ten directories: /usr, /etc, seven of the benchmark, and the workspace; `--dev` of bubblewrap brings the same devices.
agent "$scratch/ten.json" '{ "files": { "write": ["."] }, "network": { "loopback": false }, "profile": "ten" }'
binds=()
for n in 1 2 3 4 5 6 7; do
  mkdir "$scratch/bind-$n"
  binds+=("$scratch/bind-$n")
done
python3 - "$scratch/config/remit/profiles/ten.json" "${binds[@]}" <<'END'
import json, sys
devices = ["null", "zero", "full", "random", "urandom", "tty"]
json.dump({
    "name": "ten", "description": "Ten directories, for a measurement.",
    "files": {
        "execute": ["/usr", "/bin", "/lib", "/lib64"],
        "read": ["/etc", "/proc", *sys.argv[2:]],
        "write": ["/tmp", *("/dev/" + device for device in devices)],
    },
}, open(sys.argv[1], "w"))
END
in_bwrap="--die-with-parent --ro-bind /usr /usr --symlink usr/bin /bin --symlink usr/lib /lib --symlink usr/lib64 /lib64"
in_bwrap+=" --ro-bind /etc /etc$(printf -- " --ro-bind %s %s" $(printf '%s\n' "${binds[@]}" | sed 'p'))"
in_bwrap+=" --bind $workspace $workspace --proc /proc --dev /dev --tmpfs /tmp --chdir $workspace -- /bin/true"

cc -O2 -o "$scratch/bare" scripts/bare.c

run() {
  echo "$remit run --agent $scratch/$1.json --cwd $workspace -- ${2:-/bin/true}"
}

# Once each, so that the approvals are there and a command that fails is seen.
first() {
  $1 run --yes --agent "$scratch/$2.json" --cwd "$workspace" -- /bin/true 2> "$scratch/first" || {
    cat "$scratch/first" >&2
    exit 1
  }
}

# Runs a command where no user namespace can be made: what is left is Landlock and seccomp.
without_namespaces() {
  unshare --user --map-current-user --keep-caps sh -c '
    echo 0 > /proc/sys/user/max_user_namespaces
    exec setpriv --bounding-set=-all --inh-caps=-all --ambient-caps=-all -- "$@"' sh "$@"
}

measure() {
  hyperfine -N --warmup 20 --runs "$runs" --export-json "$@" >&2
}

for name in direct layer ten; do
  first "$remit" "$name"
done
commands=("/usr/bin/env /bin/true" "$(run direct)" "$(run layer)" "$(run ten)")
if unshare --user true 2>/dev/null && command -v bwrap >/dev/null; then
  # With all of its namespaces, and with those that remit makes here.
  commands+=("bwrap --unshare-all $in_bwrap" "bwrap --unshare-user --unshare-pid --unshare-ipc --unshare-uts $in_bwrap")
fi
measure "$scratch/with.json" "${commands[@]}"
first "without_namespaces $remit" direct
without_namespaces hyperfine -N --warmup 20 --runs "$runs" --export-json "$scratch/without.json" \
  "/usr/bin/env /bin/true" "$(run direct)" "$scratch/bare /bin/true" >&2

python3 - "$scratch/with.json" "$scratch/without.json" <<'END'
import json, sys
def times(path):
    return [result["median"] for result in json.load(open(path))["results"]]
with_, without = times(sys.argv[1]), times(sys.argv[2])
rows = [
    ("`env /bin/true`", with_[0], with_[0]),
    ("a bare launcher in C: one rule of Landlock and a filter that allow everything", without[2], without[0]),
    ("`test-runner` with a write grant and the profile `base`: Landlock and seccomp alone, no namespaces", without[1], without[0]),
    ("the same, with a root of its own (mount, pid, ipc, uts, cgroup namespaces)", with_[1], with_[0]),
    ("`test-runner` as it ships: private layers and a network namespace too", with_[2], with_[0]),
    ("ten binds, a root of its own, Landlock and seccomp; a socket filter for the network", with_[3], with_[0]),
]
if len(with_) > 4:
    rows.append(("bubblewrap with the same ten binds and all namespaces, no filter", with_[4], with_[0]))
    rows.append(("bubblewrap with the same ten binds and no network namespace", with_[5], with_[0]))
print("| | median | ratio |\n| --- | --- | --- |")
for name, time, base in rows:
    print(f"| {name} | {time * 1000:.2f} ms | {time / base:.1f} |")
if len(with_) > 4:
    print(f"\nTen binds are {with_[3] / with_[4]:.2f} of bubblewrap with all namespaces, {with_[3] / with_[5]:.2f} of the other.")
END

# What work costs once it has started.
echo 'cc -O2 -c big.c -o target/big.o' > "$workspace/compile.sh"
# Ten times, so that the start is a small part of it: the table above has that.
echo 'for n in 1 2 3 4 5 6 7 8 9 10; do find /usr -type f | wc -l; done' > "$workspace/find.sh"
python3 - > "$workspace/big.c" <<'END'
for i in range(300):
    print(f"int f{i}(int *a, int n) {{ int s = {i}; for (int i = 0; i < n; i++) {{ s += a[i] * (i ^ s); if (s & {i + 1}) s ^= a[i] >> 3; }} return s; }}")
END
cd "$workspace"
for work in compile find; do
  hyperfine -N --warmup 2 --runs "$steady_runs" --export-json "$scratch/$work.json" \
    "sh $work.sh" "$(run direct "sh $work.sh")" "$(run layer "sh $work.sh")" >&2
  without_namespaces hyperfine -N --warmup 2 --runs "$steady_runs" --export-json "$scratch/$work-alone.json" \
    "sh $work.sh" "$(run direct "sh $work.sh")" "$scratch/bare sh $work.sh" >&2
done
python3 - "$scratch" <<'END'
import json, sys
def times(name):
    return [result["median"] for result in json.load(open(f"{sys.argv[1]}/{name}.json"))["results"]]
print("\n| | unconfined | a bare launcher | Landlock and seccomp alone | a root of its own | as it ships |")
print("| --- | --- | --- | --- | --- | --- |")
for work, name in [("compile", "`cc -O2` of 300 functions"), ("find", "`find /usr -type f \\| wc -l`, ten times in one task")]:
    (plain, root, layer), (plain_alone, alone, bare) = times(work), times(f"{work}-alone")
    compared = [(bare, plain_alone), (alone, plain_alone), (root, plain), (layer, plain)]
    over = [f"{(time / base - 1) * 100:+.1f} %" for time, base in compared]
    print(f"| {name} | {plain:.2f} s | {' | '.join(over)} |")
END
