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

names=() commands=()
add() {
  names+=("$1")
  commands+=("$2")
}
add '`env /bin/true`' "/usr/bin/env /bin/true"
add '`test-runner` with a write grant and the profile `base`' "$remit run --agent $scratch/direct.json --cwd $scratch/workspace -- /bin/true"
add '`test-runner`, with its private layer' "$remit run --agent $scratch/layer.json --cwd $scratch/workspace -- /bin/true"
if unshare --user true 2>/dev/null && command -v bwrap >/dev/null; then
  add 'bubblewrap with all namespaces, no filter' \
    "bwrap --unshare-all --die-with-parent --ro-bind / / --proc /proc --dev /dev --tmpfs /tmp -- /bin/true"
fi

# Once each, so that the approvals are there and a command that fails is seen.
for name in layer direct; do
  "$remit" run --yes --agent "$scratch/$name.json" --cwd "$scratch/workspace" -- /bin/true 2> "$scratch/first" || {
    cat "$scratch/first" >&2
    exit 1
  }
done

hyperfine -N --warmup 20 --runs "$runs" --export-json "$scratch/times.json" "${commands[@]}" >&2
printf '%s\n' "${names[@]}" > "$scratch/names"
python3 - "$scratch/times.json" "$scratch/names" <<'END'
import json, sys
times = [result["median"] for result in json.load(open(sys.argv[1]))["results"]]
names = open(sys.argv[2]).read().splitlines()
print("| | median | ratio |\n| --- | --- | --- |")
for name, time in zip(names, times, strict=True):
    print(f"| {name} | {time * 1000:.2f} ms | {time / times[0]:.1f} |")
END
