use remit_agent::NativeTool;

use super::{Decision, reason, trusted, with_help};
use crate::tools::{Tool, rule};
use crate::{AwsGrants, CallRule, Origin, Policy, Reason};

/// The operations of each service that only read: see `scripts/aws-readonly.py`.
const READERS: &str = include_str!("../../../../policies/aws/readonly.txt");

/// Names under which the `aws` command has one service: whoever denies one denies the other.
const SAME: [(&str, &str); 4] =
    [("s3api", "s3"), ("configservice", "config"), ("deploy", "codedeploy"), ("opsworks-cm", "opsworkscm")];

/// What makes the `aws` command read a file, or fetch an address, in the place of a value.
const LOADS: [&str; 4] = ["file://", "fileb://", "http://", "https://"];

/// A call of the `aws` command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsCall {
    pub service: String,
    pub operation: String,
    /// What stands after them.
    pub words: Vec<String>,
}

/// Judges a call by its service, and by its operation where the settings let reading pass.
pub(super) fn judge(policy: &Policy, call: &AwsCall) -> (Decision, Reason) {
    let tools = &policy.tools;
    let none = AwsGrants::default();
    let grants = tools.aws.as_ref().unwrap_or(&none);
    let service = call.service.as_str();
    if let Some(denied) = covering(&grants.denied, service) {
        return (Decision::Deny, reason(&denied.text, &denied.origin, format!("`deniedServices` denies `{service}`")));
    }
    if policy.is_unrestricted() {
        return trusted(policy);
    }
    let tool = Tool::Native(NativeTool::Aws);
    let Some(visible) = rule(&tools.visible, tool) else {
        let absent = reason("tools", &Origin::Silent, "the agent has no `use_aws`");
        return (Decision::Deny, with_help(absent, "add `use_aws` to `tools`"));
    };
    if let Some(allowed) = grants.allowed.as_deref().and_then(|allowed| covering(allowed, service)) {
        return (Decision::Allow, reason(&allowed.text, &allowed.origin, format!("`allowedServices` allows `{service}`")));
    }
    if let Some(origin) = &grants.read_only {
        let Some(why) = not_reading(call) else {
            return (Decision::Allow, reason("autoAllowReadonly", origin, "the service's model says that it only reads"));
        };
        return (Decision::Ask, reason("autoAllowReadonly", origin, why));
    }
    match rule(&tools.allowed, tool) {
        Some(allowed) if grants.allowed.is_none() => {
            (Decision::Allow, reason("use_aws", &allowed.origin, "`allowedTools` pre-approves it"))
        }
        Some(allowed) => {
            (Decision::Ask, reason("use_aws", &allowed.origin, format!("`allowedServices` does not name `{service}`")))
        }
        None => (Decision::Ask, reason("use_aws", &visible.origin, "`allowedTools` does not pre-approve it")),
    }
}

/// Returns why a call is not known to do nothing but read.
fn not_reading(call: &AwsCall) -> Option<&'static str> {
    let row = READERS.lines().find_map(|row| row.strip_prefix(&call.service)?.strip_prefix(' '));
    if !row.is_some_and(|row| row.split(' ').any(|operation| operation == call.operation)) {
        return Some("the service's model does not say that it only reads, or it returns a secret");
    }
    let loads = |word: &String| {
        let value = word.strip_prefix("--").and_then(|word| Some(word.split_once('=')?.1)).unwrap_or(word);
        LOADS.iter().any(|scheme| value.contains(scheme))
    };
    call.words.iter().any(loads).then_some("one of its parameters is read from a file or an address")
}

fn covering<'a>(rules: &'a [CallRule], service: &str) -> Option<&'a CallRule> {
    rules.iter().find(|rule| one_name(&rule.text) == one_name(service))
}

fn one_name(service: &str) -> &str {
    SAME.iter().find(|(other, _)| *other == service).map_or(service, |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::policy;

    fn check(rules: &str, call: &str, expected: Decision, why: &str) {
        let policy = policy(&format!(r#"{{"name":"a","tools":["aws"],{rules}}}"#));
        let mut words = call.split(' ').map(str::to_owned);
        let (service, operation) = (words.next().unwrap(), words.next().unwrap());
        let (decision, reason) = judge(&policy, &AwsCall { service, operation, words: words.collect() });
        assert_eq!((decision, reason.why.contains(why)), (expected, true), "{rules} {call}: {}", reason.why);
    }

    fn settings(settings: &str) -> String {
        format!(r#""toolsSettings":{{"aws":{settings}}}"#)
    }

    #[test]
    fn services_are_allowed_and_denied_by_name() {
        let allowed = settings(r#"{"allowedServices":["s3"],"deniedServices":["iam","config"]}"#);
        check(&allowed, "s3 rm", Decision::Allow, "`allowedServices` allows `s3`");
        check(&allowed, "s3api delete-object", Decision::Allow, "allows");
        check(&allowed, "iam list-users", Decision::Deny, "`deniedServices` denies `iam`");
        check(&allowed, "configservice put-config-rule", Decision::Deny, "denies");
        check(&allowed, "ec2 run-instances", Decision::Ask, "does not pre-approve");
        let trusted = r#""allowedTools":["aws"]"#;
        check(trusted, "ec2 run-instances", Decision::Allow, "pre-approves");
        check(&format!("{trusted},{allowed}"), "ec2 run-instances", Decision::Ask, "`allowedServices` does not name `ec2`");
        check(&format!("{trusted},{}", settings(r#"{"deniedServices":["iam"]}"#)), "ec2 run-instances", Decision::Allow, "");
        check(&format!("{trusted},{}", settings(r#"{"autoAllowReadonly":true}"#)), "ec2 run-instances", Decision::Ask, "model");
    }

    #[test]
    fn reading_is_what_the_models_say_and_not_what_a_verb_looks_like() {
        let reading = settings(r#"{"autoAllowReadonly":true,"deniedServices":["iam"]}"#);
        let ask = |call: &str| check(&reading, call, Decision::Ask, "the service's model does not say");
        let allow = |call: &str| check(&reading, call, Decision::Allow, "only reads");
        for call in [
            "ec2 describe-instances",
            "s3api list-buckets",
            "dynamodb scan",
            "sts get-caller-identity",
            "cloudtrail lookup-events",
        ] {
            allow(call);
        }
        // They look like readers: they return secrets, write, or are no operation of any model.
        for call in [
            "secretsmanager get-secret-value",
            "ssm get-parameter --with-decryption",
            "sts get-session-token",
            "kms decrypt",
            "ecr get-login-password",
            "ecr get-authorization-token",
            "iam2 list-users",
            "lambda get-function",
            "s3 ls",
            "ec2 get-password-data",
            "sqs receive-message",
            "s3api get-object",
            "ec2 describe",
            "ec2",
            "logs describe-",
            "swf poll-for-decision-task",
        ] {
            ask(&format!("{call} "));
        }
        check(&reading, "iam list-users", Decision::Deny, "denies");
        for word in ["--filters=file:///etc/passwd", "--x=fileb://a", "--x=a,Values=http://h/", "https://h/"] {
            check(&reading, &format!("ec2 describe-instances {word}"), Decision::Ask, "read from a file or an address");
        }
    }
}
