mod codes;
mod explain;
mod find;
mod fix;
mod statistics;
mod table;

use std::io::{self, Read};
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use clap::{Args, ValueEnum};
use remit_agent::{MAX_FILE_BYTES, read_agent_file};
use remit_diagnostics::{Diagnostic, Severity, render_github, render_json, render_sarif, render_text};
use remit_lint::Product;
use serde::Serialize;

use crate::disk::{HostDisk, KnownDisk};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::judge::{FilePlace, How, Judged, judge};
use crate::load::{self, ReadAs};
use crate::places;
use crate::ui::Ui;
use find::{STDIN, find};
use statistics::Statistics;

/// Look for mistakes in agent files
///
/// Exits with 0 when there is nothing, 1 when there are findings, 2 when something cannot be read.
#[derive(Debug, Args)]
pub(crate) struct LintArgs {
    /// Files, globs, directories to search for `*.json`, or `-` for standard input
    #[arg(required_unless_present = "explain", value_name = "FILE|DIR")]
    paths: Vec<String>,

    /// Judge for these products [default: all that would read the file]
    #[arg(long = "for", value_name = "PRODUCT", value_enum, value_delimiter = ',')]
    judged_for: Vec<JudgeFor>,

    /// How to print the findings
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "human")]
    format: Format,

    /// The least level that counts as a finding in the exit code
    #[arg(long, value_name = "LEVEL", value_enum, default_value = "warning")]
    deny: Level,

    /// Mend what has a fix: none permits more than before
    #[arg(long, conflicts_with = "explain")]
    fix: bool,

    /// Print how often each rule found something, in place of the findings
    #[arg(long)]
    statistics: bool,

    /// Print what a rule looks for, why, and the cure; `all` lists the rules
    #[arg(long, value_name = "RULE", conflicts_with = "paths")]
    explain: Option<String>,

    /// Read the agents' patterns as this product does
    #[arg(long = "as", value_name = "PRODUCT", value_enum)]
    read_as: Option<ReadAs>,

    /// The workspace [default: the current directory]
    #[arg(long, value_name = "DIR")]
    cwd: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The source, annotated
    Human,
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Workflow commands, for a job of GitHub Actions
    Github,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum JudgeFor {
    Remit,
    /// Kiro CLI 2
    Kiro,
    /// Kiro CLI 3, with rules under `permissions`
    KiroV3,
    /// Amazon Q CLI
    Q,
}

impl From<JudgeFor> for Product {
    fn from(judged_for: JudgeFor) -> Product {
        match judged_for {
            JudgeFor::Remit => Product::Remit,
            JudgeFor::Kiro => Product::Kiro,
            JudgeFor::KiroV3 => Product::KiroV3,
            JudgeFor::Q => Product::Q,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Level {
    Note,
    Warning,
    Error,
}

impl From<Level> for Severity {
    fn from(level: Level) -> Severity {
        match level {
            Level::Note => Severity::Note,
            Level::Warning => Severity::Warning,
            Level::Error => Severity::Error,
        }
    }
}

#[derive(Serialize)]
struct LintJson<D: Serialize> {
    version: u32,
    /// How many were read.
    files: usize,
    /// How many findings are meant to be so, as `remit-lint-ignore` says.
    ignored: usize,
    diagnostics: D,
    /// What could not be read.
    errors: Vec<String>,
}

/// What is kept of a file until all are printed: its policy and its tree are let go.
struct Linted {
    findings: Vec<Diagnostic>,
    ignored: usize,
}

impl Linted {
    fn of(judged: Judged, is_last: bool) -> Linted {
        let Judged { findings, ignored, file, policy, .. } = judged;
        if is_last {
            // Of a large file these are a hundred thousand pieces. The process ends next, and with it they go at once.
            std::mem::forget((file, policy));
        }
        Linted { findings, ignored }
    }
}

pub(crate) fn lint(ui: &Ui, args: &LintArgs) -> Result<Exit, Failure> {
    if let Some(rule) = &args.explain {
        let page = if rule == "all" { explain::list() } else { explain::explain(rule)? };
        return ui.print(&page).map(|()| Exit::Done);
    }
    let workspace = places::workspace(args.cwd.as_deref())?;
    let profiles = load::user_profiles(&workspace)?;
    let (files, mut failures) = find(&args.paths);
    let judged_for: Vec<Product> = args.judged_for.iter().copied().map(Product::from).collect();
    let mut how = How { read_as: args.read_as, judged_for, profiles, workspace, disk: Box::new(HostDisk) };
    if args.fix {
        failures.extend(fix::fix_files(ui, &files, &how));
    }
    // From here on nothing is written.
    how.disk = Box::new(KnownDisk::default());
    let mut judged: Vec<Linted> = Vec::new();
    for result in lint_files(&files, &how) {
        match result {
            Ok(found) => judged.push(found),
            Err(failure) => failures.push(failure),
        }
    }
    report(ui, args, &judged, &failures)?;
    for failure in &failures {
        failure.tell(ui);
    }
    let denied = judged.iter().flat_map(|file| &file.findings).any(|finding| finding.severity >= args.deny.into());
    Ok(match (failures.is_empty(), denied) {
        (false, _) => Exit::Unreadable,
        (true, true) => Exit::Findings,
        (true, false) => Exit::Done,
    })
}

fn report(ui: &Ui, args: &LintArgs, judged: &[Linted], failures: &[Failure]) -> Result<(), Failure> {
    let read = judged.len();
    if args.statistics {
        let statistics = Statistics::of(judged.iter().map(|file| file.findings.as_slice()));
        return match args.format {
            Format::Json => ui.print_json(&statistics),
            Format::Human | Format::Sarif | Format::Github => ui.print(&statistics.text()),
        };
    }
    let findings = judged.iter().flat_map(|file| &file.findings);
    let ignored = judged.iter().map(|file| file.ignored).sum();
    match args.format {
        Format::Human => {
            let mut text = String::new();
            for finding in findings.clone() {
                text.push_str(render_text(finding, ui.stdout_options()).trim_end());
                text.push_str("\n\n");
            }
            ui.print(&(text + &summary(read, findings, ignored) + "\n"))
        }
        Format::Json => {
            let errors = failures.iter().map(|failure| failure.message().to_owned()).collect();
            ui.write_json(&LintJson { version: 1, files: read, ignored, diagnostics: render_json(findings), errors })
        }
        Format::Sarif => ui.write_json(&render_sarif(findings, &table::table(), env!("CARGO_PKG_VERSION"))),
        Format::Github => ui.print(&render_github(findings)),
    }
}

/// Lints the files on every processor, and returns what was found in their order.
fn lint_files(files: &[String], how: &How) -> Vec<Result<Linted, Failure>> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let at = next.fetch_add(1, Ordering::Relaxed)
            && let Some(file) = files.get(at)
        {
            done.push((at, lint_file(file, how, files.len() == 1)));
        }
        done
    };
    let workers = thread::available_parallelism().map_or(1, NonZero::get).min(files.len());
    let mut results: Vec<_> = thread::scope(|scope| {
        // One worker is this thread.
        let others: Vec<_> = (1..workers).map(|_| scope.spawn(work)).collect();
        let mut results = work();
        for worker in others {
            results.extend(worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        results
    });
    results.sort_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}

fn lint_file(typed: &str, how: &How, is_last: bool) -> Result<Linted, Failure> {
    let linted = |judged| Linted::of(judged, is_last);
    if typed == STDIN {
        // It has no place; its relative paths are those of a file in the workspace.
        let path = how.workspace.root.join("stdin");
        let place = FilePlace { path: path.clone(), canonical: path, exists: false };
        return judge("<stdin>", &read_stdin()?, place, how).map(linted);
    }
    let path = places::typed(typed)?;
    let (bytes, canonical) = read_agent_file(&path)?;
    judge(typed, &bytes, FilePlace { path, canonical, exists: true }, how).map(linted)
}

fn read_stdin() -> Result<Vec<u8>, Failure> {
    let limit = u64::try_from(MAX_FILE_BYTES).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    io::stdin()
        .lock()
        .take(limit.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::io("cannot read standard input", &error))?;
    if bytes.len() > MAX_FILE_BYTES {
        return Err(Failure::new("standard input is too large for an agent file"));
    }
    Ok(bytes)
}

/// Returns the last line: `5 files, 1 warning, 2 notes`.
fn summary<'a>(files: usize, findings: impl Iterator<Item = &'a Diagnostic>, ignored: usize) -> String {
    let (mut errors, mut warnings, mut notes) = (0, 0, 0);
    for finding in findings {
        match finding.severity {
            Severity::Error => errors += 1,
            Severity::Warning => warnings += 1,
            Severity::Note => notes += 1,
        }
    }
    let count = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    let mut parts = vec![count(files, "file")];
    let found = [(errors, "error"), (warnings, "warning"), (notes, "note")];
    parts.extend(found.into_iter().filter(|(number, _)| *number > 0).map(|(number, what)| count(number, what)));
    if parts.len() == 1 {
        parts.push("no findings".to_owned());
    }
    if ignored > 0 {
        parts.push(format!("{ignored} ignored"));
    }
    parts.join(", ")
}
