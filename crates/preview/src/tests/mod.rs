//! The page as people see it.

mod agents;
mod pages;

use std::collections::BTreeMap;

use remit_agent::{Agent, Reading, parse};
use remit_policy::{Otherwise, Policy, Profile, Workspace, compile};
use remit_sandbox::{Availability, Cgroups, Host, Trials, plan};

use crate::{Form, NetworkReach, Place, Preview, RenderStyle, Writes, preview, render, summary};
use pages::{docs_writer, grant, path, strings, test_runner, unrestricted, without_namespaces};

fn plain(preview: &Preview, width: usize) -> String {
    let text = render(preview, Form::Text(RenderStyle { color: false, width }));
    for line in text.lines() {
        assert!(line.chars().count() <= width.max(40), "too wide: {line}");
        assert_eq!(line.trim_end(), line, "white space at the end");
    }
    text
}

#[test]
fn the_example_on_a_full_host() {
    insta::assert_snapshot!(plain(&test_runner(), 80), @r#"
    test-runner
      in its words   "Runs test suites in background"
      workspace      ~/src/app
      profile        dev
      patterns       Remit's globs: a pattern without `*` is exactly that command
      policy         3f2a9c41d07b

    Look at this first
      1 `npm test` runs whatever `package.json` says when it is started
      2 reads every file of the workspace, but what is hidden

    Tools
      by command     execute_bash: the commands below
      by path        fs_read: unasked for the files below, asks for others
      absent         every other tool: denied

    Commands
      run unasked    `npm test`, `pytest`, `cargo test`
      which run      `npm test`: `tsc --noEmit` then `node --test` (package.json:7)
      all others     ask you first
      A command that runs can do what the kernel wall permits (below), and no more.

    Files, as the kernel sees them
      written        nothing of yours
      the workspace  read, execute; writes go to a private layer, your files stay as
                     they are
      your home      read, execute: ~/.cargo, ~/.rustup
                     read: ~/.gitconfig
                     private layer, execute: ~/.cargo/registry
      the system     read, execute: /usr, /bin, /lib, /lib64, /sbin, /opt,
                     /usr/local, /etc/alternatives
                     read: 6 parts of /etc, /proc, /sys/fs/cgroup
                     write: /dev/null
      its own        /tmp, /dev/shm: empty at the start
      hidden         ~/.ssh, ~/.aws, ~/.gnupg, ~/.netrc, ~/.docker, ~/.kube and 2
                     more: neither read nor written
      protected      .git/hooks, .git/config, .vscode and 2 more: written only where
                     a rule names them
      secret         ~/.local/state/remit: read only where a rule names them

    Network, limits, environment
      network        none; a loopback of its own
      limits         8G of memory, 1024 processes, 4096 open files a process, 1h of
                     time, 4G a file written
      environment    CARGO_HOME, HOME, LANG, LOGNAME, PATH, SHELL and 3 more;
                     nothing else passes

    The kernel holds, whatever runs
      files          every path that is not named above: Landlock
      files          writes to the workspace stay in a private layer: overlay, mount
                     namespace
      network        no socket but unix ones of its own: seccomp, network namespace
      processes      the tree ends with the task: pid namespace

    Only the gate or the supervisor holds
      commands       which command lines run unasked: the gate
      limits         time: supervisor

    NOTHING HOLDS, or not as the policy says
      limits         memory and processes of the whole task: no control group is
                     used
    "#);
}

#[test]
fn the_example_without_user_namespaces() {
    insta::assert_snapshot!(plain(&without_namespaces(), 80), @r#"
    test-runner
      in its words   "Runs test suites in background"
      workspace      ~/src/app
      profile        dev
      patterns       Remit's globs: a pattern without `*` is exactly that command
      policy         3f2a9c41d07b

    Look at this first
      1 `npm test` runs whatever `package.json` says when it is started
      2 reads every file of the workspace, but what is hidden

    Tools
      by command     execute_bash: the commands below
      by path        fs_read: unasked for the files below, asks for others
      absent         every other tool: denied

    Commands
      run unasked    `npm test`, `pytest`, `cargo test`
      which run      `npm test`: `tsc --noEmit` then `node --test` (package.json:7)
      all others     ask you first
      A command that runs can do what the kernel wall permits (below), and no more.

    Files, as the kernel sees them
      written        nothing of yours
      the workspace  read, execute
      your home      read, execute: ~/.cargo, ~/.cargo/registry, ~/.rustup
                     read: ~/.gitconfig
      the system     read, execute: /usr, /bin, /lib, /lib64, /sbin, /opt,
                     /usr/local, /etc/alternatives
                     read: 6 parts of /etc, /proc, /sys/fs/cgroup
                     write: /dev/null
      its own        a temporary directory, named by `TMPDIR`
      hidden         ~/.ssh, ~/.aws, ~/.gnupg, ~/.netrc, ~/.docker, ~/.kube and 2
                     more: neither read nor written
      protected      .git/hooks, .git/config, .vscode and 2 more: written only where
                     a rule names them
      secret         ~/.local/state/remit: read only where a rule names them

    Network, limits, environment
      network        none
      limits         8G of memory, 1024 processes, 4096 open files a process, 1h of
                     time, 4G a file written
      environment    CARGO_HOME, HOME, LANG, LOGNAME, PATH, SHELL and 3 more;
                     nothing else passes

    The kernel holds, whatever runs
      files          every path that is not named above: Landlock
      network        no socket but unix ones of its own: seccomp

    Only the gate or the supervisor holds
      commands       which command lines run unasked: the gate
      limits         time: supervisor

    NOTHING HOLDS, or not as the policy says
      files          the private layer: a command cannot write to the workspace at
                     all: unshare(CLONE_NEWUSER): EPERM; AppArmor restricts user
                     namespaces for programs without a profile
                     cure: set kernel.apparmor_restrict_unprivileged_userns=0, or
                     name what may be written: `"files": { "write": ["target/**"] }`
      processes      a process that leaves the session may outlive the task for a
                     moment: no pid namespace
    "#);
}

#[test]
fn an_agent_with_a_write_grant() {
    insta::assert_snapshot!(plain(&docs_writer(), 80), @"
    docs-writer
      workspace      ~/src/app
      profile        base
      patterns       Remit's globs: a pattern without `*` is exactly that command
      policy         3f2a9c41d07b

    Look at this first
      1 `npm test` runs whatever `package.json` says when it is started
      2 reads every file of the workspace, but what is hidden

    Tools
      pre-approved   introspect, @docs: any use
      by command     execute_bash: the commands below
      by path        fs_read, fs_write: unasked for the files below, asks for others
      asks           use_aws: every time
      never          @git/push: `disabledTools` of its server takes it out
      unknown        fs_lst: no product has it; grants nothing
      absent         every other tool: denied

    Commands
      run unasked    those that Remit's table knows to only read, such as `ls`
      which run      `npm test`: `tsc --noEmit` then `node --test` (package.json:7)
      never          `git push *`, `rm *`
                     by the gate only: what runs can do the same in another way
      all others     denied
      A command that runs can do what the kernel wall permits (below), and no more.

    Files, as the kernel sees them
      the workspace  read, execute
        docs         read, write
          but not    .git: not written
        notes        read, write; wider than `notes/*.md`
      /srv/style     read
      the system     read, execute: /usr
      its own        /tmp, /dev/shm: empty at the start
      not written    docs/LICENSE: by no tool
      hidden         ~/.ssh, ~/.aws, ~/.gnupg, ~/.netrc, ~/.docker, ~/.kube and 2
                     more: neither read nor written
      protected      .git/hooks, .git/config, .vscode and 2 more: written only where
                     a rule names them
      secret         ~/.local/state/remit: read only where a rule names them

    Network, limits, environment
      network        only crates.io:443, *.crates.io; a loopback of its own; see
                     what nothing holds
      limits         8G of memory, 1024 processes, 4096 open files a process, 1h of
                     time, 4G a file written
      environment    CI, HOME, PATH; nothing else passes

    Starts by itself, unasked
      hook           preToolUse, fs_write: `./guard.sh  --strict`
      MCP server     docs: `npx -y @example/documentation-server --root . --verbose
                     --no-colour`
        is given     DOCS_TOKEN, MODE
        your own     GITHUB_TOKEN

    The kernel holds, whatever runs
      files          every path that is not named above: Landlock
      network        no socket but unix ones of its own: seccomp, network namespace
      processes      the tree ends with the task: pid namespace

    Only the gate or the supervisor holds
      commands       which command lines run unasked: the gate
      limits         time: supervisor

    NOTHING HOLDS, or not as the policy says
      limits         memory and processes of the whole task: no control group is
                     used
    ");
}

#[test]
fn work_without_an_agent() {
    insta::assert_snapshot!(plain(&unrestricted(), 80), @"
    no agent: trust-all
      workspace      ~/src/app
      profile        unrestricted
      policy         3f2a9c41d07b

    WARNING: nothing holds this task
      It may read, change and delete everything that your user can, use the network,
      and read every secret in your home and environment; nothing holds it.
      Approve it only for work that you would do in this shell yourself.

    The kernel holds, whatever runs
      processes      the tree ends with the task: pid namespace
    ");
}

#[test]
fn words_of_the_file_cannot_repaint_the_screen() {
    let mut preview = docs_writer();
    let nasty = "ok\u{1b}[2J\u{1b}[1;1H\r\nTools\n  pre-approved   nothing\u{202e}\u{7}\u{9b}31m";
    preview.agent = Some(nasty.to_owned());
    preview.description = Some(nasty.to_owned());
    preview.profile = nasty.to_owned();
    preview.tools.unknown = strings(&[nasty]);
    preview.commands.allow = strings(&[nasty]);
    preview.commands.deny = strings(&[nasty]);
    preview.files.hidden = strings(&[nasty]);
    for grant in &mut preview.files.grants {
        grant.patterns = strings(&[nasty]);
        grant.path = grant.path.join(nasty);
    }
    preview.network.reach = NetworkReach::Hosts(strings(&[nasty]));
    preview.environment.passed_by_agent = strings(&[nasty]);
    preview.environment.variables = strings(&[nasty]);
    for start in &mut preview.starts {
        start.command = nasty.to_owned();
    }
    let held = preview.held.iter_mut().map(|held| &mut held.what);
    let gaps = preview.not_held.iter_mut().flat_map(|gap| [&mut gap.what, &mut gap.why]);
    held.chain(gaps).for_each(|text| *text = nasty.to_owned());
    for width in [0, 41, 80] {
        let text = plain(&preview, width) + &summary(&preview);
        let forbidden = |c: &char| (c.is_control() && *c != '\n') || ('\u{202a}'..='\u{202e}').contains(c);
        assert_eq!(text.chars().find(forbidden), None, "{text}");
        assert_eq!(text.lines().filter(|line| *line == "Tools").count(), 1, "{text}");
    }
    // Nor can they be markup in the other forms.
    preview.description = Some("</p><script>x</script> ![i](http://y) [l](http://y) `".to_owned());
    preview.commands.allow = strings(&["</code><script>x</script>", "`![i](http://y)"]);
    let html = render(&preview, Form::Html);
    assert!(!html.contains("<script") && html.contains("&lt;script&gt;"), "{html}");
    let markdown = render(&preview, Form::Markdown);
    assert!(markdown.contains("!\\[i\\]") && !markdown.contains(" ![i]") && !markdown.contains(" [l]("), "{markdown}");
    // With colour the only escapes are those of the page itself.
    let text = render(&preview, Form::Text(RenderStyle { color: true, width: 80 }));
    assert!(!text.contains("\u{1b}[2J") && !text.contains("\u{1b}[1;1H"));
}

#[test]
fn colour_adds_escapes_and_nothing_else() {
    for preview in [test_runner(), without_namespaces(), docs_writer(), unrestricted()] {
        let coloured = render(&preview, Form::Text(RenderStyle { color: true, width: 80 }));
        let mut bare = String::new();
        let mut rest = coloured.as_str();
        while let Some((before, after)) = rest.split_once('\u{1b}') {
            bare.push_str(before);
            rest = after.split_once('m').unwrap().1;
        }
        bare.push_str(rest);
        assert_eq!(bare, render(&preview, Form::Text(RenderStyle { color: false, width: 80 })));
        assert_ne!(bare, coloured);
    }
}

#[test]
fn one_line_for_the_approval() {
    let check = |preview: Preview, expected: &str| assert_eq!(summary(&preview), expected);
    check(
        test_runner(),
        "test-runner: runs `npm test`, `pytest`, `cargo test`; reads the workspace; writes to a private layer; no network",
    );
    check(
        docs_writer(),
        "docs-writer: runs commands that only read; reads the workspace, /srv/style; writes docs, notes; \
         network to crates.io:443, *.crates.io only",
    );
    check(unrestricted(), "trust-all: may do everything that your user can; nothing holds it");
}

#[test]
fn what_a_profile_writes_is_written() {
    let mut preview = test_runner();
    assert!(plain(&preview, 80).contains("nothing of yours"));
    preview.files.grants.push(grant("/srv/data", Place::System, Writes::Direct, false));
    assert!(!plain(&preview, 80).contains("nothing of yours"));
    assert!(summary(&preview).contains("; writes /srv/data and a private layer; "), "{}", summary(&preview));
}

#[test]
fn what_commands_can_read_is_not_called_hidden_from_them() {
    let mut preview = test_runner();
    preview.files.hidden_from_tools = preview.files.hidden.clone();
    let page = plain(&preview, 80);
    assert!(!page.contains("neither read nor written") && page.contains("from the tools; see what nothing holds"), "{page}");
}

#[test]
fn the_data_is_whole_and_has_a_version() {
    let json = serde_json::to_value(test_runner()).unwrap();
    assert_eq!(json["version"], 1);
    assert_eq!(json["files"]["hidden"].as_array().map(Vec::len), Some(8));
    assert_eq!(json["files"]["grants"][0]["writes"], "private_layer");
    assert_eq!(json["digest"].as_str().map(str::len), Some(64));
}

fn compiled(file: &str) -> Policy {
    let (agent, _) = Agent::resolve(parse("a.json", file.as_bytes()), path("/work/a.json"), Reading::Remit).unwrap();
    let profile = Profile::load("base", &BTreeMap::new()).unwrap();
    let workspace = Workspace {
        root: path("/work"),
        home: path("/home/ann"),
        state: path("/home/ann/.state"),
        config: path("/home/ann/.config/remit"),
    };
    compile(&agent, &profile, &workspace).unwrap().0
}

fn previewed(policy: &Policy) -> Preview {
    let trials = Trials {
        landlock_abi: 7,
        seccomp: Availability::Works,
        namespaces: Availability::Works,
        needs_user_namespace: true,
        overlay: Availability::Works,
        own_proc: Availability::Works,
        network_namespace: Availability::Works,
        notification: Availability::Works,
    };
    let cgroups = Cgroups::Legacy { memory: None, pids: None };
    preview(policy, &plan(policy, &Host::probe(policy, trials, cgroups, BTreeMap::new())))
}

#[test]
fn the_gate_says_which_tool_runs_unasked() {
    let check = |file: &str, expected: [&[&str]; 4]| {
        let tools = previewed(&compiled(file)).tools;
        assert_eq!([tools.pre_approved, tools.by_command, tools.by_path, tools.asks], expected.map(strings), "{file}");
    };
    check(r#"{"name": "a"}"#, [&[], &[], &[], &[]]);
    check(r#"{"name": "a", "tools": ["shell", "read", "use_aws"]}"#, [&[], &["execute_bash"], &["fs_read"], &["use_aws"]]);
    check(r#"{"name": "a", "tools": ["shell"], "allowedTools": ["shell"]}"#, [&["execute_bash"], &[], &[], &[]]);
    check(
        r#"{"name": "a", "tools": ["shell", "@git", "@docs/find"], "allowedTools": ["shell", "@git"],
            "toolsSettings": {"shell": {"allowedCommands": ["ls"]}}}"#,
        [&["@git"], &["execute_bash"], &[], &["@docs/find"]],
    );
}

#[test]
fn the_page_is_of_the_policy_that_is_enforced() {
    let policy = compiled(
        r#"{"name": "a", "tools": ["shell"], "toolsSettings": {"shell": {
            "allowedCommands": ["cargo test"], "deniedCommands": ["git push *"], "denyByDefault": true}}}"#,
    );
    let page = previewed(&policy);
    assert_eq!(page.digest, policy.digest().to_string());
    assert_eq!(page.commands.allow, ["cargo test"]);
    assert_eq!(page.commands.deny, ["git push *"], "a pattern that is held under two readings is shown once");
    assert_eq!(page.commands.otherwise, Otherwise::Deny);
    assert_eq!(page.network.reach, NetworkReach::Nothing);
    assert!(!page.held.is_empty() && page.held.is_sorted_by_key(|held| held.grant));
}

#[test]
fn options_that_no_table_describes_are_said() {
    let file =
        r#"{"name":"a","tools":["shell"],"toolsSettings":{"shell":{"allowedCommands":["frobnicate *","git *","unheard-of"]}}}"#;
    let page = render(&previewed(&compiled(file)), Form::Text(RenderStyle { color: false, width: 80 }));
    assert!(page.contains("the options of `frobnicate` are not examined"), "{page}");
    assert!(!page.contains("`git` are not examined"), "{page}");
}
