//! Where a session's launches become tasks: the same store, the same supervisor and the same commands as a person's own.

use std::path::PathBuf;
use std::process::Child;
use std::sync::{Arc, Mutex, PoisonError};

use remit_agent::{AgentRef, listing, parse, read_agent_file};
use remit_diagnostics::visible;
use remit_executor::{Desk, KnownAgent, LaunchOrder, Proposal, Refusal, Seen, TaskEnd, ToDo};
use remit_policy::{Policy, Verdict, Workspace};
use remit_preview::{Form, RenderStyle};
use remit_tasks::{
    Approval, Attended, Background, Launched, OnAsk, Outcome, Record, State, TaskId, Timestamp, Which, derive_name, given_name,
    layers, progress_of, summary_of,
};

use crate::commands::background::make;
use crate::commands::cancel::cancel_one;
use crate::commands::delete::forget;
use crate::commands::logs::last_lines;
use crate::commands::status::page;
use crate::commands::tasks::{asks, state_words, time, with_progress};
use crate::consent::{denied, earlier};
use crate::failure::Failure;
use crate::store::Tasks;
use crate::ui::Ui;
use crate::work::{Wanted, Work, prepare, request};
use crate::{duration, places, runner};

/// How many tasks of sessions may wait for a person.
const WAITING: usize = 16;
/// How long a task waits for a person, in seconds.
const PATIENCE: u64 = 24 * 3600;
/// How long a cancelled task may clean up, in milliseconds.
const GRACE: u64 = 10_000;
/// How many lines of output a result shows.
const LINES: usize = 60;
/// How many tasks that are over are told of.
const LAST: u32 = 20;

/// The supervisors that a session has started. They are children of this process, and none of its session's.
#[derive(Clone, Debug, Default)]
pub(crate) struct Started(Arc<Mutex<Vec<Child>>>);

impl Started {
    /// Returns the supervisors that have not ended.
    pub(crate) fn pids(&self) -> Vec<u32> {
        let mut children = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // One that has ended is reaped here.
        children.retain_mut(|child| !matches!(child.try_wait(), Ok(Some(_))));
        children.iter().map(Child::id).collect()
    }

    fn add(&self, child: Child) {
        drop(self.pids());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(child);
    }
}

/// Makes the tasks of a session.
#[derive(Debug)]
pub(crate) struct Launcher {
    ui: Ui,
    /// Of the launching agent.
    policy: &'static Policy,
    root: PathBuf,
    workspace: Workspace,
    session: TaskId,
    started: Started,
}

impl Launcher {
    pub(crate) fn new(ui: &Ui, policy: &'static Policy, workspace: &Workspace, session: TaskId, started: Started) -> Launcher {
        let root = workspace.root.as_path().to_owned();
        Launcher { ui: ui.clone(), policy, root, workspace: workspace.clone(), session, started }
    }

    fn by(&self) -> String {
        self.policy.agent.clone().unwrap_or_default()
    }

    fn open(&self) -> Result<Tasks, Failure> {
        Tasks::existing(&self.ui)
    }

    /// Returns the record of a task, if it is of this workspace.
    fn record(&self, text: &str) -> Result<(Tasks, Record), Failure> {
        let tasks = self.open()?;
        let record = tasks.record(text)?;
        if self.is_here(&record) {
            return Ok((tasks, record));
        }
        Err(Failure::new(format!("there is no task `{}` in this workspace", visible(text))))
    }

    /// Returns whether a task may be told of: it works in this workspace, and is no session.
    fn is_here(&self, record: &Record) -> bool {
        record.created.workspace == self.workspace.root.as_str() && record.created.attended != Attended::Foreground
    }

    fn seen(&self, tasks: &Tasks, record: &Record) -> Result<Seen, Failure> {
        let running = record.state.has_place();
        let progress = if running { progress_of(&tasks.state, &record.id) } else { None };
        let told = with_progress(String::new(), progress.as_ref()).trim().to_owned();
        let launched = record.created.background().and_then(|background| background.launched.as_ref());
        Ok(Seen {
            id: record.id.clone(),
            agent: record.created.agent.as_ref().map(|agent| agent.name.clone()),
            line: line(record, &told),
            end: record.outcome().map(end),
            created_at: record.created_at.to_string(),
            changed_at: changed_at(record).to_string(),
            own: launched.is_some_and(|launched| launched.by == self.by()),
            changes: record.is_over() && !layers(&tasks.state, &record.id)?.is_empty(),
            supervisor: record.supervisor.clone(),
            progress: Some(told).filter(|told| !told.is_empty()),
        })
    }

    fn proposed(&self, order: &LaunchOrder) -> Result<Proposal, Failure> {
        let agent = order.agent.as_deref();
        if let Some(name) = agent
            && matches!(AgentRef::of(name), AgentRef::Path(_))
        {
            return Err(Failure::new(format!("`{}` is a path, and agents are launched by name", visible(name)))
                .help("`list` names those that there are"));
        }
        let wanted = Wanted { agent, read_as: None, cwd: Some(&self.root), strict: false };
        let work = prepare(&self.ui, wanted)?;
        let tasks = self.open()?;
        check_room(&tasks)?;
        let (command, input, wanted_name) = match &order.what {
            ToDo::Command(command) => (command.clone(), None, command.join(" ")),
            ToDo::Prompt { text, runner } => {
                let name = work.policy.agent.as_deref();
                let run = runner::with_prompt(&tasks.store, runner.as_deref(), text, name)?;
                (run.command, run.input, text.clone())
            }
        };
        let asks = match work.policy.decide(request(&command)) {
            Verdict::Allow(_) => None,
            Verdict::Ask(question) => Some(question.reason().why.clone()),
            Verdict::Deny(reason) => return Err(denied(&reason)),
        };
        let excess = work.policy.excess(self.policy).into_iter().map(|excess| excess.text).collect::<Vec<_>>();
        let excess = if work.agent.is_some() { excess } else { Vec::new() };
        let text = told(&work, order, &command)?;
        let launched = Launched { by: self.by(), session: self.session.clone(), excess: excess.clone() };
        let background = Background {
            read_as: None,
            strict: false,
            on_ask: OnAsk::Wait,
            ask_limit: PATIENCE,
            after: None,
            launched: Some(launched),
            input,
            terminal: None,
            junit: Vec::new(),
            explain: false,
        };
        let name = order.name.as_deref().map_or_else(|| derive_name(&wanted_name), given_name);
        let (agent, digest) = (work.policy.agent.clone(), work.policy.digest().to_string());
        let (started, made) = (self.started.clone(), command.clone());
        let start = move |by| {
            let (id, supervisor) = make(&work, background, by, made, &name).map_err(|failure| refusal(&failure))?;
            started.add(supervisor);
            Ok(id)
        };
        Ok(Proposal { text, excess, asks, agent, digest, command, start: Box::new(start) })
    }
}

impl Desk for Launcher {
    fn agents(&mut self) -> Result<Vec<KnownAgent>, Refusal> {
        let listing = listing(&places::agent_dirs(&self.workspace));
        let known = listing.found.iter().map(|found| {
            let (description, problem) = match read_agent_file(&found.path) {
                Ok((bytes, _)) => {
                    let parsed = parse(found.path.as_str(), &bytes);
                    let broken = parsed.diagnostics.iter().find(|diagnostic| diagnostic.is_error());
                    let description = parsed.file.description.as_ref().map(|description| description.value.clone());
                    (description, broken.map(|broken| broken.message.clone()))
                }
                Err(error) => (None, Some(error.to_string())),
            };
            KnownAgent { name: found.name.clone(), description, problem }
        });
        Ok(known.collect())
    }

    fn propose(&mut self, order: &LaunchOrder) -> Result<Proposal, Refusal> {
        self.proposed(order).map_err(|failure| refusal(&failure))
    }

    fn tasks(&mut self) -> Result<Vec<Seen>, Refusal> {
        let look = || -> Result<Vec<Seen>, Failure> {
            let tasks = self.open()?;
            let listed = tasks.store.list(Which::Recent(LAST))?;
            let records = listed.into_iter().filter_map(|listed| listed.record.ok()).filter(|record| self.is_here(record));
            records.map(|record| self.seen(&tasks, &record)).collect()
        };
        look().map_err(|failure| refusal(&failure))
    }

    fn task(&mut self, text: &str) -> Result<Seen, Refusal> {
        let look = || self.record(text).and_then(|(tasks, record)| self.seen(&tasks, &record));
        look().map_err(|failure| refusal(&failure))
    }

    fn result(&mut self, id: &TaskId) -> Result<String, Refusal> {
        let look = || self.record(id.as_str()).and_then(|(tasks, record)| result_page(&tasks, &record));
        look().map_err(|failure| refusal(&failure))
    }

    fn cancel(&mut self, id: &TaskId) -> Result<(), Refusal> {
        let end = || self.record(id.as_str()).and_then(|(mut tasks, _)| cancel_one(&mut tasks, id.as_str(), GRACE));
        end().map_err(|failure| refusal(&failure))
    }

    fn children(&mut self) -> Vec<u32> {
        self.started.pids()
    }

    fn delete(&mut self, id: &TaskId) -> Result<(), Refusal> {
        let delete = || -> Result<(), Failure> {
            let (mut tasks, record) = self.record(id.as_str())?;
            if !record.is_over() {
                return Err(Failure::new(format!("`{id}` is not over: it is {}", record.state.word())).help("`cancel` ends it"));
            }
            forget(&mut tasks, id)
        };
        delete().map_err(|failure| refusal(&failure))
    }
}

/// A model that launches without end gets no further than this.
fn check_room(tasks: &Tasks) -> Result<(), Failure> {
    let listed = tasks.store.list(Which::Unfinished)?;
    let waiting = listed.iter().filter_map(|listed| listed.record.as_ref().ok()).filter(|record| {
        let launched = record.created.background().is_some_and(|background| background.launched.is_some());
        launched && matches!(record.state, State::Waiting { .. })
    });
    if waiting.count() < WAITING {
        return Ok(());
    }
    Err(Failure::new(format!("{WAITING} launched tasks wait for a person already"))
        .help("`remit tasks` lists them; `remit approve` and `remit deny` answer"))
}

/// Returns how a task stands, what its output came to, and the last lines of it.
fn result_page(tasks: &Tasks, record: &Record) -> Result<String, Failure> {
    let mut text = page(tasks, record)?;
    let summary = summary_of(&tasks.state, &record.id).map(|summary| summary.to_string()).unwrap_or_default();
    let parts =
        [("what it came to", summary.lines().map(visible).collect()), ("the last lines", last_lines(tasks, record, LINES)?)];
    for (head, lines) in parts.into_iter().filter(|(_, lines)| !lines.is_empty()) {
        text = format!("{text}\n{head}:\n  {}\n", lines.join("\n  "));
    }
    Ok(text)
}

/// Returns what a person is told about a launch: what would run, and what its policy comes to.
fn told(work: &Work, order: &LaunchOrder, command: &[String]) -> Result<String, Failure> {
    let preview = remit_preview::preview(&work.policy, &work.plan);
    let mut lines = Vec::new();
    if let ToDo::Prompt { text, .. } = &order.what {
        lines.push(format!("task:      {}", visible(text)));
    }
    lines.push(format!("command:   {}", visible(&command.join(" "))));
    lines.push(format!("workspace: {}", visible(work.workspace.root.as_str())));
    if let Some(agent) = &work.agent {
        let description = agent.file.description.as_ref().map_or("-", |description| description.value.as_str());
        lines.push(format!("agent:     {} ({})", visible(&agent.name), visible(agent.path.as_str())));
        lines.push(format!("about:     {}", visible(description)));
    }
    lines.push(format!("policy:    {}", remit_preview::summary(&preview)));
    let digest = work.policy.digest();
    lines.push(format!("digest:    {digest}"));
    let approved = match earlier(work, &digest)? {
        Some(Approval::Approved) => "you approved this policy in this workspace before",
        Some(Approval::Changed { .. }) => "the policy has CHANGED since you approved it",
        Some(Approval::Weaker { .. }) => "this host HOLDS LESS of the policy than when you approved it",
        _ => "nobody approved this policy in this workspace before",
    };
    lines.push(format!("approved:  {approved}"));
    let mut text = lines.iter().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n");
    if work.agent.is_none() {
        text += "\n\n";
        text += &remit_preview::render(&preview, Form::Text(RenderStyle { color: false, width: 80 }));
    }
    Ok(text)
}

fn end(outcome: &Outcome) -> TaskEnd {
    match outcome {
        Outcome::Succeeded => TaskEnd::Succeeded,
        Outcome::Cancelled { .. } => TaskEnd::Cancelled,
        _ => TaskEnd::Failed,
    }
}

fn changed_at(record: &Record) -> Timestamp {
    match &record.state {
        State::Queued | State::Starting => record.created_at,
        State::Waiting { asked_at, .. } => *asked_at,
        State::Running { started_at, paused_at, .. } => paused_at.unwrap_or(*started_at),
        State::Ended { ended_at, .. } => *ended_at,
    }
}

fn line(record: &Record, progress: &str) -> String {
    let agent = record.created.agent.as_ref().map_or("no agent", |agent| agent.name.as_str());
    let mut line = format!("{} {} ({agent}): {}", record.id, record.name, state_words(record));
    if !progress.is_empty() {
        line = format!("{line}, {progress}");
    }
    if let Some(asks) = asks(record) {
        line = format!("{line}: {asks}");
    }
    format!("{line}, {}: {}", duration::show(time(record, Timestamp::now())), record.created.command.join(" "))
}

fn refusal(failure: &Failure) -> Refusal {
    let errors = failure.diagnostics.iter().filter(|diagnostic| diagnostic.is_error());
    let first = errors.map(|diagnostic| diagnostic.message.clone()).next();
    let why = first.map_or_else(|| failure.message().to_owned(), |first| format!("{}: {first}", failure.message()));
    Refusal { why, help: failure.cures().first().cloned() }
}
