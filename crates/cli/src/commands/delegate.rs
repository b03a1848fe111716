use std::path::PathBuf;

use clap::Args;
use remit_tasks::{Background, OnAsk, StateDir, Store, derive_name, given_name};

use crate::commands::background;
use crate::consent::Beforehand;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::load::ReadAs;
use crate::ui::Ui;
use crate::work::{Wanted, prepare};
use crate::{places, runner};

/// Give a task in words to a chat command, in the background, under an agent's policy
///
/// The chat command is yours to configure, and where the task goes in it:
///
///   remit settings runners.codex 'codex exec -- {prompt}'    as an argument
///   remit settings runners.custom 'my-chat --from {file}'    as a file
///   remit settings runners.claude 'claude -p'                from standard input
///
/// The whole session is held to the agent's policy: what it may run, its files, its network. The policy decides about the
/// chat command too, so the agent's `allowedCommands` should name it. Prints the id of the task.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct DelegateArgs {
    /// The agent: a file, or a name
    #[arg(long, value_name = "AGENT")]
    agent: Option<String>,

    /// Read the agent's patterns as this product does
    #[arg(long = "as", value_name = "PRODUCT", value_enum, requires = "agent")]
    read_as: Option<ReadAs>,

    /// The workspace [default: the current directory]
    #[arg(long, value_name = "DIR")]
    cwd: Option<PathBuf>,

    /// The runner [default: the setting `delegate.runner`, or the only one]
    #[arg(long, value_name = "NAME")]
    runner: Option<String>,

    /// Approve the policy without being asked
    #[arg(long, short = 'y', requires = "agent")]
    yes: bool,

    /// Run without an agent and without being asked
    #[arg(long, conflicts_with = "agent")]
    trust_all: bool,

    /// Refuse to start when the host cannot hold all of the policy
    #[arg(long)]
    strict: bool,

    /// The name of the task [default: from its words]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// What is to be done, in your words
    #[arg(value_name = "TASK")]
    task: String,
}

/// How long it waits for your answer, in seconds.
const PATIENCE: u64 = 24 * 3600;

pub(crate) fn delegate(ui: &Ui, args: &DelegateArgs) -> Result<Exit, Failure> {
    if args.task.trim().is_empty() {
        return Err(Failure::new("the task is empty"));
    }
    let store = Store::open(&StateDir::open_or_create(&places::state()?)?)?;
    let wanted = Wanted { agent: args.agent.as_deref(), read_as: args.read_as, cwd: args.cwd.as_deref(), strict: args.strict };
    let work = prepare(ui, wanted)?;
    let run = runner::with_prompt(&store, args.runner.as_deref(), &args.task, work.policy.agent.as_deref())?;
    drop(store);
    let background = Background {
        read_as: args.read_as.map(|read_as| read_as.word().to_owned()),
        strict: args.strict,
        on_ask: OnAsk::Wait,
        ask_limit: PATIENCE,
        after: None,
        launched: None,
        input: run.input,
        terminal: None,
        junit: Vec::new(),
        explain: false,
    };
    let name = args.name.as_deref().map_or_else(|| derive_name(&args.task), given_name);
    let beforehand = Beforehand { yes: args.yes, trust_all: args.trust_all };
    background::begin(ui, &work, beforehand, background, run.command, &name)
}
