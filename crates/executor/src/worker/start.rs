use std::ffi::OsString;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::path::Path;

use remit_agent::AbsPath;
use remit_launch::{Running, Scratch, Stdio, Task, become_reaper, end_tree_but, spawn};
use remit_sandbox::{PathRights, Plan, Rights};
use remit_tasks::TaskDir;

use crate::ExecutorError;
use crate::meter::Meter;
use crate::network::Proxy;
use crate::run::note_layers;

/// The hidden subcommand that is the worker.
pub const WORKER: &str = "worker";
/// The worker's option for a plan by which some calls are decided outside: who decides has to look at the worker.
const LOOKED_AT: &str = "--looked-at";

/// A worker that has started.
#[derive(Debug)]
pub struct Worker {
    pub(crate) running: Running,
    pub(crate) socket: UnixStream,
    pub(crate) proxy: Option<Proxy>,
    pub(crate) recipe: Recipe,
}

/// What it takes to start a worker, and another in its place.
#[derive(Debug)]
pub(crate) struct Recipe {
    plan: Plan,
    directory: AbsPath,
    scratch: Scratch,
    /// How to name a program of this binary to the kernel.
    binary: File,
}

/// Starts this binary as a worker under the plan. The caller must have one thread.
///
/// The worker is executed by an open descriptor, so the binary has no name in the sandbox; where Landlock holds, the plan
/// gets one rule more, for this one file.
pub fn start_worker(plan: &Plan, directory: &AbsPath, task: &TaskDir) -> Result<Worker, ExecutorError> {
    let scratch = Scratch { path: task.make_scratch()? };
    note_layers(plan, task, &scratch)?;
    become_reaper().map_err(ExecutorError::Supervise)?;
    let binary = File::open("/proc/self/exe").map_err(ExecutorError::Worker)?;
    let mut plan = plan.clone();
    // A sweep knows the task's processes by it.
    plan.environment.insert(remit_tasks::VARIABLE.to_owned(), task.id().to_string());
    if let Some(landlock) = &mut plan.landlock {
        landlock.rules.push(PathRights {
            path: program(&binary),
            rights: Rights::READ | Rights::EXECUTE,
            patterns: vec!["remit itself, as the session's worker".to_owned()],
            wider: false,
        });
    }
    Recipe { plan, directory: directory.clone(), scratch, binary }.start()
}

impl Recipe {
    /// Begins to watch what the worker's plan has watched.
    pub(crate) fn meter(&self) -> Result<Meter, ExecutorError> {
        Meter::begin(&self.plan, &self.scratch.path)
    }

    /// Starts a worker: in the directories of the one before it, if there was one.
    pub(crate) fn start(self) -> Result<Worker, ExecutorError> {
        let (socket, inner) = UnixStream::pair().map_err(ExecutorError::Worker)?;
        let null = File::options().write(true).open(Path::new("/dev/null")).map_err(ExecutorError::Worker)?;
        let mut arguments = vec![OsString::from("remit"), OsString::from(WORKER)];
        if self.plan.outside.is_some() {
            arguments.push(OsString::from(LOOKED_AT));
        }
        let stdio = Stdio { input: inner.as_fd(), output: inner.as_fd(), error: null.as_fd(), terminal: None };
        let proxy = Proxy::start(&self.plan)?;
        let task = Task {
            program: program(&self.binary),
            arguments: &arguments,
            directory: self.directory.clone(),
            stdio,
            scratch: &self.scratch,
            proxy: proxy.as_ref().map(Proxy::as_fd),
            watch: None,
            mark: None,
        };
        let running = spawn(&self.plan, &task)?;
        Ok(Worker { running, socket, proxy, recipe: self })
    }
}

fn program(binary: &File) -> AbsPath {
    AbsPath::root().join(&format!("proc/self/fd/{}", binary.as_raw_fd()))
}

impl Worker {
    /// Returns the number under which this namespace knows the worker, or its init.
    pub fn pid(&self) -> u32 {
        self.running.pid().as_raw_nonzero().get().unsigned_abs()
    }
}

/// Ends a worker, with everything that its commands have left running. The `spared` children of this process, and what is
/// below them, are none of its.
pub(crate) fn end_worker(mut running: Running, spared: &[u32]) -> Result<(), ExecutorError> {
    running.kill();
    running.wait().map_err(ExecutorError::Supervise)?;
    end_tree_but(spared).map_err(ExecutorError::Supervise)?;
    running.settle();
    Ok(())
}
