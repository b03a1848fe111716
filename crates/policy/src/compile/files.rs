//! Files: the workspace, `resources`, the paths of the reading and writing tools, `sandbox.files`, the profile.

use remit_agent::{NativeTool, PathSettings, Resource, Text};
use remit_diagnostics::{Span, Spanned};

use super::standing::Standing;
use super::{Context, protected};
use crate::{FileGrants, Origin, PathPattern, PathPatternError, PathRule, ToolGrants, WorkspaceMode};

/// Compiles what may be read, written and executed. A silent file reads the workspace and writes nothing.
pub(super) fn compile(context: &mut Context<'_>, tools: &ToolGrants) -> FileGrants {
    let root = &context.workspace.root;
    let standing = Standing::of(context.profile, context.workspace);
    let mut grants = FileGrants {
        read: vec![PathRule { pattern: PathPattern::literal(root), if_present: false, origin: Origin::Silent }],
        write: Vec::new(),
        execute: Vec::new(),
        hidden: Vec::new(),
        write_denied: Vec::new(),
        protected: standing.protected.clone(),
        protected_read: standing.protected_read.clone(),
        workspace: WorkspaceMode::Layer,
        caches: Vec::new(),
    };
    protected::add_agent(&mut grants.protected, &context.agent.path);
    resources(context, &mut grants);
    reading_tools(context, tools, &mut grants);
    writing_tool(context, tools, &mut grants);
    sandbox(context, &mut grants);
    grants.workspace = mode(context, &grants.write);
    profile(context, &standing, &mut grants);
    grants
}

fn resources(context: &mut Context<'_>, grants: &mut FileGrants) {
    let agent = context.agent;
    for resource in &agent.file.resources {
        let (text, span) = match &resource.value {
            Resource::File(path) | Resource::Skill(path) => (path.as_str(), resource.span),
            Resource::KnowledgeBase { source, .. } => {
                (source.value.strip_prefix("file://").unwrap_or(&source.value), source.span)
            }
            // The parser has said that no product reads it.
            Resource::Other(_) => continue,
        };
        grants.read.extend(rule(context, text, span));
    }
}

fn reading_tools(context: &mut Context<'_>, tools: &ToolGrants, grants: &mut FileGrants) {
    let settings = &context.agent.file.settings;
    let reading = [(NativeTool::Read, &settings.read), (NativeTool::Glob, &settings.glob), (NativeTool::Grep, &settings.grep)];
    for (tool, settings) in reading {
        let Some(settings) = settings else { continue };
        // A denial holds whether or not the tool is there.
        grants.hidden.extend(rules(context, denied(settings)));
        if let Some(all) = settings.value.allow_read_only.as_ref().filter(|all| all.value) {
            let warning =
                context.warning("settings-not-read", all.span, "`allowReadOnly` is not read: it would allow every path");
            context.report(warning.help("list the paths in `allowedPaths`"));
        }
        if tools.is_visible(tool) {
            grants.read.extend(rules(context, allowed(settings)));
        } else {
            allows_nothing(context, tool, settings);
        }
    }
}

fn writing_tool(context: &mut Context<'_>, tools: &ToolGrants, grants: &mut FileGrants) {
    let settings = context.agent.file.settings.write.as_ref();
    if let Some(settings) = settings {
        grants.write_denied.extend(rules(context, denied(settings)));
    }
    if !tools.is_visible(NativeTool::Write) {
        if let Some(settings) = settings {
            allows_nothing(context, NativeTool::Write, settings);
        }
        return;
    }
    match (settings.and_then(|settings| settings.value.allowed_paths.as_ref()), tools.pre_approval(NativeTool::Write)) {
        (Some(paths), _) => grants.write.extend(rules(context, &paths.value)),
        (None, Some(approval)) => {
            let pattern = PathPattern::literal(&context.workspace.root);
            grants.write.push(PathRule { pattern, if_present: false, origin: approval.origin.clone() });
        }
        (None, None) => {}
    }
}

fn sandbox(context: &mut Context<'_>, grants: &mut FileGrants) {
    let sandbox = context.agent.file.settings.sandbox.as_ref();
    let Some(files) = sandbox.and_then(|sandbox| sandbox.value.files.as_ref()) else { return };
    grants.read.extend(rules(context, &files.value.read));
    grants.write.extend(rules(context, &files.value.write));
    grants.execute.extend(rules(context, &files.value.execute));
    grants.hidden.extend(rules(context, &files.value.hide));
}

/// Returns what the file says, or `Direct` where a write that the file pre-approves lies in the workspace.
fn mode(context: &mut Context<'_>, write: &[PathRule]) -> WorkspaceMode {
    let root = &context.workspace.root;
    let sandbox = context.agent.file.settings.sandbox.as_ref();
    let said = sandbox.and_then(|sandbox| sandbox.value.workspace.as_ref());
    match said.map(|said| (said.value.as_str(), said.span)) {
        Some(("layer", _)) => WorkspaceMode::Layer,
        Some(("direct", _)) => WorkspaceMode::Direct,
        Some((other, span)) => {
            let error = context.error("bad-workspace-mode", span, format!("`{other}` is no way to treat the workspace"));
            context.report(error.help("write `layer` or `direct`"));
            WorkspaceMode::Layer
        }
        None if write.iter().any(|rule| rule.pattern.base.is_beneath(root) || root.is_beneath(&rule.pattern.base)) => {
            WorkspaceMode::Direct
        }
        None => WorkspaceMode::Layer,
    }
}

/// Adds what the profile grants, and says what of it means nothing.
fn profile(context: &mut Context<'_>, standing: &Standing, grants: &mut FileGrants) {
    grants.read.extend_from_slice(&standing.read);
    grants.write.extend_from_slice(&standing.write);
    grants.execute.extend_from_slice(&standing.execute);
    grants.hidden.extend_from_slice(&standing.hidden);
    grants.caches.extend_from_slice(&standing.caches);
    for (text, failure) in &standing.refused {
        let message = format!("profile `{}`: `{text}`: {failure}", context.profile.name);
        let error = context.error("bad-profile", context.profile_span(), message);
        context.report(with_help(error, failure.clone()));
    }
}

fn rules(context: &mut Context<'_>, texts: &[Text]) -> Vec<PathRule> {
    texts.iter().filter_map(|text| rule(context, &text.value, text.span)).collect()
}

fn rule(context: &mut Context<'_>, text: &str, span: Span) -> Option<PathRule> {
    match PathPattern::compile(text, &context.workspace.root, &context.workspace.home) {
        Ok(pattern) => Some(PathRule { pattern, if_present: false, origin: context.origin(span) }),
        Err(failure) => {
            let error = context.error("bad-path-pattern", span, format!("`{text}`: {failure}"));
            context.report(with_help(error, failure));
            None
        }
    }
}

fn with_help(error: remit_diagnostics::Diagnostic, failure: PathPatternError) -> remit_diagnostics::Diagnostic {
    match failure.help {
        Some(help) => error.help(help),
        None => error,
    }
}

fn allowed(settings: &Spanned<PathSettings>) -> &[Text] {
    settings.value.allowed_paths.as_ref().map_or(&[], |paths| &paths.value)
}

fn denied(settings: &Spanned<PathSettings>) -> &[Text] {
    settings.value.denied_paths.as_ref().map_or(&[], |paths| &paths.value)
}

/// Warns of the allowed paths of a tool that the agent does not have; they are read all the same, so that a pattern that
/// means nothing is still an error.
fn allows_nothing(context: &mut Context<'_>, tool: NativeTool, settings: &Spanned<PathSettings>) {
    let paths = allowed(settings);
    rules(context, paths);
    if paths.is_empty() {
        return;
    }
    let span = settings.value.allowed_paths.as_ref().map_or(settings.span, |paths| paths.span);
    let message = format!("`allowedPaths` allows nothing: the agent has no `{}`", tool.name());
    let warning = context.warning("settings-of-absent-tool", span, message);
    context.report(warning.help(format!("add `{}` to `tools`, or remove the setting", tool.name())));
}
