use remit_agent::Reading;
use remit_diagnostics::{Diagnostic, Severity};

use crate::input::Facts;
use crate::{Rule, RuleExample};

pub(crate) static RULE: Rule = Rule {
    name: "aws-read-only-reads-secrets",
    severity: Severity::Warning,
    what: "Finds `autoAllowReadonly` of the AWS tool, under which secrets are read unasked.",
    why: "Every operation that begins with `get`, `describe`, `list`, `ls` or `search` counts as read-only: `secretsmanager get-secret-value` and `ecr get-login-password` among them.",
    example: RuleExample {
        reading: Reading::Remit,
        found: r#"{
  "name": "example",
  "tools": ["use_aws"],
  "toolsSettings": { "use_aws": { "autoAllowReadonly": true } }
}"#,
        mended: r#"{
  "name": "example",
  "tools": ["use_aws"],
  "toolsSettings": { "use_aws": { "allowedServices": ["cloudwatch"] } }
}"#,
    },
    cure: "Name the services in `allowedServices`, or deny those that hold secrets in `deniedServices`.",
    check,
};

/// Operations that only read, and what they read are secrets.
const SECRETS: [(&str, &str); 4] = [
    ("secretsmanager", "get-secret-value"),
    ("ssm", "get-parameters-by-path --with-decryption"),
    ("ecr", "get-login-password"),
    ("sts", "get-session-token"),
];
const READ_ONLY: [&str; 6] = ["get", "describe", "list", "ls", "search", "batch_get"];

fn check(rule: &Rule, facts: &Facts) -> Vec<Diagnostic> {
    let Some(settings) = &facts.file().settings.aws else { return Vec::new() };
    let Some(switch) = settings.value.auto_allow_readonly.as_ref().filter(|switch| switch.value) else { return Vec::new() };
    let denied =
        |service: &str| settings.value.denied_services.iter().flat_map(|list| &list.value).any(|denied| denied.value == service);
    let unasked =
        |(service, operation): &&(&str, &str)| !denied(service) && READ_ONLY.iter().any(|verb| operation.starts_with(verb));
    let Some((service, operation)) = SECRETS.iter().find(unasked) else { return Vec::new() };
    let finding = rule
        .finding(facts, switch.span, format!("`aws {service} {operation}` runs unasked"))
        .label("reads secrets too")
        .note("an operation counts as read-only by the first letters of its name")
        .help("name the services in `allowedServices`, or deny those that hold secrets in `deniedServices`");
    vec![finding]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::check_as;

    #[test]
    fn denied_services_are_left_out() {
        let check = |file: &str, expected: &[&str]| check_as(&RULE, Reading::Remit, file, expected);
        check(r#"{"tools": ["*"], "toolsSettings": {"aws": {"autoAllowReadonly": true}}}"#, &["true"]);
        check(
            r#"{"tools": ["*"], "toolsSettings": {"aws": {"autoAllowReadonly": true, "deniedServices": ["secretsmanager", "ssm", "ecr", "sts"]}}}"#,
            &[],
        );
        check(r#"{"tools": ["*"], "toolsSettings": {"aws": {"autoAllowReadonly": false}}}"#, &[]);
    }
}
