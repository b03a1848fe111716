//! Runs a command as `remit run --yes` would on a host with less: without namespaces, with an older Landlock, or with none.
//!
//! Remit itself has no switch for any of this. What is altered is what the host is said to have, as plain data, between looking and
//! planning; everything before and after is the same code.
//!
//! ```text
//! other-host [--no-namespaces] [--landlock ABI] AGENT                 prints the preview, as JSON
//! other-host [--no-namespaces] [--landlock ABI] AGENT -- COMMAND      runs the command
//! ```
//!
//! With `OTHER_HOST_OBSERVED=FILE` an observer looks on, and what the plan says was refused goes there, a line each: act and path.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use remit_agent::{AbsPath, Agent, Reading, parse, read_agent_file};
use remit_executor::{AttendedBy, Audit, Ground, Redactor, Started};
use remit_launch::{Scratch, try_cgroups, try_host};
use remit_policy::{CommandLine, Policy, Profile, Request, Verdict, Workspace};
use remit_sandbox::{Availability, Host, Observed, Plan, Target, Trials, Watch, plan};
use remit_tasks::{Outcome, StateDir, TaskDir};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments == [remit_executor::PROXY] {
        return remit_executor::be_proxy().map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS);
    }
    let (options, command) = match arguments.iter().position(|argument| argument == "--") {
        Some(at) => (&arguments[..at], Some(&arguments[at + 1..])),
        None => (&arguments[..], None),
    };
    let other = OtherHost::from(options);
    let workspace = workspace();
    let state = StateDir::open_or_create(&workspace.state).unwrap();
    let policy = policy(&other.agent, &workspace);
    let host = other.alter(look(&policy, &state));
    let plan = plan(&policy, &host);
    if let Some(command) = command {
        return ExitCode::from(run(&policy, &plan, &workspace, &state, command));
    }
    let preview = serde_json::to_string(&remit_preview::preview(&policy, &plan)).unwrap();
    println!("{preview}");
    ExitCode::SUCCESS
}

struct OtherHost {
    agent: AbsPath,
    namespaces: bool,
    /// The version of Landlock's interface; 0 for none, and `None` for what this host has.
    landlock: Option<u32>,
}

impl OtherHost {
    fn from(options: &[String]) -> OtherHost {
        let agent = absolute(Path::new(options.last().expect("an agent file")));
        let mut other = OtherHost { agent, namespaces: true, landlock: None };
        let mut options = options[..options.len() - 1].iter();
        while let Some(option) = options.next() {
            match option.as_str() {
                "--no-namespaces" => other.namespaces = false,
                "--landlock" => other.landlock = Some(options.next().expect("a version").parse().expect("a number")),
                option => panic!("no such option: `{option}`"),
            }
        }
        other
    }

    fn alter(&self, mut host: Host) -> Host {
        if !self.namespaces {
            let missing = Availability::missing("they are switched off for a test", "use another host");
            host.namespaces = missing.clone();
            host.overlay = missing.clone();
            host.own_proc = missing.clone();
            host.network_namespace = missing;
        }
        if let Some(abi) = self.landlock {
            assert!(abi <= host.landlock_abi, "this host has ABI {} only", host.landlock_abi);
            host.landlock_abi = abi;
        }
        host
    }
}

fn workspace() -> Workspace {
    let variable = |name: &str| absolute(Path::new(&std::env::var_os(name).unwrap()));
    let root = absolute(&std::env::current_dir().unwrap());
    Workspace {
        root,
        home: variable("HOME"),
        state: variable("XDG_STATE_HOME").join("remit"),
        config: variable("XDG_CONFIG_HOME").join("remit"),
    }
}

fn absolute(path: &Path) -> AbsPath {
    AbsPath::new(path).unwrap()
}

fn policy(path: &AbsPath, workspace: &Workspace) -> Policy {
    let (bytes, canonical) = read_agent_file(path).unwrap();
    let (mut agent, _) = Agent::resolve(parse(path.as_str(), &bytes), path.clone(), Reading::Remit).unwrap();
    agent.path = canonical;
    let named = agent.file.settings.sandbox.as_ref().and_then(|sandbox| sandbox.value.profile.as_ref());
    let profile = Profile::load(named.map_or("dev", |name| name.value.as_str()), &BTreeMap::new()).unwrap();
    remit_policy::compile(&agent, &profile, workspace).unwrap().0
}

fn look(policy: &Policy, state: &StateDir) -> Host {
    Host::probe(policy, trials(state), try_cgroups(), std::env::vars().collect())
}

/// Tries what this host can do, or takes it from the file that the tests name for it.
fn trials(state: &StateDir) -> Trials {
    let kept = PathBuf::from(std::env::var_os("OTHER_HOST_TRIALS").expect("a file to keep what was tried"));
    if let Ok(text) = std::fs::read(&kept) {
        return serde_json::from_slice(&text).unwrap();
    }
    let scratch = Scratch { path: state.path().join(&format!("trial-{}", std::process::id())) };
    std::fs::create_dir(scratch.path.as_path()).unwrap();
    let trials = try_host(&scratch).unwrap();
    let new = kept.with_extension(std::process::id().to_string());
    std::fs::write(&new, serde_json::to_vec(&trials).unwrap()).unwrap();
    std::fs::rename(&new, &kept).unwrap();
    trials
}

/// Returns the exit code, as `remit run` has it.
fn run(policy: &Policy, plan: &Plan, workspace: &Workspace, state: &StateDir, command: &[String]) -> u8 {
    let gate = policy.gate();
    let permit = match gate.decide(Request::Command(CommandLine::Argv(command.to_vec()))) {
        Verdict::Allow(permit) => permit,
        Verdict::Deny(reason) => panic!("denied: {reason:?}"),
        Verdict::Ask(question) => panic!("not pre-approved: {question:?}"),
    };
    let task = TaskDir::create(state).unwrap();
    let attended = AttendedBy::Caller;
    let audit = Some(Audit::open(task.path(), None, policy, Redactor::default()).unwrap());
    let observed_at = std::env::var_os("OTHER_HOST_OBSERVED");
    let watch = observed_at.as_ref().map(|_| Watch::Refusals);
    let (directory, started) = (&workspace.root, Started::Within(&mut |_| Ok(())));
    let ground = Ground { audit, plan, directory, task: &task, elsewhere: &[], attended, started, watch };
    let code = |code: i32| u8::try_from(code).unwrap();
    let ran = remit_executor::run(permit, ground);
    if let (Some(path), Ok((_, Some(observed)))) = (observed_at, &ran) {
        std::fs::write(path, refused(observed)).unwrap();
    }
    match ran {
        Ok((Outcome::Succeeded, _)) => 0,
        Ok((Outcome::Failed { code: status }, _)) => code(status),
        Ok((Outcome::Killed { signal }, _)) => code(128 + signal),
        other => panic!("{other:?}"),
    }
}

fn refused(observed: &Observed) -> String {
    let line = |refused: &&remit_sandbox::Refused| {
        let act = serde_json::to_string(&refused.act).unwrap();
        match &refused.target {
            Target::Path(path) => format!("{} {path}\n", act.trim_matches('"')),
            Target::Address { address, port } => format!("{} {address} {port}\n", act.trim_matches('"')),
            Target::Process(number) => format!("{} {number:?}\n", act.trim_matches('"')),
        }
    };
    observed.refused().iter().map(line).collect()
}
