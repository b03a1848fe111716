use super::{Decision, reason};
use crate::{Origin, Policy, Reason, StartKind};

/// Judges a hook: who approved the policy has approved the hooks that it lists, and no other command.
pub(super) fn judge_hook(policy: &Policy, trigger: &str, command: &str) -> (Decision, Reason) {
    let listed = policy.starts.iter().find(|start| {
        matches!(&start.kind, StartKind::Hook { trigger: listed, .. } if listed == trigger) && start.command == command
    });
    match listed {
        Some(start) => (Decision::Allow, reason("hooks", &start.origin, "it was approved with the policy")),
        None => (Decision::Deny, reason("hooks", &Origin::Silent, format!("the policy has no such hook of `{trigger}`"))),
    }
}
