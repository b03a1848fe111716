use remit_diagnostics::RuleText;
use remit_lint::rules;

use super::codes::pages;

/// Returns everything that can be found, as a table of rules.
pub(super) fn table() -> Vec<RuleText<'static>> {
    let of_rules = rules().iter().map(|rule| RuleText {
        name: rule.name,
        severity: rule.severity,
        what: rule.what,
        why: rule.why,
        cure: rule.cure,
    });
    let of_files = pages().map(|page| RuleText {
        name: page.name,
        severity: page.severity,
        what: page.what,
        why: "What the file says there is not what it would mean.",
        cure: page.cure,
    });
    of_rules.chain(of_files).collect()
}
