//! What a person should look at first, the riskiest before the others.
//!
//! Each is a question to the policy, its gate or the plan; nothing is guessed from how a file looks.

use remit_policy::{CommandLine, Decision, NetworkMode, Otherwise, Policy, Request};
use remit_sandbox::Grant;
use serde::Serialize;

use crate::lookalike::lookalikes;
use crate::names::{from_workspace, listed, quoted};
use crate::{FileGrant, NetworkReach, Place, Preview, Writes};

/// One thing that the policy permits, or that nothing holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Risk {
    /// From 0 to 100; only the order means something.
    pub weight: u8,
    /// A lower-case fragment; what is not Remit's own words stands in backticks.
    pub text: String,
}

/// How many are on the page; the data has all of them.
pub(crate) const SHOWN: usize = 3;

pub(crate) fn risks(policy: &Policy, preview: &Preview) -> Vec<Risk> {
    let mut risks: Vec<Risk> = [
        disguised(preview),
        without_kernel(preview),
        commands(policy, preview),
        written(preview),
        read(preview),
        sent(policy, preview),
        tools(preview),
        started(preview),
        environment(preview),
        not_held(preview),
    ]
    .concat();
    // What weighs the same keeps this order.
    risks.sort_by_key(|risk| u8::MAX - risk.weight);
    risks
}

fn risk(weight: u8, text: impl Into<String>) -> Vec<Risk> {
    vec![Risk { weight, text: text.into() }]
}

/// Names that are not what they look like.
fn disguised(preview: &Preview) -> Vec<Risk> {
    let lists = [&preview.commands.allow, &preview.commands.deny, &preview.tools.pre_approved, &preview.tools.asks];
    let starts = preview.starts.iter().map(|start| &start.command);
    let texts = preview.agent.iter().chain(lists.into_iter().flatten()).chain(starts);
    let found = texts.filter_map(|text| Some((text, lookalikes(text).first().copied()?)));
    found.take(1).flat_map(|(text, character)| risk(95, format!("`{text}` is not what it looks like: {character}"))).collect()
}

fn without_kernel(preview: &Preview) -> Vec<Risk> {
    if preview.files.kernel {
        return Vec::new();
    }
    risk(92, "the kernel holds no command to any path here: what runs may read and change all that you can")
}

fn commands(policy: &Policy, preview: &Preview) -> Vec<Risk> {
    let commands = &preview.commands;
    if commands.everything {
        return risk(85, "runs every command line without asking; the kernel's bounds are all that is left");
    }
    let mut risks = Vec::new();
    let runs = |line: &[&str]| {
        let words = line.iter().map(|word| (*word).to_owned()).collect();
        policy.judge(&Request::Command(CommandLine::Argv(words))).0 == Decision::Allow
    };
    let free: Vec<String> =
        INTERPRETERS.iter().filter(|line| runs(*line)).map(|[program, option, _]| format!("{program} {option}")).collect();
    if !free.is_empty() {
        risks.extend(risk(75, format!("runs any program that it writes down: {} passes the gate", listed(&quoted(&free), 2))));
    }
    if let Some(first) = changed_scripts(policy, preview) {
        risks.extend(risk(
            68,
            format!("can change what it runs: `{}` does what `{}` says, and it may write that file", first.0, first.1),
        ));
    }
    if !commands.unexamined.is_empty() {
        let programs = listed(&quoted(&commands.unexamined), 3);
        risks.extend(risk(46, format!("runs {programs} with any options; nobody has written down what these do")));
    }
    if let Some(runs) = preview.project.runs.first() {
        risks.extend(risk(32, format!("`{}` runs whatever `{}` says when it is started", runs.command, runs.file)));
    }
    let runs_something = !commands.allow.is_empty() || commands.read_only || commands.otherwise == Otherwise::Ask;
    if let (Some(pattern), true) = (commands.deny.first(), runs_something && !commands.allow.is_empty()) {
        risks.extend(risk(
            24,
            format!("`{pattern}` is denied by the gate only: a program that runs can do the same in another way"),
        ));
    }
    if risks.is_empty() && !commands.allow.is_empty() {
        risks.extend(risk(14, format!("runs {} without asking", listed(&quoted(&commands.allow), 3))));
    }
    risks
}

/// Programs that run what they are given, with something that no table knows to be harmless.
const INTERPRETERS: [[&str; 3]; 7] = [
    ["bash", "-c", "some-program --of-its-own"],
    ["sh", "-c", "some-program --of-its-own"],
    ["python3", "-c", "open('x','w')"],
    ["python", "-c", "open('x','w')"],
    ["node", "-e", "process.exit(1)"],
    ["perl", "-e", "unlink 'x'"],
    ["ruby", "-e", "exec 'x'"],
];

/// Returns a command that runs unasked and the file that says what it does, where that file may be written unasked.
fn changed_scripts(policy: &Policy, preview: &Preview) -> Option<(String, String)> {
    let may_write = |file: &str| {
        let path = preview.workspace.join(file);
        let by_tool = policy.judge(&Request::WriteFile(path.clone())).0 == Decision::Allow;
        let by_command = preview.files.grants.iter().any(|grant| grant.writes == Writes::Direct && path.is_beneath(&grant.path));
        by_tool || by_command
    };
    let found = preview.project.runs.iter().find(|runs| may_write(&runs.file))?;
    Some((found.command.clone(), found.file.clone()))
}

fn written(preview: &Preview) -> Vec<Risk> {
    let direct: Vec<&FileGrant> =
        preview.files.grants.iter().filter(|grant| grant.writes == Writes::Direct && !grant.device).collect();
    let (inside, outside): (Vec<&FileGrant>, Vec<&FileGrant>) =
        direct.into_iter().partition(|grant| grant.place == Place::Workspace);
    let paths = |grants: &[&FileGrant]| {
        let paths: Vec<String> = grants.iter().map(|grant| from_workspace(&grant.path, preview)).collect();
        listed(&quoted(&paths), 3)
    };
    let mut risks = Vec::new();
    if !outside.is_empty() {
        risks.extend(risk(82, format!("changes files outside the workspace without asking: {}", paths(&outside))));
    }
    match inside.as_slice() {
        [] => {}
        _ if inside.iter().any(|grant| grant.path == preview.workspace) => {
            risks.extend(risk(62, "changes every file of the workspace without asking, but what is protected"));
        }
        _ => risks.extend(risk(40, format!("changes your files in {} without asking", paths(&inside)))),
    }
    risks
}

fn read(preview: &Preview) -> Vec<Risk> {
    let reads = |grant: &&FileGrant| grant.read && !grant.of_profile;
    let granted: Vec<&FileGrant> = preview.files.grants.iter().filter(reads).collect();
    if granted.iter().any(|grant| preview.home.is_beneath(&grant.path)) {
        return risk(78, "reads your whole home directory, but what is hidden");
    }
    let outside: Vec<String> = granted
        .iter()
        .filter(|grant| grant.place != Place::Workspace && grant.writes == Writes::Nothing)
        .map(|grant| from_workspace(&grant.path, preview))
        .collect();
    if !outside.is_empty() {
        return risk(44, format!("reads outside the workspace: {}", listed(&quoted(&outside), 3)));
    }
    if granted.is_empty() { Vec::new() } else { risk(10, "reads every file of the workspace, but what is hidden") }
}

fn sent(policy: &Policy, preview: &Preview) -> Vec<Risk> {
    match &policy.network.mode {
        NetworkMode::None => Vec::new(),
        NetworkMode::All => risk(84, "can send whatever it reads to every host that this machine can reach"),
        NetworkMode::Hosts(_) => match &preview.network.reach {
            NetworkReach::Hosts(hosts) if !preview.network.gap => {
                risk(52, format!("can send what it reads to {}", listed(&quoted(hosts), 3)))
            }
            _ => Vec::new(),
        },
    }
}

fn tools(preview: &Preview) -> Vec<Risk> {
    let mut risks = Vec::new();
    let pre_approved = |name: &str| preview.tools.pre_approved.iter().any(|tool| tool == name);
    if pre_approved("use_aws") {
        risks.extend(risk(80, "calls AWS with your credentials without asking"));
    }
    if pre_approved("use_subagent") || pre_approved("subagent") || pre_approved("delegate") {
        risks.extend(risk(70, "starts other agents without asking"));
    }
    if pre_approved("web_fetch") {
        risks.extend(risk(54, "fetches any page without asking: what it reads can stand in the address"));
    }
    let servers: Vec<String> = preview.tools.pre_approved.iter().filter(|tool| tool.starts_with('@')).cloned().collect();
    if !servers.is_empty() {
        risks.extend(risk(58, format!("uses {} without asking, whatever the server does with it", listed(&quoted(&servers), 3))));
    }
    risks
}

fn started(preview: &Preview) -> Vec<Risk> {
    match preview.starts.as_slice() {
        [] => Vec::new(),
        [one] => risk(66, format!("starts by itself, unasked: `{}`", one.command)),
        [first, rest @ ..] => risk(66, format!("starts by itself, unasked: `{}` and {} more", first.command, rest.len())),
    }
}

fn environment(preview: &Preview) -> Vec<Risk> {
    match preview.environment.passed_by_agent.as_slice() {
        _ if preview.environment.inherit => risk(90, "gets every variable of yours, secrets too"),
        [] => Vec::new(),
        names => risk(34, format!("gets your variables {}", listed(&quoted(names), 3))),
    }
}

fn not_held(preview: &Preview) -> Vec<Risk> {
    let weight = |grant: Grant| match grant {
        Grant::Files => 60,
        Grant::Network => 64,
        Grant::Environment => 56,
        Grant::Tools | Grant::Commands => 50,
        Grant::Processes => 28,
        Grant::Limits => 26,
    };
    // Where the kernel holds the grant, a gap says what is stricter than asked for, or a corner of it.
    let by_kernel = |grant: Grant| preview.held.iter().any(|held| held.kernel && held.grant == grant);
    let gaps = preview.not_held.iter().filter(|gap| !by_kernel(gap.grant));
    gaps.flat_map(|gap| risk(weight(gap.grant), format!("nothing holds here: {}", gap.what))).collect()
}
