//! `delegate`: what an agent launches in the background, who is asked, and what a no leaves behind.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use remit_tests::{Chat, TIME_OUT, Terminal, World, processes_with};
use serde_json::{Value, json};

/// Puts an agent where it is found by name.
fn agent(world: &World, name: &str, agent: Value) -> PathBuf {
    let directory = world.workspace().join(".remit/agents");
    fs::create_dir_all(&directory).unwrap();
    let mut agent = agent;
    agent["name"] = name.into();
    let path = directory.join(format!("{name}.json"));
    fs::write(&path, serde_json::to_vec_pretty(&agent).unwrap()).unwrap();
    path
}

/// Returns a world with `lead`, which may launch, and `worker`, which may run more than `lead`.
fn world(allowed: &[&str]) -> (World, PathBuf) {
    let world = World::empty();
    fs::write(world.workspace().join("work.sh"), "echo the work is done\n").unwrap();
    fs::write(world.workspace().join("slow.sh"), "echo begun; sleep 300; echo never\n").unwrap();
    let lead = json!({
        "description": "Leads.", "tools": ["delegate", "execute_bash"], "allowedTools": allowed,
        "toolsSettings": { "execute_bash": { "allowedCommands": ["echo *", "sh work.sh"] } }
    });
    let worker = json!({
        "description": "Works, alone.", "tools": ["execute_bash"],
        "toolsSettings": { "execute_bash": { "allowedCommands": ["sh *", "echo *"] } }
    });
    agent(&world, "worker", worker);
    fs::write(world.workspace().join(".remit/agents/broken.json"), "{").unwrap();
    let lead = agent(&world, "lead", lead);
    (world, lead)
}

fn launch(agent: &str, script: &str) -> Value {
    json!({ "operation": "launch", "agent": agent, "command": ["sh", script] })
}

fn of(operation: &str, id: &str) -> Value {
    json!({ "operation": operation, "id": id })
}

fn yes() -> Value {
    json!({ "decision": "allow" })
}

/// Returns the background tasks that there are.
fn tasks(world: &World) -> Vec<Value> {
    let listed = world.remit(&["tasks", "--all", "--json"]);
    let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
    listed["tasks"].as_array().unwrap().iter().filter(|task| task["background"] == json!(true)).cloned().collect()
}

/// Returns the id that an answer names.
#[track_caller]
fn id(text: &str) -> String {
    let word = text.split_whitespace().find(|word| word.starts_with("task-")).unwrap_or_else(|| panic!("no id in: {text}"));
    word.trim_end_matches([':', '.']).to_owned()
}

/// Waits until a task asks for approval, by looking again and again: its supervisor does that.
#[track_caller]
fn until_it_waits(world: &World, id: &str) {
    let deadline = Instant::now() + TIME_OUT;
    while !world.remit(&["status", id]).stdout.contains("waiting for approval") {
        assert!(Instant::now() < deadline, "`{id}` does not ask");
    }
}

fn audit(world: &World) -> String {
    let listed = world.remit(&["tasks", "--all", "--json"]);
    let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
    let sessions = listed["tasks"].as_array().unwrap().iter().filter(|task| task["command"][1] == "mcp");
    let sessions: Vec<String> = sessions.map(|task| task["id"].as_str().unwrap().to_owned()).collect();
    world.remit(&["audit", "verify"]).assert_code(0);
    sessions.iter().map(|id| world.remit(&["audit", id]).stdout).collect()
}

/// Whatever a person or a host says that is no clear yes, and wherever it is asked: nothing has run.
#[test]
fn no_means_no() {
    let (world, lead) = world(&["delegate"]);
    let loud = json!({ "operation": "launch", "command": "echo hello > made" });
    let nobody_works = || {
        assert!(world.processes_with("supervise").is_empty());
    };
    let answers = [
        json!(null),
        json!({ "action": "decline", "content": yes() }),
        json!({ "action": "cancel" }),
        json!({ "action": "cancel", "content": yes() }),
        json!({ "action": "accept" }),
        json!({ "action": "accept", "content": { "decision": "deny" } }),
        json!({ "action": "accept", "content": { "decision": true } }),
        json!({ "error": { "code": -32603, "message": "the person has gone" } }),
    ];
    let asked = answers.len() * 2;
    for answer in answers {
        let mut chat = Chat::answering(&world, &lead, &answer);
        for call in [launch("worker", "work.sh"), loud.clone()] {
            chat.call("delegate", &call).refused("the person who was asked did not allow it");
        }
        assert_eq!((chat.asked.len(), tasks(&world)), (2, Vec::<Value>::new()), "{answer}");
        nobody_works();
        assert_eq!(chat.close(), 0);
    }
    let record = audit(&world);
    assert_eq!(record.matches("a person said no, by elicitation").count(), asked, "{record}");
    assert!(!record.contains("launched"), "{record}");

    // A host that cannot ask leaves it to a terminal, and there the answer is no, or `remit deny`.
    let mut chat = Chat::start(&world, &lead);
    for call in [launch("worker", "work.sh"), loud] {
        let task = id(&chat.call("delegate", &call).ok("waits for a person").text);
        until_it_waits(&world, &task);
        for answer in ["n\n", "\n", "\u{4}"] {
            let mut terminal = Terminal::start(&world.remit_command(&["approve", &task]), 100, 60);
            terminal.wait_for("[y/N]").type_text(answer);
            assert_eq!(terminal.end().0, Some(126), "{answer:?}");
        }
        world.remit(&["approve", &task]).assert_code(126);
        until_it_waits(&world, &task);
        world.remit(&["deny", &task]).assert_code(0);
        chat.call("delegate", &of("wait", &task)).refused("denied");
        let status = world.remit(&["status", &task]);
        assert!(!status.stdout.lines().any(|line| line.trim_start().starts_with("started")), "{}", status.report());
        assert_eq!(world.remit(&["logs", &task]).stdout, "");
    }
    assert_eq!(chat.close(), 0);
    assert!(!world.workspace().join("made").exists());
    assert_eq!(audit(&world).matches("approved: nobody yet").count(), 2);
}

#[test]
fn a_yes_launches_and_what_is_launched_is_a_task_like_any_other() {
    let (world, lead) = world(&[]);
    let mut chat = Chat::answering(&world, &lead, &yes());
    let launched = chat.call("delegate", &launch("worker", "work.sh"));
    let task = id(&launched.ok("is launched").text);
    let asked = &chat.asked[0];
    for part in [
        "`lead` wants to launch the agent `worker`",
        "sh work.sh",
        "Works, alone.",
        "goes beyond what `lead` may do",
        "nobody approved",
    ] {
        assert!(asked.contains(part), "no `{part}` in: {asked}");
    }
    chat.call("delegate", &of("wait", &task)).ok("succeeded");
    chat.call("delegate", &of("result", &task)).ok("the work is done");
    chat.call("delegate", &json!({ "operation": "status", "agent": "worker" })).ok(&task);
    chat.call("delegate", &json!({ "operation": "status", "agent": "all" })).ok(&task);
    world
        .remit(&["result", &task])
        .assert_code(0)
        .assert_stdout("the work is done")
        .assert_stdout("by your answer in the chat host");
    let record = audit(&world);
    let digest = tasks(&world)[0]["digest"].as_str().unwrap().to_owned();
    assert!(record.contains(&format!("launched {task} under worker, policy {digest}")), "{record}");
    assert!(record.contains("approved: a person, by elicitation") && record.contains("beyond the launching agent"), "{record}");
    chat.call("delegate", &of("delete", &task)).ok("is forgotten");
    chat.call("delegate", &of("status", &task)).refused("there is no task");
    assert_eq!(tasks(&world), Vec::<Value>::new());
    assert_eq!(chat.close(), 0);
}

#[test]
fn a_host_that_cannot_ask_leaves_it_to_a_person_elsewhere() {
    let (world, lead) = world(&["delegate"]);
    let mut chat = Chat::start(&world, &lead);
    let one = id(&chat.call("delegate", &launch("worker", "work.sh")).ok("waits for a person").text);
    let other = id(&chat.call("delegate", &launch("worker", "work.sh")).ok("waits for a person").text);
    chat.call("delegate", &json!({ "operation": "wait", "id": one, "timeout_seconds": 0 })).ok("Not over yet");
    until_it_waits(&world, &one);
    until_it_waits(&world, &other);
    world.remit(&["status", &one]).assert_stdout("the agent `lead` launched it");
    world.remit(&["deny", &one]).assert_code(0);
    chat.call("delegate", &of("wait", &one)).refused("denied");
    world.remit(&["logs", &one]).assert_code(0);
    let approved = world.remit(&["approve", &other, "--yes"]);
    approved.assert_code(0).assert_stderr("goes beyond what `lead` may do");
    chat.call("delegate", &of("wait", &other)).ok("succeeded");
    // Now its policy is approved, and still the launch is not.
    let third = id(&chat.call("delegate", &launch("worker", "work.sh")).ok("waits for a person").text);
    until_it_waits(&world, &third);
    chat.call("delegate", &of("cancel", &third)).ok("was told to end");
    chat.call("delegate", &of("wait", &third)).refused("cancelled");
    assert!(audit(&world).contains("approved: nobody yet"));
    assert_eq!(chat.close(), 0);
}

#[test]
fn within_the_launching_agents_policy_nobody_is_asked() {
    let (world, lead) = world(&["delegate"]);
    let mut chat = Chat::start(&world, &lead);
    let task = id(&chat.call("delegate", &launch("lead", "work.sh")).ok("is launched").text);
    chat.call("delegate", &of("wait", &task)).ok("succeeded");
    world.remit(&["status", &task]).assert_stdout("within the policy of the agent that launched it");
    // A command that the policy asks about is asked about.
    chat.call("delegate", &launch("lead", "slow.sh")).ok("waits for a person");
    assert_eq!(chat.close(), 0);
    assert!(audit(&world).contains("approved: within the launching agent's policy"));
}

#[test]
fn without_an_agent_the_person_is_warned() {
    let (world, lead) = world(&["delegate"]);
    let mut chat = Chat::answering(&world, &lead, &yes());
    let call = json!({ "operation": "launch", "agent": "q_cli_default", "command": "echo all > ../outside/made" });
    let task = id(&chat.call("delegate", &call).ok("is launched").text);
    assert!(chat.asked[0].contains("WITHOUT an agent, which may do everything that you may"), "{}", chat.asked[0]);
    chat.call("delegate", &of("wait", &task)).ok("succeeded");
    assert!(world.outside().join("made").exists());
    drop(chat);
    let mut chat = Chat::start(&world, &lead);
    chat.call("delegate", &call).ok("waits for a person");
    assert_eq!(chat.close(), 0);
}

#[test]
fn what_others_started_is_seen_and_only_a_person_gives_it_away() {
    let (world, lead) = world(&["delegate"]);
    let begun = world.remit(&["run", "--background", "--trust-all", "--name", "mine", "--", "sh", "slow.sh"]);
    let task = begun.stdout.trim();
    let mut chat = Chat::answering(&world, &lead, &Value::Null);
    chat.call("delegate", &json!({ "operation": "status" })).ok("mine (no agent)");
    for operation in ["cancel", "result"] {
        chat.call("delegate", &of(operation, task)).refused("did not allow it");
    }
    drop(chat);
    let mut chat = Chat::start(&world, &lead);
    chat.call("delegate", &of("cancel", task)).refused("this agent did not launch it");
    drop(chat);
    world.remit(&["status", task]).assert_stdout("running");
    let mut chat = Chat::answering(&world, &lead, &yes());
    chat.call("delegate", &of("cancel", "mine")).ok("was told to end");
    chat.call("delegate", &of("wait", "mine")).refused("cancelled");
    assert_eq!(chat.close(), 0);
}

#[test]
fn what_was_launched_outlives_the_session_and_its_end_is_told() {
    let (world, lead) = world(&["delegate"]);
    let mut chat = Chat::answering(&world, &lead, &yes());
    let slow = id(&chat.call("delegate", &launch("worker", "slow.sh")).ok("is launched").text);
    let quick = id(&chat.call("delegate", &launch("worker", "work.sh")).ok("is launched").text);
    let told = loop {
        let message = chat.any();
        if message["method"] == "notifications/message" {
            break message;
        }
    };
    let data = told["params"]["data"].as_str().unwrap();
    assert!(data.contains(&quick) && data.contains("succeeded"), "{told}");
    assert_eq!(chat.close(), 0);
    world.remit(&["status", &slow]).assert_stdout("running");
    let mut chat = Chat::start(&world, &lead);
    chat.call("delegate", &of("status", &slow)).ok("running");
    chat.call("delegate", &of("cancel", &slow)).ok("was told to end");
    chat.call("delegate", &of("wait", &slow)).refused("cancelled");
    assert_eq!(chat.close(), 0);
    // Its supervisor says that it has ended, and then ends itself.
    let deadline = Instant::now() + TIME_OUT;
    while !processes_with(&slow).is_empty() {
        assert!(Instant::now() < deadline, "something of {slow} is left");
    }
}

#[test]
fn agents_are_listed_with_what_they_are_for() {
    let (world, lead) = world(&["delegate"]);
    let mut chat = Chat::start(&world, &lead);
    let listed = chat.call("delegate", &json!({ "operation": "list" }));
    listed.ok("worker: Works, alone.").ok("lead: Leads.");
    chat.call("delegate", &launch("no-such", "work.sh")).refused("no agent is named `no-such`");
    chat.call("delegate", &launch("./worker.json", "work.sh")).refused("launched by name");
    chat.call("delegate", &launch("broken", "work.sh")).refused("broken.json` cannot be used");
    chat.call("delegate", &json!({ "operation": "launch", "agent": "worker", "task": "do it" })).refused("there is no runner");
    chat.call("delegate", &json!({ "operation": "launch" })).refused("give a `task` in words");
    chat.call("delegate", &json!({ "operation": "begin" })).refused("operation");
    assert_eq!(chat.close(), 0);
    world.remit(&["settings", "delegate.enabled", "false"]).assert_code(0);
    let mut chat = Chat::start(&world, &lead);
    assert!(!chat.tools().contains(&"delegate".to_owned()));
    chat.call("delegate", &json!({ "operation": "list" })).refused("launches no tasks");
    assert_eq!(chat.close(), 0);
}

#[test]
fn a_host_with_tasks_gets_one_for_each_launch() {
    let (world, lead) = world(&["delegate"]);
    world.run(&lead, &["echo"]);
    let mut command = world.remit_command(&["mcp", "--agent", lead.to_str().unwrap()]);
    let tasks = json!({ "elicitation": {}, "extensions": { "io.modelcontextprotocol/tasks": {} } });
    let mut chat = Chat::with_capabilities(&mut command, Some(yes()), &tasks);
    let call = |script: &str| json!({ "name": "delegate", "arguments": launch("worker", script) });
    let quick = chat.request("tools/call", &call("work.sh"))["result"].clone();
    assert_eq!((quick["resultType"].as_str(), quick["status"].as_str()), (Some("task"), Some("working")), "{quick}");
    let quick = quick["taskId"].as_str().unwrap().to_owned();
    let ended = loop {
        let message = chat.any();
        if message["method"] == "notifications/tasks" {
            break message["params"].clone();
        }
    };
    assert_eq!((ended["taskId"].as_str(), ended["status"].as_str()), (Some(&*quick), Some("completed")), "{ended}");
    let got = chat.request("tasks/get", &json!({ "taskId": quick }))["result"].clone();
    assert!(got["result"]["content"][0]["text"].as_str().unwrap().contains("the work is done"), "{got}");
    let slow = chat.request("tools/call", &call("slow.sh"))["result"]["taskId"].as_str().unwrap().to_owned();
    assert_eq!(chat.request("tasks/get", &json!({ "taskId": slow }))["result"]["status"], "working");
    assert!(chat.request("tasks/cancel", &json!({ "taskId": slow }))["result"].is_object());
    chat.call("delegate", &of("wait", &slow)).refused("cancelled");
    assert_eq!(chat.request("tasks/get", &json!({ "taskId": slow }))["result"]["status"], "cancelled");
    assert!(chat.request("tasks/get", &json!({ "taskId": "task-0" }))["error"].is_object());
    assert_eq!(chat.close(), 0);
}

#[test]
fn a_task_in_words_goes_to_the_runner_that_the_user_chose() {
    let (world, _) = world(&[]);
    let runner = agent(
        &world,
        "chatty",
        json!({ "tools": ["execute_bash"], "toolsSettings": { "execute_bash": { "allowedCommands": ["sh chat.sh *", "sh chat.sh"] } } }),
    );
    fs::write(world.workspace().join("chat.sh"), "echo \"argument: $1\"; [ -z \"$2\" ] || cat \"$2\"; echo; cat\n").unwrap();
    world.run(&runner, &["sh", "chat.sh"]);
    let delegate = |arguments: &[&str]| world.remit(&[&["delegate", "--agent", "chatty"], arguments].concat());
    delegate(&["Run our test suite"])
        .assert_code(1)
        .assert_stderr("there is no runner")
        .assert_stderr("remit settings runners.codex");
    world.remit(&["settings", "runners.codex", "codex {prompt} {file}"]).assert_code(1).assert_stderr("at most once");
    let check = |name: &str, template: &str, prompt: &str, expected: &str| {
        world.remit(&["settings", &format!("runners.{name}"), template]).assert_code(0);
        let begun = delegate(&["--runner", name, prompt]);
        begun.assert_code(0);
        world.remit(&["wait", begun.stdout.trim()]).assert_code(0);
        world.remit(&["logs", begun.stdout.trim()]).assert_stdout(expected);
    };
    check("codex", "sh chat.sh {prompt}", "Run $(our) \"test\" suite", "argument: Run $(our) \"test\" suite\n");
    check("claude", "sh chat.sh", "Run our\ntest suite", "argument: \n\nRun our\ntest suite");
    check("custom", "sh chat.sh - {file}", "Run our test suite", "argument: -\nRun our test suite");
    check("gemini", "sh chat.sh {agent}", "x", "argument: chatty\n\nx");
    world.remit(&["settings", "delegate.runner", "claude"]).assert_code(0);
    delegate(&["chosen"]).assert_code(0);
    delegate(&["--runner", "codex", "--yolo"]).assert_code(2);
    delegate(&["--runner", "codex", "--", "--yolo"]).assert_code(1).assert_stderr("begins with `-`");
    let named = tasks(&world).last().unwrap()["name"].as_str().unwrap().to_owned();
    assert_eq!(named, "chosen");
}
