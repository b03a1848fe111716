//! Judging the text of an agent file: what the parser, the compiler and the rules of lint find in it.

use remit_agent::{AbsPath, AgentFile, Parsed, Reading, parse};
use remit_diagnostics::{Diagnostic, Source};
use remit_lint::{Disk, Heeded, LintInput, Product, Products, heed_ignores};
use remit_policy::{Policy, Workspace};

use crate::failure::Failure;
use crate::load::{self, Place, ReadAs, UserProfiles};

/// What is the same for every file.
#[derive(Debug)]
pub(crate) struct How {
    pub(crate) read_as: Option<ReadAs>,
    /// Empty: all that would read the file.
    pub(crate) judged_for: Vec<Product>,
    pub(crate) profiles: UserProfiles,
    pub(crate) workspace: Workspace,
    pub(crate) disk: Box<dyn Disk + Send + Sync>,
}

/// Where a text comes from.
#[derive(Debug)]
pub(crate) struct FilePlace {
    pub(crate) path: AbsPath,
    /// The file itself, every symbolic link followed.
    pub(crate) canonical: AbsPath,
    /// False for a text that is in no file.
    pub(crate) exists: bool,
}

/// A text and what was found in it.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) source: Source,
    /// As far as it could be read.
    pub(crate) file: AgentFile,
    /// `None` when it does not compile.
    pub(crate) policy: Option<Policy>,
    /// In order of place.
    pub(crate) findings: Vec<Diagnostic>,
    /// How many more are meant to be so, as the file says.
    pub(crate) ignored: usize,
}

/// Judges a text. A finding is no failure; not to be able to judge is one.
pub(crate) fn judge(shown: &str, bytes: &[u8], place: FilePlace, how: &How) -> Result<Judged, Failure> {
    let FilePlace { path, canonical, exists } = place;
    let reading = match (how.read_as, how.judged_for.as_slice()) {
        (Some(read_as), _) => Reading::from(read_as),
        (None, [Product::Kiro]) => Reading::Kiro,
        (None, [Product::Q]) => Reading::Q,
        (None, _) => Reading::for_path(&path),
    };
    let parsed = parse(shown, bytes);
    let (source, file) = (parsed.source.clone(), parsed.file.clone());
    let of_parser = parsed.diagnostics.clone();
    let in_part = of_parser.iter().any(Diagnostic::is_error).then(|| parsed.clone());
    let products = match how.judged_for.as_slice() {
        [] => Products::of(exists.then_some(&path), reading, &file),
        judged_for => Products::only(judged_for),
    };
    let place = Place { path: path.clone(), canonical, reading };
    let (policy, mut of_compiler) = match load::compile(parsed, place.clone(), &how.profiles, &how.workspace) {
        Ok(loaded) => (Some(loaded.policy), loaded.warnings),
        // Findings in the file are what was asked for, and no failure.
        Err(failure) if !failure.diagnostics.is_empty() => (None, failure.diagnostics),
        Err(failure) => return Err(failure),
    };
    if let Some(parsed) = in_part {
        of_compiler.extend(of_the_rest(parsed, place, how));
    }
    // What keeps a file from being compiled here is of no concern to those who read it elsewhere.
    let mut findings = if products.has(Product::Remit) { of_compiler } else { of_parser };
    let input = LintInput {
        source: &source,
        file: &file,
        path: exists.then_some(&path),
        reading,
        policy: policy.as_ref(),
        products: &products,
        workspace: &how.workspace,
        disk: &*how.disk,
    };
    findings.extend(remit_lint::lint(&input));
    findings.sort_by_key(|finding| finding.location.span);
    let Heeded { findings, ignored } = heed_ignores(&source, &file, findings, how.judged_for.is_empty());
    Ok(Judged { source, file, policy, findings, ignored })
}

/// Codes of the compiler that speak of what is missing: in a file with errors, it may be what could not be read.
const OF_ABSENCE: [&str; 4] = ["allowed-not-visible", "settings-of-absent-tool", "example-fails", "invalid-name"];

/// Returns what the compiler finds in the parts of a file that could be read, where the parser found errors in others.
fn of_the_rest(parsed: Parsed, place: Place, how: &How) -> Vec<Diagnostic> {
    let readable = Parsed { diagnostics: Vec::new(), ..parsed };
    let found = match load::compile(readable, place, &how.profiles, &how.workspace) {
        Ok(loaded) => loaded.warnings,
        Err(failure) => failure.diagnostics,
    };
    found.into_iter().filter(|finding| !OF_ABSENCE.contains(&finding.code)).collect()
}
