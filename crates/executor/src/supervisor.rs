//! Looking after a task in the background: its turn, a person's answer, what is wished for, its output.
//!
//! One thread, which sleeps until something happens: a signal, a call of the command line, output, the end of the task, or of
//! a task before it. There is no timer while nothing is to be done at a time.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use remit_launch::{CaughtSignal, Running, Signals, Stdio, let_go_of_code, pause_tree, resume_tree};
use remit_tasks::progress::{self, Progress, Tracker};
use remit_tasks::queue::Turn;
use remit_tasks::{
    ApprovedBy, Caller, CancelledBy, Control, Event, Fill, Found, Keeper, Outcome, Question, StateDir, Store, StoreError, Stream,
    TaskDir, TaskId, Timestamp, WindowSize, Wish, note_progress, note_summary, wake,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{MemfdFlags, Mode, OFlags};
use rustix::io::Errno;

use crate::ExecutorError;
use crate::clock::Clock;
use crate::console::{Console, Kept};
use crate::supervise::Ready;

const SIGTERM: i32 = 15;
/// How long a task may clean up when the machine goes down.
const SHUTDOWN: Duration = Duration::from_secs(5);
/// The output is looked at no more often than this, however much is printed.
const PAUSE: Duration = Duration::from_millis(4);
/// How far it is is noted no more often than this.
const NOTED: Duration = Duration::from_millis(200);
/// A task before this one whose supervisor has not begun yet is looked for again after this.
const SOON: Duration = Duration::from_millis(50);
/// With nothing to do for so long it is at rest, and lets go of what it can do without.
const REST: Duration = Duration::from_millis(200);
/// How often output is looked at where nothing tells that there is some.
const UNTOLD: Duration = Duration::from_millis(100);

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

    /// Waits until it is the task's turn, and takes it.
    pub fn wait_for_turn(&mut self) -> Result<Decision, ExecutorError> {
        loop {
            let mut store = Store::open(self.state)?;
            let turn = store.take_turn(&self.id, Timestamp::now())?;
            let watch = match turn {
                Turn::Now => {
                    wake(self.state, &store, Some(&self.id))?;
                    return Ok(Decision::Run);
                }
                Turn::Never { because } => {
                    return Ok(Decision::End(Outcome::Cancelled { by: CancelledBy::Task(because) }));
                }
                // Nobody else writes the task's events, so this is its first state but for those that follow from it.
                Turn::NotQueued => return Ok(Decision::Run),
                Turn::Later { watch, .. } => watch,
            };
            let (descriptors, timeout) = self.watched(&mut store, &watch)?;
            drop(store);
            let Some(descriptors) = descriptors else { continue };
            if let Some(decision) = self.sleep(&descriptors, timeout, &mut |_| None)? {
                return Ok(decision);
            }
        }
    }

    /// Asks a person, and waits for the answer, for so long.
    pub fn wait_for_answer(
        &mut self,
        question: &Question,
        limit: Duration,
    ) -> Result<(Decision, Option<ApprovedBy>), ExecutorError> {
        let mut store = Store::open(self.state)?;
        store.append(&self.id, Timestamp::now(), &[Event::Asked(question.clone())])?;
        drop(store);
        let until = Instant::now() + limit;
        let mut approved = None;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let why = format!("nobody answered in {} s", limit.as_secs());
                return Ok((Decision::End(Outcome::Denied { why }), None));
            }
            let decision = self.sleep(&[], Some(left), &mut |wish| match wish {
                // An answer to another question is none.
                Wish::Answer { digest, .. } if *digest != question.digest => None,
                Wish::Answer { yes: true, by, .. } => {
                    approved = Some(*by);
                    Some(Decision::Run)
                }
                Wish::Answer { yes: false, .. } => Some(Decision::End(Outcome::Denied { why: "a person said no".to_owned() })),
                _ => None,
            })?;
            if let Some(decision) = decision {
                return Ok((decision, approved));
            }
        }
    }

    /// Sleeps until something happens, and does what is wished for of a task that does not run yet.
    fn sleep(
        &mut self,
        watch: &[OwnedFd],
        timeout: Option<Duration>,
        answer: &mut dyn FnMut(&Wish) -> Option<Decision>,
    ) -> Result<Option<Decision>, ExecutorError> {
        let signals = self.signals.as_ref().map(AsFd::as_fd);
        let mut watched: Vec<PollFd<'_>> = watch
            .iter()
            .map(AsFd::as_fd)
            .chain([self.control.as_fd()])
            .chain(signals)
            .map(|descriptor| PollFd::from_borrowed_fd(descriptor, PollFlags::IN))
            .collect();
        let timeout = if self.unread { Some(Duration::ZERO) } else { timeout };
        let time = |timeout: Option<Duration>| timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        let rests = self.rests_at.is_some() && timeout.is_none_or(|timeout| timeout > REST);
        let mut ready = poll(&mut watched, time(if rests { Some(REST) } else { timeout }).as_ref());
        let at_rest = rests && ready == Ok(0);
        if at_rest {
            let_go_of_code();
            ready = poll(&mut watched, time(timeout).as_ref());
        }
        match ready {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(ExecutorError::Supervise(errno)),
        }
        drop(watched);
        self.rests_at = self.rests_at.filter(|_| !at_rest);
        if self.told_to_end().map_err(ExecutorError::Supervise)? {
            return Ok(Some(Decision::End(Outcome::Cancelled { by: CancelledBy::Shutdown })));
        }
        // Those who called are answered, by hanging up, when everything is done; a decision is not yet.
        let callers = self.control.callers().map_err(ExecutorError::Supervise)?;
        if callers.is_empty() && !std::mem::take(&mut self.unread) {
            return Ok(None);
        }
        let mut store = Store::open(self.state)?;
        for wish in store.take_wishes(&self.id)? {
            let decision = match &wish {
                Wish::Cancel { .. } => Some(Decision::End(Outcome::Cancelled { by: CancelledBy::User })),
                Wish::Move { position } => {
                    store.append(&self.id, Timestamp::now(), &[Event::Moved { position: *position }])?;
                    wake(self.state, &store, Some(&self.id))?;
                    None
                }
                Wish::Answer { .. } => answer(&wish),
                Wish::Pause | Wish::Resume => None,
            };
            if decision.is_some() {
                self.deciders.extend(callers);
                return Ok(decision);
            }
        }
        Ok(None)
    }

    /// Returns descriptors that are readable when one of these tasks' supervisors has ended; `None` when one is gone already, and
    /// what is known has changed by that.
    fn watched(&self, store: &mut Store, tasks: &[TaskId]) -> Result<(Option<Vec<OwnedFd>>, Option<Duration>), ExecutorError> {
        let (mut descriptors, mut timeout) = (Vec::new(), None);
        for id in tasks {
            let supervisor = match store.record(id) {
                Ok(record) if record.is_over() => return Ok((None, None)),
                Ok(record) => record.supervisor,
                Err(StoreError::Missing { .. }) => return Ok((None, None)),
                Err(error) => return Err(error.into()),
            };
            match supervisor.map(|supervisor| supervisor.find()) {
                Some(Ok(Found::Alive(descriptor))) => descriptors.push(descriptor),
                Some(Ok(Found::Gone(_))) => {
                    let swept = remit_tasks::sweep(self.state, store, Timestamp::now())?;
                    if swept.lost.contains(id) {
                        return Ok((None, None));
                    }
                    timeout = Some(SOON);
                }
                Some(Err(_)) | None => timeout = Some(SOON),
            }
        }
        Ok((Some(descriptors), timeout))
    }

    /// Starts the task with its output in its own files.
    pub(crate) fn start<T>(
        &mut self,
        task: &TaskDir,
        start: &mut dyn FnMut(Stdio<'_>) -> Result<T, ExecutorError>,
    ) -> Result<T, ExecutorError> {
        let keeper = Keeper::create(task, self.output_limit).map_err(ExecutorError::Output)?;
        self.rests_at = Some(Instant::now() + REST);
        if let Some(size) = self.terminal {
            let mut console = Console::make(task, size).map_err(ExecutorError::Terminal)?;
            let started = start(console.stdio())?;
            console.begin();
            (self.keeper, self.console) = (Some(keeper), Some(console));
            return Ok(started);
        }
        let input = input(self.input.as_deref()).map_err(|errno| ExecutorError::Input(errno.into()))?;
        let stdio =
            Stdio { input: input.as_fd(), output: keeper.file(Stream::Out), error: keeper.file(Stream::Err), terminal: None };
        let started = start(stdio)?;
        self.keeper = Some(keeper);
        Ok(started)
    }

    /// Does what there is to do for a running task.
    pub(crate) fn attend(&mut self, running: &Running, clock: &mut Clock, signals: &Signals, ready: &Ready) -> Result<(), Errno> {
        if ready.signal && ends(signals)? {
            self.end(running, Outcome::Cancelled { by: CancelledBy::Shutdown }, SHUTDOWN);
        }
        if ready.called || self.unread {
            self.answer_calls(running, clock)?;
            self.rests_at = Some(Instant::now() + REST);
        }
        if let (Some(console), Some(keeper)) = (&mut self.console, &self.keeper)
            && console.attend(keeper.file(Stream::Out))? == Kept::NoRoom
        {
            self.end(running, no_room(), Duration::ZERO);
        }
        if self.next_look.is_none_or(|next| next <= Instant::now()) {
            self.look(running);
        }
        if self.rests_at.take_if(|at| *at <= Instant::now()).is_some() {
            let_go_of_code();
        }
        if let Some(ending) = &mut self.ending
            && ending.until.is_some_and(|until| until <= Instant::now())
        {
            ending.until = None;
            running.kill();
        }
        Ok(())
    }

    /// Returns how it ended, when `own` is what its processes say.
    pub(crate) fn outcome(&mut self, own: Outcome) -> Outcome {
        // What it printed last belongs to its output.
        if let (Some(console), Some(keeper)) = (&mut self.console, &self.keeper) {
            let _ = console.keep_output(keeper.file(Stream::Out));
        }
        self.read();
        if let Some(progress) = self.tracker.progress() {
            // What nobody can note nobody misses.
            let _ = note_progress(self.directory.as_fd(), &progress);
        }
        if let Some(summary) = self.tracker.summary() {
            let _ = note_summary(self.directory.as_fd(), &summary);
        }
        match (self.ending.take(), &self.keeper, &own) {
            (Some(ending), ..) => ending.outcome,
            // It failed because it could not write, and ended before it could be told to.
            (None, Some(keeper), Outcome::Failed { .. } | Outcome::Killed { .. }) if keeper.fill() == Fill::Full => no_room(),
            (None, ..) => own,
        }
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

    fn look(&mut self, running: &Running) {
        let (full, printed) = self.read();
        if full {
            return self.end(running, no_room(), Duration::ZERO);
        }
        self.next_look = printed.then(|| Instant::now() + PAUSE);
        let noted = self.noted_at.is_some_and(|noted| noted.elapsed() < NOTED);
        if let Some(progress) = self.progress.take_if(|_| !noted) {
            self.noted_at = Some(Instant::now());
            let _ = note_progress(self.directory.as_fd(), &progress);
        } else if self.progress.is_some() {
            self.next_look = self.noted_at.map(|noted| noted + NOTED);
        }
        if self.next_look.is_none() && self.is_untold() {
            self.next_look = Some(Instant::now() + UNTOLD);
        }
    }

    fn is_untold(&self) -> bool {
        self.keeper.as_ref().is_some_and(|keeper| keeper.changes().is_none())
    }

    /// Reads what is new of the output; returns whether the disk is full, and whether there was anything.
    fn read(&mut self) -> (bool, bool) {
        let Some(keeper) = &mut self.keeper else { return (false, false) };
        let mut printed = false;
        let fill = keeper.look(Timestamp::now(), |stream, bytes| {
            printed = true;
            let stream = match stream {
                Stream::Out => progress::Stream::Out,
                Stream::Err => progress::Stream::Err,
            };
            if let Some(progress) = self.tracker.feed_from(stream, bytes) {
                self.progress = Some(progress);
            }
        });
        // What could not be looked at is in its file all the same.
        (matches!(fill, Ok(Fill::Full)), printed)
    }

    fn answer_calls(&mut self, running: &Running, clock: &mut Clock) -> Result<(), Errno> {
        let callers = self.control.callers()?;
        if callers.is_empty() && !std::mem::take(&mut self.unread) {
            return Ok(());
        }
        // A store that cannot be read now is read at the next call; the task goes on.
        let Ok(mut store) = Store::open(self.state) else { return Ok(()) };
        for wish in store.take_wishes(&self.id).unwrap_or_default() {
            let event = match wish {
                Wish::Cancel { grace } => {
                    self.end(running, Outcome::Cancelled { by: CancelledBy::User }, Duration::from_millis(grace));
                    continue;
                }
                Wish::Pause if self.paused.is_none() => {
                    pause_tree()?;
                    self.paused = Some(Instant::now());
                    Event::Paused
                }
                Wish::Resume if self.paused.is_some() => {
                    resume_tree()?;
                    clock.give_back(self.paused.take().map_or(Duration::ZERO, |since| since.elapsed()));
                    Event::Resumed
                }
                Wish::Pause | Wish::Resume | Wish::Answer { .. } | Wish::Move { .. } => continue,
            };
            let _ = store.append(&self.id, Timestamp::now(), &[event]);
        }
        drop(callers);
        Ok(())
    }

    /// Asks the task to end, and sees to it that it does.
    fn end(&mut self, running: &Running, outcome: Outcome, grace: Duration) {
        let until = Instant::now() + grace;
        match &mut self.ending {
            // Asked a second time it is the time that counts, and the first reason that stays.
            Some(ending) => ending.until = ending.until.map(|before| before.min(until)),
            None => self.ending = Some(EndingBy { outcome, until: Some(until) }),
        }
        running.signal(SIGTERM);
        if self.paused.take().is_some() {
            // What stands still hears nothing.
            let _ = resume_tree();
        }
    }

    /// Returns whether this process was told to end while nothing ran yet.
    fn told_to_end(&self) -> Result<bool, Errno> {
        self.signals.as_ref().map_or(Ok(false), ends)
    }
}

/// Returns a task's standard input: a text from its beginning, as a file in memory, or nothing.
fn input(text: Option<&str>) -> Result<OwnedFd, Errno> {
    let Some(text) = text else {
        return rustix::fs::open("/dev/null", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
    };
    let file = rustix::fs::memfd_create("input", MemfdFlags::CLOEXEC)?;
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        let written = rustix::io::write(&file, rest)?;
        rest = rest.get(written..).unwrap_or_default();
    }
    rustix::fs::seek(&file, rustix::fs::SeekFrom::Start(0))?;
    Ok(file)
}

fn no_room() -> Outcome {
    Outcome::OverLimit { limit: "disk".to_owned() }
}

fn ends(signals: &Signals) -> Result<bool, Errno> {
    let mut told = false;
    while let Some(signal) = signals.next()? {
        // SIGHUP, SIGINT, SIGQUIT and SIGTERM; others mean nothing here.
        told |= matches!(signal, CaughtSignal::Forward(1 | 2 | 3 | SIGTERM));
    }
    Ok(told)
}
