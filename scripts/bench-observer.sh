#!/usr/bin/env bash
# What an observer costs: each command under the same agent, with and without `--explain`, in turns, and the ratio of the two.
#
#   scripts/bench-observer.sh [ROUNDS]        REMIT=target/release/remit
#
# The machine need not be quiet: the runs are interleaved, and the ratio of the medians of elapsed time is what counts.
set -euo pipefail

rounds=${1:-7}
source=$(cd "$(dirname "$0")/.." && pwd)
remit=${REMIT:-$source/target/release/remit}
work=$(mktemp -d "${TMPDIR:-/var/tmp}/remit-bench-XXXXXX")
trap 'rm -rf "$work"' EXIT
export XDG_STATE_HOME=$work/state XDG_CONFIG_HOME=$work/config
unset CARGO_TARGET_DIR
cp -r "$source/tests/fixtures/cargo" "$work/workspace"
cd "$work/workspace"
cat > "$work/agent.json" <<'JSON'
{ "name": "bench", "tools": ["execute_bash"], "allowedTools": ["execute_bash"],
  "toolsSettings": { "sandbox": { "files": { "write": ["target/**"] } } } }
JSON

once() { # seconds of one run
    local start end
    start=$(date +%s.%N)
    local code=0
    "$remit" run --yes --agent "$work/agent.json" "$@" > /dev/null 2>&1 || code=$?
    # `find` ends with 1 where a directory is closed to everybody.
    [ "$code" -le 1 ] || { echo "it failed: $*" >&2; exit 1; }
    end=$(date +%s.%N)
    echo "$end - $start" | bc
}
median() { sort -n | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'; }

compare() { # name, what is done before each run, command
    local name=$1 before=$2; shift 2
    : > "$work/off"; : > "$work/on"
    for _ in $(seq "$rounds"); do
        eval "$before"; once -- "$@" >> "$work/off"
        eval "$before"; once --explain -- "$@" >> "$work/on"
    done
    local off on
    off=$(median < "$work/off"); on=$(median < "$work/on")
    printf '%-12s off %8.3f s   on %8.3f s   ratio %s\n' "$name" "$off" "$on" "$(echo "scale=2; $on / $off" | bc)"
}

once -- true > /dev/null
compare 'find /usr' true find /usr
compare 'cargo test' 'rm -rf target' cargo test --offline
compare 'cargo again' true cargo test --offline
