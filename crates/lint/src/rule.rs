use remit_agent::Reading;
use remit_diagnostics::{Diagnostic, Severity, Span};

use crate::input::Facts;
use crate::{LintInput, Product};

/// One thing that a file should not have: its documentation and its check.
///
/// Everything that people read of a rule comes from this one definition.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The code of its findings; it reads as the thing found.
    pub name: &'static str,
    /// What its findings weigh, unless the case is weaker.
    pub severity: Severity,
    /// What the rule looks for: a sentence.
    pub what: &'static str,
    /// What happens to somebody who leaves it so: sentences.
    pub why: &'static str,
    pub example: RuleExample,
    /// What to write in its place: an instruction.
    pub cure: &'static str,
    pub(crate) check: fn(&Rule, &Facts) -> Vec<Diagnostic>,
}

/// A whole agent file, `example.json`, that the rule finds something in, and the same file mended.
#[derive(Clone, Copy, Debug)]
pub struct RuleExample {
    pub reading: Reading,
    pub found: &'static str,
    pub mended: &'static str,
}

impl Rule {
    /// Returns what this rule alone finds.
    pub fn findings(&self, input: &LintInput) -> Vec<Diagnostic> {
        (self.check)(self, &Facts::new(input))
    }

    /// Returns a finding of this rule's weight.
    pub(crate) fn finding(&self, facts: &Facts, span: Span, message: impl Into<String>) -> Diagnostic {
        let finding = Diagnostic::warning(self.name, facts.source, span, message);
        Diagnostic { severity: self.severity, ..finding }
    }

    /// Returns a finding that holds for these products alone: a note where the file is none of theirs.
    pub(crate) fn finding_for(&self, facts: &Facts, products: &[Product], span: Span, message: impl Into<String>) -> Diagnostic {
        let is_own = products.iter().any(|product| facts.products.is_own(*product));
        let finding = self.finding(facts, span, message);
        Diagnostic { severity: if is_own { self.severity } else { Severity::Note }, ..finding }
    }
}
