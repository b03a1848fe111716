//! `remit check`: what it says, how it ends, and many lines at once.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use remit_tests::{World, remit};
use serde_json::{Value, json};

const AGENT: &str = r#"{"name": "a", "tools": ["execute_bash"], "toolsSettings": {"execute_bash": {
    "allowedCommands": ["npm test", "tail *"], "deniedCommands": ["git push *"]}}}"#;

fn check(arguments: &[&str], input: &[u8]) -> Output {
    let world = World::empty();
    std::fs::write(world.path().join("a.json"), AGENT).unwrap();
    let mut child = Command::new(remit())
        .arg("check")
        .args(arguments)
        .current_dir(world.path())
        .env("HOME", world.home())
        .env_remove("XDG_STATE_HOME")
        .env_remove("XDG_CONFIG_HOME")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    // Who is not asked for lines need not read them.
    let _ = writer.join().unwrap();
    output
}

fn check_code(arguments: &[&str], expected: i32) -> String {
    let output = check(arguments, b"");
    assert_eq!(output.status.code(), Some(expected), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_exit_code_is_the_decision() {
    check_code(&["a.json", "--", "npm test 2>&1 | tail -5"], 0);
    check_code(&["a.json", "--", "npm", "test"], 0);
    check_code(&["a.json", "--", "npm test; id"], 3);
    check_code(&["a.json", "--", "npm", "test; id"], 3);
    check_code(&["a.json", "--", "npm test; git -C . push"], 126);
    check_code(&["missing.json", "--", "npm test"], 2);
    check_code(&["a.json"], 2);
    check_code(&["--lines", "a.json"], 2);
}

#[test]
fn json_has_each_part() {
    let text = check_code(&["a.json", "--json", "--", "npm test; id"], 3);
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&value["version"], &value["decision"]), (&json!(1), &json!("ask")));
    let parts = value["parts"].as_array().unwrap();
    let told: Vec<_> = parts.iter().map(|part| (part["command"].as_str().unwrap(), part["decision"].as_str().unwrap())).collect();
    assert_eq!(told, [("npm test", "allow"), ("id", "ask")]);
    assert_eq!((&parts[1]["start"], &parts[1]["end"]), (&json!(10), &json!(12)));
    assert_eq!(parts[0]["rule"], "npm test");
    assert!(parts[0]["where"].as_str().unwrap().starts_with("a.json:"));
}

#[test]
fn lines_are_judged_by_their_own_patterns() {
    let input = concat!(
        r#"{"id": 1, "allow": ["npm test"], "deny": [], "command": "cd app && npm test"}"#,
        "\n\n",
        r#"{"id": "b", "allow": ["npm test"], "command": "npm test > f"}"#,
        "\n",
        r#"{"id": [3], "deny": ["rm *"], "command": "sudo rm x"}"#,
        "\n",
        r#"{"id": 4, "command": "ls"}"#,
    );
    let output = check(&["--lines"], input.as_bytes());
    assert_eq!(output.status.code(), Some(0));
    let expected = [
        json!({"id": 1, "decision": "allow"}),
        json!({"id": "b", "decision": "ask"}),
        json!({"id": [3], "decision": "deny"}),
        json!({"id": 4, "decision": "ask"}),
    ];
    let told: Vec<Value> =
        output.stdout.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
    assert_eq!(told, expected);
}

#[test]
fn a_line_that_cannot_be_judged_is_told_and_the_rest_goes_on() {
    let input = b"nonsense\n\xff\xfe\n{\"id\": 1, \"command\": 5}\n{\"id\": 2, \"allow\": [\"a (b\"], \"command\": \"a\"}\n{\"id\": 3, \"allow\": [\"a\"], \"command\": \"a\"}\n";
    let output = check(&["--lines"], input);
    assert_eq!(output.status.code(), Some(2));
    let told: Vec<Value> =
        String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ids: Vec<&Value> = told.iter().map(|line| &line["id"]).collect();
    assert_eq!(ids, [&Value::Null, &Value::Null, &json!(1), &json!(2), &json!(3)]);
    assert!(told.iter().take(4).all(|line| line["error"].is_string()));
    assert_eq!(told[4]["decision"], "allow");
}

#[test]
fn ten_thousand_lines_are_judged() {
    let mut input = String::new();
    for id in 0..10_000 {
        let line = json!({"id": id, "allow": [format!("tool-{id} *"), "git log *"], "deny": ["rm *"], "command": format!("tool-{id} x | tool-{id}")});
        writeln!(input, "{line}").unwrap();
    }
    let output = check(&["--lines"], input.as_bytes());
    assert_eq!(output.status.code(), Some(0));
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(told.lines().count(), 10_000);
    assert!(told.lines().all(|line| line.contains("\"allow\"")));
}
