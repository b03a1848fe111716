//! A task that does not run yet: its turn, and a person's answer.

use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use remit_launch::let_go_of_code;
use remit_tasks::queue::Turn;
use remit_tasks::{ApprovedBy, CancelledBy, Event, Found, Outcome, Question, Store, StoreError, TaskId, Timestamp, Wish, wake};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::{Decision, REST, Supervisor, hear};
use crate::ExecutorError;

/// A task before this one whose supervisor has not begun yet is looked for again after this.
const SOON: Duration = Duration::from_millis(50);

impl Supervisor<'_> {
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
        // They are taken out of the store, so each is looked at; and of several a cancel counts, whatever came first.
        let mut decided = None;
        for wish in store.take_wishes(&self.id)? {
            let cancels = matches!(wish, Wish::Cancel { .. });
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
            decided = if cancels { decision } else { decided.or(decision) };
        }
        if decided.is_some() {
            self.deciders.extend(callers);
        }
        Ok(decided)
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

    /// Returns whether this process was told to end while nothing ran yet.
    fn told_to_end(&self) -> Result<bool, Errno> {
        Ok(self.signals.as_ref().map(hear).transpose()?.is_some_and(|heard| heard.end))
    }
}
