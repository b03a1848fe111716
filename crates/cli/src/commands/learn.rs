//! Running a command to learn what it needs, behind a wall that is wide for reading and closed for everything else.

use std::ffi::OsString;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use remit_agent::{AbsPath, Reading, parse};
use remit_diagnostics::visible;
use remit_executor::{self as executor, AttendedBy, Ground, Started};
use remit_explain::{Lesson, explain, propose, render, uncovered};
use remit_lint::Disk as _;
use remit_policy::Workspace;
use remit_sandbox::{Availability, Host, Observed, Plan, Wall, Watch, plan};
use remit_tasks::{ApprovedBy, Created, Event, Outcome, ProcessId, StateDir, Store, TaskDir, Timestamp, derive_name};
use serde_json::{Value, json};

use crate::consent::{Permitted, not_approved, permit};
use crate::disk::HostDisk;
use crate::exit::{self, Exit};
use crate::failure::Failure;
use crate::load::{Loaded, Place, compile, user_profiles};
use crate::ui::Ui;
use crate::{ask, host, layers, observing, places, work};

/// Run a command to learn what it needs, and propose an agent file for it
///
/// While it learns the command reads your home, but for what is secret there, and
/// writes to a private layer; it has no network. The agent file grants what was
/// seen, and goes to standard output or to the file of `--output`.
///
/// Exits with the command's own code, as `remit run` does.
#[derive(Debug, Args)]
pub(crate) struct LearnArgs {
    /// Write the agent file here; a file that is there already stays
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,

    /// The workspace [default: the current directory]
    #[arg(long, value_name = "DIR")]
    cwd: Option<PathBuf>,

    /// Run it without being asked
    #[arg(long, short = 'y')]
    yes: bool,

    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

pub(crate) fn learn(ui: &Ui, args: &LearnArgs) -> Result<Exit, Failure> {
    let workspace = places::workspace(args.cwd.as_deref())?;
    let state = StateDir::open_or_create(&workspace.state)?;
    let command = work::words(&args.command)?;
    let Loaded { policy, .. } = load(&workspace, &classroom())?;
    let host = host::look(&policy, &state)?;
    for needed in [&host.namespaces, &host.overlay] {
        if let Availability::Missing { why, remedy } = needed {
            let failure = Failure::new(format!("learning needs a private layer and a root of its own: {why}"));
            let help = "or run it under an agent with `remit run --explain`, and add the settings that it names";
            return Err(failure.help(remedy.clone()).help(help).exit(Exit::CouldNotStart));
        }
    }
    let watch = observing::watch(true, &policy, &host, Watch::Everything)?;
    let plan = plan(&policy, &host);
    ui.tell(&format!(
        "learning in `{}`: the command reads your home, but for secrets,\nand writes to a private layer; it has no network",
        visible(workspace.root.as_str())
    ));
    if !args.yes && ask::yes_or_no("Run it so?")? != ask::Reply::Yes {
        return Err(not_approved());
    }
    let gate = policy.gate();
    let permit = match permit(ui, &gate, &command)? {
        Permitted::Yes(permit) | Permitted::Answered(permit) => permit,
        Permitted::NobodyThere(failure) => return Err(failure),
    };

    let mut store = Store::open(&state)?;
    let task = TaskDir::create(&state)?;
    let by = ProcessId::own().map_err(|error| Failure::io("cannot look at `/proc`", &error))?;
    let approved = if args.yes { ApprovedBy::Yes } else { ApprovedBy::Terminal };
    let created = Created::new(&policy, gate.digest(), None, command.clone());
    let events = vec![Event::Created(created), Event::Supervised { by }, Event::Approved { by: approved }];
    let name = derive_name(&format!("learn {}", command.join(" ")));
    let mut started = |pid: u32| {
        let mut events = events.clone();
        events.push(Event::Started { pid });
        store.create(task.id(), &name, Timestamp::now(), events)?;
        Ok(())
    };
    let ground = Ground {
        // There is no way out of its network.
        audit: None,
        plan: &plan,
        directory: &workspace.root,
        task: &task,
        elsewhere: &work::elsewhere(&host),
        attended: AttendedBy::Caller,
        started: Started::Beside(&mut started),
        watch,
    };
    // The launch's own start of it is not observed.
    let name_of_program = command.first().map_or("", String::as_str);
    let found = executor::find(name_of_program, &plan, &workspace.root, &[]);
    let program: Vec<AbsPath> = found.into_iter().flat_map(|path| [HostDisk.canonical(&path), Some(path)]).flatten().collect();
    let ran = executor::run(permit, ground);
    let id = task.id().clone();
    if ran.is_err() && store.record(&id).is_err() {
        store.create(&id, &name, Timestamp::now(), events.clone())?;
    }
    layers::settle(ui, &state, &id);
    let (outcome, observed) = match ran {
        Ok((outcome, observed)) => (outcome, observed.unwrap_or_default()),
        Err(error) => {
            let failure = work::could_not_start(&error, &state);
            task.end(&mut store, Timestamp::now(), Outcome::CouldNotStart { error: error.to_string() })?;
            store.tell_once(&id)?;
            return Err(failure);
        }
    };
    task.end(&mut store, Timestamp::now(), outcome.clone())?;
    store.tell_once(&id)?;
    propose_file(ui, args, &Learned { workspace, state, policy, host, observed, command, program }, &outcome)?;
    Ok(exit::of_outcome(&outcome))
}

struct Learned {
    workspace: Workspace,
    state: StateDir,
    policy: remit_policy::Policy,
    host: Host,
    observed: Observed,
    command: Vec<String>,
    program: Vec<AbsPath>,
}

fn propose_file(ui: &Ui, args: &LearnArgs, learned: &Learned, outcome: &Outcome) -> Result<(), Failure> {
    let Learned { workspace, state, policy, host, observed, command, program } = learned;
    if !observed.refused().is_empty() {
        ui.tell(&format!(
            "\nnot in the agent file, because it was refused while learning:\n{}",
            render(&explain(policy, observed), *outcome != Outcome::Succeeded)
        ));
    }
    if *outcome != Outcome::Succeeded {
        return Err(Failure::new("the command did not succeed, so nothing was learnt").exit(exit::of_outcome(outcome)));
    }
    let base = load(workspace, &json!({ "name": "base", "toolsSettings": { "sandbox": { "profile": "base" } } }))?.policy;
    let proposal = propose(Lesson { policy, base: &base, observed, command, program, environment: &host.environment });
    let proposed = load(workspace, &proposal.agent)?.policy;
    let proposed_plan: Plan = plan(&proposed, &host::look(&proposed, state)?);
    let left = uncovered(&Wall::of(&proposed_plan, Vec::new()), &proposed, policy, observed);
    let mut notes = proposal.notes;
    if !left.is_empty() {
        let shown: Vec<String> = left.iter().take(4).map(|path| format!("`{}`", visible(path))).collect();
        let more = if left.len() > shown.len() { format!(" and {} more", left.len() - shown.len()) } else { String::new() };
        notes.push(format!("used, and not granted by this file: {}{more}", shown.join(", ")));
    }
    if observed.dropped > 0 {
        notes.push("more files were used than an observer keeps: the file may grant too little".to_owned());
    }
    for note in &notes {
        ui.tell(&format!("note: {note}"));
    }
    let text = serde_json::to_string_pretty(&proposal.agent).map_err(|error| Failure::of(&error))? + "\n";
    let Some(path) = &args.output else { return ui.print(&text) };
    let failed = |error: &std::io::Error| {
        let failure = Failure::io(format!("cannot write `{}`", path.display()), error);
        failure.help("give the name of a file that does not exist with `--output`")
    };
    let mut file = File::options().write(true).create_new(true).open(path).map_err(|error| failed(&error))?;
    file.write_all(text.as_bytes()).map_err(|error| failed(&error))?;
    ui.tell(&format!("wrote `{}`; read it, then: remit run --agent {} -- …", path.display(), path.display()));
    Ok(())
}

/// The agent that a command learns under.
fn classroom() -> Value {
    json!({
        "name": "learn",
        "tools": ["execute_bash"],
        "allowedTools": ["execute_bash"],
        "toolsSettings": {
            "sandbox": { "profile": "dev", "workspace": "layer", "files": { "read": ["~"], "execute": ["~"] } }
        }
    })
}

fn load(workspace: &Workspace, agent: &Value) -> Result<Loaded, Failure> {
    let bytes = serde_json::to_vec(agent).map_err(|error| Failure::of(&error))?;
    // It is in no file yet; this is where one that people write would be.
    let path = workspace.config.join("agents/learn.json");
    let place = Place { path: path.clone(), canonical: path, reading: Reading::Remit };
    compile(parse("learn", &bytes), place, &user_profiles(workspace)?, workspace)
}
