//! `remit mcp` as a chat host sees it: what is offered, allowed, asked, refused; and what the world looks like afterwards.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::process::Stdio;

use remit_tests::{Chat, Terminal, World};
use rustix::fs::{Mode, fchmod};
use serde_json::{Value, json};

/// An agent with every tool, which may write `src` unasked, and run a few commands.
fn builder(world: &World) -> std::path::PathBuf {
    fs::create_dir_all(world.workspace().join("src")).unwrap();
    world.agent(
        "builder",
        &json!({
            "name": "builder", "description": "Builds.",
            "tools": ["*"], "allowedTools": ["fs_read", "fs_write", "execute_bash", "thinking", "todo_list"],
            "toolsSettings": {
                "fs_write": { "allowedPaths": ["src/**"] },
                "fs_read": { "deniedPaths": ["**/.env"] },
                "execute_bash": { "allowedCommands": ["cat *", "echo *", "ls *", "sh loud.sh", "sh slow.sh"] }
            }
        }),
    )
}

fn yes() -> Value {
    json!({ "decision": "allow" })
}

fn line(path: &str) -> Value {
    json!({ "operations": [{ "mode": "Line", "path": path }] })
}

#[test]
fn a_host_is_offered_what_the_agent_may_see_under_the_names_of_its_file() {
    let world = World::empty();
    let mut chat = Chat::start(&world, &builder(&world));
    assert_eq!(
        chat.tools(),
        ["fs_read", "fs_write", "execute_bash", "use_aws", "glob", "grep", "web_fetch", "thinking", "todo_list", "delegate"]
    );
    assert_eq!(chat.hello["serverInfo"]["name"], "remit");
    assert!(chat.hello["instructions"].as_str().unwrap().contains("`builder`"));
    drop(chat);
    let reader = world.agent("reader", &json!({ "name": "reader", "tools": ["read", "@builtin/shell"] }));
    let mut chat = Chat::start(&world, &reader);
    assert_eq!(chat.tools(), ["read", "shell"]);
    chat.call("fs_read", &line("notes.txt")).ok("the workspace's own");
    chat.call("read", &line("notes.txt")).ok("the workspace's own");
    chat.call("fs_write", &json!({ "command": "create", "path": "a", "file_text": "" })).refused("the agent has no `fs_write`");
    chat.call("no_such", &json!({})).refused("no product has a tool `no_such`");
    assert_eq!(chat.close(), 0);
}

#[test]
fn files_are_read_written_and_found() {
    let world = World::empty();
    let mut chat = Chat::start(&world, &builder(&world));
    let write = |command: &str, rest: Value| {
        let mut arguments = json!({ "command": command, "path": "src/new/a.rs" });
        arguments.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        arguments
    };
    chat.call("fs_write", &write("create", json!({ "file_text": "fn a() {}\nfn b() {}\n" }))).ok("+fn a() {}");
    chat.call("fs_write", &write("str_replace", json!({ "old_str": "fn b", "new_str": "fn c" }))).ok("-fn b() {}\n+fn c() {}");
    chat.call("write", &write("insert", json!({ "insert_line": 1, "new_str": "// x" }))).ok("+// x");
    chat.call("fs_write", &write("append", json!({ "new_str": "// end" }))).ok("+// end");
    chat.call("fs_write", &write("str_replace", json!({ "old_str": "{}", "new_str": "" }))).refused("occurs 2 times");
    let text = "fn a() {}\n// x\nfn c() {}\n// end";
    assert_eq!(fs::read_to_string(world.workspace().join("src/new/a.rs")).unwrap(), text);
    chat.call("fs_read", &line("src/new/a.rs")).ok(text);
    chat.call("glob", &json!({ "pattern": "**/*.rs" })).ok("src/new/a.rs\"],\"totalFiles\":1,\"truncated\":false");
    chat.call("grep", &json!({ "pattern": "FN C" })).ok("src/new/a.rs:3:fn c() {}");
    chat.call("fs_read", &json!({ "operations": [{ "mode": "Directory", "path": ".", "depth": 3 }] })).ok("src/new/a.rs");
    chat.call("execute_bash", &json!({ "command": "cat src/new/a.rs" })).ok(text);
    chat.call("execute_bash", &json!({ "command": ["cat", "a.rs"], "working_dir": "src/new" })).ok(text);
    assert_eq!(chat.close(), 0);
}

#[test]
fn what_is_hidden_is_not_found_either() {
    let world = World::empty();
    fs::write(world.workspace().join(".env"), "SECRET=canary\n").unwrap();
    let mut chat = Chat::start(&world, &builder(&world));
    chat.call("fs_read", &line(".env")).refused("it is hidden");
    let found = chat.call("grep", &json!({ "pattern": "canary" }));
    assert!(!found.text.contains("SECRET"), "{found:?}");
    let found = chat.call("glob", &json!({ "pattern": "**" }));
    assert!(!found.text.contains(".env"), "{found:?}");
    let found = chat.call("fs_read", &json!({ "operations": [{ "mode": "Directory", "path": "." }] }));
    assert!(!found.text.contains(".env") && found.text.contains("notes.txt"), "{found:?}");
}

#[test]
fn what_is_denied_is_not_found_out_by_asking_again() {
    let world = World::empty();
    fs::write(world.workspace().join("denied.txt"), "hunter2\nhunter2\n").unwrap();
    fs::write(world.workspace().join("z.txt"), "hunter2 hunter3\n").unwrap();
    let settings = json!({ "fs_read": { "deniedPaths": ["denied.txt"] } });
    let tools = json!(["fs_read", "grep", "glob"]);
    let agent = json!({ "name": "g", "tools": tools.clone(), "allowedTools": tools, "toolsSettings": settings });
    let mut chat = Chat::start(&world, &world.agent("g", &agent));
    // What is tried, and the same with a pattern that no file but the denied one would tell from it.
    for mode in ["content", "files_with_matches", "count"] {
        let mut search = |pattern: &str, files: usize, most: usize| {
            let limits = json!({ "max_files": files, "max_matches_per_file": most });
            let mut arguments = json!({ "pattern": pattern, "output_mode": mode });
            arguments.as_object_mut().unwrap().extend(limits.as_object().unwrap().clone());
            chat.call("grep", &arguments).text
        };
        for (files, most) in [(200, 20), (1, 20), (200, 1)] {
            assert_eq!(search("hunter2", files, most), search("hunter3", files, most), "{mode} {files} {most}");
            assert_eq!(search("hunter2$", files, most), search("hunter4", files, most), "{mode} {files} {most}");
        }
    }
    let mut list = |patterns: Value| {
        let operation = json!({ "mode": "Directory", "path": ".", "exclude_patterns": patterns });
        chat.call("fs_read", &json!({ "operations": [operation] })).text
    };
    let (with, without) = (list(json!(["de*", "x"])), list(json!(["df*", "x"])));
    assert_eq!(with, without);
    assert!(!with.contains("denied.txt") && with.contains("z.txt"), "{with}");
    assert_eq!(chat.close(), 0);
}

#[test]
fn what_is_left_out_is_said() {
    let world = World::empty();
    let place = world.workspace().join("p/build");
    fs::create_dir_all(&place).unwrap();
    fs::write(place.join("o"), "").unwrap();
    for number in 0..210 {
        fs::write(world.workspace().join(format!("f{number}")), "many\n").unwrap();
    }
    fs::write(world.workspace().join("early"), "few\0\nfew\n").unwrap();
    fs::write(world.workspace().join("late"), format!("few\n{}\0few\n", "x".repeat(300_000))).unwrap();
    let mut chat = Chat::start(&world, &builder(&world));
    for mode in ["content", "files_with_matches", "count"] {
        chat.call("grep", &json!({ "pattern": "many", "output_mode": mode })).ok("[there are more matches");
    }
    let few = chat.call("grep", &json!({ "pattern": "few" })).text;
    assert!(few.contains("late:1:few\n[binary, and not searched to the end: ") && few.contains("/early, "), "{few}");
    let list = |patterns: Value| {
        let operation = json!({ "mode": "Directory", "path": "p", "exclude_patterns": patterns });
        json!({ "operations": [operation] })
    };
    let empty = chat.call("fs_read", &list(Value::Null)).text;
    assert!(empty.contains("[left out by the patterns to exclude: ") && empty.contains("p/build;"), "{empty}");
    chat.call("fs_read", &list(json!([]))).ok("p/build");
}

#[test]
fn outside_is_outside_whatever_the_name() {
    let world = World::empty();
    let mut chat = Chat::answering(&world, &builder(&world), &yes());
    std::os::unix::fs::symlink(world.outside().join("secret"), world.workspace().join("src/link")).unwrap();
    std::os::unix::fs::symlink(world.outside(), world.workspace().join("src/dir")).unwrap();
    for path in ["../outside/secret", "src/link", "src/dir/secret", "~/.ssh/id_ed25519", "/proc/self/root/etc/shadow"] {
        let read = chat.call("fs_read", &line(path));
        assert!(read.is_error && !read.text.contains("canary"), "{path}: {read:?}");
        let write = chat.call("fs_write", &json!({ "command": "create", "path": path, "file_text": "spoilt" }));
        assert!(write.is_error, "{path}: {write:?}");
        let write = chat.call("fs_write", &json!({ "command": "append", "path": path, "new_str": "spoilt" }));
        assert!(write.is_error, "{path}: {write:?}");
        let shell = chat.call("execute_bash", &json!({ "command": format!("cat {path}") }));
        assert!(shell.is_error && !shell.text.contains("canary"), "{path}: {shell:?}");
    }
    assert_eq!(fs::read_to_string(world.outside().join("secret")).unwrap(), "canary: outside\n");
}

#[test]
fn what_is_not_pre_approved_is_asked_or_refused() {
    let world = World::empty();
    let agent = builder(&world);
    let touch = json!({ "command": "touch src/made" });
    let mut chat = Chat::start(&world, &agent);
    chat.call("execute_bash", &touch).refused("needs a person's approval, and the chat host has no way to ask");
    drop(chat);
    let mut chat = Chat::answering(&world, &agent, &Value::Null);
    chat.call("execute_bash", &touch).refused("the person who was asked did not allow it");
    assert!(chat.asked[0].contains("`execute_bash` wants to run:\n\n    touch src/made"), "{}", chat.asked[0]);
    drop(chat);
    assert!(!world.workspace().join("src/made").exists());
    let mut chat = Chat::answering(&world, &agent, &yes());
    chat.call("execute_bash", &touch).ok("exit status 0");
    assert!(world.workspace().join("src/made").exists());
}

#[test]
fn a_policy_that_nobody_approved_serves_nobody() {
    let world = World::empty();
    let agent = builder(&world);
    let refused = world.remit(&["mcp", "--agent", agent.to_str().unwrap()]);
    refused.assert_code(126).assert_stderr("nobody approved this policy in this workspace");
    assert_eq!(refused.stdout, "");
}

/// As `sudo -u` leaves them: pipes that this user may not open, but has.
#[test]
fn pipes_of_somebody_else_are_served() {
    let world = World::empty();
    let agent = builder(&world);
    world.run(&agent, &["true"]);
    let [input, output] = [(); 2].map(|()| std::io::pipe().unwrap());
    for end in [input.0.as_fd(), output.1.as_fd()] {
        fchmod(end, Mode::empty()).unwrap();
    }
    let mut command = world.remit_command(&["mcp", "--agent", agent.to_str().unwrap()]);
    let mut server = command.stdin(input.0).stdout(output.1).stderr(Stdio::null()).spawn().unwrap();
    drop(command);
    let (mut input, mut output) = (input.1, BufReader::new(output.0));
    let client = json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "test", "version": "1" } });
    writeln!(input, "{}", json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": client })).unwrap();
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    assert!(line.contains("\"serverInfo\""), "{line}");
    drop(input);
    assert_eq!(server.wait().unwrap().code(), Some(0));
}

#[test]
fn a_command_is_cancelled_and_tells_how_it_goes_on() {
    let world = World::empty();
    let agent = builder(&world);
    fs::write(world.workspace().join("slow.sh"), "echo begun; sleep 300; echo never\n").unwrap();
    let mut chat = Chat::start(&world, &agent);
    let slow = json!({ "name": "execute_bash", "arguments": { "command": "sh slow.sh" } });
    let id = chat.begin("tools/call", &slow);
    remit_tests::seen(|| (!world.processes_with("slow.sh").is_empty()).then_some(()));
    chat.call("thinking", &json!({ "thought": "meanwhile" })).ok("Noted.");
    chat.send(&json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": id } }));
    chat.call("execute_bash", &json!({ "command": "echo after" })).ok("after");
    assert_eq!(chat.close(), 0);
    assert!(world.processes_with("slow.sh").is_empty());
}

#[test]
fn every_step_is_in_the_record() {
    let world = World::empty();
    let agent = builder(&world);
    world.run(&agent, &["true"]);
    let mut command = world.remit_command(&["mcp", "--agent", agent.to_str().unwrap()]);
    let mut chat = Chat::with(command.env("DEPLOY_TOKEN", "hunter2-hunter2"), Some(yes()));
    chat.call("execute_bash", &json!({ "command": "echo hunter2-hunter2" })).ok("hunter2");
    chat.call("execute_bash", &json!({ "command": "cp notes.txt /etc/made" })).refused("exit status 1");
    chat.call("fs_write", &json!({ "command": "create", "path": "~/.bashrc", "file_text": "" })).refused("error");
    chat.call("fs_read", &json!({ "operations": 7 })).refused("operations");
    assert_eq!(chat.close(), 0);

    let tasks = world.remit(&["tasks", "--json"]);
    let tasks: Value = serde_json::from_str(&tasks.stdout).unwrap();
    let task = tasks["tasks"].as_array().unwrap().last().unwrap()["id"].as_str().unwrap().to_owned();
    let record = world.remit(&["audit", &task]);
    record.assert_code(0).assert_stdout("allow execute_bash").assert_stdout("a person said yes, by elicitation");
    record.assert_stdout("ends: the host closed the session").assert_stdout("run echo [secret DEPLOY_TOKEN]");
    assert!(!record.stdout.contains("hunter2"), "{}", record.stdout);
    world.remit(&["audit", "verify"]).assert_code(0).assert_stdout("whole");

    let path = world.path().join("state/remit/tasks").join(&task).join("audit.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen("\"verdict\":\"ask\"", "\"verdict\":\"allow\"", 1)).unwrap();
    world.remit(&["audit", "verify", &task]).assert_code(1).assert_stdout("it is not what was written");
}

#[test]
fn resources_are_listed_and_read() {
    let world = World::empty();
    fs::create_dir_all(world.workspace().join("docs/deep")).unwrap();
    fs::write(world.workspace().join("docs/deep/a b.md"), "# A\n").unwrap();
    fs::write(world.workspace().join("docs/skill.md"), "---\nname: Tidy\ndescription: How to tidy.\n---\nDo it.\n").unwrap();
    let resources = json!(["file://notes.txt", "file://docs/deep/*.md", "skill://docs/skill.md", "file://none.md"]);
    let agent = world.agent("reader", &json!({ "name": "reader", "tools": ["fs_read"], "resources": resources }));
    let mut chat = Chat::start(&world, &agent);
    let listed = chat.request("resources/list", &json!({}))["result"]["resources"].clone();
    let names: Vec<&str> = listed.as_array().unwrap().iter().map(|resource| resource["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["notes.txt", "docs/deep/a b.md", "Tidy"]);
    assert_eq!(listed[2]["description"], "How to tidy.");
    let read = chat.request("resources/read", &json!({ "uri": listed[1]["uri"] }));
    assert_eq!(read["result"]["contents"][0]["text"], "# A\n");
    // It may be read, and is no resource.
    let other = format!("file://{}", world.workspace().join("other.txt").display());
    fs::write(world.workspace().join("other.txt"), "").unwrap();
    for uri in
        [&other, "file:///etc/shadow", "file://notes.txt", "https://example.org", "file:///%", "skill:///proc/self/environ"]
    {
        let read = chat.request("resources/read", &json!({ "uri": uri }));
        assert!(read["error"]["code"].is_number(), "{uri}: {read}");
    }
}

#[test]
fn a_guard_that_does_not_end_well_blocks() {
    let world = World::empty();
    let agent = |command: &str, timeout: u64| {
        let guard = json!([{ "command": command, "matcher": "fs_*", "timeout_ms": timeout }]);
        let name = format!("guarded-{}", command.len());
        world.agent(&name, &json!({ "name": name, "tools": ["read", "thinking"], "hooks": { "preToolUse": guard } }))
    };
    let check = |command: &str, timeout: u64, expected: Option<&str>| {
        let mut chat = Chat::start(&world, &agent(command, timeout));
        let called = chat.call("read", &line("notes.txt"));
        match expected {
            None => called.ok("the workspace's own"),
            Some(why) => called.refused(why),
        };
    };
    check("grep -q '\"tool_name\":\"read\"'", 5000, None);
    check("echo no >&2; exit 2", 5000, Some("exit status 2: no"));
    check("exit 1", 5000, Some("exit status 1"));
    check("kill -9 $$", 5000, Some("it was killed"));
    check("sleep 60", 50, Some("it took too long"));
    check("no-such-program-at-all", 5000, Some("exit status 127"));
}

#[test]
fn a_guard_of_reading_is_one_of_resources_too() {
    let world = World::empty();
    let check = |name: &str, command: &str, expected: Option<&str>| {
        let guard = json!([{ "command": command, "matcher": "fs_read" }]);
        let agent = json!({
            "name": name, "tools": ["fs_read"], "resources": ["file://notes.txt"], "hooks": { "preToolUse": guard }
        });
        let mut chat = Chat::start(&world, &world.agent(name, &agent));
        let listed = chat.request("resources/list", &json!({}))["result"]["resources"].clone();
        let read = chat.request("resources/read", &json!({ "uri": listed[0]["uri"] }));
        match expected {
            None => assert!(read["result"]["contents"][0]["text"].as_str().unwrap().contains("the workspace's own"), "{read}"),
            Some(why) => assert!(read["error"]["message"].as_str().unwrap().contains(why), "{read}"),
        }
    };
    check("open", "grep -q 'notes.txt.*fs_read'", None);
    check("shut", "exit 2", Some("blocked by the `preToolUse` hook"));
}

#[test]
fn a_call_that_cannot_be_read_is_answered_as_one() {
    let world = World::empty();
    let mut chat = Chat::start(&world, &builder(&world));
    for params in [json!({ "name": "fs_read", "arguments": ["a"] }), Value::Null, json!({ "arguments": {} })] {
        let answer = chat.request("tools/call", &params);
        assert_eq!(answer["error"]["code"], -32602, "{params}: {answer}");
    }
    assert_eq!(chat.request("no/such", &json!({}))["error"]["code"], -32601);
    let mut unread = |line: &[u8], code: i64| {
        chat.send_line(line);
        let answer = chat.any();
        assert_eq!((answer["id"].as_u64(), answer["error"]["code"].as_i64()), (Some(77), Some(code)), "{answer}");
    };
    unread(br#"{"jsonrpc":"2.0","id":77,"method":"tools/call","params":{"name":"cut \ud83d"}}"#, -32700);
    unread(b"{\"jsonrpc\":\"2.0\",\"id\":77,\"method\":\"ping\",\"params\":{\"a\":\"\xff\"}}", -32700);
    unread(br#"{"jsonrpc":"2.0","id":77,"method":"tools/call","params":[1,2]}"#, -32600);
    // Longer than 16 MiB, and than what a worker is given: who asked hears of it.
    let write = json!({ "command": "create", "path": "src/long", "file_text": "x".repeat(33 << 20) });
    chat.call("fs_write", &write).refused("the arguments are longer than 32 MiB");
    assert_eq!(chat.close(), 0);
}

#[test]
fn whoever_sits_at_a_terminal_is_answered() {
    let world = World::empty();
    let agent = builder(&world);
    world.run(&agent, &["true"]);
    let mut terminal = Terminal::start(&world.remit_command(&["mcp", "--agent", agent.to_str().unwrap()]), 200, 24);
    let client = json!({ "name": "test", "version": "1" });
    let hello = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client });
    let mut send = |message: Value, answer: &str| {
        terminal.type_text(&format!("{}\n", message.as_str().map_or(message.to_string(), str::to_owned)));
        terminal.wait_for(answer);
    };
    send(json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello }), "\"id\":1,\"result\"");
    let initialized = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    let ping = json!({ "jsonrpc": "2.0", "id": 2, "method": "ping" });
    // Two lines at once.
    send(json!(format!("{initialized}\n{ping}")), "\"id\":2,\"result\"");
    let call = json!({ "name": "fs_read", "arguments": line("notes.txt") });
    send(json!({ "jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": call }), "the workspace's own");
    terminal.type_text("\u{4}");
    assert_eq!(terminal.end().0, Some(0));
}

#[test]
fn a_file_stays_whose_it_is() {
    let world = World::empty();
    let agent = builder(&world);
    let path = world.workspace().join("src/theirs");
    fs::write(&path, "a\n").unwrap();
    // Only root can give a file away; for anybody else it stays their own.
    let given = std::os::unix::fs::chown(&path, Some(4321), Some(4322)).is_ok();
    let mut chat = Chat::start(&world, &agent);
    let write = json!({ "command": "append", "path": "src/theirs", "new_str": "b\n" });
    let written = chat.call("fs_write", &write);
    if written.is_error {
        assert!(given && written.text.contains("belongs to another user or group"), "{written:?}");
    }
    let stat = fs::metadata(&path).unwrap();
    assert_eq!((stat.uid(), stat.gid()) == (4321, 4322), given);
    assert_eq!(fs::read_to_string(&path).unwrap() == "a\nb\n", !written.is_error);
}

#[test]
fn a_line_runs_as_it_would_by_hand() {
    let world = World::empty();
    let tools = json!({ "execute_bash": { "allowedCommands": ["type *", "echo *", "cd *"] } });
    let agent = json!({ "name": "l", "tools": ["execute_bash"], "toolsSettings": tools });
    let mut chat = Chat::answering(&world, &world.agent("l", &agent), &yes());
    chat.call("execute_bash", &json!({ "command": "type ls" })).ok("ls is ");
    chat.call("execute_bash", &json!({ "command": "echo a \\", "working_dir": "." })).ok("a \\");
    chat.call("execute_bash", &json!({ "command": ["printf", "%s|", "a b", "c; rm -rf /"] })).ok("a b|c; rm -rf /|");
    let asked = chat.asked.last().unwrap();
    assert!(asked.contains("\n    printf '%s|' 'a b' 'c; rm -rf /'\n"), "{asked}");
}

#[test]
fn what_a_command_leaves_behind_does_not_hold_its_call() {
    let world = World::empty();
    fs::write(world.workspace().join("behind.sh"), "setsid sh -c 'while :; do echo x; sleep 0.01; done' &\necho own; $1\n")
        .unwrap();
    let agent = json!({
        "name": "b", "tools": ["execute_bash"],
        "toolsSettings": { "execute_bash": { "allowedCommands": ["bash behind.sh *"] } }
    });
    let mut chat = Chat::start(&world, &world.agent("b", &agent));
    // Otherwise neither call comes back at all.
    chat.call("execute_bash", &json!({ "command": "bash behind.sh true" })).ok("own");
    let late = json!({ "command": "bash behind.sh 'sleep 60'", "timeout_seconds": 1 });
    chat.call("execute_bash", &late).refused("it took longer than 1 s");
    assert_eq!(chat.close(), 0);
}

#[test]
fn a_guard_can_be_set_back_by_name_to_what_the_products_do() {
    let world = World::empty();
    let check = |command: &str, named: &str, expected: Option<&str>| {
        let name = format!("guarded-{}", command.len());
        let agent = json!({
            "name": name, "tools": ["read"], "hooks": { "preToolUse": [{ "command": command, "timeout_ms": 500 }] },
            "toolsSettings": { "sandbox": { "hooks": { "letThrough": [named] } } }
        });
        let mut chat = Chat::start(&world, &world.agent(&name, &agent));
        let called = chat.call("read", &line("notes.txt"));
        match expected {
            None => called.ok("the workspace's own"),
            Some(why) => called.refused(why),
        };
    };
    check("exit 1", "exit 1", None);
    check("kill -9 $$", "kill -9 $$", None);
    check("sleep 60", "sleep 60", None);
    check("echo no >&2; exit 2", "echo no >&2; exit 2", Some("exit status 2: no"));
    let agent = json!({
        "name": "other", "tools": ["read"], "hooks": { "preToolUse": [{ "command": "a" }] },
        "toolsSettings": { "sandbox": { "hooks": { "letThrough": ["b"] } } }
    });
    let other = world.agent("other", &agent);
    world.remit(&["preview", other.to_str().unwrap()]).assert_stderr("no `preToolUse` hook has the command `b`");
}

#[test]
fn a_lost_worker_is_replaced_once() {
    let world = World::empty();
    let agent = builder(&world);
    let mut chat = Chat::start(&world, &agent);
    let server = chat.pid();
    chat.call("fs_read", &line("notes.txt")).ok("the workspace's own");
    remit_tests::kill_children(server);
    chat.call("fs_read", &line("notes.txt")).ok("the workspace's own");
    chat.call("fs_write", &json!({ "command": "create", "path": "src/after", "file_text": "x" })).ok("+x");
    remit_tests::kill_children(server);
    chat.call("fs_read", &line("notes.txt")).refused("the sandbox of this session has ended");
    assert_eq!(chat.close(), 0);
    let record = world.remit(&["audit", "verify"]);
    record.assert_code(0);
    let tasks: Value = serde_json::from_str(&world.remit(&["tasks", "--all", "--json"]).stdout).unwrap();
    let session = tasks["tasks"].as_array().unwrap().last().unwrap()["id"].as_str().unwrap().to_owned();
    world.remit(&["audit", &session]).assert_stdout("the worker was lost, and another was started in its place");
}

/// What fills a disk or memory ends with its call, and the session with it.
#[test]
fn a_limit_that_is_looked_at_ends_the_call() {
    let check = |limits: Value, script: &str, met: &str| {
        let world = World::empty();
        fs::write(world.workspace().join("fill.sh"), script).unwrap();
        let agent = world.test_runner(&["sh fill.sh", "echo *"], &json!({ "limits": limits }));
        // A cgroup ends the command alone.
        let preview = world.remit(&["preview", "--json", agent.to_str().unwrap()]);
        if met == "memory" && !preview.stdout.contains("memory that its processes have mapped") {
            return;
        }
        let mut chat = Chat::start(&world, &agent);
        chat.call("execute_bash", &json!({ "command": "echo before" })).ok("before");
        let why = format!("the limit of {met} of this session is met");
        chat.call("execute_bash", &json!({ "command": "sh fill.sh" })).refused(&why);
        chat.call("execute_bash", &json!({ "command": "echo after" })).refused(&why);
        chat.close();
    };
    let disk = "fallocate -l 2G ${TMPDIR:-/tmp}/big && exec python3 -c 'import time; time.sleep(30)'";
    check(json!({ "diskSpace": "16M" }), disk, "disk space");
    let memory = "exec python3 -c 'import time; held = bytearray(b\"x\" * (256 << 20)); time.sleep(30)'";
    check(json!({ "memory": "96M" }), memory, "memory");
}
