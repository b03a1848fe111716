//! One file for each command.

mod agents;
mod check;
mod compile;
mod doctor;
mod lint;
mod preview;
mod run;
mod shell_init;
mod tasks;

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
    ShellInit(shell_init::ShellInitArgs),
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
            Command::ShellInit(args) => shell_init::shell_init(ui, args),
        }
    }
}
