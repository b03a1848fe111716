use std::io::{self, Write};
use std::time::Duration;

use clap::Args;
use remit_tasks::{Attended, Log, Piece, Record, Stream, Text, Timestamp};

use crate::duration;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::harmless::Lines;
use crate::store::Tasks;
use crate::ui::Ui;
use crate::watch::Watch;

/// Show what a task has printed
///
/// Both streams, in the order in which they came. Control sequences are made harmless, unless you say `--raw`.
#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    /// The task: its id, its name, or the beginning of either
    task: String,

    /// Go on until the task is over
    #[arg(long, short)]
    follow: bool,

    /// Only what it printed to standard error
    #[arg(long)]
    stderr: bool,

    /// Only what came since so long ago
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    since: Option<Duration>,

    /// The bytes as they are, control sequences included
    #[arg(long)]
    raw: bool,
}

pub(crate) fn logs(ui: &Ui, args: &LogsArgs) -> Result<Exit, Failure> {
    let mut tasks = Tasks::existing(ui)?;
    let record = if args.follow { tasks.supervised(&args.task)? } else { tasks.record(&args.task)? };
    let stream = args.stderr.then_some(Stream::Err);
    let mut printer = Printer { only: stream, ..Printer::new(ui, args.raw) };
    let since = args.since.and_then(|since| Timestamp::now().checked_sub(since).ok());
    follow(&tasks, &record, since, args.follow, &mut printer)?;
    Ok(Exit::Done)
}

/// Shows what a task has printed, and with `on` what it prints until it is over.
pub(crate) fn follow(
    tasks: &Tasks,
    record: &Record,
    since: Option<Timestamp>,
    on: bool,
    printer: &mut Printer<'_>,
) -> Result<(), Failure> {
    if record.created.attended == Attended::Foreground {
        return Err(Failure::new(format!("`{}` ran in the foreground, and its output was not kept", record.id)));
    }
    let failed = |error: &io::Error| Failure::io("cannot read the task's output", error);
    let watch = if on && !record.is_over() {
        Some(Watch::new(&tasks.state, record).map_err(|errno| failed(&errno.into()))?)
    } else {
        None
    };
    let mut log = None;
    loop {
        // Asked before the output is read: what a process printed before its end is read after it.
        let alive = watch.as_ref().map_or(Ok(false), Watch::is_alive).map_err(|errno| failed(&errno.into()))?;
        if log.is_none() {
            log = Log::open(&tasks.state, &record.id).map_err(|error| failed(&error))?;
            if let (Some(log), Some(since)) = (&mut log, since) {
                log.skip_before(since).map_err(|error| failed(&error))?;
            }
        }
        if let Some(log) = &mut log {
            while let Some(piece) = log.next_piece().map_err(|error| failed(&error))? {
                printer.print(piece)?;
            }
        }
        match &watch {
            Some(watch) if alive => watch.wait(&[]).map(drop).map_err(|errno| failed(&errno.into()))?,
            _ => return printer.finish(),
        }
    }
}

pub(crate) struct Printer<'a> {
    ui: &'a Ui,
    raw: bool,
    only: Option<Stream>,
    lines: [Lines; 2],
    /// Standard error goes to standard error.
    apart: bool,
}

impl<'a> Printer<'a> {
    pub(crate) fn new(ui: &'a Ui, raw: bool) -> Printer<'a> {
        Printer { ui, raw, only: None, lines: [Lines::default(), Lines::default()], apart: false }
    }

    /// Keeps standard error apart, where it goes to standard error.
    pub(crate) fn apart(self) -> Printer<'a> {
        Printer { apart: true, ..self }
    }

    pub(crate) fn print(&mut self, piece: Piece) -> Result<(), Failure> {
        if self.only.is_some_and(|only| only != piece.stream) {
            return Ok(());
        }
        let [out, err] = &mut self.lines;
        let lines = if piece.stream == Stream::Out { out } else { err };
        match piece.text {
            Text::Bytes(bytes) if self.raw => self.give(piece.stream, &bytes),
            Text::Bytes(bytes) => {
                let text = lines.push(&bytes);
                self.give(piece.stream, text.as_bytes())
            }
            Text::Gap(length) => {
                let begun = lines.finish();
                self.give(piece.stream, begun.as_bytes())?;
                self.give(piece.stream, format!("[… {length} bytes are not kept …]\n").as_bytes())
            }
        }
    }

    pub(crate) fn finish(&mut self) -> Result<(), Failure> {
        let [out, err] = &mut self.lines;
        let (out, err) = (out.finish(), err.finish());
        self.give(Stream::Out, out.as_bytes())?;
        self.give(Stream::Err, err.as_bytes())
    }

    fn give(&self, stream: Stream, bytes: &[u8]) -> Result<(), Failure> {
        if bytes.is_empty() {
            return Ok(());
        }
        if self.apart && stream == Stream::Err {
            // There is nobody to tell when that fails.
            let _ = io::stderr().lock().write_all(bytes);
            return Ok(());
        }
        self.ui.print_bytes(bytes)
    }
}

/// Returns the last lines of a task's output, harmless.
pub(crate) fn last_lines(tasks: &Tasks, record: &Record, count: usize) -> Result<Vec<String>, Failure> {
    let failed = |error: &io::Error| Failure::io("cannot read the task's output", error);
    let Some(mut log) = Log::open(&tasks.state, &record.id).map_err(|error| failed(&error))? else { return Ok(Vec::new()) };
    log.skip_to_last(16 << 10).map_err(|error| failed(&error))?;
    let mut lines = [Lines::default(), Lines::default()];
    let mut text = String::new();
    while let Some(piece) = log.next_piece().map_err(|error| failed(&error))? {
        let [out, err] = &mut lines;
        let lines = if piece.stream == Stream::Out { out } else { err };
        if let Text::Bytes(bytes) = piece.text {
            text.push_str(&lines.push(&bytes));
        }
    }
    let [out, err] = &mut lines;
    text.push_str(&out.finish());
    text.push_str(&err.finish());
    let all: Vec<&str> = text.lines().collect();
    Ok(all.iter().skip(all.len().saturating_sub(count)).map(|line| (*line).to_owned()).collect())
}
