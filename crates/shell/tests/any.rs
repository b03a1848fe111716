//! Any text has an answer, at once and without a panic.

#![allow(clippy::unwrap_used, reason = "clippy's leave for tests does not reach the helpers of an integration test")]

mod common;

use std::path::Path;

use common::{Numbers, corpus, generate};
use proptest::prelude::*;
use remit_shell::{MAX_LINE, parse, replay};

proptest! {
    #[test]
    fn any_text(text in "\\PC*") {
        replay::check(text.as_bytes());
    }

    #[test]
    fn text_of_special_characters(text in "[a-c1= '\"\\\\$`~*?!#%^@+,.\\n\\t|&;<>(){}\\[\\]]{0,60}") {
        replay::check(text.as_bytes());
    }

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        replay::check(&bytes);
    }
}

#[test]
fn made_and_broken_scripts() {
    let corpus: Vec<String> = corpus().into_iter().map(|record| record.script).collect();
    let mut numbers = Numbers(3);
    for _ in 0..5_000 {
        replay::check(generate::script(&mut numbers).as_bytes());
        replay::check(generate::broken(&mut numbers, &corpus).as_bytes());
    }
}

#[test]
fn the_corpus_and_every_beginning_of_it() {
    for record in corpus() {
        for (end, _) in record.script.char_indices() {
            replay::check(&record.script.as_bytes()[..end]);
        }
        replay::check(record.script.as_bytes());
    }
}

/// What the fuzzer has found is kept beside its target, and read here without it.
#[test]
fn what_was_found_by_fuzzing() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/shell");
    let mut count = 0;
    for entry in std::fs::read_dir(directory).unwrap() {
        replay::check(&std::fs::read(entry.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count > 0);
}

#[test]
fn two_lines_are_the_one_and_then_the_other() {
    let scripts: Vec<_> = corpus().into_iter().filter(|record| !record.file.starts_with("opaque")).collect();
    for pair in scripts.windows(2) {
        let [first, second] = pair else { continue };
        let both = parse(&format!("{}\n{}", first.script, second.script));
        let names = |script: &remit_shell::Script| -> Vec<_> {
            script.commands.iter().flat_map(|command| command.words.iter().map(|word| word.parts.clone())).collect()
        };
        let mut expected = names(&parse(&first.script));
        expected.extend(names(&parse(&second.script)));
        assert_eq!(names(&both), expected, "{:?} and {:?}", first.script, second.script);
    }
}

#[test]
fn what_is_too_much_is_refused() {
    let long = MAX_LINE;
    let inputs = [
        "a(;'\"$`{".repeat(1_250_000),
        "(".repeat(100_000),
        "(".repeat(long),
        "$(".repeat(10_000),
        "$(".repeat(long / 2),
        "`".repeat(long - 1),
        "\"$(".repeat(10_000),
        "${x:-".repeat(10_000),
        "$((".repeat(10_000),
        "{ ".repeat(10_000),
        "if ".repeat(10_000),
        "{a,".repeat(10_000),
        "{a,b}".repeat(1_000),
        "case a in a) ".repeat(10_000),
        "f() ".repeat(10_000),
        "[[ ( ".repeat(10_000),
        "! ".repeat(10_000),
        "coproc ".repeat(10_000),
        "a <<E; ".repeat(10_000),
        "<(".repeat(10_000),
        "a[".repeat(10_000),
        "\\".repeat(10_001),
    ];
    for input in &inputs {
        assert!(!parse(input).opaque.is_empty(), "{}", &input[..20]);
    }
}
