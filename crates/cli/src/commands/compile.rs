use std::path::PathBuf;

use clap::Args;
use remit_policy::Policy;
use serde::Serialize;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::load::{AgentArgs, load};
use crate::places;
use crate::ui::Ui;

/// Print an agent's policy as JSON, with the place that each rule comes from
#[derive(Debug, Args)]
pub(crate) struct CompileArgs {
    #[command(flatten)]
    agent: AgentArgs,

    /// The workspace [default: the current directory]
    #[arg(long, value_name = "DIR")]
    cwd: Option<PathBuf>,
}

#[derive(Serialize)]
struct Compiled<'a> {
    /// The version of this output; the policy has its own.
    version: u32,
    digest: String,
    policy: &'a Policy,
}

pub(crate) fn compile(ui: &Ui, args: &CompileArgs) -> Result<Exit, Failure> {
    let workspace = places::workspace(args.cwd.as_deref())?;
    let loaded = load(&args.agent.agent, args.agent.read_as, &workspace)?;
    ui.diagnostics(&loaded.warnings);
    let digest = loaded.policy.digest().to_string();
    ui.print_json(&Compiled { version: 1, digest, policy: &loaded.policy })?;
    Ok(Exit::Done)
}
