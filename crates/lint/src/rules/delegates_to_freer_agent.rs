use remit_agent::{AbsPath, NativeTool, Reading, parse};
use remit_diagnostics::{Diagnostic, Severity};

use crate::input::Facts;
use crate::{Rule, RuleExample, products};

pub(crate) static RULE: Rule = Rule {
    name: "delegates-to-freer-agent",
    severity: Severity::Warning,
    what: "Finds agents that another agent may start unasked, and that may do more than it.",
    why: "Whatever this agent is kept from, the other one does for it: the permissions of an agent are those of all that it can start.",
    example: RuleExample {
        reading: Reading::Kiro,
        found: r#"{
  "name": "example",
  "tools": ["fs_read", "subagent"],
  "toolsSettings": { "subagent": { "availableAgents": ["free"], "trustedAgents": ["free"] } }
}"#,
        mended: r#"{
  "name": "example",
  "tools": ["fs_read", "subagent"],
  "toolsSettings": { "subagent": { "availableAgents": ["narrow"], "trustedAgents": ["narrow"] } }
}"#,
    },
    cure: "Take the agent out of `trustedAgents`, or restrict it.",
    check,
};

/// What an agent may do unasked, that another may not.
const POWERS: [(NativeTool, &str); 3] =
    [(NativeTool::Shell, "runs commands"), (NativeTool::Write, "writes files"), (NativeTool::Aws, "uses AWS")];

fn check(rule: &Rule, facts: &Facts) -> Vec<Diagnostic> {
    let settings = facts.file().settings.subagent.as_ref();
    let trusted = settings.and_then(|settings| settings.value.trusted_agents.as_ref());
    let (Some(path), Some(trusted)) = (facts.path, trusted) else { return Vec::new() };
    let mut findings = Vec::new();
    for entry in trusted.value.iter().filter(|entry| !entry.value.contains(['*', '/'])) {
        let place = path.parent().unwrap_or_else(AbsPath::root).join(&format!("{}.json", entry.value));
        let Some(bytes) = facts.disk.read(&place) else { continue };
        let other = parse(place.as_str(), &bytes).file;
        let freer = |(tool, _): &&(NativeTool, &str)| {
            products::allows(&other, *tool).is_some() && products::allows(facts.file(), *tool).is_none()
        };
        let Some((_, power)) = POWERS.iter().find(freer) else { continue };
        findings.push(
            rule.finding(facts, entry.span, format!("`{}` {power} unasked, and this agent does not", entry.value))
                .label("started unasked")
                .note(format!("`{place}` pre-approves it"))
                .help("take the agent out of `trustedAgents`, or restrict it"),
        );
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::check_as;

    #[test]
    fn agents_beside_the_file_are_read() {
        let check = |file: &str, expected: &[&str]| check_as(&RULE, Reading::Kiro, file, expected);
        check(r#"{"tools": ["*"], "allowedTools": ["*"], "toolsSettings": {"subagent": {"trustedAgents": ["free"]}}}"#, &[]);
        check(
            r#"{"tools": ["*"], "toolsSettings": {"subagent": {"trustedAgents": ["free", "narrow", "gone", "a*"]}}}"#,
            &[r#""free""#],
        );
    }
}
