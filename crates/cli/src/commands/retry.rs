use clap::Args;
use remit_sandbox::Watch;
use remit_tasks::{Background, OnAsk};

use crate::commands::background;
use crate::commands::supervise::prepare_again;
use crate::consent::Beforehand;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::observing;
use crate::store::Tasks;
use crate::ui::Ui;

/// Run a task again: the same command, under the agent's policy as it is now
#[derive(Debug, Args)]
pub(crate) struct RetryArgs {
    /// The task: its id, its name, or the beginning of either
    task: String,

    /// Approve the policy without being asked
    #[arg(long, short = 'y')]
    yes: bool,

    /// Look on, and explain what the wall refuses: see `remit why`
    #[arg(long)]
    explain: bool,
}

pub(crate) fn retry(ui: &Ui, args: &RetryArgs) -> Result<Exit, Failure> {
    let tasks = Tasks::existing(ui)?;
    let record = tasks.record(&args.task)?;
    drop(tasks);
    // A task of the foreground has nothing that was asked for besides its command.
    let plain = Background {
        read_as: None,
        strict: false,
        on_ask: OnAsk::Wait,
        ask_limit: 24 * 3600,
        after: None,
        launched: None,
        input: None,
        terminal: None,
        junit: Vec::new(),
        explain: false,
    };
    // It is a person that wants it now.
    let background = Background {
        after: None,
        launched: None,
        explain: args.explain,
        ..record.created.background().cloned().unwrap_or(plain)
    };
    let work = prepare_again(ui, &record, &background)?;
    observing::watch(args.explain, &work.policy, &work.host, Watch::Refusals)?;
    let beforehand = Beforehand { yes: args.yes && work.agent.is_some(), trust_all: args.yes && work.agent.is_none() };
    background::begin(ui, &work, beforehand, background, record.created.command, &record.name)
}
