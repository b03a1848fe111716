//! `remit mcp` with the clients of other people: the official Python SDK and the MCP Inspector's command line.
//!
//! `.ci/clients` installs both; they are looked for in `REMIT_CLIENTS`.

use std::fs;
use std::path::PathBuf;

use remit_tests::{Outcome, Running, World, remit, source};
use serde_json::{Value, json};

fn clients() -> PathBuf {
    let path = PathBuf::from(std::env::var_os("REMIT_CLIENTS").unwrap_or_else(|| "/opt/remit-clients".into()));
    assert!(path.join("installed").exists(), "no clients in `{}`: run `.ci/clients` first", path.display());
    path
}

fn world() -> (World, PathBuf) {
    let world = World::empty();
    fs::create_dir(world.workspace().join("src")).unwrap();
    fs::write(world.workspace().join(".env"), "SECRET=canary\n").unwrap();
    fs::write(world.workspace().join("loud.sh"), "for i in 1 2 3; do echo step $i; sleep 0.4; done\n").unwrap();
    fs::write(world.workspace().join("slow.sh"), "sleep 300\n").unwrap();
    let agent = world.agent(
        "builder",
        &json!({
            "name": "builder", "tools": ["*"], "allowedTools": ["fs_read", "fs_write", "execute_bash"],
            "toolsSettings": {
                "fs_write": { "allowedPaths": ["src/**"] },
                "fs_read": { "deniedPaths": ["**/.env"] },
                "execute_bash": { "allowedCommands": ["echo *", "sh loud.sh", "sh slow.sh"] }
            }
        }),
    );
    world.run(&agent, &["echo"]).assert_code(0);
    (world, agent)
}

fn sdk(mode: &str) {
    let (world, agent) = world();
    let mut python = world.command(clients().join("python/bin/python"));
    python.arg(source().join("tests/clients/sdk.py")).arg(mode).arg(remit()).arg(agent);
    Running::start(&mut python).outcome().assert_code(0).assert_stdout("ok");
    assert!(world.processes_with("slow.sh").is_empty());
}

#[test]
fn the_python_sdk_with_the_handshake() {
    sdk("legacy");
}

#[test]
fn the_python_sdk_without_it() {
    sdk("auto");
}

#[test]
fn the_inspector() {
    let (world, agent) = world();
    let inspect = |arguments: &[&str]| -> Outcome {
        let mut node = world.command("node");
        node.arg(clients().join("node_modules/.bin/mcp-inspector")).arg("--cli").arg(remit());
        node.args(["mcp", "--agent"]).arg(&agent).args(arguments);
        Running::start(&mut node).outcome()
    };
    let tools = inspect(&["--method", "tools/list"]);
    let tools: Value = serde_json::from_str(&tools.assert_code(0).stdout).unwrap();
    assert_eq!(tools["tools"][0]["name"], "fs_read");
    let echo = ["--method", "tools/call", "--tool-name", "execute_bash", "--tool-arg", "command=echo inspected"];
    inspect(&echo).assert_code(0).assert_stdout("inspected");
    let touch = ["--method", "tools/call", "--tool-name", "execute_bash", "--tool-arg", "command=touch src/no"];
    inspect(&touch).assert_stdout("has no way to ask");
    assert!(!world.workspace().join("src/no").exists());
}
