use std::ffi::OsString;

use remit_agent::AbsPath;
use remit_launch::{LaunchError, Scratch, Stdio, Task, become_reaper, end_tree, spawn};
use remit_layer::{Layers, LayersError, Purpose, Xattrs};
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
    #[error(transparent)]
    Layers(#[from] LayersError),
    #[error("only a command can be run, not {0}")]
    NotACommand(String),
    #[error("cannot supervise the task")]
    Supervise(#[source] Errno),
    #[error("cannot make a terminal for the task")]
    Terminal(#[source] Errno),
}

impl ExecutorError {
    /// Returns the cure, as an instruction.
    pub fn help(&self) -> Option<String> {
        match self {
            ExecutorError::NotFound(error) => Some(error.help.clone()),
            ExecutorError::Launch(error) => Some(error.remedy()),
            ExecutorError::Task(error) => error.help(),
            ExecutorError::Layers(error) => error.help(),
            ExecutorError::NotACommand(_) | ExecutorError::Supervise(_) => None,
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
    note_layers(ground.plan, ground.task, &scratch)?;
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

/// Says which layers there will be, so that they can be looked at after the task and by whom it outlives.
fn note_layers(plan: &Plan, task: &TaskDir, scratch: &Scratch) -> Result<(), ExecutorError> {
    if plan.layers.is_empty() {
        return Ok(());
    }
    let name = |index: usize| scratch.layer(index).0.file_name().to_owned();
    let keep =
        |(index, layer): (usize, &remit_sandbox::Layer)| LayerToKeep { target: layer.target.to_string(), name: name(index) };
    task.keep_layers(plan.layers.iter().enumerate().map(keep).collect())?;
    let purpose = |purpose| match purpose {
        LayerPurpose::Workspace => Purpose::Workspace,
        LayerPurpose::Cache => Purpose::Cache,
    };
    let targets: Vec<_> = plan.layers.iter().map(|layer| (layer.target.clone(), purpose(layer.purpose))).collect();
    let xattrs = if plan.namespaces.is_some_and(|spaces| spaces.user) { Xattrs::User } else { Xattrs::Trusted };
    Ok(Layers::note(task.path(), xattrs, &targets)?)
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
