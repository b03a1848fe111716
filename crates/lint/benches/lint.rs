//! What linting costs: as many files as the public collections have, and one file of a megabyte.
//!
//! The files are the examples of the rules, over and over; `REMIT_BENCH_AGENTS=DIR` takes the `*.json` of a directory in
//! their place. Reading from disk and printing are not in it.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot begin has to stop")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use criterion::{Criterion, criterion_group, criterion_main};
use remit_agent::{AbsPath, Agent, Reading, parse};
use remit_lint::{LintInput, NoDisk, Products, lint, rules};
use remit_policy::{Profile, Workspace, compile};

const FILES: usize = 704;
const THREADS: usize = 2;

fn path(text: &str) -> AbsPath {
    AbsPath::new(Path::new(text)).unwrap()
}

fn texts() -> Vec<String> {
    if let Some(directory) = std::env::var_os("REMIT_BENCH_AGENTS") {
        let files = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
        let agents = files.filter(|file| file.extension().is_some_and(|extension| extension == "json"));
        return agents.map(|file| String::from_utf8_lossy(&std::fs::read(file).unwrap()).into_owned()).collect();
    }
    let examples = rules().iter().flat_map(|rule| [rule.example.found, rule.example.mended]);
    examples.cycle().take(FILES).map(str::to_owned).collect()
}

/// Returns an agent of a megabyte, most of which are paths and patterns.
fn large() -> String {
    let commands: Vec<String> = (0..10_000).map(|number| format!("tool-{number} build --target release *")).collect();
    let paths: Vec<String> = (0..10_000).map(|number| format!("packages/p{number}/src/generated/**")).collect();
    let prompt = "Be careful. ".repeat(20_000);
    serde_json::json!({
        "name": "large",
        "prompt": prompt,
        "tools": ["*"],
        "toolsSettings": { "shell": { "allowedCommands": commands }, "write": { "allowedPaths": paths } },
    })
    .to_string()
}

struct World {
    workspace: Workspace,
    profile: Profile,
}

impl World {
    fn findings(&self, text: &str) -> usize {
        let parsed = parse("agent.json", text.as_bytes());
        let (source, file) = (parsed.source.clone(), parsed.file.clone());
        let place = path("/w/agent.json");
        let agent = Agent::resolve(parsed, place.clone(), Reading::Remit).ok();
        let policy = agent.and_then(|(agent, _)| compile(&agent, &self.profile, &self.workspace).ok());
        let products = Products::of(Some(&place), Reading::Remit, &file);
        let input = LintInput {
            source: &source,
            file: &file,
            path: Some(&place),
            reading: Reading::Remit,
            policy: policy.as_ref().map(|(policy, _)| policy),
            products: &products,
            workspace: &self.workspace,
            disk: &NoDisk,
        };
        lint(&input).len()
    }

    fn all(&self, texts: &[String]) -> usize {
        let (next, found) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    while let Some(text) = texts.get(next.fetch_add(1, Ordering::Relaxed)) {
                        found.fetch_add(self.findings(text), Ordering::Relaxed);
                    }
                });
            }
        });
        found.into_inner()
    }
}

fn benches(criterion: &mut Criterion) {
    let world = World {
        workspace: Workspace { root: path("/w"), home: path("/home/u"), state: path("/home/u/.s"), config: path("/home/u/.c") },
        profile: Profile::load("base", &BTreeMap::new()).unwrap(),
    };
    let (texts, large) = (texts(), large());
    let mut group = criterion.benchmark_group("lint");
    group.sample_size(10);
    group.bench_function(format!("{} files on {THREADS} threads", texts.len()), |bench| {
        bench.iter(|| world.all(black_box(&texts)));
    });
    group.bench_function(format!("one file of {} KB", large.len() / 1000), |bench| {
        bench.iter(|| world.findings(black_box(&large)));
    });
    group.finish();
}

criterion_group!(lints, benches);
criterion_main!(lints);
