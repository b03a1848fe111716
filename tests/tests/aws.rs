//! `use_aws` with the real `aws` command and a cloud of the test's own, `moto`, inside the sandbox.
//!
//! `.ci/clients` installs both; they are looked for in `REMIT_CLIENTS`.

use std::path::PathBuf;

use remit_tests::{Called, Chat, Host, World};
use serde_json::{Value, json};

fn clients() -> PathBuf {
    let path = PathBuf::from(std::env::var_os("REMIT_CLIENTS").unwrap_or_else(|| "/opt/remit-clients".into())).join("aws");
    assert!(path.join("bin/moto_server").exists(), "no clients in `{}`: run `.ci/clients` first", path.display());
    path
}

fn call(chat: &mut Chat, service: &str, operation: &str, parameters: &Value) -> Called {
    let arguments = json!({ "service_name": service, "operation_name": operation, "parameters": parameters, "region": "us-east-1", "label": "x" });
    chat.call("use_aws", &arguments)
}

#[test]
fn services_and_readers_run_unasked_and_nothing_else() {
    let world = World::empty();
    let clients = clients();
    let moto = "moto_server -p 5000 >/dev/null 2>&1 & until (: </dev/tcp/127.0.0.1/5000) 2>/dev/null; do sleep 0.2; done";
    let agent = world.agent(
        "cloud",
        &json!({
            "name": "cloud", "tools": ["use_aws", "execute_bash"], "allowedTools": ["execute_bash"],
            "toolsSettings": {
                "use_aws": { "allowedServices": ["s3"], "deniedServices": ["iam"], "autoAllowReadonly": true },
                "sandbox": {
                    "profile": "dev",
                    "files": { "execute": [clients], "read": [clients] },
                    "env": { "set": {
                        "AWS_ENDPOINT_URL": "http://127.0.0.1:5000", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"
                    } }
                }
            }
        }),
    );
    let path = format!("{}:{}", clients.join("bin").display(), std::env::var("PATH").unwrap());
    let mut run = world.run_command(&agent, &["true"]);
    remit_tests::Running::start(run.env("PATH", &path)).outcome();
    let mut command = world.remit_command(&["mcp", "--agent", agent.to_str().unwrap()]);
    let mut chat = Chat::with(command.env("PATH", &path).env("AWS_SESSION_TOKEN", "mine-alone"), None);
    let none = json!({});
    for (service, operation) in [
        ("secretsmanager", "get-secret-value"),
        ("ssm", "get-parameter"),
        ("sts", "get-session-token"),
        ("ecr", "get-login-password"),
        ("kms", "decrypt"),
        ("ec2", "run-instances"),
        ("dynamodb", "delete-table"),
    ] {
        call(&mut chat, service, operation, &none).refused("the service's model does not say that it only reads");
    }
    call(&mut chat, "iam", "create-access-key", &none).refused("`deniedServices` denies `iam`");
    call(&mut chat, "iam", "list-users", &none).refused("`deniedServices` denies `iam`");
    call(&mut chat, "ec2", "describe-instances", &json!({ "endpoint": "http://h/" }))
        .refused("is an option of the `aws` command");
    call(&mut chat, "ec2", "describe-instances", &json!({ "filters": "file:///etc/passwd" })).refused("read from a file");
    chat.call("execute_bash", &json!({ "command": "env" })).ok("AWS_ACCESS_KEY_ID=a");
    assert!(!chat.call("execute_bash", &json!({ "command": "env" })).text.contains("mine-alone"));
    if !Host::look().namespaces {
        // Without a network namespace there is no loopback of the task's own to have a cloud on.
        call(&mut chat, "s3api", "list-buckets", &none).refused("");
        return;
    }
    chat.call("execute_bash", &json!({ "command": moto, "timeout_seconds": 120 })).ok("exit status 0");
    call(&mut chat, "s3api", "create-bucket", &json!({ "bucket": "mine" })).ok("exit status 0");
    call(&mut chat, "s3api", "list-buckets", &none).ok("\"Name\": \"mine\"");
    call(&mut chat, "s3", "ls", &none).ok("mine");
    call(&mut chat, "ec2", "describe-instances", &json!({ "max-items": 3 })).ok("Reservations");
    call(&mut chat, "sts", "get-caller-identity", &none).ok("Account");
    call(&mut chat, "ec2", "describe-instances", &json!({ "no-such-thing": "x" })).refused("Unknown options: --no-such-thing=x");
    assert_eq!(chat.close(), 0);
}
