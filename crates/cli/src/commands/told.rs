use clap::Args;
use remit_tasks::notify;
use remit_tasks::{Attended, StateDir, Which};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::store::Tasks;
use crate::ui::Ui;
use crate::{notices, places};

/// Tell the ends of tasks that nobody has been told; for the prompt of a shell, see `remit shell-init`
#[derive(Debug, Args)]
#[command(hide = true)]
pub(crate) struct ToldArgs {}

pub(crate) fn told(ui: &Ui, _args: &ToldArgs) -> Result<Exit, Failure> {
    let Some(state) = StateDir::open_existing(&places::state()?)? else { return Ok(Exit::Done) };
    let failed = |error: &std::io::Error| Failure::io("cannot take the mark of what is not told", error);
    loop {
        let Some(mut tasks) = Tasks::open(ui)? else { return Ok(Exit::Done) };
        tell(ui, &mut tasks)?;
        // The mark goes after what it stands for is told, so that a crash leaves it. An end that came in between had its own
        // mark taken with it: that one is left anew.
        let marked = notify::unmark(&state).map_err(|error| failed(&error))?;
        // One that cannot be read stays untold: `remit tasks` says why.
        let left =
            || -> Result<bool, Failure> { Ok(tasks.store.list(Which::Untold)?.iter().any(|listed| listed.record.is_ok())) };
        if !marked || !left()? {
            return Ok(Exit::Done);
        }
        notify::mark(&state).map_err(|error| failed(&error))?;
    }
}

fn tell(ui: &Ui, tasks: &mut Tasks) -> Result<(), Failure> {
    for listed in tasks.store.list(Which::Untold)? {
        let Ok(record) = listed.record else { continue };
        // Several shells may be at it: one of them tells.
        if tasks.store.tell_once(&record.id)? && record.created.attended != Attended::Foreground {
            ui.print(&format!("{}\n", notify::line(&notices::ended(tasks, &record))))?;
        }
    }
    Ok(())
}
