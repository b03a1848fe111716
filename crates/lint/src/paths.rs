//! What is granted of the files: by an entry of a list, for the products that hold to it.

use remit_agent::{AbsPath, PathSettings, Text};
use remit_diagnostics::{Span, Spanned};
use remit_policy::{Decision, Origin, PathPattern, Request};

use crate::input::Facts;
use crate::{Product, ProductPath};

/// What is done with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

/// An entry that grants a path, and the products in which it does.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub(crate) span: Span,
    pub(crate) products: Vec<Product>,
}

/// A list of paths of a tool's settings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PathList<'a> {
    pub(crate) denies: bool,
    pub(crate) entries: &'a [Text],
}

/// The lists of one tool, compiled as the products do. An entry that is no glob is left out, as they do.
#[derive(Debug, Default)]
pub(crate) struct ToolPaths<'a> {
    allowed: Vec<(&'a Text, ProductPath)>,
    denied: Vec<ProductPath>,
}

impl Access {
    pub(crate) fn verb(self) -> &'static str {
        match self {
            Access::Read => "read",
            Access::Write => "written",
        }
    }
}

impl<'a> ToolPaths<'a> {
    pub(crate) fn of(facts: &Facts<'a>, access: Access) -> ToolPaths<'a> {
        let settings = match access {
            Access::Read => &facts.file().settings.read,
            Access::Write => &facts.file().settings.write,
        };
        let Some(settings) = settings else { return ToolPaths::default() };
        let world = facts.world();
        let entries = |list: &'a Option<Spanned<Vec<Text>>>| list.iter().flat_map(|list| &list.value);
        ToolPaths {
            allowed: entries(&settings.value.allowed_paths)
                .filter_map(|text| Some((text, world.rule(&text.value).ok()?)))
                .collect(),
            denied: entries(&settings.value.denied_paths).filter_map(|text| world.rule(&text.value).ok()).collect(),
        }
    }

    fn granting(&self, path: &str) -> Option<&'a Text> {
        if self.denied.iter().any(|rule| rule.covers(path)) {
            return None;
        }
        self.allowed.iter().find(|(_, rule)| rule.covers(path)).map(|(text, _)| *text)
    }
}

/// Returns the entry that grants the path, and in which of the products.
pub(crate) fn granting(facts: &Facts, access: Access, path: &AbsPath) -> Option<Grant> {
    let mut grant: Option<Grant> = None;
    let others = facts.products.among(&[Product::Kiro, Product::Q]);
    if !others.is_empty()
        && let Some(text) = facts.tool_paths(access).granting(&facts.world().canonical(path.as_str()))
    {
        grant = Some(Grant { span: text.span, products: others });
    }
    if facts.products.has(Product::Remit)
        && let Some(policy) = facts.policy
    {
        let request = match access {
            Access::Read => Request::ReadFile(path.clone()),
            Access::Write => Request::WriteFile(path.clone()),
        };
        if let (Decision::Allow, reason) = policy.judge(&request)
            && let Origin::Agent(at) = reason.origin
        {
            match &mut grant {
                Some(grant) if grant.span == at.span => grant.products.push(Product::Remit),
                Some(_) => {}
                None => grant = Some(Grant { span: at.span, products: vec![Product::Remit] }),
            }
        }
    }
    grant
}

/// Returns every list of paths in the file.
pub(crate) fn lists<'a>(facts: &Facts<'a>) -> Vec<PathList<'a>> {
    let settings = &facts.file().settings;
    let mut lists = Vec::new();
    for tool in [&settings.read, &settings.write, &settings.glob, &settings.grep] {
        let Some(Spanned { value: PathSettings { allowed_paths, denied_paths, .. }, .. }) = tool else { continue };
        lists.extend(allowed_paths.as_ref().map(|list| PathList { denies: false, entries: &list.value }));
        lists.extend(denied_paths.as_ref().map(|list| PathList { denies: true, entries: &list.value }));
    }
    lists
}

/// Returns whether Remit's pattern covers a path; `None` where it means nothing to Remit.
pub(crate) fn remit_covers(facts: &Facts, pattern: &str, path: &AbsPath) -> Option<bool> {
    let pattern = PathPattern::compile(pattern, facts.root(), &facts.workspace.home).ok()?;
    Some(pattern.matches(path))
}
