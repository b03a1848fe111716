use std::ffi::OsString;
use std::os::fd::AsFd;
use std::sync::Arc;

use remit_agent::AbsPath;
use remit_launch::{LaunchError, Running, Scratch, Signals, Stdio, Task, become_reaper, end_tree, spawn_telling, spawn_when};
use remit_layer::{Layers, LayersError, Pattern, Purpose, ToNote, Xattrs};
use remit_policy::{CommandLine, Permit, Request};
use remit_sandbox::{DeniedName, LayerPurpose, Observed, Plan, Watch};
use remit_tasks::{LayerToKeep, Outcome, StoreError, TaskDir, TaskError};
use rustix::io::Errno;
use rustix::process::Pid;
use thiserror::Error;

use crate::audit::AuditEvent;
use crate::meter::Meter;
use crate::network::Proxy;
use crate::relay::{Relay, Relaying};
use crate::supervise::{Onlooker, supervise};
use crate::supervisor::Supervisor;
use crate::terminal::Terminal;
use crate::{Audit, AuditError, NotFound, find};

/// What a command runs on.
#[expect(missing_debug_implementations, reason = "it has a function")]
pub struct Ground<'a, 'b> {
    pub plan: &'a Plan,
    pub directory: &'a AbsPath,
    pub task: &'a TaskDir,
    /// The caller's own `PATH`, for a better error.
    pub elsewhere: &'a [AbsPath],
    pub attended: AttendedBy<'a, 'b>,
    /// Where what goes through the network is recorded; needed when the plan has a proxy.
    pub audit: Option<Audit>,
    /// When it fails nothing is executed: a task that nobody can look up must not run.
    pub started: Started<'a>,
    /// What an observer keeps, when one looks on.
    pub watch: Option<Watch>,
}

/// Records that a task starts, with the number of its process, before anything is executed.
#[expect(missing_debug_implementations, reason = "it has a function")]
pub enum Started<'a> {
    /// While the sandbox is being made.
    Beside(&'a mut dyn FnMut(u32) -> Result<(), TaskError>),
    /// It does no more than write to descriptors that are open: the new process may be the one that does it, in its sandbox.
    Within(&'a mut dyn FnMut(u32) -> Result<(), TaskError>),
}

/// Who looks on, and has what it prints.
#[derive(Debug)]
pub enum AttendedBy<'a, 'b> {
    Caller,
    Supervisor(&'a mut Supervisor<'b>),
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
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("cannot give the task its input")]
    Input(#[source] std::io::Error),
    #[error("cannot keep the task's output")]
    Output(#[source] std::io::Error),
    #[error("only a command can be run, not {0}")]
    NotACommand(String),
    #[error("cannot supervise the task")]
    Supervise(#[source] Errno),
    #[error("cannot watch the disk space of `{path}`")]
    Space { path: AbsPath, source: Errno },
    #[error("cannot make a terminal for the task")]
    Terminal(#[source] Errno),
    #[error("cannot start the worker of the session")]
    Worker(#[source] std::io::Error),
    #[error("the task has a network, and nobody records what goes through it")]
    Unrecorded,
    #[error("cannot start the proxy of the task's network")]
    Proxy(#[source] std::io::Error),
    #[error(transparent)]
    Audit(#[from] AuditError),
}

impl ExecutorError {
    /// Returns the cure, as an instruction.
    pub fn help(&self) -> Option<String> {
        match self {
            ExecutorError::NotFound(error) => Some(error.help.clone()),
            ExecutorError::Launch(error) => Some(error.remedy()),
            ExecutorError::Task(error) => error.help(),
            ExecutorError::Layers(error) => error.help(),
            ExecutorError::Store(error) => error.help(),
            ExecutorError::NotACommand(_)
            | ExecutorError::Supervise(_)
            | ExecutorError::Input(_)
            | ExecutorError::Output(_)
            | ExecutorError::Worker(_)
            | ExecutorError::Unrecorded
            | ExecutorError::Proxy(_)
            | ExecutorError::Audit(_) => None,
            ExecutorError::Space { .. } => {
                Some("leave `limits.diskSpace` out of the agent file, or do not grant the path".to_owned())
            }
            ExecutorError::Terminal(_) => Some("run it without a terminal: `remit run … </dev/null 2>&1 | cat`".to_owned()),
        }
    }
}

/// Runs the command that a permit is for, and returns how it ended, with its whole tree, and what an observer saw.
pub fn run(permit: Permit, ground: Ground<'_, '_>) -> Result<(Outcome, Option<Observed>), ExecutorError> {
    let arguments = arguments(&permit)?;
    // The permit is used up here, whatever comes of it.
    drop(permit);
    let Ground { plan, directory, task, elsewhere, attended, audit, mut started, watch } = ground;
    let name = arguments.first().and_then(|name| name.to_str()).unwrap_or("");
    let program = find(name, plan, directory, elsewhere)?;
    let scratch = Scratch { path: task.make_scratch()? };
    note_layers(plan, task, &scratch)?;
    let meter = Meter::begin(plan, &scratch.path)?;
    become_reaper().map_err(ExecutorError::Supervise)?;
    // While calls are decided outside, this process cannot fork: first the proxy, then the task.
    let (audit, mut recording) = (audit.map(Arc::new), None);
    let mut proxy = match &audit {
        Some(_) => Proxy::start(plan)?,
        None if plan.proxy.is_some() => return Err(ExecutorError::Unrecorded),
        None => None,
    };
    let id = task.id().as_str();
    let mut start = |stdio: Stdio<'_>| {
        let task = Task {
            program: program.clone(),
            arguments: &arguments,
            directory: directory.clone(),
            stdio,
            scratch: &scratch,
            proxy: proxy.as_ref().map(Proxy::as_fd),
            watch,
            // A sweep knows the task's processes by it.
            mark: Some((remit_tasks::VARIABLE, id)),
        };
        let running = spawn_recorded(plan, &task, &mut started)?;
        if let (Some(proxy), Some(audit)) = (proxy.take(), &audit) {
            match proxy.record(Arc::clone(audit)) {
                Ok(begun) => recording = Some(begun),
                Err(error) => {
                    running.kill();
                    let _ = end_tree();
                    return Err(error);
                }
            }
        }
        Ok(running)
    };
    let mut relaying = None;
    let (running, ended) = match attended {
        AttendedBy::Caller => {
            let signals = Signals::block().map_err(ExecutorError::Supervise)?;
            let mut terminal = Terminal::for_caller().map_err(ExecutorError::Terminal)?;
            let relay = plan.output.map(Relay::new).transpose().map_err(ExecutorError::Supervise)?;
            let mut running = start(callers(terminal.as_ref(), relay.as_ref()))?;
            relaying = match relay.map(|relay| relay.begin(running.as_fd())).transpose() {
                Ok(relaying) => relaying,
                Err(errno) => {
                    running.kill();
                    end_tree().map_err(ExecutorError::Supervise)?;
                    return Err(ExecutorError::Supervise(errno));
                }
            };
            if let Some(terminal) = &mut terminal {
                terminal.begin().map_err(ExecutorError::Terminal)?;
            }
            let ended = supervise(&mut running, Onlooker::Caller(terminal), &signals, plan, meter);
            (running, ended)
        }
        AttendedBy::Supervisor(supervisor) => {
            let mut running = supervisor.start(task, &mut start)?;
            let signals = supervisor.lend_signals().map_or_else(Signals::block, Ok).map_err(ExecutorError::Supervise)?;
            let ended = supervise(&mut running, Onlooker::Supervisor(&mut *supervisor), &signals, plan, meter);
            // Until the end is written, nothing may end this process.
            supervisor.take_back(signals);
            (running, ended)
        }
    };
    if ended.is_err() {
        running.kill();
    }
    // It tells of what was open, and must not be killed with the rest before.
    if let Some(recording) = recording {
        recording.finish();
    }
    // Without a pid namespace this is what ends the tree; with one there is nothing left to do.
    end_tree().map_err(ExecutorError::Supervise)?;
    // Without an observer there is nothing to wait for.
    let observed = watch.and_then(|_| running.settle());
    let flooded = relaying.is_some_and(Relaying::end);
    let outcome = ended.map_err(ExecutorError::Supervise)?;
    let outcome = if flooded { Outcome::OverLimit { limit: "output".to_owned() } } else { outcome };
    if let Some(audit) = audit {
        audit.append(&AuditEvent::Closed { outcome: word(&outcome).into() })?;
    }
    Ok((outcome, observed))
}

/// Starts a task whose start is recorded, or not at all.
fn spawn_recorded(plan: &Plan, task: &Task<'_>, started: &mut Started<'_>) -> Result<Running, ExecutorError> {
    let mut refused = None;
    let (started, within) = match started {
        Started::Beside(started) => (started, false),
        Started::Within(started) => (started, true),
    };
    let mut release = |pid: Pid| match started(pid.as_raw_nonzero().get().unsigned_abs()) {
        Ok(()) => true,
        Err(error) => {
            refused = Some(error);
            false
        }
    };
    let running = if within { spawn_telling(plan, task, &mut release) } else { spawn_when(plan, task, &mut release) };
    match refused {
        Some(error) => {
            let _ = end_tree();
            Err(error.into())
        }
        None => Ok(running?),
    }
}

/// Returns the caller's descriptors, with the task's own terminal in the place of the caller's, and pipes in the place of the
/// others where output is limited.
fn callers<'a>(terminal: Option<&'a Terminal>, relay: Option<&'a Relay>) -> Stdio<'a> {
    let own = (rustix::stdio::stdout(), rustix::stdio::stderr());
    let (input, (output, error)) = (rustix::stdio::stdin(), relay.map_or(own, Relay::inner));
    match terminal {
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
    }
}

/// Says which layers there will be, so that they can be looked at after the task and by whom it outlives.
pub(crate) fn note_layers(plan: &Plan, task: &TaskDir, scratch: &Scratch) -> Result<(), ExecutorError> {
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
    let pattern = |DeniedName(pattern): &DeniedName| Pattern {
        text: pattern.text.to_string(),
        base: pattern.base.to_string(),
        glob: pattern.glob.as_ref().map(|glob| glob.text().to_owned()),
    };
    let layers = plan.layers.iter().map(|layer| ToNote {
        target: layer.target.clone(),
        purpose: purpose(layer.purpose),
        by_name: layer.by_name.iter().map(pattern).collect(),
    });
    let xattrs = if plan.namespaces.is_some_and(|spaces| spaces.user) { Xattrs::User } else { Xattrs::Trusted };
    Ok(Layers::note(task.path(), xattrs, layers.collect())?)
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

/// Returns how it ended, for the record.
fn word(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Succeeded => "succeeded".to_owned(),
        Outcome::Failed { code } => format!("failed with code {code}"),
        Outcome::Killed { signal } => format!("killed by signal {signal}"),
        Outcome::TimedOut => "over the limit of time".to_owned(),
        Outcome::OverLimit { limit } => format!("over the limit of {limit}"),
        Outcome::Cancelled { .. } => "cancelled".to_owned(),
        Outcome::Denied { why } => format!("denied: {why}"),
        Outcome::CouldNotStart { error } => format!("could not start: {error}"),
        Outcome::Lost { .. } => "lost".to_owned(),
    }
}
