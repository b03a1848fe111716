use remit_policy::{Confinement, Otherwise, StartKind};
use remit_sandbox::{Grant, Mechanism, Temporary};

use crate::names::{from_home, from_workspace, granted, limit, pattern, quoted};
use crate::page::{Body, Page, Tone};
use crate::{FileGrant, NetworkReach, Place, Preview, RenderStyle, Writes};

/// How many entries of a list are shown to people before it is cut; the data is never cut.
const MOST: usize = 6;
/// The same of lists that are the same for every agent.
const FEW: usize = 3;
/// Of what the agent's own file asks for, far more is shown: it is what is being approved.
const MOST_OWN: usize = 24;
/// Characters of a description: it explains, it does not decide.
const MOST_WORDS: usize = 300;

/// Returns the preview as one screen of text.
pub fn render(preview: &Preview, style: RenderStyle) -> String {
    let mut page = Page::new(style);
    head(&mut page, preview);
    match (preview.confinement, &preview.agent) {
        // There is no gate's side to show: everything runs.
        (Confinement::Unrestricted, None) => unrestricted(&mut page),
        (Confinement::Unrestricted, Some(_)) => {
            unrestricted(&mut page);
            tools(&mut page, preview);
            commands(&mut page, preview);
        }
        (Confinement::Confined, _) => {
            tools(&mut page, preview);
            commands(&mut page, preview);
            files(&mut page, preview);
            surroundings(&mut page, preview);
        }
    }
    starts(&mut page, preview);
    held(&mut page, preview);
    not_held(&mut page, preview);
    page.finish()
}

fn head(page: &mut Page, preview: &Preview) {
    page.heading(preview.agent.as_deref().unwrap_or("no agent: trust-all"), Tone::Heading);
    if let Some(description) = &preview.description {
        let cut: String = description.chars().take(MOST_WORDS).collect();
        let more = description.chars().count() - cut.chars().count();
        let end = if more == 0 { "\"".to_owned() } else { format!("…\" ({more} more characters)") };
        page.row("in its words", &Body::of(&format!("\"{cut}{end}"), Tone::Plain));
    }
    page.row("workspace", &Body::default().item(&from_home(&preview.workspace, &preview.home), Tone::Plain));
    page.row("profile", &Body::of(&preview.profile, Tone::Plain));
    if preview.agent.is_some() {
        page.row("patterns", &Body::of(reading(&preview.reading), Tone::Plain));
    }
    let digest: String = preview.digest.chars().take(12).collect();
    page.row("policy", &Body::of(&digest, Tone::Plain));
}

fn reading(name: &str) -> &'static str {
    match name {
        "kiro" => "regular expressions, as Kiro CLI reads them, over one simple command at a time",
        "q" => "regular expressions, as Amazon Q CLI reads them, over one simple command at a time",
        _ => "Remit's globs: a pattern without `*` is exactly that command",
    }
}

fn unrestricted(page: &mut Page) {
    page.heading("WARNING: nothing holds this task", Tone::Gap);
    let body =
        Body::of("It may read, change and delete everything that your user can, use the network, and read every", Tone::Gap)
            .words("secret in your home and environment; nothing holds it.", Tone::Gap);
    page.paragraph(&body);
    page.paragraph(&Body::of("Approve it only for work that you would do in this shell yourself.", Tone::Plain));
}

fn tools(page: &mut Page, preview: &Preview) {
    let tools = &preview.tools;
    page.heading("Tools", Tone::Heading);
    let row = |page: &mut Page, label: &str, names: &[String], tone: Tone, words: &str| {
        let body = Body::default().list(names, MOST_OWN, tone);
        match (names, words) {
            ([], _) => {}
            (_, "") => page.row(label, &body),
            _ => page.row(label, &body.mark(":").words(words, Tone::Plain)),
        }
    };
    row(page, "pre-approved", &tools.pre_approved, Tone::Care, "any use");
    row(page, "by command", &tools.by_command, Tone::Plain, "the commands below");
    row(page, "by path", &tools.by_path, Tone::Plain, "unasked for the files below, asks for others");
    row(page, "asks", &tools.asks, Tone::Care, "every time");
    row(page, "unknown", &tools.unknown, Tone::Care, "no product has it; grants nothing");
    let seen = [&tools.pre_approved, &tools.by_command, &tools.by_path, &tools.asks];
    let none = seen.iter().all(|names| names.is_empty());
    page.row("absent", &Body::of(if none { "every tool: denied" } else { "every other tool: denied" }, Tone::Plain));
}

fn commands(page: &mut Page, preview: &Preview) {
    let commands = &preview.commands;
    page.heading("Commands", Tone::Heading);
    let nothing = !commands.everything && commands.allow.is_empty() && !commands.read_only;
    if nothing && commands.otherwise == Otherwise::Deny {
        page.row("every one", &Body::of("denied", Tone::Plain));
        return;
    }
    if commands.everything {
        page.row("run unasked", &Body::of("every command line", Tone::Care));
    } else if !commands.allow.is_empty() {
        page.row("run unasked", &Body::default().list(&quoted(&commands.allow), MOST_OWN, Tone::Plain));
    } else if !commands.read_only {
        page.row("run unasked", &Body::of("none", Tone::Plain));
    }
    if !commands.unexamined.is_empty() {
        let programs = Body::of("the options of", Tone::Care).list(&quoted(&commands.unexamined), MOST_OWN, Tone::Care);
        page.row("", &programs.words("are not examined: no table describes them", Tone::Care));
    }
    if commands.read_only {
        let label = if commands.everything || !commands.allow.is_empty() { "and" } else { "run unasked" };
        page.row(label, &Body::of("those that Remit's table knows to only read, such as `ls`", Tone::Plain));
    }
    if !commands.deny.is_empty() {
        page.row("never", &Body::default().list(&quoted(&commands.deny), MOST_OWN, Tone::Plain));
        page.row("", &Body::of("by the gate only: what runs can do the same in another way", Tone::Care));
    }
    if !commands.everything {
        let (text, tone) = match commands.otherwise {
            Otherwise::Ask => ("ask you first", Tone::Care),
            Otherwise::Deny => ("denied", Tone::Plain),
        };
        page.row("all others", &Body::of(text, tone));
    }
    if preview.confinement == Confinement::Confined {
        page.paragraph(&Body::of("A command that runs can do what the kernel wall permits (below), and no more.", Tone::Plain));
    }
}

fn files(page: &mut Page, preview: &Preview) {
    let files = &preview.files;
    if files.kernel {
        page.heading("Files, as the kernel sees them", Tone::Heading);
    } else {
        page.heading("Files, as the policy has them: the kernel holds no command to this here", Tone::Gap);
    }
    written(page, preview);
    let own = own(preview, |_| true);
    for (label, execute) in [("read, execute", true), ("read", false)] {
        let items = own.iter().filter(|grant| grant.execute == execute && (execute || grant.writes == Writes::Nothing));
        let items: Vec<&FileGrant> = items.copied().collect();
        if !items.is_empty() {
            page.row(label, &grants(&items, preview));
        }
    }
    system(page, preview);
    patterns(page, preview);
}

/// Returns the grants that are not the system's: those in the workspace first.
fn own(preview: &Preview, is_meant: impl Fn(&FileGrant) -> bool) -> Vec<&FileGrant> {
    let grants = preview.files.grants.iter();
    let mut own: Vec<&FileGrant> = grants.filter(|grant| grant.place != Place::System && is_meant(grant)).collect();
    own.sort_by_key(|grant| grant.place);
    own
}

/// Writes what is granted nowhere, or only by name.
fn patterns(page: &mut Page, preview: &Preview) {
    let files = &preview.files;
    let row = |page: &mut Page, label: &str, patterns: &[String], most: usize, words: &str| {
        let mut patterns: Vec<String> = patterns.iter().map(|text| pattern(text, preview)).collect();
        // What lies in the workspace first, and then home: a reader knows those.
        patterns.sort_by_key(|text| (text.starts_with('/'), text.starts_with('~')));
        if !patterns.is_empty() {
            page.row(label, &Body::default().list(&patterns, most, Tone::Plain).mark(":").words(words, Tone::Plain));
        }
    };
    row(page, "not here", &files.absent, MOST, "granted, and there is no such path");
    row(page, "not written", &files.write_denied, MOST_OWN, "by no tool");
    // A pattern that the kernel does not hold has a gap that names it.
    let is_in_a_gap = |text: &String| preview.not_held.iter().any(|gap| gap.what.contains(&format!("`{text}`")));
    let (by_tools, hidden): (Vec<String>, Vec<String>) = files.hidden.iter().cloned().partition(is_in_a_gap);
    row(page, "hidden", &hidden, MOST, "neither read nor written");
    row(page, if hidden.is_empty() { "hidden" } else { "" }, &by_tools, MOST_OWN, "from the tools; see NOT HELD");
    row(page, "protected", &files.written_by_name, FEW, "written only where a rule names them");
    row(page, "secret", &files.read_by_name, FEW, "read only where a rule names them");
}

fn written(page: &mut Page, preview: &Preview) {
    let files = &preview.files;
    let direct = own(preview, |grant| grant.writes == Writes::Direct);
    if direct.is_empty() {
        page.row("write", &Body::of("nothing of yours", Tone::Plain));
    } else {
        page.row("write", &grants(&direct, preview));
    }
    if !files.read_only.is_empty() {
        let paths: Vec<String> = files.read_only.iter().map(|path| from_workspace(path, preview)).collect();
        page.row("but not", &Body::default().list(&paths, MOST, Tone::Plain));
    }
    let layered = own(preview, |grant| grant.writes == Writes::PrivateLayer);
    if !layered.is_empty() {
        page.row("private layer", &grants(&layered, preview));
        page.row("", &Body::of("writes go to a copy, and your files stay as they are: `remit diff` shows what was written, `remit apply` brings it over", Tone::Plain));
    }
    if !files.private.is_empty() {
        let paths: Vec<String> = files.private.iter().map(|private| from_home(&private.target, &preview.home)).collect();
        page.row("its own", &Body::default().list(&paths, MOST, Tone::Plain).mark(":").words("empty at the start", Tone::Plain));
    }
    if matches!(files.temporary, Temporary::Named(_)) {
        page.row("its own", &Body::of("a temporary directory, named by `TMPDIR`", Tone::Plain));
    }
}

/// Returns the paths of grants; one that is wider than its pattern says so.
fn grants(grants: &[&FileGrant], preview: &Preview) -> Body {
    let most = if grants.iter().all(|grant| grant.place == Place::Home) { MOST } else { MOST_OWN };
    let (wider, exact): (Vec<&FileGrant>, Vec<&FileGrant>) = grants.iter().copied().partition(|grant| grant.wider);
    let texts = |grants: &[&FileGrant]| -> Vec<String> { grants.iter().map(|grant| granted(grant, preview)).collect() };
    let body = Body::default().list(&texts(&exact), most, Tone::Plain);
    let body = if exact.is_empty() || wider.is_empty() { body } else { body.mark(",") };
    body.list(&texts(&wider), MOST_OWN, Tone::Care)
}

/// Folds the profile's paths outside home and workspace into a line for each kind of access.
fn system(page: &mut Page, preview: &Preview) {
    let kinds = [
        ("read, execute", Writes::Nothing, true),
        ("read", Writes::Nothing, false),
        ("private layer, execute", Writes::PrivateLayer, true),
        ("private layer", Writes::PrivateLayer, false),
        ("write, execute", Writes::Direct, true),
        ("write", Writes::Direct, false),
    ];
    let mut label = "the system";
    for (access, writes, execute) in kinds {
        let grants = preview.files.grants.iter().filter(|grant| grant.place == Place::System);
        let grants = grants.filter(|grant| grant.writes == writes && grant.execute == execute);
        let paths: Vec<String> = grants.map(|grant| grant.path.to_string()).collect();
        if !paths.is_empty() {
            // What can be changed is said in whole.
            let paths = if writes == Writes::Direct { paths } else { folded(&paths) };
            page.row(label, &Body::default().words(access, Tone::Plain).mark(":").list(&paths, MOST_OWN, Tone::Plain));
            label = "";
        }
    }
}

/// Returns the paths with three or more of one top directory made one entry.
fn folded(paths: &[String]) -> Vec<String> {
    let top = |path: &str| format!("/{}", path.trim_start_matches('/').split('/').next().unwrap_or(""));
    let mut folded: Vec<String> = Vec::new();
    for path in paths {
        let top = top(path);
        let parts = paths.iter().filter(|other| other.starts_with(&format!("{top}/"))).count();
        let entry = if parts >= 3 { format!("{parts} parts of {top}") } else { path.clone() };
        if !folded.contains(&entry) {
            folded.push(entry);
        }
    }
    folded
}

fn surroundings(page: &mut Page, preview: &Preview) {
    page.heading("Network, limits, environment", Tone::Heading);
    let network = match &preview.network.reach {
        NetworkReach::Nothing => Body::of("none", Tone::Plain),
        NetworkReach::Hosts(hosts) => Body::of("only", Tone::Plain).list(hosts, MOST_OWN, Tone::Plain),
        NetworkReach::Everything => Body::of("everything that this host can reach", Tone::Care),
    };
    let network = if preview.network.loopback { network.mark(";").words("a loopback of its own", Tone::Plain) } else { network };
    let asked_for_more = preview.network.reach != NetworkReach::Nothing && preview.network.gap;
    let network = if asked_for_more { network.mark(";").words("see NOT HELD", Tone::Gap) } else { network };
    page.row("network", &network);
    let limits: Vec<String> = preview.limits.iter().map(limit).collect();
    let limits =
        if limits.is_empty() { Body::of("none", Tone::Care) } else { Body::default().list(&limits, MOST_OWN, Tone::Plain) };
    page.row("limits", &limits);
    environment(page, preview);
}

fn environment(page: &mut Page, preview: &Preview) {
    let environment = &preview.environment;
    if environment.inherit {
        page.row("environment", &Body::of("every variable of yours, secrets too", Tone::Gap));
        return;
    }
    let own = |name: &&String| environment.passed_by_agent.contains(name);
    let (own, rest): (Vec<&String>, Vec<&String>) = environment.variables.iter().partition(own);
    let body = Body::default().list(&own, MOST_OWN, Tone::Care);
    let body = if own.is_empty() || rest.is_empty() { body } else { body.mark(",") };
    let body = body.list(&rest, MOST, Tone::Plain);
    let body = if environment.variables.is_empty() { Body::of("no variable", Tone::Plain) } else { body };
    page.row("environment", &body.mark(";").words("nothing else passes", Tone::Plain));
}

fn starts(page: &mut Page, preview: &Preview) {
    if preview.starts.is_empty() {
        return;
    }
    page.heading("Starts by itself, unasked", Tone::Care);
    for start in &preview.starts {
        let command = format!("`{}`", start.command);
        match &start.kind {
            StartKind::Hook { trigger, matcher } => {
                let when = matcher.as_ref().map_or_else(|| trigger.clone(), |matcher| format!("{trigger}, {matcher}"));
                page.row("hook", &Body::of(&when, Tone::Plain).mark(":").words(&command, Tone::Care));
            }
            StartKind::McpServer { name } => {
                page.row("MCP server", &Body::of(name, Tone::Plain).mark(":").words(&command, Tone::Care));
            }
        }
    }
}

fn held(page: &mut Page, preview: &Preview) {
    if preview.held.is_empty() {
        return;
    }
    page.heading("Held on this host", Tone::Heading);
    for together in preview.held.chunk_by(|a, b| a.grant == b.grant && a.by == b.by) {
        let Some(held) = together.first() else { continue };
        let what: Vec<&str> = together.iter().map(|held| held.what.as_str()).collect();
        let names: Vec<&str> = held.by.iter().copied().map(Mechanism::name).collect();
        let body = Body::of(&what.join("; "), Tone::Plain).mark(":");
        let body = match (held.kernel, names.is_empty()) {
            (true, _) => body.list(&names, MOST, Tone::Held),
            (false, false) => body.list(&names, MOST, Tone::Care).mark(",").words("not the kernel", Tone::Care),
            (false, true) => body.words("nothing", Tone::Gap),
        };
        page.row(grant_name(held.grant), &body);
    }
}

fn not_held(page: &mut Page, preview: &Preview) {
    if preview.confinement == Confinement::Unrestricted && preview.not_held.is_empty() {
        return;
    }
    if preview.not_held.is_empty() {
        page.heading("Not held on this host: nothing is left over", Tone::Heading);
        return;
    }
    page.heading("NOT HELD on this host", Tone::Gap);
    for gap in &preview.not_held {
        let body = Body::of(&gap.what, Tone::Gap).mark(":").words(&gap.why, Tone::Plain);
        page.row(grant_name(gap.grant), &body);
        if let Some(remedy) = &gap.remedy {
            page.row("", &Body::of("cure:", Tone::Heading).words(remedy, Tone::Plain));
        }
    }
}

fn grant_name(grant: Grant) -> &'static str {
    match grant {
        Grant::Tools => "tools",
        Grant::Commands => "commands",
        Grant::Files => "files",
        Grant::Network => "network",
        Grant::Environment => "environment",
        Grant::Limits => "limits",
        Grant::Processes => "processes",
    }
}
