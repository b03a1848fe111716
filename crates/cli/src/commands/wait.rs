use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use clap::Args;
use remit_tasks::{Found, Outcome, Record, TaskId};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::commands::tasks::state_words;
use crate::duration;
use crate::exit::{self, Exit};
use crate::failure::Failure;
use crate::store::Tasks;
use crate::ui::Ui;

/// Wait until tasks are over
///
/// Exits as the task ended; of several, with 0 when all succeeded and otherwise 1; with 124 when the time is over first.
#[derive(Debug, Args)]
pub(crate) struct WaitArgs {
    /// The tasks: ids, names, or the beginnings of either
    #[arg(required = true)]
    tasks: Vec<String>,

    /// Until one of them is over
    #[arg(long)]
    any: bool,

    /// No longer than this
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    timeout: Option<Duration>,
}

/// How long until a task without a supervisor is looked at again: it is about to have one.
const SOON: Duration = Duration::from_millis(20);

pub(crate) fn wait(ui: &Ui, args: &WaitArgs) -> Result<Exit, Failure> {
    let until = args.timeout.map(|timeout| Instant::now() + timeout);
    let tasks = Tasks::existing(ui)?;
    let mut ids = Vec::new();
    for text in &args.tasks {
        ids.push(tasks.find(text)?);
    }
    drop(tasks);
    loop {
        // Opened anew each time, which clears up after supervisors that died.
        let tasks = Tasks::existing(ui)?;
        let records = ids.iter().map(|id| Ok(tasks.store.record(id)?)).collect::<Result<Vec<Record>, Failure>>()?;
        let over: Vec<&Record> = records.iter().filter(|record| record.is_over()).collect();
        if over.len() == records.len() || (args.any && !over.is_empty()) {
            return tell(ui, &over, args.tasks.len() == 1);
        }
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) {
            let pending: Vec<&TaskId> = records.iter().filter(|record| !record.is_over()).map(|record| &record.id).collect();
            let names: Vec<String> = pending.iter().map(ToString::to_string).collect();
            return Err(Failure::new(format!("not over yet: {}", names.join(", "))).exit(Exit::OverTime));
        }
        drop(tasks);
        sleep(&records, left)?;
    }
}

fn sleep(records: &[Record], left: Option<Duration>) -> Result<(), Failure> {
    let mut supervisors: Vec<OwnedFd> = Vec::new();
    let mut soon = None;
    for record in records.iter().filter(|record| !record.is_over()) {
        match record.supervisor.as_ref().map(remit_tasks::ProcessId::find) {
            Some(Ok(Found::Alive(descriptor))) => supervisors.push(descriptor),
            _ => soon = Some(SOON),
        }
    }
    let timeout = left.into_iter().chain(soon).min().and_then(|timeout| Timespec::try_from(timeout).ok());
    let mut watched: Vec<PollFd<'_>> =
        supervisors.iter().map(|descriptor| PollFd::from_borrowed_fd(descriptor.as_fd(), PollFlags::IN)).collect();
    match poll(&mut watched, timeout.as_ref()) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(errno) => Err(Failure::io("cannot wait for the tasks", &errno.into())),
    }
}

fn tell(ui: &Ui, over: &[&Record], one: bool) -> Result<Exit, Failure> {
    for record in over {
        ui.print(&format!("{} {}\n", record.id, state_words(record)))?;
    }
    let [record] = over else {
        let all = over.iter().all(|record| record.outcome() == Some(&Outcome::Succeeded));
        return Ok(if all { Exit::Done } else { Exit::Failed });
    };
    let outcome = record.outcome();
    Ok(match outcome {
        Some(outcome) if one => exit::of_outcome(outcome),
        Some(Outcome::Succeeded) => Exit::Done,
        _ => Exit::Failed,
    })
}
