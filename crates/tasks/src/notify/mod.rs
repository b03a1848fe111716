//! Telling the user that a task has ended: what to do is planned as data ([`plan`]), then done ([`act`]).
//!
//! There are two ways in which an end is told, and each is taken once for a task, whatever crashes:
//!
//! - at once, by whoever wrote the task's end: the desktop, the terminal that the task was started from, a program of the
//!   user's. Before it acts it takes the *claim* of the task ([`claim`]), a file that only one process can make;
//! - at the next prompt of a shell that has `eval "$(remit shell-init bash)"`. Asking the store at each prompt would cost
//!   every prompt a process, so whoever writes an end leaves a [`mark`], and the shell looks for that alone. What is told
//!   there is claimed in the store.
//!
//! A claim is taken before its notice: a process that dies between the two tells nobody, and none is ever told twice. The
//! end itself is in the record either way.

mod desktop;
mod mark;

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::fs::OFlags;

pub use mark::{claim, has_mark, mark, unmark};

/// What the user wants to be told, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotifySettings {
    pub desktop: bool,
    /// The bell, and OSC 9 for terminals that know it.
    pub terminal: bool,
    /// A program and its arguments; `{id}`, `{name}`, `{title}` and `{body}` in an argument stand for what they say. No shell
    /// reads it.
    pub command: Vec<String>,
    /// A shorter task is told at the prompt alone, if it succeeded: its user is still looking.
    pub at_least: Duration,
}

/// A task that has ended, in words. They may be the task's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    pub id: String,
    pub name: String,
    /// `succeeded`, `failed (3)`, `lost`.
    pub outcome: String,
    pub succeeded: bool,
    pub took: Option<Duration>,
    /// The first line of the summary.
    pub headline: Option<String>,
}

/// Where the user can be reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// The address of the session bus.
    pub bus: Option<String>,
    /// The terminal from which the task was started.
    pub terminal: Option<PathBuf>,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    Desktop { bus: String, title: String, body: String, urgent: bool },
    Terminal { path: PathBuf, text: String },
    Command { program: String, arguments: Vec<String>, environment: Vec<(&'static str, String)> },
}

impl Default for NotifySettings {
    fn default() -> NotifySettings {
        NotifySettings { desktop: true, terminal: true, command: Vec::new(), at_least: Duration::from_secs(10) }
    }
}

impl Reach {
    /// Returns where the bus of the user's session is, from the values of two variables.
    ///
    /// Arguments are the values of `DBUS_SESSION_BUS_ADDRESS` and `XDG_RUNTIME_DIR`.
    pub fn bus(address: Option<String>, runtime: Option<PathBuf>) -> Option<String> {
        address.filter(|address| !address.is_empty()).or_else(|| {
            let bus = runtime?.join("bus");
            bus.exists().then(|| format!("unix:path={}", bus.display()))
        })
    }
}

/// Returns what is to be done to tell that a task has ended.
pub fn plan(settings: &NotifySettings, ended: &Ended, reach: &Reach) -> Vec<Notice> {
    let mut notices = Vec::new();
    if ended.succeeded && ended.took.is_some_and(|took| took < settings.at_least) {
        return notices;
    }
    let (title, body) = (title(ended), body(ended));
    if let Some(bus) = reach.bus.clone().filter(|_| settings.desktop) {
        notices.push(Notice::Desktop { bus, title: title.clone(), body: body.clone(), urgent: !ended.succeeded });
    }
    if let Some(path) = reach.terminal.clone().filter(|_| settings.terminal) {
        // No `;` in it, by which some terminals take OSC 9 for another sequence.
        let text = format!("\x1b]9;{}\x1b\\\x07", title.replace(';', ","));
        notices.push(Notice::Terminal { path, text });
    }
    if let Some((program, arguments)) = settings.command.split_first() {
        let filled = |argument: &String| {
            let words = [("{id}", &ended.id), ("{name}", &ended.name), ("{title}", &title), ("{body}", &body)];
            fill(argument, &words)
        };
        notices.push(Notice::Command {
            program: program.clone(),
            arguments: arguments.iter().map(filled).collect(),
            environment: vec![
                ("REMIT_TASK", ended.id.clone()),
                ("REMIT_TASK_NAME", shown(&ended.name)),
                ("REMIT_OUTCOME", shown(&ended.outcome)),
                ("REMIT_SUMMARY", body),
            ],
        });
    }
    notices
}

/// Returns the line for the next prompt.
pub fn line(ended: &Ended) -> String {
    let headline = ended.headline.as_deref().map(|headline| format!(": {}", shown(headline))).unwrap_or_default();
    format!("{}{headline}", title(ended))
}

/// Does what was planned.
///
/// # Errors
///
/// Fails where the bus does not answer within two seconds, the terminal is not the user's any more, or the program cannot be
/// started. Nobody waits for the program to end.
pub fn act(notice: &Notice) -> io::Result<()> {
    match notice {
        Notice::Desktop { bus, title, body, urgent } => desktop::notify(bus, title, body, *urgent),
        Notice::Terminal { path, text } => write_to_terminal(path, text.as_bytes()),
        Notice::Command { program, arguments, environment } => {
            let mut command = Command::new(program);
            command.args(arguments).envs(environment.iter().map(|(name, value)| (name, value)));
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
            command.spawn().map(drop)
        }
    }
}

/// `remit: suite (task-k3x9pq) failed (1) after 2 min 5 s`
fn title(ended: &Ended) -> String {
    let took = ended.took.map(|took| format!(" after {}", duration(took))).unwrap_or_default();
    format!("remit: {} ({}) {}{took}", shown(&ended.name), ended.id, shown(&ended.outcome))
}

fn body(ended: &Ended) -> String {
    let hint = format!("remit result {}", ended.id);
    ended.headline.as_deref().map_or(hint, shown)
}

fn duration(took: Duration) -> String {
    let seconds = took.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, _) => format!("{}.{} s", seconds, took.subsec_millis() / 100),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// Puts words in the place of their names, each place looked at once: what a word holds is not looked at.
fn fill(text: &str, words: &[(&str, &String)]) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        let (before, after) = rest.split_at_checked(at).unwrap_or((rest, ""));
        filled.push_str(before);
        if let Some((word, after)) = words.iter().find_map(|(name, word)| Some((word, after.strip_prefix(name)?))) {
            filled.push_str(&shown(word));
            rest = after;
        } else {
            filled.push('{');
            rest = after.strip_prefix('{').unwrap_or_default();
        }
    }
    filled + rest
}

/// Returns text without what a terminal would obey or what would hide in it, cut to a length for a line.
// As `diagnostics::visible`, which is above this crate; here what is not seen is left out.
fn shown(text: &str) -> String {
    let unseen = |character: char| {
        character.is_control()
            || matches!(u32::from(character), 0xad | 0x61c | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0xfeff | 0xe_0000..=0xe_007f)
    };
    let mut out: String = text.chars().map(|character| if unseen(character) { ' ' } else { character }).take(200).collect();
    if text.chars().count() > 200 {
        out.push('…');
    }
    out
}

/// Writes to a terminal that is still the user's, without becoming its controlling process and without waiting for it.
fn write_to_terminal(path: &std::path::Path, bytes: &[u8]) -> io::Result<()> {
    let flags = OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::NOFOLLOW;
    let mut terminal = OpenOptions::new().write(true).custom_flags(i32::try_from(flags.bits()).unwrap_or(0)).open(path)?;
    let theirs = terminal.metadata()?.uid() != rustix::process::geteuid().as_raw();
    if theirs || !rustix::termios::isatty(&terminal) {
        return Err(io::Error::other("it is not a terminal of this user"));
    }
    terminal.write_all(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended() -> Ended {
        Ended {
            id: "task-k3x9pq".to_owned(),
            name: "suite".to_owned(),
            outcome: "failed (1)".to_owned(),
            succeeded: false,
            took: Some(Duration::from_secs(125)),
            headline: Some("cargo test: 126 passed, 1 failed".to_owned()),
        }
    }

    fn reach() -> Reach {
        Reach { bus: Some("unix:path=/run/bus".to_owned()), terminal: Some("/dev/pts/7".into()) }
    }

    #[test]
    fn every_way_that_there_is_is_taken() {
        let command = ["tell", "--id={id}", "{title}", "{", "{x}{body}"].map(str::to_owned).to_vec();
        let notices = plan(&NotifySettings { command, ..NotifySettings::default() }, &ended(), &reach());
        insta::assert_debug_snapshot!(notices, @r#"
        [
            Desktop {
                bus: "unix:path=/run/bus",
                title: "remit: suite (task-k3x9pq) failed (1) after 2 min 5 s",
                body: "cargo test: 126 passed, 1 failed",
                urgent: true,
            },
            Terminal {
                path: "/dev/pts/7",
                text: "\u{1b}]9;remit: suite (task-k3x9pq) failed (1) after 2 min 5 s\u{1b}\\\u{7}",
            },
            Command {
                program: "tell",
                arguments: [
                    "--id=task-k3x9pq",
                    "remit: suite (task-k3x9pq) failed (1) after 2 min 5 s",
                    "{",
                    "{x}cargo test: 126 passed, 1 failed",
                ],
                environment: [
                    (
                        "REMIT_TASK",
                        "task-k3x9pq",
                    ),
                    (
                        "REMIT_TASK_NAME",
                        "suite",
                    ),
                    (
                        "REMIT_OUTCOME",
                        "failed (1)",
                    ),
                    (
                        "REMIT_SUMMARY",
                        "cargo test: 126 passed, 1 failed",
                    ),
                ],
            },
        ]
        "#);
    }

    #[test]
    fn nothing_is_done_that_is_not_wanted_or_cannot_be() {
        let check = |settings: &NotifySettings, ended: &Ended, reach: &Reach, expected: usize| {
            assert_eq!(plan(settings, ended, reach).len(), expected, "{settings:?} {ended:?} {reach:?}");
        };
        let settings = NotifySettings::default();
        let none = NotifySettings { desktop: false, terminal: false, ..settings.clone() };
        check(&settings, &ended(), &reach(), 2);
        check(&settings, &ended(), &Reach::default(), 0);
        check(&none, &ended(), &reach(), 0);
        let quick = Ended { took: Some(Duration::from_secs(2)), ..ended() };
        check(&settings, &quick, &reach(), 2);
        check(&settings, &Ended { succeeded: true, ..quick }, &reach(), 0);
        check(&settings, &Ended { succeeded: true, ..ended() }, &reach(), 2);
    }

    #[test]
    fn a_tasks_words_cannot_repaint_a_terminal() {
        let mean =
            Ended { name: "a\x1b]0;x\x07\n{body}".to_owned(), headline: Some("\x1b[2Jone\ntwo\u{202e}".to_owned()), ..ended() };
        assert_eq!(line(&mean), "remit: a ]0;x  {body} (task-k3x9pq) failed (1) after 2 min 5 s:  [2Jone two ");
        let command = vec!["tell".to_owned(), "{name} {body}".to_owned()];
        for notice in plan(&NotifySettings { command, ..NotifySettings::default() }, &mean, &reach()) {
            match notice {
                Notice::Desktop { title, body, .. } => assert!(!(title + &body).contains(char::is_control)),
                Notice::Terminal { text, .. } => assert_eq!(text.matches(char::is_control).count(), 3, "{text:?}"),
                // What a name holds is not filled in again.
                Notice::Command { arguments, .. } => assert_eq!(arguments, ["a ]0;x  {body}  [2Jone two "]),
            }
        }
    }

    #[test]
    fn durations_are_for_people() {
        let check = |millis: u64, expected: &str| assert_eq!(duration(Duration::from_millis(millis)), expected);
        check(0, "0.0 s");
        check(1250, "1.2 s");
        check(125_000, "2 min 5 s");
        check(7_260_000, "2 h 1 min");
    }

    #[test]
    fn what_is_no_terminal_is_not_written_to() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        std::fs::write(&file, "").unwrap();
        act(&Notice::Terminal { path: file.clone(), text: "x".to_owned() }).unwrap_err();
        assert_eq!(std::fs::read(&file).unwrap(), b"");
        act(&Notice::Terminal { path: directory.path().join("none"), text: "x".to_owned() }).unwrap_err();
    }

    #[test]
    fn a_program_is_started_without_a_shell() {
        let directory = tempfile::tempdir().unwrap();
        let fifo = directory.path().join("fifo");
        rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::RWXU).unwrap();
        let command = ["tee", "{name}"].map(str::to_owned).to_vec();
        // The name is one argument, whatever is in it.
        let named = Ended { name: fifo.to_str().unwrap().to_owned(), ..ended() };
        let notices = plan(&NotifySettings { command, ..NotifySettings::default() }, &named, &Reach::default());
        act(&notices[0]).unwrap();
        // Opening waits until `tee` has opened the other end.
        assert_eq!(std::fs::read(&fifo).unwrap(), b"");
        act(&Notice::Command { program: "/nonexistent".to_owned(), arguments: vec![], environment: vec![] }).unwrap_err();
    }
}
