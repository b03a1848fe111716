use remit_agent::{AbsPath, AgentFile, Reading};
use remit_diagnostics::{Location, Source, Span};
use remit_policy::Policy;

/// A file as a rule sees it.
#[derive(Clone, Copy, Debug)]
pub struct LintInput<'a> {
    pub source: &'a Source,
    /// As far as it could be read: a file with errors is looked at too.
    pub file: &'a AgentFile,
    /// `None` when the text does not come from a file.
    pub path: Option<&'a AbsPath>,
    /// How Remit reads the patterns of this file.
    pub reading: Reading,
    /// `None` when it does not compile: rules that ask the gate say nothing then.
    pub policy: Option<&'a Policy>,
}

impl LintInput<'_> {
    pub(crate) fn at(&self, span: Span) -> Location {
        Location { source: self.source.clone(), span: self.source.clamp(span) }
    }

    /// Returns whether the file is where Kiro CLI or Amazon Q CLI looks, or is to be read as they do.
    pub(crate) fn is_of_a_product(&self) -> bool {
        match self.reading {
            Reading::Remit => false,
            Reading::Kiro | Reading::Q => true,
        }
    }
}
