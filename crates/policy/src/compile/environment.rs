//! The environment: what the profile passes, and `toolsSettings.sandbox.env`.

use std::collections::BTreeMap;

use remit_agent::Text;

use super::Context;
use crate::variables::{is_loader, is_name, never_passed};
use crate::{EnvironmentGrant, PassedVariable};

pub(super) fn compile(context: &mut Context<'_>) -> EnvironmentGrant {
    let profile = &context.profile.env;
    let home = &context.workspace.home;
    let passed = |name: &String| PassedVariable { name: name.clone(), origin: context.profile_origin() };
    let mut grant = EnvironmentGrant {
        inherit: context.profile.unrestricted,
        pass: profile.pass.iter().map(passed).collect(),
        set: profile.set.clone(),
        path: profile
            .path
            .iter()
            .map(|path| match path.strip_prefix("~/") {
                Some(rest) => home.join(rest),
                None => home.join(path),
            })
            .collect(),
    };
    let sandbox = context.agent.file.settings.sandbox.as_ref();
    let Some(env) = sandbox.and_then(|sandbox| sandbox.value.env.as_ref()) else { return grant };
    for name in &env.value.pass {
        if may_pass(context, name) && grant.pass.iter().all(|passed| passed.name != name.value) {
            grant.pass.push(PassedVariable { name: name.value.clone(), origin: context.origin(name.span) });
        }
    }
    set(context, &env.value.set, &mut grant.set);
    grant
}

fn may_pass(context: &mut Context<'_>, name: &Text) -> bool {
    if !valid(context, name) {
        return false;
    }
    let (reason, help) = match never_passed(&name.value) {
        _ if name.value == "PATH" => ("it is made from the profile", "add the directory to `env.path` of a profile"),
        Some(reason) => (reason, "give the task a value of its own under `sandbox.env.set`, if it needs one"),
        None => return true,
    };
    let error = context.error("never-passed", name.span, format!("`{}` is never passed: {reason}", name.value));
    context.report(error.help(help));
    false
}

fn set(context: &mut Context<'_>, variables: &[(Text, Text)], set: &mut BTreeMap<String, String>) {
    for (name, value) in variables {
        if !valid(context, name) {
            continue;
        }
        if let Some(reason) = never_set(&name.value) {
            let message = format!("`{}` is never set: {reason}", name.value);
            let error = context.error("never-set", name.span, message);
            context.report(error.help("remove it"));
        } else if value.value.contains('\0') {
            let error = context.error("bad-variable", value.span, format!("the value of `{}` has a NUL character", name.value));
            context.report(error.help("remove it"));
        } else {
            set.insert(name.value.clone(), value.value.clone());
        }
    }
}

/// Returns why a file sets no variable of this name.
fn never_set(name: &str) -> Option<&'static str> {
    match name {
        "HOME" => Some("a task has the home that its paths were approved for"),
        "REMIT_TASK" => Some("it is the task's own name"),
        _ => (name == "PATH" || is_loader(name)).then_some("it decides what programs run or load"),
    }
}

fn valid(context: &mut Context<'_>, name: &Text) -> bool {
    let valid = is_name(&name.value);
    if !valid {
        let error = context.error("bad-variable", name.span, format!("`{}` is not the name of a variable", name.value));
        context.report(error.help("write letters, digits and `_`, each variable by its whole name"));
    }
    valid
}
