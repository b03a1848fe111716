use super::{Decision, reason};
use crate::{Origin, Policy, Reason, Start, StartKind};

/// Judges a command that nobody asks for: it is what was approved with the policy, or it does not start.
pub(super) fn judge(policy: &Policy, start: &Start) -> (Decision, Reason) {
    let same = |known: &&Start| known.kind == start.kind && known.command == start.command && known.env == start.env;
    match policy.starts.iter().find(same) {
        Some(known) => {
            (Decision::Allow, reason(rule(&known.kind), &known.origin, "it starts by itself, and was approved with the policy"))
        }
        None => (Decision::Deny, reason(rule(&start.kind), &Origin::Silent, "the policy knows no such start")),
    }
}

fn rule(kind: &StartKind) -> &'static str {
    match kind {
        StartKind::Hook { .. } => "hooks",
        StartKind::McpServer { .. } => "mcpServers",
    }
}
