//! Rules over agent files: what is in a file that its author would not want there, at its place, with the cure.
//!
//! A rule is a file below `rules`: one [`Rule`] with its name, its documentation and its check. The registry [`RULES`] is
//! what everything else is made from: the findings of [`lint`], and the pages that explain them. What a file's syntax and
//! shape are worth is said by the parser, and what keeps a policy from being compiled by the compiler; a rule says
//! neither again. No rule changes what a file means.
//!
//! A file is judged for the [`Products`] that read it. Where they read it differently the finding names them, and what
//! it shows as proof was computed by the evaluation that it speaks of: [`ProductShell`] and [`PathWorld`] restate theirs,
//! and the policy is Remit's. A rule looks at the host's files only through a [`Disk`].

mod disk;
mod ignore;
mod input;
mod paths;
mod product;
mod products;
mod rewrite;
mod rule;
mod rules;
mod several;
#[cfg(test)]
mod tests;
mod witness;

pub use disk::{DescribedDisk, Disk, Entry, NoDisk};
pub use ignore::{Heeded, UNUSED_IGNORE, heed_ignores};
pub use input::LintInput;
pub use product::{Product, Products};
pub use products::{BadGlob, PathWorld, Pattern, ProductGlob, ProductPath, ProductRules, ProductSettings, ProductShell, covers};
pub use rule::{Rule, RuleExample};
pub use rules::RULES;
pub use witness::sample as sample_line;

use input::Facts;
use remit_diagnostics::Diagnostic;

/// Returns the findings of every rule, in order of place.
pub fn lint(input: &LintInput) -> Vec<Diagnostic> {
    let facts = Facts::new(input);
    let mut findings: Vec<Diagnostic> = RULES.iter().flat_map(|rule| (rule.check)(rule, &facts)).collect();
    findings.sort_by_key(|finding| (finding.location.span.start, finding.location.span.end, finding.code));
    findings
}

/// Returns every rule, by name.
pub fn rules() -> &'static [&'static Rule] {
    RULES
}
