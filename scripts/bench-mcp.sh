#!/usr/bin/env bash
# Measures what a call over MCP costs: end to end over standard input and output, and of that the gate and the record.
#
# A `ping` goes to the server and back and decides nothing; `thinking` is judged by the gate and recorded twice (the call, and its
# end), and touches no sandbox; `fs_read` goes to the worker and back as well. The three are measured by turns, so that what else
# the machine does hits all of them; the differences of the medians are what the gate, and the worker, cost. A write of the record
# alone is measured by `cargo bench --package remit-executor --bench audit`.
# REMIT names a binary that is built already; CALLS is how many of each.
set -euo pipefail
cd "$(dirname "$0")/.."

directory=$(cargo metadata --format-version 1 --no-deps | python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
remit=${REMIT:-$directory/release/remit}
[ -n "${REMIT:-}" ] || cargo build --quiet --release --package remit

# Not below /tmp, which a task has of its own.
scratch=$(mktemp -d "${SCRATCH:-$directory}/bench.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
export XDG_STATE_HOME=$scratch/state
mkdir "$scratch/workspace"
seq 100 > "$scratch/workspace/hundred.txt"
cat > "$scratch/agent.json" <<'END'
{
  "name": "bench", "tools": ["fs_read", "execute_bash", "thinking"], "allowedTools": ["fs_read", "thinking"],
  "toolsSettings": { "execute_bash": { "allowedCommands": ["true", "cargo test *", "git status *", "make *"] } }
}
END
cd "$scratch/workspace"
"$remit" run --yes --agent "$scratch/agent.json" -- true 2>/dev/null

CALLS=${CALLS:-2000} python3 - "$remit" "$scratch/agent.json" <<'END'
import json, os, statistics, subprocess, sys, time

remit, agent = sys.argv[1:]
calls = int(os.environ["CALLS"])
server = subprocess.Popen([remit, "mcp", "--agent", agent], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
number = 0


def frame(method, params):
    global number
    number += 1
    return (json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}) + "\n").encode()


def answer():
    while True:
        line = server.stdout.readline()
        assert line, "the server has gone"
        if b'"id"' in line[:40] or b'"id":' in line:
            return line


def timed(bytes_):
    start = time.perf_counter_ns()
    server.stdin.write(bytes_)
    server.stdin.flush()
    line = answer()
    end = time.perf_counter_ns()
    assert b'"isError":true' not in line and b'"error"' not in line, line
    return (end - start) / 1000


def tool(name, arguments):
    return frame("tools/call", {"name": name, "arguments": arguments})


hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}}
timed(frame("initialize", hello))
server.stdin.write(b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n')
kinds = {
    "ping": lambda: frame("ping", {}),
    "thinking": lambda: tool("thinking", {"thought": "what next"}),
    "fs_read": lambda: tool("fs_read", {"operations": [{"mode": "Line", "path": "hundred.txt"}]}),
}
times = {name: [] for name in kinds}
for name, make in kinds.items():
    for _ in range(50):
        timed(make())
for _ in range(calls):
    for name, make in kinds.items():
        times[name].append(timed(make()))

print(f"one after the other, {calls} of each, microseconds over stdio:")
for name, each in times.items():
    each.sort()
    print(f"  {name:<10} median {statistics.median(each):7.0f}   90% {each[len(each) * 9 // 10]:7.0f}   99% {each[len(each) * 99 // 100]:7.0f}")
median = {name: statistics.median(each) for name, each in times.items()}
gate = median["thinking"] - median["ping"]
print(f"gate and record of a call (thinking - ping): {gate:.0f} us (at most 100)")
print(f"fs_read end to end: {median['fs_read']:.0f} us (at most 1000)")

rounds = []
for _ in range(30):
    batch = b"".join(kinds["fs_read"]() for _ in range(64))
    start = time.perf_counter_ns()
    server.stdin.write(batch)
    server.stdin.flush()
    for _ in range(64):
        assert b'"isError":true' not in answer()
    rounds.append((time.perf_counter_ns() - start) / 1000)
print(f"64 fs_read at once: median {statistics.median(rounds):.0f} us for all, {statistics.median(rounds) / 64:.0f} us each")
server.stdin.close()
server.wait()
ok = gate <= 100 and median["fs_read"] <= 1000
sys.exit(0 if ok else 1)
END
