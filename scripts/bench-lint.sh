#!/usr/bin/env bash
# bench-lint.sh DIR [BASELINE]: how long `remit lint` takes over the agent files of a directory, and over one file of a
# megabyte; with BASELINE, another binary, the two are run in turn and compared.
#
# Wants hyperfine and GNU time. On a machine with other work, read the CPU time (user + system) and the ratio, not the
# wall clock. The binary is built with the release profile; REMIT names another.
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -ge 1 ] || { sed -n '2,6s/^# \?//p' "$0"; exit 2; }
corpus=$(cd "$1" && pwd)
target=${CARGO_TARGET_DIR:-target}
remit=${REMIT:-$target/release/remit}
[ -x "$remit" ] || cargo build --release --quiet --package remit
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HOME=$work XDG_CONFIG_HOME=$work/config XDG_STATE_HOME=$work/state NO_COLOR=1

# An agent of a megabyte, most of it patterns and paths.
large=$work/large.json
{
  printf '{ "name": "large", "tools": ["*"], "toolsSettings": { "shell": { "allowedCommands": ['
  for ((i = 0; i < 10000; i++)); do printf '"tool-%d build --target release *", ' "$i"; done
  printf '"ls"] }, "write": { "allowedPaths": ['
  for ((i = 0; i < 10000; i++)); do printf '"packages/p%d/src/generated/**", ' "$i"; done
  printf '"docs"] } }, "prompt": "'
  for ((i = 0; i < 25000; i++)); do printf 'Be careful. '; done
  printf '" }\n'
} > "$large"

measure() { # NAME FILES...
  local name=$1
  shift
  local commands=("$remit lint --statistics $*")
  [ -n "${baseline:-}" ] && commands+=("$baseline lint --statistics $*")
  hyperfine --shell=none --ignore-failure --warmup 2 --runs "${RUNS:-20}" --export-json "$work/$name.measured" "${commands[@]}" > "$work/$name.txt" 2>&1 || { cat "$work/$name.txt"; exit 1; }
  python3 - "$work/$name.measured" "$name" <<'PYTHON'
import json, sys
for result in json.load(open(sys.argv[1]))["results"]:
    cpu = result["user"] + result["system"]
    print(f'{sys.argv[2]:8} median {result["median"]*1000:7.1f} ms  least {result["min"]*1000:7.1f} ms  cpu {cpu*1000:7.1f} ms  {result["command"].split()[0]}')
PYTHON
  for each in "${commands[@]}"; do
    # With findings it ends with 1, which is no failure here.
    # shellcheck disable=SC2086
    { /usr/bin/time -f "$name      peak memory %M KiB" $each 2>&1 > /dev/null || [ $? -eq 1 ]; } | tail -1
  done
}

baseline=${2:-}
echo "$(find "$corpus" -name '*.json' | wc -l) files, $(nproc) processors, load $(cut -d' ' -f1 /proc/loadavg)"
measure corpus "$corpus"
measure large "$large"
