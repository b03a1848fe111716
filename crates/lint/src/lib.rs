//! Rules over agent files: what is in a file that its author would not want there, at its place, with the cure.
//!
//! A rule is a file below `rules`: one [`Rule`] with its name, its documentation and its check. The registry [`RULES`] is
//! what everything else is made from: the findings of [`lint`], and the pages that explain them. What a file's syntax and
//! shape are worth is said by the parser, and what keeps a policy from being compiled by the compiler; a rule says
//! neither again. No rule changes what a file means.
//!
//! Where the products read a file differently from Remit, the finding names them, and what it shows as proof was computed
//! by the evaluation that it speaks of.

mod input;
mod products;
mod rule;
mod rules;
#[cfg(test)]
mod tests;
mod witness;

pub use input::LintInput;
pub use rule::{Rule, RuleExample};
pub use rules::RULES;

use remit_diagnostics::Diagnostic;

/// Returns the findings of every rule, in order of place.
pub fn lint(input: &LintInput) -> Vec<Diagnostic> {
    let mut findings: Vec<Diagnostic> = RULES.iter().flat_map(|rule| rule.findings(input)).collect();
    findings.sort_by_key(|finding| (finding.location.span.start, finding.location.span.end, finding.code));
    findings
}
