//! What is read as one simple command is what bash itself would run: the same words, and no more of them.
//!
//! A few hundred lines are made from pieces that like to be misread. Every one that is accepted is run by one real bash in
//! which no program and no builtin of that name exists, so that bash hands the words to a recorder.

#![expect(clippy::unwrap_used, reason = "clippy's leave for tests does not reach the helpers of an integration test")]

use std::process::{Command, Stdio};

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use remit_shell::simple_command;

/// Pieces that are put together to words; the later half is special somewhere.
const PIECES: [&str; 56] = [
    "a", "b1", "git", "-x", "--out", ".", "/", "HEAD", "é", "日本", "_", ",", "+", "@", "%", "^", ":", "=", "]", "''", "\"\"",
    "'a b'", "\"a b\"", "'$x'", "'*'", "\"\\$\"", "\"\\\\\"", "\"\\\"\"", "\"\\a\"", "\\ ", "\\$", "\\*", "\\\\", "\\'", "\\\"",
    "\\#", "\\~", "\"'\"", "'\"'", "'#'", "'~'", "'!'", "\t", "\"\t\"", // From here on mostly opaque.
    "$x", "~", "#", "*", "?", "{a,b}", "!", "if", "time", "A=", "x+=", "\\!",
];

/// Lines by hand: each has misled some reader of shell lines.
const LINES: [&str; 22] = [
    "r''m -rf /",
    "\\rm x",
    "g\"\"it pu'sh'",
    "echo a#b '#c'",
    "echo HEAD~1 a~b a=b",
    "echo \"a\\\nb\"",
    "x -- -x",
    "x --a=b:c",
    "x a'b'\"c\"\\d",
    "x \"\\`\" '`'",
    "x \\a\\b",
    "x '\\'",
    "x \"\\\\\"",
    "x a\\=~",
    "x ''",
    "'x' \"\"",
    "x ]",
    "x a]b",
    "x 1 2 3",
    "x =a",
    "x\ta  \t b",
    "x a^b %1",
];

#[test]
fn bash_sees_the_same_words() {
    let lines = lines(1500);
    let accepted: Vec<(&String, Vec<String>)> =
        lines.iter().filter_map(|line| Some((line, simple_command(line).ok()?.words))).collect();
    // A path is looked for on the disk, and bash's own `printf` is needed to record.
    let usable = |words: &[String]| {
        words.first().is_some_and(|first| !first.contains('/') && !["printf", "builtin"].contains(&first.as_str()))
    };
    let accepted: Vec<_> = accepted.into_iter().filter(|(_, words)| usable(words)).collect();
    assert!(accepted.len() >= 300, "only {} lines are accepted", accepted.len());

    let recorded = record(&accepted.iter().map(|(line, _)| line.as_str()).collect::<Vec<_>>());
    assert_eq!(recorded.len(), accepted.len());
    for ((line, words), seen) in accepted.iter().zip(recorded) {
        assert_eq!(&seen, words, "{line:?}");
    }
}

fn lines(count: usize) -> Vec<String> {
    let word = prop::collection::vec(prop::sample::select(&PIECES[..]), 1..4).prop_map(|pieces| pieces.concat());
    let line = prop::collection::vec(word, 1..5).prop_map(|words| words.join(" "));
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let made = (0..count).map(|_| line.new_tree(&mut runner).unwrap().current());
    LINES.iter().map(|line| (*line).to_owned()).chain(made).collect()
}

/// Runs every line in one bash and returns the words that it would have run for each.
fn record(lines: &[&str]) -> Vec<Vec<String>> {
    let mut script = String::from(
        "command_not_found_handle() { builtin printf '%s\\0' \"$@\"; }\n\
         for name in $(compgen -b); do [ \"$name\" = printf ] || [ \"$name\" = builtin ] || names+=\" $name\"; done\n\
         PATH=/nowhere; enable -n $names\n",
    );
    for line in lines {
        // Each line ends in a mark that no word can be: `\x01` is refused by the reader.
        script.push_str(line);
        script.push_str("\nprintf '\\1\\0'\n");
    }
    let output = Command::new("bash")
        .args(["--norc", "--noprofile", "-c", &script])
        .env_clear()
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let text = String::from_utf8(output.stdout).unwrap();
    let mut commands: Vec<Vec<String>> = vec![Vec::new()];
    for word in text.split_terminator('\0') {
        match (word, commands.last_mut()) {
            ("\u{1}", _) => commands.push(Vec::new()),
            (word, Some(command)) => command.push(word.to_owned()),
            (_, None) => {}
        }
    }
    commands.pop();
    commands
}
