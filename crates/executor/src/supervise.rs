//! Watching a task until it ends: signals and typed input go in, output comes out, time runs.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use remit_launch::{CaughtSignal, Ending, Running, Signals};
use remit_sandbox::{GroupLimit, Plan, ResourceKind};
use remit_tasks::Outcome;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::terminal::Terminal;

const SIGXCPU: i32 = 24;
const SIGXFSZ: i32 = 25;

/// How long a task may clean up after the end of its time.
const GRACE: Duration = Duration::from_secs(5);

pub(crate) fn supervise(
    running: &mut Running,
    mut terminal: Option<Terminal>,
    signals: &Signals,
    plan: &Plan,
) -> Result<Outcome, Errno> {
    let mut clock = Clock::new(plan.wall_time);
    loop {
        let ready = wait(running, terminal.as_ref(), signals, &clock)?;
        if ready.signal {
            while let Some(signal) = signals.next()? {
                match (signal, &terminal) {
                    (CaughtSignal::Forward(number), _) => running.signal(number),
                    (CaughtSignal::WindowChanged, Some(terminal)) => terminal.resize()?,
                    (CaughtSignal::WindowChanged | CaughtSignal::ChildChanged, _) => {}
                }
            }
        }
        if let Some(terminal) = &mut terminal {
            if ready.typed {
                terminal.take_input()?;
            }
            if ready.outer {
                terminal.give_input()?;
                terminal.show_output()?;
            }
        }
        if ready.limit && running.met_limit().is_some() {
            // It would go on trying to fork until somebody else ends it.
            running.kill();
        }
        if ready.ended {
            let ending = running.wait()?;
            if let Some(terminal) = &mut terminal {
                terminal.show_output()?;
            }
            return Ok(outcome(ending, &clock, running.met_limit(), plan));
        }
        clock.act(running);
    }
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
struct Ready {
    ended: bool,
    signal: bool,
    typed: bool,
    outer: bool,
    limit: bool,
}

fn wait(running: &Running, terminal: Option<&Terminal>, signals: &Signals, clock: &Clock) -> Result<Ready, Errno> {
    let input = rustix::stdio::stdin();
    let limit = running.process_limit();
    let (running, signals) = (running.as_fd(), signals.as_fd());
    let mut watched = vec![PollFd::from_borrowed_fd(running, PollFlags::IN), PollFd::from_borrowed_fd(signals, PollFlags::IN)];
    let outer = terminal.and_then(Terminal::outer).map(|outer| {
        let more = if terminal.is_some_and(Terminal::has_input) { PollFlags::OUT } else { PollFlags::empty() };
        watched.push(PollFd::from_borrowed_fd(outer, PollFlags::IN | more));
        watched.len() - 1
    });
    let typed = terminal.is_some_and(Terminal::wants_input).then(|| {
        watched.push(PollFd::from_borrowed_fd(input, PollFlags::IN));
        watched.len() - 1
    });
    let limit = limit.map(|limit| {
        watched.push(PollFd::from_borrowed_fd(limit, PollFlags::PRI));
        watched.len() - 1
    });
    match poll(&mut watched, clock.remaining().as_ref()) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(errno) => return Err(errno),
    }
    let ready = |index: usize| watched.get(index).is_some_and(|watched| !watched.revents().is_empty());
    Ok(Ready {
        ended: ready(0),
        signal: ready(1),
        typed: typed.is_some_and(ready),
        outer: outer.is_some_and(ready),
        limit: limit.is_some_and(ready),
    })
}

/// The limit of wall time: at its end the task is asked to end, and after a grace it is killed.
enum Clock {
    Unlimited,
    Running { until: Instant },
    Asked { until: Instant },
    Killed,
}

impl Clock {
    fn new(wall_time: Option<u64>) -> Clock {
        let until = wall_time.and_then(|seconds| Instant::now().checked_add(Duration::from_secs(seconds)));
        until.map_or(Clock::Unlimited, |until| Clock::Running { until })
    }

    fn remaining(&self) -> Option<Timespec> {
        let (Clock::Running { until } | Clock::Asked { until }) = self else { return None };
        Timespec::try_from(until.saturating_duration_since(Instant::now())).ok()
    }

    fn act(&mut self, running: &Running) {
        let now = Instant::now();
        match self {
            Clock::Running { until } if now >= *until => {
                running.signal(15);
                *self = Clock::Asked { until: now + GRACE };
            }
            Clock::Asked { until } if now >= *until => {
                running.kill();
                *self = Clock::Killed;
            }
            Clock::Unlimited | Clock::Running { .. } | Clock::Asked { .. } | Clock::Killed => {}
        }
    }

    fn is_over(&self) -> bool {
        matches!(self, Clock::Asked { .. } | Clock::Killed)
    }
}
