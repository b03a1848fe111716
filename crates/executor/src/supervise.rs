//! Watching a task until it ends: signals and typed input go in, output comes out, time runs.

use std::os::fd::AsFd;

use remit_launch::{CaughtSignal, Ending, Running, Signals};
use remit_sandbox::{GroupLimit, Plan, ResourceKind};
use remit_tasks::Outcome;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::clock::Clock;
use crate::meter::Meter;
use crate::supervisor::Supervisor;
use crate::terminal::Terminal;

const SIGXCPU: i32 = 24;
const SIGXFSZ: i32 = 25;

/// Who looks on while a task runs.
pub(crate) enum Onlooker<'a, 'b> {
    /// A person at a terminal, or whoever has the caller's descriptors.
    Caller(Option<Terminal>),
    Supervisor(&'a mut Supervisor<'b>),
}

pub(crate) fn supervise(
    running: &mut Running,
    mut onlooker: Onlooker<'_, '_>,
    signals: &Signals,
    plan: &Plan,
    mut meter: Meter,
) -> Result<Outcome, Errno> {
    let mut clock = Clock::new(plan.wall_time);
    let mut flooded = false;
    loop {
        let ready = wait(running, &onlooker, signals, &clock, &meter)?;
        match &mut onlooker {
            Onlooker::Caller(terminal) => attend(running, terminal, signals, &ready)?,
            Onlooker::Supervisor(supervisor) => supervisor.attend(running, &mut clock, signals, &ready)?,
        }
        if let (Onlooker::Caller(Some(terminal)), Some(limit)) = (&onlooker, plan.output)
            && terminal.shown() > limit
        {
            flooded = true;
            running.kill();
        }
        if ready.asked {
            running.answer(plan)?;
        } else if ready.silent {
            running.nobody_asks();
        }
        if ready.limit && running.met_limit().is_some() {
            // It would go on trying to fork until somebody else ends it.
            running.kill();
        }
        if ready.ended {
            let ending = running.wait()?;
            let over = meter.over().map(|limit| Outcome::OverLimit { limit: limit.to_owned() });
            let outcome = |met| over.unwrap_or_else(|| outcome(ending, &clock, met, plan));
            return Ok(match &mut onlooker {
                Onlooker::Caller(terminal) => {
                    if flooded {
                        return Ok(Outcome::OverLimit { limit: "output".to_owned() });
                    }
                    while let Some(terminal) = terminal
                        && terminal.show_output()?
                    {}
                    outcome(running.met_limit())
                }
                Onlooker::Supervisor(supervisor) => supervisor.outcome(outcome(running.met_limit())),
            });
        }
        clock.act(running);
        // All children of this process are the task's.
        if meter.is_met(Vec::new) {
            // It would go on until nothing is left for anybody.
            running.kill();
        }
    }
}

/// Passes signals and bytes between the caller and the task.
fn attend(running: &Running, terminal: &mut Option<Terminal>, signals: &Signals, ready: &Ready) -> Result<(), Errno> {
    if ready.signal {
        while let Some(signal) = signals.next()? {
            match (signal, &*terminal) {
                (CaughtSignal::Forward(number), _) => running.signal(number),
                (CaughtSignal::WindowChanged, Some(terminal)) => terminal.resize()?,
                (CaughtSignal::WindowChanged | CaughtSignal::ChildChanged | CaughtSignal::Written, _) => {}
            }
        }
    }
    if let Some(terminal) = terminal {
        if ready.typed {
            terminal.take_input()?;
        }
        if ready.outer {
            terminal.give_input()?;
            terminal.show_output()?;
        }
    }
    Ok(())
}

fn outcome(ending: Ending, clock: &Clock, met: Option<GroupLimit>, plan: &Plan) -> Outcome {
    let over = |limit: &str| Outcome::OverLimit { limit: limit.to_owned() };
    let limited = |kind| plan.limits.iter().any(|limit| limit.resource == kind);
    match ending {
        _ if clock.is_over() => Outcome::TimedOut,
        // It met the limit and came through all the same.
        Ending::Exited { code: 0 } if met == Some(GroupLimit::Memory) => Outcome::Succeeded,
        _ if met == Some(GroupLimit::Memory) => over("memory"),
        _ if met == Some(GroupLimit::Processes) => over("processes"),
        Ending::Killed { signal: SIGXCPU } if limited(ResourceKind::Cpu) => over("cpuTime"),
        Ending::Killed { signal: SIGXFSZ } if limited(ResourceKind::Fsize) => over("fileSize"),
        Ending::Exited { code: 0 } => Outcome::Succeeded,
        Ending::Exited { code } => Outcome::Failed { code },
        Ending::Killed { signal } => Outcome::Killed { signal },
    }
}

#[expect(clippy::struct_excessive_bools, reason = "each says that one descriptor is ready")]
pub(crate) struct Ready {
    ended: bool,
    pub(crate) signal: bool,
    typed: bool,
    outer: bool,
    limit: bool,
    /// The task's filter asks for the first time.
    asked: bool,
    /// Nothing is left that it could ask about.
    silent: bool,
    /// Somebody calls the supervisor.
    pub(crate) called: bool,
}

fn wait(running: &Running, onlooker: &Onlooker<'_, '_>, signals: &Signals, clock: &Clock, meter: &Meter) -> Result<Ready, Errno> {
    let input = rustix::stdio::stdin();
    let (terminal, supervisor) = match onlooker {
        Onlooker::Caller(terminal) => (terminal.as_ref(), None),
        Onlooker::Supervisor(supervisor) => (None, Some(&**supervisor)),
    };
    let more = if terminal.is_some_and(Terminal::has_input) { PollFlags::OUT } else { PollFlags::empty() };
    // In the order of the fields.
    let wanted = [
        Some((running.as_fd(), PollFlags::IN)),
        Some((signals.as_fd(), PollFlags::IN)),
        terminal.is_some_and(Terminal::wants_input).then_some((input, PollFlags::IN)),
        terminal.and_then(Terminal::outer).map(|outer| (outer, PollFlags::IN | more)),
        running.process_limit().map(|limit| (limit, PollFlags::PRI)),
        running.question().map(|question| (question, PollFlags::IN)),
        supervisor.map(|supervisor| (supervisor.calls(), PollFlags::IN)),
        supervisor.and_then(Supervisor::output).map(|output| (output, PollFlags::IN)),
    ];
    let mut watched: Vec<PollFd<'_>> =
        wanted.iter().flatten().map(|(descriptor, flags)| PollFd::from_borrowed_fd(*descriptor, *flags)).collect();
    let others = supervisor.into_iter().flat_map(Supervisor::watched_terminal);
    watched.extend(others.map(|(descriptor, flags)| PollFd::from_borrowed_fd(descriptor, flags)));
    let looks = meter.remaining();
    let timeout = clock.remaining().into_iter().chain(looks).chain(supervisor.and_then(Supervisor::remaining)).min();
    match poll(&mut watched, timeout.and_then(|timeout| Timespec::try_from(timeout).ok()).as_ref()) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(errno) => return Err(errno),
    }
    let mut watched = watched.iter();
    let seen = wanted.map(|wanted| wanted.and_then(|_| watched.next()).map_or(PollFlags::empty(), PollFd::revents));
    let [_, _, _, _, _, question, _, _] = seen;
    let (asked, silent) = (question.contains(PollFlags::IN), !question.is_empty());
    let [ended, signal, typed, outer, limit, _, called, _] = seen.map(|seen| !seen.is_empty());
    Ok(Ready { ended, signal, typed, outer, limit, asked, silent, called })
}
