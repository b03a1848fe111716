use remit_agent::{NativeTool, Reading};
use remit_diagnostics::{Diagnostic, Severity};

use crate::input::Facts;
use crate::{Product, Rule, RuleExample, products, rewrite};

pub(crate) static RULE: Rule = Rule {
    name: "path-list-overridden",
    severity: Severity::Warning,
    what: "Finds `allowedPaths` and `allowedServices` that an entry of `allowedTools` switches off in Kiro CLI and Amazon Q CLI.",
    why: "There, a tool in `allowedTools` runs unasked whatever its settings allow: only what they deny is still looked at. Remit keeps to the settings.",
    example: RuleExample {
        reading: Reading::Kiro,
        found: r#"{
  "name": "example",
  "tools": ["fs_write"],
  "allowedTools": ["fs_write"],
  "toolsSettings": { "fs_write": { "allowedPaths": ["docs/**"] } }
}"#,
        mended: r#"{
  "name": "example",
  "tools": ["fs_write"],
  "toolsSettings": { "fs_write": { "allowedPaths": ["docs/**"] } }
}"#,
    },
    cure: "Take the tool out of `allowedTools`: what the settings allow runs unasked all the same.",
    check,
};

fn check(rule: &Rule, facts: &Facts) -> Vec<Diagnostic> {
    let settings = &facts.file().settings;
    let write = settings.write.as_ref().and_then(|settings| settings.value.allowed_paths.as_ref());
    let read = settings.read.as_ref().and_then(|settings| settings.value.allowed_paths.as_ref());
    let aws = settings.aws.as_ref().and_then(|settings| settings.value.allowed_services.as_ref());
    let lists = [
        (NativeTool::Write, "allowedPaths", write),
        (NativeTool::Read, "allowedPaths", read),
        (NativeTool::Aws, "allowedServices", aws),
    ];
    let mut findings = Vec::new();
    for (tool, key, list) in lists {
        let (Some(list), Some(entry)) = (list, products::allows(facts.file(), tool)) else { continue };
        let message = format!("`{}` in `allowedTools` switches `{key}` off in Kiro CLI and Amazon Q CLI", entry.value);
        findings.push(
            rule.finding_for(facts, &[Product::Kiro, Product::Q], entry.span, message)
                .label("runs unasked there, whatever the list says")
                .also(facts.at(list.span), "not looked at there")
                .note("Remit keeps to it: settings narrow, and never widen")
                .help(format!("take `{}` out of `allowedTools`: what the list names runs unasked all the same", entry.value))
                .maybe_fix(products::is_one_tool(entry).then(|| rewrite::without(facts, entry))),
        );
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::check_as;

    #[test]
    fn the_fix_takes_the_tool_out() {
        let fixes = crate::tests::fixes(&RULE, Reading::Kiro, RULE.example.found);
        assert_eq!(fixes, [RULE.example.found.replace(r#""allowedTools": ["fs_write"]"#, r#""allowedTools": []"#)]);
    }

    #[test]
    fn each_tool_with_a_list_counts() {
        let check = |file: &str, expected: &[&str]| check_as(&RULE, Reading::Kiro, file, expected);
        check(
            r#"{"tools": ["*"], "allowedTools": ["fs_read", "fs_write"], "toolsSettings": {"write": {"allowedPaths": []}, "read": {"deniedPaths": ["x"]}}}"#,
            &[r#""fs_write""#],
        );
        check(
            r#"{"tools": ["*"], "allowedTools": ["aws"], "toolsSettings": {"aws": {"allowedServices": ["s3"]}}}"#,
            &[r#""aws""#],
        );
        check(r#"{"tools": ["*"], "toolsSettings": {"write": {"allowedPaths": []}}}"#, &[]);
    }
}
