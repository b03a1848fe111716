//! A task that runs: its output, what is wished for, and its end.

use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use remit_launch::{Running, Signals, Stdio, let_go_of_code, pause_tree, resume_tree, tell_of_write};
use remit_tasks::{
    CancelledBy, Event, Fill, Keeper, Outcome, Store, Stream, TaskDir, Timestamp, Wish, note_progress, note_summary, progress,
};
use rustix::fs::{MemfdFlags, Mode, OFlags};
use rustix::io::Errno;

use super::{EndingBy, Heard, REST, SIGTERM, Supervisor, hear};
use crate::ExecutorError;
use crate::clock::Clock;
use crate::console::{Console, Kept};
use crate::supervise::Ready;

/// How long a task may clean up when the machine goes down.
const SHUTDOWN: Duration = Duration::from_secs(5);
/// The output is looked at no more often than this, however much is printed.
const PAUSE: Duration = Duration::from_millis(4);
/// How far it is is noted no more often than this.
const NOTED: Duration = Duration::from_millis(200);
/// How often output is looked at where neither inotify nor dnotify tells that there is some.
const UNTOLD: Duration = Duration::from_millis(100);

impl Supervisor<'_> {
    /// Starts the task with its output in its own files.
    pub(crate) fn start<T>(
        &mut self,
        task: &TaskDir,
        start: &mut dyn FnMut(Stdio<'_>) -> Result<T, ExecutorError>,
    ) -> Result<T, ExecutorError> {
        let keeper = Keeper::create(task, self.output_limit).map_err(ExecutorError::Output)?;
        self.rests_at = Some(Instant::now() + REST);
        self.next_look = keeper.changes().is_none().then(Instant::now);
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
        let heard = if ready.signal { hear(signals)? } else { Heard::default() };
        if heard.end {
            self.end(running, Outcome::Cancelled { by: CancelledBy::Shutdown }, SHUTDOWN);
        }
        if heard.written {
            self.next_look.get_or_insert_with(Instant::now);
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

    fn look(&mut self, running: &Running) {
        // Before it is read: what is written after that is told of.
        let told = !self.is_untold() || tell_of_write(self.directory.as_fd()).is_ok();
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
        if self.next_look.is_none() && !told {
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
