//! An apply that is killed loses nothing, and a second one completes it.
//!
//! This test is its own child: with [`CHILD`] set it applies, and kills itself before the step that the variable says.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "clippy's leave for tests does not reach the helpers of an integration test"
)]

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;

use remit_layer::{Layers, Manner, Purpose, RelPath, Xattrs};

mod common;
use common::{World, list, modes, tree};

const CHILD: &str = "REMIT_LAYER_TEST_CHILD";

const WORKSPACE: &str = r"
    mkdir -p src docs old/inner; for i in 1 2 3; do echo $i > src/$i; echo $i$i > old/inner/$i; done
    echo text > notes.txt; ln -s notes.txt link; echo run > run.sh; echo guide > docs/guide.md; echo swap > swap
    mkdir turned; echo x > turned/x; echo y > turned/y; ln -s src was-link
";
const TASK: &str = r"
    for i in 1 2 3; do echo new $i > src/$i; done; rm -r old; chmod 755 run.sh; mv notes.txt renamed.txt; ln -sfn src link
    mv docs papers; rm swap; mkdir swap; echo s > swap/s; rm -r turned; echo t > turned; rm was-link; mkdir was-link; echo z > was-link/z
    mkdir -p new/dir; echo n > new/dir/n; mkdir shut; echo s > shut/s; chmod 555 shut
";

#[test]
fn child() {
    let Ok(argument) = std::env::var(CHILD) else { return };
    let mut parts = argument.split(' ');
    let (state, task) = (parts.next().unwrap(), parts.next().unwrap());
    let manner = if parts.next().unwrap() == "each" { Manner::Each } else { Manner::AllOrNothing };
    let last: u32 = parts.next().unwrap().parse().unwrap();
    let state = remit_agent::AbsPath::new(Path::new(state)).unwrap();
    let state = remit_tasks::StateDir::open_existing(&state).unwrap().unwrap();
    let layers = Layers::of(&state, &task.parse().unwrap()).unwrap();
    let mut steps = 0;
    let mut step = |_: &str| {
        steps += 1;
        if steps == last {
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        }
    };
    let choice = remit_layer::Choice { paths: &[], protected: &[], manner };
    let applied = remit_layer::apply_observed(&layers, &layers.all()[0], &choice, &mut step).unwrap();
    assert!(applied.refused.is_empty(), "{:?}", applied.refused);
}

#[test]
fn a_hundred_kills_lose_nothing() {
    let Some(mode) = modes().into_iter().next() else { return };
    let (workspace, merged) = {
        let world = World::new(mode, WORKSPACE, TASK);
        (tree(&world.lower()), tree(&world.merged()))
    };
    let steps: BTreeMap<&str, u32> = [("each", Manner::Each), ("all", Manner::AllOrNothing)]
        .map(|(name, manner)| {
            let world = World::new(mode, WORKSPACE, TASK);
            let mut steps = 0;
            world.try_apply(&[], &[], manner, &mut |_| steps += 1).unwrap();
            open(&world);
            (name, steps)
        })
        .into();
    let mut random = Random(7);
    let mut killed = 0;
    for round in 0..50 {
        for (name, steps) in &steps {
            let world = World::new(mode, WORKSPACE, TASK);
            let upper = tree(&world.upper());
            let at = if round < 5 { *steps - round } else { 1 + random.below(*steps) };
            killed += u32::from(apply_until(&world, name, at));
            assert_nothing_lost(&world, &workspace, &merged, &format!("{name}, step {at}"));
            // Every other time, who comes to finish it is killed too.
            if round % 2 == 1 {
                let again = 1 + random.below(20);
                apply_until(&world, name, again);
                assert_nothing_lost(&world, &workspace, &merged, &format!("{name}, steps {at} and {again}"));
            }
            assert_eq!(tree(&world.upper()), upper);
            assert!(!apply_until(&world, name, u32::MAX), "{name}, step {at}");
            assert_eq!(tree(&world.lower()), merged, "{name}, step {at}");
            assert_eq!(list(&world.changes()), [""; 0]);
            world.assert_clean();
            open(&world);
        }
    }
    assert!(killed >= 95, "{killed} were killed");
}

/// All or nothing: whoever asks next finds all, or nothing.
#[test]
fn what_was_to_be_all_or_nothing_is() {
    let Some(mode) = modes().pop() else { return };
    let mut nothing = 0;
    for at in (1..90).step_by(6) {
        let world = World::new(mode, WORKSPACE, TASK);
        let before = tree(&world.lower());
        if !apply_until(&world, "all", at) {
            open(&world);
            break;
        }
        // One that is asked for nothing clears up first; a file that is protected is a reason to do nothing.
        let applied = world.try_apply(&[], &["src/1"], Manner::AllOrNothing, &mut |_| {}).unwrap();
        let after = tree(&world.lower());
        if after == before {
            nothing += 1;
            assert_eq!(applied.refused.len(), 1);
        } else {
            assert_eq!(after, tree(&world.merged()), "step {at}");
            open(&world);
        }
        world.assert_clean();
    }
    assert!(nothing > 3, "{nothing}");
}

/// Somebody writes to a file while the apply that took it aside is dead: what they wrote is theirs.
#[test]
fn what_is_written_after_the_kill_stays() {
    let Some(mode) = modes().pop() else { return };
    for name in ["each", "all"] {
        for at in 1..70 {
            let world = World::new(mode, WORKSPACE, TASK);
            if !apply_until(&world, name, at) {
                open(&world);
                break;
            }
            world.person("echo mine > src/2; mkdir -p old; echo mine > old/mine");
            let _ = world.try_apply(&[], &[], Manner::Each, &mut |_| {});
            let text = std::fs::read_to_string(world.lower().join("src/2")).unwrap();
            assert_eq!(text, "mine\n", "{name}, step {at}");
            assert_eq!(std::fs::read_to_string(world.lower().join("old/mine")).unwrap(), "mine\n", "{name}, step {at}");
            open(&world);
        }
    }
}

#[test]
fn an_interrupted_apply_is_not_discarded() {
    let Some(mode) = modes().pop() else { return };
    let world = World::new(mode, WORKSPACE, TASK);
    assert!(apply_until(&world, "each", 12));
    let error = world.layers().discard(&world.state, world.task.id()).unwrap_err();
    assert!(error.to_string().contains("interrupted"), "{error}");
    assert!(world.upper().join("src/1").exists());
    let _ = (Xattrs::User, Purpose::Cache, RelPath::root());
    let _ = world.try_apply(&[], &[], Manner::Each, &mut |_| {});
    open(&world);
}

/// Applies in a process of its own, which dies before the given step. Returns whether it died.
fn apply_until(world: &World, manner: &str, step: u32) -> bool {
    let argument = format!("{} {} {manner} {step}", world.state.path(), world.task.id());
    let output = Command::new(std::env::current_exe().unwrap()).args(["--exact", "child"]).env(CHILD, argument).output().unwrap();
    let died = output.status.signal() == Some(9);
    assert!(died || output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    died
}

/// Every path holds what it held, or what the task made of it, whole; what is neither there nor gone by the task's doing is in staging.
#[track_caller]
fn assert_nothing_lost(world: &World, before: &BTreeMap<Vec<u8>, String>, merged: &BTreeMap<Vec<u8>, String>, when: &str) {
    let now = tree(&world.lower());
    let staged = |text: &String| now.iter().any(|(path, entry)| path.starts_with(b".remit-apply") && entry == text);
    for (path, old) in before.iter().filter(|(path, _)| !path.is_empty()) {
        let name = String::from_utf8_lossy(path);
        match now.get(path) {
            // A directory is open while it is filled.
            Some(entry) => assert!(entry == old || merged.get(path).is_some_and(|new| new == entry), "{when}: {name}: {entry}"),
            None => assert!(!merged.contains_key(path) || staged(old), "{when}: {name} is lost"),
        }
    }
}

/// So that the directory can be removed.
fn open(world: &World) {
    use std::os::unix::fs::PermissionsExt;
    for tree in [world.lower(), world.upper(), world.merged()] {
        if let Ok(facts) = std::fs::metadata(tree.join("shut")) {
            let mut permissions = facts.permissions();
            permissions.set_mode(0o755);
            std::fs::set_permissions(tree.join("shut"), permissions).unwrap();
        }
    }
}

/// The same numbers every time.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from((self.0 >> 33) % u64::from(limit)).unwrap()
    }
}
