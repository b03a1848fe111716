use remit_agent::{NativeTool, nearest};

use super::{Decision, reason, trusted, with_help};
use crate::tools::{Tool, rule};
use crate::{Origin, Policy, Reason};

/// Judges the call of a tool by its name alone. What a reading tool reads and a shell runs is a request of its own.
pub(super) fn judge(policy: &Policy, name: &str) -> (Decision, Reason) {
    if policy.is_unrestricted() {
        return trusted(policy);
    }
    let Some(tool) = Tool::named(name) else {
        let unknown = reason("tools", &Origin::BuiltIn, format!("no product has a tool `{name}`"));
        let near = nearest(name, NativeTool::ALL.into_iter().flat_map(NativeTool::names).copied());
        return (Decision::Deny, Reason { help: near.map(|near| format!("did you mean `{near}`?")), ..unknown });
    };
    let tools = &policy.tools;
    let Some(visible) = rule(&tools.visible, tool) else {
        let absent = reason("tools", &Origin::Silent, format!("the agent has no `{name}`"));
        return (Decision::Deny, with_help(absent, format!("add `{name}` to `tools`")));
    };
    if let Some(denied) = rule(&tools.denied, tool) {
        return (Decision::Deny, reason(name, &denied.origin, "`disabledTools` of its server takes it out"));
    }
    if let Tool::Native(native) = tool {
        if native.reads_files() {
            return (Decision::Allow, reason(name, &visible.origin, "what it reads is decided file by file"));
        }
        if native == NativeTool::Shell && policy.commands.everything.is_none() {
            return (Decision::Ask, reason(name, &visible.origin, "what it runs is decided command by command"));
        }
    }
    if tool == Tool::Native(NativeTool::Aws) && tools.aws.is_some() {
        return (Decision::Ask, reason(name, &visible.origin, "its settings decide call by call"));
    }
    if tool == Tool::Native(NativeTool::WebFetch) {
        return (Decision::Ask, reason(name, &visible.origin, "what it fetches is decided address by address"));
    }
    if let Some(narrowed) = rule(&tools.narrowed, tool) {
        return (Decision::Ask, reason(name, &narrowed.origin, "its settings narrow the approval and are not read yet"));
    }
    match rule(&tools.allowed, tool) {
        Some(allowed) => (Decision::Allow, reason(name, &allowed.origin, "`allowedTools` pre-approves it")),
        None => (Decision::Ask, reason(name, &visible.origin, "`allowedTools` does not pre-approve it")),
    }
}
