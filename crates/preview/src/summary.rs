use remit_diagnostics::visible;
use remit_policy::{Confinement, Otherwise};

use crate::names::{from_workspace, listed, quoted};
use crate::{FileGrant, NetworkReach, Preview, Writes};

/// How many patterns or paths one line names.
const MOST: usize = 3;

/// Returns what the policy comes to, in one line, as a person is asked to approve it.
pub fn summary(preview: &Preview) -> String {
    let name = preview.agent.as_deref().unwrap_or("trust-all");
    let what = match preview.confinement {
        Confinement::Unrestricted => "may do everything that your user can; nothing holds it".to_owned(),
        Confinement::Confined => [runs(preview), reads(preview), writes(preview), network(preview)].join("; "),
    };
    visible(&format!("{name}: {what}"))
}

fn runs(preview: &Preview) -> String {
    let commands = &preview.commands;
    match (commands.everything, commands.allow.as_slice(), commands.read_only) {
        (true, _, _) => "runs any command unasked".to_owned(),
        (false, [], true) => "runs commands that only read".to_owned(),
        (false, [], false) => match commands.otherwise {
            Otherwise::Ask => "runs no command unasked".to_owned(),
            Otherwise::Deny => "runs no command".to_owned(),
        },
        (false, patterns, read_only) => {
            let more = if read_only { " and what only reads" } else { "" };
            format!("runs {}{more}", listed(&quoted(patterns), MOST))
        }
    }
}

fn reads(preview: &Preview) -> String {
    let paths: Vec<String> = own(preview, |grant| grant.read || grant.execute);
    if paths.is_empty() { "reads none of your files".to_owned() } else { format!("reads {}", listed(&paths, MOST)) }
}

fn writes(preview: &Preview) -> String {
    let direct = said(preview, |grant| grant.writes == Writes::Direct && !grant.device);
    let layer = preview.files.grants.iter().any(|grant| grant.writes == Writes::PrivateLayer);
    match (direct.as_slice(), layer) {
        ([], true) => "writes to a private layer".to_owned(),
        ([], false) => "writes nothing".to_owned(),
        (paths, true) => format!("writes {} and a private layer", listed(paths, MOST)),
        (paths, false) => format!("writes {}", listed(paths, MOST)),
    }
}

fn network(preview: &Preview) -> String {
    match &preview.network.reach {
        NetworkReach::Nothing => "no network".to_owned(),
        NetworkReach::Hosts(hosts) => format!("network to {} only", listed(hosts, MOST)),
        NetworkReach::Everything => "the whole network".to_owned(),
    }
}

/// Returns the paths that the agent file grants, or its silence: the workspace first, then by path. What the profile adds
/// for every agent is on the page.
fn own(preview: &Preview, is_meant: impl Fn(&FileGrant) -> bool) -> Vec<String> {
    said(preview, |grant| !grant.of_profile && is_meant(grant))
}

fn said(preview: &Preview, is_meant: impl Fn(&FileGrant) -> bool) -> Vec<String> {
    let mut grants: Vec<&FileGrant> = preview.files.grants.iter().filter(|grant| is_meant(grant)).collect();
    grants.sort_by_key(|grant| grant.place);
    // What lies below another one is said with it.
    let is_said = |grant: &FileGrant| grants.iter().any(|other| other.path != grant.path && grant.path.is_beneath(&other.path));
    grants.iter().filter(|grant| !is_said(grant)).map(|grant| from_workspace(&grant.path, preview)).collect()
}
