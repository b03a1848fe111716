//! The canonical form: what a policy means, and nothing of where it was written.
//!
//! Origins are taken out of the typed policy, not of its JSON: an environment variable may well be called `origin`.
//! Lists that are unions are sorted and hold each rule once; lists whose order has a meaning keep it.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use remit_agent::AbsPath;
use serde::Serialize;

use crate::{
    AwsGrants, CommandGrants, CommandPattern, CommandRule, Confinement, EnvironmentGrant, FileGrants, HostRule, Limit,
    NetworkGrant, NetworkMode, Origin, Otherwise, PassedVariable, PathPattern, PathRule, Policy, Start, ToolGrants, ToolRule,
    WebGrants, WorkspaceMode,
};

impl Policy {
    /// Returns the canonical form: JSON without origins, the same for the same meaning.
    ///
    /// Keys stand in the order of the types' fields, which [`Policy::version`] covers, and those of maps are sorted.
    pub fn canonical(&self) -> String {
        // About what a policy under a profile of the product takes.
        let mut bytes = Vec::with_capacity(32 * 1024);
        // A policy is made of strings, numbers and lists only, so writing it as JSON cannot fail; if it ever did, no two
        // policies may look the same.
        match write(&mut bytes, self).map(|()| String::from_utf8(bytes)) {
            Ok(Ok(text)) => text,
            Ok(Err(error)) => format!("{error} in {self:?}"),
            Err(error) => format!("{error} in {self:?}"),
        }
    }
}

/// Writes one object: what stands before the files, the files, and what stands behind them.
fn write(bytes: &mut Vec<u8>, policy: &Policy) -> serde_json::Result<()> {
    let (before, files, after) = form(policy);
    serde_json::to_writer(&mut *bytes, &before)?;
    // The two objects become one.
    bytes.pop();
    bytes.extend_from_slice(b",\"files\":");
    files.write(bytes)?;
    let rest = bytes.len();
    serde_json::to_writer(&mut *bytes, &after)?;
    if let Some(opening) = bytes.get_mut(rest) {
        *opening = b',';
    }
    Ok(())
}

/// A policy without origins, up to its files. It borrows what is long: the form is made at every start.
#[derive(Serialize)]
struct Before<'a> {
    version: u32,
    agent: Option<&'a str>,
    reading: &'static str,
    profile: &'a str,
    confinement: Confinement,
    workspace: &'a AbsPath,
    home: &'a AbsPath,
    tools: ToolGrants,
    commands: Commands<'a>,
}

/// The same, behind its files.
#[derive(Serialize)]
struct After<'a> {
    network: NetworkGrant,
    environment: Environment<'a>,
    limits: Vec<Limit>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    debug: bool,
    starts: Vec<Start>,
}

#[derive(Serialize)]
struct Commands<'a> {
    deny: Vec<Command<'a>>,
    allow: Vec<Command<'a>>,
    everything: Option<Origin>,
    read_only: Option<Origin>,
    otherwise: Otherwise,
}

#[derive(Serialize)]
struct Command<'a> {
    pattern: &'a CommandPattern,
}

/// By far the most of it, so it writes itself.
struct Files<'a> {
    read: Vec<File<'a>>,
    write: Vec<File<'a>>,
    execute: Vec<File<'a>>,
    hidden: Vec<File<'a>>,
    write_denied: Vec<File<'a>>,
    protected: Vec<File<'a>>,
    protected_read: Vec<File<'a>>,
    workspace: WorkspaceMode,
    caches: Vec<File<'a>>,
}

struct File<'a> {
    pattern: &'a PathPattern,
    if_present: bool,
}

impl Files<'_> {
    fn write(&self, bytes: &mut Vec<u8>) -> serde_json::Result<()> {
        let Files { read, write, execute, hidden, write_denied, protected, protected_read, workspace, caches } = self;
        let lists = [
            ("{\"read\":[", read),
            ("],\"write\":[", write),
            ("],\"execute\":[", execute),
            ("],\"hidden\":[", hidden),
            ("],\"write_denied\":[", write_denied),
            ("],\"protected\":[", protected),
            ("],\"protected_read\":[", protected_read),
        ];
        for (opening, list) in lists {
            bytes.extend_from_slice(opening.as_bytes());
            write_list(bytes, list)?;
        }
        bytes.extend_from_slice(b"],\"workspace\":");
        serde_json::to_writer(&mut *bytes, workspace)?;
        bytes.extend_from_slice(b",\"caches\":[");
        write_list(bytes, caches)?;
        bytes.extend_from_slice(b"]}");
        Ok(())
    }
}

fn write_list(bytes: &mut Vec<u8>, files: &[File<'_>]) -> serde_json::Result<()> {
    for (number, File { pattern, if_present }) in files.iter().enumerate() {
        bytes.extend_from_slice(if number == 0 { b"{\"pattern\":".as_slice() } else { b",{\"pattern\":" });
        match &pattern.glob {
            None if is_plain(pattern.base.as_str()) => {
                bytes.push(b'"');
                bytes.extend_from_slice(pattern.base.as_str().as_bytes());
                bytes.push(b'"');
            }
            _ => serde_json::to_writer(&mut *bytes, pattern)?,
        }
        bytes.extend_from_slice(if *if_present { b",\"if_present\":true}".as_slice() } else { b",\"if_present\":false}" });
    }
    Ok(())
}

/// Returns whether a text stands in JSON as it is. Every byte is looked at, because that is done sixteen at a time.
fn is_plain(text: &str) -> bool {
    let escaped = |byte: u8| u8::from(byte < 0x20) | u8::from(byte == b'"') | u8::from(byte == b'\\');
    text.bytes().fold(0, |any, byte| any | escaped(byte)) == 0
}

#[derive(Serialize)]
struct Environment<'a> {
    inherit: bool,
    pass: Vec<Variable<'a>>,
    set: &'a BTreeMap<String, String>,
    path: &'a [AbsPath],
}

#[derive(Serialize)]
struct Variable<'a> {
    name: &'a str,
}

/// Returns the policy without origins. Every field is named, so that a new one cannot be forgotten here.
fn form(policy: &Policy) -> (Before<'_>, Files<'_>, After<'_>) {
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
        debug,
        starts,
    } = policy;
    let before = Before {
        version: *version,
        agent: agent.as_deref(),
        reading,
        profile,
        confinement: *confinement,
        workspace,
        home,
        tools: tools_form(tools),
        commands: commands_form(commands),
    };
    let after = After {
        network: network_form(network),
        environment: environment_form(environment),
        limits: union(
            limits,
            |limit| Limit { origin: Origin::Erased, ..limit.clone() },
            |a, b| (a.kind, a.value).cmp(&(b.kind, b.value)),
        ),
        debug: *debug,
        // Hooks of one trigger run in their order.
        starts: starts.iter().map(|start| Start { origin: Origin::Erased, ..start.clone() }).collect(),
    };
    (before, files_form(files), after)
}

fn tools_form(tools: &ToolGrants) -> ToolGrants {
    let ToolGrants { visible, allowed, narrowed, denied, unknown, aws, web } = tools;
    let form = |rules: &[ToolRule]| {
        union(rules, |rule| ToolRule { origin: Origin::Erased, pattern: rule.pattern.clone() }, |a, b| a.pattern.cmp(&b.pattern))
    };
    ToolGrants {
        visible: form(visible),
        allowed: form(allowed),
        narrowed: form(narrowed),
        denied: form(denied),
        unknown: form(unknown),
        aws: aws.as_ref().map(AwsGrants::form),
        web: web.as_ref().map(WebGrants::form),
    }
}

fn commands_form(commands: &CommandGrants) -> Commands<'_> {
    let CommandGrants { deny, allow, everything, read_only, otherwise } = commands;
    Commands {
        deny: union(deny, command_form, by_command),
        allow: union(allow, command_form, by_command),
        everything: everything.as_ref().map(|_| Origin::Erased),
        read_only: read_only.as_ref().map(|_| Origin::Erased),
        otherwise: *otherwise,
    }
}

fn command_form(rule: &CommandRule) -> Command<'_> {
    let CommandRule { pattern, origin: _ } = rule;
    Command { pattern }
}

fn files_form(files: &FileGrants) -> Files<'_> {
    let FileGrants { read, write, execute, hidden, write_denied, protected, protected_read, workspace, caches } = files;
    Files {
        read: paths_form(read),
        write: paths_form(write),
        execute: paths_form(execute),
        hidden: paths_form(hidden),
        write_denied: paths_form(write_denied),
        protected: paths_form(protected),
        protected_read: paths_form(protected_read),
        workspace: *workspace,
        caches: paths_form(caches),
    }
}

fn paths_form(rules: &[PathRule]) -> Vec<File<'_>> {
    union(rules, |PathRule { pattern, if_present, origin: _ }| File { pattern, if_present: *if_present }, by_path)
}

fn network_form(network: &NetworkGrant) -> NetworkGrant {
    let NetworkGrant { mode, loopback, origin: _ } = network;
    let mode = match mode {
        NetworkMode::Hosts(hosts) => NetworkMode::Hosts(union(
            hosts,
            |host| HostRule { origin: Origin::Erased, ..host.clone() },
            |a, b| (&a.host, a.port).cmp(&(&b.host, b.port)),
        )),
        NetworkMode::None => NetworkMode::None,
        NetworkMode::All => NetworkMode::All,
    };
    NetworkGrant { mode, loopback: *loopback, origin: Origin::Erased }
}

fn environment_form(environment: &EnvironmentGrant) -> Environment<'_> {
    // The order of `path` decides which program a name stands for.
    let EnvironmentGrant { inherit, pass, set, path } = environment;
    let pass = union(pass, |PassedVariable { name, origin: _ }| Variable { name }, |a, b| a.name.cmp(&b.name));
    Environment { inherit: *inherit, pass, set, path }
}

/// Returns the rules without their origins in order, each once.
fn union<'a, T, Bare>(rules: &'a [T], bare: impl Fn(&'a T) -> Bare, order: impl Fn(&T, &T) -> Ordering) -> Vec<Bare> {
    let mut rules: Vec<&T> = rules.iter().collect();
    rules.sort_by(|one, other| order(one, other));
    rules.dedup_by(|one, other| order(one, other) == Ordering::Equal);
    rules.into_iter().map(bare).collect()
}

fn by_path(one: &PathRule, other: &PathRule) -> Ordering {
    path_key(one).cmp(&path_key(other))
}

/// Returns everything that the canonical form of a path rule holds.
fn path_key(rule: &PathRule) -> (&AbsPath, Option<&str>, bool) {
    let PathRule { pattern: PathPattern { text: _, base, glob }, if_present, origin: _ } = rule;
    (base, glob.as_ref().map(|glob| glob.text()), *if_present)
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

    /// The part that is written by hand is what a serializer would write, whatever stands in a path.
    #[test]
    fn the_form_is_json_in_the_order_of_the_fields() {
        let check = |raw: &str| {
            let path = serde_json::to_string(raw).unwrap();
            let file = FILE.replace(r#""docs/x""#, &format!(r#""docs/x",{path}"#)).replace(r#""~/r""#, &path);
            let text = policy(&file).canonical();
            let keys = r#""files":{"read":[],"write":[],"execute":[],"hidden":[],"write_denied":[],"protected":[],"protected_read":[],"workspace":null,"caches":[]},"network":"#;
            let mut from = 0;
            for key in keys.split_inclusive(':').filter_map(|part| part.rsplit(['{', ',']).next()) {
                from += text[from..].find(key).unwrap_or_else(|| panic!("{key} in {text}"));
            }
            let value: serde_json::Value = serde_json::from_str(&text).unwrap();
            let mut names: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
            names.sort_unstable();
            assert_eq!(names.len(), 14, "{names:?}");
            let lists = value["files"].as_object().unwrap();
            let rules: Vec<_> = lists.values().filter_map(serde_json::Value::as_array).flatten().collect();
            assert!(
                rules.iter().any(|rule| rule["pattern"].as_str().unwrap().ends_with(raw.rsplit('/').next().unwrap())),
                "{raw:?} in {text}"
            );
            for rule in rules {
                let written = serde_json::to_string(&rule["pattern"]).unwrap();
                let expected = format!(r#"{{"pattern":{written},"if_present":{}}}"#, rule["if_present"]);
                assert!(text.contains(&expected), "{expected}");
                assert_eq!(rule.as_object().unwrap().len(), 2);
            }
        };
        for path in ["plain/path", "qu\"ote", "é/ü", "glob/**/*.pem", "gl\"ob/*"] {
            check(path);
        }
        for character in (0..=0x2FF_u32).filter_map(char::from_u32) {
            let text = character.to_string();
            assert_eq!(super::is_plain(&text), serde_json::to_string(&text).unwrap() == format!("\"{text}\""), "{character:?}");
        }
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
