#!/usr/bin/env bash
# What goes through the proxy of a task, beside what goes directly: one transfer of 4 GiB over this machine's loopback, by turns.
#
#   scripts/bench-proxy.sh [ROUNDS]        needs a release build, python3 and user namespaces
#
# Both run inside the same task's sandbox; directly means a server of the task's own on its loopback. Prints MB/s and the ratio of each round.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-5}
remit=${REMIT_BIN:-${CARGO_TARGET_DIR:-target}/release/remit}
remit=$(readlink -f "$remit")
world=$(mktemp -d "${TMPDIR:-/var/tmp}/remit-bench.XXXXXX")
server=
trap 'kill $server 2>/dev/null || true; rm -rf "$world"' EXIT
mkdir "$world/workspace" "$world/home" "$world/agents"
export HOME=$world/home XDG_STATE_HOME=$world/state XDG_CONFIG_HOME=$world/config

cat > "$world/serve.py" <<'END'
import socket, sys, threading
piece = memoryview(bytearray(1 << 20))
def serve(stream):
    with stream:
        for _ in range(int(sys.argv[1])):
            stream.sendall(piece)
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
END
cat > "$world/workspace/bench.py" <<'END'
import socket, subprocess, sys, time
outside, rounds, pieces = (int(word) for word in sys.argv[1:4])
inside = subprocess.Popen([sys.executable, "serve.py", str(pieces)], stdout=subprocess.PIPE, text=True)
port = int(inside.stdout.readline())
def through():
    stream = socket.create_connection(("127.0.0.1", 3128))
    stream.sendall(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: x\r\n\r\n" % outside)
    while not (head := stream.recv(1, socket.MSG_WAITALL)) == b"\n" or not ended(stream):
        pass
    # The server speaks when it is connected to.
    return stream
def ended(stream):
    return stream.recv(2, socket.MSG_WAITALL) == b"\r\n"
buffer = bytearray(1 << 20)
def speed(stream):
    begun, count = time.monotonic(), 0
    while length := stream.recv_into(buffer):
        count += length
    assert count == pieces << 20, count
    return count / (time.monotonic() - begun) / 1e6
for _ in range(rounds):
    direct = speed(socket.create_connection(("127.0.0.1", port)))
    proxied = speed(through())
    print(f"direct {direct:7.0f} MB/s   proxy {proxied:7.0f} MB/s   ratio {proxied / direct:.2f}", flush=True)
inside.kill()
END
cp "$world/serve.py" "$world/workspace/"
pieces=${PIECES:-4096}
exec 3< <(exec python3 "$world/serve.py" "$pieces")
server=$!
read -r port <&3
cat > "$world/agents/bench.json" <<END
{ "name": "bench", "tools": ["execute_bash"], "allowedTools": ["execute_bash"], "toolsSettings": {
  "execute_bash": { "allowedCommands": ["/usr/bin/python3 bench.py $port $rounds $pieces"] },
  "sandbox": { "profile": "dev", "network": { "allow": ["127.0.0.1:$port"], "loopback": true } } } }
END
cd "$world/workspace"
"$remit" run --yes --agent "$world/agents/bench.json" -- /usr/bin/python3 bench.py "$port" "$rounds" "$pieces" 2> "$world/errors" ||
    { tail -5 "$world/errors" >&2; exit 1; }
