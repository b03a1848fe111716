//! How long reading a line takes: `cargo bench -p remit-shell`.

#![allow(missing_docs, reason = "the macros of criterion make public functions")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use remit_shell::parse;

/// Lines as agents send them.
const LINES: [(&str, &str); 6] = [
    ("one command", "git status --short"),
    ("typical", "cd app && cargo test --workspace 2>&1 | tail -20"),
    ("quotes", r#"find . -type f -name "*.py" -not -path './venv/*' | xargs grep -n "later" | head"#),
    ("loop", r#"for f in $(git ls-files '*.rs'); do wc -l "$f"; done | sort -n"#),
    ("commit", "git commit -m \"$(cat <<'EOF'\nfeat: a thing\n\nCloses #1\nEOF\n)\""),
    ("braces", "mkdir -p {src,tests}/{unit,data} && echo {1..20}"),
];

fn lines(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parse");
    for (name, line) in LINES {
        group.bench_function(name, |bencher| bencher.iter(|| parse(black_box(line))));
    }
    group.finish();
}

/// What is refused, which must not take longer than it takes to see it.
fn refused(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("refuse");
    let inputs = [
        ("10 MB of garbage", "a(;'\"$`{".repeat(1_250_000)),
        ("256 KiB of garbage", "a(;'\"$`{".repeat(32 * 1024)),
        ("100,000 parentheses", "(".repeat(100_000)),
        ("10,000 substitutions", "$(".repeat(10_000)),
        ("256 KiB of words", "word ".repeat(52_000)),
        ("256 KiB of commands", "cd a && b; ".repeat(23_000)),
        ("256 KiB of brackets", "[".repeat(260_000)),
        ("256 KiB of braces", "{a,b}".repeat(52_000)),
        ("256 KiB of backticks", "`a` ".repeat(65_000)),
        ("256 KiB of here-documents", "a <<E\nx\nE\n".repeat(26_000)),
        ("256 KiB of assignments", "a=1 ".repeat(65_000)),
        ("256 KiB of arithmetic", "((x=1)); ".repeat(29_000)),
        ("30,000 pending here-documents", "a <<E; ".repeat(30_000)),
    ];
    for (name, input) in &inputs {
        group.bench_function(*name, |bencher| bencher.iter(|| parse(black_box(input))));
    }
    group.finish();
}

criterion_group!(benches, lines, refused);
criterion_main!(benches);
