use std::ffi::OsString;
use std::fmt::Write as _;

use clap::Args;
use remit_layer::{Applied, Choice, Manner, changes};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::layers::{find, paths};
use crate::ui::Ui;

/// Bring what a task changed in its private layer to the workspace
///
/// A file that has changed in the workspace since the task began is refused. So is, unless you name it, what is granted by name
/// only, such as `.git/hooks`, and what the agent is denied by `hide` or `deniedPaths`. The rest is done, unless you say `--all-or-nothing`. What was interrupted is finished or taken
/// back first.
///
/// Exits with 1 when anything was refused.
#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    /// The task: its id, its name, or the beginning of either
    #[arg(value_name = "TASK")]
    task: String,

    /// Only these files and directories
    #[arg(value_name = "PATH")]
    paths: Vec<OsString>,

    /// Say what would be done, and do nothing
    #[arg(long)]
    check: bool,

    /// Do nothing when anything is refused
    #[arg(long)]
    all_or_nothing: bool,

    /// The layer over this directory, instead of the workspace's
    #[arg(long, value_name = "DIR")]
    layer: Option<String>,
}

pub(crate) fn apply(ui: &Ui, args: &ApplyArgs) -> Result<Exit, Failure> {
    let found = find(ui, &args.task)?;
    found.over()?;
    let layer = found.layer(args.layer.as_deref())?;
    let paths = paths(layer, &args.paths)?;
    let view = layer.open()?;
    let changes = changes(&view);
    let protected = found.protected(layer, &changes)?;
    let manner = if args.all_or_nothing { Manner::AllOrNothing } else { Manner::Each };
    let choice = Choice { paths: &paths, protected: &protected, manner };
    let applied = if args.check {
        remit_layer::check(layer, &view, &changes, &choice)?
    } else {
        remit_layer::apply(&found.layers, layer, &choice)?
    };
    report(ui, args, &applied)?;
    Ok(if applied.refused.is_empty() { Exit::Done } else { Exit::Failed })
}

fn report(ui: &Ui, args: &ApplyArgs, applied: &Applied) -> Result<(), Failure> {
    let mut text = String::new();
    let verb = if args.check { "would apply" } else { "applied" };
    for path in &applied.done {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{verb} {path}");
    }
    ui.print(&text)?;
    for refused in &applied.refused {
        ui.tell(&format!("refused {}: {}", refused.path, refused.why));
    }
    if applied.done.is_empty() && applied.refused.is_empty() {
        ui.tell("nothing to apply");
    }
    Ok(())
}
