use std::io;
use std::os::fd::AsFd;

use clap::Args;
use remit_launch::{CaughtSignal, Signals};
use remit_tasks::{Log, Piece, Record, Seat, State, Stream, Text, Typed};
use rustix::io::Errno;
use rustix::stdio::{stdin, stdout};
use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcgetpgrp, tcsetattr};

use crate::commands::background::window_size;
use crate::commands::logs::{Printer, follow};
use crate::exit::{self, Exit};
use crate::failure::Failure;
use crate::replay::replay;
use crate::store::Tasks;
use crate::ui::Ui;
use crate::watch::Watch;

/// Sit down at a task's terminal, or follow its output, until it is over
///
/// A task that was started with `--pty` has a terminal: what you type goes to it, Ctrl-C too, and what it prints comes as it is.
/// Several may sit there at once; the window has the size of who came or changed theirs last. The detach key leaves the task running.
///
/// A task without one is followed. Its input is closed, and Ctrl-C leaves it alone.
///
/// Exits as the task ended, and with 0 when you left before.
#[derive(Debug, Args)]
pub(crate) struct AttachArgs {
    /// The task: its id, its name, or the beginning of either
    task: String,

    /// The bytes as they are, control sequences included
    #[arg(long)]
    raw: bool,

    /// The key that leaves the task running
    #[arg(long, value_name = "KEY", value_parser = key, default_value = "ctrl-]")]
    detach: u8,
}

/// So much of what was printed before is looked at.
const BEFORE: u64 = 1 << 20;

/// Undoes what a program may have left a terminal in: the second screen, no cursor, reports of the mouse, pasting in brackets,
/// the keypad, keys in another form, colours.
const PLAIN: &str =
    "\x1b[?1049l\x1b[?25h\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1004l\x1b[?2004l\x1b[?1l\x1b>\x1b[>4m\x1b[0m\r\n";

pub(crate) fn attach(ui: &Ui, args: &AttachArgs) -> Result<Exit, Failure> {
    let mut tasks = Tasks::existing(ui)?;
    let record = tasks.supervised(&args.task)?;
    if matches!(record.state, State::Waiting { .. }) {
        ui.tell(&format!("it waits for your yes: `remit approve {}`", record.id));
    }
    let at_terminal = record.created.background().is_some_and(|background| background.terminal.is_some());
    if at_terminal && !record.is_over() {
        if !sit(ui, args, &tasks, &record)? {
            ui.tell(&format!("{id} goes on: `remit attach {id}` comes back", id = record.id));
            return Ok(Exit::Done);
        }
    } else {
        if !record.is_over() && isatty(stdin()) {
            let id = &record.id;
            ui.tell(&format!("{id} has no terminal (`--pty`): its input is closed, and Ctrl-C leaves it alone"));
        }
        follow(&tasks, &record, None, true, &mut Printer::new(ui, args.raw).apart())?;
    }
    let tasks = Tasks::existing(ui)?;
    let record = tasks.store.record(&record.id)?;
    Ok(record.outcome().map_or(Exit::Failed, exit::of_outcome))
}

/// Passes on what is typed and shows what is printed; returns whether the task is over.
fn sit(ui: &Ui, args: &AttachArgs, tasks: &Tasks, record: &Record) -> Result<bool, Failure> {
    let failed = |errno: Errno| Failure::io("cannot sit at the task's terminal", &errno.into());
    let watch = Watch::new(&tasks.state, record).map_err(failed)?;
    let signals = Signals::block().map_err(failed)?;
    let mut printer = Printer::new(ui, args.raw || isatty(stdout()));
    let mut place = Place { seat: None, detach: args.detach, input: true };
    let mut log = None;
    // Until there is somebody to type to, Ctrl-C ends this process.
    let mut raw = None;
    loop {
        // Asked before the output is read: what was printed before the end is read after it.
        let alive = watch.is_alive().map_err(failed)?;
        if place.seat.is_none() && alive {
            place.take(tasks, record).map_err(failed)?;
            if place.seat.is_some() {
                raw = Some(Raw::begin().map_err(failed)?);
            }
        }
        // Who sees output takes the terminal for the task's, so nothing is shown before it is. What is printed wakes this process, and
        // by then there is a seat.
        if log.is_none() && (place.seat.is_some() || !alive) {
            log = open(tasks, record, &mut printer)?;
        }
        if let Some(log) = &mut log {
            while let Some(piece) = log.next_piece().map_err(|error| Failure::io("cannot read the task's output", &error))? {
                printer.print(piece)?;
            }
        }
        if !alive {
            printer.finish()?;
            drop(raw);
            return Ok(true);
        }
        // Typed input waits in the terminal until there is somebody to take it.
        let listens = place.input && place.seat.is_some();
        let others: Vec<_> = [signals.as_fd()].into_iter().chain(listens.then(stdin)).collect();
        let ready = watch.wait(&others).map_err(failed)?;
        while let Some(signal) = signals.next().map_err(failed)? {
            match signal {
                CaughtSignal::WindowChanged => place.tell_size(),
                CaughtSignal::Forward(1 | 2 | 3 | 15) => return Ok(false),
                CaughtSignal::Forward(_) | CaughtSignal::ChildChanged | CaughtSignal::Written => {}
            }
        }
        if ready.get(1) == Some(&true) && place.pass_on_input().map_err(failed)? == Wants::Leave {
            return Ok(false);
        }
    }
}

/// Opens the output, and shows what was printed before.
fn open(tasks: &Tasks, record: &Record, printer: &mut Printer<'_>) -> Result<Option<Log>, Failure> {
    let failed = |error: &io::Error| Failure::io("cannot read the task's output", error);
    let Some(mut log) = Log::open(&tasks.state, &record.id).map_err(|error| failed(&error))? else { return Ok(None) };
    log.skip_to_last(BEFORE).map_err(|error| failed(&error))?;
    let mut before = Vec::new();
    while let Some(piece) = log.next_piece().map_err(|error| failed(&error))? {
        if let Text::Bytes(bytes) = piece.text {
            before.extend(bytes);
        }
        // More comes while it is read.
        if before.len() >= usize::try_from(2 * BEFORE).unwrap_or(usize::MAX) {
            break;
        }
    }
    printer.print(Piece { stream: Stream::Out, at: None, text: Text::Bytes(replay(&before)) })?;
    Ok(Some(log))
}

/// Where this process sits, and what it listens to.
struct Place {
    seat: Option<Seat>,
    detach: u8,
    input: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wants {
    Stay,
    Leave,
}

impl Place {
    /// Takes a seat, once the task has a terminal.
    fn take(&mut self, tasks: &Tasks, record: &Record) -> Result<(), Errno> {
        self.seat = Seat::take(&tasks.state, &record.id)?;
        self.tell_size();
        Ok(())
    }

    fn tell_size(&self) {
        if let (Some(seat), Some(size)) = (&self.seat, window_size()) {
            // Whoever is gone needs no size.
            let _ = seat.pass_on(&Typed::Size(size));
        }
    }

    fn pass_on_input(&mut self) -> Result<Wants, Errno> {
        let mut buffer = [0_u8; 4096];
        let typed = match rustix::io::read(stdin(), &mut buffer) {
            // A file that was given as input is at its end, or the terminal is gone.
            Ok(0) | Err(Errno::IO) => {
                self.input = false;
                return Ok(if isatty(stdin()) { Wants::Leave } else { Wants::Stay });
            }
            Ok(length) => buffer.get(..length).unwrap_or_default(),
            Err(Errno::INTR | Errno::AGAIN) => return Ok(Wants::Stay),
            Err(errno) => return Err(errno),
        };
        // A file holds no keys.
        let left = if isatty(stdin()) { typed.iter().position(|key| *key == self.detach) } else { None };
        let typed = left.and_then(|at| typed.get(..at)).unwrap_or(typed);
        if let Some(seat) = &self.seat
            && seat.pass_on(&Typed::Keys(typed.to_vec())).is_err()
        {
            // The task is ending; what it printed last is still to come.
            self.input = false;
        }
        Ok(if left.is_some() { Wants::Leave } else { Wants::Stay })
    }
}

/// The caller's terminal while every key of it is the task's.
struct Raw {
    before: Option<Termios>,
}

impl Raw {
    fn begin() -> Result<Raw, Errno> {
        // In the background it is somebody else's terminal for now.
        let ours = isatty(stdin()) && tcgetpgrp(stdin()).is_ok_and(|group| group == rustix::process::getpgrp());
        if !ours {
            return Ok(Raw { before: None });
        }
        let before = tcgetattr(stdin())?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(stdin(), OptionalActions::Now, &raw)?;
        Ok(Raw { before: Some(before) })
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        let Some(before) = &self.before else { return };
        if isatty(stdout()) {
            // A terminal that is gone needs no restoring.
            let _ = rustix::io::write(stdout(), PLAIN.as_bytes());
        }
        let _ = tcsetattr(stdin(), OptionalActions::Now, before);
    }
}

/// Reads a key: `ctrl-` and a letter or one of `@[\]^_`.
fn key(text: &str) -> Result<u8, String> {
    let key = text.strip_prefix("ctrl-").or_else(|| text.strip_prefix('^')).map(str::as_bytes);
    match key {
        Some([key]) if matches!(key.to_ascii_uppercase(), b'@'..=b'_') => Ok(key.to_ascii_uppercase() & 0x1f),
        _ => Err("give `ctrl-` and a letter or one of `@[\\]^_`, as in `ctrl-]`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read() {
        let check = |text: &str, expected: Option<u8>| assert_eq!(key(text).ok(), expected, "{text}");
        check("ctrl-]", Some(0x1d));
        check("ctrl-a", Some(1));
        check("^A", Some(1));
        check("ctrl-\\", Some(0x1c));
        for text in ["", "a", "ctrl-", "ctrl-1", "ctrl-ab", "ctrl-é"] {
            check(text, None);
        }
    }
}
