use remit_agent::Reading;
use remit_diagnostics::{Diagnostic, Edit, Fix, Severity, Span};

use crate::input::Facts;
use crate::{Rule, RuleExample};

pub(crate) static RULE: Rule = Rule {
    name: "aws-denial-has-other-name",
    severity: Severity::Warning,
    what: "Finds denied AWS services that can be used under another name.",
    why: "`deniedServices` compares the exact word: to deny `s3` leaves `s3api`, which does the same and more.",
    example: RuleExample {
        reading: Reading::Remit,
        found: r#"{
  "name": "example",
  "tools": ["use_aws"],
  "toolsSettings": { "use_aws": { "deniedServices": ["s3"] } }
}"#,
        mended: r#"{
  "name": "example",
  "tools": ["use_aws"],
  "toolsSettings": { "use_aws": { "deniedServices": ["s3", "s3api", "s3control"] } }
}"#,
    },
    cure: "Deny the other names of the service too.",
    check,
};

const OTHERS: [(&str, &[&str]); 5] = [
    ("s3", &["s3api", "s3control"]),
    ("s3api", &["s3", "s3control"]),
    ("logs", &["cloudwatch-logs"]),
    ("sso", &["sso-admin", "identitystore"]),
    ("ses", &["sesv2"]),
];

fn check(rule: &Rule, facts: &Facts) -> Vec<Diagnostic> {
    let settings = facts.file().settings.aws.as_ref();
    let Some(denied) = settings.and_then(|settings| settings.value.denied_services.as_ref()) else { return Vec::new() };
    let is_denied = |name: &str| denied.value.iter().any(|service| service.value == name);
    let mut findings = Vec::new();
    for service in &denied.value {
        let Some((_, others)) = OTHERS.iter().find(|(name, _)| *name == service.value) else { continue };
        let Some(other) = others.iter().find(|other| !is_denied(other)) else { continue };
        let Settings { allowed } = Settings::of(facts, other);
        let finding = rule
            .finding(facts, service.span, format!("`{}` is denied, and `{other}` is not", service.value))
            .label("compared as a whole word")
            .note(if allowed { "the other name is allowed unasked" } else { "the other name asks, and a yes lets it through" })
            .help(format!("deny `{other}` too"));
        let list = facts.source.slice(denied.span);
        let end = denied.span.end.saturating_sub(1);
        findings.push(if list.ends_with(']') {
            let edit = Edit { span: Span::at(end), replacement: format!(", \"{other}\"") };
            finding.fix(Fix::new(format!("deny `{other}` too"), vec![edit]))
        } else {
            finding
        });
    }
    findings
}

struct Settings {
    allowed: bool,
}

impl Settings {
    fn of(facts: &Facts, service: &str) -> Settings {
        let aws = facts.file().settings.aws.as_ref();
        let allowed = aws.and_then(|settings| settings.value.allowed_services.as_ref());
        Settings { allowed: allowed.into_iter().flat_map(|list| &list.value).any(|allowed| allowed.value == service) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::check_as;

    #[test]
    fn other_names_are_looked_for() {
        let check = |file: &str, expected: &[&str]| check_as(&RULE, Reading::Remit, file, expected);
        check(r#"{"tools": ["*"], "toolsSettings": {"aws": {"deniedServices": ["s3", "ec2"]}}}"#, &[r#""s3""#]);
        check(r#"{"tools": ["*"], "toolsSettings": {"aws": {"deniedServices": ["s3", "s3api", "s3control"]}}}"#, &[]);
    }

    #[test]
    fn the_fix_denies_one_more() {
        let fixed = crate::tests::fixes(&RULE, Reading::Remit, RULE.example.found);
        assert_eq!(fixed, [RULE.example.found.replace("\"s3\"]", "\"s3\", \"s3api\"]")]);
    }
}
