//! What a write of the record costs: one line, with secrets looked for, chained by its hash, in one write to a file.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot begin has to stop")]

use criterion::{Criterion, criterion_group, criterion_main};
use remit_agent::AbsPath;
use remit_executor::{Audit, AuditEvent, Effect, Redactor};

fn called(input: &str) -> AuditEvent<'_> {
    let effect = Effect {
        action: "run".into(),
        object: "cargo test --workspace".into(),
        verdict: "allow".into(),
        rule: "cargo test *".into(),
        place: "builder.json:12:9".into(),
    };
    AuditEvent::Called {
        call: 1,
        tool: "execute_bash".into(),
        input: input.into(),
        verdict: "allow".into(),
        why: "`allowedCommands` allows it".into(),
        effects: vec![effect],
    }
}

fn write(criterion: &mut Criterion) {
    // As many secrets as an environment of a developer has.
    let secrets: Vec<(String, String)> =
        (0..10).map(|number| (format!("SERVICE_{number}_TOKEN"), format!("ghp_{number}_0123456789abcdefghij"))).collect();
    let redactor = Redactor::new(secrets.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let directory = tempfile::tempdir().unwrap();
    let audit = Audit::create(&AbsPath::new(directory.path()).unwrap(), redactor).unwrap();
    let short = r#"{"command":"cargo test --workspace"}"#.to_owned();
    let long = "x".repeat(4096);
    for (name, input) in [("a short call", &short), ("the longest call", &long)] {
        criterion.bench_function(name, |bencher| bencher.iter(|| audit.append(&called(input)).unwrap()));
    }
}

criterion_group!(benches, write);
criterion_main!(benches);
