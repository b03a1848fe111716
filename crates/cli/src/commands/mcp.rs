use std::path::PathBuf;

use clap::Args;
use remit_executor::{Audit, ExecutorError, Session, Workers, start_worker};
use remit_policy::Policy;
use remit_tasks::{
    Approval, ApprovedBy, Created, Event, Outcome, ProcessId, Store, TaskDir, Timestamp, derive_name, sweep_locks,
};

use crate::consent::{earlier, why};
use crate::desk::{Launcher, Started};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::load::ReadAs;
use crate::ui::Ui;
use crate::work::{self, Wanted, Work, prepare};

/// Give a chat host an agent's tools, over the Model Context Protocol
///
/// The host starts this command and talks to it over standard input and output. It is offered the tools that the agent may
/// see; each call goes through the policy, and everything happens in one sandbox. What is not pre-approved is asked of
/// you in the host, where the host can ask.
///
/// You must have approved the policy in this workspace: run the agent once on a terminal.
#[derive(Debug, Args)]
pub(crate) struct McpArgs {
    /// The agent: a file, or a name
    #[arg(long, value_name = "AGENT")]
    agent: String,

    /// Read the agent's patterns as this product does
    #[arg(long = "as", value_name = "PRODUCT", value_enum)]
    read_as: Option<ReadAs>,

    /// The workspace [default: the current directory]
    #[arg(long, value_name = "DIR")]
    cwd: Option<PathBuf>,

    /// Refuse to start when the host cannot hold all of the policy
    #[arg(long)]
    strict: bool,
}

pub(crate) fn mcp(ui: &Ui, args: &McpArgs) -> Result<Exit, Failure> {
    let wanted = Wanted { agent: Some(&args.agent), read_as: args.read_as, cwd: args.cwd.as_deref(), strict: args.strict };
    let work = prepare(ui, wanted)?;
    let digest = work.policy.digest();
    match earlier(&work, &digest)? {
        Some(Approval::Approved) => {}
        found => return Err(not_approved(found.as_ref(), &args.agent)),
    }
    let Work { workspace, state, agent, policy, host, plan } = work;
    let Some(agent) = agent else { return Err(Failure::new("a session needs an agent")) };
    // For as long as the process: the session's gate borrows it.
    let policy: &'static Policy = Box::leak(Box::new(policy));

    let mut store = Store::open(&state)?;
    let _ = sweep_locks(&state, None, Timestamp::now());
    let enabled = store.setting("delegate.enabled")?.as_deref() != Some("false");
    let task = TaskDir::create(&state)?;
    let id = task.id().clone();
    let command = ["remit", "mcp", "--agent", &args.agent].map(str::to_owned).to_vec();
    let by = ProcessId::own().map_err(|error| Failure::io("cannot look at `/proc`", &error))?;
    let created = Created::new(policy, &digest, Some(&agent.path), command).with_gaps(work::gaps(&plan));
    let events = vec![Event::Created(created), Event::Supervised { by }, Event::Approved { by: ApprovedBy::Earlier }];
    store.create(&id, &derive_name(&format!("session of {}", agent.name)), Timestamp::now(), events)?;

    let started = Started::default();
    let desk = Launcher::new(ui, policy, &workspace, id.clone(), started.clone());
    let mut workers = None;
    let served = start_worker(&plan, &workspace.root, &task).and_then(|worker| {
        store.append(&id, Timestamp::now(), &[Event::Started { pid: worker.pid() }])?;
        let audit = Audit::create(task.path(), work::secrets(&host)).map_err(|error| ExecutorError::Worker(error.source))?;
        Ok(remit_mcp::serve(|| {
            let (session, opened) = Session::open(agent, policy, plan.wall_time, worker, audit)?;
            workers = Some(opened);
            let session = session.with_servers(host.environment.clone(), task.path().as_path());
            Ok(if enabled { session.with_desk(Box::new(desk)) } else { session })
        }))
    });
    // What was launched outlives the session.
    let ended = workers.map_or(Ok(()), |workers: Workers| workers.end(&started.pids()));
    let (outcome, result) = match (served, ended) {
        (Ok(Ok(_)), Ok(())) => (Outcome::Succeeded, Ok(Exit::Done)),
        (Ok(Err(error)), _) => (Outcome::Failed { code: 1 }, Err(Failure::of(&error))),
        (Err(error), _) | (_, Err(error)) => {
            (Outcome::CouldNotStart { error: error.to_string() }, Err(work::could_not_start(&error, &state)))
        }
    };
    // The host knows that it has ended.
    task.end_told(&mut store, Timestamp::now(), outcome)?;
    result
}

fn not_approved(found: Option<&Approval>, agent: &str) -> Failure {
    Failure::new(why(found.unwrap_or(&Approval::None)))
        .help(format!("look at it and approve it on a terminal: `remit run --agent {agent} -- true`"))
        .exit(Exit::Denied)
}
