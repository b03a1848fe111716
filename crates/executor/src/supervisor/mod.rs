//! Looking after a task in the background: its turn, a person's answer, what is wished for, its output.
//!
//! One thread, which sleeps until something happens: a signal, a call of the command line, output, the end of the task, or of
//! a task before it. There is no timer while nothing is to be done at a time.

mod running;
mod waiting;

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use remit_launch::{CaughtSignal, Signals};
use remit_tasks::progress::{Progress, Tracker};
use remit_tasks::{Caller, Control, Keeper, Outcome, StateDir, TaskDir, TaskId, WindowSize};
use rustix::event::PollFlags;
use rustix::io::Errno;

use crate::ExecutorError;
use crate::console::Console;

const SIGTERM: i32 = 15;
/// With nothing to do for so long it is at rest, and lets go of what it can do without.
const REST: Duration = Duration::from_millis(200);

/// The process that looks after a background task.
#[derive(Debug)]
pub struct Supervisor<'a> {
    state: &'a StateDir,
    id: TaskId,
    control: Control,
    /// Those whose wish decided what becomes of the task: they are answered when that is in its record.
    deciders: Vec<Caller>,
    signals: Option<Signals>,
    /// Wishes may have been left before anybody could be called.
    unread: bool,
    /// Of its output so much is kept.
    output_limit: u64,
    keeper: Option<Keeper>,
    /// What the task reads from its standard input.
    input: Option<String>,
    /// The size with which its terminal begins, when it has one.
    terminal: Option<WindowSize>,
    console: Option<Console>,
    /// What its output says of how far it is.
    tracker: Tracker,
    /// How far it is, as long as that is not noted yet.
    progress: Option<Progress>,
    noted_at: Option<Instant>,
    directory: OwnedFd,
    /// When the output may be looked at again.
    next_look: Option<Instant>,
    ending: Option<EndingBy>,
    paused: Option<Instant>,
    /// When it is at rest, if nothing happens before; `None` once it is.
    rests_at: Option<Instant>,
}

/// What it comes to before a task runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    Run,
    /// It is over without having run.
    End(Outcome),
}

/// Why a running task is being ended, and when what is left of it is killed.
#[derive(Debug)]
struct EndingBy {
    outcome: Outcome,
    /// `None`: it has been.
    until: Option<Instant>,
}

impl<'a> Supervisor<'a> {
    /// Begins to look after a task: signals are collected from now on, and calls answered.
    pub fn begin(state: &'a StateDir, task: &TaskDir) -> Result<Supervisor<'a>, ExecutorError> {
        Ok(Supervisor {
            state,
            id: task.id().clone(),
            signals: Some(Signals::block().map_err(ExecutorError::Supervise)?),
            control: Control::listen(task).map_err(ExecutorError::Supervise)?,
            deciders: Vec::new(),
            output_limit: 0,
            unread: true,
            keeper: None,
            input: None,
            terminal: None,
            console: None,
            tracker: Tracker::new(),
            progress: None,
            noted_at: None,
            directory: rustix::io::fcntl_dupfd_cloexec(task.fd(), 3).map_err(ExecutorError::Supervise)?,
            next_look: None,
            ending: None,
            paused: None,
            rests_at: Some(Instant::now() + REST),
        })
    }

    /// Answers those whose wish decided, now that whoever looks sees what came of it.
    pub fn decision_is_recorded(&mut self) {
        self.deciders.clear();
    }

    /// Says how much of each stream of the output is kept, in bytes.
    pub fn keep_output(&mut self, limit: u64) {
        self.output_limit = limit;
    }

    /// Says what the task reads from its standard input.
    pub fn give_input(&mut self, text: &str) {
        self.input = Some(text.to_owned());
    }

    /// Says that the task has a terminal of its own.
    pub fn give_terminal(&mut self, size: WindowSize) {
        self.terminal = Some(size);
    }

    /// Says what is run: some tools are known by their name alone when they tell how far they are.
    pub fn expect_output_of(&mut self, command: &[String]) {
        self.tracker = Tracker::of_command(command);
    }

    /// Lends the signals for the time of the run.
    pub(crate) fn lend_signals(&mut self) -> Option<Signals> {
        self.signals.take()
    }

    pub(crate) fn take_back(&mut self, signals: Signals) {
        self.signals = Some(signals);
    }

    pub(crate) fn calls(&self) -> BorrowedFd<'_> {
        self.control.as_fd()
    }

    /// Returns the descriptor that tells of output, while it may be looked at.
    pub(crate) fn output(&self) -> Option<BorrowedFd<'_>> {
        self.keeper.as_ref().filter(|_| self.next_look.is_none()).and_then(Keeper::changes)
    }

    /// Returns what else is to be watched, and for what.
    pub(crate) fn watched_terminal(&self) -> impl Iterator<Item = (BorrowedFd<'_>, PollFlags)> {
        self.console.iter().flat_map(Console::watched)
    }

    /// Returns when there is something to do whatever happens.
    pub(crate) fn remaining(&self) -> Option<Duration> {
        let times = [self.next_look, self.rests_at, self.ending.as_ref().and_then(|ending| ending.until)];
        times.into_iter().flatten().min().map(|time| time.saturating_duration_since(Instant::now()))
    }
}

#[derive(Default)]
struct Heard {
    /// To end: by SIGHUP, SIGINT, SIGQUIT or SIGTERM; others mean nothing here.
    end: bool,
    /// That there is output.
    written: bool,
}

fn hear(signals: &Signals) -> Result<Heard, Errno> {
    let mut heard = Heard::default();
    while let Some(signal) = signals.next()? {
        heard.end |= matches!(signal, CaughtSignal::Forward(1 | 2 | 3 | SIGTERM));
        heard.written |= signal == CaughtSignal::Written;
    }
    Ok(heard)
}
