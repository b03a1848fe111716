//! Runs the attempts of `tests/escapes/`: each first without remit, where it has to succeed, then inside a task.
//!
//! Each is then tried again with fewer walls: the root of its own alone, Landlock alone, and each older version of Landlock. What gets
//! through there has to be a gap that the preview of such a host prints.

use std::collections::BTreeMap;
use std::sync::Mutex;

use remit_tests::{Attempt, Expected, Host, LACKING, Outcome, Scene, Told, Wall, attempts, source};

macro_rules! files_of_attempts {
    ($($name:ident),*) => {
        $(
            #[test]
            fn $name() {
                check(concat!(stringify!($name), "/"));
            }
        )*

        #[test]
        fn every_file_is_tried() {
            let names = [$(concat!(stringify!($name), "/")),*];
            let all = attempts(&source().join("tests/escapes"));
            assert!(all.iter().all(|attempt| names.iter().any(|name| attempt.name.starts_with(name))), "a file has no test");
            assert!(all.len() >= 110, "{} attempts", all.len());
        }
    };
}

files_of_attempts!(contents, descriptors, execution, files, kernel, later, metadata, names, network, processes);

fn check(prefix: &str) {
    let host = Host::look();
    let all: Vec<Attempt> = list().into_iter().filter(|attempt| attempt.name.starts_with(prefix)).collect();
    let list: Vec<&Attempt> = all.iter().filter(|attempt| attempt.applies(host)).collect();
    let walls = walls(prefix, host);
    let (mut failures, mut lacking) = (Vec::new(), Vec::new());
    for attempt in &list {
        match control(attempt) {
            Control::Lacking => lacking.push(attempt.name.as_str()),
            Control::Proves => failures.extend(behind_walls(attempt, &walls)),
            Control::Fails(report) => {
                failures.push(format!("{}: it fails unconfined too, so it proves nothing\n{report}", attempt.name));
            }
        }
    }
    assert!(failures.is_empty(), "{} of {} on {host:?}:\n\n{}", failures.len(), list.len(), failures.join("\n\n"));
    assert!(lacking.len() * 2 <= list.len().max(8), "this kernel has too little to try anything: {lacking:?}");
}

/// Returns the whole list, or what is named in `REMIT_ATTEMPT`.
fn list() -> Vec<Attempt> {
    let all = attempts(&source().join("tests/escapes"));
    match std::env::var("REMIT_ATTEMPT") {
        Ok(name) => all.into_iter().filter(|attempt| attempt.name.contains(&name)).collect(),
        Err(_) => all,
    }
}

/// Files of attempts in which no version of Landlock has more to say than another: the first and the last are tried.
const ALIKE: [&str; 3] = ["execution/", "kernel/", "metadata/"];

/// Returns the walls that this host can be given. Without namespaces Landlock is what there is anyway.
fn walls(prefix: &str, host: Host) -> Vec<Wall> {
    let mut walls = vec![Wall::All];
    if host.namespaces {
        walls.push(Wall::RootAlone);
        let versions = (1..=host.landlock).filter(|version| !ALIKE.contains(&prefix) || [1, host.landlock].contains(version));
        walls.extend(versions.map(Wall::LandlockAlone));
    }
    walls
}

enum Control {
    Proves,
    /// The kernel has nothing of the kind.
    Lacking,
    Fails(String),
}

fn control(attempt: &Attempt) -> Control {
    let (plain, changes) = Scene::of(attempt).run(None);
    match plain.code {
        LACKING => Control::Lacking,
        0 if !attempt.by_effect || !changes.is_empty() => Control::Proves,
        _ => Control::Fails(plain.report()),
    }
}

/// Returns what is wrong with what became of the attempt behind each of the walls; the whole report for the first of them.
fn behind_walls(attempt: &Attempt, walls: &[Wall]) -> Option<String> {
    let wrong: Vec<(Wall, Wrong)> = walls.iter().filter_map(|wall| Some((*wall, wrong(attempt, *wall)?))).collect();
    let (_, Wrong { report, .. }) = wrong.first()?;
    let lines = wrong.iter().map(|(wall, wrong)| format!("{}, {wall:?}: {}\n", attempt.name, wrong.what));
    Some(lines.collect::<String>() + report)
}

struct Wrong {
    what: String,
    report: String,
}

fn wrong(attempt: &Attempt, wall: Wall) -> Option<Wrong> {
    let host = wall.on(Host::look());
    let scene = Scene::of(attempt);
    let (confined, changes) = scene.run(Some(wall));
    let got_through = if attempt.by_effect { !changes.is_empty() } else { confined.code == 0 };
    let what = match (attempt.expected(host), got_through) {
        _ if !confined.stdout.starts_with("started") => "it was not even started".to_owned(),
        (Expected::Blocked, true) => "it got through".to_owned(),
        (Expected::Blocked, false) if !changes.is_empty() => "it failed, and has changed something all the same".to_owned(),
        (Expected::Allowed, false) => "a false denial".to_owned(),
        // An older Landlock refuses more in places: nothing can be moved between directories before ABI 2.
        (Expected::Through, false) if host.landlock < Host::look().landlock => return None,
        (Expected::Through, false) => "it is held now: say so in the list, and no longer in the gaps".to_owned(),
        (Expected::Through, true) => untold(attempt, wall, &scene)?,
        (Expected::Blocked, false) | (Expected::Allowed, true) => return None,
    };
    Some(Wrong { what, report: format!("{}\n{}", changes.join("\n"), report(&confined)) })
}

/// Returns what is wrong when nobody tells that the attempt gets through here.
fn untold(attempt: &Attempt, wall: Wall, scene: &Scene) -> Option<String> {
    static GAPS: Mutex<BTreeMap<(String, String), Vec<String>>> = Mutex::new(BTreeMap::new());
    let Some(Told::Gap(words)) = &attempt.told else { return None };
    let key = (attempt.agent.clone(), format!("{wall:?}"));
    let known = GAPS.lock().unwrap().get(&key).cloned();
    let gaps = known.unwrap_or_else(|| wall.gaps(&scene.world, &scene.agent));
    GAPS.lock().unwrap().insert(key, gaps.clone());
    let told = gaps.iter().any(|gap| gap.contains(words.as_str()));
    (!told).then(|| format!("it gets through, and no gap has the words `{words}`: {gaps:#?}"))
}

fn report(outcome: &Outcome) -> String {
    outcome.report().lines().take(40).collect::<Vec<_>>().join("\n")
}
