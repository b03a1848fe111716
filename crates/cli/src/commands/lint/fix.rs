//! `--fix`: the fixes that findings carry, made in the files, as long as none permits more than before.

use std::fs;
use std::io::Write;
use std::path::Path;

use remit_agent::{AbsPath, read_agent_file};
use remit_diagnostics::{Diagnostic, Fixed, Source, apply_fixes, visible};
use remit_lint::sample_line;
use remit_policy::{CommandLine, Policy, Request};

use super::STDIN;
use crate::failure::Failure;
use crate::judge::{FilePlace, How, Judged, judge};
use crate::places;
use crate::ui::Ui;

/// How often a text is judged anew: a fix may uncover another. What is not done by then is left.
const MOST_PASSES: usize = 32;

/// Mends each file in place and says so; returns what could not be done.
pub(super) fn fix_files(ui: &Ui, files: &[String], how: &How) -> Vec<Failure> {
    let mut failures = Vec::new();
    for typed in files {
        match fix_file(typed, how) {
            Ok(0) => {}
            Ok(made) => ui.tell(&format!("{}: {made} fixed", visible(typed))),
            Err(failure) => failures.push(failure),
        }
    }
    failures
}

fn fix_file(typed: &str, how: &How) -> Result<usize, Failure> {
    if typed == STDIN {
        return Err(Failure::new("standard input cannot be mended in place").help("give the path of a file"));
    }
    let path = places::typed(typed)?;
    let Ok((bytes, canonical)) = read_agent_file(&path) else {
        // It is said once, by lint itself.
        return Ok(0);
    };
    let judged =
        |bytes: &[u8]| judge(typed, bytes, FilePlace { path: path.clone(), canonical: canonical.clone(), exists: true }, how);
    let (text, made) = mended(&bytes, judged)?;
    if made > 0 {
        replace(&canonical, &text)?;
    }
    Ok(made)
}

/// Returns the text after its fixes, and how many were made.
///
/// What would permit more than the text did at first is not made: of a pass that would, each fix is tried alone.
fn mended(bytes: &[u8], judge: impl Fn(&[u8]) -> Result<Judged, Failure>) -> Result<(String, usize), Failure> {
    let mut now = judge(bytes)?;
    // What is not UTF-8 was judged with other bytes than it has.
    if now.source.text().as_bytes() != bytes {
        return Ok((String::new(), 0));
    }
    let (mut first, mut made) = (now.policy.clone(), 0);
    let attempt =
        |source: &Source, findings: &[Diagnostic], first: Option<&Policy>| -> Result<Option<(Judged, usize)>, Failure> {
            let Fixed { text, applied, .. } = apply_fixes(source, findings);
            if applied == 0 || text == source.text() {
                return Ok(None);
            }
            let next = judge(text.as_bytes())?;
            Ok(is_within(next.policy.as_ref(), first).then_some((next, applied)))
        };
    for _ in 0..MOST_PASSES {
        let mut next = attempt(&now.source, &now.findings, first.as_ref())?;
        if next.is_none() {
            let mut narrowing = Vec::new();
            for finding in &now.findings {
                if attempt(&now.source, std::slice::from_ref(finding), first.as_ref())?.is_some() {
                    narrowing.push(finding.clone());
                }
            }
            next = attempt(&now.source, &narrowing, first.as_ref())?;
        }
        let Some((judged, applied)) = next else { break };
        made += applied;
        now = judged;
        // What a file permits that could not be compiled is known once it can be.
        first = first.or_else(|| now.policy.clone());
    }
    Ok((now.source.text().to_owned(), made))
}

/// Returns whether one policy permits no more than another: by what its grants mean, and by what both gates say to the
/// lines of their patterns. Where there was none, nothing was permitted that could be compared: the file did not load, and
/// what its author wrote is what it comes to mean.
fn is_within(next: Option<&Policy>, first: Option<&Policy>) -> bool {
    match (next, first) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(next), Some(first)) => next.is_within(first) && decides_as_strictly(next, first),
    }
}

/// Tries the lines of every pattern that either policy has, and lines near them, at both gates.
fn decides_as_strictly(next: &Policy, first: &Policy) -> bool {
    let rules = [&first.commands.allow, &first.commands.deny, &next.commands.allow, &next.commands.deny];
    let patterns = rules.into_iter().flat_map(|rules| rules.iter().map(|rule| rule.pattern.text()));
    let lines = patterns.flat_map(|pattern| [Some(pattern.to_owned()), sample_line(pattern)]).flatten();
    lines.flat_map(|line| [format!("{line} x"), format!("x {line}"), format!(" {line}"), format!("{line}; x"), line]).all(
        |line| {
            let request = Request::Command(CommandLine::Shell(line));
            next.judge(&request).0 >= first.judge(&request).0
        },
    )
}

/// Puts the text in the file's place at once, with the file's own permissions: nobody sees half of it.
fn replace(path: &AbsPath, text: &str) -> Result<(), Failure> {
    let failed = |error: &std::io::Error| Failure::io(format!("cannot write `{path}`"), error);
    let beside = format!("{path}.remit-{}", std::process::id());
    let beside = Path::new(&beside);
    let written = (|| {
        let permissions = fs::metadata(path.as_path())?.permissions();
        let mut file = fs::OpenOptions::new().write(true).create_new(true).open(beside)?;
        file.write_all(text.as_bytes())?;
        file.set_permissions(permissions)?;
        file.sync_all()?;
        fs::rename(beside, path.as_path())
    })();
    if written.is_err() {
        let _ = fs::remove_file(beside);
    }
    written.map_err(|error| failed(&error))
}

#[cfg(test)]
pub(super) mod tests;
