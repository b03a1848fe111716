//! `remit lsp` as an editor has it: a process, and two pipes.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};

use remit_tests::{World, remit};
use serde_json::{Value, json};

struct Editor {
    child: Child,
    answers: BufReader<std::process::ChildStdout>,
}

impl Editor {
    fn new(world: &World) -> Editor {
        let mut command = Command::new(remit());
        command.arg("lsp").env("HOME", world.home()).env("XDG_STATE_HOME", world.path().join("state"));
        command.env("XDG_CONFIG_HOME", world.path().join("config")).current_dir(world.path());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Editor { child, answers }
    }

    fn send(&mut self, bytes: &[u8]) {
        // It may have ended already, which is what some of the tests are about.
        let _ = self.child.stdin.as_mut().unwrap().write_all(bytes);
    }

    fn say(&mut self, message: &Value) {
        let body = message.to_string();
        self.send(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
    }

    fn hear(&mut self) -> Value {
        let mut length = 0;
        loop {
            let mut line = String::new();
            assert!(self.answers.read_line(&mut line).unwrap() > 0, "the server ended");
            match line.trim().split_once(": ") {
                Some(("Content-Length", value)) => length = value.parse().unwrap(),
                _ if line.trim().is_empty() => break,
                _ => {}
            }
        }
        let mut body = vec![0; length];
        self.answers.read_exact(&mut body).unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    /// Closes the pipe and returns how the server ended.
    fn code(mut self) -> Option<i32> {
        drop(self.child.stdin.take());
        self.child.wait().unwrap().code()
    }
}

#[test]
fn a_session_over_pipes() {
    let world = World::empty();
    let mut editor = Editor::new(&world);
    editor.say(&json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {} }));
    assert_eq!(editor.hear()["result"]["serverInfo"]["name"], "remit");
    editor.say(&json!({ "jsonrpc": "2.0", "method": "initialized", "params": {} }));
    let uri = format!("file://{}/a.json", world.path().display());
    let text = "{ \"name\": \"a\", \"tols\": [] }";
    editor.say(&json!({ "jsonrpc": "2.0", "method": "textDocument/didOpen", "params": {
        "textDocument": { "uri": uri, "languageId": "json", "version": 1, "text": text } } }));
    let published = editor.hear();
    assert_eq!(published["params"]["diagnostics"][0]["code"], "unknown-key", "{published}");
    let position = json!({ "textDocument": { "uri": uri }, "position": { "line": 0, "character": 4 } });
    editor.say(&json!({ "jsonrpc": "2.0", "id": "h", "method": "textDocument/hover", "params": position }));
    let hover = editor.hear();
    assert!(hover["result"]["contents"]["value"].as_str().unwrap().contains("name"), "{hover}");
    // The quick fix, as an editor asks for it where the finding is.
    let range = published["params"]["diagnostics"][0]["range"].clone();
    let asked = json!({ "textDocument": { "uri": uri }, "range": range, "context": { "diagnostics": [] } });
    editor.say(&json!({ "jsonrpc": "2.0", "id": "f", "method": "textDocument/codeAction", "params": asked }));
    let fixes = editor.hear();
    let edit = &fixes["result"][0]["edit"]["changes"][&uri][0];
    assert_eq!((&fixes["result"][0]["kind"], &edit["newText"]), (&json!("quickfix"), &json!("\"tools\"")), "{fixes}");
    let (from, to) = (edit["range"]["start"]["character"].as_u64().unwrap(), edit["range"]["end"]["character"].as_u64().unwrap());
    let mended = format!("{}\"tools\"{}", &text[..usize::try_from(from).unwrap()], &text[usize::try_from(to).unwrap()..]);
    assert_eq!(mended, "{ \"name\": \"a\", \"tools\": [] }");
    editor.say(&json!({ "jsonrpc": "2.0", "method": "textDocument/didChange", "params": {
        "textDocument": { "uri": uri, "version": 2 }, "contentChanges": [{ "text": mended }] } }));
    let published = editor.hear();
    let left = published["params"]["diagnostics"].as_array().unwrap();
    assert!(left.iter().all(|finding| finding["code"] != "unknown-key"), "{published}");
    // What is not JSON is answered, and the session goes on.
    editor.send(b"Content-Length: 3\r\n\r\n{{{");
    assert_eq!(editor.hear()["error"]["code"], -32700);
    editor.say(&json!({ "jsonrpc": "2.0", "id": 2, "method": "shutdown" }));
    assert_eq!(editor.hear()["id"], 2);
    editor.say(&json!({ "jsonrpc": "2.0", "method": "exit" }));
    assert_eq!(editor.code(), Some(0));
}

#[test]
fn an_editor_that_speaks_no_protocol_is_left() {
    let world = World::empty();
    let noise: Vec<u8> = (0..=255).cycle().take(8192).collect();
    let inputs: [(&[u8], i32); 5] = [
        (b"", 0),
        (&noise, 1),
        (b"Content-Length: 99999999999\r\n\r\n", 1),
        (b"Content-Length: 10\r\n\r\n{}", 1),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 1),
    ];
    for (input, expected) in inputs {
        let mut editor = Editor::new(&world);
        editor.send(input);
        assert_eq!(editor.code(), Some(expected), "{:?}", &input[..input.len().min(20)]);
    }
}
