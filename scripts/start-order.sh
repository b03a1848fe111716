#!/usr/bin/env bash
# Writes crates/cli/start-order.ld: the functions that a start of a task calls, which the linker of a static build puts beside one
# another. The program is 12 MiB and a start calls a tenth of it; scattered, each 64 KiB of the program that it touches is a page fault.
#
# Needs valgrind, and a static build with symbols, whose path is the argument:
#   CARGO_PROFILE_RELEASE_STRIP=false cargo build --release --target x86_64-unknown-linux-musl --package remit
# A name that a later version does not have is passed over by the linker, so the list need not be made anew with each change.
set -euo pipefail
cd "$(dirname "$0")/.."

remit=$(realpath "${1:?the path of a static build with symbols}")
# Not below /tmp, which a task has of its own.
mkdir -p target
scratch=$(mktemp -d "$PWD/target/order.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
export XDG_STATE_HOME=$scratch/state XDG_CONFIG_HOME=$scratch/config
mkdir -p "$scratch/workspace/target"

python3 - "$scratch" <<'END'
import json, sys
agent = json.load(open("policies/agents/test-runner.json"))
agent["toolsSettings"]["execute_bash"]["allowedCommands"] += ["/bin/true"]
json.dump(agent, open(f"{sys.argv[1]}/layer.json", "w"))
agent["toolsSettings"]["sandbox"] = {"files": {"write": ["target/**"]}, "network": {"loopback": False}, "profile": "base"}
json.dump(agent, open(f"{sys.argv[1]}/direct.json", "w"))
END

# Runs a command where no user namespace can be made, as a container does.
without_namespaces() {
  unshare --user --map-current-user --keep-caps sh -c '
    echo 0 > /proc/sys/user/max_user_namespaces
    exec setpriv --bounding-set=-all --inh-caps=-all --ambient-caps=-all -- "$@"' sh "$@"
}

# Once for the approval, once to be watched: both processes, each into its file.
cat > "$scratch/watched" <<'END'
"$remit" run --yes --agent "$scratch/$1.json" --cwd "$scratch/workspace" -- /bin/true 2> "$scratch/said"
valgrind --quiet --tool=callgrind --demangle=no --callgrind-out-file="$scratch/calls.%p" \
  "$remit" run --agent "$scratch/$1.json" --cwd "$scratch/workspace" -- /bin/true 2> "$scratch/said"
END
export remit scratch
for agent in direct layer; do
  # valgrind does not know the newer calls, and a start with mounts ends at the first of them; what was called until then counts.
  without_namespaces bash "$scratch/watched" "$agent" || true
  bash "$scratch/watched" "$agent" || true
done

python3 - "$scratch" "$remit" > "$scratch/order.ld" <<'END'
import collections, glob, re, subprocess, sys
scratch, remit = sys.argv[1:]

# What differs from build to build: a hash, the name of a crate's version.
def lasting(name):
    return re.sub(r"(?<=[A-Z])s[0-9A-Za-z]{8,13}_", "s*_", re.sub(r"17h[0-9a-f]{16}E.*", "17h*", name))

called = set()
for path in glob.glob(f"{scratch}/calls.*"):
    called.update(re.sub(r"'\d+$", "", name) for name in re.findall(r"^c?fn=\(\d+\) (\S+)$", open(path).read(), re.M))
alike, wanted = collections.Counter(), collections.Counter()
for line in subprocess.run(["nm", "--print-size", remit], check=True, capture_output=True, text=True).stdout.splitlines():
    match line.split():
        case [_, size, kind, name] if kind in "tTwW":
            alike[lasting(name)] += int(size, 16)
            wanted[lasting(name)] += int(size, 16) * (name in called)
print("/* Written by scripts/start-order.sh: what a start of a task calls. */")
print("SECTIONS\n{\n  .text.start :\n  {")
for name in sorted(wanted):
    # Of a generic function's name, most that have it are not called.
    if 0 < wanted[name] and alike[name] < 2 * wanted[name] + 1024 and re.fullmatch(r"[\w.$*]+", name):
        print(f"    *(.text.{name} .text.unlikely.{name})")
print("  }\n}\nINSERT BEFORE .text;")
END
mv "$scratch/order.ld" crates/cli/start-order.ld
wc -l crates/cli/start-order.ld
