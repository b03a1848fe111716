use remit_agent::{NativeTool, Reading};
use remit_diagnostics::{Diagnostic, Severity};

use crate::input::Facts;
use crate::{Rule, RuleExample, product::titles, products};

pub(crate) static RULE: Rule = Rule {
    name: "read-fully-trusted",
    severity: Severity::Note,
    what: "Finds a pre-approved reading tool that nothing narrows, in Kiro CLI and Amazon Q CLI.",
    why: "There it reads every file of the user unasked, keys and tokens among them. In Remit it reads the workspace.",
    example: RuleExample {
        reading: Reading::Q,
        found: r#"{ "name": "example", "tools": ["fs_read"], "allowedTools": ["fs_read"] }"#,
        mended: r#"{ "name": "example", "tools": ["fs_read"] }"#,
    },
    cure: "Take the tool out of `allowedTools`: the workspace is read unasked all the same.",
    check,
};

fn check(rule: &Rule, facts: &Facts) -> Vec<Diagnostic> {
    let products = facts.regex_products();
    let Some(entry) = products::allows(facts.file(), NativeTool::Read).filter(|_| !products.is_empty()) else {
        return Vec::new();
    };
    let denied = facts.file().settings.read.as_ref().and_then(|settings| settings.value.denied_paths.as_ref());
    let keys = facts.workspace.home.join(".aws/credentials");
    let is_denied = denied.into_iter().flat_map(|list| &list.value);
    if is_denied.into_iter().any(|rule| facts.world().covers(&rule.value, keys.as_str()) == Ok(true)) {
        return Vec::new();
    }
    let finding = rule
        .finding_for(facts, &products, entry.span, format!("`{keys}` is read unasked in {}", titles(&products)))
        .label("reads every file of the user")
        .note("what is read can leave with the next request; Remit reads the workspace")
        .help(format!("take `{}` out of `allowedTools`: the workspace is read unasked all the same", entry.value));
    vec![finding]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::check_as;

    #[test]
    fn a_denial_of_the_keys_is_enough() {
        let check = |file: &str, expected: &[&str]| check_as(&RULE, Reading::Kiro, file, expected);
        check(r#"{"tools": ["*"], "allowedTools": ["read"]}"#, &[r#""read""#]);
        check(r#"{"tools": ["*"], "allowedTools": ["read"], "toolsSettings": {"read": {"deniedPaths": ["~/.aws"]}}}"#, &[]);
    }
}
