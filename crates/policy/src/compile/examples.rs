//! `sandbox.examples`: what the file says of itself, tried.

use remit_agent::{Agent, Text};
use remit_diagnostics::Diagnostic;

use crate::{CommandLine, Decision, Origin, Policy, Reason, Request};

/// A command line that the file gives as an example, and what became of it.
#[derive(Clone, Debug)]
pub struct Example {
    pub line: Text,
    pub expected: Decision,
    pub decision: Decision,
    pub reason: Reason,
}

/// Tries every example of the file, in the order of the file.
pub fn examples(policy: &Policy, agent: &Agent) -> Vec<Example> {
    let sandbox = agent.file.settings.sandbox.as_ref();
    let Some(settings) = sandbox.and_then(|sandbox| sandbox.value.examples.as_ref()) else { return Vec::new() };
    let lists =
        [(&settings.value.allow, Decision::Allow), (&settings.value.ask, Decision::Ask), (&settings.value.deny, Decision::Deny)];
    let lines = lists.into_iter().flat_map(|(lines, expected)| lines.iter().map(move |line| (line, expected)));
    let mut examples: Vec<Example> = lines.map(|(line, expected)| example(policy, line, expected)).collect();
    examples.sort_by_key(|example| example.line.span);
    examples
}

fn example(policy: &Policy, line: &Text, expected: Decision) -> Example {
    let (decision, reason) = policy.judge(&Request::Command(CommandLine::Shell(line.value.clone())));
    Example { line: line.clone(), expected, decision, reason }
}

impl Example {
    /// Returns whether the line is decided as the file says.
    pub fn holds(&self) -> bool {
        self.decision == self.expected
    }

    pub(super) fn diagnostic(&self, agent: &Agent) -> Diagnostic {
        let expected = match self.expected {
            Decision::Allow => "allowed",
            Decision::Ask => "asked about",
            Decision::Deny => "denied",
        };
        let decision = match self.decision {
            Decision::Allow => "allowed",
            Decision::Ask => "asked about",
            Decision::Deny => "denied",
        };
        let message = format!("`{}` is to be {expected}, and is {decision}", self.line.value);
        let error = Diagnostic::error("example-fails", &agent.source, self.line.span, message).label(self.reason.why.clone());
        let error = match &self.reason.origin {
            Origin::Agent(place) => error.also(place.clone(), format!("decided by `{}`", self.reason.rule)),
            // The reason has said that no rule decides.
            Origin::Silent => error,
            origin => error.note(format!("decided by {} ({origin})", self.reason.rule)),
        };
        let help = self.reason.help.clone();
        error.help(help.unwrap_or_else(|| "change the rule, or the example where it is the one that is wrong".to_owned()))
    }
}
