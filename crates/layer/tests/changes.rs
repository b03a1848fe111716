//! What a task wrote in a real overlay is what `changes` says, whichever way the overlay was mounted.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "clippy's leave for tests does not reach the helpers of an integration test"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use remit_layer::{PatchStyle, StatStyle, Xattrs, patch, stat};

mod common;
use common::{World, list, modes, run, tree};

const WORKSPACE: &str = r"
    mkdir -p src/deep docs old/inner kept
    printf 'one\ntwo\nthree\n' > src/lib.rs; printf 'fn main() {}\n' > src/main.rs; echo deep > src/deep/file
    printf 'a\0b' > logo.bin; echo text > notes.txt; ln -s notes.txt link; printf '#!/bin/sh\n' > run.sh
    echo guide > docs/guide.md; echo 1 > old/1; echo 2 > old/inner/2; echo same > kept/same; echo gone > gone.txt
    echo swap > swap; mkdir turned; echo x > turned/x; printf 'no newline' > bare; touch empty
";
const TASK: &str = r"
    sed -i s/two/TWO/ src/lib.rs; printf 'a\0c' > logo.bin; ln -sfn src/lib.rs link; chmod 755 run.sh
    mv notes.txt renamed.txt; rm gone.txt; rm -r old; mkdir old; echo 3 > old/3
    mkdir -p new/dir/empty; echo new > new/file; rm swap; mkdir swap; echo s > swap/s; rm -r turned; echo t > turned
    printf 'no newline either' > bare; touch kept/same; chmod 700 kept; mv docs papers
    mkfifo pipe; rm empty; printf '' > blank
";

#[test]
fn everything_that_a_task_can_do_is_found() {
    for mode in modes() {
        let world = World::new(mode, WORKSPACE, TASK);
        assert_eq!(
            list(&world.changes()),
            [
                "Modified bare",
                "Added blank",
                "Deleted docs",
                "Deleted empty",
                "Deleted gone.txt",
                "ModeChanged kept",
                "Modified link",
                "Modified logo.bin",
                "Added new",
                "Added new/dir",
                "Added new/dir/empty",
                "Added new/file",
                "Deleted old/1",
                "Added old/3",
                "Deleted old/inner",
                "Deleted old/inner/2",
                "Added papers",
                "Renamed docs/guide.md => papers/guide.md",
                "Added pipe",
                "Renamed notes.txt => renamed.txt",
                "ModeChanged run.sh",
                "Modified src/lib.rs",
                "TypeChanged swap",
                "Added swap/s",
                "TypeChanged turned",
                "Deleted turned/x",
            ],
            "{mode:?}"
        );
    }
}

#[test]
fn the_stat_reads_like_gits() {
    let Some(mode) = modes().pop() else { return };
    let world = World::new(mode, WORKSPACE, TASK);
    let text = stat(&world.view(), &world.changes(), StatStyle { color: false, width: 80, all: false, most: usize::MAX });
    insta::assert_snapshot!(text, @r#"
    bare                             | 2 +-
    blank                            | 0
    empty                            | 0
    gone.txt                         | 1 -
    kept/                            | 0
    link                             | 2 +-
    logo.bin                         | Bin 3 -> 3 bytes
    new/dir/empty/                   | new directory
    new/file                         | 1 +
    old/1                            | 1 -
    old/3                            | 1 +
    old/inner/2                      | 1 -
    docs/guide.md => papers/guide.md | 0
    pipe                             | new pipe
    notes.txt => renamed.txt         | 0
    run.sh                           | 0
    src/lib.rs                       | 2 +-
    swap                             | 1 -
    swap/s                           | 1 +
    turned                           | 1 +
    turned/x                         | 1 -
    19 files changed, 7 insertions(+), 8 deletions(-)
    create mode 100644 blank
    delete mode 100644 empty
    delete mode 100644 gone.txt
    mode change 040755 => 040700 kept
    create directory new/dir/empty
    create mode 100644 new/file
    delete mode 100644 old/1
    create mode 100644 old/3
    delete mode 100644 old/inner/2
    rename docs/guide.md => papers/guide.md (100%)
    create mode 010644 pipe
    rename notes.txt => renamed.txt (100%)
    mode change 100644 => 100755 run.sh
    mode change 100644 => 040755 swap
    create mode 100644 swap/s
    mode change 040755 => 100644 turned
    delete mode 100644 turned/x
    "#);
}

#[test]
fn a_directory_with_many_files_is_one_line() {
    let Some(mode) = modes().pop() else { return };
    let world = World::new(
        mode,
        "mkdir gone; for i in $(seq 30); do echo old $i > gone/$i; done; echo x > moved",
        "mkdir -p target/debug; for i in $(seq 25); do echo $i > target/debug/$i; done; mv moved target/moved; rm -r gone; echo y > y",
    );
    let show = |all| stat(&world.view(), &world.changes(), StatStyle { color: false, width: 80, all, most: usize::MAX });
    insta::assert_snapshot!(show(false), @r#"
    gone/                 | 30 deleted files, 201 bytes
    target/               | 25 new files, 66 bytes
    moved => target/moved | 0
    y                     | 1 +
    57 files changed, 1 insertion(+)
    rename moved => target/moved (100%)
    create mode 100644 y
    "#);
    assert_eq!(show(true).lines().filter(|line| line.contains('|')).count(), 25 + 30 + 2);
}

/// A patch is right when git makes of the old tree what the task made of it.
#[test]
fn git_applies_the_patch() {
    // What a patch has no word for is done by hand on both sides: binary content, empty directories, other modes.
    let workspace = format!(
        "{WORKSPACE}\nprintf '1\\n2\\n3\\n4\\n5\\n6\\n7\\n8\\n9\\n' > long; echo x > 'a b'; echo y > 'tab\there'; echo z > grün"
    );
    let task = r"
        sed -i s/two/TWO/ src/lib.rs; ln -sfn src/lib.rs link; chmod 755 run.sh; mv notes.txt renamed.txt; rm gone.txt
        rm swap; ln -s src swap; mkdir new; echo new > new/file; printf 'no newline either' > bare; rm empty; printf '' > blank
        sed -i '1d;$d' long; echo more >> 'a b'; echo more >> 'tab	here'; echo more >> grün; printf 'a\nb' > 'b c'; chmod 755 long
    ";
    for mode in modes() {
        let world = World::new(mode, &workspace, task);
        let (view, changes) = (world.view(), world.changes());
        let parts = changes.list.iter().map(|change| patch(&view, change, PatchStyle::default()).unwrap());
        let file = world.directory.path().join("patch");
        fs::write(&file, parts.collect::<Vec<_>>().concat()).unwrap();
        run(Command::new("git").args(["init", "--quiet", "."]).current_dir(world.lower()));
        run(Command::new("git").args(["apply", "--check"]).arg(&file).current_dir(world.lower()));
        run(Command::new("git").arg("apply").arg(&file).current_dir(world.lower()));
        fs::remove_dir_all(world.lower().join(".git")).unwrap();
        assert_eq!(tree(&world.lower()), tree(&world.merged()), "{mode:?}");
    }
}

#[test]
fn a_patch_shows_what_changed() {
    let Some(mode) = modes().pop() else { return };
    let world = World::new(mode, WORKSPACE, TASK);
    let (view, changes) = (world.view(), world.changes());
    let of = |names: &[&str], style| {
        let chosen = changes.list.iter().filter(|change| names.contains(&change.path.quoted().as_str()));
        let bytes: Vec<u8> = chosen.flat_map(|change| patch(&view, change, style).unwrap()).collect();
        String::from_utf8(bytes).unwrap()
    };
    insta::assert_snapshot!(of(&["bare", "logo.bin", "renamed.txt", "run.sh", "src/lib.rs", "turned"], PatchStyle::default()), @r#"
    diff --git a/bare b/bare
    --- a/bare
    +++ b/bare
    @@ -1 +1 @@
    -no newline
    \ No newline at end of file
    +no newline either
    \ No newline at end of file
    diff --git a/logo.bin b/logo.bin
    Binary files a/logo.bin and b/logo.bin differ
    diff --git a/notes.txt b/renamed.txt
    similarity index 100%
    rename from notes.txt
    rename to renamed.txt
    diff --git a/run.sh b/run.sh
    old mode 100644
    new mode 100755
    diff --git a/src/lib.rs b/src/lib.rs
    --- a/src/lib.rs
    +++ b/src/lib.rs
    @@ -1,3 +1,3 @@
     one
    -two
    +TWO
     three
    diff --git a/turned b/turned
    new file mode 100644
    --- /dev/null
    +++ b/turned
    @@ -0,0 +1 @@
    +t
    "#);
}

#[test]
fn content_cannot_repaint_a_terminal() {
    let Some(mode) = modes().pop() else { return };
    let world = World::new(mode, ":", r"printf 'a\tb\033[2J\r\n' > f");
    let (view, changes) = (world.view(), world.changes());
    let text = String::from_utf8(patch(&view, &changes.list[0], PatchStyle { color: false, visible: true }).unwrap()).unwrap();
    assert!(text.contains("+a\tb\\u{1b}[2J\\r\n"), "{text}");
}

#[test]
fn names_are_bytes() {
    for mode in modes() {
        let world = World::new(
            mode,
            r#"echo x > "$(printf 'caf\351')"; mkdir "$(printf 'd\nd')""#,
            r#"
            echo more >> "$(printf 'caf\351')"; echo y > "$(printf 'd\nd')/$(printf '\033[2J')"; echo - > -; echo q > '"'"#,
        );
        assert_eq!(list(&world.changes()), [r#"Added "\"""#, "Added -", r#"Modified "caf\351""#, r#"Added "d\nd/\033[2J""#]);
        world.apply(&[], remit_layer::Manner::Each);
        assert_eq!(tree(&world.lower()), tree(&world.merged()));
    }
}

#[test]
fn what_cannot_be_read_is_said() {
    if rustix::process::geteuid().is_root() {
        // Root reads everything; the whole-binary tests run as another user too.
        return;
    }
    for mode in modes() {
        let world = World::new(mode, "echo x > f", "mkdir closed; echo y > closed/y; chmod 0 closed; chmod 0 f");
        let lines = list(&world.changes());
        assert!(lines.iter().any(|line| line.starts_with("Unread closed")), "{lines:?}");
        assert!(lines.iter().any(|line| line.starts_with("Unread f")), "{lines:?}");
        fs::set_permissions(world.upper().join("closed"), fs::Permissions::from_mode(0o700)).unwrap();
    }
}

/// What a task sets on its own files are no marks, however they are called.
#[test]
fn a_task_cannot_write_marks() {
    for mode in modes() {
        let set = |name: &str, path: &str| {
            format!("python3 -c 'import os; os.setxattr(\"{path}\", \"{name}\", b\"y\")' 2>/dev/null || :\n")
        };
        let script = ["user.overlay.whiteout", "user.overlay.opaque", "user.overlay.redirect", "user.overlay.metacopy"]
            .iter()
            .map(|name| set(name, "d") + &set(name, "d/f") + &set(name, "new"))
            .collect::<Vec<_>>()
            .concat();
        let world = World::new(mode, "mkdir d; echo 1 > d/f; echo 2 > d/g", &format!("echo n > new; echo more >> d/f\n{script}"));
        assert_eq!(list(&world.changes()), ["Modified d/f", "Added new"], "{mode:?}");
    }
}

/// Whiteouts may be empty files with a mark, in a directory that says so (Linux 6.7); and what is not known is no guess.
#[test]
fn marks_are_read_as_they_are_written() {
    if modes().is_empty() {
        return;
    }
    let world = World::begun(Xattrs::User, "mkdir d; echo 1 > d/1; echo 2 > d/2; mkdir e; echo 3 > e/3; mkdir m");
    for directory in ["d", "e", "m"] {
        fs::create_dir(world.upper().join(directory)).unwrap();
    }
    fs::write(world.upper().join("d/1"), "").unwrap();
    fs::write(world.upper().join("e/3"), "").unwrap();
    let set = |path: &str, name: &str, value: &[u8]| {
        rustix::fs::setxattr(world.upper().join(path), name, value, rustix::fs::XattrFlags::empty()).unwrap();
    };
    set("d", "user.overlay.opaque", b"x");
    set("d/1", "user.overlay.whiteout", b"");
    set("m", "user.overlay.redirect", b"/elsewhere");
    let lines = list(&world.changes());
    assert_eq!(lines, ["Deleted d/1", "Modified e/3", "Unread m: it has a mark of overlayfs that remit does not know"]);
}
