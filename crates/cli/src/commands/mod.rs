//! One file for each command.

mod agents;
mod audit;
mod check;
mod compile;
mod doctor;
mod lint;
mod mcp;
mod preview;
mod run;
mod tasks;
mod worker;

use clap::Subcommand;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::Ui;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Run(run::RunArgs),
    Preview(preview::PreviewArgs),
    Check(check::CheckArgs),
    Compile(compile::CompileArgs),
    Lint(lint::LintArgs),
    Doctor(doctor::DoctorArgs),
    Agents(agents::AgentsArgs),
    Tasks(tasks::TasksArgs),
    Audit(audit::AuditArgs),
    Mcp(mcp::McpArgs),
    /// The confined process of a session; `remit mcp` starts it
    #[command(hide = true)]
    Worker,
}

impl Command {
    pub(crate) fn run(&self, ui: &Ui) -> Result<Exit, Failure> {
        match self {
            Command::Run(args) => run::run(ui, args),
            Command::Preview(args) => preview::preview(ui, args),
            Command::Check(args) => check::check(ui, args),
            Command::Compile(args) => compile::compile(ui, args),
            Command::Lint(args) => lint::lint(ui, args),
            Command::Doctor(args) => doctor::doctor(ui, args),
            Command::Agents(args) => agents::agents(ui, args),
            Command::Tasks(args) => tasks::tasks(ui, args),
            Command::Audit(args) => audit::audit(ui, args),
            Command::Mcp(args) => mcp::mcp(ui, args),
            Command::Worker => worker::worker(),
        }
    }
}
