use std::time::Duration;

use clap::Args;
use remit_tasks::{Attended, Found, ProcessId, State, StoreError, Wish};
use rustix::process::{Signal, pidfd_send_signal};

use crate::duration;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::store::Tasks;
use crate::ui::Ui;

/// End tasks, running or not
#[derive(Debug, Args)]
pub(crate) struct CancelArgs {
    /// The tasks: ids, names, or the beginnings of either
    #[arg(required = true)]
    tasks: Vec<String>,

    /// How long they may clean up before they are killed
    #[arg(long, value_name = "TIME", value_parser = duration::parse, default_value = "10s")]
    grace: Duration,
}

/// Let a running task stand still
#[derive(Debug, Args)]
pub(crate) struct PauseArgs {
    /// The task: its id, its name, or the beginning of either
    task: String,
}

/// Let a task go on that stands still
#[derive(Debug, Args)]
pub(crate) struct ResumeArgs {
    /// The task: its id, its name, or the beginning of either
    task: String,
}

pub(crate) fn cancel(ui: &Ui, args: &CancelArgs) -> Result<Exit, Failure> {
    let mut tasks = Tasks::existing(ui)?;
    let grace = u64::try_from(args.grace.as_millis()).unwrap_or(u64::MAX);
    let mut exit = Exit::Done;
    for text in &args.tasks {
        if let Err(failure) = cancel_one(&mut tasks, text, grace) {
            failure.tell(ui);
            exit = Exit::Failed;
        }
    }
    Ok(exit)
}

pub(crate) fn cancel_one(tasks: &mut Tasks, text: &str, grace: u64) -> Result<(), Failure> {
    let record = tasks.record(text)?;
    if record.is_over() {
        return Err(Failure::new(format!("`{}` is over already: it {}", record.id, record.state.word())));
    }
    if record.created.attended == Attended::Foreground {
        return signal(record.supervisor.as_ref());
    }
    match tasks.store.wish(&record.id, &Wish::Cancel { grace }) {
        // No room for a wish; a signal needs none.
        Err(StoreError::Full { .. }) => signal(record.supervisor.as_ref()),
        // It ended in between.
        Err(StoreError::Missing { .. }) => Ok(()),
        Err(error) => Err(error.into()),
        Ok(()) => tasks.call(&record.id),
    }
}

/// Tells the process that looks after a task to end it.
fn signal(supervisor: Option<&ProcessId>) -> Result<(), Failure> {
    let failed = |error: &std::io::Error| Failure::io("cannot reach the process that looks after the task", error);
    match supervisor.map(ProcessId::find).transpose().map_err(|error| failed(&error))? {
        Some(Found::Alive(process)) => pidfd_send_signal(process, Signal::TERM).map_err(|errno| failed(&errno.into())),
        // The next look finds it lost.
        Some(Found::Gone(_)) | None => Ok(()),
    }
}

pub(crate) fn pause(ui: &Ui, args: &PauseArgs) -> Result<Exit, Failure> {
    let mut tasks = Tasks::existing(ui)?;
    let record = tasks.record(&args.task)?;
    match record.state {
        State::Running { paused_at: None, .. } if record.created.attended != Attended::Foreground => {}
        _ => {
            return Err(Failure::new(format!(
                "only a task that runs in the background can be paused; `{}` is {}",
                record.id,
                record.state.word()
            )));
        }
    }
    tasks.wish(&record.id, &Wish::Pause)?;
    Ok(Exit::Done)
}

pub(crate) fn resume(ui: &Ui, args: &ResumeArgs) -> Result<Exit, Failure> {
    let mut tasks = Tasks::existing(ui)?;
    let record = tasks.record(&args.task)?;
    if !matches!(record.state, State::Running { paused_at: Some(_), .. }) {
        return Err(Failure::new(format!("`{}` does not stand still: it is {}", record.id, record.state.word())));
    }
    tasks.wish(&record.id, &Wish::Resume)?;
    Ok(Exit::Done)
}
