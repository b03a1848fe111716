//! What is read is what bash runs: every script that is understood is run by a real bash in which no program and no builtin
//! exists, so that bash hands each command to a recorder, and each record must be one of the commands that were read.
//!
//! `REMIT_LONG=1` makes forty times as many scripts, `REMIT_LONG=2` eighty times; `REMIT_SEED=8` makes others.

#![allow(clippy::unwrap_used, reason = "clippy's leave for tests does not reach the helpers of an integration test")]
#![allow(clippy::print_stderr, reason = "the rate is for a person who reads the test's output")]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};

use common::{Numbers, corpus, generate};
use remit_shell::{Operator, Part, Script, Simple, Word, parse};

#[test]
fn the_corpus_runs_as_it_is_read() {
    let scripts: Vec<String> = corpus().into_iter().map(|record| record.script).collect();
    let run = compare(&scripts);
    assert!(run >= 300, "only {run} scripts of the corpus are run");
}

#[test]
fn made_scripts_run_as_they_are_read() {
    let mut numbers = Numbers(seed());
    let count = 250 * times();
    let scripts: Vec<String> = (0..count).map(|_| generate::script(&mut numbers)).collect();
    let run = compare(&scripts);
    assert!(run >= count / 4, "only {run} of {count} made scripts are run");
}

#[test]
fn broken_scripts_run_as_they_are_read() {
    let corpus: Vec<String> = corpus().into_iter().map(|record| record.script).filter(|script| !script.contains('/')).collect();
    let mut numbers = Numbers(seed() + 1);
    let count = 350 * times();
    let scripts: Vec<String> = (0..count).map(|_| generate::broken(&mut numbers, &corpus)).collect();
    compare(&scripts);
}

#[test]
fn what_bash_refuses_is_opaque() {
    let corpus = corpus();
    assert!(corpus.len() >= 400, "{} scripts", corpus.len());
    let scripts: Vec<&str> = corpus.iter().map(|record| record.script.as_str()).collect();
    let valid = each(&scripts, |script| {
        let output = Command::new("bash").args(["--norc", "--noprofile", "-n", "-c", "--", script]).output().unwrap();
        output.status.success() && output.stderr.is_empty()
    });
    let (mut accepted, mut understood, mut wrong) = (0, 0, Vec::new());
    for (record, valid) in corpus.iter().zip(valid) {
        let opaque = parse(&record.script).opaque;
        accepted += usize::from(valid);
        understood += usize::from(valid && opaque.is_empty());
        let expected = record.file.starts_with("opaque");
        if opaque.is_empty() && !valid {
            wrong.push(format!("{}: bash refuses {:?}", record.file, record.script));
        } else if opaque.is_empty() == expected {
            wrong.push(format!("{}: {:?}: {:?}", record.file, record.script, opaque));
        }
    }
    eprintln!("{} scripts; of {accepted} that bash accepts, {understood} are understood", corpus.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Returns how many times as many scripts are made as in an ordinary run.
fn times() -> usize {
    let long = std::env::var("REMIT_LONG").ok().and_then(|times| times.parse().ok());
    long.map_or(1, |times: usize| 40 * times)
}

fn seed() -> u64 {
    std::env::var("REMIT_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(7)
}

/// Runs all that may be run, and returns how many.
fn compare(scripts: &[String]) -> usize {
    let read: Vec<(&String, Script)> =
        scripts.iter().map(|script| (script, parse(script))).filter(|(text, script)| may_run(text, script)).collect();
    let wrong: Vec<String> = each(&read, |(text, script)| {
        let branches = script.commands.iter().any(|command| command.context.conditional);
        ["0", "1"].iter().take(if branches { 2 } else { 1 }).find_map(|status| differs_always(text, script, status))
    })
    .into_iter()
    .flatten()
    .collect();
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        read.len(),
        wrong.iter().take(20).cloned().collect::<Vec<_>>().join("\n")
    );
    read.len()
}

/// Returns whether a script is understood and can do no harm, even if it is not what we think.
///
/// No builtin is enabled and no program found, so that all it can do is to write files: with no slash, below the scratch
/// directory.
fn may_run(text: &str, script: &Script) -> bool {
    let slashes = text.replace("/dev/null", "").contains('/');
    let kept = ["printf", "builtin", "kill", "enable", "BASH", "FUNCNEST", "PATH", "IFS", "command_not_found"];
    let recursive = script.functions.iter().any(|function| {
        script
            .commands
            .iter()
            .any(|command| command.context.in_function && name(command).is_none_or(|name| name == function.name))
    });
    let named = script.commands.iter().filter_map(name).any(|name| kept.contains(&name));
    script.opaque.is_empty()
        && !named
        && !slashes
        && !recursive
        && !kept.iter().any(|kept| text.contains(kept))
        && !text.contains('\0')
}

fn name(command: &Simple) -> Option<&str> {
    command.words.first().map_or(Some(""), Word::as_static)
}

/// Runs a script again when it is not as it was read: a busy machine may end it before it has begun.
fn differs_always(text: &str, script: &Script, status: &str) -> Option<String> {
    differs(text, script, status)?;
    differs(text, script, status)?;
    differs(text, script, status)
}

/// Runs a script in which every command ends with `status`. Returns what is not as it was read.
fn differs(text: &str, script: &Script, status: &str) -> Option<String> {
    let scratch = tempfile::tempdir().unwrap();
    let (home, record) = (scratch.path().join("home"), scratch.path().join("record"));
    fs::create_dir(&home).unwrap();
    fs::write(&record, "").unwrap();
    run(text, scratch.path(), status);
    let commands = recorded(&fs::read(&record).unwrap());
    let words: Vec<&Simple> = script.commands.iter().filter(|command| !command.words.is_empty()).collect();

    for argv in &commands {
        if !words.iter().any(|command| matches(&command.words, argv)) {
            return Some(format!("{text:?}\n    bash runs {argv:?}, which was not read"));
        }
    }
    let files: BTreeSet<String> =
        fs::read_dir(&home).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    let written = |file: &String| writes(script).any(|target| matches_word(target, file));
    if let Some(file) = files.iter().find(|file| !written(file)) {
        return Some(format!("{text:?}\n    bash writes {file:?}, which was not read"));
    }
    if is_straight(script) {
        let mut expected: Vec<Vec<String>> = words.iter().map(|command| statics(&command.words)).collect();
        let mut seen = commands.clone();
        expected.sort();
        seen.sort();
        if expected != seen {
            return Some(format!("{text:?}\n    read {expected:?}\n    bash {seen:?}"));
        }
        if let Some(missing) =
            writes(script).filter_map(Word::as_static).find(|file| *file != "/dev/null" && !files.contains(*file))
        {
            return Some(format!("{text:?}\n    bash does not write {missing:?}"));
        }
    }
    None
}

fn run(text: &str, scratch: &Path, status: &str) {
    let start = scratch.join("start");
    // The builtins left are those of the recorder. A loop that does not end is ended by the size of its record.
    let prelude = format!(
        "command_not_found_handle() {{ builtin printf '%s\\0' \"$#\" \"$@\" >>{record}; \
           all=$(<{record}); (( ${{#all}} > 400 )) && kill -9 0; [[ {status} == 0 ]]; }} 2>/dev/null\n\
         ulimit -c 0 -f 4096 -t 5; FUNCNEST=8; PATH=/nowhere; enable -n {builtins}\n",
        builtins = builtins(),
        record = scratch.join("record").display(),
    );
    fs::write(&start, prelude).unwrap();
    let status = Command::new("timeout")
        .args(["-s", "KILL", "3", "bash", "--norc", "--noprofile", "-c", "--", text])
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("LC_ALL", "C.UTF-8")
        .env("HOME", scratch.join("home"))
        .env("BASH_ENV", start)
        .current_dir(scratch.join("home"))
        .stdin(Stdio::null())
        .output();
    status.unwrap();
}

/// Returns the names of all builtins that the recorder does not need.
fn builtins() -> &'static str {
    static NAMES: OnceLock<String> = OnceLock::new();
    NAMES.get_or_init(|| {
        let output = Command::new("bash").args(["--norc", "--noprofile", "-c", "compgen -b"]).output().unwrap();
        let names = String::from_utf8(output.stdout).unwrap();
        let kept = ["printf", "builtin", "kill", "enable"];
        names.lines().filter(|name| !kept.contains(name)).collect::<Vec<_>>().join(" ")
    })
}

/// Returns the commands of a record: how many words, then the words, each ended by NUL.
fn recorded(record: &[u8]) -> Vec<Vec<String>> {
    let mut words = record.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned());
    let mut commands = Vec::new();
    while let Some(count) = words.next().and_then(|count| count.parse::<usize>().ok()) {
        commands.push(words.by_ref().take(count).collect());
    }
    commands
}

/// Returns whether everything that was read must happen, exactly once.
fn is_straight(script: &Script) -> bool {
    let plain = |command: &Simple| {
        let context = &command.context;
        !context.conditional && !context.in_loop && !context.in_function && !context.in_background && !context.in_substitution
    };
    // A file that is read may be missing, a descriptor closed.
    let sure = |operator: Operator| {
        matches!(operator, Operator::Write | Operator::Append | Operator::Clobber | Operator::WriteBoth | Operator::AppendBoth)
            || matches!(operator, Operator::HereDocument | Operator::HereString)
    };
    script.is_static()
        && script.functions.is_empty()
        && script.commands.iter().all(plain)
        && script.commands.iter().all(|command| command.redirects.iter().all(|redirect| sure(redirect.operator)))
        && writes(script).all(|target| target.as_static() != Some(""))
        && script.commands.iter().all(|command| command.words.first().is_none_or(|word| word.as_static() != Some("")))
        // An assignment to a variable of bash's own may fail.
        && script.commands.iter().all(|command| command.assignments.iter().all(|assignment| assignment.name.len() < 3))
        && script.commands.iter().all(|command| command.words.first().is_none_or(|word| !word.prefix().starts_with(['/', '.'])))
}

fn writes(script: &Script) -> impl Iterator<Item = &Word> {
    let writes = |operator| {
        !matches!(
            operator,
            Operator::Read | Operator::DuplicateInput | Operator::DuplicateOutput | Operator::HereDocument | Operator::HereString
        )
    };
    let redirects = script.commands.iter().flat_map(|command| &command.redirects);
    redirects.filter(move |redirect| writes(redirect.operator)).map(|redirect| &redirect.target)
}

fn statics(words: &[Word]) -> Vec<String> {
    words.iter().map(|word| word.as_static().unwrap().to_owned()).collect()
}

/// Returns whether bash may have made these words of those that were read.
fn matches(words: &[Word], argv: &[String]) -> bool {
    match (words.split_first(), argv.split_first()) {
        (None, rest) => rest.is_none(),
        (Some((word, rest)), _) if word.splits => {
            (0..=argv.len()).filter_map(|taken| argv.get(taken..)).any(|argv| matches(rest, argv))
        }
        (Some((word, rest)), Some((text, texts))) => matches_word(word, text) && matches(rest, texts),
        (Some(_), None) => false,
    }
}

fn matches_word(word: &Word, text: &str) -> bool {
    fn parts(all: &[Part], text: &str) -> bool {
        match all.split_first() {
            None => text.is_empty(),
            Some((Part::Literal(literal), rest)) => text.strip_prefix(literal.as_str()).is_some_and(|text| parts(rest, text)),
            Some((Part::Dynamic(_), rest)) => (0..=text.len()).filter_map(|at| text.get(at..)).any(|text| parts(rest, text)),
        }
    }
    parts(&word.parts, text)
}

/// Does something to all, two at a time.
fn each<T: Sync, R: Send>(all: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((index, item)) = Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|at| Some((at, all.get(at)?)))
                {
                    let result = work(item);
                    results.lock().unwrap().push((index, result));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap();
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}
