use std::ffi::OsString;
use std::mem::ManuallyDrop;
use std::path::PathBuf;

use clap::Args;
use remit_executor::{self as executor, AttendedBy, Ground, Started};
use remit_explain::render;
use remit_sandbox::Watch;
use remit_tasks::{Created, Event, Outcome, Store, TaskDir, Timestamp, derive_name, given_name, sweep_locks};

use crate::commands::background::{self, BackgroundArgs};
use crate::consent::{Answer, Beforehand, Permitted, approve, permit};
use crate::exit::{self, Exit};
use crate::failure::Failure;
use crate::layers;
use crate::load::ReadAs;
use crate::observing;
use crate::over::over;
use crate::ui::Ui;
use crate::work::{self, Wanted, Work, prepare};

/// Run a command under an agent's policy
///
/// Shows the policy and asks, unless you approved the same policy in this workspace before. Without an agent the
/// command may do whatever you may, after a warning.
///
/// Exits with the command's own code; 124 over a limit of time, 125 could not start, 126 denied, 127 not found,
/// 128 + n killed by signal n. With `--background` it prints the id of the task and exits with 0.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch that is typed or not")]
pub(crate) struct RunArgs {
    /// The agent: a file, or a name
    #[arg(long, value_name = "AGENT")]
    pub(crate) agent: Option<String>,

    /// Read the agent's patterns as this product does
    #[arg(long = "as", value_name = "PRODUCT", value_enum, requires = "agent")]
    pub(crate) read_as: Option<ReadAs>,

    /// The workspace [default: the current directory]
    #[arg(long, value_name = "DIR")]
    pub(crate) cwd: Option<PathBuf>,

    /// Approve the policy without being asked
    #[arg(long, short = 'y', requires = "agent")]
    pub(crate) yes: bool,

    /// Run without an agent and without being asked
    #[arg(long, conflicts_with = "agent")]
    pub(crate) trust_all: bool,

    /// Refuse to start when the host cannot hold all of the policy
    #[arg(long)]
    pub(crate) strict: bool,

    /// Run it in the background: print the id of the task, and return
    #[arg(long, short = 'b')]
    pub(crate) background: bool,

    /// The name of the task [default: from its description or command]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,

    /// What the task is, in your words
    #[arg(long, value_name = "TEXT")]
    pub(crate) description: Option<String>,

    /// Look on, and say at the end what the wall refused, and the setting
    /// that would permit it; `remit why` says it again later
    #[arg(long, requires = "agent")]
    pub(crate) explain: bool,

    #[command(flatten)]
    pub(crate) later: BackgroundArgs,

    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

impl RunArgs {
    fn beforehand(&self) -> Beforehand {
        Beforehand { yes: self.yes, trust_all: self.trust_all }
    }

    /// Returns the name that is asked for; the store makes it unique.
    fn wanted_name(&self, command: &[String]) -> String {
        match (&self.name, &self.description) {
            (Some(name), _) => given_name(name),
            (None, Some(description)) => derive_name(description),
            (None, None) => derive_name(&command.join(" ")),
        }
    }
}

pub(crate) fn run(ui: &Ui, args: &RunArgs) -> Result<Exit, Failure> {
    let (agent, cwd) = (args.agent.as_deref(), args.cwd.as_deref());
    // Thousands of small pieces, which the end of the process gives back all at once.
    let work = ManuallyDrop::new(prepare(ui, Wanted { agent, read_as: args.read_as, cwd, strict: args.strict })?);
    let command = work::words(&args.command)?;
    let watch = observing::watch(args.explain, &work.policy, &work.host, Watch::Refusals)?;
    let name = args.wanted_name(&command);
    if args.background {
        return background::begin(ui, &work, args.beforehand(), background::asked_for(ui, args)?, command, &name);
    }
    foreground(ui, args, &work, command, &name, watch)
}

fn foreground(
    ui: &Ui,
    args: &RunArgs,
    work: &Work,
    command: Vec<String>,
    name: &str,
    watch: Option<Watch>,
) -> Result<Exit, Failure> {
    let gate = work.policy.gate();
    let digest = gate.digest();
    let approved = match approve(ui, args.beforehand(), work, digest)? {
        Answer::Yes(approved) => approved,
        Answer::No(failure) | Answer::NobodyThere(failure) => return Err(failure),
    };
    work::tell_of_read_only_workspace(ui, &work.policy, &work.plan);
    let permit = match permit(ui, &gate, &command)? {
        Permitted::Yes(permit) | Permitted::Answered(permit) => permit,
        Permitted::NobodyThere(failure) => return Err(failure),
    };

    let task = TaskDir::create(&work.state)?;
    let agent_path = work.agent.as_ref().map(|agent| &agent.path);
    let created = Created::new(&work.policy, digest, agent_path, command).with_gaps(work::gaps(&work.plan));
    let by = remit_tasks::ProcessId::own().map_err(|error| Failure::io("cannot look at `/proc`", &error))?;
    let events = vec![Event::Created(created), Event::Supervised { by }, Event::Approved { by: approved }];
    // Nothing is executed before the record stands.
    let mut started = |pid: u32| {
        let mut events = events.clone();
        events.push(Event::Started { pid });
        task.begin(name, Timestamp::now(), &events)
    };
    // What a task that was killed left behind goes now; that it could not go is no reason not to work.
    let _ = sweep_locks(&work.state, Some(&task), Timestamp::now());
    let audit = work::audit(work, &task).map_err(|error| Failure::of(&error))?;
    let outcome = executor::run(
        permit,
        Ground {
            audit,
            plan: &work.plan,
            directory: &work.workspace.root,
            task: &task,
            elsewhere: &work::elsewhere(&work.host),
            attended: AttendedBy::Caller,
            started: Started::Within(&mut started),
            watch,
        },
    );
    match outcome {
        Ok((outcome, observed)) => {
            if let Some((limit, value)) = over(&outcome, &work.policy) {
                ui.error(&format!("ended: {limit} limit {value}"), &["the agent file sets it, in `sandbox.limits`".to_owned()]);
            }
            if !work.plan.layers.is_empty() {
                layers::settle(ui, &work.state, task.id());
            }
            if let Some(observed) = observed {
                let explanation = observing::keep(task.fd(), &work.policy, &observed);
                ui.tell(&format!("\n{}", render(&explanation, outcome != Outcome::Succeeded)));
            }
            let exit = exit::of_outcome(&outcome);
            let takes_in = task.id().takes_in();
            task.end_noted(Timestamp::now(), outcome)?;
            if takes_in {
                // What is wrong with the store is for those to tell who show something of it.
                let _ = Store::open(&work.state);
            }
            Ok(exit)
        }
        Err(error) => {
            let failure = work::could_not_start(&error, &work.state);
            if !task.has_begun()
                && let Err(error) = task.begin(name, Timestamp::now(), &events)
            {
                // Nobody could ever look it up.
                let _ = task.discard();
                return Err(error.into());
            }
            layers::settle(ui, &work.state, task.id());
            task.end_noted(Timestamp::now(), Outcome::CouldNotStart { error: error.to_string() })?;
            Err(failure)
        }
    }
}
