use std::path::PathBuf;

use clap::Args;
use remit_sandbox::plan;
use remit_tasks::StateDir;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::load::{AgentArgs, load};
use crate::ui::Ui;
use crate::{host, places};

/// Show what an agent may do on this host, and what holds it to that
#[derive(Debug, Args)]
pub(crate) struct PreviewArgs {
    #[command(flatten)]
    agent: AgentArgs,

    /// The workspace [default: the current directory]
    #[arg(long, value_name = "DIR")]
    cwd: Option<PathBuf>,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn preview(ui: &Ui, args: &PreviewArgs) -> Result<Exit, Failure> {
    let workspace = places::workspace(args.cwd.as_deref())?;
    let loaded = load(&args.agent.agent, args.agent.read_as, &workspace)?;
    ui.diagnostics(&loaded.warnings);
    let state = StateDir::open_or_create(&workspace.state)?;
    let plan = plan(&loaded.policy, &host::look(&loaded.policy, &state)?);
    let mut preview = remit_preview::preview(&loaded.policy, &plan);
    if let Some(description) = &loaded.agent.file.description {
        preview = preview.described(description.value.as_str());
    }
    if args.json {
        ui.print_json(&preview)?;
    } else {
        ui.print(&remit_preview::render(&preview, ui.stdout_style()))?;
    }
    Ok(Exit::Done)
}
