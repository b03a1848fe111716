use remit_agent::Reading;
use remit_diagnostics::{Diagnostic, Severity};

use crate::input::Facts;
use crate::{Rule, RuleExample};

pub(crate) static RULE: Rule = Rule {
    name: "aws-service-grants-everything",
    severity: Severity::Warning,
    what: "Finds AWS services in `allowedServices` that hand out every other permission.",
    why: "Who may use `iam`, `sts` or `organizations` unasked can make a user, take another role, or change who may do what: the other entries of the list then mean nothing.",
    example: RuleExample {
        reading: Reading::Remit,
        found: r#"{
  "name": "example",
  "tools": ["use_aws"],
  "toolsSettings": { "use_aws": { "allowedServices": ["s3", "iam"] } }
}"#,
        mended: r#"{
  "name": "example",
  "tools": ["use_aws"],
  "toolsSettings": { "use_aws": { "allowedServices": ["s3"] } }
}"#,
    },
    cure: "Leave such services out of the list: the agent asks before it uses them.",
    check,
};

const SERVICES: [(&str, &str); 8] = [
    ("iam", "makes users, roles and keys"),
    ("sts", "takes other roles"),
    ("organizations", "changes whole accounts"),
    ("sso-admin", "changes who may do what"),
    ("identitystore", "changes who there is"),
    ("ssm", "runs commands on machines and reads parameters that are secret"),
    ("secretsmanager", "reads secrets"),
    ("cloudformation", "makes anything, with the role of the stack"),
];

fn check(rule: &Rule, facts: &Facts) -> Vec<Diagnostic> {
    let settings = facts.file().settings.aws.as_ref();
    let allowed = settings.and_then(|settings| settings.value.allowed_services.as_ref());
    let services = allowed.into_iter().flat_map(|list| &list.value);
    let found = services.filter_map(|service| {
        let (_, what) = SERVICES.iter().find(|(name, _)| service.value.eq_ignore_ascii_case(name))?;
        Some((service, *what))
    });
    found
        .map(|(service, what)| {
            rule.finding(facts, service.span, format!("`{}` runs unasked, and {what}", service.value))
                .label("more than a service")
                .note("a permission that can give permissions is all of them")
                .help("leave it out of the list: the agent then asks before it uses it")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::check_as;

    #[test]
    fn services_are_known_by_name() {
        let check = |file: &str, expected: &[&str]| check_as(&RULE, Reading::Remit, file, expected);
        check(
            r#"{"tools": ["*"], "toolsSettings": {"aws": {"allowedServices": ["s3", "iam", "STS"], "deniedServices": ["organizations"]}}}"#,
            &[r#""iam""#, r#""STS""#],
        );
    }
}
