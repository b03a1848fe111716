use std::fmt::Write as _;

use clap::{Args, Subcommand};
use remit_diagnostics::visible;
use remit_tasks::{StateDir, Timestamp, check, repair};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::places;
use crate::ui::Ui;

/// Look after the store of tasks
#[derive(Debug, Args)]
pub(crate) struct StoreArgs {
    #[command(subcommand)]
    command: StoreCommand,
}

#[derive(Clone, Copy, Debug, Subcommand)]
enum StoreCommand {
    /// Look whether it is damaged, and change nothing
    Check,
    /// Save what can be read into a new one, and keep the damaged one beside it
    Repair,
}

pub(crate) fn store(ui: &Ui, args: &StoreArgs) -> Result<Exit, Failure> {
    let Some(state) = StateDir::open_existing(&places::state()?)? else {
        ui.print("there is no store yet\n")?;
        return Ok(Exit::Done);
    };
    match args.command {
        StoreCommand::Check => {
            let wrong = check(&state)?;
            if wrong.is_empty() {
                ui.print("nothing is wrong\n")?;
                return Ok(Exit::Done);
            }
            let lines: Vec<String> = wrong.iter().map(|line| visible(line)).collect();
            ui.print(&(lines.join("\n") + "\n"))?;
            Ok(Exit::Failed)
        }
        StoreCommand::Repair => {
            let Some(repaired) = repair(&state, Timestamp::now())? else {
                ui.print("nothing is wrong\n")?;
                return Ok(Exit::Done);
            };
            let old = repaired.old.map(|old| format!("; the damaged store is `{old}`"));
            let mut text = format!("{} tasks saved{}\n", repaired.saved, old.unwrap_or_default());
            for lost in &repaired.lost {
                // Writing to a string does not fail.
                let _ = writeln!(text, "not saved: {}", visible(lost));
            }
            ui.print(&text)?;
            Ok(Exit::Done)
        }
    }
}
