use serde::Serialize;

use crate::{Location, Source, Span};

/// How much a finding matters. Only an error keeps a file from being compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Note,
    Warning,
    Error,
}

/// One finding: what, where, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The rule's name, as in `unknown-key`.
    pub code: &'static str,
    pub severity: Severity,
    /// A lower-case fragment with no full stop; the user's own words stand in backticks.
    pub message: String,
    /// Where; the primary place.
    pub location: Location,
    /// What stands at the primary place, when the message does not say it; may be empty.
    pub label: String,
    /// Further places that matter.
    pub labels: Vec<Label>,
    /// Why it matters: what happens if nothing is done.
    pub notes: Vec<String>,
    /// The cure, as an instruction.
    pub help: Option<String>,
    pub fix: Option<Fix>,
}

/// A further place of a diagnostic and what is to be seen there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    pub location: Location,
    pub text: String,
}

/// A change to the text that mends the finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fix {
    pub title: String,
    pub edits: Vec<Edit>,
    /// Whether a person has to choose it: it may permit more than before, or is one of several ways. Any other narrows what
    /// is permitted or keeps it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub chosen: bool,
}

/// Replaces the bytes of `span` by `replacement`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Edit {
    pub span: Span,
    pub replacement: String,
}

impl Fix {
    /// Returns a fix that may be made unasked: it permits no more than before.
    pub fn new(title: impl Into<String>, edits: Vec<Edit>) -> Fix {
        Fix { title: title.into(), edits, chosen: false }
    }

    /// Returns a fix that a person has to choose.
    pub fn to_choose(title: impl Into<String>, edits: Vec<Edit>) -> Fix {
        Fix { title: title.into(), edits, chosen: true }
    }

    /// Returns the fix, to be chosen by a person, that writes a JSON string in the place of another.
    pub fn instead(source: &Source, span: Span, meant: &str) -> Option<Fix> {
        let written = source.slice(span);
        // A value that stands in other quotes, or in none, is not JSON.
        let is_plain = written.len() >= 2 && written.starts_with('"') && written.ends_with('"') && !meant.contains(['"', '\\']);
        let edit = Edit { span, replacement: format!("\"{meant}\"") };
        is_plain.then(|| Fix::to_choose(format!("write `{meant}`"), vec![edit]))
    }
}

impl Diagnostic {
    pub fn error(code: &'static str, source: &Source, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Severity::Error, code, source, span, message)
    }

    pub fn warning(code: &'static str, source: &Source, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Severity::Warning, code, source, span, message)
    }

    fn new(severity: Severity, code: &'static str, source: &Source, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            code,
            severity,
            message: message.into(),
            location: Location { source: source.clone(), span: source.clamp(span) },
            label: String::new(),
            labels: Vec::new(),
            notes: Vec::new(),
            help: None,
            fix: None,
        }
    }

    #[must_use]
    pub fn label(mut self, text: impl Into<String>) -> Diagnostic {
        self.label = text.into();
        self
    }

    #[must_use]
    pub fn also(mut self, location: Location, text: impl Into<String>) -> Diagnostic {
        self.labels.push(Label { location, text: text.into() });
        self
    }

    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Diagnostic {
        self.notes.push(text.into());
        self
    }

    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Diagnostic {
        self.help = Some(text.into());
        self
    }

    #[must_use]
    pub fn fix(mut self, fix: Fix) -> Diagnostic {
        self.fix = Some(fix);
        self
    }

    /// Adds the fix if there is one.
    #[must_use]
    pub fn maybe_fix(mut self, fix: Option<Fix>) -> Diagnostic {
        self.fix = fix.or(self.fix);
        self
    }

    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}
