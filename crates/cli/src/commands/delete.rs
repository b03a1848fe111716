use std::time::Duration;

use clap::Args;
use remit_layer::{Layers, LayersError};
use remit_tasks::{Record, State, TaskId, Timestamp, Which, layers, remove_directory};

use crate::duration;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::store::Tasks;
use crate::ui::Ui;

/// Forget tasks that are over, with their output and their private layers
#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    /// The tasks: ids, names, or the beginnings of either
    #[arg(required = true)]
    tasks: Vec<String>,
}

/// Forget old tasks that are over
///
/// A task with changes in a private layer stays until they are applied or discarded, unless you say `--layers`.
#[derive(Debug, Args)]
pub(crate) struct CleanArgs {
    /// Only those that ended so long ago
    #[arg(long, value_name = "TIME", value_parser = duration::parse, default_value = "7d")]
    older: Duration,

    /// Keep so many of the newest
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    keep: usize,

    /// Also those with changes in a private layer
    #[arg(long)]
    layers: bool,
}

pub(crate) fn delete(ui: &Ui, args: &DeleteArgs) -> Result<Exit, Failure> {
    let mut tasks = Tasks::existing(ui)?;
    let mut ids = Vec::new();
    for text in &args.tasks {
        let record = tasks.record(text)?;
        if !record.is_over() {
            return Err(Failure::new(format!("`{}` is not over: it is {}", record.id, record.state.word()))
                .help(format!("`remit cancel {}` ends it", record.id)));
        }
        if let Some(next) = tasks.store.waits_for(&record.id)? {
            return Err(Failure::new(format!("`{next}` waits for `{}`, and asks how it ended when its turn comes", record.id))
                .help(format!("`remit wait {next}`, or `remit cancel {next}`, and then delete")));
        }
        ids.push(record.id);
    }
    forget_all(&mut tasks, &ids)?;
    Ok(Exit::Done)
}

pub(crate) fn clean(ui: &Ui, args: &CleanArgs) -> Result<Exit, Failure> {
    let Some(mut tasks) = Tasks::open(ui)? else { return Ok(Exit::Done) };
    let now = Timestamp::now();
    let mut over: Vec<Record> = tasks.store.list(Which::All)?.into_iter().filter_map(|listed| listed.record.ok()).collect();
    over.retain(Record::is_over);
    let count = over.len().saturating_sub(args.keep);
    let (mut old, mut kept) = (Vec::new(), 0);
    for record in over.into_iter().take(count) {
        let State::Ended { ended_at, .. } = record.state else { continue };
        if Duration::try_from(now.duration_since(ended_at)).unwrap_or_default() < args.older {
            continue;
        }
        if tasks.store.waits_for(&record.id)?.is_some() {
            continue;
        }
        if !args.layers && !layers(&tasks.state, &record.id)?.is_empty() {
            kept += 1;
            continue;
        }
        old.push(record.id);
    }
    forget_all(&mut tasks, &old)?;
    let removed = old.len();
    ui.tell(&match kept {
        0 => format!("{removed} forgotten"),
        _ => format!("{removed} forgotten; {kept} kept, with changes that are neither applied nor discarded"),
    });
    Ok(Exit::Done)
}

/// First the files of all, then the records: on a full disk there is room for the second only after the first, and what is
/// interrupted in between can be deleted again.
///
/// # Errors
///
/// Fails where an apply is under way or was interrupted: what it has moved lies in the workspace, and only the layer says where to.
fn forget_all(tasks: &mut Tasks, ids: &[TaskId]) -> Result<(), Failure> {
    ids.iter().try_for_each(|id| remove_files(tasks, id))?;
    ids.iter().try_for_each(|id| Ok(tasks.store.remove(id)?))
}

/// Forgets one task: its files, then its record.
///
/// # Errors
///
/// As where several are forgotten.
pub(crate) fn forget(tasks: &mut Tasks, id: &TaskId) -> Result<(), Failure> {
    forget_all(tasks, std::slice::from_ref(id))
}

fn remove_files(tasks: &Tasks, id: &TaskId) -> Result<(), Failure> {
    tasks.leave(id)?;
    // Notes that cannot be read keep nobody from deleting.
    if let Ok(layers) = Layers::of(&tasks.state, id)
        && !layers.all().is_empty()
        && let Err(error @ (LayersError::Interrupted { .. } | LayersError::Busy)) = layers.discard(&tasks.state, id)
    {
        return Err(error.into());
    }
    Ok(remove_directory(&tasks.state, id)?)
}
