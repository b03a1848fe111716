//! Calls that nobody means well: mutated by the thousand, and names that change under the tools' hands.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use remit_tests::{Chat, Tree, World, called};
use serde_json::{Value, json};

/// A server that writes down each call that reaches it, and then does what it is told as far as the sandbox lets it.
const SERVER: &str = r#"
import json, sys
log = open("src/served.log", "a")
def say(number, result):
    print(json.dumps({"jsonrpc": "2.0", "id": number, "result": result}), flush=True)
for line in sys.stdin:
    message = json.loads(line)
    number, method, params = message.get("id"), message["method"], message.get("params") or {}
    if method == "initialize":
        info = {"name": "box", "version": "1"}
        say(number, {"protocolVersion": params["protocolVersion"], "capabilities": {"tools": {}}, "serverInfo": info})
    elif method == "tools/list":
        names = ["echo", "write", "ask", "off"]
        say(number, {"tools": [{"name": name, "inputSchema": {"type": "object"}} for name in names]})
    elif method == "tools/call":
        name, arguments = params["name"], params["arguments"]
        print(json.dumps([name, arguments]), file=log, flush=True)
        try:
            path = arguments.get("path")
            if name == "write" and isinstance(path, str):
                open(path, "w").write("served")
            text, failed = json.dumps(arguments), False
        except Exception as error:
            text, failed = repr(error), True
        say(number, {"content": [{"type": "text", "text": text}], "isError": failed})
"#;

fn agent(world: &World) -> std::path::PathBuf {
    fs::create_dir_all(world.workspace().join("src")).unwrap();
    let settings = json!({ "fs_write": { "allowedPaths": ["src/**"] }, "execute_bash": { "allowedCommands": ["echo *"] } });
    let names = ["fs_read", "fs_write", "glob", "grep", "todo_list", "thinking", "execute_bash", "use_aws", "web_fetch"];
    // Not the one that starts a slow program by the thousand: it is judged all the same.
    let allowed: Vec<&str> =
        names.into_iter().filter(|name| *name != "use_aws").chain(["@box/echo", "@box/write", "@box/off"]).collect();
    let tools: Vec<&str> = names.into_iter().chain(["@box"]).collect();
    fs::write(world.workspace().join("box.py"), SERVER).unwrap();
    let server = json!({ "command": "python3", "args": ["box.py"], "disabledTools": ["off"] });
    let file = json!({
        "name": "hostile", "tools": tools, "allowedTools": allowed, "toolsSettings": settings, "mcpServers": { "box": server }
    });
    world.agent("hostile", &file)
}

/// Numbers that look random and are the same every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(sides).unwrap()).unwrap()
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.roll(of.len())]
    }
}

fn seeds() -> Vec<(&'static str, Value)> {
    vec![
        ("fs_read", json!({ "operations": [{ "mode": "Line", "path": "notes.txt", "start_line": 1, "end_line": -1 }] })),
        ("fs_read", json!({ "operations": [{ "mode": "Directory", "path": ".", "depth": 1 }] })),
        ("fs_read", json!({ "operations": [{ "mode": "Search", "path": "notes.txt", "pattern": "own" }] })),
        ("fs_read", json!({ "operations": [{ "mode": "Image", "image_paths": ["notes.txt"] }] })),
        ("fs_write", json!({ "command": "create", "path": "src/a", "file_text": "a\n" })),
        ("fs_write", json!({ "command": "str_replace", "path": "src/a", "old_str": "a", "new_str": "b" })),
        ("fs_write", json!({ "command": "insert", "path": "src/a", "insert_line": 1, "new_str": "c" })),
        ("fs_write", json!({ "command": "append", "path": "src/a", "new_str": "d" })),
        ("glob", json!({ "pattern": "**/*.txt", "path": ".", "limit": 3 })),
        ("grep", json!({ "pattern": "w.rk", "include": "*.txt" })),
        ("todo_list", json!({ "command": "create", "tasks": [{ "task_description": "x" }], "todo_list_description": "y" })),
        ("todo_list", json!({ "command": "complete", "completed_indices": [0], "current_id": "1" })),
        ("thinking", json!({ "thought": "hm" })),
        ("use_aws", json!({ "service_name": "s3", "operation_name": "ls", "parameters": { "x": ["y"] }, "region": "r" })),
        ("web_fetch", json!({ "url": "https://a.b/", "mode": "full", "search_terms": "x" })),
        ("@box/echo", json!({ "text": "x", "deep": { "list": [1, "y"] } })),
        ("@box/write", json!({ "path": "src/b" })),
        // Nobody can be asked, the file disables it, and there are no such ones.
        ("@box/ask", json!({ "path": "src/b" })),
        ("@box/off", json!({ "text": "x" })),
        ("@box/echo/", json!({ "text": "x" })),
        ("@box", json!({ "text": "x" })),
        ("@b*/*", json!({ "text": "x" })),
    ]
}

fn odd(dice: &mut Dice) -> Value {
    let values = [
        json!(null),
        json!(true),
        json!(-1),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(1e308),
        json!(""),
        json!("\u{0}"),
        json!("\u{1b}[2J"),
        json!("../outside/secret"),
        json!("/etc/shadow"),
        json!("~/.ssh/id_ed25519"),
        json!("src/../../outside/x"),
        json!("/proc/self/environ"),
        json!("src/link/x"),
        json!("("),
        json!("[z-a]"),
        json!("{"),
        json!("a".repeat(5000)),
        json!("../".repeat(300)),
        json!([]),
        json!({}),
        json!([[[]]]),
        json!("$(touch src/never)"),
        json!(["echo"]),
        json!("ä\u{202e}"),
    ];
    dice.pick(&values).clone()
}

fn mutate(value: &mut Value, dice: &mut Dice) {
    match value {
        Value::Object(map) if !map.is_empty() && dice.roll(4) > 0 => {
            let keys: Vec<String> = map.keys().cloned().collect();
            let key = dice.pick(&keys).clone();
            match dice.roll(6) {
                0 => drop(map.remove(&key)),
                1 => drop(map.insert(format!("{key}x"), odd(dice))),
                _ => mutate(map.get_mut(&key).unwrap(), dice),
            }
        }
        Value::Array(values) if !values.is_empty() && dice.roll(4) > 0 => {
            let at = dice.roll(values.len());
            if dice.roll(5) == 0 { values.push(odd(dice)) } else { mutate(&mut values[at], dice) }
        }
        value => *value = odd(dice),
    }
}

#[test]
fn ten_thousand_mutated_calls_do_nothing_that_was_not_allowed() {
    let world = World::empty();
    let agent = agent(&world);
    symlink(world.outside(), world.workspace().join("src/link")).unwrap();
    let (outside, home) = (world.outside_tree(), Tree::of(world.home()));
    let mut chat = Chat::start(&world, &agent);
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    let seeds = seeds();
    let (mut good, mut bad, mut unheard) = (0, 0, 0);
    for _ in 0..100 {
        // Many at once, as a host sends them.
        let ids: Vec<u64> = (0..100)
            .map(|_| {
                let (tool, mut arguments) = dice.pick(&seeds).clone();
                for _ in 0..dice.roll(3) {
                    mutate(&mut arguments, &mut dice);
                }
                chat.begin("tools/call", &json!({ "name": tool, "arguments": arguments }))
            })
            .collect();
        for id in ids {
            let answer = chat.end(id);
            // Arguments that are no object are no call: the protocol refuses them before anybody is asked.
            unheard += usize::from(answer["result"].is_null());
            let answer = called(&answer);
            assert!(!answer.text.contains("canary"), "{answer:?}");
            if answer.is_error {
                assert!(answer.text.len() > "error: ".len(), "{answer:?}");
                bad += 1;
            } else {
                good += 1;
            }
        }
    }
    assert!(good > 1000 && bad > 1000, "{good} {bad}");
    assert_eq!(chat.close(), 0);
    assert_eq!(world.outside_tree(), outside);
    assert_eq!(Tree::of(world.home()), home);

    // What was written was allowed, and stands in the record with its verdict.
    let record = fs::read_dir(world.path().join("state/remit/tasks")).unwrap();
    let record = record.map(|entry| entry.unwrap().path().join("audit.jsonl")).find(|path| path.exists()).unwrap();
    let record = fs::read_to_string(record).unwrap();
    let (mut written, mut let_through) = (Vec::new(), BTreeMap::new());
    let mut calls = 0;
    for line in record.lines() {
        let event = &serde_json::from_str::<Value>(line).unwrap()["event"];
        if event["kind"] == "called" {
            calls += 1;
            let allowed = event["effects"].as_array().unwrap().iter().filter(|effect| effect["verdict"] == "allow");
            let objects = |action: &'static str| {
                let effects = allowed.clone().filter(move |effect| effect["action"] == action);
                effects.map(|effect| effect["object"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
            };
            written.extend(objects("write"));
            if let (Some(tool), true) = (event["tool"].as_str().unwrap().strip_prefix("@box/"), event["verdict"] == "allow") {
                assert_eq!(objects("call"), [format!("@box/{tool}")], "{event}");
                *let_through.entry(as_recorded(tool, event["input"].as_str().unwrap())).or_insert(0) += 1;
            }
        }
    }
    assert_eq!(calls, good + bad - unheard);
    world.remit(&["audit", "verify"]).assert_code(0);

    // What reached the agent's own server is what was let through, call for call.
    let source = fs::canonicalize(world.workspace().join("src")).unwrap();
    let mut served = BTreeMap::new();
    for line in fs::read_to_string(source.join("served.log")).unwrap().lines() {
        let (tool, arguments): (Value, Value) = serde_json::from_str(line).unwrap();
        *served.entry(as_recorded(tool.as_str().unwrap(), &arguments.to_string())).or_insert(0) += 1;
        if let (Some("write"), Some(path)) = (tool.as_str(), arguments["path"].as_str()) {
            written.push(world.workspace().join(path).to_str().unwrap().to_owned());
        }
    }
    assert_eq!(served, let_through);
    assert!(served.values().sum::<usize>() > 500, "{served:?}");
    written.push(source.join("served.log").to_str().unwrap().to_owned());

    let written: BTreeSet<_> = written.iter().filter_map(|path| fs::canonicalize(path).ok()).collect();
    let mut todo = vec![source.clone()];
    while let Some(path) = todo.pop() {
        if path != source && !path.is_symlink() && path.is_file() {
            assert!(written.contains(&path), "{} has no verdict", path.display());
        }
        if !path.is_symlink() && path.is_dir() {
            todo.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
}

/// Returns a call as far as the record has it: of long arguments it holds the ends.
fn as_recorded(tool: &str, arguments: &str) -> (String, Option<String>) {
    let whole = serde_json::from_str::<Value>(arguments).ok().filter(|_| arguments.len() <= 4096);
    (tool.to_owned(), whole.map(|arguments| arguments.to_string()))
}

#[test]
fn a_name_that_changes_between_the_gate_and_the_act_leads_nowhere() {
    let world = World::empty();
    let agent = agent(&world);
    let (source, outside) = (world.workspace().join("src"), world.outside());
    fs::create_dir(source.join("real")).unwrap();
    fs::write(source.join("real/secret"), "inside\n").unwrap();
    let before = world.outside_tree();
    let mut chat = Chat::start(&world, &agent);
    let stop = AtomicBool::new(false);
    let (mut read, mut refused) = (0, 0);
    thread::scope(|scope| {
        scope.spawn(|| {
            // `src/dir` is by turns a directory of the workspace, a link outside, and nothing.
            while !stop.load(Ordering::Relaxed) {
                let _ = fs::rename(source.join("real"), source.join("dir"));
                let _ = fs::rename(source.join("dir"), source.join("real"));
                let _ = symlink(&outside, source.join("dir"));
                let _ = fs::remove_file(source.join("dir"));
            }
        });
        for round in 0..1500 {
            let path = "src/dir/secret";
            let (tool, arguments) = match round % 3 {
                0 => ("fs_read", json!({ "operations": [{ "mode": "Line", "path": path }] })),
                1 => ("fs_write", json!({ "command": "append", "path": path, "new_str": "spoilt" })),
                _ => ("fs_write", json!({ "command": "create", "path": "src/dir/new", "file_text": "spoilt" })),
            };
            let answer = chat.call(tool, &arguments);
            if answer.is_error {
                refused += 1;
            } else {
                read += 1;
            }
            if answer.text.contains("canary") || outside.join("new").exists() {
                stop.store(true, Ordering::Relaxed);
                panic!("round {round}: {answer:?}");
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert_eq!(world.outside_tree(), before, "{read} done, {refused} refused");
    assert_eq!(fs::read_to_string(world.outside().join("secret")).unwrap(), "canary: outside\n");
    assert!(refused > 0);
}

/// What is typed comes from scripts, too, and from names of files: no error acts on the terminal.
#[test]
fn arguments_are_shown_and_not_obeyed() {
    let world = World::empty();
    let check = |arguments: &[&str]| {
        let outcome = world.remit(&[&["--color", "always"], arguments].concat());
        assert_ne!(outcome.code, 0);
        let coloured = outcome.stderr.replace("\u{1b}[0m", "").replace("\u{1b}[1m", "");
        let coloured = ["31", "33", "36"].iter().fold(coloured, |text, color| text.replace(&format!("\u{1b}[{color}m"), ""));
        assert!(!coloured.chars().any(|shown| shown.is_control() && shown != '\n'), "{}", outcome.report());
    };
    check(&["\u{1b}[2Jlist"]);
    check(&["\u{9b}2Jlist"]);
    check(&["some\rlist"]);
    check(&["run", "--on-ask", "\u{1b}]0;title\u{7}"]);
    check(&["status", "\u{1b}[2J"]);
    check(&["lint", "--fix", "\u{9b}2J"]);
}
