//! Private layers: builds and tests work in them, the real files stay, and exactly what is wanted is brought over.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use remit_tests::{Host, Outcome, Running, World, source};
use rustix::process::Signal;
use serde_json::{Value, json};

/// Tests of real projects pass under an agent without a write grant, and the workspace stays what it was, to the byte.
#[test]
fn suites_pass_and_change_nothing() {
    let suites: [(&str, &[&str], Option<&str>); 3] = [
        ("cargo", &["cargo", "test"], Some("target/")),
        ("pytest", &["pytest"], Some(".pytest_cache/v")),
        ("npm", &["npm", "test"], None),
    ];
    for (fixture, command, written) in suites {
        let world = World::fixture(fixture);
        let before = world.workspace_tree();
        let outcome = world.run(&source().join("policies/agents/test-runner.json"), command);
        if !Host::look().namespaces {
            without_a_layer(&world, &outcome);
            continue;
        }
        outcome.assert_code(0);
        world.workspace_tree().assert_same(&before);
        if let Some(written) = written {
            let task = task_of(&outcome);
            world.remit(&["diff", &task]).assert_code(0).assert_stdout(written);
            world.remit(&["discard", &task]).assert_code(0);
            assert!(!layers_of(&world, &task).exists());
        }
        world.workspace_tree().assert_same(&before);
    }
}

/// On a fresh machine the caches of toolchains do not exist, and some do not start without theirs.
#[test]
fn a_cache_that_does_not_exist_is_made_for_the_task_alone() {
    let script = "set -e; test -z \"$(ls -A ~/.npm)\"; mkdir -p ~/.npm/_cacache ~/go/pkg/mod; echo x > ~/.cache/go-build/x\n\
        cat ~/.cache/go-build/x; ! touch ~/of-the-home 2>/dev/null; ! touch ~/.cache/other 2>/dev/null\n";
    let (world, agent) = script_world(script);
    if !Host::look().namespaces {
        return;
    }
    for _ in 0..2 {
        world.run(&agent, &["sh", "script.sh"]).assert_code(0);
        for path in [".npm", "go", ".cache"] {
            assert!(!world.home().join(path).exists(), "{path}");
        }
    }
}

#[test]
fn exactly_what_is_wanted_is_brought_over() {
    let script = "echo new > src/a; echo new > src/b; rm gone; mv old renamed; chmod 755 run.sh; ln -s src link; printf 'a\\0b' > bin; mkdir empty\n";
    let (world, agent) = script_world(script);
    fs::create_dir(world.workspace().join("src")).unwrap();
    for (path, text) in [("src/a", "1\n"), ("src/b", "2\n"), ("gone", "3\n"), ("old", "four\n"), ("run.sh", "5\n")] {
        fs::write(world.workspace().join(path), text).unwrap();
    }
    let before = world.workspace_tree();
    let outcome = world.run(&agent, &["sh", "script.sh"]);
    if !Host::look().namespaces {
        without_a_layer(&world, &outcome);
        return;
    }
    outcome.assert_code(0).assert_stderr("7 files changed in the private layer: remit diff task-");
    let task = task_of(&outcome);
    world.workspace_tree().assert_same(&before);

    let diff = world.remit(&["diff", &task]);
    diff.assert_code(0).assert_stdout("7 files changed").assert_stdout("old => renamed").assert_stdout("Bin 0 -> 3 bytes");
    world.remit(&["diff", &task, "--patch"]).assert_code(0).assert_stdout("\n-1\n+new\n").assert_stderr("empty");
    let data: Value = serde_json::from_str(&world.remit(&["diff", &task, "--json"]).stdout).unwrap();
    assert_eq!((&data["version"], &data["layers"][0]["purpose"]), (&json!(1), &json!("workspace")));
    world.workspace_tree().assert_same(&before);

    world.remit(&["apply", &task, "--check"]).assert_code(0).assert_stdout("would apply src/a");
    world.workspace_tree().assert_same(&before);
    let read = |path: &str| fs::read_to_string(world.workspace().join(path));
    // Of a rename, only the end that is named.
    world.remit(&["diff", &task, "renamed"]).assert_code(0).assert_stdout("1 file changed").assert_stdout(" renamed ");
    world.remit(&["apply", &task, "src/a", "renamed"]).assert_code(0);
    assert!(read("old").is_ok());
    world.remit(&["apply", &task, "old"]).assert_code(0);
    assert_eq!(
        (read("src/a").unwrap(), read("src/b").unwrap(), read("renamed").unwrap()),
        ("new\n".into(), "2\n".into(), "four\n".into())
    );
    assert!(read("old").is_err() && read("gone").is_ok());

    // What a person wrote meanwhile stays; the rest comes, or nothing.
    fs::write(world.workspace().join("src/b"), "mine\n").unwrap();
    let middle = world.workspace_tree();
    world.remit(&["apply", &task, "--all-or-nothing"]).assert_code(1).assert_stderr("src/b: it has changed underneath");
    world.workspace_tree().assert_same(&middle);
    world.remit(&["apply", &task]).assert_code(1).assert_stderr("src/b: it has changed underneath");
    assert_eq!(read("src/b").unwrap(), "mine\n");
    assert!(read("gone").is_err() && world.workspace().join("empty").is_dir() && world.workspace().join("link").is_symlink());
    world.remit(&["diff", &task]).assert_stdout("1 file changed");
}

#[test]
fn what_is_protected_and_what_is_a_link_now_is_refused() {
    let script = "mkdir -p .git/hooks; echo evil > .git/hooks/pre-commit; echo new > d/f; echo new > g\n";
    let (world, agent) = script_world(script);
    fs::create_dir(world.workspace().join("d")).unwrap();
    fs::write(world.workspace().join("d/f"), "old\n").unwrap();
    let outcome = world.run(&agent, &["sh", "script.sh"]);
    if !Host::look().namespaces {
        without_a_layer(&world, &outcome);
        return;
    }
    let task = task_of(&outcome);
    fs::rename(world.workspace().join("d"), world.workspace().join("e")).unwrap();
    symlink(world.outside(), world.workspace().join("d")).unwrap();
    let outside = world.outside_tree();
    let applied = world.remit(&["apply", &task]);
    applied.assert_code(1).assert_stderr("pre-commit: it is protected").assert_stderr("d: it has become a symbolic link");
    world.outside_tree().assert_same(&outside);
    assert_eq!(fs::read_to_string(world.workspace().join("g")).unwrap(), "new\n");
    assert!(!world.workspace().join(".git/hooks").exists());
    world.remit(&["apply", &task, ".git/hooks"]).assert_code(0);
    assert!(world.workspace().join(".git/hooks/pre-commit").exists());
}

/// In its layer a task may make what the agent is denied; over it comes by name only, of a rename either name.
#[test]
fn what_the_agent_is_denied_is_brought_over_by_name_only() {
    let world = World::empty();
    let script = "echo x > key.pem; mkdir -p src/deep config; echo x > src/deep/b.pem; echo x > config/a; mv secrets/old plain; echo x > free\n";
    fs::write(world.workspace().join("script.sh"), script).unwrap();
    fs::create_dir(world.workspace().join("secrets")).unwrap();
    fs::write(world.workspace().join("secrets/old"), "some lines that are found again\n".repeat(9)).unwrap();
    let agent = world.test_runner(&["sh script.sh"], &json!({"files": {"hide": ["**/*.pem"]}}));
    let mut file: Value = serde_json::from_str(&fs::read_to_string(&agent).unwrap()).unwrap();
    file["toolsSettings"]["fs_write"] = json!({"deniedPaths": ["config", "secrets/**"]});
    fs::write(&agent, file.to_string()).unwrap();
    let outcome = world.run(&agent, &["sh", "script.sh"]);
    if !Host::look().namespaces {
        without_a_layer(&world, &outcome);
        return;
    }
    outcome.assert_code(0);
    let task = task_of(&outcome);
    // The policy that the task had counts, whatever becomes of the file.
    fs::remove_file(&agent).unwrap();
    let applied = world.remit(&["apply", &task]);
    applied
        .assert_code(1)
        .assert_stderr("refused config/a: the agent is denied it, by `config`: name it to apply it")
        .assert_stderr("refused key.pem: the agent is denied it, by `**/*.pem`")
        .assert_stderr("refused src/deep/b.pem: ")
        .assert_stderr("refused plain: the agent is denied it, by `secrets/**`");
    let exists = |path: &str| world.workspace().join(path).exists();
    assert!(exists("free") && exists("src/deep") && exists("secrets/old"));
    assert!(!["key.pem", "src/deep/b.pem", "config", "plain"].into_iter().any(exists));
    world.remit(&["apply", &task, "."]).assert_code(1);
    world.remit(&["apply", &task, "config", "key.pem", "plain"]).assert_code(0);
    assert!(exists("config/a") && exists("key.pem") && exists("plain"));
    assert!(exists("secrets/old"), "the name that it loses is named by nobody");
    world.remit(&["apply", &task]).assert_code(1);
    assert!(exists("secrets/old"));
    world.remit(&["apply", &task, "secrets/old"]).assert_code(0);
    assert!(exists("plain") && !exists("secrets/old"));
}

#[test]
fn two_tasks_at_once_do_not_mix() {
    let world = World::empty();
    let script = "test ! -e who || exit 1\necho $1 > who || exit 1\necho $1 > only-$1\ntrap 'cat who; exit 0' TERM\necho ready\nsleep 600 &\nwait\n";
    fs::write(world.workspace().join("script.sh"), script).unwrap();
    let agent = world.test_runner(&["sh script.sh one", "sh script.sh two"], &Value::Null);
    if !Host::look().namespaces {
        without_a_layer(&world, &world.run(&agent, &["sh", "script.sh", "one"]));
        return;
    }
    let before = world.workspace_tree();
    let mut tasks = ["one", "two"].map(|name| Running::start(&mut world.run_command(&agent, &["sh", "script.sh", name])));
    for task in &mut tasks {
        task.wait_for("ready");
    }
    let outcomes = tasks.map(|mut task| {
        task.signal(Signal::TERM);
        task.outcome()
    });
    world.workspace_tree().assert_same(&before);
    for (name, other, outcome) in [("one", "two", &outcomes[0]), ("two", "one", &outcomes[1])] {
        outcome.assert_code(0).assert_stdout(&format!("ready\n{name}\n"));
        let diff = world.remit(&["diff", &task_of(outcome)]);
        diff.assert_stdout(&format!("only-{name}"));
        assert!(!diff.stdout.contains(&format!("only-{other}")), "{}", diff.report());
    }
    world.remit(&["apply", &task_of(&outcomes[0])]).assert_code(0);
    // The second made its own `who` where there was none.
    world.remit(&["apply", &task_of(&outcomes[1])]).assert_code(1).assert_stderr("who: it has changed underneath");
    assert_eq!(fs::read_to_string(world.workspace().join("who")).unwrap(), "one\n");
}

/// What changed, what is not kept and what was met stand in the result, in words and as JSON.
#[test]
fn a_result_says_what_came_of_a_task() {
    let script = "exec 2> /dev/null; for i in $(seq 25); do echo $i > new-$i; done; head -c 3000000 /dev/zero; printf '\\na\\033[2Jb\\n'; exit 4\n";
    let world = World::empty();
    fs::write(world.workspace().join("script.sh"), script).unwrap();
    let agent = world.test_runner(&["sh script.sh"], &json!({"limits": {"output": "1M"}}));
    let agent = agent.to_str().unwrap();
    let begun = world.remit(&["run", "--background", "--yes", "--agent", agent, "--", "sh", "script.sh"]);
    begun.assert_code(0);
    let id = begun.stdout.trim();
    let layered = Host::look().namespaces;
    world.remit(&["wait", id]);
    let result = world.remit(&["result", id]);
    let json: Value = serde_json::from_str(&world.remit(&["result", id, "--json"]).stdout).unwrap();
    assert_eq!((json["version"].as_u64(), json["id"].as_str()), (Some(1), Some(id)));
    assert!(json["not_kept"]["stdout"].as_u64().unwrap() > 1_000_000, "{json}");
    assert_eq!(json["last_lines"].as_array().unwrap().last().unwrap(), "a\\u{1b}[2Jb");
    result.assert_stdout("bytes of its output are not kept").assert_stdout("the last lines:\n");
    result.assert_code(4).assert_stdout("  exit       4\n");
    assert_eq!(json["exit"], 4);
    if layered {
        result.assert_stdout("  new-1  | 1 +\n").assert_stdout("  and 5 more\n  25 files changed, 25 insertions(+)\n");
        assert_eq!(json["layers"][0]["changes"].as_array().unwrap().len(), 25);
    } else {
        assert_eq!(json["layers"], json!([]));
    }

    let agent = world.test_runner(&["sleep 600"], &json!({"limits": {"wallTime": "1s"}}));
    let begun = world.remit(&["run", "--background", "--yes", "--agent", agent.to_str().unwrap(), "--", "sleep", "600"]);
    let id = begun.stdout.trim();
    world.remit(&["wait", id]).assert_code(124);
    world.remit(&["result", id]).assert_code(124).assert_stdout("  limits     wall time 1 s: it was ended\n");
}

/// The binary itself, killed while it applies: a second one completes it.
#[test]
fn an_apply_that_is_killed_is_completed_by_the_next() {
    const FILES: usize = 60;
    let script = format!("for i in $(seq {FILES}); do echo new $i > f$i; done\n");
    let (world, agent) = script_world(&script);
    for index in 1..=FILES {
        fs::write(world.workspace().join(format!("f{index}")), format!("old {index}\n")).unwrap();
    }
    let outcome = world.run(&agent, &["sh", "script.sh"]);
    if !Host::look().namespaces {
        without_a_layer(&world, &outcome);
        return;
    }
    let task = task_of(&outcome);
    let is_new = |index: usize| {
        let text = fs::read_to_string(world.workspace().join(format!("f{index}"))).unwrap();
        assert!(text == format!("old {index}\n") || text == format!("new {index}\n"), "{text}");
        text.starts_with("new")
    };
    for round in 1..=5 {
        let mut apply = Running::start(&mut world.remit_command(&["apply", &task]));
        // Until so many have arrived.
        while (1..=FILES).filter(|index| is_new(*index)).count() < round * FILES / 8 {}
        apply.signal(Signal::KILL);
        assert!(matches!(apply.wait(), 0 | 137));
        if (1..=FILES).filter(|index| is_new(*index)).count() < FILES {
            // What is half done is undone or finished by the layer alone.
            let refused = world.remit(&["delete", &task]);
            refused.assert_code(1).assert_stderr("was interrupted").assert_stderr("`remit apply` finishes it");
        }
    }
    world.remit(&["apply", &task]).assert_code(0);
    assert!((1..=FILES).all(is_new));
    let left = fs::read_dir(world.workspace()).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(left.filter(|name| name.to_string_lossy().starts_with(".remit-apply")).count(), 0);
}

/// A workspace over which no layer can lie, here because it is two overlays itself: said before the start, with the way out.
#[test]
fn an_odd_file_system_is_said_before_the_start() {
    let (world, agent) = script_world("echo x > written\n");
    if !Host::look().namespaces {
        return without_a_layer(&world, &world.run(&agent, &["sh", "script.sh"]));
    }
    let inside = r#"
        cd "$1"; shift
        mount -t tmpfs memory outside
        mkdir outside/u1 outside/w1 outside/u2 outside/w2 outside/m
        mount -t overlay o -o lowerdir=workspace,upperdir=outside/u1,workdir=outside/w1,userxattr outside/m
        mount -t overlay o -o lowerdir=outside/m,upperdir=outside/u2,workdir=outside/w2,userxattr workspace
        cd workspace
        exec "$@""#;
    let within = |arguments: &[&str]| {
        let remit = world.remit_command(arguments);
        let mut command = world.command("unshare");
        command.args(["--user", "--map-current-user", "--keep-caps", "--mount", "sh", "-euc", inside, "sh"]).arg(world.path());
        command.arg(remit.get_program()).args(remit.get_args());
        Running::start(&mut command).outcome()
    };
    let agent = agent.to_str().unwrap();
    let preview = within(&["preview", agent]);
    preview.assert_code(0).assert_stdout("private layer over").assert_stdout("such as ext4");
    let run = within(&["run", "--yes", "--agent", agent, "--", "sh", "script.sh"]);
    assert_ne!(run.code, 0, "{}", run.report());
    run.assert_stderr("private layer over");
}

/// Where there can be no layer, the preview says so before anything starts.
#[track_caller]
fn without_a_layer(world: &World, outcome: &Outcome) {
    outcome.assert_stderr("private layer").assert_stderr("user namespaces");
    let agent = source().join("policies/agents/test-runner.json");
    world
        .remit(&["preview", agent.to_str().unwrap()])
        .assert_code(0)
        .assert_stdout("private layer")
        .assert_stdout("user namespaces");
}

fn script_world(script: &str) -> (World, PathBuf) {
    let world = World::empty();
    fs::write(world.workspace().join("script.sh"), script).unwrap();
    let agent = world.test_runner(&["sh script.sh"], &Value::Null);
    (world, agent)
}

/// Returns the id of the task that the last line names.
#[track_caller]
fn task_of(outcome: &Outcome) -> String {
    let line = outcome.stderr.lines().find_map(|line| line.split_once("in the private layer: remit diff "));
    line.unwrap_or_else(|| panic!("no line about the layer: {}", outcome.report())).1.to_owned()
}

fn layers_of(world: &World, task: &str) -> PathBuf {
    Path::new(&world.path().join("state/remit/tasks")).join(task).join("layers")
}
