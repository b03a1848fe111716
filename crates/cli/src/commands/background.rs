//! Starting a task in the background: the record is made, and a supervisor of its own started that carries on.

use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use clap::{Args, ValueEnum};
use remit_layer::RelPath;
use remit_policy::Policy;
use remit_tasks::{
    After, ApprovedBy, Attended, Background, Created, Event, OnAsk, Outcome, Store, TaskDir, TaskId, Timestamp, WindowSize,
    sweep_locks,
};

use crate::consent::{Answer, Beforehand, Permitted, approve, permit};
use crate::duration;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::load::ReadAs;
use crate::notices;
use crate::store::Tasks;
use crate::ui::Ui;
use crate::work::{self, Work};

use super::run::RunArgs;

/// What matters for a task in the background only.
#[derive(Debug, Args)]
pub(crate) struct BackgroundArgs {
    /// Start when this task has succeeded; may be given again
    #[arg(long, value_name = "TASK", requires = "background", conflicts_with = "after_any")]
    after: Vec<String>,

    /// Start when this task is over, however it ended
    #[arg(long, value_name = "TASK", requires = "background")]
    after_any: Vec<String>,

    /// Give it a terminal of its own, at which `remit attach` sits down
    #[arg(long, requires = "background")]
    pty: bool,

    /// A `JUnit` file that it writes, or a directory of such, in the workspace; may be given again
    #[arg(long, value_name = "PATH", requires = "background")]
    junit: Vec<String>,

    /// What to do when you have to be asked and there is no terminal
    #[arg(long, value_name = "WHAT", value_enum, default_value = "wait", requires = "background")]
    on_ask: WhenAsked,

    /// How long it waits for your answer
    #[arg(long, value_name = "TIME", value_parser = duration::parse, default_value = "1d", requires = "background")]
    ask_limit: Duration,
}

impl Default for BackgroundArgs {
    /// Returns what stands for nothing typed.
    fn default() -> BackgroundArgs {
        BackgroundArgs {
            after: Vec::new(),
            after_any: Vec::new(),
            pty: false,
            junit: Vec::new(),
            on_ask: WhenAsked::Wait,
            ask_limit: Duration::from_hours(24),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum WhenAsked {
    /// The task waits for `remit approve`
    Wait,
    /// It does not run
    Deny,
}

/// Returns what was asked for besides the command.
pub(crate) fn asked_for(ui: &Ui, args: &RunArgs) -> Result<Background, Failure> {
    Ok(Background {
        read_as: args.read_as.map(|read_as| read_as.word().to_owned()),
        strict: args.strict,
        on_ask: match args.later.on_ask {
            WhenAsked::Wait => OnAsk::Wait,
            WhenAsked::Deny => OnAsk::Deny,
        },
        ask_limit: args.later.ask_limit.as_secs(),
        after: after(ui, &args.later)?,
        junit: junit(&args.later)?,
        explain: args.explain,
        launched: None,
        input: None,
        terminal: args.later.pty.then(|| window_size().unwrap_or_default()),
    })
}

/// Makes a task and starts its supervisor, after asking what can be asked now.
pub(crate) fn begin(
    ui: &Ui,
    work: &Work,
    beforehand: Beforehand,
    background: Background,
    command: Vec<String>,
    name: &str,
) -> Result<Exit, Failure> {
    let approved = ask(ui, work, beforehand, background.on_ask, &command)?;
    work::tell_of_read_only_workspace(ui, &work.policy, &work.plan);
    // The supervisor goes its own way.
    let (id, _) = make(work, background, approved, command, name)?;
    // It runs, whether or not somebody could be told.
    ui.print(&format!("{id}\n")).map_err(|failure| failure.help(format!("the task was made: `remit status {id}`")))?;
    if approved.is_none() {
        ui.tell(&format!("it waits for your yes: `remit approve {id}`"));
    }
    Ok(Exit::Done)
}

fn after(ui: &Ui, args: &BackgroundArgs) -> Result<Option<After>, Failure> {
    let (texts, any) = if args.after.is_empty() { (&args.after_any, true) } else { (&args.after, false) };
    if texts.is_empty() {
        return Ok(None);
    }
    let tasks = Tasks::existing(ui)?;
    let ids: Result<Vec<TaskId>, Failure> = texts.iter().map(|text| tasks.find(text)).collect();
    Ok(Some(After { tasks: ids?, any }))
}

/// Returns the reports that were named, which lie below the workspace.
fn junit(args: &BackgroundArgs) -> Result<Vec<String>, Failure> {
    let outside = |path: &&String| path.starts_with('/') || RelPath::parse(path.as_bytes()).is_none();
    match args.junit.iter().find(outside) {
        Some(path) => {
            Err(Failure::new(format!("`{path}` is no path below the workspace")).help("give it without a `/` in front"))
        }
        None => Ok(args.junit.clone()),
    }
}

/// Asks what can be asked now; `None` when the task has to wait for a person.
fn ask(ui: &Ui, work: &Work, beforehand: Beforehand, on_ask: OnAsk, command: &[String]) -> Result<Option<ApprovedBy>, Failure> {
    let gate = work.policy.gate();
    let later = |failure: Failure| if on_ask == OnAsk::Deny { Err(failure) } else { Ok(None) };
    let by = match approve(ui, beforehand, work, gate.digest())? {
        Answer::Yes(by) => by,
        Answer::No(failure) => return Err(failure),
        Answer::NobodyThere(failure) => return later(failure),
    };
    match permit(ui, &gate, command)? {
        // The permit is not handed on: the supervisor asks the gate itself, about the policy as it is then.
        Permitted::Yes(_) => Ok(Some(by)),
        Permitted::Answered(_) => Ok(Some(ApprovedBy::Terminal)),
        Permitted::NobodyThere(failure) => later(failure),
    }
}

/// Makes the record and starts the supervisor.
pub(crate) fn make(
    work: &Work,
    background: Background,
    approved: Option<ApprovedBy>,
    command: Vec<String>,
    name: &str,
) -> Result<(TaskId, Child), Failure> {
    let mut store = Store::open(&work.state)?;
    let _ = sweep_locks(&work.state, None, Timestamp::now());
    let task = TaskDir::create(&work.state)?;
    let id = task.id().clone();
    let agent_path = work.agent.as_ref().map(|agent| &agent.path);
    let created = Created {
        attended: Attended::Background(Box::new(background)),
        ..Created::new(&work.policy, work.policy.gate().digest(), agent_path, command).with_gaps(work::gaps(&work.plan))
    };
    let mut events = vec![Event::Created(created)];
    events.extend(approved.map(|by| Event::Approved { by }));
    let made = task.reserve().map_err(Failure::from).and_then(|()| Ok(store.create(&id, name, Timestamp::now(), events)?));
    if let Err(failure) = made {
        // Nothing has been said about it yet.
        let _ = task.discard();
        return Err(failure);
    }
    match task.hand_on().map_err(Failure::from).and_then(|lock| supervise(&id, lock)) {
        // The lock stays with the supervisor.
        Ok(supervisor) => Ok((id, supervisor)),
        Err(error) => {
            task.end(&mut store, Timestamp::now(), Outcome::CouldNotStart { error: error.message().to_owned() })?;
            Err(error)
        }
    }
}

/// Starts the supervisor of a task: this program once more, with the task's lock and nothing else of this process.
///
/// Returns when it has a session of its own: before that, a terminal that closes would end it.
fn supervise(id: &TaskId, lock: OwnedFd) -> Result<Child, Failure> {
    let failed = |error: &std::io::Error| Failure::io("cannot start the supervisor", error).exit(Exit::CouldNotStart);
    let (mut ready, told) = std::io::pipe().map_err(|error| failed(&error))?;
    remit_launch::keep_descriptors_to_itself().map_err(|errno| failed(&errno.into()))?;
    let supervisor = Command::new("/proc/self/exe")
        .arg0("remit")
        .args(["supervise", id.as_str()])
        .current_dir("/")
        .stdin(Stdio::from(lock))
        .stdout(Stdio::from(told))
        .stderr(Stdio::null())
        .envs(notices::terminal().map(|path| (notices::TERMINAL, path)))
        .spawn()
        .map_err(|error| failed(&error))?;
    // The other end was the command's, and went with it.
    let mut byte = [0];
    match ready.read_exact(&mut byte) {
        Ok(()) => Ok(supervisor),
        Err(_) => Err(Failure::new("the supervisor ended before it began").exit(Exit::CouldNotStart)),
    }
}

/// Returns how much of each stream of a task's output is kept, in bytes.
pub(crate) fn output_limit(policy: &Policy) -> u64 {
    const DEFAULT: u64 = 64 << 20;
    policy.limits.iter().find(|limit| limit.kind == remit_policy::LimitKind::Output).map_or(DEFAULT, |limit| limit.value)
}

/// Returns the size of the window that this process is used from.
pub(crate) fn window_size() -> Option<WindowSize> {
    use rustix::stdio::{stderr, stdin, stdout};
    let sizes = [stdin(), stdout(), stderr()].into_iter().filter_map(|stream| rustix::termios::tcgetwinsize(stream).ok());
    let mut sizes = sizes.filter(|size| size.ws_col > 0 && size.ws_row > 0);
    sizes.next().map(|size| WindowSize { columns: size.ws_col, rows: size.ws_row })
}

/// Returns the product that a record names.
pub(crate) fn read_as(background: &Background) -> Result<Option<ReadAs>, Failure> {
    let Some(word) = &background.read_as else { return Ok(None) };
    ReadAs::from_str(word, false).map(Some).map_err(|_| Failure::new(format!("`{word}` is no product that is known")))
}
