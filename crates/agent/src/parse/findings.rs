use remit_diagnostics::{Diagnostic, Fix, Severity, Source, Span};

use crate::codes::abridged;
use crate::{Text, codes, nearest};

/// What is to be said about a file, while it is being read.
///
/// No more than [`MOST`] findings are kept, so that a hostile file cannot fill the memory with them; the last one
/// then says how many are missing, and is an error when one of those was.
#[derive(Debug)]
pub(super) struct Findings<'s> {
    source: &'s Source,
    kept: Vec<Diagnostic>,
    dropped: usize,
    worst_dropped: Severity,
}

const MOST: usize = 200;

/// Keys whose value only takes away: to read what was meant by a misspelt one permits no more.
const DENYING: [&str; 7] =
    ["deniedCommands", "denyByDefault", "deniedPaths", "deniedServices", "blocked", "hide", "disabledTools"];

impl<'s> Findings<'s> {
    pub(super) fn new(source: &'s Source) -> Findings<'s> {
        Findings { source, kept: Vec::new(), dropped: 0, worst_dropped: Severity::Note }
    }

    pub(super) fn source(&self) -> &'s Source {
        self.source
    }

    pub(super) fn add(&mut self, finding: Diagnostic) {
        if self.kept.len() < MOST {
            self.kept.push(finding);
        } else {
            self.dropped += 1;
            self.worst_dropped = self.worst_dropped.max(finding.severity);
        }
    }

    pub(super) fn error(&mut self, code: &'static str, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.add(Diagnostic::error(code, self.source, span, message).help(help));
    }

    pub(super) fn warning(&mut self, code: &'static str, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.add(Diagnostic::warning(code, self.source, span, message).help(help));
    }

    /// Says that `key` is none of `known` in the object `holder`. The help is what was probably meant, or else `cure`.
    pub(super) fn unknown_key(&mut self, severity: Severity, key: &Text, holder: &str, known: &[&str], cure: &str) {
        let meant = nearest(&key.value, known.iter().copied());
        let help = meant.map_or_else(|| cure.to_owned(), |meant| format!("did you mean `{meant}`?"));
        let message = format!("unknown key `{}` in {holder}", abridged(&key.value));
        let finding = match severity {
            Severity::Error => Diagnostic::error(codes::UNKNOWN_KEY, self.source, key.span, message),
            Severity::Warning | Severity::Note => Diagnostic::warning(codes::UNKNOWN_KEY, self.source, key.span, message),
        };
        let fix = meant.and_then(|meant| {
            let fix = Fix::instead(self.source, key.span, meant)?;
            Some(Fix { chosen: !DENYING.contains(&meant), ..fix })
        });
        self.add(finding.help(help).maybe_fix(fix));
    }

    /// Says that a name is none of those that are known, and what was probably meant.
    pub(super) fn misnamed(&mut self, code: &'static str, name: &Text, message: impl Into<String>, meant: &str) {
        let finding = Diagnostic::error(code, self.source, name.span, message).help(format!("did you mean `{meant}`?"));
        self.add(finding.maybe_fix(Fix::instead(self.source, name.span, meant)));
    }

    /// Returns the findings in order of place.
    pub(super) fn in_order(mut self) -> Vec<Diagnostic> {
        self.kept.sort_by_key(|finding| finding.location.span);
        if self.dropped > 0 {
            let end = Span::at(self.source.text().len());
            let message = format!("{} more findings are not shown", self.dropped);
            let help = "mend those above first";
            let last = match self.worst_dropped {
                Severity::Error => Diagnostic::error(codes::TOO_MANY_FINDINGS, self.source, end, message),
                Severity::Warning | Severity::Note => Diagnostic::warning(codes::TOO_MANY_FINDINGS, self.source, end, message),
            };
            self.kept.push(last.help(help));
        }
        self.kept
    }
}
