//! The tool `delegate`: what a person has to be asked about, whatever is pre-approved, and what is done after it.
//!
//! A launch asks a person unless the agent may use the tool unasked and the task may do nothing that the agent may not.
//! What is asked and not answered in the host waits in the store for `remit approve`; a no makes no task at all.

use std::fmt::Write as _;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use remit_agent::NativeTool;
use remit_diagnostics::visible;
use remit_tasks::{ApprovedBy, Found, ProcessId};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::{Consent, Refusal, Session, unrecorded};
use crate::audit::AuditEvent;
use crate::desk::{Desk, Proposal, Seen, Standing, TaskEnd};
use crate::tools::delegate::{Delegate, Of};
use crate::tools::{Call, Output};

/// How often a task that is waited for is looked at, when it says nothing itself.
const LOOK: Duration = Duration::from_millis(500);
/// How long until a task that nobody looks after yet is looked at again.
const SOON: Duration = Duration::from_millis(20);

/// What was looked up for a call before it was decided.
#[derive(Debug, Default)]
pub(super) enum Held {
    #[default]
    Nothing,
    Launch(Box<Proposal>),
    Task(Box<Seen>),
}

impl Held {
    /// Returns the digest of the policy of the task that would be launched.
    pub(super) fn digest(&self) -> Option<String> {
        match self {
            Held::Launch(proposal) => Some(proposal.digest.clone()),
            Held::Nothing | Held::Task(_) => None,
        }
    }
}

/// What is to be known of a call before it is decided.
#[derive(Debug, Default)]
pub(super) struct Considered {
    pub(super) held: Held,
    /// What a person is told beside the question.
    pub(super) text: String,
    /// Why a person has to say yes, whatever is pre-approved.
    pub(super) asks: Option<String>,
}

impl Session {
    /// Gives the session a desk; without one it has no `delegate`.
    #[must_use]
    pub fn with_desk(mut self, desk: Box<dyn Desk>) -> Session {
        self.desk = Some(Mutex::new(desk));
        self
    }

    /// Returns whether the session has the tool `delegate`.
    pub fn launches(&self) -> bool {
        self.desk.is_some() && self.policy.tools.is_visible(NativeTool::Delegate)
    }

    /// Returns the tasks that were launched since this was last asked.
    pub fn launched(&self) -> Vec<String> {
        std::mem::take(&mut *self.launched.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until a task is over, and returns what came of it; `None` when it is forgotten before.
    pub async fn ended(&self, id: &str) -> Option<Standing> {
        loop {
            let seen = self.desk().ok()?.task(id).ok()?;
            if seen.end.is_some() {
                return self.standing(id);
            }
            pause(&seen, Duration::from_mins(1)).await;
        }
    }

    /// Returns how a task stands that this agent launched, by its whole id.
    pub fn standing(&self, id: &str) -> Option<Standing> {
        let mut desk = self.desk().ok()?;
        let seen = desk.task(id).ok().filter(|seen| seen.own && seen.id.as_str() == id)?;
        let result = if seen.end.is_some() { desk.result(&seen.id).ok() } else { None };
        let Seen { line, end, created_at, changed_at, .. } = seen;
        Some(Standing { id: id.to_owned(), line: visible(&line), end, result, created_at, changed_at })
    }

    /// Ends a task that this agent launched, because the host asks for it.
    pub fn cancel_task(&self, id: &str) -> Result<(), Refusal> {
        let id = self.desk()?.task(id).ok().filter(|seen| seen.own).map(|seen| seen.id);
        let id = id.ok_or_else(|| Refusal::new("this agent launched no such task"))?;
        self.desk()?.cancel(&id)
    }

    /// Looks up what a call is about, and whether a person has to be asked.
    pub(super) fn consider(&self, call: &Call) -> Result<Considered, Refusal> {
        let Call::Delegate(delegate) = call else { return Ok(Considered::default()) };
        match delegate {
            Delegate::List | Delegate::Status(_) | Delegate::Wait { .. } => Ok(Considered::default()),
            Delegate::Launch(launch) => {
                let proposal = self.desk()?.propose(&launch.order())?;
                Ok(Considered { text: told(&self.agent.name, &proposal), asks: must_ask(&proposal), held: launching(proposal) })
            }
            Delegate::Result(of) => Ok(self.about("see the output of", self.task(of)?, false)),
            Delegate::Cancel(id) => Ok(self.about("end", self.desk()?.task(id)?, false)),
            Delegate::Delete(id) => {
                let seen = self.desk()?.task(id)?;
                let changes = seen.changes;
                Ok(self.about("forget", seen, changes))
            }
        }
    }

    /// A task that the agent did not launch is somebody else's, and only a person gives it away.
    fn about(&self, what: &str, seen: Seen, changes: bool) -> Considered {
        let mut text = format!("`{}` wants to {what} the task:\n\n    {}\n\n", visible(&self.agent.name), visible(&seen.line));
        let asks = match (seen.own, changes) {
            (true, false) => None,
            (true, true) => Some("its changes are neither applied nor discarded, and would be lost".to_owned()),
            (false, _) => Some("this agent did not launch it".to_owned()),
        };
        if changes {
            text += "Its changes are neither applied nor discarded, and would be lost.\n\n";
        }
        Considered { text, asks, held: Held::Task(Box::new(seen)) }
    }

    /// Does what `delegate` was called for.
    pub(super) async fn delegate(
        &self,
        number: u64,
        delegate: Delegate,
        held: Held,
        consent: Consent,
        progress: &(dyn Fn(String) + Send + Sync),
    ) -> Result<Output, Refusal> {
        match (delegate, held) {
            (Delegate::Launch(_), Held::Launch(proposal)) => self.launch(number, *proposal, consent).map(Output::text),
            (Delegate::List, _) => Ok(Output::text(agents(self.desk()?.as_mut())?)),
            (Delegate::Status(of), _) => self.status(of.as_ref()).map(Output::text),
            (Delegate::Result(_), Held::Task(seen)) => Ok(Output::text(self.desk()?.result(&seen.id)?)),
            (Delegate::Cancel(_), Held::Task(seen)) if seen.end.is_some() => {
                Ok(Output::text(format!("It is over already: {}", seen.line)))
            }
            (Delegate::Cancel(_), Held::Task(seen)) => {
                self.desk()?.cancel(&seen.id)?;
                Ok(Output::text(format!("Task {} was told to end.", seen.id)))
            }
            (Delegate::Delete(_), Held::Task(seen)) => {
                self.desk()?.delete(&seen.id)?;
                Ok(Output::text(format!("Task {} is forgotten.", seen.id)))
            }
            (Delegate::Wait { of, limit }, _) => self.wait(&of, Duration::from_secs(limit), progress).await,
            _ => Err(Refusal::new("the task was not looked up")),
        }
    }

    fn launch(&self, number: u64, proposal: Proposal, consent: Consent) -> Result<String, Refusal> {
        let Proposal { excess, agent, digest, command, start, .. } = proposal;
        let by = match consent {
            Consent::Unasked => Some(ApprovedBy::Within),
            Consent::Person => Some(ApprovedBy::Elicitation),
            Consent::Later => None,
        };
        let id = start(by)?;
        let event = AuditEvent::Delegated {
            call: number,
            task: id.as_str().into(),
            agent: agent.map(Into::into),
            digest: digest.into(),
            command: command.into_iter().map(Into::into).collect(),
            approved: match by {
                Some(ApprovedBy::Elicitation) => "a person, by elicitation",
                Some(_) => "within the launching agent's policy",
                None => "nobody yet",
            }
            .into(),
            excess: excess.into_iter().map(Into::into).collect(),
        };
        if let Err(error) = self.audit.append(&event) {
            self.desk()?.cancel(&id)?;
            return Err(unrecorded(&error));
        }
        self.launched.lock().unwrap_or_else(PoisonError::into_inner).push(id.to_string());
        Ok(match consent {
            Consent::Later => format!(
                "Task {id} waits for a person: nothing runs until somebody says yes with `remit approve {id}`. The chat host \
                 cannot ask; tell your user."
            ),
            Consent::Unasked | Consent::Person => {
                format!("Task {id} is launched. `wait` with this `id` waits for its end, `result` tells what came of it.")
            }
        })
    }

    fn status(&self, of: Option<&Of>) -> Result<String, Refusal> {
        let seen = match of {
            Some(Of::Task(text)) => vec![self.desk()?.task(text)?],
            Some(Of::Agent(agent)) => {
                let mut seen = self.desk()?.tasks()?;
                seen.retain(|seen| seen.agent.as_deref() == Some(agent));
                seen
            }
            None => self.desk()?.tasks()?,
        };
        if seen.is_empty() {
            return Ok("There is no such task in this workspace.".to_owned());
        }
        Ok(seen.iter().map(|seen| visible(&seen.line)).collect::<Vec<_>>().join("\n"))
    }

    async fn wait(&self, of: &Of, limit: Duration, progress: &(dyn Fn(String) + Send + Sync)) -> Result<Output, Refusal> {
        let until = Instant::now() + limit;
        let id = self.task(of)?.id;
        let mut told = None;
        loop {
            let seen = self.desk()?.task(id.as_str())?;
            if let Some(end) = seen.end {
                return Ok(Output { failed: end != TaskEnd::Succeeded, ..Output::text(visible(&seen.line)) });
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(Output::text(format!("Not over yet: {}", visible(&seen.line))));
            }
            let now = seen.progress.clone().unwrap_or_else(|| seen.line.clone());
            if told.as_ref() != Some(&now) {
                progress(visible(&now));
                told = Some(now);
            }
            pause(&seen, LOOK.min(left)).await;
        }
    }

    fn task(&self, of: &Of) -> Result<Seen, Refusal> {
        match of {
            Of::Task(text) => self.desk()?.task(text),
            Of::Agent(agent) => {
                let last = self.desk()?.tasks()?.into_iter().rfind(|seen| seen.agent.as_deref() == Some(agent));
                last.ok_or_else(|| Refusal::new(format!("the agent `{agent}` has no task in this workspace")))
            }
        }
    }

    fn desk(&self) -> Result<MutexGuard<'_, Box<dyn Desk>>, Refusal> {
        let desk = self.desk.as_ref().ok_or_else(|| Refusal::new("this session launches no tasks"))?;
        Ok(desk.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn launching(proposal: Proposal) -> Held {
    Held::Launch(Box::new(proposal))
}

/// Returns why a person has to be asked about a launch, whatever the launching agent may do unasked.
fn must_ask(proposal: &Proposal) -> Option<String> {
    if proposal.agent.is_none() {
        return Some("a task without an agent may do everything that you may".to_owned());
    }
    match (proposal.excess.first(), &proposal.asks) {
        (Some(first), _) if proposal.excess.len() == 1 => Some(format!("it goes beyond the launching agent's policy: {first}")),
        (Some(first), _) => {
            Some(format!("it goes beyond the launching agent's policy in {} ways: {first}, …", proposal.excess.len()))
        }
        (None, Some(why)) => Some(why.clone()),
        (None, None) => None,
    }
}

/// Returns what a person is told about a launch.
fn told(by: &str, proposal: &Proposal) -> String {
    let what = match &proposal.agent {
        Some(agent) => format!("the agent `{}`", visible(agent)),
        None => "a task WITHOUT an agent, which may do everything that you may,".to_owned(),
    };
    let by = visible(by);
    let mut text = format!("`{by}` wants to launch {what} in the background:\n\n{}\n\n", proposal.text.trim_end());
    if proposal.agent.is_some() {
        if proposal.excess.is_empty() {
            // Writing to a string does not fail.
            let _ = write!(text, "It may do nothing that `{by}` may not.\n\n");
        } else {
            let _ = write!(text, "It goes beyond what `{by}` may do:\n\n");
            for excess in &proposal.excess {
                let _ = writeln!(text, "  - {}", visible(excess));
            }
            text.push('\n');
        }
    }
    if let Some(why) = &proposal.asks {
        let _ = write!(text, "Its own policy does not pre-approve the command: {}.\n\n", visible(why));
    }
    text
}

fn agents(desk: &mut dyn Desk) -> Result<String, Refusal> {
    let agents = desk.agents()?;
    if agents.is_empty() {
        return Ok("There is no agent that could be launched by name.".to_owned());
    }
    let line = |agent: &crate::desk::KnownAgent| {
        let about = match (&agent.problem, &agent.description) {
            (Some(problem), _) => format!("(cannot be used: {problem})"),
            (None, Some(description)) => description.clone(),
            (None, None) => "(no description)".to_owned(),
        };
        visible(&format!("{}: {about}", agent.name))
    };
    Ok(agents.iter().map(line).collect::<Vec<_>>().join("\n"))
}

/// Sleeps until the process that looks after a task has ended, or so long.
async fn pause(seen: &Seen, limit: Duration) {
    let supervisor = seen.supervisor.as_ref().map(ProcessId::find);
    let Some(Ok(Found::Alive(process))) = supervisor else {
        return tokio::time::sleep(limit.min(SOON)).await;
    };
    // A process that has ended is readable.
    let Ok(process) = watched(process) else { return tokio::time::sleep(limit.min(LOOK)).await };
    let _ = tokio::time::timeout(limit, process.readable()).await;
}

#[expect(deprecated, reason = "what takes its place is unsafe; the descriptor is owned here, and stays open for as long")]
fn watched(process: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(process, Interest::READABLE)
}
