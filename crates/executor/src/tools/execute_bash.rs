//! `execute_bash`: a command line for a shell, or a program and its arguments.
//!
//! It is started by the worker, so it is as confined as the worker is: a command costs a process, not a sandbox. Its
//! process group ends with its time, with a cancellation, and never outlives the session.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use remit_policy::CommandLine;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, ioctl_fionread};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use serde::{Deserialize, Serialize};

use super::{Control, Failure, Output, Part};
use crate::worker::protocol::Reply;

/// How much of each stream is kept, in bytes: half from the start, half from the end.
const MOST: usize = 100_000;
/// How long a command may clean up after the end of its time.
const GRACE: Duration = Duration::from_secs(2);
/// How often a running command is told of, at most.
const TELL: Duration = Duration::from_millis(250);
/// How long what a command has left behind may go on printing before it is not listened to any more.
const LINGER: Duration = Duration::from_millis(50);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shell {
    command: Words,
    /// What the model says about it. It grants nothing.
    #[serde(default)]
    summary: Option<String>,
    #[serde(default)]
    pub(super) working_dir: Option<String>,
    /// Seconds.
    #[serde(default, alias = "timeout")]
    timeout_seconds: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "`command` is a string, or a list of strings")]
enum Words {
    Line(String),
    Argv(Vec<String>),
}

impl Shell {
    pub(super) fn checked(self) -> Result<Shell, String> {
        let (empty, nul) = match &self.command {
            Words::Line(line) => (line.trim().is_empty(), line.contains('\0')),
            Words::Argv(words) => (words.first().is_none_or(String::is_empty), words.iter().any(|word| word.contains('\0'))),
        };
        if empty {
            return Err("`command` is empty".to_owned());
        }
        if nul {
            return Err("`command` has a NUL byte".to_owned());
        }
        Ok(self)
    }

    pub(super) fn within(&mut self, limit: Option<u64>) {
        self.timeout_seconds = [self.timeout_seconds, limit].into_iter().flatten().min();
    }

    /// Returns the line that is judged, which is the line that runs.
    pub(super) fn line(&self) -> CommandLine {
        match (&self.command, &self.working_dir) {
            (Words::Line(line), None) => CommandLine::Shell(line.clone()),
            (Words::Argv(words), None) => CommandLine::Argv(words.clone()),
            // The group keeps all of it from running elsewhere; the line breaks keep a comment or a here-document to itself.
            (Words::Line(line), Some(directory)) => {
                // A backslash at the very end is itself to bash; before the line break it would join the lines.
                let single = (line.len() - line.trim_end_matches('\\').len()) % 2 == 1;
                let end = if single { "\\" } else { "" };
                CommandLine::Shell(format!("cd {} && {{\n{line}{end}\n}}", quoted(directory)))
            }
            (Words::Argv(words), Some(directory)) => {
                let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
                CommandLine::Shell(format!("cd {} && {}", quoted(directory), words.join(" ")))
            }
        }
    }

    pub(super) fn perform(self, control: &Control<'_>) -> Result<Output, Failure> {
        let words = match (self.line().direct(), self.line()) {
            (Some(words), _) | (None, CommandLine::Argv(words)) => words,
            (None, CommandLine::Shell(line)) => vec!["bash".to_owned(), "-c".to_owned(), line],
        };
        run_words(&words, self.timeout_seconds.map(Duration::from_secs), control)
    }
}

/// Runs a program, and returns what it printed and how it ended.
pub(super) fn run_words(words: &[String], limit: Option<Duration>, control: &Control<'_>) -> Result<Output, Failure> {
    let ended = run(words, None, limit, MOST, control)?;
    let (said, failed) = match ended.how {
        How::Ended(status) => match (status.code(), status.signal()) {
            (Some(0), _) => ("exit status 0".to_owned(), false),
            (Some(code), _) => (format!("exit status {code}"), true),
            (None, signal) => (format!("killed by signal {}", signal.unwrap_or(0)), true),
        },
        How::TimedOut => (format!("ended: it took longer than {} s", limit.unwrap_or_default().as_secs()), true),
        How::Cancelled => return Err(Failure::new("cancelled")),
    };
    let mut parts = Vec::new();
    for (name, text) in [("stdout", &ended.stdout), ("stderr", &ended.stderr)] {
        if !text.is_empty() {
            parts.push(format!("{name}:\n{}", text.trim_end_matches('\n')));
        }
    }
    parts.push(said);
    Ok(Output { parts: vec![Part::Text(parts.join("\n"))], failed })
}

/// What a program that was run for its output left.
pub(super) struct Printed {
    /// `None`: it was killed, by a signal or for its time.
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

/// Runs a program for its output, of which `most` bytes are kept.
pub(super) fn run_for_output(
    words: &[String],
    limit: Option<Duration>,
    most: usize,
    control: &Control<'_>,
) -> Result<Printed, Failure> {
    let Ended { how, stdout, stderr } = run(words, None, limit, most, control)?;
    match how {
        How::Ended(status) => Ok(Printed { code: status.code(), stdout, stderr }),
        How::TimedOut => Ok(Printed { code: None, stdout, stderr: "it took too long".to_owned() }),
        How::Cancelled => Err(Failure::new("cancelled")),
    }
}

/// Runs a hook: a line for a shell that reads its occasion as JSON.
pub(crate) fn hook(command: &str, input: &str, timeout: Duration, longest: usize, control: &Control<'_>) -> Reply {
    let words = ["bash".to_owned(), "-c".to_owned(), command.to_owned()];
    match run(&words, Some(input), Some(timeout), longest, control) {
        Err(failure) => Reply::Failed { why: failure.why, errno: failure.errno },
        Ok(ended) => {
            let (code, timed_out) = match ended.how {
                How::Ended(status) => (status.code(), false),
                How::TimedOut => (None, true),
                How::Cancelled => (None, false),
            };
            Reply::Hooked { code, timed_out, stdout: ended.stdout, stderr: ended.stderr }
        }
    }
}

/// Quotes a word for a shell.
pub(crate) fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

struct Ended {
    how: How,
    stdout: String,
    stderr: String,
}

#[derive(Clone, Copy)]
enum How {
    Ended(ExitStatus),
    TimedOut,
    Cancelled,
}

fn run(
    words: &[String],
    input: Option<&str>,
    limit: Option<Duration>,
    most: usize,
    control: &Control<'_>,
) -> Result<Ended, Failure> {
    let (program, arguments) = words.split_first().ok_or_else(|| Failure::new("`command` is empty"))?;
    let mut command = Command::new(program);
    command.args(arguments).process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
    let mut child = command.spawn().map_err(|error| not_started(program, &error))?;
    if let (Some(text), Some(mut pipe)) = (input, child.stdin.take()) {
        // A pipe holds 64 KiB, and a hook's occasion is cut to less: nothing waits here. One that does not read it may not.
        let _ = pipe.write_all(text.as_bytes());
    }
    let watched = Watched::new(&mut child, most);
    let ended = watched.and_then(|watched| watched.until_the_end(&mut child, limit, control));
    if ended.is_err() {
        end_group(&child, Signal::KILL);
        let _ = child.wait();
    }
    ended.map_err(|errno| Failure { why: "the command cannot be watched".to_owned(), errno: Some(errno.raw_os_error()) })
}

pub(crate) fn not_started(program: &str, error: &std::io::Error) -> Failure {
    let why = match error.kind() {
        std::io::ErrorKind::NotFound => format!("command `{program}` is not found in the sandbox"),
        std::io::ErrorKind::PermissionDenied => {
            format!("the sandbox does not let `{program}` be executed: grant it in `sandbox.files.execute`")
        }
        _ => format!("`{program}` cannot be started: {}", error.to_string().to_lowercase()),
    };
    Failure { why, errno: error.raw_os_error() }
}

fn end_group(child: &Child, signal: Signal) {
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // It may have ended already.
        let _ = kill_process_group(pid, signal);
    }
}

/// A running command: its end, and what it prints.
struct Watched {
    pidfd: OwnedFd,
    streams: [(Option<File>, Kept); 2],
}

impl Watched {
    fn new(child: &mut Child, most: usize) -> Result<Watched, Errno> {
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or(Errno::INVAL)?;
        let stdout = child.stdout.take().map(|stream| File::from(OwnedFd::from(stream)));
        let stderr = child.stderr.take().map(|stream| File::from(OwnedFd::from(stream)));
        Ok(Watched {
            pidfd: pidfd_open(pid, PidfdFlags::empty())?,
            streams: [(stdout, Kept::new(most)), (stderr, Kept::new(most))],
        })
    }

    fn until_the_end(mut self, child: &mut Child, limit: Option<Duration>, control: &Control<'_>) -> Result<Ended, Errno> {
        let begun = Instant::now();
        let mut until = limit.and_then(|limit| begun.checked_add(limit));
        let (mut forced, mut told) = (None, begun);
        let (mut status, mut heard) = (None, begun);
        loop {
            let now = Instant::now();
            match (until, forced) {
                (Some(when), None) if now >= when => {
                    end_group(child, Signal::TERM);
                    (forced, until) = (Some(How::TimedOut), now.checked_add(GRACE));
                }
                (Some(when), Some(_)) if now >= when => {
                    end_group(child, Signal::KILL);
                    until = None;
                }
                _ => {}
            }
            let open = self.streams.iter().any(|(stream, _)| stream.is_some());
            let wait = match status {
                Some(_) if !open => break,
                // Its own end has come; what it left behind in the background may hold the pipes for ever, or print for ever.
                Some(_) if now >= heard => {
                    self.streams.iter_mut().for_each(drain);
                    break;
                }
                Some(_) => Some(heard.saturating_duration_since(now)),
                None => until.map(|when| when.saturating_duration_since(now)),
            };
            let ready = self.poll(status.is_none(), forced.is_none(), control, wait)?;
            if ready.cancelled {
                end_group(child, Signal::KILL);
                forced = Some(How::Cancelled);
            }
            if ready.ended {
                status = Some(child.wait().map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?);
                heard = Instant::now().checked_add(LINGER).unwrap_or(begun);
            }
            if ready.printed && told.elapsed() >= TELL {
                told = Instant::now();
                if let Some(line) = self.streams.iter().find_map(|(_, kept)| kept.last_line()) {
                    (control.progress)(line);
                }
            }
        }
        let [(_, stdout), (_, stderr)] = self.streams;
        let how = forced.or(status.map(How::Ended)).unwrap_or(How::Cancelled);
        Ok(Ended { how, stdout: stdout.text(), stderr: stderr.text() })
    }

    fn poll(&mut self, running: bool, cancellable: bool, control: &Control<'_>, wait: Option<Duration>) -> Result<Ready, Errno> {
        let mut watched = Vec::with_capacity(4);
        let mut ask = |fd| {
            watched.push(PollFd::from_borrowed_fd(fd, PollFlags::IN));
            watched.len() - 1
        };
        let ended = running.then(|| ask(self.pidfd.as_fd()));
        let cancelled = cancellable.then(|| ask(control.cancel.as_fd()));
        let streams = self.streams.each_ref().map(|(stream, _)| stream.as_ref().map(|stream| ask(stream.as_fd())));
        let wait = wait.and_then(|wait| Timespec::try_from(wait).ok());
        match poll(&mut watched, wait.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
        let is_ready = |at: Option<usize>| at.and_then(|at| watched.get(at)).is_some_and(|fd| !fd.revents().is_empty());
        let (ended, cancelled, streams) = (is_ready(ended), is_ready(cancelled), streams.map(is_ready));
        let mut printed = false;
        for ((stream, kept), ready) in self.streams.iter_mut().zip(streams) {
            if !ready {
                continue;
            }
            let mut buffer = [0; 16 * 1024];
            match stream.as_mut().map(|stream| stream.read(&mut buffer)) {
                Some(Ok(length @ 1..)) => {
                    printed = true;
                    kept.add(buffer.get(..length).unwrap_or_default());
                }
                Some(Err(error)) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Some(Ok(_) | Err(_)) | None => *stream = None,
            }
        }
        Ok(Ready { ended, cancelled, printed })
    }
}

/// Takes what is in a pipe now, which the command itself may have printed, and waits for nothing.
fn drain((stream, kept): &mut (Option<File>, Kept)) {
    let Some(stream) = stream else { return };
    let mut bytes = Vec::new();
    let held = ioctl_fionread(&*stream).unwrap_or(0);
    // What was read before an error counts.
    let _ = stream.take(held).read_to_end(&mut bytes);
    kept.add(&bytes);
}

struct Ready {
    ended: bool,
    cancelled: bool,
    printed: bool,
}

/// The first and the last of a stream.
struct Kept {
    most: usize,
    head: Vec<u8>,
    tail: VecDeque<u8>,
    left_out: usize,
}

impl Kept {
    fn new(most: usize) -> Kept {
        Kept { most, head: Vec::new(), tail: VecDeque::new(), left_out: 0 }
    }

    fn add(&mut self, bytes: &[u8]) {
        let room = (self.most / 2).saturating_sub(self.head.len()).min(bytes.len());
        let (head, rest) = bytes.split_at(room);
        self.head.extend_from_slice(head);
        self.tail.extend(rest);
        let over = self.tail.len().saturating_sub(self.most / 2);
        self.tail.drain(..over);
        self.left_out += over;
    }

    fn last_line(&self) -> Option<String> {
        let bytes: Vec<u8> = if self.tail.is_empty() { self.head.clone() } else { self.tail.iter().copied().collect() };
        let text = String::from_utf8_lossy(&bytes);
        let line = text.lines().rev().find(|line| !line.trim().is_empty())?;
        Some(line.chars().take(200).collect())
    }

    fn text(self) -> String {
        let tail: Vec<u8> = self.tail.into();
        if self.left_out == 0 {
            return String::from_utf8_lossy(&[self.head, tail].concat()).into_owned();
        }
        let (head, tail) = (String::from_utf8_lossy(&self.head), String::from_utf8_lossy(&tail));
        format!("{head}\n[… {} bytes left out here …]\n{tail}", self.left_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_much_output_is_left_out_and_said() {
        let mut kept = Kept::new(8);
        for _ in 0..5 {
            kept.add(b"abc");
        }
        assert_eq!(kept.text(), "abca\n[… 7 bytes left out here …]\ncabc");
        let mut kept = Kept::new(8);
        kept.add(b"12345678");
        assert_eq!(kept.text(), "12345678");
    }

    #[test]
    fn what_is_judged_is_what_runs() {
        let check = |input: serde_json::Value, expected: CommandLine| {
            let shell: Shell = serde_json::from_value(input).unwrap();
            assert_eq!(shell.checked().unwrap().line(), expected);
        };
        check(serde_json::json!({ "command": "ls -l" }), CommandLine::Shell("ls -l".to_owned()));
        check(serde_json::json!({ "command": ["ls", "a b"] }), CommandLine::Argv(vec!["ls".to_owned(), "a b".to_owned()]));
        check(
            serde_json::json!({ "command": ["ls", "it's"], "working_dir": "/a b" }),
            CommandLine::Shell(r"cd '/a b' && 'ls' 'it'\''s'".to_owned()),
        );
        check(
            serde_json::json!({ "command": "ls # x", "working_dir": "/w", "summary": "s" }),
            CommandLine::Shell("cd '/w' && {\nls # x\n}".to_owned()),
        );
        for line in ["echo a \\", "echo a \\\\"] {
            let expected = CommandLine::Shell("cd '/w' && {\necho a \\\\\n}".to_owned());
            check(serde_json::json!({ "command": line, "working_dir": "/w" }), expected);
        }
    }
}
