//! The agents that ship compile under the profiles that ship, and nothing is to be said about them.

#![expect(clippy::unwrap_used, reason = "clippy's leave for tests does not reach the helpers of an integration test")]

use std::collections::BTreeMap;
use std::path::Path;

use remit_agent::{AbsPath, Agent, Reading};
use remit_policy::{CommandLine, Decision, Policy, Profile, Request, Workspace, compile};

fn path(text: &str) -> AbsPath {
    AbsPath::new(Path::new(text)).unwrap()
}

fn sample(name: &str) -> Policy {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies/agents").join(format!("{name}.json"));
    let parsed = remit_agent::parse(name, &std::fs::read(&file).unwrap());
    let (agent, said) = Agent::resolve(parsed, path(&format!("/agents/{name}.json")), Reading::Remit).unwrap();
    assert_eq!(said, [], "{name}");
    let chosen = agent.file.settings.sandbox.as_ref().and_then(|sandbox| sandbox.value.profile.as_ref());
    let profile = Profile::load(chosen.map_or("dev", |chosen| &chosen.value), &BTreeMap::new()).unwrap();
    let workspace = Workspace {
        root: path("/home/u/work"),
        home: path("/home/u"),
        state: path("/home/u/.local/state/remit"),
        config: path("/home/u/.config/remit"),
    };
    let (policy, said) = compile(&agent, &profile, &workspace).unwrap();
    assert_eq!(said, [], "{name}");
    policy
}

#[expect(clippy::needless_pass_by_value, reason = "the cases below read better without a borrow in each")]
fn check(policy: &Policy, request: Request, expected: Decision) {
    let (decision, reason) = policy.judge(&request);
    assert_eq!(decision, expected, "{request:?}: {reason:?}");
}

fn argv(line: &str) -> Request {
    Request::Command(CommandLine::Argv(line.split(' ').map(str::to_owned).collect()))
}

fn shell(line: &str) -> Request {
    Request::Command(CommandLine::Shell(line.to_owned()))
}

fn read(file: &str) -> Request {
    Request::ReadFile(path(file))
}

fn write(file: &str) -> Request {
    Request::WriteFile(path(file))
}

#[test]
fn test_runner_runs_tests_and_no_more() {
    let policy = sample("test-runner");
    check(&policy, argv("cargo test"), Decision::Allow);
    check(&policy, shell(" cargo   'test' "), Decision::Allow);
    check(&policy, argv("cargo test --workspace"), Decision::Ask);
    check(&policy, argv("./cargo test"), Decision::Ask);
    check(&policy, shell("cargo test | bash"), Decision::Ask);
    check(&policy, shell("cargo test; id"), Decision::Ask);
    check(&policy, read("/home/u/work/src/lib.rs"), Decision::Allow);
    check(&policy, read("/home/u/work/.git/config"), Decision::Allow);
    check(&policy, read("/home/u/.ssh/id_ed25519"), Decision::Deny);
    check(&policy, read("/etc/shadow"), Decision::Ask);
    check(&policy, read("/proc/self/environ"), Decision::Ask);
    check(&policy, write("/home/u/work/src/lib.rs"), Decision::Deny);
    check(&policy, Request::Tool("fs_write".to_owned()), Decision::Deny);
    check(&policy, Request::Tool("fs_read".to_owned()), Decision::Allow);
    check(&policy, Request::Tool("execute_bash".to_owned()), Decision::Ask);
}

#[test]
fn code_reviewer_reads_only() {
    let policy = sample("code-reviewer");
    check(&policy, argv("true"), Decision::Deny);
    check(&policy, read("/home/u/work/src/lib.rs"), Decision::Allow);
    check(&policy, read("/home/u/work/app/.env"), Decision::Deny);
    check(&policy, write("/home/u/work/src/lib.rs"), Decision::Deny);
}

#[test]
fn docs_writer_writes_docs_only() {
    let policy = sample("docs-writer");
    check(&policy, write("/home/u/work/docs/a/b.md"), Decision::Allow);
    check(&policy, write("/home/u/work/docs/LICENSE.md"), Decision::Deny);
    check(&policy, write("/home/u/work/src/lib.rs"), Decision::Ask);
    check(&policy, write("/home/u/work/.git/hooks/pre-commit"), Decision::Deny);
    check(&policy, write("/tmp/x"), Decision::Ask);
    check(&policy, argv("true"), Decision::Deny);
}

#[test]
fn performance_analyzer_measures() {
    let policy = sample("performance-analyzer");
    check(&policy, argv("cargo bench --bench gate"), Decision::Allow);
    check(&policy, argv("cargo bench"), Decision::Allow);
    check(&policy, argv("/usr/bin/aws s3 ls"), Decision::Deny);
    check(&policy, argv("rm -rf /"), Decision::Ask);
    check(&policy, Request::Tool("use_aws".to_owned()), Decision::Ask);
}

#[test]
fn builder_reaches_registries() {
    let policy = sample("builder");
    check(&policy, argv("cargo build --release"), Decision::Allow);
    check(&policy, argv("git push"), Decision::Deny);
    check(&policy, argv("npm install left-pad"), Decision::Ask);
    let hosts = serde_json::to_value(&policy.network.mode).unwrap();
    assert_eq!(hosts["hosts"].as_array().unwrap().len(), 5);
}
