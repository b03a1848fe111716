//! Network, limits, environment, and what starts by itself.

use remit_policy::StartKind;

use super::{MOST, MOST_OWN};
use crate::body::{Body, Tone};
use crate::names::{limit, milliseconds};
use crate::sheet::Section;
use crate::{NetworkReach, Preview};

pub(super) fn surroundings(preview: &Preview) -> Section {
    let mut section = Section::new("Network, limits, environment", Tone::Heading);
    let network = match &preview.network.reach {
        NetworkReach::Nothing => Body::of("none", Tone::Plain),
        NetworkReach::Hosts(hosts) => Body::of("only", Tone::Plain).names(hosts, MOST_OWN, Tone::Plain),
        NetworkReach::Everything => Body::of("everything that this host can reach", Tone::Care),
    };
    let network = if preview.network.loopback { network.mark(";").words("a loopback of its own", Tone::Plain) } else { network };
    let asked_for_more = preview.network.reach != NetworkReach::Nothing && preview.network.gap;
    let network = if asked_for_more { network.mark(";").words("see what nothing holds", Tone::Gap) } else { network };
    section.row("network", network);
    if let Some(proxy) = preview.network.proxy {
        let way = Body::of("by a proxy at", Tone::Plain).name(&proxy.to_string(), Tone::Plain);
        let way = way.mark(",").words("which `HTTP_PROXY` and its like name, set by Remit;", Tone::Plain);
        section.row("way out", way.words("every connection is in the audit record", Tone::Plain));
        let others = if preview.network.catches { "are led there on ports 80 and 443" } else { "reach nobody" };
        section.row("", Body::of("programs that ask no proxy", Tone::Plain).words(others, Tone::Plain));
    }
    let limits: Vec<String> = preview.limits.iter().map(limit).collect();
    let limits = if limits.is_empty() { Body::of("none", Tone::Care) } else { Body::of(&limits.join(", "), Tone::Plain) };
    section.row("limits", limits);
    environment(&mut section, preview);
    section
}

fn environment(section: &mut Section, preview: &Preview) {
    let environment = &preview.environment;
    if environment.inherit {
        section.row("environment", Body::of("every variable of yours, secrets too", Tone::Gap));
        return;
    }
    let own = |name: &&String| environment.passed_by_agent.contains(name);
    let (own, rest): (Vec<&String>, Vec<&String>) = environment.variables.iter().partition(own);
    let body = Body::default().names(&own, MOST_OWN, Tone::Care);
    let body = if own.is_empty() || rest.is_empty() { body } else { body.mark(",") };
    let body = body.names(&rest, MOST, Tone::Plain);
    let body = if environment.variables.is_empty() { Body::of("no variable", Tone::Plain) } else { body };
    section.row("environment", body.mark(";").words("nothing else passes", Tone::Plain));
}

pub(super) fn starts(preview: &Preview) -> Option<Section> {
    let mut section = Section::new("Starts by itself, unasked", Tone::Care);
    for start in &preview.starts {
        match &start.kind {
            StartKind::Hook { trigger, matcher, lets_through_after } => {
                let when = matcher.as_ref().map_or_else(|| trigger.clone(), |matcher| format!("{trigger}, {matcher}"));
                let body = Body::default().name(&when, Tone::Plain);
                let body = match lets_through_after {
                    Some(limit) => {
                        body.words(&format!("(a call goes on when it fails, or after {})", milliseconds(*limit)), Tone::Care)
                    }
                    None => body,
                };
                section.row("hook", body.mark(":").line(&start.command, Tone::Care));
            }
            StartKind::McpServer { name } => {
                section.row("MCP server", Body::default().name(name, Tone::Plain).mark(":").line(&start.command, Tone::Care));
                if !start.env.is_empty() {
                    section.row("  is given", Body::default().names(&start.env, MOST_OWN, Tone::Plain));
                }
                if !start.handed_on.is_empty() {
                    section.row("  your own", Body::default().names(&start.handed_on, MOST_OWN, Tone::Care));
                }
            }
        }
    }
    (!section.lines.is_empty()).then_some(section)
}
