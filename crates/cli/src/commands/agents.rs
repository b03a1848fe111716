use std::path::PathBuf;

use clap::Args;
use remit_agent::listing;
use remit_diagnostics::visible;
use serde::Serialize;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::load::shown;
use crate::places;
use crate::ui::Ui;

/// List the agents that can be found by name, nearest first
///
/// They are files in `.remit/agents`, `.kiro/agents` and `.amazonq/cli-agents` of the workspace, and then in
/// `~/.config/remit/agents`, `~/.kiro/agents` and `~/.aws/amazonq/cli-agents`.
#[derive(Debug, Args)]
pub(crate) struct AgentsArgs {
    /// The workspace [default: the current directory]
    #[arg(long, value_name = "DIR")]
    cwd: Option<PathBuf>,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct AgentsJson<'a> {
    version: u32,
    agents: Vec<AgentJson<'a>>,
    /// What kept an agent from being listed.
    errors: Vec<String>,
}

#[derive(Serialize)]
struct AgentJson<'a> {
    name: &'a str,
    path: &'a str,
    reading: &'static str,
}

pub(crate) fn agents(ui: &Ui, args: &AgentsArgs) -> Result<Exit, Failure> {
    let workspace = places::workspace(args.cwd.as_deref())?;
    let listing = listing(&places::agent_dirs(&workspace));
    let failures: Vec<Failure> = listing.errors.into_iter().map(Failure::from).collect();
    let exit = if failures.is_empty() { Exit::Done } else { Exit::Failed };
    if args.json {
        let agents = listing.found.iter();
        let agents =
            agents.map(|found| AgentJson { name: &found.name, path: found.path.as_str(), reading: found.reading.name() });
        let errors = failures.iter().map(|failure| failure.message().to_owned()).collect();
        ui.print_json(&AgentsJson { version: 1, agents: agents.collect(), errors })?;
        return Ok(exit);
    }
    let rows = listing.found.iter();
    let rows =
        rows.map(|found| [visible(&found.name), found.reading.name().to_owned(), visible(&shown(&found.path, &workspace))]);
    ui.print(&crate::ui::table(["AGENT", "READ AS", "FILE"], &rows.collect::<Vec<_>>()))?;
    for failure in &failures {
        failure.tell(ui);
    }
    Ok(exit)
}
