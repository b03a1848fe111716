use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use remit_agent::{MAX_FILE_BYTES, Reading, parse, read_agent_file};
use remit_diagnostics::{Diagnostic, Severity, render_json, render_text};
use remit_lint::{LintInput, Product, Products};
use remit_policy::Workspace;
use serde::Serialize;

use crate::disk::HostDisk;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::load::{self, Place, ReadAs, UserProfiles};
use crate::places;
use crate::ui::Ui;

/// Look for mistakes in agent files
///
/// Exits with 0 when there is nothing, 1 when there are findings, 2 when something cannot be read.
#[derive(Debug, Args)]
pub(crate) struct LintArgs {
    /// Files, directories to search for `*.json`, or `-` for standard input
    #[arg(required = true, value_name = "FILE|DIR")]
    paths: Vec<String>,

    /// How to print the findings
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "human")]
    format: Format,

    /// The least level that counts as a finding in the exit code
    #[arg(long, value_name = "LEVEL", value_enum, default_value = "warning")]
    deny: Level,

    /// Read the agents' patterns as this product does
    #[arg(long = "as", value_name = "PRODUCT", value_enum)]
    read_as: Option<ReadAs>,

    /// The workspace [default: the current directory]
    #[arg(long, value_name = "DIR")]
    cwd: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Human,
    Json,
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
struct LintJson {
    version: u32,
    /// How many were read.
    files: usize,
    diagnostics: serde_json::Value,
    /// What could not be read.
    errors: Vec<String>,
}

pub(crate) fn lint(ui: &Ui, args: &LintArgs) -> Result<Exit, Failure> {
    let workspace = places::workspace(args.cwd.as_deref())?;
    let profiles = load::user_profiles(&workspace)?;
    let (files, mut failures) = find(&args.paths);
    let (mut findings, mut read) = (Vec::new(), 0);
    for file in &files {
        match lint_file(file, args.read_as, &profiles, &workspace) {
            Ok(found) => {
                findings.extend(found);
                read += 1;
            }
            Err(failure) => failures.push(failure),
        }
    }
    match args.format {
        Format::Human => {
            let mut text = String::new();
            for finding in &findings {
                text.push_str(render_text(finding, ui.stdout_options()).trim_end());
                text.push_str("\n\n");
            }
            ui.print(&(text + &summary(read, &findings) + "\n"))?;
        }
        Format::Json => {
            let errors = failures.iter().map(|failure| failure.message().to_owned()).collect();
            ui.print_json(&LintJson { version: 1, files: read, diagnostics: render_json(&findings), errors })?;
        }
    }
    for failure in &failures {
        failure.tell(ui);
    }
    let denied = findings.iter().any(|finding| finding.severity >= args.deny.into());
    Ok(match (failures.is_empty(), denied) {
        (false, _) => Exit::Unreadable,
        (true, true) => Exit::Findings,
        (true, false) => Exit::Done,
    })
}

const STDIN: &str = "-";

/// Finds the files to lint, in the order that was typed, those of a directory sorted.
fn find(typed: &[String]) -> (Vec<String>, Vec<Failure>) {
    let (mut files, mut failures) = (Vec::new(), Vec::new());
    for path in typed {
        if path == STDIN || !Path::new(path).is_dir() {
            files.push(path.clone());
            continue;
        }
        match walk(Path::new(path)) {
            Ok(found) if found.is_empty() => {
                failures.push(Failure::new(format!("directory `{path}` has no `*.json`")).help("give the path of a file"));
            }
            Ok(found) => files.extend(found),
            Err(failure) => failures.push(failure),
        }
    }
    (files, failures)
}

/// Finds every `*.json` below a directory; no symbolic link to a directory is followed, for it may lead back.
fn walk(top: &Path) -> Result<Vec<String>, Failure> {
    let mut files = Vec::new();
    let mut directories = vec![top.to_owned()];
    while let Some(directory) = directories.pop() {
        let failed = |error: &io::Error| Failure::io(format!("cannot read directory `{}`", directory.display()), error);
        for entry in fs::read_dir(&directory).map_err(|error| failed(&error))? {
            let entry = entry.map_err(|error| failed(&error))?;
            let path = entry.path();
            if entry.file_type().map_err(|error| failed(&error))?.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "json") {
                let path = path.into_os_string().into_string();
                files.push(path.map_err(|path| Failure::new(format!("path `{}` is not UTF-8", path.display())))?);
            }
        }
    }
    files.sort();
    Ok(files)
}

fn lint_file(
    typed: &str,
    read_as: Option<ReadAs>,
    profiles: &UserProfiles,
    workspace: &Workspace,
) -> Result<Vec<Diagnostic>, Failure> {
    let (shown, bytes, path, canonical) = if typed == STDIN {
        // It has no place; its relative paths are those of a file in the workspace.
        let path = workspace.root.join("stdin");
        ("<stdin>", read_stdin()?, path.clone(), path)
    } else {
        let path = places::typed(typed)?;
        let (bytes, canonical) = read_agent_file(&path)?;
        (typed, bytes, path, canonical)
    };
    let reading = read_as.map_or_else(|| Reading::for_path(&path), Reading::from);
    let parsed = parse(shown, &bytes);
    let (source, file) = (parsed.source.clone(), parsed.file.clone());
    let parsed_findings = parsed.diagnostics.clone();
    let place = Place { path: path.clone(), canonical, reading };
    let (policy, mut findings) = match load::compile(parsed, place, profiles, workspace) {
        Ok(loaded) => (Some(loaded.policy), loaded.warnings),
        // Findings in the file are what was asked for, and no failure.
        Err(failure) if !failure.diagnostics.is_empty() => (None, failure.diagnostics),
        Err(failure) => return Err(failure),
    };
    let path = (typed != STDIN).then_some(&path);
    let products = Products::of(path, reading, &file);
    if !products.has(Product::Remit) {
        // What keeps it from being compiled here is of no concern to those who read it.
        findings = parsed_findings;
    }
    let policy = policy.as_ref();
    let input =
        LintInput { source: &source, file: &file, path, reading, policy, products: &products, workspace, disk: &HostDisk };
    findings.extend(remit_lint::lint(&input));
    findings.sort_by_key(|finding| finding.location.span);
    Ok(findings)
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
fn summary(files: usize, findings: &[Diagnostic]) -> String {
    let count = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    let levels = [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Note, "note")];
    let mut parts = vec![count(files, "file")];
    for (severity, name) in levels {
        match findings.iter().filter(|finding| finding.severity == severity).count() {
            0 => {}
            found => parts.push(count(found, name)),
        }
    }
    if findings.is_empty() {
        parts.push("no findings".to_owned());
    }
    parts.join(", ")
}
