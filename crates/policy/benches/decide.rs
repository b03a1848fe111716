//! What a decision costs, with 200 patterns, beside a gate that compiles every pattern at every call.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot begin has to stop")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, criterion_group, criterion_main};
use regex::Regex;
use remit_agent::{AbsPath, Agent, Reading};
use remit_policy::{CommandLine, Policy, Profile, Request, Workspace, compile};

const LINE: &str = "cd app && cargo test --workspace 2>&1 | tail -20";

fn patterns() -> Vec<String> {
    let tools = ["git", "npm", "cargo", "docker", "kubectl", "go", "python3", "make", "terraform", "aws"];
    let verbs = [
        "status", "log", "diff", "test", "build", "run", "lint", "plan", "get", "list", "show", "check", "fmt", "doc", "bench",
        "tree",
    ];
    let made = tools.iter().flat_map(|tool| verbs.iter().map(move |verb| format!("{tool} {verb} *")));
    let own = (0..).map(|number| format!("tool-{number} *"));
    let mut patterns: Vec<String> = made.collect();
    let more = 198 - patterns.len();
    patterns.extend(own.take(more));
    patterns.extend(["cargo test *".to_owned(), "tail *".to_owned()]);
    patterns
}

fn path(text: &str) -> AbsPath {
    AbsPath::new(Path::new(text)).unwrap()
}

fn policy(patterns: &[String]) -> Policy {
    let settings = serde_json::json!({ "shell": { "allowedCommands": patterns, "deniedCommands": ["rm *", "git push *"] } });
    let text = serde_json::json!({ "name": "a", "tools": ["shell"], "toolsSettings": settings }).to_string();
    let parsed = remit_agent::parse("a.json", text.as_bytes());
    let (agent, _) = Agent::resolve(parsed, path("/w/a.json"), Reading::Remit).unwrap();
    let profile = Profile::load("base", &BTreeMap::new()).unwrap();
    let workspace = Workspace { root: path("/w"), home: path("/home/u"), state: path("/home/u/.s"), config: path("/home/u/.c") };
    compile(&agent, &profile, &workspace).unwrap().0
}

/// Decides as a gate does that keeps its patterns as text: each is compiled at each call, anchored, and matched with each
/// command of the line, which is split at its operators and no further.
fn regex_per_call(patterns: &[String], line: &str) -> bool {
    let dangerous = ["<(", "$(", "`", ";"];
    if dangerous.iter().any(|text| line.contains(text)) {
        return false;
    }
    line.split("&&").flat_map(|part| part.split('|')).all(|command| {
        let command = command.trim().trim_end_matches("2>&1").trim_end();
        command.starts_with("cd ")
            || patterns.iter().any(|pattern| Regex::new(&format!(r"\A{pattern}\z")).is_ok_and(|regex| regex.is_match(command)))
    })
}

fn benchmark(criterion: &mut Criterion) {
    let patterns = patterns();
    let policy = policy(&patterns);
    let gate = policy.gate();
    let request = Request::Command(CommandLine::Shell(LINE.to_owned()));
    assert_eq!(policy.judge(&request).0, remit_policy::Decision::Allow);
    let regexes: Vec<String> = patterns.iter().map(|pattern| pattern.replace(" *", "( .*)?")).collect();
    assert!(regex_per_call(&regexes, LINE));

    let mut group = criterion.benchmark_group("200 patterns");
    group.bench_function("judge", |bencher| bencher.iter(|| policy.judge(black_box(&request))));
    group.bench_function("decide", |bencher| bencher.iter(|| gate.decide(black_box(request.clone()))));
    group.bench_function("parse alone", |bencher| bencher.iter(|| remit_shell::parse(black_box(LINE))));
    group.sample_size(10);
    group.bench_function("a regular expression for each pattern and call", |bencher| {
        bencher.iter(|| regex_per_call(black_box(&regexes), black_box(LINE)));
    });
    group.finish();
}

criterion_group!(benches, benchmark);
criterion_main!(benches);
