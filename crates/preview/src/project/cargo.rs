use toml::{Table, Value};

use super::{Runs, is_word, line_at};

/// Settings of cargo that name a program which cargo starts, and the commands that start it.
const PROGRAMS: [&str; 3] = ["rustc", "rustc-wrapper", "rustc-workspace-wrapper"];
const COMMANDS: [&str; 6] = ["build", "test", "check", "run", "bench", "clippy"];

/// Returns the aliases of cargo's configuration, and the commands that start a program which it names; `None` when it
/// is not TOML.
pub(super) fn candidates(file: &str, text: &str) -> Option<Vec<Runs>> {
    let config: Table = text.parse().ok()?;
    let mut candidates = Vec::new();
    let runs =
        |command: String, runs: Vec<String>, key: &str| Runs { command, runs, file: file.to_owned(), line: line_of(text, key) };
    for (name, value) in config.get("alias").and_then(Value::as_table).into_iter().flatten() {
        let meant = words(value).map(|words| format!("cargo {words}"));
        if let Some(meant) = meant.filter(|_| is_word(name)) {
            candidates.push(runs(format!("cargo {name}"), vec![meant], name));
        }
    }
    let build = config.get("build").and_then(Value::as_table);
    let started = PROGRAMS.into_iter().filter_map(|key| Some((key, words(build?.get(key)?)?)));
    let targets = config.get("target").and_then(Value::as_table).into_iter().flatten();
    let of_targets = targets
        .filter_map(|(_, target)| target.as_table())
        .flat_map(|target| ["runner", "linker"].into_iter().filter_map(|key| Some((key, words(target.get(key)?)?))));
    for (key, program) in started.chain(of_targets) {
        for command in COMMANDS {
            // A runner starts what is built, and is no part of building it.
            if key != "runner" || matches!(command, "test" | "run" | "bench") {
                candidates.push(runs(format!("cargo {command}"), vec![format!("{program} ({key})")], key));
            }
        }
    }
    // One command may start several.
    candidates.sort_by(|a, b| a.command.cmp(&b.command));
    candidates.dedup_by(|next, kept| {
        let same = next.command == kept.command;
        if same {
            kept.runs.append(&mut next.runs);
        }
        same
    });
    Some(candidates)
}

/// Returns a value that cargo takes as a string of words or as a list of them.
fn words(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(values) => {
            let words: Option<Vec<&str>> = values.iter().map(Value::as_str).collect();
            words.map(|words| words.join(" "))
        }
        _ => None,
    }
}

fn line_of(text: &str, key: &str) -> Option<usize> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let start = line.trim_start().trim_start_matches(['"', '\'']);
        let rest = start.strip_prefix(key).map(|rest| rest.trim_start_matches(['"', '\'']).trim_start());
        if rest.is_some_and(|rest| rest.starts_with('=')) {
            return Some(line_at(text, at));
        }
        at += line.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_and_the_programs_that_cargo_starts_are_found() {
        let text = "[build]\nrustc-wrapper = \"./evil\"\n[alias]\nt = \"test --all\"\nx = [\"run\", \"-p\", \"x\"]\n[target.x86_64-unknown-linux-gnu]\nrunner = [\"sudo\", \"-E\"]\n";
        let all = candidates(".cargo/config.toml", text).unwrap();
        let check = |command: &str, expected: Option<&str>| {
            let found = all.iter().find(|runs| runs.command == command);
            assert_eq!(found.map(|runs| format!("{:?}: {}", runs.line, runs.runs.join("; "))).as_deref(), expected, "{command}");
        };
        check("cargo t", Some("Some(4): cargo test --all"));
        check("cargo x", Some("Some(5): cargo run -p x"));
        check("cargo build", Some("Some(2): ./evil (rustc-wrapper)"));
        check("cargo test", Some("Some(2): ./evil (rustc-wrapper); sudo -E (runner)"));
        check("cargo fmt", None);
        assert_eq!(candidates("", "["), None);
        assert_eq!(candidates("", ""), Some(Vec::new()));
    }
}
