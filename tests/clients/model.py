"""A model that says what a script says: python model.py SCRIPT COMMAND...

Serves the Responses API on a free port of its loopback, and runs COMMAND with that port in the place of `PORT`. SCRIPT is a JSON list of shell lines: each is a call of the client's own shell tool, and after the last
comes a message with all that the tools have answered. Ends as the command does.
"""

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

lines = json.loads(sys.argv[1])


class Model(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.answer("application/json", json.dumps({"object": "list", "data": [], "models": []}))

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or "{}")
        outputs = [item for item in request.get("input", []) if str(item.get("type", "")).endswith("_call_output")]
        tools = {tool.get("name"): tool for tool in request.get("tools", [])}
        item = self.call(len(outputs), tools) if len(outputs) < len(lines) else self.message(outputs)
        events = [
            {"type": "response.created", "response": {"id": "r"}},
            {"type": "response.output_item.done", "item": item},
            {
                "type": "response.completed",
                "response": {
                    "id": "r",
                    "usage": {
                        "input_tokens": 1,
                        "input_tokens_details": None,
                        "output_tokens": 1,
                        "output_tokens_details": None,
                        "total_tokens": 2,
                    },
                },
            },
        ]
        self.answer("text/event-stream", "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events))

    def call(self, number, tools):
        line = lines[number]
        if "exec_command" in tools:
            name, arguments = "exec_command", {"cmd": line}
        elif "shell_command" in tools:
            name, arguments = "shell_command", {"command": line}
        else:
            name, arguments = "shell", {"command": ["bash", "-c", line]}
        return {"type": "function_call", "call_id": f"call-{number}", "name": name, "arguments": json.dumps(arguments)}

    def message(self, outputs):
        text = json.dumps([item.get("output") for item in outputs])
        return {"type": "message", "role": "assistant", "id": "m", "content": [{"type": "output_text", "text": "TOLD " + text}]}

    def answer(self, kind, text):
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
threading.Thread(target=server.serve_forever, daemon=True).start()
port = str(server.server_port)
sys.exit(subprocess.run([word.replace("PORT", port) for word in sys.argv[2:]]).returncode)
