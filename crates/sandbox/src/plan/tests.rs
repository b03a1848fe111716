//! Plans, as data: an agent file and a host in, what is asked of the kernel and what is left open out.

use std::collections::BTreeMap;
use std::path::Path;

use remit_agent::{AbsPath, Agent, Reading, parse};
use remit_policy::{Policy, Profile, Workspace, compile};

use super::*;
use crate::{Availability, Cgroups, Mask, Matches, Named, PathFact, PathKind, paths_of_interest};

mod below;

fn path(text: &str) -> AbsPath {
    AbsPath::new(Path::new(text)).unwrap()
}

fn policy(settings: &str) -> Policy {
    policy_with(&format!(r#"{settings}"sandbox":{{"profile":"dev"}}"#))
}

fn policy_with(settings: &str) -> Policy {
    policy_under("dev", settings)
}

fn policy_under(profile: &str, settings: &str) -> Policy {
    let text = format!(
        r#"{{"name":"a","tools":["execute_bash","fs_read","fs_write"],"allowedTools":["execute_bash"],
           "toolsSettings":{{"execute_bash":{{"allowedCommands":["true"]}},{settings}}}}}"#
    );
    let file = path("/w/.remit/agents/a.json");
    let (agent, _) = Agent::resolve(parse("a.json", text.as_bytes()), file, Reading::Remit).unwrap();
    let workspace = Workspace {
        root: path("/w"),
        home: path("/home/u"),
        state: path("/home/u/.local/state/remit"),
        config: path("/home/u/.config/remit"),
    };
    compile(&agent, &Profile::load(profile, &BTreeMap::new()).unwrap(), &workspace).unwrap().0
}

/// A host with everything, where these directories and files exist.
fn host(policy: &Policy, existing: &[&str]) -> Host {
    let fact = |path: &AbsPath| {
        if existing.contains(&path.as_str()) || ["/w", "/usr", "/tmp", "/var/tmp", "/dev/shm", "/run"].contains(&path.as_str()) {
            PathFact::Found { canonical: path.clone(), kind: PathKind::Directory }
        } else if path.as_str() == "/dev/null" {
            PathFact::Found { canonical: path.clone(), kind: PathKind::CharacterDevice }
        } else {
            PathFact::Missing
        }
    };
    Host {
        kernel: "6.15.0".to_owned(),
        machine: "x86_64".to_owned(),
        user: 1000,
        group: 1000,
        landlock_abi: 7,
        seccomp: Availability::Works,
        namespaces: Availability::Works,
        needs_user_namespace: true,
        overlay: Availability::Works,
        own_proc: Availability::Works,
        network_namespace: Availability::Works,
        notification: Availability::Works,
        cgroups: Cgroups::Missing { why: "not delegated".to_owned(), remedy: "delegate".to_owned() },
        resolver: None,
        environment: [
            ("PATH", "/usr/bin:relative:/opt/evil"),
            ("AWS_SECRET_ACCESS_KEY", "x"),
            ("LANG", "C"),
            ("LD_PRELOAD", "y"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into(),
        paths: paths_of_interest(policy).into_iter().map(|path| (path.clone(), fact(&path))).collect(),
        real: BTreeMap::new(),
        matches: BTreeMap::new(),
    }
}

fn without_namespaces(mut host: Host) -> Host {
    let missing = || Availability::missing("the kernel refuses user namespaces", "sudo sysctl -w user.max_user_namespaces=15000");
    host.namespaces = missing();
    host.overlay = missing();
    host.own_proc = missing();
    host.network_namespace = missing();
    host
}

fn rights(plan: &Plan, at: &str) -> String {
    let rule = plan.landlock_rules().iter().find(|rule| rule.path.as_str() == at);
    rule.map_or_else(|| "none".to_owned(), |rule| serde_json::to_value(rule.rights).unwrap().as_str().unwrap().to_owned())
}

fn gap(plan: &Plan, words: &str) -> bool {
    plan.gaps.iter().any(|gap| gap.what.contains(words))
}

#[test]
fn an_agent_without_writes_gets_a_private_layer() {
    let policy = policy("");
    let plan = plan(&policy, &host(&policy, &["/home/u/.cargo/registry"]));
    let layers: Vec<_> = plan.layers.iter().map(|layer| layer.target.as_str()).collect();
    assert_eq!(layers, ["/w", "/home/u/.cargo/registry"]);
    assert_eq!(rights(&plan, "/w"), "rwx");
    assert_eq!(rights(&plan, "/usr"), "rx");
    assert_eq!(rights(&plan, "/dev/null"), "rwd");
    assert_eq!(rights(&plan, "/tmp"), "rwx");
    assert_eq!(rights(&plan, "/run"), "none");
    assert_eq!(plan.temporary, Temporary::Mounted);
    assert_eq!(
        plan.seccomp,
        Some(SeccompProgram {
            inet: true,
            ipc: true,
            creation: false,
            programs_in_memory: true,
            ptrace: false,
            metadata: Metadata::Free(SetGroupId::Free)
        })
    );
    assert_eq!(plan.namespaces, Some(Namespaces { user: true, pid: true, network: true, loopback: true }));
    assert!(!gap(&plan, "cannot write"));
}

#[test]
fn without_namespaces_the_workspace_is_read_only_and_both_ways_out_are_named() {
    let policy = policy("");
    let plan = plan(&policy, &without_namespaces(host(&policy, &["/home/u/.cargo/registry"])));
    assert_eq!(plan.layers, []);
    assert_eq!(plan.namespaces, None);
    assert_eq!(rights(&plan, "/w"), "rx");
    assert_eq!(rights(&plan, "/tmp"), "none");
    assert!(matches!(plan.temporary, Temporary::Named(_)));
    assert_eq!(
        plan.seccomp,
        Some(SeccompProgram {
            inet: false,
            ipc: false,
            creation: false,
            programs_in_memory: true,
            ptrace: false,
            metadata: Metadata::Decided
        })
    );
    assert!(plan.landlock.as_ref().unwrap().deny_tcp);
    let gap = plan.gaps.iter().find(|gap| gap.what.contains("no private layer")).unwrap();
    let remedy = gap.remedy.as_deref().unwrap();
    assert!(remedy.contains("sysctl") && remedy.contains("target/**"), "{remedy}");
}

#[test]
fn a_debugger_works_where_something_bounds_whom_it_reaches() {
    let policy = policy_with(r#""sandbox":{"debug":true}"#);
    let check = |change: &dyn Fn(&mut Host), expected: bool| {
        let mut host = host(&policy, &[]);
        change(&mut host);
        let plan = plan(&policy, &host);
        assert_eq!(plan.seccomp.as_ref().unwrap().ptrace, expected);
        assert_eq!(gap(&plan, "`debug` is not granted here"), !expected);
    };
    check(&|_| {}, true);
    check(&|host| host.landlock_abi = 0, true);
    check(&|host| *host = without_namespaces(host.clone()), true);
    check(
        &|host| {
            *host = without_namespaces(host.clone());
            host.landlock_abi = 0;
        },
        false,
    );
}

#[test]
fn a_grant_inside_what_is_hidden_is_none() {
    let policy = policy_with(r#""sandbox":{"files":{"read":["a/b/f"],"hide":["a/b","a/b/f"]}}"#);
    let plan = plan(&policy, &host(&policy, &["/w/a/b", "/w/a/b/f"]));
    assert!(plan.masks.iter().any(|mask| mask.path == path("/w/a/b")));
    assert!(plan.masks.iter().all(|mask| mask.path != path("/w/a/b/f")), "it is covered already");
    assert_eq!(rights(&plan, "/w/a/b/f"), "none", "Landlock could not open it");
    assert!(plan.landlock_rules().iter().all(|rule| !rule.path.is_beneath(&path("/w/a/b"))));
    let policy = policy_with(r#""sandbox":{"files":{"read":["~/x/y"],"hide":["~/x/y"]}}"#);
    let plan = super::plan(&policy, &host(&policy, &["/home/u/x/y"]));
    assert!(plan.masks.is_empty(), "nothing shows it: {:?}", plan.masks);
}

#[test]
fn repositories_below_the_workspaces_own_are_a_gap_until_a_pattern_denies_them() {
    let check = |settings: &str, told: bool| {
        let policy = policy(settings);
        let plan = plan(&policy, &host(&policy, &["/w/src"]));
        assert_eq!(gap(&plan, "settings of repositories below `src`"), told, "{settings}");
    };
    check(r#""fs_write":{"allowedPaths":["src/**"]},"#, true);
    check(r#""fs_write":{"allowedPaths":["src/**"],"deniedPaths":["**/.git/hooks"]},"#, true);
    check(r#""fs_write":{"allowedPaths":["src/**"],"deniedPaths":["**/.git/hooks","**/.git/config"]},"#, true);
    check(r#""fs_write":{"allowedPaths":["src/**"],"deniedPaths":["*/**/.git"]},"#, false);
    check("", false);
}

#[test]
fn a_write_grant_is_the_files_themselves() {
    let policy = policy(r#""fs_write":{"allowedPaths":["target/**"]},"#);
    let plan = plan(&policy, &host(&policy, &[]));
    assert_eq!(rights(&plan, "/w/target"), "rw");
    assert_eq!(rights(&plan, "/w"), "rx");
    assert_eq!(plan.make_directories, [path("/w/target")]);
    assert!(plan.layers.iter().all(|layer| layer.purpose == crate::LayerPurpose::Cache));
}

#[test]
fn a_glob_is_as_wide_as_its_directory_and_says_so() {
    let policy = policy(r#""fs_write":{"allowedPaths":["src/*.rs"]},"#);
    let plan = plan(&policy, &host(&policy, &["/w/src"]));
    assert_eq!(rights(&plan, "/w/src"), "rw");
    assert!(gap(&plan, "commands can write all of `src`"));
}

#[test]
fn a_glob_over_the_home_is_not_granted() {
    let policy = policy(r#""fs_read":{"allowedPaths":["~/*.txt"]},"#);
    let plan = plan(&policy, &host(&policy, &["/home/u"]));
    assert_eq!(rights(&plan, "/home/u"), "none");
    assert!(gap(&plan, "commands cannot use `~/*.txt`"));
}

#[test]
fn a_link_in_the_workspace_is_not_followed() {
    let policy = policy(r#""fs_write":{"allowedPaths":["out"]},"#);
    let mut host = host(&policy, &[]);
    host.paths.insert(path("/w/out"), PathFact::Link);
    let plan = plan(&policy, &host);
    assert_eq!(rights(&plan, "/w/out"), "none");
    assert!(gap(&plan, "`out` is not granted"));
}

#[test]
fn what_runs_later_is_read_only_inside_a_write_grant() {
    let policy = policy(r#""fs_write":{"allowedPaths":["."]},"#);
    let existing = ["/w/.git/hooks", "/w/.git/config"];
    let with = plan(&policy, &host(&policy, &existing));
    assert_eq!(with.read_only, [path("/w/.git/config"), path("/w/.git/hooks")]);
    assert_eq!(with.pinned, [path("/w/.git")], "a directory above cannot be moved away");
    let outside = with.outside.as_ref().unwrap();
    assert!(!outside.may_appear(&path("/w/.envrc"), Named::New) && outside.may_appear(&path("/w/src"), Named::Tree));
    assert!(with.seccomp.as_ref().unwrap().creation && !gap(&with, "commands can create"));
    let unasked = plan(&policy, &Host { notification: Availability::missing("no listener", "none"), ..host(&policy, &existing) });
    assert!(gap(&unasked, "commands can create"), "what does not exist yet is said");
    assert_eq!(unasked.outside, None);
    let without = plan(&policy, &without_namespaces(host(&policy, &existing)));
    assert_eq!(without.read_only, []);
    assert!(!gap(&without, "commands can write `"), "each open that writes is decided");
    let outside = without.outside.as_ref().unwrap();
    assert!(!outside.may_write(&path("/w/.git/config")) && outside.may_write(&path("/w/src")));
    let unasked = plan(
        &policy,
        &Host { notification: Availability::missing("no listener", "none"), ..without_namespaces(host(&policy, &existing)) },
    );
    assert!(gap(&unasked, "commands can write `.git/config`, `.git/hooks`"));
}

#[test]
fn without_namespaces_modes_times_and_sockets_are_decided_outside_or_refused() {
    let policy = policy("");
    let check = |notification: Availability, metadata: Metadata, decided: bool, refused: bool| {
        let plan = plan(&policy, &Host { notification, ..without_namespaces(host(&policy, &[])) });
        assert_eq!(plan.seccomp.as_ref().map(|filter| filter.metadata), Some(metadata));
        assert_eq!(plan.outside.is_some(), decided);
        assert_eq!(gap(&plan, "no mode, owner, time or attribute can be changed"), refused);
        assert_eq!(gap(&plan, "limits and priorities of the user's other processes"), refused);
        assert_eq!(plan.carried.iter().any(|carried| carried.what.starts_with("limits and priorities")), decided);
        assert!(!gap(&plan, "Unix sockets of the host's services"));
    };
    check(Availability::Works, Metadata::Decided, true, false);
    check(Availability::missing("no listener", "none"), Metadata::Refused, false, true);
}

#[test]
fn what_has_the_set_group_id_bit_does_not_stay() {
    let check = |settings: &str, change: &dyn Fn(&mut Host), expected: Metadata, claimed: bool, refused: bool| {
        let policy = policy(settings);
        let mut host = host(&policy, &["/w/target"]);
        change(&mut host);
        let plan = plan(&policy, &host);
        assert_eq!(plan.seccomp.as_ref().map(|filter| filter.metadata), Some(expected), "{settings}");
        assert_eq!(plan.outside.is_some(), plan.seccomp.as_ref().is_some_and(SeccompProgram::notifies));
        assert_eq!(plan.carried.iter().any(|carried| carried.what.contains("set-group-id")), claimed, "{settings}");
        assert_eq!(gap(&plan, "no directory can be given the set-group-id bit"), refused, "{settings}");
    };
    let writes = r#""fs_write":{"allowedPaths":["target/**"]},"#;
    let unasked = |host: &mut Host| host.notification = Availability::missing("no listener", "none");
    check("", &|_| {}, Metadata::Free(SetGroupId::Free), false, false);
    check("", &unasked, Metadata::Free(SetGroupId::Free), false, false);
    check(writes, &|_| {}, Metadata::Free(SetGroupId::Decided), true, false);
    check(writes, &unasked, Metadata::Free(SetGroupId::Refused), true, true);
    check(writes, &|host| *host = without_namespaces(host.clone()), Metadata::Decided, true, false);
}

#[test]
fn what_nothing_is_executed_from_is_mounted_so() {
    let check = |profile: &str, expected: Option<bool>| {
        let policy = policy_under(profile, &format!(r#""sandbox":{{"profile":"{profile}"}}"#));
        let plan = plan(&policy, &host(&policy, &[]));
        let temporary = plan.private_directories.iter().find(|private| private.target.as_str() == "/tmp");
        assert_eq!(temporary.map(|private| private.no_exec), expected, "{profile}");
    };
    // `dev` builds and runs in /tmp.
    check("dev", Some(false));
    check("base", Some(true));
}

#[test]
fn a_tmp_in_which_something_is_granted_is_not_covered() {
    let policy = policy(r#""fs_read":{"allowedPaths":["/tmp/data"]},"#);
    let plan = plan(&policy, &host(&policy, &["/tmp/data"]));
    assert_eq!(rights(&plan, "/tmp"), "none");
    assert_eq!(rights(&plan, "/tmp/data"), "r");
    assert!(plan.private_directories.iter().all(|private| private.target.as_str() != "/tmp"));
    assert!(matches!(plan.temporary, Temporary::Named(_)));
}

#[test]
fn the_environment_is_built() {
    let policy = policy("");
    let plan = plan(&policy, &host(&policy, &["/opt"]));
    let names: Vec<_> = plan.environment.keys().map(String::as_str).collect();
    assert_eq!(names, ["HOME", "LANG", "PATH"]);
    let search: Vec<_> = plan.search_path.iter().map(AbsPath::as_str).collect();
    assert!(search.starts_with(&["/usr/bin"]), "{search:?}");
    assert!(!search.contains(&"/w/relative"));
}

#[test]
fn every_older_abi_loses_what_it_cannot_hold_and_says_so() {
    let policy = policy("");
    for abi in 0..=7 {
        let mut host = without_namespaces(host(&policy, &[]));
        host.landlock_abi = abi;
        let plan = plan(&policy, &host);
        assert_eq!(plan.landlock.as_ref().map(|landlock| landlock.abi), (abi > 0).then_some(abi));
        assert_eq!(plan.landlock.as_ref().is_some_and(|landlock| landlock.deny_tcp), abi >= 4, "ABI {abi}");
        assert_eq!(gap(&plan, "no file boundary is held"), abi == 0, "ABI {abi}");
        assert_eq!(gap(&plan, "can be truncated"), (1..3).contains(&abi), "ABI {abi}");
        assert_eq!(gap(&plan, "other processes can be signalled"), abi < 6, "ABI {abi}");
    }
}

#[test]
fn no_rule_stands_below_another_with_the_same_rights() {
    let policy = policy("");
    let plan = plan(&policy, &host(&policy, &["/usr/local/go", "/usr/bin", "/opt"]));
    for (above, below) in plan.landlock_rules().iter().flat_map(|a| plan.landlock_rules().iter().map(move |b| (a, b))) {
        assert!(above.path == below.path || !below.path.is_beneath(&above.path) || !above.rights.contains(below.rights));
    }
}

#[test]
fn a_limit_of_the_whole_task_is_a_cgroup_or_is_told() {
    let policy = policy_with(r#""sandbox":{"limits":{"memory":"1G","processes":64}}"#);
    let mut host = host(&policy, &[]);
    let without = plan(&policy, &host);
    assert!(gap(&without, "files in memory that nobody maps, and buffers of sockets and pipes, are not counted"));
    assert!(without.memory.is_some() && without.cgroups.is_empty());
    assert!(without.limits.iter().any(|limit| limit.resource == ResourceKind::Nproc && limit.value == 64));
    let more = |plan: &Plan| plan.limits.iter().find(|limit| limit.resource == ResourceKind::NprocMore).map(|limit| limit.value);
    let alone = plan(&policy, &without_namespaces(host.clone()));
    assert_eq!((alone.processes, more(&alone)), (Some(64), Some(320)));
    assert!(!gap(&alone, "processes that are made faster"));
    host.user = 0;
    let root = plan(&policy, &host);
    assert_eq!((root.processes, more(&root)), (Some(64), None));
    assert!(gap(&root, "processes that are made faster than Remit looks at them are not limited"));
    host.cgroups = Cgroups::Unified { parent: path("/sys/fs/cgroup/u") };
    let unified = plan(&policy, &host);
    assert_eq!((unified.cgroups.len(), unified.processes), (1, None));
    assert_eq!(
        unified.cgroups[0].settings,
        [("memory.max", "1073741824".to_owned()), ("memory.oom.group", "1".to_owned()), ("pids.max", "64".to_owned())]
    );
    host.cgroups = Cgroups::Legacy { memory: Some(path("/m")), pids: None };
    let legacy = plan(&policy, &host);
    assert_eq!(legacy.cgroups.iter().map(|cgroup| cgroup.parent.as_str()).collect::<Vec<_>>(), ["/m"]);
    assert_eq!(legacy.processes, Some(64));
}

#[test]
fn a_cache_that_does_not_exist_is_the_tasks_own() {
    let policy = policy("");
    let private = |host: &Host| -> Vec<(String, bool)> {
        let plan = plan(&policy, host);
        let own = plan.private_directories.iter().filter(|private| private.target.as_str().starts_with("/home/u/"));
        let own: Vec<_> = own.map(|private| (private.target.to_string(), private.no_exec)).collect();
        for (target, _) in &own {
            let rights = plan.landlock_rules().iter().find(|rule| rule.path.as_str() == target).unwrap().rights;
            assert!(rights.contains(Rights::READ | Rights::WRITE), "{target}");
            assert!(plan.root.as_ref().unwrap().binds.iter().all(|bind| bind.path.as_str() != target), "{target}");
            assert!(plan.layers.iter().all(|layer| layer.target.as_str() != target), "{target}");
        }
        own
    };
    let own = private(&host(&policy, &["/home/u/.cache/pip", "/home/u/go"]));
    let has = |path: &str| own.iter().find(|(target, _)| target == path).map(|(_, no_exec)| *no_exec);
    assert_eq!(has("/home/u/.npm"), Some(true));
    // Programs of its own come there as well.
    assert_eq!(has("/home/u/.cache/uv"), Some(false));
    // It exists, and has a layer.
    assert_eq!(has("/home/u/.cache/pip"), None);
    // No place for one: the host's directory is shown.
    assert_eq!(has("/home/u/go/pkg"), None);
    assert_eq!(private(&without_namespaces(host(&policy, &[]))), []);
}

/// As a file `.git` names another repository, and where it does not exist it may become one.
#[test]
fn a_git_that_is_no_directory_is_protected() {
    let policy = policy(r#""fs_write":{"allowedPaths":["**"]},"#);
    let git = path("/w/.git");
    let check = |fact: PathFact, held: bool, denied: bool| {
        let mut host = host(&policy, &[]);
        assert!(host.paths.contains_key(&git));
        host.paths.insert(git.clone(), fact);
        let there = plan(&policy, &host);
        assert_eq!(there.read_only.contains(&git), held);
        let appears = there.outside.unwrap().may_appear(&git, Named::New);
        assert_eq!(appears, !denied);
    };
    check(PathFact::Found { canonical: git.clone(), kind: PathKind::Directory }, false, false);
    check(PathFact::Found { canonical: git.clone(), kind: PathKind::File }, true, true);
    check(PathFact::Missing, false, true);
    check(PathFact::Link, false, true);
}

#[test]
fn what_others_may_change_meanwhile_is_told() {
    let told = |settings: &str, notification: Availability| {
        let policy = policy(settings);
        let mut host = Host { notification, ..host(&policy, &["/w/.git", "/w/.git/config", "/w/src"]) };
        host.paths.insert(path("/w/key"), PathFact::Found { canonical: path("/w/key"), kind: PathKind::File });
        let plan = plan(&policy, &host);
        (gap(&plan, "no longer held once somebody else replaces"), gap(&plan, "servers of yours that listen on a socket"))
    };
    let missing = || Availability::missing("no listener", "none");
    assert_eq!(told("", Availability::Works), (false, false));
    assert_eq!(told(r#""fs_write":{"allowedPaths":["src/**"]},"#, Availability::Works), (false, true));
    let all = r#""fs_write":{"allowedPaths":["**"]},"#;
    assert_eq!(told(all, Availability::Works), (false, true), "each open that writes is decided");
    assert_eq!(told(all, missing()), (true, true));
    let hidden = r#""fs_write":{"allowedPaths":["**"]},"fs_read":{"deniedPaths":["key"]},"#;
    assert_eq!(told(hidden, Availability::Works), (true, true), "what is hidden is read by nobody's leave");
}

/// A prefix of a profile names variables that nobody has looked at one by one.
#[test]
fn a_prefix_passes_no_secret() {
    let policy = policy("");
    let mut host = host(&policy, &[]);
    for name in ["LC_ALL", "LC_DEPLOY_TOKEN"] {
        host.environment.insert(name.to_owned(), "x".to_owned());
    }
    let plan = plan(&policy, &host);
    assert!(plan.environment.contains_key("LC_ALL"));
    assert!(!plan.environment.contains_key("LC_DEPLOY_TOKEN"));
}

#[test]
fn named_hosts_are_reached_through_a_proxy_and_by_nothing_else() {
    let policy = policy_with(r#""sandbox":{"profile":"dev","network":{"allow":["crates.io:443"],"loopback":false}}"#);
    let mut host = host(&policy, &[]);
    let resolver = path("/etc/resolv.conf");
    let stub = path("/run/systemd/resolve/stub-resolv.conf");
    host.paths.insert(resolver.clone(), PathFact::Found { canonical: stub.clone(), kind: PathKind::File });
    let plan = plan(&policy, &host);
    let proxy = plan.proxy.as_ref().unwrap();
    assert_eq!((proxy.hosts.len(), proxy.catches), (1, true));
    assert_eq!(plan.namespaces.map(|spaces| (spaces.network, spaces.loopback)), Some((true, true)));
    assert_eq!(plan.environment["https_proxy"], "http://127.0.0.1:3128");
    // The host's own name servers are of no use to the task.
    let root = plan.root.as_ref().unwrap();
    assert!(root.files[&resolver].contains("nameserver 127.0.0.1\n"));
    assert!(!root.links.contains_key(&resolver) && root.binds.iter().all(|bind| bind.path != stub));
    assert_eq!((rights(&plan, "/etc/resolv.conf"), rights(&plan, stub.as_str())), ("r".to_owned(), "none".to_owned()));
    assert!(!gap(&plan, "cannot be reached"));
}

#[test]
fn named_hosts_are_closed_where_nothing_tells_them_apart() {
    let policy = policy_with(r#""sandbox":{"profile":"dev","network":{"allow":["crates.io"],"loopback":true}}"#);
    let plan = plan(&policy, &without_namespaces(host(&policy, &[])));
    assert_eq!(plan.proxy, None);
    assert!(plan.landlock.as_ref().unwrap().deny_tcp && !plan.seccomp.as_ref().unwrap().inet);
    assert!(gap(&plan, "`crates.io` cannot be reached: the network is closed"));
    assert!(!plan.environment.contains_key("HTTP_PROXY"));
}
