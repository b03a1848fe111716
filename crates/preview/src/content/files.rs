//! The files as a small tree: what lies in the workspace first, then what the agent's own file grants elsewhere, then what
//! the profile gives every agent.

use remit_agent::AbsPath;
use remit_sandbox::Temporary;

use super::{FEW, MOST, MOST_OWN};
use crate::body::{Body, Tone};
use crate::names::{from_home, from_workspace, pattern};
use crate::sheet::Section;
use crate::{FileGrant, Place, Preview, Writes};

pub(super) fn files(preview: &Preview) -> Section {
    let mut section = if preview.files.kernel {
        Section::new("Files, as the kernel sees them", Tone::Heading)
    } else {
        Section::new("Files, as the policy has them: the kernel holds no command to this here", Tone::Gap)
    };
    if !preview.files.grants.iter().any(|grant| grant.writes == Writes::Direct && !grant.device) {
        row(&mut section, "written", Body::of("nothing of yours", Tone::Plain));
    }
    tree(&mut section, preview);
    folded(&mut section, preview, "your home", |grant| grant.place == Place::Home && grant.of_profile);
    folded(&mut section, preview, "the system", |grant| grant.place == Place::System);
    own(&mut section, preview);
    patterns(&mut section, preview);
    section
}

fn row(section: &mut Section, label: &str, body: Body) {
    section.branch(0, Body::of(label, Tone::Plain), body);
}

/// Something that holds at a path and below it.
struct Branch<'p> {
    place: Place,
    path: &'p str,
    body: Body,
}

fn tree(section: &mut Section, preview: &Preview) {
    let grants = preview.files.grants.iter().filter(|grant| grant.place != Place::System);
    let own = grants.filter(|grant| !(grant.place == Place::Home && grant.of_profile));
    let mut branches: Vec<Branch> =
        own.map(|grant| Branch { place: grant.place, path: grant.path.as_str(), body: rights(grant, preview) }).collect();
    branches.sort_by_key(|branch| (branch.place, branch.path));
    let nearest =
        |path: &str| branches.iter().map(|other| other.path).filter(|other| holds(other, path)).max_by_key(|other| other.len());
    for (at, branch) in branches.iter().enumerate() {
        // The workspace comes before the home that it lies in.
        let holders = || branches.iter().take(at).map(|other| other.path).filter(|other| holds(other, branch.path));
        let depth = holders().count();
        match holders().max_by_key(|holder| holder.len()) {
            Some(holder) => {
                section.branch(depth, Body::default().name(relative(branch.path, holder), Tone::Plain), branch.body.clone());
            }
            None if branch.path == preview.workspace.as_str() => row(section, "the workspace", branch.body.clone()),
            None => {
                let name = Body::default().name(&pattern(branch.path, preview), Tone::Plain);
                section.branch(depth, name, branch.body.clone());
            }
        }
        // What stays as it is inside a grant, in one line.
        let kept = preview.files.read_only.iter().map(AbsPath::as_str).filter(|path| nearest(path) == Some(branch.path));
        let kept: Vec<&str> = kept.map(|path| relative(path, branch.path)).collect();
        if !kept.is_empty() {
            let body = Body::default().names(&kept, MOST, Tone::Plain).mark(":").words("not written", Tone::Plain);
            section.branch(depth + 1, Body::of("but not", Tone::Plain), body);
        }
    }
}

fn relative<'p>(path: &'p str, holder: &str) -> &'p str {
    path.get(holder.len()..).unwrap_or("").trim_start_matches('/')
}

/// Returns whether a path lies below another.
fn holds(above: &str, below: &str) -> bool {
    below.strip_prefix(above).is_some_and(|rest| rest.starts_with('/') || above.ends_with('/'))
}

/// Returns what may be done at a grant's path, in words.
fn rights(grant: &FileGrant, preview: &Preview) -> Body {
    let tone = if grant.writes == Writes::Direct { Tone::Care } else { Tone::Plain };
    let body = Body::of(access(grant), tone);
    let body = if grant.wider {
        let patterns: Vec<String> = grant.patterns.iter().map(|text| pattern(text, preview)).collect();
        body.mark(";").words("wider than", Tone::Care).codes(&patterns, MOST_OWN, Tone::Care)
    } else {
        body
    };
    if grant.writes != Writes::PrivateLayer {
        return body;
    }
    body.mark(";").words("writes go to a private layer, your files stay as they are", Tone::Plain)
}

fn access(grant: &FileGrant) -> &'static str {
    match (grant.writes == Writes::Direct, grant.execute) {
        (true, true) => "read, write, execute",
        (true, false) => "read, write",
        (false, true) => "read, execute",
        (false, false) => "read",
    }
}

/// Folds grants into a line for each kind of access.
fn folded(section: &mut Section, preview: &Preview, label: &str, is_meant: impl Fn(&FileGrant) -> bool) {
    let kinds = [
        ("read, execute", Writes::Nothing, true),
        ("read", Writes::Nothing, false),
        ("private layer, execute", Writes::PrivateLayer, true),
        ("private layer", Writes::PrivateLayer, false),
        ("write, execute", Writes::Direct, true),
        ("write", Writes::Direct, false),
    ];
    let mut label = label;
    for (access, writes, execute) in kinds {
        let grants = preview.files.grants.iter().filter(|grant| is_meant(grant));
        let grants = grants.filter(|grant| grant.writes == writes && grant.execute == execute);
        let paths: Vec<String> = grants.map(|grant| from_home(&grant.path, &preview.home)).collect();
        if !paths.is_empty() {
            // What can be changed is said in whole.
            let (paths, most) = if writes == Writes::Direct { (paths, usize::MAX - 1) } else { (parts(&paths), MOST + 2) };
            row(section, label, Body::of(access, Tone::Plain).mark(":").names(&paths, most, Tone::Plain));
            label = "";
        }
    }
}

/// Returns the paths with three or more of one top directory made one entry.
fn parts(paths: &[String]) -> Vec<String> {
    let top = |path: &str| format!("/{}", path.trim_start_matches('/').split('/').next().unwrap_or(""));
    let mut folded: Vec<String> = Vec::new();
    for path in paths {
        let top = top(path);
        let parts = paths.iter().filter(|other| other.starts_with(&format!("{top}/"))).count();
        let entry = if parts >= 3 && path.starts_with('/') { format!("{parts} parts of {top}") } else { path.clone() };
        if !folded.contains(&entry) {
            folded.push(entry);
        }
    }
    folded
}

/// Says which directories are the task's own.
fn own(section: &mut Section, preview: &Preview) {
    let files = &preview.files;
    let mut label = "its own";
    let (caches, others): (Vec<_>, Vec<_>) = files.private.iter().partition(|private| private.target.is_beneath(&preview.home));
    for (private, words) in [(others, "empty at the start"), (caches, "caches that do not exist yet, gone with the task")] {
        if private.is_empty() {
            continue;
        }
        let paths: Vec<String> = private.iter().map(|private| from_home(&private.target, &preview.home)).collect();
        row(section, label, Body::default().names(&paths, MOST, Tone::Plain).mark(":").words(words, Tone::Plain));
        label = "";
    }
    if matches!(files.temporary, Temporary::Named(_)) {
        row(section, label, Body::of("a temporary directory, named by `TMPDIR`", Tone::Plain));
    }
}

/// Writes what is granted nowhere, or only by name.
fn patterns(section: &mut Section, preview: &Preview) {
    let files = &preview.files;
    let mut say = |label: &str, patterns: &[String], most: usize, words: &str| {
        let mut patterns: Vec<String> = patterns.iter().map(|text| pattern(text, preview)).collect();
        // What lies in the workspace first, and then home: a reader knows those.
        patterns.sort_by_key(|text| (text.starts_with('/'), text.starts_with('~')));
        if !patterns.is_empty() {
            let body = Body::default().names(&patterns, most, Tone::Plain).mark(":").words(words, Tone::Plain);
            row(section, label, body);
        }
    };
    say("not here", &files.absent, MOST, "granted, and there is no such path");
    let made: Vec<String> = files.made.iter().map(|path| from_workspace(path, preview)).collect();
    say("made", &made, MOST, "because it is granted and not there yet");
    say("not written", &files.write_denied, MOST_OWN, "by no tool");
    let from_tools = |text: &String| !files.kernel || files.hidden_from_tools.contains(text);
    let (by_tools, hidden): (Vec<String>, Vec<String>) = files.hidden.iter().cloned().partition(from_tools);
    say("hidden", &hidden, MOST, "neither read nor written");
    say(if hidden.is_empty() { "hidden" } else { "" }, &by_tools, MOST_OWN, "from the tools; see what nothing holds");
    say("protected", &files.written_by_name, FEW, "written only where a rule names them");
    say("secret", &files.read_by_name, FEW, "read only where a rule names them");
}
