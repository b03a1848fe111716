//! The canonical form: what a policy means, and nothing of where it was written.
//!
//! Origins are taken out of the typed policy, not of its JSON: an environment variable may well be called `origin`.
//! Lists that are unions are sorted and hold each rule once; lists whose order has a meaning keep it.

use std::cmp::Ordering;

use crate::{
    CommandGrants, CommandPattern, CommandRule, CommandRules, EnvironmentGrant, FileGrants, HostRule, Limit, NetworkGrant,
    NetworkMode, Origin, PassedVariable, PathPattern, PathRule, Policy, Start, ToolGrants, ToolRule,
};

impl Policy {
    /// Returns the canonical form: JSON without origins, the same for the same meaning.
    ///
    /// Keys stand in the order of the types' fields, which [`Policy::version`] covers, and those of maps are sorted.
    pub fn canonical(&self) -> String {
        // A policy is made of strings, numbers and lists only, so writing it as JSON cannot fail; if it ever did, no two
        // policies may look the same.
        serde_json::to_string(&erase(self)).unwrap_or_else(|error| format!("{error} in {self:?}"))
    }
}

/// Returns the policy without origins. Every field is named, so that a new one cannot be forgotten here.
fn erase(policy: &Policy) -> Policy {
    let Policy {
        version,
        agent,
        reading,
        profile,
        confinement,
        workspace,
        home,
        tools,
        commands,
        files,
        network,
        environment,
        limits,
        starts,
    } = policy.clone();
    Policy {
        version,
        agent,
        reading,
        profile,
        confinement,
        workspace,
        home,
        tools: erase_tools(tools),
        commands: erase_commands(commands),
        files: erase_files(files),
        network: erase_network(network),
        environment: erase_environment(environment),
        limits: union(
            limits,
            |limit| Limit { origin: Origin::Erased, ..limit },
            |a, b| (a.kind, a.value).cmp(&(b.kind, b.value)),
        ),
        // Hooks of one trigger run in their order.
        starts: starts.into_iter().map(|start| Start { origin: Origin::Erased, ..start }).collect(),
    }
}

fn erase_tools(tools: ToolGrants) -> ToolGrants {
    let ToolGrants { visible, allowed, narrowed, unknown } = tools;
    let erase = |rules| union(rules, |rule| ToolRule { origin: Origin::Erased, ..rule }, |a, b| a.pattern.cmp(&b.pattern));
    ToolGrants { visible: erase(visible), allowed: erase(allowed), narrowed: erase(narrowed), unknown: erase(unknown) }
}

fn erase_commands(commands: CommandGrants) -> CommandGrants {
    let CommandGrants { deny, allow, everything, read_only, otherwise } = commands;
    let erase = |rules: CommandRules| {
        CommandRules::new(union(rules.into_vec(), |rule| CommandRule { origin: Origin::Erased, ..rule }, by_command))
    };
    CommandGrants {
        deny: erase(deny),
        allow: erase(allow),
        everything: everything.map(|_| Origin::Erased),
        read_only: read_only.map(|_| Origin::Erased),
        otherwise,
    }
}

fn erase_files(files: FileGrants) -> FileGrants {
    let FileGrants { read, write, execute, hidden, write_denied, protected, protected_read, workspace, caches } = files;
    let erase = |rules| union(rules, |rule| PathRule { origin: Origin::Erased, ..rule }, by_path);
    FileGrants {
        read: erase(read),
        write: erase(write),
        execute: erase(execute),
        hidden: erase(hidden),
        write_denied: erase(write_denied),
        protected: erase(protected),
        protected_read: erase(protected_read),
        workspace,
        caches: erase(caches),
    }
}

fn erase_network(network: NetworkGrant) -> NetworkGrant {
    let NetworkGrant { mode, loopback, origin: _ } = network;
    let mode = match mode {
        NetworkMode::Hosts(hosts) => NetworkMode::Hosts(union(
            hosts,
            |host| HostRule { origin: Origin::Erased, ..host },
            |a, b| (&a.host, a.port).cmp(&(&b.host, b.port)),
        )),
        NetworkMode::None => NetworkMode::None,
        NetworkMode::All => NetworkMode::All,
    };
    NetworkGrant { mode, loopback, origin: Origin::Erased }
}

fn erase_environment(environment: EnvironmentGrant) -> EnvironmentGrant {
    // The order of `path` decides which program a name stands for.
    let EnvironmentGrant { inherit, pass, set, path } = environment;
    let pass = union(pass, |variable| PassedVariable { origin: Origin::Erased, ..variable }, |a, b| a.name.cmp(&b.name));
    EnvironmentGrant { inherit, pass, set, path }
}

/// Returns the erased rules in order, each once.
fn union<T>(rules: Vec<T>, erase: impl Fn(T) -> T, order: impl Fn(&T, &T) -> Ordering) -> Vec<T> {
    let mut rules: Vec<T> = rules.into_iter().map(erase).collect();
    rules.sort_by(&order);
    rules.dedup_by(|one, other| order(one, other) == Ordering::Equal);
    rules
}

fn by_path(one: &PathRule, other: &PathRule) -> Ordering {
    path_key(one).cmp(&path_key(other))
}

/// Returns everything that the canonical form of a path rule holds.
fn path_key(rule: &PathRule) -> (&str, Option<&str>, bool) {
    let PathRule { pattern: PathPattern { text: _, base, glob }, if_present, origin: _ } = rule;
    (base.as_str(), glob.as_ref().map(|glob| glob.glob().glob()), *if_present)
}

fn by_command(one: &CommandRule, other: &CommandRule) -> Ordering {
    command_key(one).cmp(&command_key(other))
}

/// Returns everything that the canonical form of a command rule holds.
fn command_key(rule: &CommandRule) -> (bool, &str) {
    (matches!(rule.pattern, CommandPattern::Regex { .. }), rule.pattern.text())
}

#[cfg(test)]
mod tests {
    use crate::testing::{compiled, policy};
    use remit_agent::Reading;

    const FILE: &str = r#"{"name":"a","tools":["shell","fs_read","fs_write","aws"],"allowedTools":["aws"],"hooks":{"stop":[{"command":"h"}]},
        "mcpServers":{"s":{"command":"m","env":{"K":"v"}}},
        "toolsSettings":{"shell":{"allowedCommands":["ls"],"deniedCommands":["rm"]},"write":{"allowedPaths":["docs"],"deniedPaths":["docs/x"]},
        "read":{"allowedPaths":["~/r"],"deniedPaths":["h"]},
        "sandbox":{"network":{"allow":["a.b"]},"env":{"pass":["P"],"set":{"origin":"1"}},"limits":{"memory":"1G"},"files":{"execute":["bin"]}}}}"#;

    #[test]
    fn moving_a_line_changes_nothing() {
        let before = policy(FILE);
        let spread = FILE.replace(',', " ,\n\n  ");
        assert_ne!(format!("{:?}", before.commands.allow), format!("{:?}", policy(&spread).commands.allow));
        assert_eq!(before.canonical(), policy(&spread).canonical());
        assert_eq!(before.digest(), policy(&spread).digest());
        assert_eq!(before.digest().to_string().len(), 64);
    }

    #[test]
    fn the_same_meaning_in_another_order_or_spelling_is_the_same() {
        let same = |old: &str, new: &str| {
            assert_eq!(policy(FILE).canonical(), policy(&FILE.replace(old, new)).canonical(), "{old} {new}");
        };
        same(r#""shell","fs_read""#, r#""read","execute_bash","shell""#);
        same(r#"["docs"]"#, r#"["./docs/**","docs/"]"#);
        same("1G", "1024M");
    }

    #[test]
    fn any_change_of_a_grant_changes_the_digest() {
        let before = policy(FILE).digest();
        let changes = [
            (r#""name":"a""#, r#""name":"b""#),
            (r#","aws"]"#, r"]"),
            (r#"["aws"]"#, r"[]"),
            (r#"["ls"]"#, r#"["ls *"]"#),
            (r#"["ls"]"#, r#"["regex:ls"]"#),
            (r#"["rm"]"#, r"[]"),
            (r#"["rm"]"#, r#"["rm"],"denyByDefault":true"#),
            (r#"["rm"]"#, r#"["rm"],"autoAllowReadonly":true"#),
            (r#"["docs"]"#, r#"["doc"]"#),
            (r#"["docs/x"]"#, r"[]"),
            (r#"["~/r"]"#, r#"["/r"]"#),
            (r#"["h"]"#, r#"["h*"]"#),
            (r#"["bin"]"#, r"[]"),
            (r#"{"allow":["a.b"]}"#, r#""none""#),
            (r#"["a.b"]"#, r#"["a.b:1"]"#),
            (r#"["a.b"]"#, r#"["a.b"],"loopback":false"#),
            (r#"["P"]"#, r#"["Q"]"#),
            (r#"{"origin":"1"}"#, r#"{"origin":"2"}"#),
            (r#"{"origin":"1"}"#, r"{}"),
            ("1G", "2G"),
            (r#"{"command":"h"}"#, r#"{"command":"i"}"#),
            (r#"{"command":"h"}"#, r#"{"command":"h","matcher":"x"}"#),
            (r#""command":"m""#, r#""command":"n""#),
            (r#"{"K":"v"}"#, r#"{"K":"w"}"#),
        ];
        for (old, new) in changes {
            assert!(FILE.contains(old), "{old}");
            assert_ne!(policy(&FILE.replace(old, new)).digest(), before, "{old} -> {new}");
        }
        assert_ne!(compiled(FILE, Reading::Kiro).unwrap().0.digest(), before);
    }

    #[test]
    fn no_origin_is_left() {
        let canonical = policy(FILE).canonical();
        assert!(!canonical.contains("agent.json"));
        assert_eq!(canonical.matches("\"origin\"").count(), 1, "the variable of that name");
    }
}
