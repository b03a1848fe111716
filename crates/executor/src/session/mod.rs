//! A session: an agent's tools, each call through the one gate, each act in the one worker, each step in the record.
//!
//! [`Session::decide`] reads a call, learns from the worker where its paths lead, and asks the policy about every effect.
//! What is [`Cleared`] holds the permits of all of them, and [`Session::act`] takes it by value: there is no other way to
//! a tool.

mod answer;
mod decide;
mod delegate;
mod hooks;
mod offer;
mod resources;
mod sandbox;
mod servers;
mod web;

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use remit_agent::Agent;
use remit_policy::{Gate, Permit, Policy, Question, Reason};
use rustix::io::Errno;
use serde_json::Value;

pub use answer::{Answer, Content};
use delegate::Held;
pub use offer::Offered;
pub use resources::Resource;
pub use sandbox::Workers;
use sandbox::{Gone, Sandbox};

use crate::audit::{Audit, AuditError, AuditEvent};
use crate::desk::Desk;
use crate::meter::Meter;
use crate::network::Recording;
use crate::tools::{Call, Lists, Output, Places};
use crate::worker::Worker;
use crate::worker::protocol::{Reply, What};

/// The tools of an agent, and the sandbox that they work in.
#[derive(Debug)]
pub struct Session {
    agent: Agent,
    policy: &'static Policy,
    gate: Gate<'static>,
    sandbox: Sandbox,
    audit: Arc<Audit>,
    /// What goes through the network is recorded, until the session is closed.
    network: Mutex<Option<Recording>>,
    lists: Mutex<Lists>,
    servers: servers::Servers,
    /// Where background tasks are made.
    desk: Option<Mutex<Box<dyn Desk>>>,
    /// The tasks that nobody has been told of yet.
    launched: Mutex<Vec<String>>,
    next: AtomicU64,
    /// How long a command may take, in seconds, when it does not say so itself.
    wall_time: Option<u64>,
    /// The disks that it writes to, while a call is on its way.
    meter: Mutex<Meter>,
}

/// What the gate says to a call.
#[derive(Debug)]
pub enum Decided {
    Cleared(Cleared),
    /// A person has to say yes.
    Asks(Asked),
    /// It will not happen: a rule, a hook, or arguments that mean nothing.
    Refused(Refusal),
}

/// A call with the permits of all that it does. Only a verdict, or the answer to its question, makes one.
///
/// ```compile_fail,E0451
/// use remit_executor::{Cleared, Session};
///
/// async fn around_the_gate(session: &Session, other: Cleared) {
///     let forged = Cleared { permits: Vec::new(), ..other };
///     session.act(forged, &|_| ()).await;
/// }
/// ```
///
/// ```compile_fail,E0382
/// use remit_executor::{Cleared, Session};
///
/// async fn twice(session: &Session, cleared: Cleared) {
///     session.act(cleared, &|_| ()).await;
///     session.act(cleared, &|_| ()).await;
/// }
/// ```
///
/// ```compile_fail,E0603
/// use remit_executor::tools::Call;
/// ```
#[derive(Debug)]
pub struct Cleared {
    number: u64,
    name: String,
    input: Value,
    call: Call,
    permits: Vec<Permit>,
    consent: Consent,
    held: Held,
    begun: Instant,
}

/// Whose yes a call has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Consent {
    /// The policy's alone.
    Unasked,
    /// A person's, just now.
    Person,
    /// Nobody's yet. All that may be done is to leave a task in the store that waits for a person.
    Later,
}

/// A call that a person has to decide.
#[derive(Debug)]
pub struct Asked {
    cleared: Cleared,
    questions: Vec<Question>,
    /// Why a person has to be asked though no rule asks.
    why: Option<String>,
    text: String,
}

/// A call that will not happen, and why: lower-case fragments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub why: String,
    pub help: Option<String>,
}

impl Session {
    /// Opens a session over a worker that has started. It must be called inside a runtime, of one thread.
    pub fn open(
        agent: Agent,
        policy: &'static Policy,
        wall_time: Option<u64>,
        worker: Worker,
        audit: Audit,
    ) -> io::Result<(Session, Workers)> {
        let meter = Mutex::new(worker.recipe.meter().map_err(io::Error::other)?);
        let (sandbox, proxy) = Sandbox::new(worker)?;
        let audit = Arc::new(audit);
        let gate = policy.gate();
        let opened = AuditEvent::Opened {
            agent: Some(agent.name.as_str().into()),
            profile: policy.profile.as_str().into(),
            digest: gate.digest().to_string().into(),
            workspace: policy.workspace.as_str().into(),
        };
        audit.append(&opened).map_err(|error| error.source)?;
        let (lists, next) = (Mutex::new(Lists::default()), AtomicU64::new(1));
        let network = proxy.map(|proxy| proxy.record(Arc::clone(&audit))).transpose().map_err(io::Error::other)?;
        let (desk, launched) = (None, Mutex::new(Vec::new()));
        let servers = servers::Servers::default();
        let (workers, network) = (sandbox.workers(), Mutex::new(network));
        let session =
            Session { agent, policy, gate, sandbox, audit, network, lists, servers, desk, launched, next, wall_time, meter };
        Ok((session, workers))
    }

    pub fn agent(&self) -> &Agent {
        &self.agent
    }

    pub fn policy(&self) -> &Policy {
        self.policy
    }

    /// Records what a person answered, and returns the call if the answer was yes.
    pub fn answered(&self, asked: Asked, allowed: bool) -> Result<Cleared, Refusal> {
        let Asked { mut cleared, questions, .. } = asked;
        let launch = cleared.held.digest();
        let digest = self.gate.digest().to_string();
        let (by, digest) = ("elicitation".into(), digest.into());
        let event = AuditEvent::Answered { call: cleared.number, by, allowed, digest, launch: launch.map(Into::into) };
        self.audit.append(&event).map_err(|error| unrecorded(&error))?;
        if !allowed {
            return Err(Refusal { why: "the person who was asked did not allow it".to_owned(), help: None });
        }
        cleared.permits.extend(questions.into_iter().map(Question::answered_yes));
        cleared.consent = Consent::Person;
        Ok(cleared)
    }

    /// Returns the call when it can be left to a person who is asked elsewhere: a launch then makes a task that waits.
    ///
    /// # Errors
    ///
    /// Every other call is refused.
    pub fn postponed(&self, asked: Asked) -> Result<Cleared, Refusal> {
        if asked.cleared.held.digest().is_none() {
            return Err(asked.refused());
        }
        Ok(Cleared { consent: Consent::Later, ..asked.cleared })
    }

    /// Does what was cleared, in the sandbox. Dropping the future cancels it.
    pub async fn act(&self, cleared: Cleared, progress: &(dyn Fn(String) + Send + Sync)) -> Answer {
        let Cleared { number, name, input, call, permits, consent, held, begun } = cleared;
        let mut open = Open { session: self, number, begun, done: false };
        let output = match call {
            Call::Todo(todo) => self.lists.lock().unwrap_or_else(PoisonError::into_inner).answer(todo).map_err(|why| (why, None)),
            Call::Think(thought) => Ok(thought.answer()),
            Call::Delegate(delegate) => self.delegate(number, delegate, held, consent, progress).await.map_err(|refusal| {
                let help = refusal.help.map_or_else(String::new, |help| format!("; {help}"));
                (refusal.why + &help, None)
            }),
            Call::Fetch(fetch) => self.fetch(number, fetch, progress).await,
            call => self.ask_worker(call, consent == Consent::Person, progress).await,
        };
        // They are used up by what was done under them.
        drop(permits);
        let (outcome, why, errno) = match &output {
            Ok(output) if output.failed => ("failed", None, None),
            Ok(_) => ("done", None, None),
            Err((why, errno)) if is_refusal(*errno) => ("refused by the kernel", Some(why.clone()), *errno),
            Err((why, errno)) => ("failed", Some(why.clone()), *errno),
        };
        let told = open.end(outcome, why, errno);
        let answer = match output {
            Ok(output) => self.answer(output, consent == Consent::Person),
            Err((why, errno)) => Answer::failed(&why, self.cure(errno)),
        };
        match told {
            Ok(()) => self.after(&name, &input, answer).await,
            Err(error) => Answer::failed(&unrecorded(&error).why, None),
        }
    }

    /// Writes the last line of the record.
    pub fn close(&self, outcome: &str) -> Result<(), AuditError> {
        let network = self.network.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(network) = network {
            network.finish();
        }
        self.audit.append(&AuditEvent::Closed { outcome: outcome.into() })
    }

    /// `asked`: a person said yes to it.
    async fn ask_worker(
        &self,
        call: Call,
        asked: bool,
        progress: &(dyn Fn(String) + Send + Sync),
    ) -> Result<Output, (String, Option<i32>)> {
        let reply = tokio::select! {
            biased;
            limit = self.used_up() => return Err((used_up(limit), None)),
            reply = self.done(call, asked, progress) => reply,
        };
        match reply {
            Ok(Reply::Done(output)) => Ok(output),
            Ok(Reply::Failed { why, errno }) => Err((why, errno)),
            Ok(Reply::Resolved(_) | Reply::Progress(_) | Reply::Hooked { .. } | Reply::Tools(_)) => {
                Err(("the worker answered something else than it was asked".to_owned(), None))
            }
            Err(gone) => Err((gone.why().to_owned(), None)),
        }
    }

    async fn done(&self, call: Call, asked: bool, progress: &(dyn Fn(String) + Send + Sync)) -> Result<Reply, Gone> {
        let grep = match call {
            Call::Grep(grep) => grep,
            call => return self.order(What::Act(call.within(self.wall_time)), progress).await,
        };
        match self.order(What::Walk(grep.clone()), progress).await? {
            Reply::Resolved(found) => {
                let files = self.may_be_searched(found, asked).await;
                self.order(What::Search { grep, files }, progress).await
            }
            other => Ok(other),
        }
    }

    /// Waits until a limit is met that only looking holds, and returns its name: for ever, where there is none.
    async fn used_up(&self) -> &'static str {
        loop {
            match self.look() {
                Ok(next) => tokio::time::sleep(next).await,
                Err(limit) => return limit,
            }
        }
    }

    /// Returns when to look again, or the limit that is met.
    fn look(&self) -> Result<Duration, &'static str> {
        let mut meter = self.meter.lock().unwrap_or_else(PoisonError::into_inner);
        let spared = || self.desk.as_ref().map_or_else(Vec::new, |desk| sandbox::locked(desk).children());
        let _ = meter.is_met(spared);
        match meter.over() {
            Some(limit) => Err(limit),
            // Without a limit: never.
            None => Ok(meter.remaining().unwrap_or(Duration::MAX)),
        }
    }

    fn places(&self) -> Places<'_> {
        Places { workspace: &self.policy.workspace, home: &self.policy.home }
    }

    fn cure(&self, errno: Option<i32>) -> Option<String> {
        is_refusal(errno).then(|| {
            format!(
                "the kernel holds this session to the policy of `{}`: `remit preview` shows what it may touch",
                self.agent.name
            )
        })
    }
}

/// Why a session goes on no more after a limit that only looking holds.
fn used_up(limit: &str) -> String {
    let (what, cure) = if limit == "diskSpace" { ("disk space", "make room, and ") } else { (limit, "") };
    format!("the limit of {what} of this session is met: {cure}start the server again")
}

pub(crate) const GONE: &str = "the sandbox of this session has ended: start the server again";

/// A call between its start and its end; dropped in between, it was cancelled.
struct Open<'a> {
    session: &'a Session,
    number: u64,
    begun: Instant,
    done: bool,
}

impl Open<'_> {
    fn end(&mut self, outcome: &'static str, why: Option<String>, errno: Option<i32>) -> Result<(), AuditError> {
        self.done = true;
        let micros = u64::try_from(self.begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        let why = why.map(Into::into);
        self.session.audit.append(&AuditEvent::Ended { call: self.number, outcome: outcome.into(), why, errno, micros })
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        if !self.done {
            // There is nobody to tell; the record lacks an end then, which is true as well.
            let _ = self.end("cancelled", None, None);
        }
    }
}

impl Cleared {
    /// Returns whether it makes a task in the background.
    pub fn launches(&self) -> bool {
        self.held.digest().is_some()
    }
}

impl Asked {
    /// Returns what the person is asked: everything that would be done, and why it is not done unasked.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns what a host is told that cannot ask anybody.
    pub fn refused(&self) -> Refusal {
        let reason = self.questions.first().map(Question::reason);
        let why = self.why.as_deref().or(reason.map(|reason| reason.why.as_str())).unwrap_or_default();
        Refusal {
            why: format!("this needs a person's approval, and the chat host has no way to ask: {why}"),
            help: Some(
                reason
                    .and_then(|reason| reason.help.clone())
                    .unwrap_or_else(|| "use a host with MCP elicitation, or let the agent file allow it".to_owned()),
            ),
        }
    }
}

impl Refusal {
    pub(crate) fn of(reason: &Reason) -> Refusal {
        Refusal { why: format!("denied: {} ({})", reason.why, reason.origin), help: reason.help.clone() }
    }

    pub(crate) fn new(why: impl Into<String>) -> Refusal {
        Refusal { why: why.into(), help: None }
    }
}

pub(crate) fn unrecorded(error: &AuditError) -> Refusal {
    Refusal::new(format!("{error}: {}, and what is not recorded is not done", error.source))
}

fn is_refusal(errno: Option<i32>) -> bool {
    let refusals = [Errno::ACCESS, Errno::PERM, Errno::ROFS, Errno::LOOP];
    errno.is_some_and(|errno| refusals.iter().any(|refusal| refusal.raw_os_error() == errno))
}

impl Session {
    pub(crate) fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }
}
