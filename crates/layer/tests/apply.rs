//! Applying: what arrives, what is refused, and that nothing half done is left.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "clippy's leave for tests does not reach the helpers of an integration test"
)]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use remit_layer::{Manner, Xattrs};

mod common;
use common::{World, done, list, modes, refused, tree};

const WORKSPACE: &str = r"
    mkdir -p src/deep docs old/inner kept
    printf 'one\ntwo\nthree\n' > src/lib.rs; printf 'fn main() {}\n' > src/main.rs; echo deep > src/deep/file
    printf 'a\0b' > logo.bin; echo text > notes.txt; ln -s notes.txt link; printf '#!/bin/sh\n' > run.sh
    echo guide > docs/guide.md; echo 1 > old/1; echo 2 > old/inner/2; echo same > kept/same; echo gone > gone.txt
    echo swap > swap; mkdir turned; echo x > turned/x; touch empty; echo l > was-link-to; ln -s was-link-to was-link
";
const TASK: &str = r"
    sed -i s/two/TWO/ src/lib.rs; printf 'a\0c' > logo.bin; ln -sfn src/lib.rs link; chmod 755 run.sh
    mv notes.txt renamed.txt; rm gone.txt; rm -r old; mkdir old; echo 3 > old/3
    mkdir -p new/dir/empty; echo new > new/file; rm swap; mkdir swap; echo s > swap/s; rm -r turned; echo t > turned
    touch kept/same; chmod 700 kept; mv docs papers; rm empty; printf '' > blank; chmod 640 src/main.rs
    mkdir shut; echo y > shut/y; chmod 555 shut; rm was-link; mkdir was-link; echo z > was-link/z
";

#[test]
fn everything_arrives() {
    for mode in modes() {
        for manner in [Manner::Each, Manner::AllOrNothing] {
            let world = World::new(mode, WORKSPACE, TASK);
            let upper = tree(&world.upper());
            let applied = world.apply(&[], manner);
            assert_eq!(refused(&applied), [""; 0]);
            assert_eq!(tree(&world.lower()), tree(&world.merged()), "{mode:?} {manner:?}");
            assert_eq!(tree(&world.upper()), upper, "the layer is only read");
            assert_eq!(list(&world.changes()), [""; 0]);
            world.assert_clean();
            assert_eq!(done(&world.apply(&[], manner)), [""; 0], "a second time there is nothing to do");
            fs::set_permissions(world.lower().join("shut"), fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
}

#[test]
fn only_what_is_chosen_arrives() {
    let Some(mode) = modes().pop() else { return };
    let check = |paths: &[&str], expected: &[&str]| {
        let world = World::new(mode, WORKSPACE, TASK);
        let before = tree(&world.lower());
        let applied = world.apply(paths, Manner::Each);
        assert_eq!((done(&applied), refused(&applied)), (expected.iter().map(ToString::to_string).collect(), vec![]));
        let (after, merged) = (tree(&world.lower()), tree(&world.merged()));
        for (path, entry) in before.iter().chain(&merged) {
            let text = String::from_utf8_lossy(path).into_owned();
            let expected = if expected.contains(&text.as_str()) { merged.get(path) } else { before.get(path) };
            assert_eq!(after.get(path), expected, "{text}: {entry}");
        }
    };
    check(&["src/lib.rs"], &["src/lib.rs"]);
    check(&["src"], &["src/lib.rs", "src/main.rs"]);
    // The directory that it needs comes too.
    check(&["new/dir/empty"], &["new", "new/dir", "new/dir/empty"]);
    // Of a rename, only the end that is named.
    check(&["docs/guide.md"], &["docs/guide.md"]);
    check(&["papers"], &["papers", "papers/guide.md"]);
    check(&["docs", "papers"], &["docs", "docs/guide.md", "papers", "papers/guide.md"]);
    check(&["turned"], &["turned", "turned/x"]);
    check(&["old/inner", "gone.txt"], &["gone.txt", "old/inner", "old/inner/2"]);
    check(&["swap/s"], &["swap", "swap/s"]);

    let world = World::new(mode, WORKSPACE, TASK);
    let error = world.try_apply(&["src/lib.rs", "nowhere"], &[], Manner::Each, &mut |_| {}).unwrap_err();
    assert_eq!(error.to_string(), "`nowhere` is not among the changes");
    assert_eq!(fs::read_to_string(world.lower().join("src/lib.rs")).unwrap(), "one\ntwo\nthree\n");
}

/// What somebody did in the workspace while the task ran, and what is refused for it.
#[test]
fn what_has_changed_underneath_is_refused() {
    let cases: &[(&str, &[&str])] = &[
        ("echo mine >> src/lib.rs", &["src/lib.rs: it has changed underneath since the task began"]),
        ("touch -d '2001-01-01' src/lib.rs", &["src/lib.rs: it has changed underneath since the task began"]),
        ("chmod 600 src/lib.rs", &["src/lib.rs: it has changed underneath since the task began"]),
        ("cp src/lib.rs x; mv x src/lib.rs", &["src/lib.rs: it has changed underneath since the task began"]),
        ("rm src/main.rs", &["src/main.rs: it was deleted underneath since the task began, or its directory was"]),
        (
            "rm -r src",
            &[
                "src: it was deleted underneath since the task began, or its directory was",
                "src/lib.rs: `src` is refused",
                "src/main.rs: `src` is refused",
            ],
        ),
        (
            "echo mine > new",
            &[
                "new: it has changed underneath since the task began",
                "new/dir: `new` is refused",
                "new/dir/empty: `new/dir` is refused",
                "new/file: `new` is refused",
            ],
        ),
        ("mkdir -p new; echo mine > new/file", &["new/file: it has changed underneath since the task began"]),
        ("echo mine >> gone.txt", &["gone.txt: it has changed underneath since the task began"]),
        ("echo mine > old/mine", &["old/mine: it has changed underneath since the task began"]),
        (
            "echo mine > old/inner/mine",
            &["old/inner: `old/inner/mine` is refused", "old/inner/mine: it has changed underneath since the task began"],
        ),
        (
            "echo mine >> old/inner/2",
            &["old/inner: `old/inner/2` is refused", "old/inner/2: it has changed underneath since the task began"],
        ),
        (
            "mv src source; ln -s source src",
            &[
                "src: it has become a symbolic link since the task began",
                "src/lib.rs: `src` is refused",
                "src/main.rs: `src` is refused",
            ],
        ),
        (
            "echo mine > turned/mine",
            &["turned: `turned/mine` is refused", "turned/mine: it has changed underneath since the task began"],
        ),
        ("echo mine >> turned/x", &["turned: `turned/x` is refused", "turned/x: it has changed underneath since the task began"]),
        ("echo mine >> notes.txt", &["notes.txt: it has changed underneath since the task began"]),
        ("chmod 750 kept", &["kept: it has changed underneath since the task began"]),
        ("rm gone.txt", &[]),
        ("printf 'one\\nTWO\\nthree\\n' > src/lib.rs", &[]),
    ];
    for mode in modes() {
        for (person, expected) in cases {
            let world = World::new(mode, WORKSPACE, TASK);
            world.person(person);
            let before = tree(&world.lower());
            let found = list(&world.changes());

            // All or nothing: nothing.
            let applied = world.apply(&[], Manner::AllOrNothing);
            assert_eq!(refused(&applied), *expected, "{mode:?}: {person}\n{found:?}");
            world.assert_clean();
            if expected.is_empty() {
                continue;
            }
            assert_eq!(tree(&world.lower()), before, "{mode:?}: {person}");
            assert_eq!(done(&applied), [""; 0]);

            // Each: the rest.
            let applied = world.apply(&[], Manner::Each);
            assert_eq!(refused(&applied), *expected, "{mode:?}: {person}");
            world.assert_clean();
            let (after, merged) = (tree(&world.lower()), tree(&world.merged()));
            for path in done(&applied) {
                assert_eq!(after.get(path.as_bytes()), merged.get(path.as_bytes()), "{mode:?}: {person}: {path}");
            }
            for line in refused(&applied) {
                let path = line.split_once(": ").unwrap().0;
                assert_eq!(after.get(path.as_bytes()), before.get(path.as_bytes()), "{mode:?}: {person}: {path}");
            }
            fs::set_permissions(world.lower().join("shut"), fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
}

/// What somebody does between the look and the deed is found by the second look, and stays.
#[test]
fn what_changes_in_the_last_moment_stays() {
    let Some(mode) = modes().pop() else { return };
    for manner in [Manner::Each, Manner::AllOrNothing] {
        for (path, task) in [("f", "echo task > f"), ("f", "rm f"), ("f", "rm f; mkdir f"), ("new", "echo task > new")] {
            let world = World::new(mode, "echo old > f; echo old > other", &format!("{task}; echo task > other"));
            let file = world.lower().join(path);
            let mut mine = false;
            let mut step = |step: &str| {
                if step == "commit" && !mine {
                    mine = true;
                    fs::write(&file, "mine\n").unwrap();
                }
            };
            let applied = world.try_apply(&[], &[], manner, &mut step).unwrap();
            assert_eq!(fs::read_to_string(&file).unwrap(), "mine\n", "{task}");
            assert_eq!(applied.refused.len(), 1, "{:?}", refused(&applied));
            let other = if manner == Manner::Each { "task\n" } else { "old\n" };
            assert_eq!(fs::read_to_string(world.lower().join("other")).unwrap(), other);
            world.assert_clean();
        }
    }
}

#[test]
fn a_link_leads_nowhere() {
    for mode in modes() {
        let world =
            World::new(mode, "mkdir -p a/b; echo old > a/b/f; echo old > g", "echo new > a/b/f; echo new > a/b/n; echo new > g");
        let outside = world.directory.path().join("outside");
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("f"), "outside\n").unwrap();
        fs::rename(world.lower().join("a/b"), world.lower().join("a/was")).unwrap();
        symlink(&outside, world.lower().join("a/b")).unwrap();
        let applied = world.apply(&[], Manner::Each);
        assert_eq!(done(&applied), ["g"]);
        assert_eq!(fs::read_to_string(outside.join("f")).unwrap(), "outside\n");
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);

        // One that comes in the last moment.
        let world = World::new(mode, "mkdir d; echo old > d/f", "echo new > d/f");
        let lower = world.lower();
        let mut step = |step: &str| {
            if step == "commit" {
                fs::rename(lower.join("d"), lower.join("e")).unwrap();
                symlink("e", lower.join("d")).unwrap();
            }
        };
        // The directory was open already: what was judged is what is changed.
        let applied = world.try_apply(&[], &[], Manner::Each, &mut step).unwrap();
        assert_eq!(done(&applied), ["d/f"]);
        world.assert_clean();
    }
}

#[test]
fn what_is_protected_is_applied_by_name_only() {
    let Some(mode) = modes().pop() else { return };
    let world = World::new(
        mode,
        "mkdir -p .git/hooks; echo old > .git/config",
        "echo evil > .git/hooks/pre-commit; echo evil > .git/config; echo x > f; ln -s elsewhere .vscode; mkdir .remit; echo y > .remit/agent",
    );
    let protected = [".git/hooks", ".git/config", ".vscode/tasks.json", ".remit"];
    let apply = |paths: &[&str]| world.try_apply(paths, &protected, Manner::Each, &mut |_| {}).unwrap();
    let why = "it is protected: name it to apply it";
    let expected =
        [".git/config", ".git/hooks/pre-commit", ".remit", ".remit/agent", ".vscode"].map(|path| format!("{path}: {why}"));
    let applied = apply(&[]);
    assert_eq!((done(&applied), refused(&applied)), (vec!["f".to_owned()], expected.to_vec()));
    assert_eq!(refused(&apply(&[".git", ".", ".vscode"])).len(), 4, "a directory above it does not name it");
    assert_eq!(done(&apply(&[".git/hooks"])), [".git/hooks/pre-commit"]);
    assert_eq!(done(&apply(&[".remit/agent"])), [""; 0], "its directory is not named");
    assert_eq!(done(&apply(&[".remit"])), [".remit", ".remit/agent"]);
}

#[test]
fn what_git_runs_of_a_repository_below_is_applied_by_name_only() {
    let Some(mode) = modes().pop() else { return };
    let task =
        "mkdir -p sub/.git/hooks sub/.git/objects other; echo evil > sub/.git/hooks/pre-commit; echo evil > sub/.git/config;
        echo x > sub/.git/objects/x; echo 'gitdir: ../sub/.git' > other/.git";
    let world = World::new(mode, "mkdir there", task);
    let why = "it is protected: name it to apply it";
    let applied = world.apply(&[], Manner::Each);
    let expected = ["other/.git", "sub/.git/config", "sub/.git/hooks", "sub/.git/hooks/pre-commit"];
    assert_eq!(refused(&applied), expected.map(|path| format!("{path}: {why}")));
    assert_eq!(done(&applied), ["other", "sub", "sub/.git", "sub/.git/objects", "sub/.git/objects/x"]);
    assert_eq!(done(&world.apply(&["sub"], Manner::Each)), [""; 0], "a directory above it does not name it");
    assert_eq!(done(&world.apply(&["sub/.git/config"], Manner::Each)), ["sub/.git/config"]);
}

#[test]
fn what_cannot_be_brought_over_is_refused() {
    let Some(mode) = modes().pop() else { return };
    let world = World::new(mode, "echo x > f", "mkfifo pipe; cp f set; chmod 4755 set; rm f; mkfifo f");
    let applied = world.apply(&[], Manner::Each);
    assert_eq!(
        refused(&applied),
        [
            "f: a pipe cannot be brought over",
            "pipe: a pipe cannot be brought over",
            "set: it would run with the rights of its owner: name it to apply it",
        ]
    );
    assert_eq!(done(&world.apply(&["set"], Manner::Each)), ["set"]);
    assert_eq!(fs::metadata(world.lower().join("set")).unwrap().mode() & 0o7777, 0o4755);
}

#[test]
fn attributes_of_a_file_come_along_and_marks_do_not() {
    for mode in modes() {
        let set = "python3 -c 'import os; os.setxattr(\"f\", \"user.mine\", b\"1\")'";
        let world = World::new(mode, &format!("echo x > f; {set}"), "echo y > f");
        world.apply(&[], Manner::Each);
        let file = fs::File::open(world.lower().join("f")).unwrap();
        let mut list = vec![0; 4096];
        let length = rustix::fs::flistxattr(&file, &mut list).unwrap();
        assert_eq!(&list[..length], b"user.mine\0", "{mode:?}");
    }
}

/// A directory that may not be written to, and a file that may not: the first refuses, for the second its directory decides.
#[test]
fn what_may_not_be_written_is_refused() {
    if rustix::process::geteuid().is_root() {
        return;
    }
    let Some(mode) = modes().pop() else { return };
    let world = World::new(
        mode,
        "mkdir shut; echo old > shut/f; echo old > ro; chmod 444 ro; echo old > g; chmod 555 shut",
        "echo new > shut/f; rm ro; echo new > ro; echo new > g",
    );
    let applied = world.apply(&[], Manner::AllOrNothing);
    assert_eq!(done(&applied), [""; 0]);
    assert!(refused(&applied)[0].starts_with("shut/f: cannot"), "{:?}", refused(&applied));
    assert_eq!(fs::read_to_string(world.lower().join("g")).unwrap(), "old\n");
    assert_eq!(done(&world.apply(&[], Manner::Each)), ["g", "ro"]);
    for tree in [world.lower(), world.upper(), world.merged()] {
        fs::set_permissions(tree.join("shut"), fs::Permissions::from_mode(0o755)).unwrap();
    }
    world.assert_clean();
}

#[test]
fn two_layers_over_one_workspace_do_not_mix() {
    let Some(mode) = modes().pop() else { return };
    let one = World::begun(mode, "echo old > f; echo old > g");
    // A second task of the same state, over the same workspace.
    let task = remit_tasks::TaskDir::create(&one.state).unwrap();
    let target = remit_agent::AbsPath::new(&one.lower()).unwrap();
    let scratch = task.make_scratch().unwrap();
    task.keep_layers(vec![remit_tasks::LayerToKeep { target: target.to_string(), name: "layer-0-upper".to_owned() }]).unwrap();
    remit_layer::Layers::note(
        task.path(),
        mode,
        vec![remit_layer::ToNote { target, purpose: remit_layer::Purpose::Workspace, by_name: Vec::new() }],
    )
    .unwrap();
    fs::create_dir(scratch.join("layer-0-upper").as_path()).unwrap();
    fs::set_permissions(scratch.join("layer-0-upper").as_path(), fs::metadata(one.lower()).unwrap().permissions()).unwrap();
    fs::write(scratch.join("layer-0-upper/f").as_path(), "two\n").unwrap();
    fs::write(scratch.join("layer-0-upper/h").as_path(), "two\n").unwrap();
    one.write(mode, "cat f; echo one > f; echo one > g; test ! -e h");

    assert_eq!(done(&one.apply(&[], Manner::Each)), ["f", "g"]);
    let layers = remit_layer::Layers::of(&one.state, task.id()).unwrap();
    let choice = remit_layer::Choice { paths: &[], protected: &[], manner: Manner::Each };
    let applied = remit_layer::apply(&layers, &layers.all()[0], &choice).unwrap();
    assert_eq!(
        (done(&applied), refused(&applied)),
        (vec!["h".to_owned()], vec!["f: it has changed underneath since the task began".to_owned()])
    );
}

#[test]
fn discarding_leaves_nothing_and_settling_keeps_what_was_written() {
    for mode in modes() {
        let world = World::new(mode, "echo x > f", "echo y > f; mkdir closed; chmod 0 closed");
        let layers = world.layers().settle().unwrap();
        assert_eq!(layers.all().len(), 1);
        let world = World::new(mode, "echo x > f", "cat f");
        assert_eq!(world.layers().settle().unwrap().all().len(), 0);
        assert!(!world.upper().exists());
    }
    let _ = Xattrs::User;
}
