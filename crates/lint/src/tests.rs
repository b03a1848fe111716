//! Tests over all rules, and what the rules' own tests are written with.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use remit_agent::{AbsPath, Agent, Parsed, Reading, parse};
use remit_diagnostics::Diagnostic;
use remit_policy::{Policy, Profile, Workspace, compile};

use crate::{DescribedDisk, LintInput, Product, Products, RULES, Rule, lint};

/// Checks the texts at the places that a rule finds something, the file being one of Remit's own.
pub(crate) fn check(rule: &Rule, file: &str, expected: &[&str]) {
    check_as(rule, Reading::Remit, file, expected);
}

pub(crate) fn check_as(rule: &Rule, reading: Reading, file: &str, expected: &[&str]) {
    check_on(rule, reading, &disk(), file, expected);
}

/// Checks what a rule finds with other files around.
pub(crate) fn check_on(rule: &Rule, reading: Reading, disk: &DescribedDisk, file: &str, expected: &[&str]) {
    let findings = with_input(file, reading, disk, |input| rule.findings(input));
    let found: Vec<&str> = findings.iter().map(|finding| finding.location.source.slice(finding.location.span)).collect();
    assert_eq!(found, expected, "{} over {file}", rule.name);
    assert!(findings.iter().all(|finding| finding.code == rule.name && finding.help.is_some() && !finding.notes.is_empty()));
}

/// Checks what a rule finds for these products alone.
pub(crate) fn check_for(rule: &Rule, products: &[Product], file: &str, expected: &[&str]) {
    let findings = for_products(file, Reading::Remit, products, &disk(), |input| rule.findings(input));
    let found: Vec<&str> = findings.iter().map(|finding| finding.location.source.slice(finding.location.span)).collect();
    assert_eq!(found, expected, "{} over {file}", rule.name);
}

/// Returns the file after the fix of each finding.
pub(crate) fn fixes(rule: &Rule, reading: Reading, file: &str) -> Vec<String> {
    let findings = with_input(file, reading, &disk(), |input| rule.findings(input));
    let fixes = findings.into_iter().filter_map(|finding| finding.fix);
    fixes
        .map(|fix| {
            let mut text = file.to_owned();
            for edit in fix.edits.iter().rev() {
                text.replace_range(edit.span.start..edit.span.end, &edit.replacement);
            }
            text
        })
        .collect()
}

/// Returns a file with every tool visible.
pub(crate) fn settings(allowed: &str, settings: &str) -> String {
    format!(r#"{{"name": "example", "tools": ["*"], "allowedTools": {allowed}, "toolsSettings": {{{settings}}}}}"#)
}

pub(crate) fn path(text: &str) -> AbsPath {
    AbsPath::new(Path::new(text)).unwrap()
}

/// Returns a host with the agent file, and what the examples of the rules speak of.
pub(crate) fn disk() -> DescribedDisk {
    DescribedDisk::default()
        .file(path("/work/example.json"), "{}")
        .file(path("/work/prompt.md"), "Be careful.")
        .file(path("/work/src/main.rs"), "")
        .file(path("/work/docs/a.md"), "")
        .file(path("/home/ann/.ssh/id_rsa"), "")
        .file(path("/home/ann/.bashrc"), "")
        .link(path("/work/shared"), "/home/ann")
        .file(path("/work/free.json"), r#"{"name": "free", "tools": ["*"], "allowedTools": ["*"]}"#)
        .file(path("/work/narrow.json"), r#"{"name": "narrow", "tools": ["fs_read"]}"#)
}

/// The one example that is of Kiro CLI 3 by what it lacks.
const V3_WITHOUT: &str = r#"{ "name": "example", "tools": ["shell"] }"#;

fn workspace() -> Workspace {
    Workspace {
        root: path("/work"),
        home: path("/home/ann"),
        state: path("/home/ann/.state"),
        config: path("/home/ann/.config/remit"),
    }
}

fn with_input<T>(file: &str, reading: Reading, disk: &DescribedDisk, judge: impl FnOnce(&LintInput) -> T) -> T {
    let products = match reading {
        _ if file.contains("\"permissions\"") || file == V3_WITHOUT => vec![Product::KiroV3],
        Reading::Remit => vec![Product::Remit],
        Reading::Kiro => vec![Product::Remit, Product::Kiro],
        Reading::Q => vec![Product::Remit, Product::Q],
    };
    for_products(file, reading, &products, disk, judge)
}

fn for_products<T>(
    file: &str,
    reading: Reading,
    products: &[Product],
    disk: &DescribedDisk,
    judge: impl FnOnce(&LintInput) -> T,
) -> T {
    let parsed = parse("example.json", file.as_bytes());
    let policy = policy(&parsed, reading);
    judge(&LintInput {
        source: &parsed.source,
        file: &parsed.file,
        path: Some(&path("/work/example.json")),
        reading,
        policy: policy.as_ref(),
        products: &Products::only(products),
        workspace: &workspace(),
        disk,
    })
}

fn policy(parsed: &Parsed, reading: Reading) -> Option<Policy> {
    let (agent, _) = Agent::resolve(parsed.clone(), path("/work/example.json"), reading).ok()?;
    let profile = Profile::load("base", &BTreeMap::new()).unwrap();
    compile(&agent, &profile, &workspace()).ok().map(|(policy, _)| policy)
}

#[test]
fn every_rule_file_is_in_the_registry() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/rules");
    let files: BTreeSet<String> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "mod.rs")
        .map(|name| name.trim_end_matches(".rs").replace('_', "-"))
        .collect();
    let names: Vec<String> = RULES.iter().map(|rule| rule.name.to_owned()).collect();
    assert_eq!(files.into_iter().collect::<Vec<_>>(), names, "each file is a rule, and the registry is sorted");
}

#[test]
fn every_rule_is_documented() {
    for rule in RULES {
        for (text, what) in [(rule.what, "what"), (rule.why, "why"), (rule.cure, "cure")] {
            assert!(text.ends_with('.') && text.len() > 30, "{}: {what} is to be sentences: {text}", rule.name);
            assert!(!text.contains("  "), "{}: {what} has a hole: {text}", rule.name);
        }
    }
}

#[test]
fn every_example_is_found_and_its_mended_form_is_not() {
    for rule in RULES {
        let findings = |file: &str| {
            let parsed = parse("example.json", file.as_bytes());
            assert!(parsed.diagnostics.iter().all(|finding| !finding.is_error()), "{}: {:?}", rule.name, parsed.diagnostics);
            let findings: Vec<Diagnostic> = with_input(file, rule.example.reading, &disk(), lint);
            findings.into_iter().map(|finding| finding.code).collect::<Vec<_>>()
        };
        assert!(findings(rule.example.found).contains(&rule.name), "{}: the example", rule.name);
        assert_eq!(findings(rule.example.mended), [""; 0], "{}: the mended form", rule.name);
    }
}

#[test]
fn findings_read_well() {
    let mut page = String::new();
    for rule in RULES {
        for finding in with_input(rule.example.found, rule.example.reading, &disk(), |input| rule.findings(input)) {
            let place = finding.location.source.slice(finding.location.span).to_owned();
            writeln!(page, "{:?} {}: {}", finding.severity, finding.code, finding.message).unwrap();
            writeln!(page, "  at {place} {}", finding.label).unwrap();
            for note in &finding.notes {
                writeln!(page, "  note {note}").unwrap();
            }
            writeln!(page, "  help {}", finding.help.unwrap_or_default()).unwrap();
        }
    }
    insta::assert_snapshot!(page, @r#"
Warning alias-collides: `@wiki/find` is not the only tool named `search`
  at "search" again here
  note which of the two runs is decided by the order in which they are loaded
  help give each tool a name of its own
Warning allow-accepts-another-command: `git difftool -y -x sh` runs unasked too
  at "git diff.*" `git diff` goes on inside the word
  note Kiro CLI compare letters, not words
  help put a blank before the wildcard, as in `ls( .*)?`
Warning allow-accepts-pipe: Amazon Q CLI lets `cat x | bash` run unasked
  at "cat .*" compared with the whole line
  note what is piped into a shell is any command
  help let the pattern take no `|`, as in `cat [^|]*`, or name the arguments
Warning allow-list-overridden: `execute_bash` in `allowedTools` switches `allowedCommands` off in Kiro CLI and Amazon Q CLI
  at "execute_bash" runs every command unasked there
  note Remit keeps to it: settings narrow, and never widen
  help take `execute_bash` out of `allowedTools`: what the settings allow runs unasked all the same
Warning allow-matches-nothing: `aws * describe-*` allows nothing: Kiro CLI asks about `aws x describe-x`
  at "aws * describe-*" no command runs by it
  note neither the command as written nor one with arguments is covered
  help write the command as it is typed, or a regular expression that matches it
Warning allow-unreachable: `git push origin main` is allowed here, and denied all the same
  at "git push origin main" never runs
  note in Remit a denial beats an allowance, whatever their order
  help remove the entry, or make the denial narrower
Warning alternation-splits-anchors: `rm -rf / git diff` runs unasked in Amazon Q CLI
  at "git status|git diff" the `|` splits the anchors
  note the first alternative is open at its end, and the last at its beginning
  help put the alternatives in parentheses: `(git status|git diff)`
Warning aws-denial-has-other-name: `s3` is denied, and `s3api` is not
  at "s3" compared as a whole word
  note the other name asks, and a yes lets it through
  help deny `s3api` too
Warning aws-read-only-reads-secrets: `aws secretsmanager get-secret-value` runs unasked
  at true reads secrets too
  note an operation counts as read-only by the first letters of its name
  help name the services in `allowedServices`, or deny those that hold secrets in `deniedServices`
Warning aws-service-grants-everything: `iam` runs unasked, and makes users, roles and keys
  at "iam" more than a service
  note a permission that can give permissions is all of them
  help leave it out of the list: the agent then asks before it uses it
Warning credential-store-granted: `/home/ann/.aws/credentials` is read unasked
  at "~/.aws/**" a store of credentials
  note granted in Remit and Kiro CLI
  help take the path out: what is read can leave with the next request
Warning delegate-runs-anything: `delegate` starts other agents, and never asks
  at "delegate" a way round every other setting
  note its default agent runs with every tool trusted; for a named one a `N` starts it too
  help leave `delegate` out of `tools`
Warning delegates-to-freer-agent: `free` runs commands unasked, and this agent does not
  at "free" started unasked
  note `/work/free.json` pre-approves it
  help take the agent out of `trustedAgents`, or restrict it
Note denial-holds-in-workspace-only: `/home/ann/other/id_rsa` is not denied
  at "**/id_rsa" joined to the working directory
  note so in Kiro CLI
  help begin the pattern with `~/**/` where the file is also elsewhere
Warning deny-escaped-by-arguments: `sudo` is denied, and `sudo x` is not
  at "\\s*sudo" denies the bare command only
  note an argument is enough to get past it; so in Amazon Q CLI
  help let such a pattern go on, as in `sudo[\\s\\S]*`
Warning deny-escaped-by-newline: `git push` is denied, and `git push\nid` is not
  at "\\s*git push.*" `.` matches no line end
  note a shell runs each line of it; so in Amazon Q CLI
  help end such a pattern with `[\\s\\S]*`, and name what may run in `allowedCommands`
Warning deny-escaped-by-space: `git push` is denied, and ` git push` is not
  at "git push.*" matches from the first character on
  note Amazon Q CLI compares it with the line as written, as Kiro CLI is understood to
  note Remit compares words, which no space escapes
  help begin such a pattern with `\\s*`, and name what may run in `allowedCommands`
Warning deny-list-only-guard: `deniedCommands` is the only guard of a pre-approved shell
  at ["git push *"] everything else runs unasked
  note what a pattern denies can be done in another way: by another program, or a script
  help name what may run in `allowedCommands`, and take `execute_bash` out of `allowedTools`
Warning deny-matches-nothing: `aws x delete-x` is not denied by `aws * delete-*`
  at "aws * delete-*" denies nothing that is meant
  note in Amazon Q CLI it is a regular expression
  help write `.*` where the glob has `*`
Warning escape-option-allowed: `git -c alias.x=!id x` runs unasked in Kiro CLI
  at "git .*" an option that runs or writes
  note a wildcard stands for such an option too
  help name the subcommand, and let the wildcard take no word that begins with `-`
Warning git-hooks-writable: `/work/.git/hooks/pre-commit` is written unasked
  at "./**" covers git's hooks
  note what stands in it runs at the next commit; granted in Kiro CLI
  help name the directories that the agent works in, or deny `.git/**` in `deniedPaths`
Warning glob-in-regex-list: `npm run *` does not allow `npm run x` in Kiro CLI
  at "npm run *" a regular expression there
  note `*` repeats the character before it, and stands for nothing by itself
  help write a regular expression, as in `npm run [a-z:-]+`, or the commands one by one
Warning hook-fails-open: this hook guards nothing when it fails
  at "./guard.sh" only exit code 2 stops the tool
  note in Kiro CLI and Amazon Q CLI another exit code, a failed start and a time-out let the tool through
  help say what may run in `allowedCommands` or `allowedPaths`, and end the hook with code 2 on every failure
Warning hook-verdict-cached: one answer of the hook holds for 60 seconds
  at 60 for every call, whatever it is
  note once it said yes, every later call goes through unexamined until the time is over
  help remove `cache_ttl_seconds` from a hook that guards
Warning interpreter-with-wildcard: `python3 *` allows any command
  at "python3 *" lets `python3 x.py` run unasked
  note the list allows everything that this program starts, and its denials are escaped through it
  help name the script or the command that is to run, without a wildcard
Warning matcher-matches-no-tool: no tool is matched by `fs_write|execute_bash`
  at "fs_write|execute_bash" a matcher is no regular expression
  note the hook never runs, and what it was to guard is not guarded
  help write a hook for each tool, or a glob such as `fs_*`
Warning name-differs-from-file: the agent is named `sample` and its file `example.json`
  at "sample" not the file's name
  note it is found by one name here and by the other there; Amazon Q CLI then runs its default agent instead
  help rename the file to `sample.json`, or the agent to `example`
Warning name-unknown-to-q: Amazon Q CLI has no tool `shell`
  at "shell" a name of Kiro CLI
  note the agent does not have the tool there
  help write `execute_bash`, which every product knows
Warning name-unknown-to-q: Amazon Q CLI has no tool `shell`
  at "shell" a name of Kiro CLI
  note the settings are not read there, and what they deny is not denied
  help write `execute_bash`, which every product knows
Warning own-agent-file-writable: `/work/example.json` is written unasked: the agent's own file
  at "./*.json" covers the agent's own file
  note it can give itself whatever it wants; granted in Kiro CLI
  help narrow the path, or deny the directory of the agents in `deniedPaths`
Warning path-leaves-workspace: `../shared/**` leaves the workspace
  at "../shared/**" `/shared`, from here
  note it is another directory wherever the agent is started
  help write the absolute path, or one below the home directory with `~/`
Warning path-list-overridden: `fs_write` in `allowedTools` switches `allowedPaths` off in Kiro CLI and Amazon Q CLI
  at "fs_write" runs unasked there, whatever the list says
  note Remit keeps to it: settings narrow, and never widen
  help take `fs_write` out of `allowedTools`: what the list names runs unasked all the same
Warning path-misread-as-gitignore: `src/.env` is not denied by `.env`
  at ".env" the one in the workspace's own directory
  note so in Remit and Kiro CLI
  help write `**/.env`
Warning path-never-matches: `app/[slug]/page.tsx` does not cover `app/[slug]/page.tsx`
  at "app/[slug]/page.tsx" a bracket is a class of characters
  note in Kiro CLI it denies nothing that is meant
  help write `?` for a bracket and no sign before the path
Warning path-through-symlink: `shared/**` leads to `/home/ann`
  at "shared/**" through a symbolic link
  note what is created below the link is created there
  help name the place that is meant, or remove the link
Warning prompt-file-missing: the prompt `./promt.md` is not there
  at "file://./promt.md" no such file
  note looked for `/work/promt.md`, beside the agent's file
  help correct the path: it is relative to the agent's own file
Note read-differently: `cat x | bash` runs unasked in Amazon Q CLI, and not in Remit
  at "cat .*" read differently
  note what was tried in one product says nothing of the other
  help write what all of them read in the same way: commands without wildcards
Note read-fully-trusted: `/home/ann/.aws/credentials` is read unasked in Amazon Q CLI
  at "fs_read" reads every file of the user
  note what is read can leave with the next request; Remit reads the workspace
  help take `fs_read` out of `allowedTools`: the workspace is read unasked all the same
Warning refused-by-q: Amazon Q CLI does not load a file with `welcomeMessage`
  at "welcomeMessage" not a key of its format
  note it then runs its default agent, with other permissions
  help remove the key from the file that Amazon Q CLI reads
Warning regex-does-not-compile: `git status(?! -s)` is no regular expression
  at "git status(?! -s)" does not compile
  note in Kiro CLI it is left out, and allows nothing
  help write it without look-around, and close what is open
Note resource-file-missing: the resource `docs/b.md` is not there
  at "file://docs/b.md" left out without a word
  note looked for `/work/docs/b.md`
  help correct the path: it is relative to the workspace
Warning root-granted: `/opt/x` is written unasked, and so is everything else
  at "/**" the whole file system
  note granted in Remit and Kiro CLI
  help name the directories that the agent works in, as in `["docs/**"]`
Warning secret-in-file: the value of `DOCS_TOKEN` stands in the file
  at "q7Wm2zR9tK4b" a secret, by its name
  note whoever can read the file, its history or a copy of it has the secret
  help revoke it, and name the variable that holds the new one: `${env:NAME}`
Warning server-not-defined: no server is named `docs`
  at "@docs/search" grants nothing today
  note it grants the tools of whatever server gets that name later
  help define `docs` in `mcpServers`, or remove the entry
Warning server-over-http: `http://docs.example.com/mcp` is not encrypted
  at "http://docs.example.com/mcp" plain HTTP
  note whoever is on the way can read what is sent, and answer in the server's place
  help use `https://`
Warning server-prefix-exposes-another: `@github` shows every tool of `git` too
  at "@github" compared by its beginning
  note Amazon Q CLI looks whether the entry begins with `@` and the server's name
  help rename one of the servers, so that neither name begins with the other
Warning server-unpinned: `docs-server` is fetched in whatever version is newest
  at "docs-server" no exact version
  note whoever can publish the package can run code here at the next start
  help write the exact version after the name, as in `docs-server@1.4.2`
Warning shell-fully-trusted: `execute_bash` is pre-approved, and nothing narrows it
  at "execute_bash" runs every command unasked
  note a text that the model reads can become a command that nobody sees
  help name what may run in `toolsSettings.execute_bash.allowedCommands`, and take the tool out of `allowedTools`
Warning start-up-file-writable: `/home/ann/.bashrc` is written unasked
  at "~/.bashrc" runs at the next login
  note what stands in it runs as you, outside every agent; granted in Remit and Kiro CLI
  help take the path out, and change such a file by hand
Warning subagent-fully-trusted: `*` starts any agent unasked
  at "*" no list narrows it
  note the agent has the permissions of every agent that it can start
  help name the agents in `availableAgents` and `trustedAgents`
Warning sudo-allowed: `sudo apt-get x` runs unasked in Kiro CLI
  at "sudo apt-get .*" runs as another user
  note nothing holds back what runs as root
  help take `sudo` out of the list
Warning too-many-patterns: 501 command patterns are more than the 500 against which lines are tried
  at "make t0" the first of them
  note what they accept beyond their words is not looked for in this file
  help write patterns in the place of lists of commands
Warning v3-deny-escaped: `git push` is denied, and `git  push` runs unasked
  at "git push*" another spelling is another text
  note in Kiro CLI 3 the text is compared, and another rule allows it
  help allow by name, and do not rely on a denial alone
Warning v3-everything-allowed: `rm -rf ~` needs no question under `shell`
  at "*" allows everything of its capability
  note in Kiro CLI 3 nothing else stands between the model and it
  help name in `match` what is meant, or write `"effect": "ask"`
Warning v3-regex-in-glob: `git push` is not covered by `git push.*`
  at "git push.*" a glob, in Kiro CLI 3
  note what the rule says of it does not hold
  help write a glob: `*` in place of `.*`, and no anchors
Warning v3-rule-never-decides: `git push *` is denied all the same
  at "git push *" never decides
  note in Kiro CLI 3 deny beats ask beats allow, whatever the order
  help remove the rule, or make the stricter one narrower with `exclude`
Warning v3-settings-not-read: Kiro CLI 3 does not read `toolsSettings`
  at "toolsSettings" only `permissions` counts
  note what it denies is not denied there
  help say it in `permissions.rules`, and remove the key where no older product reads the file
Warning v3-unknown-tag: Kiro CLI 3 has no tag `execute_bash`
  at "execute_bash" not one of its tags
  note the agent does not have the tool there
  help did you mean `shell`?
Warning v3-without-permissions: Kiro CLI 3 leaves an agent without `permissions` out
  at "example" no `permissions` in the file
  note it says nothing about it, and the agent is not there
  help add `"permissions": { "rules": [ … ] }`
Warning web-fully-trusted: `http://192.0.2.7/?of=the-text` is fetched unasked
  at ".*" every address
  note what the agent has read can leave in the address that it fetches
  help name the hosts in `trusted`, as in `https://docs\\.example\\.com/.*`
Warning web-pattern-broken: `(docs` is no regular expression
  at "(docs" does not compile
  note in Kiro CLI it blocks every address
  help write a regular expression, as in `https://docs\\.example\\.com/.*`
Warning whole-home-granted: every file of the home directory is read unasked
  at "~/**" the whole home directory
  note `/home/ann/x-of-yours` too, in Remit and Kiro CLI
  help name the directories that the agent needs
Warning wrapper-with-wildcard: `timeout 9 id` runs unasked in Kiro CLI
  at "timeout .*" starts any command
  note the list allows everything that this program starts
  help write the command that is to run after the wrapper
Warning write-fully-trusted: `fs_write` pre-approves every write, and no `allowedPaths` narrows it
  at "fs_write" writes unasked
  note a build script or a hook that is written now is run by somebody later
  help name the paths in `toolsSettings.fs_write.allowedPaths`, as in `["docs/**"]`
"#);
}
