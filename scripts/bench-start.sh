#!/usr/bin/env bash
# Measures what a confined start costs: `remit run … /bin/true` under several plans, against `env /bin/true`.
#
# Builds a static release binary, and prints a table of medians and ratios for the README. Needs hyperfine; measures
# bubblewrap too where it is installed. Run it on a machine that does nothing else.
set -euo pipefail
cd "$(dirname "$0")/.."

runs=${RUNS:-500}
target=x86_64-unknown-linux-gnu
RUSTFLAGS="-C target-feature=+crt-static" cargo build --quiet --release --package remit --target "$target"
directory=$(cargo metadata --format-version 1 --no-deps | python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
remit=$directory/$target/release/remit

# Not below /tmp, which a task has of its own.
scratch=$(mktemp -d "$directory/bench.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/workspace"
export XDG_STATE_HOME=$scratch/state XDG_CONFIG_HOME=$scratch/config

# Writes an agent that may run /bin/true: the shipped test-runner, with settings for the sandbox where they are given.
agent() {
  python3 - "$1" "${2:-}" <<'END'
import json, sys
path, sandbox = sys.argv[1:]
agent = json.load(open("policies/agents/test-runner.json"))
agent["toolsSettings"]["execute_bash"]["allowedCommands"].append("/bin/true")
if sandbox:
    agent["toolsSettings"]["sandbox"] = json.loads(sandbox)
json.dump(agent, open(path, "w"))
END
}
agent "$scratch/layer.json"
# A write grant takes the layer's place, and without a private loopback no namespace is wanted for the network.
agent "$scratch/direct.json" '{ "files": { "write": ["target/**"] }, "network": { "loopback": false }, "profile": "base" }'

direct="$remit run --agent $scratch/direct.json --cwd $scratch/workspace -- /bin/true"
layer="$remit run --agent $scratch/layer.json --cwd $scratch/workspace -- /bin/true"

# Once each, so that the approvals are there and a command that fails is seen.
first() {
  $1 run --yes --agent "$2" --cwd "$scratch/workspace" -- /bin/true 2> "$scratch/first" || {
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

first "$remit" "$scratch/direct.json"
first "$remit" "$scratch/layer.json"
commands=("/usr/bin/env /bin/true" "$direct" "$layer")
if unshare --user true 2>/dev/null && command -v bwrap >/dev/null; then
  commands+=("bwrap --unshare-all --die-with-parent --ro-bind / / --proc /proc --dev /dev --tmpfs /tmp -- /bin/true")
fi
hyperfine -N --warmup 20 --runs "$runs" --export-json "$scratch/with.json" "${commands[@]}" >&2

first "without_namespaces $remit" "$scratch/direct.json"
without_namespaces hyperfine -N --warmup 20 --runs "$runs" --export-json "$scratch/without.json" \
  "/usr/bin/env /bin/true" "$direct" >&2

python3 - "$scratch/with.json" "$scratch/without.json" <<'END'
import json, sys
def times(path):
    return [result["median"] for result in json.load(open(path))["results"]]
with_, without = times(sys.argv[1]), times(sys.argv[2])
rows = [
    ("`env /bin/true`", with_[0], with_[0]),
    ("`test-runner` with a write grant and the profile `base`: Landlock and seccomp alone, no namespaces", without[1], without[0]),
    ("the same, with a root of its own (mount, pid, ipc, uts namespaces)", with_[1], with_[0]),
    ("`test-runner` as it ships: private layers and a network namespace too", with_[2], with_[0]),
]
if len(with_) > 3:
    rows.append(("bubblewrap with all namespaces, no filter", with_[3], with_[0]))
print("| | median | ratio |\n| --- | --- | --- |")
for name, time, base in rows:
    print(f"| {name} | {time * 1000:.2f} ms | {time / base:.1f} |")
END
