use std::ffi::OsString;

use remit_agent::AbsPath;
use remit_launch::{LaunchError, Scratch, Stdio, Task, become_reaper, end_tree, spawn};
use remit_policy::{CommandLine, Permit, Request};
use remit_sandbox::{LayerPurpose, Plan};
use remit_tasks::{Event, LayerToKeep, Outcome, TaskDir, TaskError, Timestamp};
use rustix::io::Errno;
use thiserror::Error;

use crate::supervise::supervise;
use crate::terminal::Terminal;
use crate::{NotFound, find};

/// What a command runs on.
#[derive(Debug)]
pub struct Ground<'a> {
    pub plan: &'a Plan,
    pub directory: &'a AbsPath,
    pub task: &'a TaskDir,
    /// The caller's own `PATH`, for a better error.
    pub elsewhere: &'a [AbsPath],
    /// What the log begins with; the start is added, in one write.
    pub events: Vec<Event>,
}

#[derive(Debug, Error)]
pub enum ExecutorError {
    #[error(transparent)]
    NotFound(#[from] NotFound),
    #[error(transparent)]
    Launch(#[from] LaunchError),
    #[error(transparent)]
    Task(#[from] TaskError),
    #[error("only a command can be run, not {0}")]
    NotACommand(String),
    #[error("cannot supervise the task")]
    Supervise(#[source] Errno),
    #[error("cannot make a terminal for the task")]
    Terminal(#[source] Errno),
    #[error("cannot start the worker of the session")]
    Worker(#[source] std::io::Error),
}

impl ExecutorError {
    /// Returns the cure, as an instruction.
    pub fn help(&self) -> Option<String> {
        match self {
            ExecutorError::NotFound(error) => Some(error.help.clone()),
            ExecutorError::Launch(error) => Some(error.remedy()),
            ExecutorError::Task(error) => error.help(),
            ExecutorError::NotACommand(_) | ExecutorError::Supervise(_) | ExecutorError::Worker(_) => None,
            ExecutorError::Terminal(_) => Some("run it without a terminal: `remit run … </dev/null 2>&1 | cat`".to_owned()),
        }
    }
}

/// Runs the command that a permit is for, in the foreground, and returns how it ended, with its whole tree.
pub fn run(permit: Permit, mut ground: Ground<'_>) -> Result<Outcome, ExecutorError> {
    let started = start(&permit, &mut ground);
    // The permit is used up here, whatever came of it.
    drop(permit);
    let (mut running, terminal, signals) = started?;
    let ended = supervise(&mut running, terminal, &signals, ground.plan);
    if ended.is_err() {
        running.kill();
    }
    // Without a pid namespace this is what ends the tree; with one there is nothing left to do.
    end_tree().map_err(ExecutorError::Supervise)?;
    ended.map_err(ExecutorError::Supervise)
}

type Started = (remit_launch::Running, Option<Terminal>, remit_launch::Signals);

fn start(permit: &Permit, ground: &mut Ground<'_>) -> Result<Started, ExecutorError> {
    let arguments = arguments(permit)?;
    let name = arguments.first().and_then(|name| name.to_str()).unwrap_or("");
    let program = find(name, ground.plan, ground.directory, ground.elsewhere)?;
    let scratch = Scratch { path: ground.task.make_scratch()? };
    ground.task.keep_layers(layers_to_keep(ground.plan, &scratch))?;
    become_reaper().map_err(ExecutorError::Supervise)?;
    let signals = remit_launch::Signals::block().map_err(ExecutorError::Supervise)?;
    let mut terminal = Terminal::for_caller().map_err(ExecutorError::Terminal)?;

    let (input, output, error) = (rustix::stdio::stdin(), rustix::stdio::stdout(), rustix::stdio::stderr());
    let stdio = match &terminal {
        None => Stdio { input, output, error, terminal: None },
        Some(terminal) => {
            let inner = |standard, is_terminal| if is_terminal { terminal.inner() } else { standard };
            Stdio {
                input: inner(input, terminal.replaces.input),
                output: inner(output, terminal.replaces.output),
                error: inner(error, terminal.replaces.error),
                terminal: Some((terminal.inner(), terminal.path.clone())),
            }
        }
    };
    let task = Task { program, arguments: &arguments, directory: ground.directory.clone(), stdio, scratch: &scratch };
    let running = spawn(ground.plan, &task)?;
    ground.events.push(Event::Started { pid: running.pid().as_raw_nonzero().get().unsigned_abs() });
    if let Err(error) = ground.task.append(Timestamp::now(), &ground.events) {
        // A task that nobody can look up must not run.
        running.kill();
        let _ = end_tree();
        return Err(error.into());
    }
    if let Some(terminal) = &mut terminal {
        terminal.begin().map_err(ExecutorError::Terminal)?;
    }
    Ok((running, terminal, signals))
}

/// Returns the layers that a person reviews after the task: those over the workspace. What went into a cache is of no use to them.
pub(crate) fn layers_to_keep(plan: &Plan, scratch: &Scratch) -> Vec<LayerToKeep> {
    let layers = plan.layers.iter().enumerate().filter(|(_, layer)| layer.purpose == LayerPurpose::Workspace);
    layers
        .map(|(index, layer)| LayerToKeep {
            target: layer.target.to_string(),
            name: scratch.layer(index).0.file_name().to_owned(),
        })
        .collect()
}

fn arguments(permit: &Permit) -> Result<Vec<OsString>, ExecutorError> {
    let Request::Command(line) = permit.request() else {
        return Err(ExecutorError::NotACommand(format!("{:?}", permit.request())));
    };
    // Where the line is one plain command, no shell reads it a second time.
    let words = match (line.direct(), line) {
        (Some(words), _) => words,
        (None, CommandLine::Argv(words)) => words.clone(),
        (None, CommandLine::Shell(line)) => vec!["bash".to_owned(), "-c".to_owned(), line.clone()],
    };
    Ok(words.into_iter().map(OsString::from).collect())
}
