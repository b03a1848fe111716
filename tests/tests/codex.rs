//! A chat session as a task: Codex, with its own sandbox off, held by the policy of an agent.
//!
//! Its model is a script, on the loopback that is the task's own. What Codex's shell is told to do outside has to fail by
//! the kernel, and the work that it was asked for has to succeed. `.ci/clients` installs Codex, in `REMIT_CLIENTS`.

use std::fs;
use std::path::PathBuf;

use remit_tests::{Host, World, ports, source};
use serde_json::json;

fn codex() -> PathBuf {
    let clients = PathBuf::from(std::env::var_os("REMIT_CLIENTS").unwrap_or_else(|| "/opt/remit-clients".into()));
    assert!(clients.join("installed").exists(), "no clients in `{}`: run `.ci/clients` first", clients.display());
    let vendored = "node_modules/@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin/codex";
    let other = "node_modules/@openai/codex-linux-arm64/vendor/aarch64-unknown-linux-musl/bin/codex";
    [vendored, other].iter().map(|path| clients.join(path)).find(|path| path.exists()).unwrap()
}

/// Returns the words of a runner whose model tells Codex to run these lines, one after the other.
fn runner(lines: &[&str]) -> Vec<String> {
    let provider =
        r#"model_providers.local={name="local",base_url="http://127.0.0.1:PORT/v1",wire_api="responses",env_key="MODEL_KEY"}"#;
    let model = source().join("tests/clients/model.py");
    let lines = serde_json::to_string(lines).unwrap();
    let codex = codex();
    let words = [
        "/usr/bin/python3",
        model.to_str().unwrap(),
        &lines,
        codex.to_str().unwrap(),
        "exec",
        "--skip-git-repo-check",
        "--dangerously-bypass-approvals-and-sandbox",
        "-c",
        "model=scripted",
        "-c",
        "model_provider=local",
        "-c",
        provider,
        "--",
        "{prompt}",
    ];
    words.map(str::to_owned).to_vec()
}

/// Returns a line for a shell, whichever it is, that connects and prints what it is told.
fn connect(host: &str, port: u16) -> String {
    format!("/usr/bin/python3 -c 'import socket; print(socket.create_connection((\"{host}\", {port}), 9).recv(9).decode())'")
}

#[test]
fn codex_does_its_work_and_reaches_nothing_else() {
    let world = World::empty();
    let home = world.workspace().join("codex-home");
    fs::create_dir(&home).unwrap();
    fs::write(world.workspace().join("suite.sh"), "echo all tests pass | tee result.txt\n").unwrap();
    let clients = codex().parent().unwrap().to_owned();
    let sandbox = json!({
        "files": { "read": [source().join("tests/clients/**"), clients.join("**")], "execute": [clients.join("**")] },
        "env": { "set": { "CODEX_HOME": home, "MODEL_KEY": "none" } },
        "network": { "loopback": true }
    });
    let agent = world.agent(
        "coder",
        &json!({
            "name": "coder", "tools": ["execute_bash", "fs_write"], "allowedTools": ["fs_write"],
            "toolsSettings": {
                "execute_bash": { "allowedCommands": ["/usr/bin/python3 *"] },
                "fs_write": { "allowedPaths": ["**"] },
                "sandbox": sandbox
            }
        }),
    );
    let secret = world.home().join(".ssh/id_ed25519");
    let (port, _) = ports();
    let lines = [
        &*format!("cat {} || echo cannot read it", secret.display()),
        "cat ~/.ssh/id_ed25519 || echo not there either",
        &*format!("echo spoilt > {} || echo cannot write it", world.outside().join("secret").display()),
        &*format!("{} || echo cannot connect", connect("127.0.0.1", port)),
        &*format!("{} || echo no way out", connect("192.0.2.1", 443)),
        "sh suite.sh",
    ];

    // The control: without remit Codex does all of it.
    let mut plain = world.command("/usr/bin/python3");
    plain.env("CODEX_HOME", &home).env("MODEL_KEY", "none").args(&runner(&lines[..4])[1..14]).arg("Run our test suite");
    let plain = remit_tests::Running::start(&mut plain).outcome();
    plain.assert_code(0).assert_stdout("canary: private key").assert_stdout("hello");
    assert_eq!(fs::read_to_string(world.outside().join("secret")).unwrap(), "spoilt\n");
    fs::write(world.outside().join("secret"), "canary: outside\n").unwrap();

    let runner = serde_json::to_string(&runner(&lines)).unwrap();
    world.remit(&["settings", "runners.codex", &runner]).assert_code(0);
    let begun = world.remit(&["delegate", "--yes", "--agent", agent.to_str().unwrap(), "Run our test suite"]);
    begun.assert_code(0);
    let task = begun.stdout.trim();
    let ended = world.remit(&["wait", task]);
    let output = world.remit(&["logs", task]).stdout;
    assert!(!output.contains("canary") && !output.contains("hello"), "{output}");
    assert_eq!(fs::read_to_string(world.outside().join("secret")).unwrap(), "canary: outside\n");
    if !Host::look().namespaces {
        // There is no loopback of the task's own, and the model is on it.
        assert_ne!(ended.code, 0, "{output}");
        assert!(output.contains("Address family not supported"), "{output}");
        return;
    }
    assert_eq!(ended.code, 0, "{output}");
    for part in ["cannot read it", "not there either", "cannot write it", "cannot connect", "no way out", "all tests pass"] {
        assert!(output.split_once("TOLD").unwrap().1.contains(part), "no `{part}` in: {output}");
    }
    assert_eq!(fs::read_to_string(world.workspace().join("result.txt")).unwrap(), "all tests pass\n");
}
