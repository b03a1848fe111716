use std::path::PathBuf;

use clap::Args;
use remit_policy::{Change, ChangeKind, diff};
use remit_preview::{Form, Preview, render, render_difference};
use remit_sandbox::plan;
use remit_tasks::StateDir;
use serde::Serialize;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::load::{AgentArgs, load};
use crate::ui::Ui;
use crate::{host, places, project};

/// Show what an agent may do on this host, and what holds it to that
#[derive(Debug, Args)]
pub(crate) struct PreviewArgs {
    #[command(flatten)]
    agent: AgentArgs,

    /// The workspace [default: the current directory]
    #[arg(long, value_name = "DIR")]
    cwd: Option<PathBuf>,

    /// Say only what differs from this agent: what an edit newly permits
    #[arg(long, value_name = "OLD")]
    diff: Option<String>,

    /// Print JSON
    #[arg(long, group = "form")]
    json: bool,

    /// Print Markdown, for a pull request
    #[arg(long, group = "form")]
    markdown: bool,

    /// Print one file of HTML, for a browser
    #[arg(long, group = "form")]
    html: bool,
}

#[derive(Serialize)]
struct DiffJson<'a> {
    version: u32,
    old: &'a str,
    changes: Vec<ChangeJson<'a>>,
}

#[derive(Serialize)]
struct ChangeJson<'a> {
    kind: &'static str,
    text: &'a str,
}

pub(crate) fn preview(ui: &Ui, args: &PreviewArgs) -> Result<Exit, Failure> {
    let workspace = places::workspace(args.cwd.as_deref())?;
    let loaded = load(&args.agent.agent, args.agent.read_as, &workspace)?;
    ui.diagnostics(&loaded.warnings);
    let state = StateDir::open_or_create(&workspace.state)?;
    let plan = plan(&loaded.policy, &host::look(&loaded.policy, &state)?);
    let files = project::files(&workspace.root);
    let mut preview = remit_preview::preview(&loaded.policy, &plan).in_project(&loaded.policy, &files);
    if let Some(description) = &loaded.agent.file.description {
        preview = preview.described(description.value.as_str());
    }
    let Some(old) = &args.diff else {
        match args.form(ui) {
            Some(form) => ui.print(&render(&preview, form))?,
            None => ui.print_json(&preview)?,
        }
        return Ok(Exit::Done);
    };
    let before = load(old, args.agent.read_as, &workspace)?;
    let changes = diff(&before.policy.canonical(), &loaded.policy.canonical())
        .ok_or_else(|| Failure::new("the two policies cannot be compared"))?;
    args.difference(ui, &preview, old, &changes)
}

impl PreviewArgs {
    /// Returns the form that was asked for; `None` for JSON.
    fn form(&self, ui: &Ui) -> Option<Form> {
        match (self.json, self.markdown, self.html) {
            (true, _, _) => None,
            (_, true, _) => Some(Form::Markdown),
            (_, _, true) => Some(Form::Html),
            _ => Some(Form::Text(ui.stdout_style())),
        }
    }

    fn difference(&self, ui: &Ui, preview: &Preview, old: &str, changes: &[Change]) -> Result<Exit, Failure> {
        if let Some(form) = self.form(ui) {
            ui.print(&render_difference(preview, old, changes, form))?;
            return Ok(Exit::Done);
        }
        let kind = |change: &Change| match change.kind {
            ChangeKind::Widened => "widened",
            ChangeKind::Changed => "changed",
            ChangeKind::Narrowed => "narrowed",
        };
        let changes = changes.iter().map(|change| ChangeJson { kind: kind(change), text: &change.text }).collect();
        ui.print_json(&DiffJson { version: 1, old, changes })?;
        Ok(Exit::Done)
    }
}
