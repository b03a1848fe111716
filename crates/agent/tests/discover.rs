//! Discovery on real directories.

#![expect(clippy::unwrap_used, reason = "a helper of a test may fail, and then says where")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use remit_agent::{AbsPath, AgentDirs, AgentRef, DiscoverError, ReadError, Reading, discover, listing, read_agent_file};
use tempfile::TempDir;

/// A home and a workspace with these files, by path below the temporary directory.
fn place(files: &[(&str, &str)]) -> (TempDir, AgentDirs) {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| AbsPath::new(&root.path().canonicalize().unwrap().join(name)).unwrap();
    for (path, text) in files {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let dirs = AgentDirs { workspace: at("work"), home: Some(at("home")), config: None };
    (root, dirs)
}

/// Returns the path below the temporary directory, or the error with its help.
fn found(root: &TempDir, dirs: &AgentDirs, name: &str) -> String {
    let base = root.path().canonicalize().unwrap();
    let shown = match discover(name, dirs) {
        Ok(found) => format!("{} as {} by {}", found.path, found.name, found.reading.name()),
        Err(error) => format!("{error}; {}", error.help()),
    };
    shown.replace(&format!("{}/", base.display()), "")
}

#[test]
fn the_nearest_directory_decides() {
    let every = [
        ("work/.remit/agents/a.json", "{}", "work/.remit/agents/a.json as a by remit"),
        ("work/.kiro/agents/a.json", "{}", "work/.kiro/agents/a.json as a by kiro"),
        ("work/.amazonq/cli-agents/a.json", "{}", "work/.amazonq/cli-agents/a.json as a by q"),
        ("home/.config/remit/agents/a.json", "{}", "home/.config/remit/agents/a.json as a by remit"),
        ("home/.kiro/agents/a.json", "{}", "home/.kiro/agents/a.json as a by kiro"),
        ("home/.aws/amazonq/cli-agents/a.json", "{}", "home/.aws/amazonq/cli-agents/a.json as a by q"),
    ];
    for (nth, (.., expected)) in every.iter().enumerate() {
        let files: Vec<(&str, &str)> = every[nth..].iter().map(|(path, text, _)| (*path, *text)).collect();
        let (root, dirs) = place(&files);
        assert_eq!(found(&root, &dirs, "a"), *expected);
    }
    let (root, mut dirs) = place(&[("xdg/remit/agents/a.json", "{}"), ("home/.config/remit/agents/a.json", "{}")]);
    dirs.config = Some(AbsPath::new(&root.path().canonicalize().unwrap().join("xdg")).unwrap());
    assert_eq!(found(&root, &dirs, "a"), "xdg/remit/agents/a.json as a by remit");
}

#[test]
fn only_the_workspace_itself_is_searched() {
    let (root, mut dirs) = place(&[("work/.remit/agents/a.json", "{}"), ("work/sub/x", "")]);
    dirs.workspace = dirs.workspace.join("sub");
    assert!(found(&root, &dirs, "a").starts_with("no agent is named `a`; searched `work/sub/.remit/agents`, "));
}

#[test]
fn a_file_is_found_by_its_name_and_by_the_name_in_it() {
    let (root, dirs) = place(&[
        ("work/.kiro/agents/file.json", r#"{ "name": "inner" }"#),
        ("work/.kiro/agents/broken.json", "{"),
        ("work/.kiro/agents/notes.md", "# not an agent"),
    ]);
    let expected = "work/.kiro/agents/file.json as inner by kiro";
    assert_eq!(found(&root, &dirs, "file"), expected);
    assert_eq!(found(&root, &dirs, "inner"), expected);
    assert_eq!(found(&root, &dirs, "broken"), "work/.kiro/agents/broken.json as broken by kiro");
}

#[test]
fn two_files_with_one_name_are_an_error_that_names_both() {
    let (root, dirs) = place(&[("work/.kiro/agents/a.json", "{}"), ("work/.kiro/agents/b.json", r#"{ "name": "a" }"#)]);
    assert_eq!(
        found(&root, &dirs, "a"),
        "more than one file in `work/.kiro/agents` is the agent `a`: `a.json`, `b.json`; \
         give the path of the one that is meant, or change a `name`"
    );
    assert_eq!(found(&root, &dirs, "b"), "work/.kiro/agents/b.json as a by kiro");
    let listing = listing(&dirs);
    assert!(listing.found.is_empty());
    assert!(matches!(listing.errors.as_slice(), [DiscoverError::Ambiguous { .. }]));
}

#[test]
fn a_name_that_is_not_there_is_an_error_with_the_nearest() {
    let (root, dirs) = place(&[
        ("work/.kiro/agents/test-runner.json", "{}"),
        ("home/.kiro/agents/test-runners.json", "{}"),
        ("home/.kiro/agents/\u{1b}[2J.json", "{}"),
    ]);
    assert_eq!(
        found(&root, &dirs, "test-runer"),
        "no agent is named `test-runer`; did you mean `test-runner` or `test-runners`? searched `work/.remit/agents`, \
         `work/.kiro/agents`, `work/.amazonq/cli-agents`, `home/.config/remit/agents`, `home/.kiro/agents`, \
         `home/.aws/amazonq/cli-agents`"
    );
    assert!(found(&root, &dirs, "[2j").contains("did you mean `\\u{1b}[2J`?"));
    assert!(found(&root, &dirs, "").starts_with("no agent is named ``; searched"));
}

#[test]
fn what_cannot_be_read_is_an_error_and_not_passed_over() {
    let (root, dirs) = place(&[("work/.remit/agents/a.json", "{}"), ("home/.kiro/agents/b.json", "{}")]);
    let agents = root.path().join("work/.remit/agents");
    symlink("loop.json", agents.join("loop.json")).unwrap();
    assert!(found(&root, &dirs, "a").starts_with("cannot read the agent file `work/.remit/agents/loop.json`"));
    fs::remove_file(agents.join("loop.json")).unwrap();
    assert_eq!(found(&root, &dirs, "a"), "work/.remit/agents/a.json as a by remit");

    symlink("nowhere.json", agents.join("gone.json")).unwrap();
    assert!(found(&root, &dirs, "b").starts_with("cannot read the agent file `work/.remit/agents/gone.json`"));
    let listed = listing(&dirs);
    assert_eq!(listed.found.iter().map(|found| found.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(listed.errors.len(), 1);
    fs::remove_file(agents.join("gone.json")).unwrap();

    fs::write(root.path().join("work/.kiro"), "").unwrap();
    assert!(found(&root, &dirs, "b").starts_with("cannot search `work/.kiro/agents` for agents"));
    fs::remove_file(root.path().join("work/.kiro")).unwrap();

    fs::create_dir(agents.join("directory.json")).unwrap();
    assert!(found(&root, &dirs, "b").starts_with("`work/.remit/agents/directory.json` is not a file"));
}

#[test]
fn one_directory_that_is_searched_twice_holds_each_agent_once() {
    let (_root, mut dirs) = place(&[("home/.kiro/agents/a.json", "{}")]);
    dirs.workspace = dirs.home.clone().unwrap();
    assert_eq!(listing(&dirs).found.len(), 1);
}

#[test]
fn only_regular_files_of_some_size_are_read() {
    let (root, _) = place(&[("a.json", "{}")]);
    let at = |name: &str| AbsPath::new(&root.path().join(name)).unwrap();
    symlink("a.json", root.path().join("link.json")).unwrap();
    let (bytes, canonical) = read_agent_file(&at("link.json")).unwrap();
    assert_eq!((bytes.as_slice(), canonical.file_name()), (b"{}".as_slice(), "a.json"));

    let fifo = root.path().join("fifo.json");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    assert!(matches!(read_agent_file(&at("fifo.json")), Err(ReadError::NotAFile { .. })));
    assert!(matches!(read_agent_file(&AbsPath::new(Path::new("/dev/zero")).unwrap()), Err(ReadError::NotAFile { .. })));
    assert!(matches!(read_agent_file(&at("none.json")), Err(ReadError::Io { .. })));

    fs::write(root.path().join("most.json"), vec![b' '; 4 << 20]).unwrap();
    assert_eq!(read_agent_file(&at("most.json")).unwrap().0.len(), 4 << 20);
    fs::write(root.path().join("more.json"), vec![b' '; (4 << 20) + 1]).unwrap();
    assert!(matches!(read_agent_file(&at("more.json")), Err(ReadError::TooLarge { .. })));
}

#[test]
fn a_slash_or_an_ending_makes_a_path() {
    let path = |text: &str| AgentRef::Path(text.to_owned());
    let name = |text: &str| AgentRef::Name(text.to_owned());
    let check = |argument: &str, expected: AgentRef| assert_eq!(AgentRef::of(argument), expected);
    check("test-runner", name("test-runner"));
    check("a.b", name("a.b"));
    check("a.json", path("a.json"));
    check("./a", path("./a"));
    check("/a/b", path("/a/b"));
    check("", name(""));
}

#[test]
fn the_directory_says_how_a_file_is_read() {
    let check = |path: &str, expected: Reading| {
        assert_eq!(Reading::for_path(&AbsPath::new(Path::new(path)).unwrap()), expected, "{path}");
    };
    check("/w/.remit/agents/a.json", Reading::Remit);
    check("/w/.kiro/agents/a.json", Reading::Kiro);
    check("/w/.amazonq/cli-agents/a.json", Reading::Q);
    check("/h/.aws/amazonq/cli-agents/a.json", Reading::Q);
    check("/w/.kiro/agents/sub/a.json", Reading::Remit);
    check("/a.json", Reading::Remit);
}
