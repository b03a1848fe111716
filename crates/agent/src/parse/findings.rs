use remit_diagnostics::{Diagnostic, Severity, Source, Span};

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
        let help = match nearest(&key.value, known.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => cure.to_owned(),
        };
        let message = format!("unknown key `{}` in {holder}", abridged(&key.value));
        match severity {
            Severity::Error => self.error(codes::UNKNOWN_KEY, key.span, message, help),
            Severity::Warning | Severity::Note => self.warning(codes::UNKNOWN_KEY, key.span, message, help),
        }
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
