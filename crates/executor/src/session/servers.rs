//! The agent's own MCP servers, as a session sees them: started with a permit, their tools named, their ends recorded.
//!
//! Starting takes as long as a server likes, up to its time, and nothing else waits for it: a host that lists the tools
//! gets those of the servers that are there by then. A call waits for its own server alone.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::future::Future;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use remit_agent::{McpServer, McpTransport, NativeTool};
use remit_diagnostics::visible;
use remit_policy::{Decision, Permit, Request, Start, ToolPattern, Verdict, handed_on};
use serde_json::Value;
use tokio::sync::watch;

use super::{GONE, Offered, Refusal, Session};
use crate::audit::AuditEvent;
use crate::tools::{Call, Described};
use crate::worker::protocol::{Reply, What};
use crate::worker::servers::{self, Remote};
use crate::worker::{Client, Lost};

/// Milliseconds that a server has for each answer when the file does not say: as in the products.
const TIME: u64 = 120_000;
/// How long a list of the tools waits for servers that are still starting.
const LISTING: Duration = Duration::from_secs(10);
/// How much of what a server prints to its standard error is kept, in bytes.
const KEPT: usize = 1 << 20;

/// How a server stands.
#[derive(Clone, Debug)]
enum Standing {
    Starting,
    Ready(Arc<Vec<Remote>>),
    Failed(String),
}

/// The servers of a session.
#[derive(Debug, Default)]
pub(super) struct Servers {
    /// What the values of the servers' `env` may name.
    environment: BTreeMap<String, String>,
    /// Where their standard errors go.
    directory: PathBuf,
    standing: Mutex<BTreeMap<String, watch::Sender<Standing>>>,
}

impl Session {
    /// Lets the session start the agent's servers: the caller's environment, of which they get what the file hands on, and
    /// the directory in which what they print is kept.
    #[must_use]
    pub fn with_servers(mut self, environment: BTreeMap<String, String>, directory: &Path) -> Session {
        self.servers = Servers { environment, directory: directory.to_owned(), ..Servers::default() };
        self
    }

    /// Starts the agent's servers, each on its own, and waits for none of them. It must be called inside a runtime.
    pub fn start_servers(self: &Arc<Session>) {
        for (index, server) in self.agent.file.mcp_servers.iter().enumerate() {
            if server.disabled || !self.may_be_used(&server.name.value) {
                continue;
            }
            let sender = watch::Sender::new(Standing::Starting);
            self.known_servers().insert(server.name.value.clone(), sender.clone());
            tokio::spawn(attend(Arc::clone(self), index, sender));
        }
    }

    /// Notes that the worker is gone, and with it every server that ran in it.
    pub(super) fn servers_lost(&self) {
        for standing in self.known_servers().values() {
            // Who calls one waits until it has come again, or cannot.
            standing.send_if_modified(|now| {
                let ran = matches!(now, Standing::Ready(_));
                if ran {
                    *now = Standing::Starting;
                }
                ran
            });
        }
    }

    /// Returns the tools of the servers that are there, or come within a moment: those that the agent may see.
    pub async fn served(&self) -> Vec<Offered> {
        let until = tokio::time::Instant::now() + LISTING;
        let mut all = Vec::new();
        let standing: Vec<_> = self.known_servers().iter().map(|(name, now)| (name.clone(), now.subscribe())).collect();
        for (server, mut standing) in standing {
            let settled = tokio::time::timeout_at(until, standing.wait_for(|now| !matches!(now, Standing::Starting))).await;
            let Ok(Ok(now)) = settled else { continue };
            let Standing::Ready(tools) = &*now else { continue };
            all.extend(tools.iter().filter_map(|tool| self.offer(&server, tool)));
        }
        all
    }

    /// Returns whether a server that was still starting when the tools were listed has come since.
    pub fn servers_settle(&self) -> impl Future<Output = bool> + Send + use<> {
        let known = self.known_servers();
        let starting = known.values().filter(|now| matches!(*now.borrow(), Standing::Starting));
        let starting: Vec<_> = starting.map(watch::Sender::subscribe).collect();
        async move {
            let mut came = false;
            for mut standing in starting {
                let settled = standing.wait_for(|now| !matches!(now, Standing::Starting)).await;
                came |= settled.is_ok_and(|now| matches!(*now, Standing::Ready(_)));
            }
            came
        }
    }

    /// Returns the name of a tool that is meant by an alias of the file; any other name stays as it is.
    pub(super) fn meant<'a>(&'a self, name: &'a str) -> &'a str {
        let aliases = self.agent.file.tool_aliases.iter();
        let mut meant = aliases.filter(|(of, alias)| alias.value == name && is_alias(&of.value, name));
        match (meant.next(), meant.next()) {
            (Some((of, _)), None) => &of.value,
            // One name for two tools names neither.
            _ => name,
        }
    }

    /// Reads the call of a server's tool; `None` when the name is none of a server.
    pub(super) async fn served_call(&self, name: &str, input: &Value) -> Option<Result<Call, Refusal>> {
        let (server, tool) = name.strip_prefix('@')?.split_once('/').filter(|(server, _)| *server != "builtin")?;
        Some(self.asked(name, server, tool, input).await.map(Call::Served))
    }

    async fn asked(&self, name: &str, server: &str, tool: &str, input: &Value) -> Result<servers::Asked, Refusal> {
        let (decision, reason) = self.policy.judge(&Request::Tool(name.to_owned()));
        if decision == Decision::Deny {
            return Err(Refusal::of(&reason));
        }
        let written = self.agent.file.mcp_servers.iter().find(|known| known.name.value == server);
        let standing = self.known_servers().get(server).map(watch::Sender::subscribe);
        let (Some(written), Some(mut standing)) = (written, standing) else {
            return Err(Refusal::new(format!("the agent has no server `{}`", visible(server))));
        };
        let now = standing.wait_for(|now| !matches!(now, Standing::Starting)).await.map_err(|_| Refusal::new(GONE))?.clone();
        match now {
            Standing::Failed(why) => Err(Refusal::new(why)),
            Standing::Ready(tools) if tools.iter().any(|known| known.name == tool) => {
                let arguments = input.as_object().ok_or_else(|| Refusal::new("the arguments of a tool are an object"))?;
                let timeout_ms = limit(written);
                Ok(servers::Asked { server: server.to_owned(), tool: tool.to_owned(), arguments: arguments.clone(), timeout_ms })
            }
            Standing::Ready(_) | Standing::Starting => {
                Err(Refusal::new(format!("the server `{}` has no tool `{}`", visible(server), visible(tool))))
            }
        }
    }

    fn offer(&self, server: &str, tool: &Remote) -> Option<Offered> {
        let full = format!("@{server}/{}", tool.name);
        if self.policy.judge(&Request::Tool(full.clone())).0 == Decision::Deny {
            return None;
        }
        let mut aliases =
            self.agent.file.tool_aliases.iter().filter(|(of, alias)| of.value == full && self.meant(&alias.value) == full);
        let name = aliases.next().map_or_else(|| full.clone(), |(_, alias)| alias.value.clone());
        let described = Described {
            title: tool.title.clone().unwrap_or_else(|| tool.name.clone()),
            description: tool.description.clone(),
            schema: tool.schema.clone(),
            read_only: tool.read_only,
        };
        Some(Offered { name, described })
    }

    /// Returns whether any tool of the server could be called. One of which none can is not started.
    fn may_be_used(&self, server: &str) -> bool {
        let of = |pattern: &ToolPattern| match pattern {
            ToolPattern::Everything => true,
            ToolPattern::Server(name) | ToolPattern::ServerTool { server: name, .. } => name == server,
            _ => false,
        };
        self.policy.confinement == remit_policy::Confinement::Unrestricted
            || self.policy.tools.visible.iter().any(|rule| of(&rule.pattern))
    }

    /// Returns how a server is started, if the policy knows of it.
    fn startable(&self, server: &McpServer) -> Result<(servers::Start, Permit), Refusal> {
        let name = &server.name.value;
        let not = |why: &str| Refusal::new(format!("the server `{}` is not started: {why}", visible(name)));
        if name.is_empty() || name == "builtin" || name.contains('/') || name.contains(char::is_control) {
            return Err(not("its name cannot stand in `@server/tool`"));
        }
        let McpTransport::Stdio { command: Some(command), args } = &server.transport else {
            return Err(not("it is reached over HTTP, and only servers with a `command` are supported: \
                            give its host to a local program that speaks to it, in `sandbox.network`"));
        };
        let words = std::iter::once(command).chain(args).map(|word| word.value.clone()).collect();
        let mut environment = BTreeMap::new();
        for (key, value) in &server.env {
            environment.insert(key.value.clone(), self.filled(&value.value).map_err(|why| not(&why))?);
        }
        let start = Start::of_server(server).ok_or_else(|| not("it has no command"))?;
        match self.gate.decide(Request::Start(start)) {
            Verdict::Allow(permit) => Ok((servers::Start { server: name.clone(), words, environment }, permit)),
            Verdict::Ask(question) => Err(not(&question.reason().why)),
            Verdict::Deny(reason) => Err(not(&reason.why)),
        }
    }

    /// Returns a value of a server's `env` with the caller's own variables in their places.
    fn filled(&self, value: &str) -> Result<String, String> {
        let (mut filled, mut rest) = (String::new(), value);
        for name in handed_on(value) {
            let held = self.servers.environment.get(name).ok_or_else(|| format!("`{}` is not set", visible(name)))?;
            let (before, after) = rest.split_once(&format!("${{env:{name}}}")).unwrap_or((rest, ""));
            filled.push_str(before);
            filled.push_str(held);
            rest = after;
        }
        filled.push_str(rest);
        Ok(filled)
    }

    /// Notes how a server stands, for whoever waits and in the record.
    fn stands(&self, server: &str, sender: &watch::Sender<Standing>, now: Standing) {
        let outcome = match &now {
            Standing::Starting => "starting".to_owned(),
            Standing::Ready(tools) => format!("{} tools", tools.len()),
            Standing::Failed(why) => why.clone(),
        };
        let event = AuditEvent::Served { server: server.into(), outcome: outcome.into() };
        // What cannot be recorded is not done: a server without its line is not used.
        let now = match self.audit.append(&event) {
            Ok(()) => now,
            Err(error) => Standing::Failed(super::unrecorded(&error).why),
        };
        sender.send_replace(now);
    }

    fn known_servers(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, watch::Sender<Standing>>> {
        self.servers.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts a server, and looks after it until it ends; when the worker is lost with it, it is started again in the next one.
async fn attend(session: Arc<Session>, index: usize, sender: watch::Sender<Standing>) {
    let Some(written) = session.agent.file.mcp_servers.get(index) else { return };
    let errors = Mutex::new(Kept::new(&session.servers.directory, index));
    let name = &written.name.value;
    let why = loop {
        // Each start has a permit of its own, which lasts until its end.
        let (start, permit) = match session.startable(written) {
            Ok(startable) => startable,
            Err(refusal) => break refusal.why,
        };
        session.stands(name, &sender, Standing::Starting);
        let client = session.client();
        let ended = live(&session, written, start, &client, &sender, &errors).await;
        drop(permit);
        match ended {
            Ok(why) => break why,
            Err(Lost) if session.replaced(&client).is_ok() => {}
            Err(Lost) => break GONE.to_owned(),
        }
    };
    session.stands(name, &sender, Standing::Failed(why));
}

/// Starts a server in this worker, names its tools, and returns how it ended, unless the worker did.
async fn live(
    session: &Session,
    written: &McpServer,
    start: servers::Start,
    client: &Client,
    sender: &watch::Sender<Standing>,
    errors: &Mutex<Kept>,
) -> Result<String, Lost> {
    let server = &written.name.value;
    let keep = |text: String| errors.lock().unwrap_or_else(PoisonError::into_inner).add(&text);
    let ended = client.follow(What::Serve(start), &keep);
    let listed = async {
        let what = What::Tools { server: server.clone(), timeout_ms: limit(written) };
        let now = match client.order(what, &|_| ()).await {
            Ok(Reply::Tools(tools)) => {
                let off = |tool: &Remote| session.policy.tools.takes_out(server, &tool.name);
                Standing::Ready(Arc::new(tools.into_iter().filter(|tool| !off(tool)).collect()))
            }
            Ok(Reply::Failed { why, .. }) => Standing::Failed(format!("the server `{}` does not start: {why}", visible(server))),
            Ok(_) => Standing::Failed(GONE.to_owned()),
            // Then its end is the worker's.
            Err(Lost) => return std::future::pending().await,
        };
        session.stands(server, sender, now);
        std::future::pending::<()>().await;
    };
    tokio::pin!(ended, listed);
    let reply = tokio::select! {
        // The order to start goes out before the one that asks what was started.
        biased;
        reply = &mut ended => reply,
        () = &mut listed => return Err(Lost),
    };
    match reply? {
        Reply::Failed { why, .. } => Ok(why),
        _ => Ok(GONE.to_owned()),
    }
}

fn limit(server: &McpServer) -> u64 {
    server.timeout_ms.as_ref().map_or(TIME, |limit| limit.value)
}

/// Returns whether a name may stand for a server's tool: it is neither a built-in tool's, nor one of another server's.
fn is_alias(of: &str, alias: &str) -> bool {
    of.starts_with('@') && !alias.starts_with('@') && NativeTool::named(alias).is_none()
}

/// What a server prints to its standard error, as far as it is kept.
struct Kept {
    file: Option<File>,
    room: usize,
}

impl Kept {
    /// By its number in the file: a name may be anything.
    fn new(directory: &Path, index: usize) -> Kept {
        let path = directory.join(format!("server-{}.stderr", index + 1));
        // Without a place for it the tail is still told with the server's end.
        let file = OpenOptions::new().create_new(true).append(true).mode(0o600).open(path).ok();
        Kept { file, room: KEPT }
    }

    fn add(&mut self, text: &str) {
        let text = text.get(..text.floor_char_boundary(self.room)).unwrap_or_default();
        self.room -= text.len();
        if let Some(file) = &mut self.file {
            // A full disk takes nothing from the server.
            let _ = file.write_all(text.as_bytes());
        }
    }
}
