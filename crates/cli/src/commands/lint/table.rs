use remit_agent::PARSE_CODES;
use remit_diagnostics::{RuleText, Severity};
use remit_lint::{UNUSED_IGNORE, rules};
use remit_policy::COMPILE_CODES;

/// Returns everything that can be found, as a table of rules.
pub(super) fn table() -> Vec<RuleText<'static>> {
    let of_rules = rules().iter().map(|rule| RuleText {
        name: rule.name,
        severity: rule.severity,
        what: rule.what,
        why: rule.why,
        cure: rule.cure,
    });
    let ignored = (UNUSED_IGNORE, "an entry of `remit-lint-ignore` that takes out no finding");
    let codes = PARSE_CODES.iter().chain(COMPILE_CODES).copied().chain([ignored]);
    let of_files = codes.map(|(name, what)| RuleText {
        name,
        severity: Severity::Error,
        what,
        why: "What the file says there is not what it would mean.",
        cure: "See the finding.",
    });
    of_rules.chain(of_files).collect()
}
