//! Two other readers of bash over the same corpus: what they see as the name of a command must be one here as well.
//!
//! Neither is right everywhere, so that where they disagree the script is in a list, with the reason.

#![allow(clippy::unwrap_used, reason = "clippy's leave for tests does not reach the helpers of an integration test")]

mod common;

use std::collections::BTreeSet;

use brush_parser::{Parser, ParserOptions};
use common::corpus;
use remit_shell::{Word, parse};

/// Where brush-parser sees a command that bash does not run: it knows no `time` after `!`, nor `--` after `time`.
const BRUSH_WRONG: [&str; 3] = ["! time a", "time -- a", "time -p -- a"];

/// Where tree-sitter-bash does. It takes `time` and `coproc` for commands; these scripts are beside that.
const TREE_SITTER_WRONG: [&str; 12] = [
    // After `coproc` it takes the reserved word for a command.
    "coproc N if a; then b; fi",
    "coproc while a; do b; break; done",
    // It does not join lines.
    "a\\\n=1 b",
    "e\\\ncho\\\n a",
    "i\\\nf a; then b; fi",
    "r\\\nm x",
    // A carriage return is a part of the word.
    "rm\r x",
    // It ends a here-document at a line that is not the delimiter alone, or reads the body as commands.
    "a <<E\n\tx\n\tE\nE",
    "a <<E &&\nx\nE\nb",
    "a <<E |\nx\nE\nb",
    "cat <<E\n E\nE \nE",
    // It reads the inner arithmetic as a subshell.
    "echo $((1 + $((2))))",
];

#[test]
fn brush_sees_no_other_commands() {
    check(&BRUSH_WRONG, 800, |script| {
        // On these brush-parser 0.4 takes all memory, or panics.
        let bad = script.contains("<<\"\"") || script.contains("<<''") || (script.contains("<<") && script.contains("$("));
        if bad {
            return None;
        }
        let program = Parser::new(script.as_bytes(), &ParserOptions::default()).parse_program().ok()?;
        // Its tree has many types; what it prints of itself has one.
        let shown = format!("{program:?}");
        let names = shown.split("word_or_name: Some(").skip(1).filter_map(|rest| rest.split('"').nth(1));
        Some(names.map(str::to_owned).collect())
    });
}

#[test]
fn tree_sitter_sees_no_other_commands() {
    check(&TREE_SITTER_WRONG, 800, |script| {
        let mut parser = tree_sitter::Parser::new();
        parser.set_language(&tree_sitter_bash::LANGUAGE.into()).unwrap();
        let tree = parser.parse(script, None)?;
        if tree.root_node().has_error() {
            return None;
        }
        let mut names = Vec::new();
        let mut nodes = vec![tree.root_node()];
        while let Some(node) = nodes.pop() {
            let text = node.utf8_text(script.as_bytes()).unwrap();
            if node.kind() == "command_name" && !matches!(text, "time" | "coproc") {
                names.push(text.to_owned());
            }
            nodes.extend((0..node.child_count()).filter_map(|index| node.child(index)));
        }
        Some(names)
    });
}

/// Compares over all scripts that both understand.
fn check(wrong: &[&str], least: usize, read: impl Fn(&str) -> Option<Vec<String>>) {
    let mut compared = 0;
    let mut disagree = BTreeSet::new();
    for record in corpus() {
        let script = parse(&record.script);
        if !script.opaque.is_empty() {
            continue;
        }
        let Some(names) = read(&record.script) else { continue };
        compared += 1;
        let ours: BTreeSet<&str> =
            script.commands.iter().filter_map(|command| command.words.first().and_then(Word::as_static)).collect();
        // Names that are more than letters are quoted or expanded, which they leave to others.
        let plain = |name: &&String| name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-./:".contains(&b)) && !name.is_empty();
        let functions: BTreeSet<&str> = script.functions.iter().map(|function| function.name.as_str()).collect();
        let unseen: Vec<&String> = names
            .iter()
            .filter(plain)
            .filter(|name| !ours.contains(name.as_str()) && !functions.contains(name.as_str()))
            .collect();
        if !unseen.is_empty() {
            disagree.insert(record.script.clone());
        }
    }
    let expected: BTreeSet<String> = wrong.iter().map(|script| (*script).to_owned()).collect();
    assert_eq!(disagree, expected);
    assert!(compared >= least, "only {compared} scripts are compared");
}
