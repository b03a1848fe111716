use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use serde_json::{Value, json};

use crate::{TIME_OUT, World};

/// A chat host: it starts `remit mcp`, speaks JSON-RPC with it, and answers what it is asked.
#[derive(Debug)]
pub struct Chat {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<Value>,
    next: u64,
    reply: Option<Value>,
    /// Answers that came before they were waited for.
    early: BTreeMap<u64, Value>,
    /// What the person was asked.
    pub asked: Vec<String>,
    /// The notifications that came.
    pub notes: Vec<Value>,
    /// The answer to `initialize`.
    pub hello: Value,
}

/// What came back from a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Called {
    pub text: String,
    pub is_error: bool,
}

impl Chat {
    /// Starts a host without elicitation.
    #[track_caller]
    pub fn start(world: &World, agent: &Path) -> Chat {
        Chat::with(&mut command(world, agent), None)
    }

    /// Starts a host whose person always gives this answer: the content of an elicitation, `null` to decline, or a whole
    /// answer of the protocol with its `action` or its `error`.
    #[track_caller]
    pub fn answering(world: &World, agent: &Path, answer: &Value) -> Chat {
        Chat::with(&mut command(world, agent), Some(answer.clone()))
    }

    #[track_caller]
    pub fn with(command: &mut Command, reply: Option<Value>) -> Chat {
        let capabilities = if reply.is_some() { json!({ "elicitation": {} }) } else { json!({}) };
        Chat::with_capabilities(command, reply, &capabilities)
    }

    /// Starts a host that says this of itself.
    #[track_caller]
    pub fn with_capabilities(command: &mut Command, reply: Option<Value>, capabilities: &Value) -> Chat {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let value = serde_json::from_str(&line).unwrap_or_else(|_| json!({ "not json": line }));
                if sender.send(value).is_err() {
                    break;
                }
            }
        });
        let input = child.stdin.take();
        let mut chat = Chat {
            child,
            input,
            lines,
            next: 1,
            reply,
            early: BTreeMap::new(),
            asked: Vec::new(),
            notes: Vec::new(),
            hello: Value::Null,
        };
        let client = json!({ "name": "test", "version": "1" });
        let hello = json!({ "protocolVersion": "2025-11-25", "capabilities": capabilities, "clientInfo": client });
        chat.hello = chat.request("initialize", &hello)["result"].clone();
        chat.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        chat
    }

    /// Sends a request, and returns its number.
    pub fn begin(&mut self, method: &str, params: &Value) -> u64 {
        let id = self.next;
        self.next += 1;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        id
    }

    /// Waits for the answer to a request; what is asked meanwhile is answered.
    #[track_caller]
    pub fn end(&mut self, id: u64) -> Value {
        loop {
            if let Some(answer) = self.early.remove(&id) {
                return answer;
            }
            let message = self.lines.recv_timeout(TIME_OUT).expect("the server says nothing more");
            match message["id"].as_u64() {
                Some(answered) if message["method"].is_null() => drop(self.early.insert(answered, message)),
                _ => self.meanwhile(message),
            }
        }
    }

    /// Waits for the next message of the server that is no question, whatever it is.
    #[track_caller]
    pub fn any(&mut self) -> Value {
        loop {
            let message = self.lines.recv_timeout(TIME_OUT).expect("the server says nothing more");
            if message["method"] != "elicitation/create" {
                return message;
            }
            self.meanwhile(message);
        }
    }

    #[track_caller]
    pub fn request(&mut self, method: &str, params: &Value) -> Value {
        let id = self.begin(method, params);
        self.end(id)
    }

    /// Calls a tool.
    #[track_caller]
    pub fn call(&mut self, tool: &str, arguments: &Value) -> Called {
        let answer = self.request("tools/call", &json!({ "name": tool, "arguments": arguments }));
        called(&answer)
    }

    pub fn tools(&mut self) -> Vec<String> {
        let tools = self.request("tools/list", &json!({}));
        tools["result"]["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
    }

    pub fn send(&mut self, message: &Value) {
        self.send_line(message.to_string().as_bytes());
    }

    /// Sends a line, whatever is in it. A server that is gone is found out by who waits for an answer.
    pub fn send_line(&mut self, line: &[u8]) {
        let input = self.input.as_mut().unwrap();
        let _ = input.write_all(line).and_then(|()| input.write_all(b"\n")).and_then(|()| input.flush());
    }

    /// Closes the host's end, and returns the server's exit code.
    pub fn close(mut self) -> i32 {
        drop(self.input.take());
        self.child.wait().unwrap().code().unwrap_or(-1)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    fn meanwhile(&mut self, message: Value) {
        if message["method"] == "elicitation/create" {
            self.asked.push(message["params"]["message"].as_str().unwrap().to_owned());
            let result = match &self.reply {
                Some(Value::Null) | None => json!({ "action": "decline" }),
                Some(whole) if whole.get("error").is_some() => {
                    return self.send(&json!({ "jsonrpc": "2.0", "id": message["id"], "error": whole["error"] }));
                }
                Some(whole) if whole.get("action").is_some() => whole.clone(),
                Some(content) => json!({ "action": "accept", "content": content }),
            };
            self.send(&json!({ "jsonrpc": "2.0", "id": message["id"], "result": result }));
        } else {
            self.notes.push(message);
        }
    }
}

impl Drop for Chat {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Called {
    #[track_caller]
    pub fn ok(&self, part: &str) -> &Called {
        assert!(!self.is_error && self.text.contains(part), "no `{part}` in: {self:?}");
        self
    }

    #[track_caller]
    pub fn refused(&self, part: &str) -> &Called {
        assert!(self.is_error && self.text.contains(part), "no `{part}` in: {self:?}");
        self
    }
}

/// Reads the answer to a call.
#[track_caller]
pub fn called(answer: &Value) -> Called {
    let Some(content) = answer["result"]["content"].as_array() else {
        return Called { text: answer["error"].to_string(), is_error: true };
    };
    let text: Vec<&str> = content.iter().map(|block| block["text"].as_str().unwrap_or("(an image)")).collect();
    Called { text: text.join("\n"), is_error: answer["result"]["isError"] == json!(true) }
}

/// Returns `remit mcp` for an agent that is approved.
fn command(world: &World, agent: &Path) -> Command {
    world.run(agent, &["true"]);
    world.remit_command(&["mcp", "--agent", agent.to_str().unwrap()])
}
